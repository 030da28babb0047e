// How much one `userboot serve` carries, and whether it stays right and leaves nothing behind when all goes wrong at once:
//   node bench/serve.mjs [--seconds 60] [--isolation process|thread] [--size N] [--json]
// First boots by one client, and by many; then as long as is said many clients, while processes are killed, clients break off,
// send rubbish or don't read, and images come and go. A wrong answer, or something that is left, is exit status 1.
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { connect } from "node:net";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { gunzipSync } from "node:zlib";

const { values: options } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    isolation: { type: "string", default: "process" },
    size: { type: "string", default: String(availableParallelism()) },
    json: { type: "boolean", default: false },
  },
});
const SECONDS = Number(options.seconds);
const SIZE = Number(options.size);
const PLAIN_SECONDS = 10;
const CLIENTS = 16;
const ROOT = fileURLToPath(new URL("..", import.meta.url));
const KINDS = { amd64: "amd64-ufs2-gpt", i386: "i386-ufs1-mbr" };
/** What may be there more than before: memory that the engine hasn't given back, files of a spare that is being made. */
const RSS_MAX = 96 * 1024 * 1024;
const FILES_MAX = 4;
const MIB = 1024 * 1024;

const directory = mkdtempSync(join(tmpdir(), "userboot-serve-"));
const images = join(directory, "images");
mkdirSync(images);
const names = Object.keys(KINDS);
for (const name of names)
  writeFileSync(join(images, `${name}.img`), gunzipSync(readFileSync(join(ROOT, "images", `${KINDS[name]}.img.gz`))));
const socketPath = join(directory, "s.sock");
const bounds = ["headersMs=2000", "bodyMs=2000", "sendMs=3000"].flatMap((one) => ["--serve-limit", one]);
const words = ["serve", "--listen", `unix:${socketPath}`, "--images", images, "--log", "json", "--size", String(SIZE)];
const program = join(ROOT, "build", "host", "programs", "userboot.cjs");
// Without bubblewrap the processes are this one's own children, to be killed.
const confine = options.isolation === "process" ? ["--confine", "none"] : [];
const child = spawn(process.execPath, [program, ...words, "--isolation", options.isolation, ...confine, ...bounds], {
  stdio: ["ignore", "ignore", "pipe"],
});
const problems = [];
createInterface({ input: child.stderr }).on("line", (line) => {
  const event = line.startsWith("{") ? JSON.parse(line) : { event: "text", line };
  if (event.event === "text" || (event.event === "message" && event.message.startsWith("defect"))) problems.push(line);
});

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Asks; what came, or the error's code. */
function ask(path, body, headers = {}) {
  return new Promise((resolve) => {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const type = text === undefined ? {} : { "Content-Type": "application/json" };
    const method = text === undefined ? "GET" : "POST";
    const asked = request({ socketPath, path, method, agent: false, headers: { ...type, ...headers } }, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.once("end", () => resolve({ status: response.statusCode, body: Buffer.concat(chunks) }));
      response.once("error", (error) => resolve({ status: 0, code: error.code ?? error.message }));
    });
    asked.once("error", (error) => resolve({ status: 0, code: error.code }));
    asked.end(text);
  });
}

const children = () =>
  readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "latin1").split(" ").filter(Boolean).map(Number);
