// A session's thread in browsers.

import type { Cell } from "../isolation/cell.js";
import { ThreadChannel } from "./channel.js";

/** A cell that is a worker of this page. */
export function spawnBrowserThread(): Cell {
  const worker = new Worker(new URL("./browser_entry.js", import.meta.url), { type: "module" });
  const channel = new ThreadChannel();
  return {
    facts: { level: "thread" },
    keys: channel.keys,
    start: (message) => worker.postMessage(channel.prepare(message)),
    answer: (answer) => channel.answer(answer),
    ask: (request) => worker.postMessage(request),
    hold: () => {},
    onMessage(handler) {
      worker.onmessage = (event) => handler(channel.received(event.data));
    },
    onFailure(handler) {
      worker.onerror = (event) => handler(event.message || "its program can't be loaded");
      worker.onmessageerror = () => handler("a message can't be read");
    },
    async terminate() {
      channel.close();
      worker.terminate();
    },
  };
}
