// What each level of isolation keeps from somebody who runs code of his own in it: each line of SECURITY.md's table
// is tried. Walls that aren't there are tried, too: this test fails when one appears and the table doesn't say so.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, cpSync, existsSync, openSync, readFileSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import type { Readable } from "node:stream";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findBwrap, librariesAt, processCommand } from "../../build/host/process/confine.js";
import { endProcess, startProcess } from "../../build/host/process/start.js";
import { readingRights } from "../../build/host/worker/node_rights.js";
import { workerOptions } from "../../build/host/worker/node_spawn.js";
import { Scratch } from "../support/scratch.js";
import { type Level, REACHED } from "./walls.js";

const scratch = new Scratch();
const secret = scratch.file("secret", "secret");
const written = `${secret}2`;
/** A file that is there to be removed. */
const victim = () => scratch.file("victim", "victim");
const image = openSync(scratch.file("image", "image"), "r");
/** As another session's image is: open for writing, to be easier. */
const other = openSync(scratch.file("other", "other"), "r+");
const server: Server = createServer((socket) => socket.destroy());
let port = 0;
beforeAll(async () => {
  process.env.USERBOOT_TEST_SECRET = "x";
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ({ port } = server.address() as AddressInfo);
});
afterAll(() => {
  server.close();
  closeSync(image);
  closeSync(other);
  scratch[Symbol.dispose]();
});

type Tries = Record<string, boolean>;

async function inThread(): Promise<Tries> {
  const program = new URL("./intruder.mjs", import.meta.url).href;
  const asked = { port, pid: process.pid, secret, victim: victim(), image, others: [other] };
  const worker = new Worker(
    `import(${JSON.stringify(program)}).then(({ intrude }) => intrude(${JSON.stringify(asked)}))
      .then((tries) => require("node:worker_threads").parentPort.postMessage(tries));`,
    { ...workerOptions(), eval: true },
  );
  return new Promise((resolve, reject) => {
    worker.once("message", resolve).once("error", reject);
  });
}

/** Bytes of memory that are enough for an intruder. */
const LIMITS = { memory: 2 ** 32, cpuS: 60 };

const PROGRAM = new URL("./intruder_process.mjs", import.meta.url);

/** Without Node's permission model JavaScript reaches what machine code does. */
function startNative(bwrap: string | undefined): ChildProcess {
  const { program, args } = processCommand(PROGRAM, LIMITS, bwrap);
  const native = args.filter((argument) => !/^--(experimental-)?permission$|^--allow-/.test(argument));
  return spawn(program, native, { env: {}, cwd: "/", stdio: ["ignore", "ignore", "pipe", "pipe", image] });
}

async function inProcess(bwrap: string | undefined, native: boolean): Promise<Tries> {
  const child = native ? startNative(bwrap) : startProcess(PROGRAM, LIMITS, bwrap, [image]);
  const socket = child.stdio[3] as Socket;
  // There the image is the first descriptor after the socket.
  const others = Array.from({ length: 200 }, (_, i) => i + 5);
  socket.write(JSON.stringify({ port, pid: process.pid, secret, victim: victim(), image: 4, others }));
  let answer = "";
  let errors = "";
  socket.on("data", (chunk: Buffer) => {
    answer += chunk.toString();
  });
  child.stderr!.on("data", (chunk: Buffer) => {
    errors += chunk.toString();
  });
  await new Promise((resolve) => child.once("close", resolve));
  if (answer === "") throw new Error(`the intruder failed: ${errors}`);
  return JSON.parse(answer);
}

/** What the table says of a level. */
const expected = (level: Level) =>
  Object.fromEntries(Object.entries(REACHED).map(([name, levels]) => [name, levels.includes(level)]));

const rights = readingRights().length > 0;
if (!rights) console.warn("SKIPPED, this Node has no permission model: what a session's thread and process reach");
const bwrap = findBwrap("auto");
if (bwrap === undefined) console.warn("SKIPPED, no bwrap: what a session's process in bubblewrap reaches");

describe.runIf(rights)("code that has broken out reaches what the table says", () => {
  it("in a session's thread", async () => {
    expect(await inThread()).toEqual(expected("thread"));
  });

  it("in a session's process", async () => {
    expect(await inProcess(undefined, false)).toEqual(expected("process"));
    expect(await inProcess(undefined, true)).toEqual(expected("process, machine code"));
  });

  it.runIf(bwrap)("in a session's process in bubblewrap", async () => {
    expect(await inProcess(bwrap, false)).toEqual(expected("bubblewrap"));
    expect(await inProcess(bwrap, true)).toEqual(expected("bubblewrap, machine code"));
  });
});

