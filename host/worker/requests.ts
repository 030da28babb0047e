// Requests to a thread that looks into images, as they come: one is taken after the other.

import type { InspectMessage, InspectRequest } from "../inspect/protocol.js";
import type { InspectLine } from "../inspect/serve.js";

/** The thread's end, which sends by `post`. */
export class ThreadRequests implements InspectLine {
  readonly #waiting: InspectRequest[] = [];
  #wake: ((request: InspectRequest) => void) | undefined;

  constructor(private readonly send: (message: InspectMessage, transfer: ArrayBuffer[]) => void) {}

  /** One has come. */
  take(request: InspectRequest): void {
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
