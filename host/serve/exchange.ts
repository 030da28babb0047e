// One request and its answer: the body within its bounds, the answer as fast as it is taken, and an end to both when the client
// has gone or takes too long.

import type { IncomingMessage, ServerResponse } from "node:http";
import { onAbort } from "../isolation/abort.js";
import type { Budget, ServeLimits } from "./limits.js";
import { badRequest, type Refusal } from "./refusal.js";

/** Room that a body gets at first. */
const BODY_LEAST = 4096;

/** What all exchanges of a service share. */
export interface Shared {
  limits: ServeLimits;
  /** Bytes of bodies. */
  bodies: Budget;
  /** Bytes of answers. */
  unsent: Budget;
}

/** An answer's bytes. `size` are those that are kept for it, which `release` gives up. */
export interface Answer {
  status: number;
  type: string;
  headers?: Readonly<Record<string, string>>;
  size: number;
  /** In order; an array has all that there is, whose length is told. */
  parts: readonly Uint8Array[] | Iterable<Uint8Array>;
  release?(): void;
}

/** A request that is being answered. */
export class Exchange {
  readonly #gone = new AbortController();
  #fail: ((error: Refusal) => void) | undefined;
  #isBroken = false;
  #bodyBytes = 0;
  /** For whom it is, once that is known. */
  tenant = "";
  /** Whether its answer went out, all of it. */
  sent = false;

  constructor(
    readonly request: IncomingMessage,
    readonly response: ServerResponse,
    private readonly shared: Shared,
  ) {
    // A client that goes is heard of by `leave`.
    response.on("error", () => {});
  }

  /** Aborted when the client has gone. */
  get signal(): AbortSignal {
    return this.#gone.signal;
  }

  /** Bytes of its body. */
  get bodyBytes(): number {
    return this.#bodyBytes;
  }

  /** The client has gone. */
  leave(): void {
    this.#gone.abort("the client has gone");
  }

  /** The rest of its body won't come. False when it is there already. */
  fail(error: Refusal): boolean {
    if (this.#fail === undefined || this.request.complete) return false;
    this.#isBroken = true;
    this.#fail(error);
    return true;
  }

  /**
   * The body.
   * @throws Refusal for one that is too long, or of another type
   */
  async body(): Promise<Uint8Array> {
    const { request, shared } = this;
    const type = (request.headers["content-type"] ?? "").split(";")[0]!.trim().toLowerCase();
    if (type !== "application/json") throw badRequest(415, "the body has to be application/json");
    const most = shared.limits.bodyBytes;
    const tooLong = () => badRequest(413, `a body may have ${most} bytes`, { Connection: "close" });
    if (Number(request.headers["content-length"] ?? 0) > most) throw tooLong();
    // They are put together as they come: kept apart, chunks of a byte would have hundreds each.
    let body = Buffer.alloc(0);
    await this.#read((chunk) => {
      const at = this.#bodyBytes;
      const end = at + chunk.length;
      if (end > most) throw tooLong();
      shared.bodies.take(chunk.length, this.tenant, at);
      this.#bodyBytes = end;
      if (end > body.length) body = Buffer.concat([body], Math.min(most, Math.max(end, 2 * body.length, BODY_LEAST)));
      chunk.copy(body, at);
    });
    return body.subarray(0, this.#bodyBytes);
  }

  /** Reads what a client still sends of a body that may be: who is sending hears no answer, and may lose it. */
  async discardBody(): Promise<void> {
    const { request, shared } = this;
    const most = shared.limits.bodyBytes;
    if (this.#isBroken || Number(request.headers["content-length"] ?? 0) > most) return;
    let length = 0;
    const count = (chunk: Buffer) => {
      length += chunk.length;
      if (length > most) throw badRequest(413, "");
    };
    // Whatever becomes of it, the answer is what it was.
    await this.#read(count).catch(() => {});
  }

  /** @throws Refusal when the body ends too soon; what `take` throws for a part of it */
  async #read(take: (chunk: Buffer) => void): Promise<void> {
    const { request } = this;
    if (request.readableEnded || request.destroyed) return;
    let stop = () => {};
    try {
      await new Promise<void>((resolve, reject) => {
        this.#fail = reject;
        const onData = (chunk: Buffer) => {
          try {
            take(chunk);
          } catch (error) {
            reject(error);
          }
        };
        const onError = () => reject(badRequest(400, "the body ended before it was complete"));
        request.on("data", onData).once("end", resolve).once("error", onError).once("close", onError);
        stop = () => request.off("data", onData).off("end", resolve).off("error", onError).off("close", onError);
      });
    } finally {
      this.#fail = undefined;
      stop();
      // What else comes is nobody's.
      request.resume();
    }
  }

  /** The body's boot is over. */
  forgetBody(): void {
    this.shared.bodies.give(this.#bodyBytes, this.tenant);
    this.#bodyBytes = 0;
  }

  /**
   * Sends `answer`; settles when it is sent, or never will be.
   * @throws Refusal when there are too many bytes that aren't sent
   */
  async send(answer: Answer): Promise<void> {
    const { response, shared, signal } = this;
    const { headers, size, status, parts, release = () => {} } = answer;
    try {
      shared.unsent.take(size, this.tenant);
    } catch (error) {
      release();
      throw error;
    }
    const ended = this.#ended();
    try {
      if (signal.aborted) return;
      const length = Array.isArray(parts) && { "Content-Length": parts.reduce((sum, { length }) => sum + length, 0) };
      response.writeHead(status, { "Content-Type": answer.type, "Cache-Control": "no-store", ...length, ...headers });
      for (const part of parts) {
        if (!response.write(part)) await this.#until("drain", ended.promise);
        if (ended.is) return;
      }
      response.end();
      if (!response.writableFinished) await this.#until("finish", ended.promise);
      this.sent = response.writableFinished;
    } finally {
      ended.stop();
      shared.unsent.give(size, this.tenant);
      release();
    }
  }

  /** Waits for an event of the answer's, or for `ended`. */
  async #until(event: "drain" | "finish", ended: Promise<void>): Promise<void> {
    let happened = () => {};
    const wait = new Promise<void>((resolve) => {
      happened = resolve;
    });
    this.response.once(event, happened);
    await Promise.race([wait, ended]);
    this.response.off(event, happened);
  }

  /** Knows when the connection has come to its end: by the client, or because the answer wasn't taken in time. */
  #ended() {
    const { request, response, shared, signal } = this;
    const state = { is: false, promise: Promise.resolve(), stop() {} };
    state.promise = new Promise((resolve) => {
      const end = () => {
        state.is = true;
        resolve();
      };
      const tooLate = () => {
        end();
        request.socket.destroy();
      };
      let timer: ReturnType<typeof setTimeout> | undefined;
      const begin = () => {
        timer = setTimeout(tooLate, shared.limits.sendMs);
      };
      // An answer behind another one can't be taken before that.
      if (response.socket === null) response.once("socket", begin);
      else begin();
      const stopListening = onAbort(signal, end);
      response.once("close", end);
      state.stop = () => {
        clearTimeout(timer);
        stopListening();
        response.off("socket", begin).off("close", end);
      };
    });
    return state;
  }
}
