// A thread of the runner: replays the runs it is sent.

import { parentPort, workerData } from "node:worker_threads";
import { broken } from "./pool.js";
import { type Run, replay } from "./runs.js";

const { root } = workerData as { root: string };
const port = parentPort;
if (port === null) throw new Error("worker.ts runs as a thread only");
port.on("message", async (run: Run) => {
  try {
    port.postMessage(await replay(root, run));
  } catch (error) {
    port.postMessage(broken(error instanceof Error ? (error.stack ?? error.message) : String(error)));
  }
});
