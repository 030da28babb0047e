// A session's worker in browsers.

import type { WorkerHandle } from "./run.js";

export function spawnBrowserWorker(): WorkerHandle {
  const worker = new Worker(new URL("./browser_entry.js", import.meta.url), { type: "module" });
  return {
    post: (message) => worker.postMessage(message),
    onMessage(handler) {
      worker.onmessage = (event) => handler(event.data);
    },
    onFailure(handler) {
      worker.onerror = (event) => handler(event.message || "its program can't be loaded");
      worker.onmessageerror = () => handler("a message can't be read");
    },
    async terminate() {
      worker.terminate();
    },
  };
}
