// The program of a session's thread on Node.

import { parentPort } from "node:worker_threads";
import { runBody } from "../isolation/body.js";
import { installNodeFiles } from "../node_files.js";
import { READY, type ThreadStart, threadLine } from "./channel.js";

installNodeFiles();
const port = parentPort!;
port.once("message", (start: ThreadStart) => {
  void runBody(
    start,
    threadLine(start, (message, transfer) => port.postMessage(message, transfer)),
  );
});
port.postMessage(READY);
