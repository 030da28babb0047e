// What a session's thread can reach, and that nothing is left of a session, however it ended.

import { readdirSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Worker } from "node:worker_threads";
import {
  AbortedError,
  type BootOptions,
  type BootResult,
  boot,
  DiskError,
  KeysConsole,
  WorkerError,
} from "userboot-wasm";
import { afterAll, describe, expect, it, vi } from "vitest";
import { sessionOptions } from "../../build/host/options.js";
import { readingRights } from "../../build/host/worker/node_rights.js";
import { spawnNodeWorker, workerOptions } from "../../build/host/worker/node_spawn.js";
import { runInWorker, setWorkerSpawner } from "../../build/host/worker/run.js";
import { guestImage, runStandIns, Scratch, standIn } from "../host/support.js";

const scratch = new Scratch();
afterAll(() => scratch[Symbol.dispose]());
const path = scratch.file("guest.img", guestImage("amd64-ufs2-gpt"));
const secret = scratch.file("secret", "secret");

/** Runs `program` in a thread that has what a session's thread has; gives what it posts. */
function inThread(program: string): Promise<Record<string, unknown>> {
  const worker = new Worker(
    `const { parentPort } = require("node:worker_threads"); const tries = {};
     const attempt = (name, f) => { try { tries[name] = f() ?? "done"; } catch (e) { tries[name] = e.code; } };
     ${program}; parentPort.postMessage(tries);`,
    { ...workerOptions(), eval: true },
  );
  return new Promise((resolve, reject) => {
    worker.once("message", resolve).once("error", reject);
  });
}

describe("a session's thread", () => {
  it("has no environment, no arguments, no input, a small heap", async () => {
    process.env.USERBOOT_TEST_SECRET = "x";
    const seen = await inThread(`
      tries.env = Object.keys(process.env); tries.argv = process.argv.slice(2);
      tries.stdin = process.stdin.read();
      tries.heap = require("node:v8").getHeapStatistics().heap_size_limit;`);
    expect(seen).toMatchObject({ env: [], argv: [], stdin: null });
    expect(seen.heap).toBeLessThan(512 * 1024 * 1024);
  });

  const rights = readingRights().length > 0;
  if (!rights) console.warn("SKIPPED, this Node has no permission model: what a session's thread may open");
  it.runIf(rights)("can open no file but this package's, write none, start nothing", async () => {
    const denied = "ERR_ACCESS_DENIED";
    const seen = await inThread(`
      const fs = require("node:fs");
      attempt("image", () => fs.openSync(${JSON.stringify(path)}));
      attempt("secret", () => fs.readFileSync(${JSON.stringify(secret)}));
      attempt("system", () => fs.readFileSync("/etc/passwd"));
      attempt("list", () => fs.readdirSync("/"));
      attempt("write", () => fs.writeFileSync(${JSON.stringify(`${secret}2`)}, ""));
      attempt("own", () => fs.writeFileSync("build/x", ""));
      attempt("process", () => require("node:child_process").execSync("true"));
      attempt("thread", () => new (require("node:worker_threads").Worker)("1", { eval: true }));
      attempt("package", () => fs.statSync("package.json").isFile());`);
    const refused = Object.fromEntries(
      ["image", "secret", "system", "list", "write", "own", "process", "thread"].map((name) => [name, denied]),
    );
    expect(seen).toEqual({ ...refused, package: true });
  });

  it("gets images open, so that a wrong one is the caller's error", async () => {
    await expect(boot({ disks: ["/nonexistent"] })).rejects.toThrow(DiskError);
    await expect(boot({ disks: [path, scratch.path] })).rejects.toThrow("is a directory, not a disk image");
    const result = await boot({ disks: [path], start: "simp", clock: "virtual", console: new KeysConsole(["\r"]) });
    expect(result.reason).toBe("exec");
  });
});

it("sessions at the same time don't see each other", async () => {
  const one = async (worker: boolean, name: string) => {
    const console = new KeysConsole([` show\rset mine=${name}\rload /boot/kernel/kernel\rshow mine\rquit\r`]);
    const result = await boot({
      disks: [path],
      start: "simp",
      clock: "virtual",
      env: [`only=${name}`],
      console,
      worker,
    });
    return { name, text: console.text, written: result.memory.length };
  };
  const seen = await Promise.all([one(true, "first"), one(true, "second"), one(false, "third"), one(true, "fourth")]);
  for (const { name, text, written } of seen) {
    expect(text.match(/only=\w+/g)).toEqual([`only=${name}`]);
    expect(text).toContain(`\n${name}\r\n`);
    expect(text).not.toMatch(/mine=\w+\r\n.*mine=/s);
    expect(written).toBeGreaterThan(0);
  }
});

const openFiles = () => {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return 0;
  }
};
const threads = () => process.getActiveResourcesInfo().filter((name) => name === "Worker").length;

const keys = (...typed: string[]) => ({ console: new KeysConsole(typed) });
const LUA = { start: "lua", interfaceVersion: 4 } as const;

