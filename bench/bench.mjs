// npm run bench: what a boot costs, warm and cold, against floors measured in the same run. Prints a table
// and, with --json, one object. Targets are those of the project, and figures that don't depend on the machine are
// compared with baseline.json: what is missed or worse is marked, and fails the run when --check is given. --update
// writes the baseline. What the rows need besides the project: README.md.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gunzipSync } from "node:zlib";
import { prepare } from "../scripts/prepare.mjs";
import { compare, update } from "./baseline.mjs";
import { formatRows } from "./formats.mjs";
import { forthRows } from "./forth.mjs";
import { makeGuest, openFloor } from "./guest.mjs";
import { hostingRows } from "./hosting.mjs";
import { inspectRows } from "./inspect.mjs";
import { luaRows } from "./lua.mjs";
import { unpackRows } from "./unpack.mjs";
import { zfsRows } from "./zfs.mjs";

prepare("release");
const { boot, FileDisk, preload } = await import("userboot-wasm");
const RUNS = 40;
const COLD_RUNS = 9;
const BUILD = fileURLToPath(new URL("../build/", import.meta.url));
const CLI = join(BUILD, "host", "programs", "userboot.cjs");
const KIB = 1024;
const MIB = 1024 * KIB;

const rows = [];
const row = (name, value, unit, target) =>
  rows.push({ name, value, unit, target, met: target === undefined || value <= target });
/** A row that can't be measured here, and why. */
const leftOut = (name, why) => rows.push({ name, leftOut: why, met: true });

/** Median of `count` measurements in ms. */
function median(count, measure) {
  const times = Array.from({ length: count }, measure).sort((a, b) => a - b);
  return times[count >> 1];
}
const timed = (work) => {
  const began = performance.now();
  work();
  return performance.now() - began;
};