const held = () => ({
  files: readdirSync(`/proc/${child.pid}/fd`).length,
  children: children().length,
  threads: readdirSync(`/proc/${child.pid}/task`).length,
  rss: Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${child.pid}/status`, "latin1"))[1]) * 1024,
});
/** Processor seconds that it and the processes that it has seen end have used. */
function cpuSeconds() {
  const fields = readFileSync(`/proc/${child.pid}/stat`, "latin1")
    .replace(/^.*\) /, "")
    .split(" ")
    .map(Number);
  return (fields[11] + fields[12] + fields[13] + fields[14]) / 100;
}

async function figure(name) {
  const { body } = await ask("/metrics");
  return Number(new RegExp(`^userboot_${name} (\\S+)$`, "m").exec(body.toString())?.[1]);
}

/** What is held when nothing is done. */
async function idle() {
  for (const name of ["running", "queued", "unsent_bytes", "open_images", "starting"])
    while ((await figure(name)) !== 0) await wait(50);
  while ((await figure("spares")) < SIZE) await wait(50);
  await wait(1000);
  return held();
}

let asked = 0;
const wrong = [];
const statuses = new Map();

/** One boot, whose answer is looked at; how long it took. `gone` says whether its image may not be there. */
async function boot(kind, image = kind, gone = false) {
  const mark = `boot ${asked++}`;
  const machine = { version: 1, disks: [`${image}.img`], environment: { mark } };
  const began = performance.now();
  const { status, body, code } = await ask("/v1/boot", { machine });
  const ms = performance.now() - began;
  statuses.set(status, (statuses.get(status) ?? 0) + 1);
  if (status === 0) wrong.push(`no answer: ${code}`);
  else {
    const said = JSON.parse(body.toString());
    const good = status === 200 && said.reason === "exec" && said.arch === kind && said.environment.mark === mark;
    // A process that was killed is told as that; an image that has gone isn't there; and there may be no room.
    const told =
      ([200, 503].includes(status) && said.error?.name === "IsolationError") ||
      (status === 404 && gone) ||
      (status === 503 && said.error?.name !== "InternalError");
    if (!good && !told) wrong.push(`${status} for ${image}: ${body.toString().slice(0, 300)}`);
    return good ? ms : undefined;
  }
  return undefined;
}

const quantile = (times, share) => times.sort((a, b) => a - b)[Math.floor((times.length - 1) * share)] ?? Number.NaN;

/** `clients` boot one after the other for so long; how many, and how long each took. */
async function load(clients, seconds, choose = (at) => [names[at % names.length]]) {
  const until = performance.now() + seconds * 1000;
  const began = performance.now();
  const cpu = cpuSeconds();
  const times = [];
  const client = async (first) => {
    for (let at = first; performance.now() < until; at += clients) {
      const ms = await boot(...choose(at));
      if (ms !== undefined) times.push(ms);
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, at) => client(at)));
  const took = (performance.now() - began) / 1000;
  const perSecond = times.length / took;
  const cpuMs = ((cpuSeconds() - cpu) / times.length) * 1000;
  return { boots: times.length, perSecond, p50: quantile(times, 0.5), p99: quantile(times, 0.99), cpuMs };
}

let trouble = true;
const done = { killed: 0, broken: 0, deaf: 0, vanished: 0 };

/** Does something bad again and again while there is to be trouble. */
const again = async (name, pauseMs, work) => {
  while (trouble) {
    await work();
    done[name]++;
    await wait(pauseMs);
  }
};

const head = (length) =>
  `POST /v1/boot HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`;
const RUBBISH = [
  () => "\x16\x03\x01garbage\r\n\r\n",
  () => head(500),
  () => `${head(500)}{"machine":`,
  () => head(20) + "x".repeat(20),
  () => `GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(50),
  () => {
    const body = JSON.stringify({ machine: { version: 1, disks: ["amd64.img"], clock: "real" } });
    return `${head(body.length)}${body}`.repeat(3);
  },
];
let turn = 0;

function broken() {
  const socket = connect(socketPath, () => {
    socket.write(RUBBISH[turn++ % RUBBISH.length]());
    setTimeout(() => socket.destroy(), 30 + (turn % 7) * 100);
  });
  socket.on("error", () => {});
}

/** Asks for machines and reads nothing, or a little. */
function deaf() {
  const body = JSON.stringify({ machine: { version: 1, disks: ["amd64.img"] }, format: "machine" });
  const socket = connect(socketPath, () => socket.write(`${head(body.length)}${body}`.repeat(4)));
  socket.pause();
  socket.on("error", () => {});
  setTimeout(() => socket.destroy(), 5000);
}

function kill() {
  const all = children();
  const pid = all[Math.floor(Math.random() * all.length)];
  if (pid === undefined) return;
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It had ended.
  }
}

async function vanish() {
  const [from, to] = [join(images, "coming.img"), join(images, "gone.img")];
  writeFileSync(from, gunzipSync(readFileSync(join(ROOT, "images", `${KINDS.i386}.img.gz`))));
  await wait(150);
  renameSync(from, to);
  await wait(150);
  rmSync(to);
}

try {
  while ((await ask("/v1/health")).status !== 200) await wait(50);
  await load(2, 2);
  const before = await idle();
  const rows = { alone: await load(1, PLAIN_SECONDS), many: await load(CLIENTS, PLAIN_SECONDS) };
  const warm = await idle();
  const work = [again("broken", 40, broken), again("deaf", 500, deaf), again("vanished", 50, vanish)];
  if (options.isolation === "process") work.push(again("killed", 300, kill));
  const choose = (at) => (at % 8 === 7 ? ["i386", "coming", true] : [names[at % names.length]]);
  rows.trouble = await load(CLIENTS, SECONDS, choose);
  trouble = false;
  await Promise.all(work);
  // Connections that send nothing, or take nothing, have their times.
  await wait(5500);
  const after = await idle();
  const left = {
    files: after.files - warm.files,
    children: after.children - warm.children,
    threads: after.threads - warm.threads,
    rss: after.rss - warm.rss,
  };
  const failed = [...new Set(wrong)].slice(0, 10);
  if (left.files > FILES_MAX) failed.push(`${left.files} files are left`);
  if (left.children > 0) failed.push(`${left.children} processes are left`);
  if (left.rss > RSS_MAX) failed.push(`${Math.round(left.rss / MIB)} MiB are left`);
  failed.push(...problems.slice(0, 10));
  const report = {
    isolation: options.isolation,
    size: SIZE,
    rows,
    statuses: Object.fromEntries(statuses),
    done,
    before,
    warm,
    after,
    failed,
  };
  if (options.json) console.log(JSON.stringify(report, undefined, 2));
  else {
    console.log(`isolation ${options.isolation}, ${SIZE} at a time`);
    for (const [name, { boots, perSecond, p50, p99, cpuMs }] of Object.entries(rows))
      console.log(
        `${name.padEnd(8)} ${boots} boots, ${perSecond.toFixed(1)} a second, p50 ${p50.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms, ${cpuMs.toFixed(0)} ms of processor each`,
      );
    console.log(`answers  ${[...statuses].map(([status, count]) => `${count} of ${status || "none"}`).join(", ")}`);
    console.log(
      `trouble  ${Object.entries(done)
        .map(([name, count]) => `${count} ${name}`)
        .join(", ")}`,
    );
    for (const [name, { files, children, threads, rss }] of Object.entries({ before, warm, after }))
      console.log(
        `${name.padEnd(8)} ${files} files, ${children} processes, ${threads} threads, ${Math.round(rss / MIB)} MiB`,
      );
    for (const line of failed) console.log(`FAILED ${line}`);
  }
  process.exitCode = failed.length > 0 ? 1 : 0;
} finally {
  child.kill("SIGTERM");
  await new Promise((resolve) => child.once("exit", resolve));
  rmSync(directory, { recursive: true });
}
