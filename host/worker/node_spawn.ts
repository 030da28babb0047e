// A session's worker on Node: a thread with an empty environment, no standard streams of the process, a small
// heap (guest memory and the module's memory lie outside it and have limits of their own), and Node's permission
// model where there is one: it can read this package's files and nothing else. Images come to it open.

import { Worker, type WorkerOptions } from "node:worker_threads";
import { FileDisk } from "../disks/file.js";
import { READY } from "./messages.js";
import { readingRights } from "./node_rights.js";
import type { WorkerHandle } from "./run.js";

const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 32, stackSizeMb: 4 };

/** A thread, and when it has loaded its program (or is gone). */
interface Thread {
  worker: Worker;
  ready: Promise<void>;
}

let spare: Thread | undefined;

/** Starts a worker for the session to come, so that it gets ready meanwhile. Does not keep the process alive. */
export function startSpareWorker(): void {
  spare ??= start();
  spare.worker.unref();
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

function start(): Thread {
  const worker = startWorker();
  const ready = new Promise<void>((resolve) => {
    worker.once("message", () => resolve());
    worker.once("error", () => resolve());
    worker.once("exit", () => resolve());
  });
  return { worker, ready };
}

function startWorker(): Worker {
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
  const { worker, ready } = spare ?? start();
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
    onMessage: (handler) =>
      void worker.on("message", (message) => {
        if (message !== READY) handler(message);
      }),
    onFailure(handler) {
      worker.on("error", (error) => handler(error.message));
      worker.on("messageerror", (error) => handler(error.message));
      worker.on("exit", (code) => handler(`it exited with code ${code}`));
    },
    async terminate() {
      // A thread that is ended while it loads its program leaves the files it reads open for ever.
      await ready;
      await worker.terminate();
      for (const file of files.splice(0)) file.close();
    },
  };
}
