// The program of a session's thread on Node.

import { parentPort } from "node:worker_threads";
import { runBody } from "../isolation/body.js";
import { installNodeFiles } from "../node_files.js";
import { READY, ThreadLine, type ThreadStart } from "./channel.js";

installNodeFiles();
const port = parentPort!;
port.once("message", (start: ThreadStart) => {
  const line = new ThreadLine(start, (message, transfer) => port.postMessage(message, transfer));
  port.on("message", (given) => line.take(given));
  void runBody(start, line);
});
port.postMessage(READY);
