// npm run timings: how long one waits for this project, on a clean clone of the last commit in a temporary directory.
// Prints each wait beside its target, which is meant for two idle cores, and the processor's seconds (Linux), which a
// busy machine changes less. Fails when a target is missed.
import { spawnSync } from "node:child_process";
import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { affectedTests } from "./affected.mjs";
import { root } from "./prepare.mjs";

/** Load of a machine that does something else beside, per core. */
const BUSY = 0.3;

/** A second in /proc, on every Linux of today. */
const CLOCK_TICKS = 100;

const scratch = mkdtempSync(join(tmpdir(), "userboot-timings-"));
const clone = join(scratch, "clone");
let missed = 0;

/** Runs a program in the clone, or ends with what it printed. */
function run(command, ...args) {
  const env = { ...process.env, CI: "" };
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: clone, env, encoding: "utf8" });
  if (status === 0) return;
  process.stderr.write(`${stdout}${stderr}`);
  throw error ?? new Error(`${command} ${args.join(" ")} ended with ${status}`);
}

/** Seconds of processor that ended children took, theirs included; NaN where the system doesn't say. */
function processorSeconds() {
  if (!existsSync("/proc/self/stat")) return Number.NaN;
  const fields = readFileSync("/proc/self/stat", "utf8")
    .replace(/^.*\) /, "")
    .split(" ");
  return (Number(fields[13]) + Number(fields[14])) / CLOCK_TICKS;
}

/** Prints how long `work` takes, in seconds, and the most that it should. */
function timed(name, target, work) {
  const began = performance.now();
  const used = processorSeconds();
  work();
  const seconds = (performance.now() - began) / 1000;
  const processor = processorSeconds() - used;
  const met = target === undefined || seconds <= target;
  if (!met) missed++;
  const goal = target === undefined ? "" : `  at most ${target}${met ? "" : "  MISSED"}`;
  const cost = Number.isNaN(processor) ? "" : ` (processor ${processor.toFixed(1)} s)`;
  console.log(`${seconds.toFixed(1).padStart(6)} s${cost}${goal}  ${name}`);
}

const files = () =>
  readdirSync(clone, { recursive: true }).filter((path) => /^(loader-wasm|host|test)\/.*\.ts$/.test(path));

/** Adds a line to the file whose path ends with `end`, as an edit does, and runs its tests. */
function edit(name, target, end) {
  const path = files().find((file) => file.endsWith(end));
  if (path === undefined) throw new Error(`there is no ${end}`);
  const tests = affectedTests(
    [path],
    files().filter((file) => file.endsWith(".test.ts")),
  );
  appendFileSync(join(clone, path), "// One line more.\n");
  timed(`${name}, its tests run: ${path}, ${tests.join(" ")}`, target, () => run("npm", "test", "--", ...tests));
}

try {
  const load = loadavg()[0];
  if (load > BUSY * availableParallelism())
    console.log(`*** the machine is busy (load ${load.toFixed(1)}): these are not its times ***`);
  spawnSync("git", ["clone", "--quiet", "--local", root, clone], { stdio: "inherit" });
  timed("npm ci", undefined, () => run("npm", "ci", "--no-audit", "--no-fund", "--prefer-offline"));
  timed("npm start on a fresh clone, packages being there", 35, () => run("npm", "start"));
  timed("npm start again", undefined, () => run("npm", "start"));
  edit("one line of a file system", 15, "fs/ufs/inode.ts");
  edit("one line of the host", 8, "host/options.ts");
  rmSync(join(clone, "build"), { recursive: true });
  timed("release build of everything", 60, () => run("npm", "run", "build"));
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
if (missed > 0) process.exitCode = 1;
