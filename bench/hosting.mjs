// Rows of those who boot for many: what a boot costs the processor in a thread or process beside an empty one, how soon a pool
// with spares has it done beside a boot in the calling thread, a thousand of them, and tenants who mean ill among others.
// Alone: npm run bench -- --hosting.
import { spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { gunzipSync } from "node:zlib";

const BOOTS = 30;
const WARM_UP = 3;
/** Boots whose latency is taken, and how far they are apart: spares are there again by then. */
const LATENCIES = 120;
const APART_MS = 150;
const MANY = 1000;
const AT_ONCE = 16;
const GOOD = 100;
const HOSTILE = 10;
/** Boots of all good tenants, and how far they are apart on average. */
const GOOD_BOOTS = 400;
const GOOD_APART_MS = 120;
const HOSTILE_MS = 1000;
const MIB = 1024 * 1024;
/** Milliseconds of one of the system's ticks. */
const TICK_MS = 10;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const at = (times, share) => times.sort((a, b) => a - b)[Math.min(times.length - 1, Math.floor(times.length * share))];
const timed = async (work) => {
  const began = performance.now();
  await work();
  return performance.now() - began;
};

/** Processor of this process, in ms. */
function ownCpu() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** That of its children that have ended, as far as the system tells. */
function childrenCpu() {
  const fields = readFileSync("/proc/self/stat", "latin1").split(") ").at(-1).split(" ");
  return (Number(fields[13]) + Number(fields[14])) * TICK_MS;
}

/** Processor of what is done, one after the other, in ms each. */
async function cpuOf(once, cpu) {
  for (let i = 0; i < WARM_UP; i++) await once();
  const before = cpu();
  for (let i = 0; i < BOOTS; i++) await once();
  return (cpu() - before) / BOOTS;
}

/** The rows. */
export async function hostingRows({ row, leftOut, directory }) {
  const { boot, createPool, KeysConsole, preload } = await import("userboot-wasm");
  const { workerOptions } = await import("../build/host/worker/node_spawn.js");
  await preload();
  const path = join(directory, "sample.img");
  writeFileSync(path, gunzipSync(readFileSync(new URL("../images/amd64-ufs2-gpt.img.gz", import.meta.url))));
  const sample = { disks: [path], start: "simp", clock: "virtual" };
  /** A boot that enters its kernel, by `start`. */
  const entered = async (start) => {
    const result = await start();
    if (result.reason !== "exec") throw new Error(`the sample guest ends with ${JSON.stringify(result.error)}`);
    result.release();
  };

  const { resourceLimits } = workerOptions();
  const emptyThread = () =>
    new Promise((resolve) => {
      new Worker("", { eval: true, resourceLimits }).once("exit", resolve);
    });
  const emptyProcess = () =>
    new Promise((resolve) => {
      spawn(process.execPath, ["-e", "0"], { stdio: "ignore", env: {} }).once("close", resolve);
    });
  const inThread = () => cpuOf(() => entered(() => boot({ ...sample, isolation: "thread" })), ownCpu);
  const thread = await cpuOf(emptyThread, ownCpu);
  const first = await inThread();
  // A pool's first spare has its program's code kept for all threads after it.
  const warming = createPool({ isolation: "thread", size: 1, spare: 1, loader: "simp" });
  while (warming.stats().spares === 0) await sleep(10);
  await warming.close();
  const later = await inThread();
  row("processor of an empty Worker", thread, "ms");
  row("processor of a boot in a thread, without a pool", first, "ms");
  row("processor of a boot in a thread, code kept by a pool", later, "ms");
  row("  ratio", later / thread, "x", 1.3);
  if (!existsSync("/proc/self/stat")) leftOut("processor of a boot in a process", "no /proc");
  else {
    const both = () => ownCpu() + childrenCpu();
    const process = await cpuOf(emptyProcess, both);
    const options = { ...sample, isolation: "process", confine: "none" };
    const inProcess = await cpuOf(() => entered(() => boot(options)), both);
    row("processor of node -e 0", process, "ms");
    row("processor of a boot in a process", inProcess, "ms");
    row("  ratio", inProcess / process, "x", 1.5);
  }

  for (const isolation of ["thread", "process"]) {
    const pool = createPool({ isolation, size: 2, spare: 3, loader: "simp" });
    await sleep(10 * APART_MS);
    const here = [];
    const pooled = [];
    for (let i = 0; i < LATENCIES + WARM_UP; i++) {
      await sleep(APART_MS);
      const first = await timed(() => entered(() => boot({ ...sample, isolation: "none" })));
      const second = await timed(() => entered(() => pool.boot(sample)));
      if (i < WARM_UP) continue;
      here.push(first);
      pooled.push(second);
    }
    await pool.close();
    row(`pool of spares, ${isolation}: median latency`, at(pooled, 0.5), "ms");
    row("  ratio to a boot in this thread", at(pooled, 0.5) / at(here, 0.5), "x", 2);
    row(`pool of spares, ${isolation}: 99 of 100 within`, at(pooled, 0.99), "ms");
    row("  ratio to a boot in this thread", at(pooled, 0.99) / at(here, 0.5), "x", 10);
  }

  const pool = createPool({ size: AT_ONCE, loader: "simp", maxQueue: MANY });
  let ended = 0;
  let early = 0;
  const one = async (i) => {
    await entered(() => pool.boot({ ...sample, tenant: `tenant ${i % GOOD}` }));
    ended++;
    // What there is after a fifth of them isn't to grow any more.
    if (ended === MANY / 5) early = process.memoryUsage().rss;
  };
  const all = await timed(async () => {
    for (const lot of Array.from({ length: MANY / GOOD }, (_, i) => i * GOOD))
      await Promise.all(Array.from({ length: GOOD }, (_, i) => one(lot + i)));
  });
  await pool.close();
  row(`${MANY} boots, ${AT_ONCE} at once: lost`, MANY - ended, "", 0);
  row("  each", all / MANY, "ms");
  row(
    "  resident memory, more than after a fifth of them",
    Math.max(0, process.memoryUsage().rss - early) / MIB,
    "MiB",
    32,
  );

  const latencies = async (hostile) => {
    const mixed = createPool({ size: 2, spare: 4, loader: "simp", limits: { tenantRunning: 1 } });
    let over = false;
    const mean = async (tenant) => {
      while (!over) {
        const console = new KeysConsole([" ", "while true do end\r"]);
        const limits = { wallMs: HOSTILE_MS };
        (await mixed.boot({ disks: [path], start: "lua", interfaceVersion: 4, console, limits, tenant })).release();
      }
    };
    const ill = Array.from({ length: hostile }, (_, i) => mean(`hostile ${i}`));
    const times = [];
    const good = [];
    // Nobody is known at first: each has booted once before times are taken.
    const known = Math.max(GOOD, Math.ceil(((hostile + 1) * HOSTILE_MS) / GOOD_APART_MS));
    for (let i = 0; i < known + GOOD_BOOTS; i++) {
      const boots = () => entered(() => mixed.boot({ ...sample, tenant: `good ${i % GOOD}` }));
      good.push(timed(boots).then((ms) => i >= known && times.push(ms)));
      await sleep(GOOD_APART_MS * (0.5 + (i % 7) / 6));
    }
    await Promise.all(good);
    over = true;
    await Promise.all(ill);
    await mixed.close();
    return at(times, 0.99);
  };
  const alone = await latencies(0);
  const among = await latencies(HOSTILE);
  row(`${GOOD} tenants: 99 of 100 boots within`, alone, "ms");
  row(`  with ${HOSTILE} hostile ones among them`, among, "ms");
  row("  ratio", among / alone, "x", 2);
}
