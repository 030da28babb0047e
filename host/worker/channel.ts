// What goes between a session's thread and its caller besides messages: keys and answers, through shared memory, since
// a thread that runs a guest takes no messages. Where there is no shared memory (pages that aren't cross-origin
// isolated), keys that are there before the start are all there are, and no hooks can be asked.

import type { FlavourModule } from "../assets.js";
import type { KeyInput } from "../console/console.js";
import type { Keys } from "../console/keys.js";
import { OptionError, type PlainError, reviveError } from "../errors.js";
import type { Line } from "../isolation/body.js";
import type { CellMessage } from "../isolation/cell.js";
import { WaitingKeys } from "../isolation/keys.js";
import type { SessionEnded, SessionMessage, StartMessage } from "../isolation/messages.js";
import { backedBytes, GuestMemory } from "../memory/guest.js";
import type { Answer } from "../policy/asker.js";
import type { MadeResult } from "../result.js";
import { KeyRingReader, KeyRingWriter, makeKeyRing } from "./keyring.js";
import { answerQuestion, makeQuestionLine, type QuestionLine, ThreadAsker } from "./questions.js";

/** A thread's first message on Node: its program is loaded. */
export const READY = "ready";

/** The one message that a thread gets. */
export interface ThreadStart extends StartMessage {
  ring?: SharedArrayBuffer;
  questions?: QuestionLine;
}

/** What a thread gets when it has asked for a module. */
export interface ModuleGiven {
  type: "module";
  module: WebAssembly.Module | PlainError;
}

/** What a thread sends. */
export type ThreadMessage = SessionMessage | (SessionEnded & { memory: MemoryParts });

/** Guest memory, taken apart for the transfer. */
interface MemoryParts {
  ram: ArrayBuffer;
  faults: number;
  written: [number, number][];
}

/** The caller's end. */
export class ThreadChannel {
  readonly #ring = typeof SharedArrayBuffer === "undefined" ? undefined : makeKeyRing();
  readonly #writer = this.#ring && new KeyRingWriter(this.#ring);
  readonly #waiting = new WaitingKeys();
  #questions: QuestionLine | undefined;
  #memory = { low: 0, high: 0 };

  /** Where live keys go. */
  readonly keys: KeyInput = this.#writer ?? {
    push: (keys) => this.#waiting.push(keys),
    onRoom: (handler) => this.#waiting.onRoom(handler),
    end: () => {},
  };

  /** What the thread gets. */
  prepare(message: StartMessage): ThreadStart {
    const start: ThreadStart = { ...message };
    this.#memory = message.options.memory;
    if (message.liveKeys && this.#ring) start.ring = this.#ring;
    else if (message.liveKeys) start.keys = [asText(this.#waiting.take())] satisfies Keys[];
    if (message.wants.length > 0) {
      if (typeof SharedArrayBuffer === "undefined") {
        throw new OptionError('hooks need the isolation "none", or a page that is cross-origin isolated');
      }
      start.questions = this.#questions = makeQuestionLine(message.wants);
    }
    return start;
  }

  /** The thread's message as the caller takes it; undefined for one whose memory makes no sense. */
  received(message: ThreadMessage): CellMessage | undefined {
    if (message?.type !== "done") return message;
    const { memory, ...rest } = message;
    const { low, high } = this.#memory;
    try {
      if (!(memory.ram instanceof ArrayBuffer) || memory.ram.byteLength !== backedBytes(low)) return undefined;
      const guest = new GuestMemory(low, high, memory.ram);
      for (const [start, end] of memory.written) guest.mark(start, end);
      guest.faults = memory.faults;
      return { ...rest, guest };
    } catch {
      return undefined;
    }
  }

  answer(answer: Answer): void {
    if (this.#questions) answerQuestion(this.#questions, answer);
  }

  close(): void {
    this.#writer?.close();
  }
}

/** One character a byte. */
function asText(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

/** The thread's end, which sends by `post`. */
export class ThreadLine implements Line {
  readonly keys: Line["keys"];
  readonly asker: Line["asker"];
  readonly #post: (message: ThreadMessage, transfer: ArrayBuffer[]) => void;
  #given: (given: ModuleGiven) => void = () => {};

  constructor(start: ThreadStart, post: (message: ThreadMessage, transfer: ArrayBuffer[]) => void) {
    this.#post = post;
    const send = (message: SessionMessage) => post(message, []);
    this.keys = start.ring && waitingAloud(new KeyRingReader(start.ring), send);
    this.asker = start.questions && new ThreadAsker(start.questions, send);
  }

  post(message: SessionMessage): void {
    this.#post(message, []);
  }

  finish(result: MadeResult, keysConsumed: number): void {
    const { bytes, faults, written } = result.guestMemory;
    const memory = { ram: bytes.buffer, faults, written };
    this.#post({ type: "done", data: result, memory, keysConsumed }, [bytes.buffer]);
  }

  module(name: FlavourModule): Promise<WebAssembly.Module> {
    return new Promise((resolve, reject) => {
      this.#given = ({ module }) => {
        if (module instanceof WebAssembly.Module) resolve(module);
        else reject(reviveError(module));
      };
      this.post({ type: "module", name });
    });
  }

  /** What the thread gets after its start. */
  take(given: ModuleGiven): void {
    this.#given(given);
  }
}

/** Tells the caller when the guest waits for a key, which may take for ever. */
function waitingAloud(keys: KeyRingReader, post: (message: SessionMessage) => void): Line["keys"] {
  return {
    poll: () => keys.poll(),
    ended: () => keys.ended(),
    getc() {
      if (keys.poll()) return keys.getc();
      post({ type: "waiting", waiting: true });
      const key = keys.getc();
      post({ type: "waiting", waiting: false });
      return key;
    },
  };
}
