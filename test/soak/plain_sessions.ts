// npm run soak [SESSIONS]: thousands of sessions in one process, ended in all ways, a part of them in threads and
// processes of their own. Fails when memory, open files or threads grow.

import { type BootOptions, boot, checkReleased, type Isolation } from "userboot-wasm";
import { ENDS, keys, LUA } from "../safety/ends.js";
import { GUESTS, guestImage } from "../support/guests.js";
import { openFiles, threads } from "../support/resources.js";

checkReleased(true);
const SESSIONS = Number(process.argv[2] ?? 10_000);
/** One of so many sessions runs in a thread, or a process: each of the ends in turn. */
const IN_THREAD = 17;
const IN_PROCESS = 51;
const GROWTH_MAX = 64 * 1024 * 1024;
/** Node opens a few files for itself now and then. */
const FILES_MAX = 4;

const image = guestImage(GUESTS.amd64);
const FORTH = { start: "4th", interfaceVersion: 4 } as const;
const ALL: [options: () => BootOptions, end: string][] = [
  ...Object.values(ENDS),
  [() => ({ signal: AbortSignal.abort() }), "AbortedError"],
  [() => ({ ...LUA, ...keys(" ", "print(pcall(error, 'x')) loader.perform('ls /boot')\r") }), "InputEndedError"],
  [() => ({ ...FORTH, ...keys("\r") }), "exec"],
  [() => ({ ...FORTH, limits: { fuel: 300_000 }, ...keys(" ", ": x begin again ; x\r") }), "LimitError"],
];

function isolationOf(session: number): Isolation {
  if (session % IN_PROCESS === 1) return "process";
  return session % IN_THREAD === 0 ? "thread" : "none";
}

async function endOf(options: BootOptions): Promise<string> {
  try {
    const result = await boot(options);
    result.release();
    return result.error?.name ?? result.reason;
  } catch (error) {
    return (error as Error).name;
  }
}

async function sessions(count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const [options, wanted] = ALL[i % ALL.length]!;
    const base = { disks: [image], start: "simp", clock: "virtual" } as const;
    const ended = await endOf({ ...base, ...options(), isolation: isolationOf(i) });
    if (ended !== wanted) throw new Error(`session ${i} was to end with ${wanted}, and ended with ${ended}`);
  }
}

await sessions(Math.ceil(SESSIONS / 10));
const files = openFiles();
const before = process.memoryUsage().rss;
const began = performance.now();
for (let done = 0; done < SESSIONS; done += 1000) {
  await sessions(Math.min(1000, SESSIONS - done));
  const { rss } = process.memoryUsage();
  console.log(`${Math.min(done + 1000, SESSIONS)} sessions: ${(rss / 1048576).toFixed(0)} MiB, ${openFiles()} files`);
}
const perSession = (performance.now() - began) / SESSIONS;
const grown = process.memoryUsage().rss - before;
console.log(`${perSession.toFixed(2)} ms a session, memory ${grown > 0 ? "+" : ""}${(grown / 1048576).toFixed(1)} MiB`);
if (grown > GROWTH_MAX || openFiles() > files + FILES_MAX || threads() > 0) {
  console.error(`something is left behind: ${grown} bytes, ${openFiles() - files} files, ${threads()} threads`);
  process.exitCode = 1;
}
