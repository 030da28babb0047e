// The first program of a session's thread on Node: runs the thread's own one, with the code that the engine made of it in a thread
// before, if the caller has that, and gives its own when it is asked.

import { readFileSync } from "node:fs";
import { createRequire, wrap } from "node:module";
import { dirname } from "node:path";
import { Script } from "node:vm";
import { type MessagePort, workerData } from "node:worker_threads";

/** What a thread is started with. */
export interface Launch {
  /** Path of its program. */
  program: string;
  /** What the engine made of it, for this engine; any other isn't used. */
  code?: Uint8Array | undefined;
  /** Where code is asked for. */
  asked?: MessagePort | undefined;
}

const { program, code, asked } = workerData as Launch;
const script = new Script(wrap(readFileSync(program, "utf8")), {
  filename: program,
  ...(code && { cachedData: code }),
});
asked?.once("message", () => asked.postMessage(script.createCachedData()));
asked?.unref();
const module = { exports: {} };
script.runInThisContext()(module.exports, createRequire(program), module, program, dirname(program));
