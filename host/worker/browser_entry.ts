// The program of a session's worker in browsers.

import { runWorker } from "./body.js";
import type { StartMessage } from "./messages.js";

/** What TypeScript calls this in worker programs. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<StartMessage>) => void) | null;
  postMessage(message: unknown, transfer: Transferable[]): void;
}
const scope = globalThis as unknown as WorkerScope;

scope.onmessage = (event) => {
  scope.onmessage = null;
  void runWorker(event.data, (message, transfer) => scope.postMessage(message, transfer ?? []));
};
