// The program of a session's thread on Node. When its session is over it waits for the next one, which most threads never get.

import { parentPort } from "node:worker_threads";
import { runBody } from "../isolation/body.js";
import { installNodeFiles } from "../node_files.js";
import { READY, ThreadLine, type ThreadOrder, type ThreadStart } from "./channel.js";

installNodeFiles();
const port = parentPort!;
let line: ThreadLine | undefined;
port.on("message", (message: ThreadStart | ThreadOrder) => {
  if ("type" in message) line?.take(message);
  else {
    line = new ThreadLine(message, (told, transfer) => port.postMessage(told, transfer));
    void runBody(message, line);
  }
});
port.postMessage(READY);
