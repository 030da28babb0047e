// Where a session runs when it doesn't run in the calling thread, as its caller sees it: worker/ makes cells of
// threads, process/ of processes.

import type { FlavourModule } from "../assets.js";
import type { KeyInput } from "../console/console.js";
import type { ReadReply } from "../disks/served.js";
import type { Ways } from "../disks/serving.js";
import type { PlainError, UserbootError } from "../errors.js";
import type { InspectRequest } from "../inspect/protocol.js";
import type { GuestMemory } from "../memory/guest.js";
import type { Answer } from "../policy/asker.js";
import type { IsolationFacts } from "../result.js";
import type { SessionEnded, SessionMessage, StartMessage } from "./messages.js";

/** What comes out of a cell, once it is checked. */
export type CellMessage = SessionMessage | (SessionEnded & { guest: GuestMemory });

/** A disk that the caller has open, too. */
export interface OpenDisk {
  readonly size: number;
  /** Fills `target` from `offset` on, which both lie on the disk: at once, or now and then later, so that signals are heard. */
  read(offset: number, target: Uint8Array): Promise<void> | undefined;
}

/** One session's thread or process. It is used once, unless it is renewed. */
export interface Cell {
  /** What holds the session; known once it has started. */
  readonly facts: IsolationFacts;
  /** Where live keys go; what is pushed before the start counts, too. */
  readonly keys: KeyInput;
  /** The session's disks, where its caller has them open: what it only tells the places of is read from them. */
  readonly disks?: readonly OpenDisk[];
  /** What it hands over is not checked yet. */
  onMessage(handler: (message: unknown) => void): void;
  /** Called when it fails or goes away by itself; an error of ours tells what the caller can do about it. */
  onFailure(handler: (reason: string | UserbootError) => void): void;
  /**
   * Hands the session over.
   * @throws DiskError for an image that can't be opened; OptionError for what can't be had
   */
  start(message: StartMessage): void;
  /** Answers the question that was asked last. */
  answer(answer: Answer): void;
  /** Gives what it has read. */
  serve(reply: ReadReply): void;
  /** Gives the module that was asked for, or says why not; a cell that can't be given any finds its own. */
  give?(name: FlavourModule, module: WebAssembly.Module | PlainError): void;
  /** Asks a session that answers requests for something. */
  ask(request: InspectRequest): void;
  /** Whether the caller's process has to stay for it; while it waits for requests it needn't. */
  hold(on: boolean): void;
  /** Settles when a session can begin in it at once, or never will. */
  readonly ready?: Promise<void>;
  /** Keeps the engine's code of its program for those that come after it. Nobody's guest may have been in it. */
  keepCode?(): Promise<void>;
  /** Makes it ready for another session of the same caller's. The one before has ended by itself. */
  renew?(): void;
  /** Ends it, wherever it is. Afterwards nothing is left of it. */
  terminate(): Promise<void>;
}

/** Who has cells for sessions, and takes them back. */
export interface CellKeeper {
  /** How images get into them. */
  readonly ways: Ways;
  /** One for a session; `full` as for those who make cells. */
  take(full: boolean): Cell | Promise<Cell>;
  /** A session in `cell` is over; `whole` when it has ended by itself, so that another one could follow. */
  giveBack(cell: Cell, whole: boolean): Promise<void>;
}
