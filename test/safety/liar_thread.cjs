// A session's thread that somebody has taken over, as liar.mjs is for a process: one file without imports, as threads' programs are.

const { parentPort } = require("node:worker_threads");

const data = {
  ...{ reason: "exit", exitCode: 1, flavour: "lua", swaps: [], swapRequests: [], interpreterChecks: [], calls: [] },
  ...{
    memory: [],
    memoryGranule: 1,
    memoryFaults: 0,
    modules: [],
    environment: {},
    disk: { calls: 0, bytes: 0, healed: 0 },
  },
  ...{ hostCalls: 0, console: { bytes: 0 }, fuelUsed: 0, moduleMemory: 0, virtualSeconds: 0, diagnostics: [] },
  ...{ timeMs: { instantiate: 0, run: 0, decode: 0, total: 0 }, isolation: { level: "none" } },
};
const throws = (value) => {
  // Once what was posted before is there: an error may overtake it.
  setTimeout(() => {
    throw value;
  }, 300);
};
const ends = (ram, more = {}) =>
  parentPort.postMessage({
    ...{ type: "done", keysConsumed: 0, data: { ...data, ...more } },
    memory: { low: 4096, high: 0, ram, faults: 0, written: [] },
  });

const CASES = {
  "throws nothing": () => throws(null),
  "throws an object": () => throws({ message: { more: 1 } }),
  "throws a long text": () => throws("A".repeat(2 ** 24)),
  "throws what no text can be made of": () => throws({ message: { toString: 1, valueOf: 1 } }),
  "writes what is taken": () =>
    parentPort.postMessage({ type: "output", bytes: new Uint8Array(new SharedArrayBuffer(8)) }),
  "more memory than there is": ({ memory }) => ends(new ArrayBuffer(memory.low + 1)),
  "memory that is shared": ({ memory }) => ends(new SharedArrayBuffer(memory.low)),
  "memory that is no memory": ({ memory }) => ends({ length: memory.low }),
  "a module by its path": () => parentPort.postMessage({ type: "module", name: "../simp" }),
  "a module that it has": () => parentPort.postMessage({ type: "module", name: "simp" }),
  "a list that is there many times": ({ memory }) =>
    ends(new ArrayBuffer(memory.low), { calls: Array(20_000).fill(Array(20_000).fill(0)) }),
  "an environment that is a class's": ({ memory }) =>
    ends(new ArrayBuffer(memory.low), { environment: new (require("node:net").BlockList)() }),
  "a list of holes": ({ memory }) =>
    ends(new ArrayBuffer(memory.low), { diagnostics: Object.assign([], { length: 2 ** 32 - 1 }) }),
};

parentPort.once("message", ({ options }) => {
  parentPort.postMessage({ type: "began" });
  CASES[Buffer.from(options.env[0]).toString().slice("case=".length)](options);
});
parentPort.postMessage("ready");
