// The program of a thread that looks into images, on Node.

import { parentPort } from "node:worker_threads";
import { serveInspection } from "../inspect/serve.js";
import { installNodeFiles } from "../node_files.js";
import { READY, type ThreadStart } from "./channel.js";
import { ThreadRequests } from "./requests.js";

installNodeFiles();
const port = parentPort!;
port.once("message", (start: ThreadStart) => {
  const requests = new ThreadRequests(start, (message, transfer) => port.postMessage(message, transfer));
  port.on("message", (request) => requests.take(request));
  void serveInspection(start, requests);
});
port.postMessage(READY);
