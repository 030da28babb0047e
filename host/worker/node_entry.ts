// The program of a session's worker thread on Node.

import { parentPort } from "node:worker_threads";
import { FileDisk } from "../disks/file.js";
import { setFileOpener } from "../disks/source.js";
import { runWorker } from "./body.js";
import { READY, type StartMessage } from "./messages.js";

setFileOpener((path, sectorSize, fd) => new FileDisk(path, sectorSize, fd));
const port = parentPort!;
port.once("message", (start: StartMessage) => {
  void runWorker(start, (message, transfer) => port.postMessage(message, transfer ?? []));
});
port.postMessage(READY);
