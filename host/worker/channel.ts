// What goes between a session's thread and its caller besides messages: keys, answers and bytes of disks, through shared
// memory, since a thread that runs a guest takes no messages. In pages that aren't cross-origin isolated there is none: keys
// and bytes go as messages then, where the engine can have the guest wait for them (suspension.ts); elsewhere keys that are
// there before the start are all there are, and no disk is read by the caller. Hooks need shared memory.

import type { FlavourModule } from "../assets.js";
import type { KeyInput } from "../console/console.js";
import { LiveKeys } from "../console/live.js";
import { type Reader, type ReadReply, type ReadRequest, replied, SERVED_MAX } from "../disks/served.js";
import { OptionError, type PlainError, reviveError } from "../errors.js";
import type { Line } from "../isolation/body.js";
import type { CellMessage } from "../isolation/cell.js";
import { QueuedKeys } from "../isolation/keys.js";
import type { SessionEnded, SessionMessage, StartMessage } from "../isolation/messages.js";
import { isBuffer, isModest, whole } from "../isolation/shape.js";
import { isPromise, type MaybePromise } from "../maybe.js";
import { backedBytes, GuestMemory, RANGES_MAX } from "../memory/guest.js";
import { toldRanges } from "../memory/told.js";
import type { Answer } from "../policy/asker.js";
import type { MadeResult } from "../result.js";
import { canSuspend } from "../suspension.js";
import { awaitAnswer, makeAnswers, putAnswer } from "./answers.js";
import { KeyMessages, type KeysGiven, type KeysTaken } from "./key_messages.js";
import { KeyRingReader, KeyRingWriter, makeKeyRing } from "./keyring.js";
import { answerQuestion, makeQuestionLine, type QuestionLine, ThreadAsker } from "./questions.js";

/** A thread's first message on Node: its program is loaded. */
export const READY = "ready";

/** The first message that a thread gets. */
export interface ThreadStart extends StartMessage {
  ring?: SharedArrayBuffer;
  questions?: QuestionLine;
  /** Where bytes of disks come. */
  reads?: SharedArrayBuffer;
}

/** What a thread gets when it has asked for a module. */
export interface ModuleGiven {
  type: "module";
  module: WebAssembly.Module | PlainError;
}

/** What a thread gets when it has asked for bytes of a disk. */
export interface BytesGiven {
  type: "bytes";
  reply: ReadReply;
}

/** What a thread gets after its start. */
export type ThreadOrder = ModuleGiven | KeysGiven | BytesGiven;

/** What a thread sends. */
export type ThreadMessage = SessionMessage | KeysTaken | (SessionEnded & { memory: MemoryParts });

/** Guest memory, taken apart for the transfer. */
interface MemoryParts {
  ram: ArrayBuffer;
  faults: number;
  written: [number, number][];
}

const hasSharedMemory = typeof SharedArrayBuffer !== "undefined";

/** Whether a thread can get bytes of disks that its caller reads. */
export function canServeThreads(): boolean {
  return hasSharedMemory || canSuspend();
}

/** The caller's end. */
export class ThreadChannel {
  /** Where live keys go. */
  readonly keys: KeyInput;
  readonly #suspends = !hasSharedMemory && canSuspend();
  #start: (start: ThreadStart, message: StartMessage) => void = () => {};
  #started = () => {};
  /** Undefined where no keys go as messages. */
  #took: ((taken: KeysTaken) => void) | undefined;
  #questions: QuestionLine | undefined;
  #reads: SharedArrayBuffer | undefined;
  #memory = { low: 0, high: 0 };
  #close = () => {};

