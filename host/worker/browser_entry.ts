// The program of a session's thread in browsers. It is bundled into one file twice: `userboot-wasm/worker` with all that
// others load when they need it, `userboot-wasm/worker-boot` without, for boots that need nothing of that.

import { plainError } from "../errors.js";
import type { InspectRequest } from "../inspect/protocol.js";
import { runBody } from "../isolation/body.js";
import { ThreadLine, type ThreadOrder, type ThreadStart } from "./channel.js";
import type { ThreadRequests } from "./requests.js";

/** What TypeScript calls this in worker programs. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<unknown>) => void) | null;
  postMessage(message: unknown, transfer: Transferable[]): void;
}
const scope = globalThis as unknown as WorkerScope;
const post = (message: unknown, transfer: Transferable[]) => scope.postMessage(message, transfer);

/** Begins to look into images; what takes the requests. */
async function inspect(start: ThreadStart): Promise<ThreadRequests> {
  const { ThreadRequests } = await import("./requests.js");
  const { serveInspection } = await import("../inspect/serve.js");
  const requests = new ThreadRequests(start, post);
  void serveInspection(start, requests);
  return requests;
}

scope.onmessage = ({ data }) => {
  const start = data as ThreadStart;
  if (start.inspect) {
    const inspecting = inspect(start);
    inspecting.catch((error) => post({ type: "failed", error: plainError(error) }, []));
    scope.onmessage = ({ data }) => void inspecting.then((requests) => requests.take(data as InspectRequest));
    return;
  }
  const line = new ThreadLine(start, post);
  scope.onmessage = ({ data }) => line.take(data as ThreadOrder);
  void runBody(start, line);
};
