// A session's process: a child that has its images and one socket open and nothing else, ended by SIGKILL.

import type { ChildProcess } from "node:child_process";
import type { Socket } from "node:net";
import { serialize } from "node:v8";
import type { KeyInput } from "../console/console.js";
import { BytesDisk } from "../disks/bytes.js";
import type { FileDisk } from "../disks/file.js";
import { openedImages, openImages } from "../disks/open.js";
import type { ReadReply } from "../disks/served.js";
import type { SentImage } from "../disks/source.js";
import { IsolationError, OptionError, UserbootError } from "../errors.js";
import type { InspectRequest } from "../inspect/protocol.js";
import type { Cell, OpenDisk } from "../isolation/cell.js";
import { WaitingKeys } from "../isolation/keys.js";
import type { Ahead } from "../isolation/makers.js";
import type { StartMessage } from "../isolation/messages.js";
import { whole } from "../isolation/shape.js";
import { LoaderMemory } from "../memory/loader.js";
import { firstFlavour } from "../modules.js";
import type { Confine } from "../options.js";
import { overlayBytes } from "../overlay.js";
import type { Answer } from "../policy/asker.js";
import type { IsolationFacts } from "../result.js";
import {
  bwrapFails,
  bwrapWorks,
  findBwrap,
  type ProcessLimits,
  processLimits,
  processorS,
  whyUnconfined,
} from "./confine.js";
import { encodeRequest, FrameReader, frameHead } from "./frames.js";
import {
  CHANNEL_FD,
  FIRST_IMAGE_FD,
  type KeysReply,
  type Prepare,
  type ProcessStart,
  type Replaced,
  type Served,
} from "./link.js";
import { endProcess, isRunning, killGroup, PROGRAM, startProcess, takeSpare } from "./start.js";

/** Kept of what a process writes on its standard error, to tell why it died. */
const STDERR_MAX = 4096;

/** Bytes of answers that a process may leave unread. */
const UNREAD_MAX = 1024 * 1024;

/** The system counts a process's time over all of its sessions: one that stays gets as much as so many may use. */
const SESSIONS = 2;

/** What is asked of a cell that is a process. */
export interface ProcessOptions {
  /** What shall hold it. */
  confine?: Confine | undefined;
  /** The sessions that it is launched ahead of. */
  ahead?: Ahead | undefined;
}

/** A cell that is a process with `program`; it is launched when the session is handed over, or ahead of it. */
export function spawnProcess({ confine = "auto", ahead }: ProcessOptions = {}, program = PROGRAM): Cell {
  return new ProcessCell(confine, program, ahead);
}

class ProcessCell implements Cell {
  readonly facts: IsolationFacts & { confinement: "none" | "bwrap" } = { level: "process", confinement: "none" };
  #child: ChildProcess | undefined;
  #socket: Socket | undefined;
  #files: FileDisk[] = [];
  disks: OpenDisk[] = [];
  #limits: ProcessLimits | undefined;
  /** When its session began, and seconds of processor that those before it may have used. */
  #began = 0;
  #usedS = 0;
  /** Whether the process was started before the session was there. */
  #spare = false;
  #message: StartMessage | undefined;
  #guest: LoaderMemory | undefined;
  #hear: (message: unknown) => void = () => {};
  #fail: (reason: string) => void = () => {};
  /** Why it isn't there any more. */
  #failure: string | undefined;
  #exited: Promise<void> = Promise.resolve();
  #stderr = "";
  #heard = false;
  #over = false;

  /** It doesn't keep its caller's process. */
  #loose = false;
  #isReady = () => {};
  readonly ready = new Promise<void>((resolve) => {
    this.#isReady = resolve;
  });

  /** Keys that wait for the process, and whether it waits for them. */
  #typed = new WaitingKeys();
  #ended = false;
  #wanted = false;
  readonly keys: KeyInput = {
    keys: "live",
    push: (keys) => {
      this.#typed.push(keys);
      this.#typing();
      return this.#typed.isRoom;
    },
    onRoom: (handler) => this.#typed.onRoom(handler),
    end: () => {
      this.#ended = true;
      this.#typing();
    },
  };

