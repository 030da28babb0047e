// Replays runs on a few threads, and replaces a thread whose run doesn't come to an end.

import { Worker } from "node:worker_threads";
import type { Outcome } from "./outcome.js";
import type { Run } from "./runs.js";

/** A run that takes longer hangs. */
const RUN_MS = 60_000;

/** Replays `runs` on `threads` threads and gives each outcome to `done`, in no particular order. */
export async function replayAll(
  root: string,
  runs: readonly Run[],
  threads: number,
  done: (run: Run, outcome: Outcome) => void,
): Promise<void> {
  const queue = [...runs].reverse();
  const work = async () => {
    let worker = startWorker(root);
    for (let run = queue.pop(); run !== undefined; run = queue.pop()) {
      const result = await ask(worker, run);
      if (result === undefined) {
        await worker.terminate();
        worker = startWorker(root);
      }
      done(run, result ?? broken(`no end within ${RUN_MS / 1000} s`));
    }
    await worker.terminate();
  };
  await Promise.all(Array.from({ length: Math.min(threads, runs.length) }, work));
}

function startWorker(root: string): Worker {
  return new Worker(new URL("./worker.js", import.meta.url), { workerData: { root } });
}

/** The outcome of `run`; undefined when it doesn't end. */
function ask(worker: Worker, run: Run): Promise<Outcome | undefined> {
  return new Promise((resolve) => {
    const finish = (result: Outcome | undefined) => {
      clearTimeout(timer);
      worker.off("message", finish);
      worker.off("error", fail);
      resolve(result);
    };
    const fail = (error: Error) => finish(broken(String(error.stack ?? error)));
    const timer = setTimeout(() => finish(undefined), RUN_MS);
    worker.on("message", finish);
    worker.on("error", fail);
    worker.postMessage(run);
  });
}

/** The outcome of a run that could not be replayed. */
export function broken(why: string): Outcome {
  return { state: "failed", units: 1, unitsPassed: 0, differences: [why] };
}
