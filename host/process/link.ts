// The process's end of the socket. A session is busy with its guest and has no event loop: it writes a frame, and where
// it needs an answer, reads one.

import { readSync, writeSync } from "node:fs";
import type { FlavourModule } from "../assets.js";
import { type ReadReply, type ReadRequest, replied } from "../disks/served.js";
import type { SentImage } from "../disks/source.js";
import { LimitError } from "../errors.js";
import type { InspectMessage, InspectRequest } from "../inspect/protocol.js";
import type { InspectLine } from "../inspect/serve.js";
import type { Line } from "../isolation/body.js";
import type { SessionMessage, StartMessage } from "../isolation/messages.js";
import type { Run } from "../memory/places.js";
import { AssetModules } from "../modules.js";
import type { Answer, Asker } from "../policy/asker.js";
import type { HookName } from "../policy/hooks.js";
import type { MadeResult } from "../result.js";
import { BODY_MAX, frameHead, HEAD_MAX, PREFIX } from "./frames.js";

/** The socket's descriptor, after the standard ones. */
export const CHANNEL_FD = 3;
/** The first image's; the others follow in order. */
export const FIRST_IMAGE_FD = 4;

/** What the caller sends first; images in memory follow, a frame each. */
export interface ProcessStart extends Omit<StartMessage, "disks"> {
  disks: (Omit<SentImage, "image"> & { name: string })[];
  /** Another session may follow. */
  stays?: boolean;
}

/** What the caller of a process sends that is started ahead of its session: what sessions begin with, most likely. It answers `ready`. */
export interface Prepare {
  prepare: FlavourModule;
}

/** Keys, answering `keys`. */
export interface KeysReply {
  keys: Uint8Array;
  ended: boolean;
}

/** An answer to `onFile`: the bytes that go with it replace the file. */
export interface Replaced {
  replaced: true;
}

/** An answer to `read`: the bytes go with it. */
export interface Served {
  bytes: true;
}

/** From the process: what all sessions send, where guest memory goes, the end of it, and a request for keys. */
export type ProcessMessage =
  | Exclude<SessionMessage, { type: "output" } | { type: "waiting" }>
  | { type: "output" }
  | { type: "ready" }
  | { type: "keys"; wait: boolean }
  | { type: "memory"; start: number }
  | Exclude<InspectMessage, { type: "content" }>
  | { type: "content"; runs: Run[] }
  | { type: "done"; data: MadeResult; faults: number; keysConsumed: number };

/** The socket, blocking. `decode` makes a value of a head, as its caller serialised it. */
export class BlockingChannel {
  constructor(
    private readonly fd: number,
    private readonly decode: (head: Uint8Array) => unknown,
  ) {}

  send(message: ProcessMessage, body: Uint8Array = new Uint8Array()): void {
    const head = new TextEncoder().encode(JSON.stringify(message));
    if (head.length > HEAD_MAX) throw new LimitError("messageBytes", HEAD_MAX, head.length);
    this.#write(frameHead(head, body.length));
    this.#write(body);
  }

  /** The next frame; ends this process when the caller is gone. */
  receive(): { head: unknown; body: Uint8Array } {
    const prefix = this.#read(PREFIX);
    const view = new DataView(prefix.buffer);
    const head = this.#read(view.getUint32(0, true));
    return { head: this.decode(head), body: this.#read(view.getUint32(4, true)) };
  }

  #write(bytes: Uint8Array): void {
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.fd, bytes, at, bytes.length - at);
    } catch (error) {
      if (isGone(error)) process.exit();
      throw error;
    }
  }

  #read(size: number): Uint8Array {
    const bytes = new Uint8Array(size);
    for (let at = 0; at < size; ) {
      const got = this.#readSome(bytes, at);
      if (got === 0) process.exit();
      at += got;
    }
    return bytes;
  }

  #readSome(bytes: Uint8Array, at: number): number {
    try {
      return readSync(this.fd, bytes, at, bytes.length - at, null);
    } catch (error) {
      if (isGone(error)) process.exit();
      throw error;
    }
  }
}

