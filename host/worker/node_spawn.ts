// A session's thread on Node: one with an empty environment, no standard streams of the process, a small
// heap (guest memory and the module's memory lie outside it and have limits of their own), and Node's permission
// model where there is one: it can read this package's files and nothing else. Images come to it open.

import { Worker, type WorkerOptions } from "node:worker_threads";
import type { FileDisk } from "../disks/file.js";
import { openImages } from "../disks/open.js";
import type { Cell } from "../isolation/cell.js";
import { type ModuleGiven, READY, ThreadChannel } from "./channel.js";
import { readingRights } from "./node_rights.js";

const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 32, stackSizeMb: 4 };

/** The program of a session's thread, and of one that looks into images. */
export const PROGRAM = new URL("./node_entry.js", import.meta.url);
export const INSPECT_PROGRAM = new URL("./node_inspect_entry.js", import.meta.url);

/** A thread, and when it has loaded its program (or is gone). */
interface Thread {
  worker: Worker;
  ready: Promise<void>;
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

function start(program: URL): Thread {
  const worker = startWorker(program);
  const ready = new Promise<void>((resolve) => {
    worker.once("message", () => resolve());
    worker.once("error", () => resolve());
    worker.once("exit", () => resolve());
  });
  return { worker, ready };
}

function startWorker(program: URL): Worker {
  try {
    return new Worker(program, workerOptions());
  } catch (error) {
    // A Node that takes the flags for whole processes only.
    if ((error as NodeJS.ErrnoException).code !== "ERR_WORKER_INVALID_EXEC_ARGV") throw error;
    return new Worker(program, { ...workerOptions(), execArgv: [] });
  }
}

/** A cell that is a thread of this process; it loads `program` while the session is prepared. */
export function spawnNodeThread(program = PROGRAM): Cell {
  const { worker, ready } = start(program);
  const channel = new ThreadChannel((message) => worker.postMessage(message));
  const files: FileDisk[] = [];
  return {
    facts: { level: "thread" },
    keys: channel.keys,
    start(message) {
      const disks = openImages(message.disks, files);
      channel.start({ ...message, disks });
    },
    answer: (answer) => channel.answer(answer),
    serve: (reply) => channel.serve(reply),
    ask: (request) => worker.postMessage(request),
    give: (_flavour, module) => worker.postMessage({ type: "module", module } satisfies ModuleGiven),
    hold: (on) => (on ? worker.ref() : worker.unref()),
    onMessage: (handler) =>
      void worker.on("message", (message) => {
        if (message !== READY) channel.received(message, handler);
      }),
    onFailure(handler) {
      // A thread can throw anything.
      worker.on("error", (error: Error | undefined) => handler(String(error?.message ?? error)));
      worker.on("messageerror", (error) => handler(error.message));
      worker.on("exit", (code) => handler(`it exited with code ${code}`));
    },
    async terminate() {
      channel.close();
      // A thread that is ended while it loads its program leaves the files it reads open for ever.
      await ready;
      await worker.terminate();
      for (const file of files.splice(0)) file.close();
    },
  };
}