it("a session's process has no descriptor that this one inherited", () => {
  // Numbers far apart, as shells and supervisors leave them behind.
  const program = `
    const { startProcess } = await import(${JSON.stringify(new URL("../../build/host/process/start.js", import.meta.url).href)});
    const child = startProcess(new URL(${JSON.stringify(new URL("./intruder_process.mjs", import.meta.url).href)}), ${JSON.stringify(LIMITS)}, undefined, []);
    const socket = child.stdio[3];
    socket.write(JSON.stringify({ port: 1, pid: 1, secret: "/x", victim: "/x", image: 90, others: [7, 77, 300] }));
    socket.on("data", (chunk) => process.stdout.write(chunk));`;
  const script = scratch.file("inherits.mjs", program);
  const { stdout, stderr } = spawnSync(
    "bash",
    ["-c", `exec 7<${secret} 77<${secret} 300<${secret}; exec "$0" "$1"`, process.execPath, script],
    { encoding: "utf8" },
  );
  expect(stderr).toBe("");
  const others = "use the caller's other open files: another session's image, a log";
  expect(JSON.parse(stdout)).toMatchObject({ [others]: false, "read its own images": false });
});

describe.runIf(rights)("a package in a directory", () => {
  /** What this package says of its rights, and of a session in a thread and a process, in a directory of that name. */
  const ends = (name: string) => {
    const odd = `${scratch.path}/${name}`;
    for (const part of ["build", "package.json"]) {
      cpSync(new URL(`../../${part}`, import.meta.url), `${odd}/${part}`, { recursive: true });
    }
    symlinkSync(new URL("../../node_modules", import.meta.url), `${odd}/node_modules`);
    const at = (file: string) => JSON.stringify(pathToFileURL(`${odd}/build/host/${file}`).href);
    const program = `
      const { readingRights } = await import(${at("worker/node_rights.js")});
      const { boot } = await import(${at("index.js")});
      const disks = [new Uint8Array(65536)];
      const ends = [];
      const tell = async (what) => ends.push(await what().catch(({ name, message }) => name + ": " + message));
      await tell(async () => readingRights().length > 0);
      for (const isolation of ["thread", "process"])
        await tell(async () => (await boot({ disks, isolation, clock: "virtual" })).reason);
      console.log(JSON.stringify(ends));`;
    const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", program], { encoding: "utf8" });
    return JSON.parse(stdout) as unknown[];
  };

  it.each(["a, b", "a\nb", 'a"b'])("%j is held like any other", (name) => {
    expect(ends(name)).toEqual([true, "error", "error"]);
  });

  it("with a * in its name is refused: Node would take it for a pattern", () => {
    const refused = expect.stringMatching(/^OptionError: .*a\*b.*Node's permission model takes the \* for a pattern/);
    expect(ends("a*b")).toEqual([refused, refused, refused]);
  });
});

describe.runIf(process.platform === "linux")("of libraries is seen in bubblewrap", () => {
  it("the directory where the system keeps them, and no program's own below it", () => {
    const libraries = ["/usr/lib/x86_64-linux-gnu/libc.so.6", "/lib/ld-musl-x86_64.so.1", "/usr/lib64/libm.so.6"];
    expect(librariesAt(libraries)).toEqual({
      directories: ["/usr/lib/x86_64-linux-gnu", "/lib", "/usr/lib64"],
      files: [],
    });
  });

  it("elsewhere the file and the links to it", () => {
    const at = realpathSync(scratch.path);
    const library = scratch.file("libodd.so.1.2", "library");
    scratch.file("secret", "secret");
    symlinkSync("libodd.so.1.2", `${at}/libodd.so.1`);
    symlinkSync("libodd.so.1", `${at}/libodd.so`);
    symlinkSync("secret", `${at}/other.so`);
    const { directories, files } = librariesAt([realpathSync(library)]);
    expect(directories).toEqual([]);
    expect(files.sort()).toEqual(["", ".1", ".1.2"].map((version) => `${at}/libodd.so${version}`));
  });
});

describe.runIf(findBwrap("auto") !== undefined)("a process in bubblewrap", () => {
  it("is ended before bubblewrap, which then ends by itself: nobody else has to take note of it", async () => {
    const child = startProcess(new URL("./sleeper.mjs", import.meta.url), LIMITS, findBwrap("bwrap"), []);
    await once(child.stdio[3] as Readable, "data");
    endProcess(child, true);
    const [code, signal] = await once(child, "exit");
    expect({ code, signal }).toEqual({ code: 128 + 9, signal: null });
  });
});

it("nothing was written meanwhile", () => {
  for (const path of [written, "/intruder.txt", new URL("./intruder.txt", import.meta.url)]) {
    if (!existsSync(path)) continue;
    // Made, as a name; nothing could be written to it.
    expect(readFileSync(path, "utf8")).toBe("");
    rmSync(path);
  }
  expect(readFileSync(`${scratch.path}/image`, "utf8")).toBe("image");
});