/** The first frames: what is to be done, and the images, of which those in memory follow. What is to be prepared before is `prepare`d. */
export async function receiveStart(
  channel: BlockingChannel,
  prepare: (name: FlavourModule) => Promise<unknown> = async () => {},
): Promise<{ start: Omit<ProcessStart, "disks">; images: SentImage[] }> {
  let head = channel.receive().head as ProcessStart | Prepare;
  while ("prepare" in head) {
    await prepare(head.prepare);
    channel.send({ type: "ready" });
    head = channel.receive().head as ProcessStart | Prepare;
  }
  const { disks, ...start } = head;
  const images = disks.map(({ name, ...sent }): SentImage => {
    const inMemory = sent.fd === undefined && sent.served === undefined;
    return { ...sent, image: inMemory ? channel.receive().body : name };
  });
  return { start, images };
}

/** Bytes of a disk that the caller has. */
function readServed(channel: BlockingChannel, request: ReadRequest): Uint8Array {
  channel.send({ type: "read", ...request });
  const { head, body } = channel.receive();
  return replied("error" in (head as object) ? (head as ReadReply) : { bytes: body as Uint8Array<ArrayBuffer> });
}

function isGone(error: unknown): boolean {
  return ["EPIPE", "ECONNRESET"].includes((error as NodeJS.ErrnoException).code ?? "");
}

/** The process's way to its caller when it looks into images: it waits for requests, and ends when the caller has gone. */
export class ProcessRequests implements InspectLine {
  readonly #parent = process.ppid;

  constructor(private readonly channel: BlockingChannel) {}

  /** As one that boots. */
  readonly read = (request: ReadRequest) => readServed(this.channel, request);

  post(message: InspectMessage): void {
    if (message.type !== "content") this.channel.send(message);
    else this.channel.send({ type: "content", runs: message.runs }, message.bytes);
  }

  async next(): Promise<InspectRequest> {
    return this.channel.receive().head as InspectRequest;
  }

  /** As of one that boots. */
  onLook(): void {
    if (process.ppid !== this.#parent) process.exit();
  }
}

/** The process's way to its caller. */
export class ProcessLine implements Line {
  readonly keys: Line["keys"];
  readonly asker: Asker | undefined;
  readonly #parent = process.ppid;
  #typed: Uint8Array = new Uint8Array();
  #ended = false;

  constructor(
    private readonly channel: BlockingChannel,
    start: Pick<StartMessage, "liveKeys" | "wants">,
  ) {
    if (start.liveKeys) {
      this.keys = {
        poll: () => this.#typed.length > 0 || this.#fetch(false),
        ended: () => this.#ended && this.#typed.length === 0,
        getc: () => {
          if (this.#typed.length === 0) this.#fetch(true);
          const key = this.#typed[0];
          this.#typed = this.#typed.subarray(1);
          return key;
        },
      };
    }
    if (start.wants.length > 0) {
      this.asker = { wants: new Set(start.wants), ask: (hook, ...facts) => this.#ask(hook, facts) };
    }
  }

  /** Asks for bytes of a disk that the caller has. */
  readonly read = (request: ReadRequest) => readServed(this.channel, request);

  /** A process finds its own. */
  module(name: FlavourModule): Promise<WebAssembly.Module> {
    return new AssetModules(undefined).find(name);
  }

  post(message: SessionMessage): void {
    if (message.type === "output") this.channel.send({ type: "output" }, message.bytes);
    // A request for keys says as much.
    else if (message.type !== "waiting") this.channel.send(message);
  }

  finish(result: MadeResult, keysConsumed: number): void {
    const { guestMemory } = result;
    for (const [start, end] of guestMemory.written) {
      for (let at = start; at < end; at += BODY_MAX) {
        this.channel.send({ type: "memory", start: at }, guestMemory.view(at, Math.min(at + BODY_MAX, end)));
      }
    }
    this.channel.send({ type: "done", data: result, faults: guestMemory.faults, keysConsumed });
  }

  /** A process whose caller has gone has nothing left to do. */
  onLook(): void {
    if (process.ppid !== this.#parent) process.exit();
  }

  /** Asks for keys; whether there are any. */
  #fetch(wait: boolean): boolean {
    if (this.#ended) return false;
    this.channel.send({ type: "keys", wait });
    const { keys, ended } = this.channel.receive().head as KeysReply;
    this.#typed = keys;
    this.#ended = ended;
    return keys.length > 0;
  }

  #ask(hook: HookName, facts: unknown[]): Answer {
    this.channel.send({ type: "question", hook, facts });
    const { head, body } = this.channel.receive();
    const answer = head as Answer | Replaced;
    return answer !== undefined && "replaced" in answer ? { replace: body } : answer;
  }
}