const directory = mkdtempSync(join(tmpdir(), "userboot-bench-"));
const againstAt = process.argv.indexOf("--against");
if (againstAt >= 0) {
  const { against } = await import("./against.mjs");
  const good = against(process.argv[againstAt + 1], directory);
  rmSync(directory, { recursive: true, force: true });
  process.exit(good || !process.argv.includes("--check") ? 0 : 1);
}
if (process.argv.includes("--hosting")) {
  try {
    await hostingRows({ directory, row, leftOut });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  report();
  process.exit();
}
try {
  const guest = makeGuest(directory);
  await preload();

  /** A disk that keeps the time it takes. */
  class TimedDisk {
    #disk = new FileDisk(guest.path);
    ms = 0;
    promises = false;
    sectorSize = this.#disk.sectorSize;
    size = this.#disk.size;
    read(offset, target) {
      const began = performance.now();
      const count = this.#disk.read(offset, target);
      this.ms += performance.now() - began;
      return count;
    }
    close() {
      this.#disk.close();
    }
  }
  const options = { start: "simp", interfaceVersion: 4, isolation: "none", clock: "virtual" };
  const bootOnce = async (more = {}) => {
    const disk = new TimedDisk();
    const began = performance.now();
    const result = await boot({ ...options, disks: [disk], ...more });
    const ms = performance.now() - began;
    disk.close();
    return { result, ms, diskMs: disk.ms };
  };

  const first = await bootOnce();
  if (first.result.reason !== "exec") throw new Error(`the guest does not boot: ${JSON.stringify(first.result.error)}`);
  const { result } = first;

  // Warm: in this process, RAM given back after each boot, then without that.
  const floor = openFloor(guest);
  const series = async (again, more) => {
    const all = [];
    const floors = [];
    for (let i = 0; i < RUNS; i++) {
      const one = await bootOnce(more);
      if (again) one.result.release();
      all.push(one);
      floors.push(floor.read());
    }
    all.sort((a, b) => a.ms - b.ms);
    return { ...all[RUNS >> 1], floorMs: floors.sort((a, b) => a - b)[RUNS >> 1] };
  };
  // The engine compiles in steps; measure what is left when it has.
  for (let i = 0; i < 4; i++) await series(true);
  const warm = await series(true);
  const hooked = await series(true, { hooks: { onSetenv: () => undefined, onExec: () => undefined } });
  const examined = await series(true, { hooks: { onFile: () => undefined } });
  const fresh = await series(false);
  // Time passes by promises then, should the guest wait.
  const suspendable = WebAssembly.Suspending === undefined ? undefined : await series(true, { clock: "real" });
  /** A boot that is started elsewhere, from the call to its result. */
  const elsewhere = async (more) => {
    const all = [];
    for (let i = 0; i < 11; i++) {
      const began = performance.now();
      const one = await boot({ ...options, disks: [guest.path], ...more });
      all.push(performance.now() - began);
      if (one.reason !== "exec") throw new Error(`${JSON.stringify(more)}: ${JSON.stringify(one.error)}`);
      one.release();
    }
    return all.sort((a, b) => a - b)[5];
  };
  const inThread = await elsewhere({ isolation: "thread" });
  const inProcess = await elsewhere({ isolation: "process", confine: "none" });
  const inBwrap = existsSync("/usr/bin/bwrap")
    ? await elsewhere({ isolation: "process", confine: "bwrap" })
    : undefined;

  // The project's own guest wants simp: started with it, and with what has to be swapped for it.
  const image = gunzipSync(readFileSync(new URL("../images/amd64-ufs2-gpt.img.gz", import.meta.url)));
  const swapping = async (start) => {
    const all = [];
    for (let i = 0; i < 2 * RUNS; i++) {
      const began = performance.now();
      const one = await boot({ disks: [image], start, isolation: "none", clock: "virtual" });
      all.push(performance.now() - began);
      if (one.reason !== "exec" || one.swaps.length !== (start === "simp" ? 0 : 1))
        throw new Error(`${start} doesn't swap`);
      one.release();
    }
    return all.sort((a, b) => a - b)[RUNS];
  };
  const unswapped = await swapping("simp");
  for (const start of ["4th", "lua"].filter((name) => existsSync(join(BUILD, `userboot_${name}.wasm`)))) {
    row(`swap from ${start}, more than the same guest started right`, (await swapping(start)) - unswapped, "ms", 5);
  }

  row("warm boot", warm.ms, "ms");
  row("  floor: reading the loaded bytes, after each boot", warm.floorMs, "ms");
  row("  ratio", warm.ms / warm.floorMs, "x", 6);
  row("  ratio to the floor in a loop of its own", warm.ms / floor.inLoop(), "x");
  floor.close();
  row("  instantiate", warm.result.timeMs.instantiate, "ms");
  row("  run: disk", warm.diskMs, "ms");
  row("  run: all else", warm.result.timeMs.run - warm.diskMs, "ms");
  row("  decode the result", warm.result.timeMs.decode, "ms");
  row("warm boot, hooks on variables and entry", hooked.ms, "ms");
  row("warm boot, files examined and hashed", examined.ms, "ms");
  row("warm boot, its RAM not given back", fresh.ms, "ms");
  if (suspendable === undefined) leftOut("warm boot that may be suspended", "an engine without JSPI");
  else {
    row("warm boot that may be suspended", suspendable.ms, "ms");
    row("  ratio to one that may not", suspendable.ms / warm.ms, "x", 1.1);
  }
  row("boot in a thread of its own", inThread, "ms");
  await formatRows({ directory, row, leftOut, guest, boot: (disk) => boot({ ...options, disks: [disk] }) });
  await forthRows({ directory, row, leftOut, median });
  await luaRows({ directory, row, leftOut, median });
  zfsRows({ directory, row });
  await inspectRows({ directory, row, leftOut, guest });
  await hostingRows({ directory, row, leftOut });
  row("disk calls", result.disk.calls, "", 60);
  row("disk bytes", result.disk.bytes, "");
  row("  ratio to the loaded files' bytes", result.disk.bytes / guest.loaded, "x", 1.1);
  row("host calls", result.hostCalls, "");
  row("module memory", result.moduleMemory / MIB, "MiB", 32);

  // Cold: processes of their own.
  const spawn = (args) => {
    const { status } = spawnSync(process.execPath, args, { stdio: "ignore" });
    if (status !== 0) throw new Error(`${args.join(" ")} gave ${status}`);
  };
  const cli = [CLI, "boot", "-d", guest.path, "--start", "simp", "--interface", "4", "--clock", "virtual"];
  spawn(cli);
  const node = median(COLD_RUNS, () => timed(() => spawn(["-e", "0"])));
  const cold = median(COLD_RUNS, () => timed(() => spawn(cli)));
  row("node -e 0", node, "ms");
  row("boot in a process of its own", inProcess, "ms");
  row("  ratio to node -e 0", inProcess / node, "x");
  if (inBwrap === undefined) leftOut("boot in a process in bubblewrap", "no bwrap");
  else row("boot in a process in bubblewrap", inBwrap, "ms");
  row("cold `userboot boot`", cold, "ms");
  row("  ratio", cold / node, "x", 3);
  const program = join(directory, "peak.mjs");
  const peakOf = (args) => {
    writeFileSync(program, peak(args));
    return program;
  };
  peakOf(cli);
  const report = spawnSync(process.execPath, [program], { encoding: "utf8" });
  row("peak resident memory of it", Number(report.stderr) / KIB, "MiB");
  unpackRows({ directory, row, leftOut, guest, peak: (image) => peakOf(cli.with(cli.indexOf(guest.path), image)) });
  for (const file of readdirSync(BUILD).filter((name) => name.endsWith(".wasm"))) {
    row(file, statSync(join(BUILD, file)).size / 1000, "KB", 150);
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}

/** A program that is the command line with `args` and prints its own peak of resident KiB. */
function peak(args) {
  return `import { writeSync } from "node:fs";
    process.argv = ["node", ...${JSON.stringify(args)}];
    process.on("exit", () => writeSync(2, String(process.resourceUsage().maxRSS)));
    await import(${JSON.stringify(pathToFileURL(CLI).href)});`;
}

report();

/** Compares the rows with the baseline and prints them. */
function report() {
  if (process.argv.includes("--update")) update(rows);
  compare(rows);
  if (process.argv.includes("--json")) console.log(JSON.stringify(rows, undefined, 2));
  else {
    const width = Math.max(...rows.map(({ name }) => name.length));
    for (const { name, value, unit, target, met, change, worse, leftOut } of rows) {
      if (leftOut) {
        console.log(`${name.padEnd(width)}  left out: ${leftOut}`);
        continue;
      }
      const number = Number.isInteger(value) ? String(value) : value.toFixed(2);
      const percent = change === undefined ? "" : `${change < 0 ? "" : "+"}${(change * 100).toFixed(1)} %`;
      const goal = target === undefined ? "" : `  at most ${target} ${met ? "" : "MISSED"}`;
      const line = `${name.padEnd(width)}  ${number.padStart(10)} ${unit.padEnd(3)} ${percent.padStart(9)}`;
      console.log(`${line}${worse ? " WORSE" : ""}${goal}`.trimEnd());
    }
  }
  if (process.argv.includes("--check") && rows.some(({ met, worse }) => !met || worse)) process.exitCode = 1;
}
