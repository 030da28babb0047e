// The program of a session's thread on Node.

import { parentPort } from "node:worker_threads";
import { runBody } from "../isolation/body.js";
import { installNodeFiles } from "../node_files.js";
import { READY, type ThreadStart, threadLine } from "./channel.js";
import { ThreadRequests } from "./requests.js";

installNodeFiles();
const port = parentPort!;
port.once("message", (start: ThreadStart) => {
  if (start.inspect) {
    const requests = new ThreadRequests((message, transfer) => port.postMessage(message, transfer));
    port.on("message", (request) => requests.take(request));
    void import("../inspect/serve.js").then(({ serveInspection }) => serveInspection(start, requests));
    return;
  }
  void runBody(
    start,
    threadLine(start, (message, transfer) => port.postMessage(message, transfer)),
  );
});
port.postMessage(READY);