  constructor(private readonly send: (message: ThreadStart | ThreadOrder) => void) {
    if (hasSharedMemory) {
      const ring = makeKeyRing();
      const writer = new KeyRingWriter(ring);
      this.#start = (start) => {
        start.ring = ring;
      };
      this.#close = () => writer.close();
      this.keys = writer;
    } else if (this.#suspends) {
      const messages = new KeyMessages(send);
      this.#started = () => messages.start();
      this.#took = (taken) => messages.took(taken);
      this.keys = messages;
    } else {
      const queued = new QueuedKeys();
      this.#start = (start) => {
        start.keys = [asText(queued.start())];
      };
      this.keys = queued;
    }
  }

  /** Sends the thread what it is to do. */
  start(message: StartMessage): void {
    const start: ThreadStart = { ...message };
    this.#memory = message.options.memory;
    if (message.liveKeys) this.#start(start, message);
    if (message.wants.length > 0) {
      if (!hasSharedMemory) {
        throw new OptionError('hooks need the isolation "none", or a page that is cross-origin isolated');
      }
      start.questions = this.#questions = makeQuestionLine(message.wants);
    }
    const served = message.disks.some(({ served }) => served !== undefined);
    if (served && hasSharedMemory) start.reads = this.#reads = makeAnswers(SERVED_MAX);
    // Nothing is promised to a session that has all it needs, and takes its time from nobody.
    if (this.#suspends) start.suspends = served || message.liveKeys === true || message.clock === "real";
    this.send(start);
    if (message.liveKeys) this.#started();
  }

  /** Hands on what the thread sent, as the caller takes it: undefined for what makes no sense. */
  received(message: ThreadMessage, handler: (message: CellMessage | undefined) => void): void {
    if (!isModest(message)) handler(undefined);
    else if (message?.type !== "took") handler(this.#checked(message));
    else if (this.#took === undefined) handler(undefined);
    else {
      try {
        this.#took(message);
      } catch {
        handler(undefined);
      }
    }
  }

  #checked(message: Exclude<ThreadMessage, KeysTaken>): CellMessage | undefined {
    if (message?.type !== "done") return message;
    const { memory, ...rest } = message;
    const { low, high } = this.#memory;
    try {
      const { faults, ram, written } = memory;
      if (!isBuffer(ram) || ram.byteLength > backedBytes(low) || !whole(faults)) return undefined;
      if (!Array.isArray(written) || written.length > RANGES_MAX) return undefined;
      const guest = new GuestMemory(low, high, ram, toldRanges(written, backedBytes(low)));
      guest.faults = faults;
      return { ...rest, guest };
    } catch {
      return undefined;
    }
  }

  answer(answer: Answer): void {
    if (this.#questions) answerQuestion(this.#questions, answer);
  }

  /** Gives what the thread has read. */
  serve(reply: ReadReply): void {
    if (this.#reads) putAnswer(this.#reads, "bytes" in reply ? reply.bytes : reply);
    else this.send({ type: "bytes", reply });
  }

  close(): void {
    this.#close();
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
  readonly read: Reader;
  readonly #post: (message: ThreadMessage, transfer: ArrayBuffer[]) => void;
  readonly #live: LiveKeys | undefined;
  #given: (given: ModuleGiven) => void = () => {};
  #bytes: (reply: ReadReply) => void = () => {};

  constructor(start: ThreadStart, post: (message: ThreadMessage, transfer: ArrayBuffer[]) => void) {
    this.#post = post;
    const send = (message: SessionMessage | KeysTaken) => post(message, []);
    if (start.liveKeys && start.suspends) this.#live = new LiveKeys((count) => send({ type: "took", count }));
    const keys = start.ring ? new KeyRingReader(start.ring) : this.#live;
    this.keys = keys && waitingAloud(keys, send);
    this.asker = start.questions && new ThreadAsker(start.questions, send);
    this.read = threadReader(start, send, (taker) => {
      this.#bytes = taker;
    });
  }

  post(message: SessionMessage): void {
    this.#post(message, []);
  }

  finish(result: MadeResult, keysConsumed: number): void {
    const { faults, written } = result.guestMemory;
    const ram = result.guestMemory.handOver();
    this.#post({ type: "done", data: result, memory: { ram, faults, written }, keysConsumed }, [ram]);
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
  take(order: ThreadOrder): void {
    if (order.type === "module") this.#given(order);
    else if (order.type === "bytes") this.#bytes(order.reply);
    else {
      this.#live?.push(order.keys);
      if (order.ended) this.#live?.end();
    }
  }
}

/** What a thread asks for. */
export type ReadMessage = { type: "read" } & ReadRequest;

/** How a thread gets bytes of disks: asleep, or by a message, for which `taker` is told who takes it. */
export function threadReader(
  { reads }: ThreadStart,
  post: (message: ReadMessage) => void,
  taker: (take: (reply: ReadReply) => void) => void,
): Reader {
  if (reads !== undefined) {
    return (request) => {
      const answer = awaitAnswer(reads, () => post({ type: "read", ...request }));
      return answer instanceof Uint8Array ? answer : replied(answer as ReadReply);
    };
  }
  return (request) =>
    new Promise<ReadReply>((resolve) => {
      taker(resolve);
      post({ type: "read", ...request });
    }).then(replied);
}

/** Tells the caller when the guest waits for a key, which may take for ever. */
function waitingAloud(keys: KeyRingReader | LiveKeys, post: (message: SessionMessage) => void): Line["keys"] {
  const told = <T>(value: T): T => {
    post({ type: "waiting", waiting: false });
    return value;
  };
  return {
    poll: () => keys.poll(),
    ended: () => keys.ended(),
    getc(): MaybePromise<number | undefined> {
      if (keys.poll() === true) return keys.getc();
      post({ type: "waiting", waiting: true });
      const key = keys.getc();
      return isPromise(key) ? key.then(told) : told(key);
    },
  };
}
