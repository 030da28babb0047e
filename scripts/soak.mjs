// npm run soak [SESSIONS]: thousands of sessions in one process, ended in all ways, a part of them in workers. Fails
// when memory, open files or threads grow.
import { readdirSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { prepare } from "./prepare.mjs";

prepare();
const { boot, KeysConsole } = await import("userboot-wasm");
const SESSIONS = Number(process.argv[2] ?? 10_000);
/** One of so many sessions runs in a worker: each of the ends in turn. */
const IN_WORKER = 17;
const GROWTH_MAX = 64 * 1024 * 1024;
/** Node opens a few files for itself now and then. */
const FILES_MAX = 4;

const image = gunzipSync(readFileSync(new URL("../images/amd64-ufs2-gpt.img.gz", import.meta.url)));
const base = { disks: [image], start: "simp", clock: "virtual" };
const lua = { start: "lua", interfaceVersion: 4 };
const forth = { start: "4th", interfaceVersion: 4 };
const keys = (...typed) => ({ console: new KeysConsole(typed) });
/** A session of each way to end, and what it ends with. */
const ENDS = [
  ["exec", () => keys("\r")],
  ["exit", () => keys(" quit\r")],
  ["InputEndedError", () => keys(" ")],
  ["LimitError", () => ({ limits: { fuel: 1000 } })],
  ["LimitError", () => ({ limits: { consoleBytes: 10 } })],
  ["LimitError", () => ({ limits: { wallMs: 0 } })],
  ["AbortedError", () => ({ signal: AbortSignal.abort() })],
  ["InterpreterError", () => ({ loader: "4th" })],
  ["exec", () => ({ start: "lua", ...keys("\r") })],
  ["exec", () => ({ ...lua, ...keys("\r") })],
  ["exit", () => ({ ...lua, ...keys(" quit\r") })],
  ["InputEndedError", () => ({ ...lua, ...keys(" ", "print(pcall(error, 'x')) loader.perform('ls /boot')\r") })],
  ["LimitError", () => ({ ...lua, limits: { fuel: 300_000 }, ...keys(" ", "while true do end\r") })],
  [
    "LimitError",
    () => ({
      ...lua,
      limits: { moduleMemory: 2 << 20 },
      ...keys(" ", "while true do pcall(('x').rep, 'x', 1 << 20) end\r"),
    }),
  ],
  ["exec", () => ({ ...forth, ...keys("\r") })],
  ["LimitError", () => ({ ...forth, limits: { fuel: 300_000 }, ...keys(" ", ": x begin again ; x\r") })],
];

const openFiles = () => {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return 0;
  }
};
const threads = () => process.getActiveResourcesInfo().filter((name) => name === "Worker").length;

async function sessions(count) {
  for (let i = 0; i < count; i++) {
    const [wanted, more] = ENDS[i % ENDS.length];
    const options = { ...base, ...more(), worker: i % IN_WORKER === 0 };
    const ended = await boot(options).then(
      (result) => {
        result.release();
        return result.error?.name ?? result.reason;
      },
      (error) => error.name,
    );
    if (ended !== wanted) throw new Error(`session ${i} was to end with ${wanted}, and ended with ${ended}`);
  }
}

await sessions(Math.ceil(SESSIONS / 10));
const files = openFiles();
const before = process.memoryUsage().rss;
const began = performance.now();
let peak = before;
for (let done = 0; done < SESSIONS; done += 1000) {
  await sessions(Math.min(1000, SESSIONS - done));
  const { rss } = process.memoryUsage();
  peak = Math.max(peak, rss);
  console.log(`${Math.min(done + 1000, SESSIONS)} sessions: ${(rss / 1048576).toFixed(0)} MiB, ${openFiles()} files`);
}
const perSession = (performance.now() - began) / SESSIONS;
const grown = process.memoryUsage().rss - before;
console.log(`${perSession.toFixed(2)} ms a session, memory ${grown > 0 ? "+" : ""}${(grown / 1048576).toFixed(1)} MiB`);
if (grown > GROWTH_MAX || openFiles() > files + FILES_MAX || threads() > 0) {
  console.error(`something is left behind: ${grown} bytes, ${openFiles() - files} files, ${threads()} threads`);
  process.exitCode = 1;
}