/** A session of each way to end, with what it ends with. */
const ENDS: Record<string, [options: () => BootOptions, end: string]> = {
  exec: [() => keys("\r"), "exec"],
  exit: [() => keys(" quit\r"), "exit"],
  reboot: [() => keys(" reboot\r"), "exit"],
  error: [() => keys(" "), "InputEndedError"],
  fuel: [() => ({ limits: { fuel: 1000 } }), "LimitError"],
  time: [() => ({ limits: { wallMs: 0 } }), "LimitError"],
  output: [() => ({ limits: { consoleBytes: 10 } }), "LimitError"],
  forced: [() => ({ loader: "4th" }), "InterpreterError"],
  "exec after a swap": [() => ({ start: "lua", ...keys("\r") }), "exec"],
  "exec in Lua": [() => ({ ...LUA, ...keys("\r") }), "exec"],
  "exit in Lua": [() => ({ ...LUA, ...keys(" quit\r") }), "exit"],
  "an endless script": [
    () => ({ ...LUA, limits: { fuel: 300_000 }, ...keys(" ", "while true do end\r") }),
    "LimitError",
  ],
  "a greedy script": [
    () => ({
      ...LUA,
      limits: { moduleMemory: 2 << 20 },
      ...keys(" ", "t = {} while true do pcall(string.rep, {}) t = {t} end\r"),
    }),
    "LimitError",
  ],
};
const endOf = (result: BootResult) => result.error?.name ?? result.reason;

/** Collects garbage, as a process under load would. */
const collect = () => {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
};

/** Within this a thread that was told to end has ended, on a busy machine too. */
const SOON = { timeout: 10_000, interval: 50 };

it("a session finds nothing of the one before in its module's memory", async () => {
  const ends = ["exit(0);", "unreachable();", "fault(1, block, 0);", "swap(block, 0);"];
  const seen = await standIn(`let seen = 0;
    for (let at: usize = 0; at < <usize>memory.size() << 16; at++) seen |= load<u8>(at);
    exit(seen);`);
  for (const end of ends) {
    const greedy = await standIn(`memory.fill(0, 0x5a, <usize>memory.size() << 16); ${end}`);
    const { error, exitCode } = runStandIns({ simp: greedy }, { start: "simp" }, true);
    expect(error !== undefined || exitCode === 0).toBe(true);
    expect(runStandIns({ simp: seen }, { start: "simp" }, true).exitCode).toBe(0);
  }
});

describe("nothing is left of a session", () => {
  it.each(Object.keys(ENDS))("in a worker that ended by: %s", async (end) => {
    const [options, ended] = ENDS[end]!;
    const once = async () => {
      const result = await boot({ disks: [path], start: "simp", clock: "virtual", ...options() });
      expect(endOf(result)).toBe(ended);
      result.release();
    };
    await once();
    const files = openFiles();
    for (let i = 0; i < 3; i++) await once();
    // A thread's own files are closed a moment after it.
    await vi.waitFor(() => expect(openFiles()).toBeLessThanOrEqual(files));
    expect(threads()).toBe(0);
  });

  it("when the worker crashes", async () => {
    const files = openFiles();
    setWorkerSpawner(() => {
      const worker = new Worker("setTimeout(() => process.exit(3), 20)", { ...workerOptions(), eval: true });
      return { ...spawnNodeWorker(), post: () => {}, onFailure: (f) => void worker.on("exit", (c) => f(`code ${c}`)) };
    });
    try {
      const options = sessionOptions({});
      const crashed = runInWorker({ options, modules: new Map(), disks: [], trees: [], clock: "virtual" }, {});
      await expect(crashed).rejects.toThrow(WorkerError);
    } finally {
      setWorkerSpawner(spawnNodeWorker);
    }
    expect(threads()).toBe(0);
    await vi.waitFor(() => expect(openFiles()).toBeLessThanOrEqual(files + 1), SOON);
  });

  it("when it is aborted at any moment while its thread starts", async () => {
    const files = openFiles();
    for (let ms = 0; ms < 80; ms += 4) {
      const signal = AbortSignal.timeout(ms);
      await boot({ disks: [path], start: "simp", clock: "real", signal }).catch((error) => {
        expect(error).toBeInstanceOf(AbortedError);
      });
    }
    await vi.waitFor(() => expect(openFiles()).toBeLessThanOrEqual(files + 1), SOON);
  });

  it("in this thread: sessions of all ends, memory flat (all of them: npm run soak)", async () => {
    const rounds = async (count: number) => {
      for (let i = 0; i < count; i++) {
        for (const [options, ended] of Object.values(ENDS)) {
          const result = await boot({ disks: [path], start: "simp", clock: "virtual", worker: false, ...options() });
          expect(endOf(result)).toBe(ended);
          result.release();
        }
      }
      collect();
    };
    await rounds(20);
    const files = openFiles();
    const before = process.memoryUsage().rss;
    await rounds(40);
    expect(process.memoryUsage().rss - before).toBeLessThan(32 * 1024 * 1024);
    expect(openFiles()).toBeLessThanOrEqual(files);
  });
});
