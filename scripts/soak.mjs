// npm run soak [SESSIONS]: thousands of sessions in one process, ended in all ways, a part of them in threads and
// processes of their own. Fails when memory, open files or threads grow. With --hostile: test/soak/main.ts.

import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { prepare, root, run } from "./prepare.mjs";

prepare();
if (process.argv.includes("--hostile")) {
  run(process.execPath, [join("node_modules", "typescript", "bin", "tsc"), "-p", join("test", "soak")]);
  const main = join(root, "build", "soak", "soak", "main.js");
  const words = process.argv.slice(2).filter((word) => word !== "--hostile");
  const { status } = spawnSync(process.execPath, [main, ...words], { stdio: "inherit" });
  process.exit(status ?? 1);
}
const { boot, checkReleased, KeysConsole } = await import("userboot-wasm");
checkReleased(true);
const SESSIONS = Number(process.argv[2] ?? 10_000);
/** One of so many sessions runs in a thread, or a process: each of the ends in turn. */
const IN_THREAD = 17;
const IN_PROCESS = 51;
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
    const options = {
      ...base,
      ...more(),
      isolation: i % IN_PROCESS === 1 ? "process" : i % IN_THREAD === 0 ? "thread" : "none",
    };
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