  constructor(
    private readonly confine: Confine,
    private readonly program: URL,
    private readonly ahead?: Ahead,
  ) {
    if (ahead === undefined) return;
    this.#limits = forMore(processLimits(ahead.options));
    this.#launch(findBwrap(confine));
  }

  onMessage(handler: (message: unknown) => void): void {
    this.#hear = handler;
  }

  onFailure(handler: (reason: string) => void): void {
    this.#fail = handler;
    if (this.#failure !== undefined) handler(this.#failure);
  }

  start(message: StartMessage): void {
    const { disks, trees, options, wants } = message;
    const limits = processLimits(
      options,
      bytesOf(disks, trees) + overlayBytes(options.overlay),
      wants.includes("onFile"),
    );
    if (this.ahead !== undefined) {
      this.#message = message;
      this.#startAhead(limits);
      return;
    }
    const spare = takeSpare(disks, this.confine, limits, this.program);
    if (spare !== undefined) this.#files = spare.files;
    this.#message = { ...message, disks: spare ? openedImages(disks, this.#files) : openImages(disks, this.#files) };
    this.#limits = limits;
    this.disks = this.#openDisks();
    this.#launch(findBwrap(this.confine), spare?.child);
  }

  /** Hands the session to the process that is there already, unless it may use more than that one has: then it gets another one. */
  #startAhead(limits: ProcessLimits): void {
    const had = this.#limits!;
    this.#began = performance.now();
    if (limits.memory <= had.memory && limits.cpuS <= had.cpuS - this.#usedS) {
      if (this.#socket !== undefined) this.#greet();
      return;
    }
    const { memory, cpuS } = forMore(limits);
    this.#limits = { memory: Math.max(memory, had.memory), cpuS: Math.max(cpuS, had.cpuS) };
    const before = { child: this.#child, socket: this.#socket, exited: this.#exited };
    this.#kill();
    before.socket?.destroy();
    before.child?.stderr?.destroy();
    this.#launch(findBwrap(this.confine));
    // Both are to be gone in the end.
    this.#exited = Promise.all([before.exited, this.#exited]).then(() => {});
  }

  renew(): void {
    this.#usedS += processorS(performance.now() - this.#began);
    this.#hear = () => {};
    this.#typed = new WaitingKeys();
    this.#ended = false;
    this.#wanted = false;
  }

  /** The disks as the process gets them. They are gone when the process is. */
  #openDisks(): OpenDisk[] {
    if (this.#message!.disks.some(({ served }) => served !== undefined)) return [];
    const files = [...this.#files];
    const gone = () => this.#over;
    return this.#message!.disks.map(({ image }) => {
      const disk = image instanceof Uint8Array ? new BytesDisk(image, 512) : files.shift()!;
      return { size: disk.size, read: (offset, target) => readWithBreath(disk, offset, target, gone) };
    });
  }

  answer(answer: Answer): void {
    if (answer !== undefined && "replace" in answer) this.#send({ replaced: true } satisfies Replaced, answer.replace);
    else this.#send(answer);
  }

  serve(reply: ReadReply): void {
    if ("bytes" in reply) this.#send({ bytes: true } satisfies Served, reply.bytes);
    else this.#send(reply);
  }

  ask(request: InspectRequest): void {
    this.#send(request);
  }

  hold(on: boolean): void {
    this.#loose = !on;
    for (const part of [this.#child, ...(this.#child?.stdio ?? [])] as ({ ref?(): void; unref?(): void } | null)[]) {
      if (on) part?.ref?.();
      else part?.unref?.();
    }
  }

  async terminate(): Promise<void> {
    this.#over = true;
    this.#kill();
    this.#socket?.destroy();
    // The other end may be open for ever, in a process that got away from this one.
    this.#child?.stderr?.destroy();
    await this.#exited;
    for (const file of this.#files.splice(0)) file.close();
    // What came of guest memory before the end has no other owner.
    this.#guest?.release();
  }

  /** Ends the process while it is there; its number may be another's afterwards. */
  #kill(): void {
    if (this.#child !== undefined && isRunning(this.#child))
      endProcess(this.#child, this.facts.confinement === "bwrap");
  }

  /** Starts the process, or takes the one that was started ahead. */
  #launch(bwrap: string | undefined, spare?: ChildProcess): void {
    this.facts.confinement = bwrap === undefined ? "none" : "bwrap";
    const why = bwrap === undefined ? whyUnconfined(this.confine) : undefined;
    if (why !== undefined) this.facts.unconfined = why;
    const images = this.#files.map(({ fd }) => fd);
    const child = spare ?? started(() => startProcess(this.program, this.#limits!, bwrap, images));
    this.#child = child;
    this.#spare = spare !== undefined || this.#message === undefined;
    this.#heard = false;
    this.#usedS = 0;
    this.#stderr = "";
    const reader = new FrameReader(
      (head, body) => this.#frame(head, body),
      (head, size) => this.#place(head, size),
    );
    this.#exited = new Promise((resolve) => {
      child.once("error", (error) => {
        this.#failed(`it can't be started: ${error.message}`);
        resolve();
      });
      // What it has started doesn't outlive it.
      child.once("exit", () => killGroup(child));
      // Everything that it has sent and written has been read by then.
      child.once("close", (code, signal) => {
        if (child === this.#child) this.#closed(bwrap, signal === null ? `code ${code}` : `signal ${signal}`);
        resolve();
      });
    });
    // Without room for more open files there is a child without streams, whose error is told soon.
    const socket = child.stdio?.[CHANNEL_FD] as Socket | undefined;
    if (!socket) return;
    this.#socket = socket;
    child.stderr!.on("data", (text: Buffer) => {
      this.#stderr = (this.#stderr + text.toString("latin1")).slice(-STDERR_MAX);
    });
    socket.on("data", (chunk: Buffer) => {
      try {
        reader.push(chunk);
      } catch (error) {
        socket.destroy();
        this.#failed(`it sent what is no frame: ${(error as Error).message}`);
      }
    });
    // Its end is told by the process's.
    socket.on("error", () => {});
    if (this.#loose) this.hold(false);
    if (this.ahead !== undefined) this.#send({ prepare: firstFlavour(this.ahead.options) } satisfies Prepare);
    if (this.#message !== undefined) this.#greet();
  }

  /** Sends what the session is to do. */
  #greet(): void {
    const { disks, ...rest } = this.#message!;
    let fd = FIRST_IMAGE_FD;
    const named = disks.map(({ image, ...sent }) => {
      if (typeof image !== "string") return { ...sent, name: "bytes" };
      return sent.served === undefined ? { ...sent, name: image, fd: fd++ } : { ...sent, name: image };
    });
    const stays = this.ahead?.stays === true;
    this.#send({ ...rest, disks: named, ...(stays && { stays }) } satisfies ProcessStart);
    for (const { image } of disks) if (image instanceof Uint8Array) this.#send(undefined, image);
  }

  #send(head: unknown, body: Uint8Array = new Uint8Array()): void {
    if (this.#heard && (this.#socket?.writableLength ?? 0) > UNREAD_MAX) {
      this.#failed("it asks and doesn't read the answers");
      return;
    }
    const encode = this.#message?.inspect === undefined ? serialize : encodeRequest;
    this.#socket?.write(frameHead(encode(head), body.length));
    if (body.length > 0) this.#socket?.write(body);
  }

  /**
   * The process is gone. Bubblewrap may be there and not work, in containers for one: then it goes without. What ended
   * one that was started ahead may be no doing of the session, which gets another one.
   */
  #closed(bwrap: string | undefined, how: string): void {
    const said = this.#stderr.trim();
    const early = !this.#heard && !this.#over;
    const mayGoWithout = early && this.confine === "auto" && bwrap !== undefined;
    if (mayGoWithout && said.startsWith("bwrap:") && bwrapFails(said)) this.#launch(undefined);
    else if (early && this.#spare && this.#message !== undefined) this.#launch(bwrap);
    else this.#failed(`it ended with ${how}${said === "" ? "" : ` (${lastLine(said)})`}`);
  }

  #failed(reason: string): void {
    if (this.#over) return;
    this.#failure ??= reason;
    this.#isReady();
    this.#fail(reason);
  }

  /** Guest memory goes to its place at once. */
  #place(head: unknown, size: number): Uint8Array | undefined {
    const { type, start } = (head ?? {}) as { type?: unknown; start?: unknown };
    if (type !== "memory") return undefined;
    // Neither has memory to tell of: one without a session, and who looks into images.
    if (this.#message === undefined || this.#message.inspect !== undefined) return undefined;
    const { memory } = this.#message.options;
    this.#guest ??= new LoaderMemory(memory.low, memory.high);
    if (typeof start !== "number" || !Number.isSafeInteger(start)) throw new RangeError(`memory at ${start}`);
    return this.#guest.target(start, start + size);
  }

  #frame(head: unknown, body: Uint8Array): void {
    if (this.#over) return;
    if (!this.#heard && this.facts.confinement === "bwrap") bwrapWorks();
    this.#heard = true;
    if (this.#message === undefined) {
      // There is nothing else that one without a session has to say.
      if ((head as { type?: unknown } | null)?.type === "ready") this.#isReady();
      else this.#failed("it speaks without having been asked");
      return;
    }
    const message = (head ?? {}) as { type?: unknown; wait?: unknown; faults?: unknown };
    if (message.type === "ready" && this.ahead !== undefined) {
      this.#isReady();
      return;
    }
    if (message.type === "content") {
      this.#hear({ ...message, bytes: body });
      return;
    }
    // Whoever looks into images has neither keys nor memory to tell of.
    if (this.#message!.inspect !== undefined) {
      this.#hear(head);
      return;
    }
    if (message.type === "memory") return;
    if (message.type === "keys") {
      this.#wanted = true;
      if (this.#typed.length === 0 && !this.#ended && message.wait === true) {
        this.#hear({ type: "waiting", waiting: true });
      } else {
        this.#giveKeys();
      }
      return;
    }
    if (message.type === "output") this.#hear({ type: "output", bytes: body });
    else if (message.type === "done") this.#done(message);
    else this.#hear(head);
  }

  /** The session has ended; its memory is here already. */
  #done({ faults, ...rest }: { faults?: unknown }): void {
    const { memory } = this.#message!.options;
    const guest = this.#guest ?? new LoaderMemory(memory.low, memory.high);
    this.#guest = undefined;
    // What follows is no session's, and has no place in memory.
    this.#message = undefined;
    if (whole(faults)) guest.faults = faults as number;
    this.#hear({ ...rest, guest });
  }

  /** Keys have come, or ended. */
  #typing(): void {
    if (!this.#wanted) return;
    this.#hear({ type: "waiting", waiting: false });
    this.#giveKeys();
  }

  #giveKeys(): void {
    this.#wanted = false;
    this.#send({ keys: this.#typed.take(), ended: this.#ended } satisfies KeysReply);
  }
}

function forMore({ memory, cpuS }: ProcessLimits): ProcessLimits {
  return { memory, cpuS: SESSIONS * cpuS };
}

/** Whoever reads on and on hears signals, and what else happens, so often. */
const BREATH_MS = 10;
let breathed = 0;

/**
 * Reads from a disk unless that is `gone`. What is read is mostly in memory already, and as quick to have as a thread is to be told
 * that it should read it.
 */
function readWithBreath(
  disk: BytesDisk | FileDisk,
  offset: number,
  target: Uint8Array,
  gone: () => boolean,
): Promise<void> | undefined {
  const read = () => {
    if (gone()) throw new OptionError("the inspection is closed");
    const got = disk.read(offset, target);
    if (got !== target.length) throw new Error(`ends at byte ${offset + got}`);
  };
  if (performance.now() - breathed <= BREATH_MS) {
    read();
    return undefined;
  }
  return new Promise((resolve) => setImmediate(resolve)).then(() => {
    breathed = performance.now();
    read();
  });
}

/** The child that `start` makes. */
function started(start: () => ChildProcess): ChildProcess {
  try {
    return start();
  } catch (error) {
    if (error instanceof UserbootError) throw error;
    throw new IsolationError(`the session's process can't be started: ${(error as Error).message}`);
  }
}

function bytesOf(disks: readonly SentImage[], trees: StartMessage["trees"]): number {
  const images = disks.reduce((sum, { image }) => sum + (image instanceof Uint8Array ? image.length : 0), 0);
  return trees.reduce((sum, { files }) => files.reduce((part, { content }) => part + content.length, sum), images);
}

function lastLine(text: string): string {
  return text.slice(text.lastIndexOf("\n") + 1);
}
