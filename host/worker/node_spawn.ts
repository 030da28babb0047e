// A session's worker on Node: a thread with an empty environment, no standard streams of the process, and
// a small heap (guest memory and the module's memory lie outside it and have limits of their own).

import { Worker } from "node:worker_threads";
import type { WorkerHandle } from "./run.js";

const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 32, stackSizeMb: 4 };

let spare: Worker | undefined;

/** Starts a worker for the session to come, so that it gets ready meanwhile. Does not keep the process alive. */
export function startSpareWorker(): void {
  spare ??= start();
  spare.unref();
}

function start(): Worker {
  return new Worker(new URL("./node_entry.js", import.meta.url), {
    env: {},
    argv: [],
    execArgv: [],
    stdin: false,
    stdout: true,
    stderr: true,
    resourceLimits: RESOURCE_LIMITS,
  });
}

export function spawnNodeWorker(): WorkerHandle {
  const worker = spare ?? start();
  spare = undefined;
  worker.ref();
  return {
    post: (message) => worker.postMessage(message),
    onMessage: (handler) => void worker.on("message", handler),
    onFailure(handler) {
      worker.on("error", (error) => handler(error.message));
      worker.on("messageerror", (error) => handler(error.message));
      worker.on("exit", (code) => handler(`it exited with code ${code}`));
    },
    async terminate() {
      await worker.terminate();
    },
  };
}
