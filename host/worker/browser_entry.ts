// The program of a session's thread in browsers.

import type { InspectRequest } from "../inspect/protocol.js";
import { runBody } from "../isolation/body.js";
import { type ThreadStart, threadLine } from "./channel.js";
import { ThreadRequests } from "./requests.js";

/** What TypeScript calls this in worker programs. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<ThreadStart>) => void) | null;
  postMessage(message: unknown, transfer: Transferable[]): void;
}
const scope = globalThis as unknown as WorkerScope;

scope.onmessage = ({ data: start }) => {
  scope.onmessage = null;
  if (start.inspect) {
    const requests = new ThreadRequests((message, transfer) => scope.postMessage(message, transfer));
    scope.onmessage = ({ data }) => requests.take(data as unknown as InspectRequest);
    void import("../inspect/serve.js").then(({ serveInspection }) => serveInspection(start, requests));
    return;
  }
  void runBody(
    start,
    threadLine(start, (message, transfer) => scope.postMessage(message, transfer)),
  );
};
