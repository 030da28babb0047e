// npm run soak -- --hostile [SESSIONS] [--seed N]: hostile sessions at random (hostile.ts) in one process. Fails when
// one ends as it may not, when memory that is given back isn't zero, and when memory, open files, threads or processes
// are left.

import { boot, checkReleased } from "userboot-wasm";
import { children, killAll, openFiles, processes, threads } from "../support/resources.js";
import { type Hostile, hostile, Random } from "./hostile.js";

/** What a session's result may say. Anything else is a defect. */
const ENDS = [
  ...["exec", "exit", "LimitError", "InputEndedError", "InterpreterError", "PolicyError", "MemoryError"],
  "RegisterError",
];
/** Bytes that resident memory may grow by in the second half. */
const GROWTH_MAX = 96 * 1024 * 1024;
/** Node opens a few files for itself now and then. */
const FILES_MAX = 4;
/** A session ends so much later than its wall time at the most; threads and processes need time to start, too. */
const LATE_MS = 8000;

const words = process.argv.slice(2);
const seedAt = words.indexOf("--seed");
const seed = seedAt >= 0 ? Number(words[seedAt + 1]) : Date.now() % 2 ** 31;
const count = Number(words.find((word, i) => /^\d+$/.test(word) && i !== seedAt + 1) ?? 2000);
const random = new Random(seed);
checkReleased(true);

/** Runs a session and gives what it ended with; throws when that may not be. */
async function run({ name, options, rejects, abortMs, killMs }: Hostile): Promise<string> {
  const killed = killMs !== undefined;
  const timer = killed ? setTimeout(() => killAll(children() ?? []), killMs) : undefined;
  const signal = abortMs === undefined ? {} : { signal: AbortSignal.timeout(abortMs) };
  const began = performance.now();
  try {
    const result = await boot({ ...options, ...signal });
    const end = result.error?.name ?? result.reason;
    const fine = ENDS.includes(end) || (killed && end === "IsolationError");
    if (!fine) throw new Error(`${name} ended with ${end}: ${result.error?.message}`);
    result.release();
    const took = performance.now() - began;
    if (took > (options.limits?.wallMs ?? 0) + LATE_MS) throw new Error(`${name} took ${Math.round(took)} ms`);
    return end;
  } catch (error) {
    if (error instanceof Error && rejects.includes(error.name)) return `rejected: ${error.name}`;
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

console.log(`${count} hostile sessions, seed ${seed}`);
const ends = new Map<string, number>();
let files = 0;
let half = 0;
for (let i = 0; i < count; i++) {
  if (i === count >> 1) {
    files = openFiles();
    half = process.memoryUsage().rss;
  }
  const session = hostile(random);
  try {
    const end = await run(session);
    ends.set(end, (ends.get(end) ?? 0) + 1);
  } catch (error) {
    console.error(`session ${i} (seed ${seed}): ${session.name}:`, error);
    process.exit(1);
  }
  if ((i + 1) % 200 === 0) {
    const { rss } = process.memoryUsage();
    console.log(`${i + 1} sessions: ${(rss / 1048576).toFixed(0)} MiB, ${openFiles()} files`);
  }
}
for (const [end, times] of [...ends].sort(([, a], [, b]) => b - a)) console.log(`${String(times).padStart(6)} ${end}`);
const grown = process.memoryUsage().rss - half;
const left = { files: openFiles() - files, threads: threads(), processes: processes() };
console.log(`memory ${(grown / 1048576).toFixed(1)} MiB more in the second half; left: ${JSON.stringify(left)}`);
if (grown > GROWTH_MAX || left.files > FILES_MAX || left.threads > 0 || left.processes > 0) process.exitCode = 1;
else console.log("nothing found");
