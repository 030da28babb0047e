// A session's worker on Node: a thread with an empty environment, no standard streams of the process, a small
// heap (guest memory and the module's memory lie outside it and have limits of their own), and Node's permission
// model where there is one: it can read this package's files and nothing else. Images come to it open.

import { Worker, type WorkerOptions } from "node:worker_threads";
import { FileDisk } from "../disks/file.js";
import { readingRights } from "./node_rights.js";
import type { WorkerHandle } from "./run.js";

const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 32, stackSizeMb: 4 };

let spare: Worker | undefined;

/** Starts a worker for the session to come, so that it gets ready meanwhile. Does not keep the process alive. */
export function startSpareWorker(): void {
  spare ??= start();
  spare.unref();
}

/** What a session's thread gets. */
export function workerOptions(): WorkerOptions {
  return {
    env: {},
    argv: [],
    execArgv: readingRights(),
    stdin: false,
    stdout: true,
    stderr: true,
    resourceLimits: RESOURCE_LIMITS,
  };
}

function start(): Worker {
  const program = new URL("./node_entry.js", import.meta.url);
  try {
    return new Worker(program, workerOptions());
  } catch (error) {
    // A Node that takes the flags for whole processes only.
    if ((error as NodeJS.ErrnoException).code !== "ERR_WORKER_INVALID_EXEC_ARGV") throw error;
    return new Worker(program, { ...workerOptions(), execArgv: [] });
  }
}

export function spawnNodeWorker(): WorkerHandle {
  const worker = spare ?? start();
  spare = undefined;
  worker.ref();
  const files: FileDisk[] = [];
  return {
    post(message) {
      const disks = message.disks.map((disk) => {
        if (typeof disk.image !== "string") return disk;
        const file = new FileDisk(disk.image, disk.sectorSize);
        files.push(file);
        return { ...disk, fd: file.fd };
      });
      worker.postMessage({ ...message, disks });
    },
    onMessage: (handler) => void worker.on("message", handler),
    onFailure(handler) {
      worker.on("error", (error) => handler(error.message));
      worker.on("messageerror", (error) => handler(error.message));
      worker.on("exit", (code) => handler(`it exited with code ${code}`));
    },
    async terminate() {
      await worker.terminate();
      for (const file of files.splice(0)) file.close();
    },
  };
}
