// npm run soak -- --corpus [SESSIONS [ISOLATION...]]: the hostile corpus (test/hostile) in one process, so many boots in each isolation. Fails
// when a case doesn't end as it must, when memory that is given back isn't zero, and when memory, open files, threads or processes
// are left.

import { boot, checkReleased, type Isolation } from "userboot-wasm";
import { CORPUS } from "../hostile/corpus.js";
import { complaints, observe } from "../hostile/run.js";
import { collect, openFiles, processes, threads } from "../support/resources.js";

/** Bytes that resident memory may grow by in the second half. */
const GROWTH_MAX = 96 * 1024 * 1024;
/** Node opens a few files for itself now and then. */
const FILES_MAX = 4;

const [sessionCount = "2000", ...isolations] = process.argv.slice(2);
const count = Number(sessionCount);
checkReleased(true);

/** Bytes of memory that are held, without what only waits to be collected. */
function resident(): number {
  collect();
  return process.memoryUsage().rss;
}

async function sessions(isolation: Isolation): Promise<void> {
  const began = performance.now();
  let files = 0;
  let half = 0;
  for (let i = 0; i < count; i++) {
    if (i === count >> 1) {
      files = openFiles();
      half = resident();
    }
    const one = CORPUS[i % CORPUS.length]!;
    const wrong = complaints(await observe(one, (options) => boot({ ...options, isolation })), one.outcome);
    if (wrong.length > 0) throw new Error(`${isolation}: ${one.name}: ${wrong.join("; ")}`);
    if ((i + 1) % 500 === 0) {
      console.log(`${isolation}: ${i + 1} boots, ${(resident() / 1048576).toFixed(0)} MiB, ${openFiles()} files`);
    }
  }
  const grown = resident() - half;
  const left = { files: openFiles() - files, threads: threads(), processes: processes() };
  const each = ((performance.now() - began) / count).toFixed(1);
  const memory = `${(grown / 1048576).toFixed(1)} MiB more in the second half`;
  console.log(
    `${isolation}: ${count} boots of ${CORPUS.length} cases, ${each} ms each; ${memory}; left: ${JSON.stringify(left)}`,
  );
  if (grown > GROWTH_MAX || left.files > FILES_MAX || left.threads > 0 || left.processes > 0) process.exitCode = 1;
}

for (const isolation of isolations.length > 0 ? (isolations as Isolation[]) : (["none", "thread", "process"] as const))
  await sessions(isolation);
