// A session's thread on Node: one with an empty environment, no standard streams of the process, a small
// heap (guest memory and the module's memory lie outside it and have limits of their own), and Node's permission
// model where there is one: it can read this package's files and nothing else. Images come to it open.

import { fileURLToPath } from "node:url";
import { MessageChannel, type MessagePort, Worker, type WorkerOptions } from "node:worker_threads";
import type { FlavourModule } from "../assets.js";
import type { KeyInput } from "../console/console.js";
import type { FileDisk } from "../disks/file.js";
import { openImages } from "../disks/open.js";
import type { ReadReply } from "../disks/served.js";
import type { PlainError } from "../errors.js";
import type { InspectRequest } from "../inspect/protocol.js";
import type { Cell } from "../isolation/cell.js";
import type { StartMessage } from "../isolation/messages.js";
import type { Answer } from "../policy/asker.js";
import { thrownText } from "../text.js";
import { type ModuleGiven, READY, ThreadChannel } from "./channel.js";
import type { Launch } from "./node_launch.js";
import { readingRights } from "./node_rights.js";

const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 32, stackSizeMb: 4 };

/** The program of a session's thread, and of one that looks into images: node_entry.ts and node_inspect_entry.ts, each as one file. */
export const PROGRAM = new URL("../programs/boot_thread.cjs", import.meta.url);
export const INSPECT_PROGRAM = new URL("../programs/inspect_thread.cjs", import.meta.url);
/** Runs them: node_launch.ts. */
export const LAUNCHER = new URL("../programs/launch_thread.cjs", import.meta.url);

/** Code of programs, made in threads in which no guest was. */
const codes = new Map<URL, Uint8Array | undefined>();

/** A thread, and when it has loaded its program (or is gone). */
interface Thread {
  worker: Worker;
  ready: Promise<void>;
  /** Where it is asked for its code, when that isn't there yet. */
  asks: MessagePort | undefined;
}

/** What a session's thread gets. */
export function workerOptions(): WorkerOptions {
  return {
    env: {},
    argv: [],
    execArgv: readingRights(),
    stdin: false,
    stdout: true,
    stderr: true,
    resourceLimits: RESOURCE_LIMITS,
  };
}

function start(program: URL, ahead: boolean): Thread {
  const code = codes.get(program);
  const channel = ahead && code === undefined ? new MessageChannel() : undefined;
  const worker = startWorker({ program: fileURLToPath(program), code, asked: channel?.port2 });
  const ready = new Promise<void>((resolve) => {
    worker.once("message", () => resolve());
    worker.once("error", () => resolve());
    worker.once("exit", () => resolve());
  });
  return { worker, ready, asks: channel?.port1 };
}

function startWorker(launch: Launch): Worker {
  const options = {
    ...workerOptions(),
    workerData: launch,
    transferList: launch.asked === undefined ? [] : [launch.asked],
  };
  try {
    return new Worker(LAUNCHER, options);
  } catch (error) {
    // A Node that takes the flags for whole processes only.
    if ((error as NodeJS.ErrnoException).code !== "ERR_WORKER_INVALID_EXEC_ARGV") throw error;
    return new Worker(LAUNCHER, { ...options, execArgv: [] });
  }
}

/** A cell that is a thread of this process; it loads `program` while the session is prepared, or `ahead` of it. */
export function spawnNodeThread(program = PROGRAM, ahead = false): Cell {
  return new ThreadCell(program, ahead);
}

class ThreadCell implements Cell {
  readonly facts = { level: "thread" } as const;
  readonly #thread: Thread;
  #channel: ThreadChannel;
  readonly #files: FileDisk[] = [];
  #hear: (message: unknown) => void = () => {};
  #fail: (reason: string) => void = () => {};
  /** Why it isn't there any more. */
  #failure: string | undefined;

  constructor(
    private readonly program: URL,
    ahead: boolean,
  ) {
    this.#thread = start(program, ahead);
    const { worker } = this.#thread;
    this.#channel = this.#newChannel();
    worker.on("message", (message) => {
      if (message !== READY) this.#channel.received(message, this.#hear);
    });
    worker.on("error", (error) => this.#failed(thrownText(error)));
    worker.on("messageerror", (error) => this.#failed(error.message));
    worker.on("exit", (code) => this.#failed(`it exited with code ${code}`));
  }

  get ready(): Promise<void> {
    return this.#thread.ready;
  }

  get keys(): KeyInput {
    return this.#channel.keys;
  }

  onMessage(handler: (message: unknown) => void): void {
    this.#hear = handler;
  }

  onFailure(handler: (reason: string) => void): void {
    this.#fail = handler;
    if (this.#failure !== undefined) handler(this.#failure);
  }

  start(message: StartMessage): void {
    const disks = openImages(message.disks, this.#files);
    this.#channel.start({ ...message, disks });
  }

  answer(answer: Answer): void {
    this.#channel.answer(answer);
  }

  serve(reply: ReadReply): void {
    this.#channel.serve(reply);
  }

  ask(request: InspectRequest): void {
    this.#thread.worker.postMessage(request);
  }

  give(_flavour: FlavourModule, module: WebAssembly.Module | PlainError): void {
    this.#thread.worker.postMessage({ type: "module", module } satisfies ModuleGiven);
  }

  hold(on: boolean): void {
    const { worker } = this.#thread;
    if (on) worker.ref();
    else worker.unref();
  }

  async keepCode(): Promise<void> {
    const { asks, worker } = this.#thread;
    if (asks === undefined || this.#failure !== undefined) return;
    this.#thread.asks = undefined;
    const code = await new Promise<Uint8Array | undefined>((resolve) => {
      asks.once("message", resolve);
      worker.once("exit", () => resolve(undefined));
      asks.postMessage("code");
    });
    asks.close();
    // Each thread gets a copy: one memory for all of them could be written by a guest that has got out of its own.
    codes.set(this.program, code);
  }

  renew(): void {
    this.#endSession();
    this.#hear = () => {};
    this.#channel = this.#newChannel();
  }

  async terminate(): Promise<void> {
    const { asks, worker, ready } = this.#thread;
    asks?.close();
    this.#channel.close();
    // A thread that is ended while it loads its program leaves the files it reads open for ever.
    await ready;
    await worker.terminate();
    this.#endSession();
  }

  #failed(reason: string): void {
    this.#failure ??= reason;
    this.#fail(reason);
  }

  #newChannel(): ThreadChannel {
    return new ThreadChannel((message) => this.#thread.worker.postMessage(message));
  }

  #endSession(): void {
    this.#channel.close();
    for (const file of this.#files.splice(0)) file.close();
  }
}
