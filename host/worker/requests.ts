// Requests to a thread that looks into images, as they come: one is taken after the other.

import type { Reader, ReadReply } from "../disks/served.js";
import type { InspectMessage, InspectRequest } from "../inspect/protocol.js";
import type { InspectLine } from "../inspect/serve.js";
import { type BytesGiven, type ReadMessage, type ThreadStart, threadReader } from "./channel.js";

/** The thread's end, which sends by `post`. */
export class ThreadRequests implements InspectLine {
  readonly #waiting: InspectRequest[] = [];
  #wake: ((request: InspectRequest) => void) | undefined;
  #bytes: (reply: ReadReply) => void = () => {};
  readonly read: Reader;

  constructor(
    start: ThreadStart,
    private readonly send: (message: InspectMessage | ReadMessage, transfer: ArrayBuffer[]) => void,
  ) {
    this.read = threadReader(
      start,
      (message) => send(message, []),
      (taker) => {
        this.#bytes = taker;
      },
    );
  }

  /** One has come, or bytes of a disk. */
  take(request: InspectRequest | BytesGiven): void {
    if ("reply" in request) {
      this.#bytes(request.reply);
      return;
    }
    const wake = this.#wake;
    this.#wake = undefined;
    if (wake) wake(request);
    else this.#waiting.push(request);
  }

  post(message: InspectMessage): void {
    if (message.type !== "content") this.send(message, []);
    else {
      const bytes = message.bytes.slice();
      this.send({ ...message, bytes }, [bytes.buffer]);
    }
  }

  next(): Promise<InspectRequest> {
    const first = this.#waiting.shift();
    if (first !== undefined) return Promise.resolve(first);
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
