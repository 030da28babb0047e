// The program of a session's thread in browsers.

import { runBody } from "../isolation/body.js";
import { type ThreadStart, threadLine } from "./channel.js";

/** What TypeScript calls this in worker programs. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<ThreadStart>) => void) | null;
  postMessage(message: unknown, transfer: Transferable[]): void;
}
const scope = globalThis as unknown as WorkerScope;

scope.onmessage = ({ data: start }) => {
  scope.onmessage = null;
  void runBody(
    start,
    threadLine(start, (message, transfer) => scope.postMessage(message, transfer)),
  );
};
