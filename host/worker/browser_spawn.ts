// A session's thread in browsers.

import { type Assets, NEEDED, type WorkerAsset } from "../assets.js";
import { AssetError, OptionError, type UserbootError } from "../errors.js";
import { fetchAsset, isPage } from "../fetched.js";
import type { Cell } from "../isolation/cell.js";
import type { CellOptions } from "../isolation/makers.js";
import { pagePlace } from "../page_assets.js";
import { type ModuleGiven, ThreadChannel } from "./channel.js";

/** A cell that is a worker of this page. */
export function spawnBrowserThread({ assets, full, inspects }: CellOptions): Cell {
  const program = wantedProgram(assets, full || inspects);
  const worker = startWorker(program);
  const channel = new ThreadChannel((message) => worker.postMessage(message));
  let heard = false;
  return {
    facts: { level: "thread" },
    keys: channel.keys,
    start: (message) => channel.start(message),
    answer: (answer) => channel.answer(answer),
    serve: (reply) => channel.serve(reply),
    ask: (request) => worker.postMessage(request),
    give: (_flavour, module) => worker.postMessage({ type: "module", module } satisfies ModuleGiven),
    hold: () => {},
    onMessage(handler) {
      worker.onmessage = (event) => {
        heard = true;
        channel.received(event.data, handler);
      };
    },
    onFailure(handler) {
      worker.onerror = (event) => {
        if (heard) handler(event.message || "it failed");
        else void whyNotLoaded(program, event.message).then(handler);
      };
      worker.onmessageerror = () => handler("a message can't be read");
    },
    async terminate() {
      channel.close();
      worker.terminate();
    },
  };
}

function wantedProgram({ bootWorker, worker }: Assets = {}, full = false): WorkerAsset {
  const given = full ? worker : (bootWorker ?? worker);
  const program = given ?? pagePlace(full ? "worker" : "bootWorker");
  if (program === undefined) throw new AssetError("assets.worker", NEEDED);
  return program;
}

/** The programs are classic scripts without imports, so that whatever a bundler makes of them runs. */
function startWorker(program: WorkerAsset): Worker {
  if (typeof program === "function") {
    const worker = program() as Partial<Worker> | undefined;
    if (worker?.postMessage === undefined) throw new OptionError("assets.worker: the function made no Worker");
    return worker as Worker;
  }
  try {
    return new Worker(program);
  } catch (error) {
    const why = "workers must come from the page's own origin";
    throw new AssetError(String(program), `can't be started: ${why} (${(error as Error).message})`);
  }
}

/** What the browser, but for the `message`, doesn't say of a program that it couldn't load. */
async function whyNotLoaded(program: WorkerAsset, message: string): Promise<string | UserbootError> {
  if (typeof program === "function") return message || "its program can't be loaded";
  const { href } = new URL(program, document.baseURI);
  try {
    const { headers, status } = await fetchAsset(href, "HEAD");
    const type = headers.get("content-type") ?? "";
    if (isPage(type)) return new AssetError(href, `the server gives ${type} in its place`, status);
    if (message) return message;
    const why = "a Content-Security-Policy (worker-src, script-src) or its type may forbid it";
    return new AssetError(href, `can't be started as a worker: ${why}`, status);
  } catch (error) {
    return error as AssetError;
  }
}
