// What a session's thread can reach, and that nothing is left of a session, however it ended.

import { spawnSync } from "node:child_process";
import { getEventListeners } from "node:events";
import {
  AbortedError,
  type BootOptions,
  type BootResult,
  boot,
  type Isolation,
  IsolationError,
  KeysConsole,
} from "userboot-wasm";
import { afterAll, describe, expect, it, vi } from "vitest";
import { runIsolated } from "../../build/host/isolation/run.js";
import { sessionOptions } from "../../build/host/options.js";
import { guestImage } from "../support/guests.js";
import { MEASURED } from "../support/measured.js";
import { collect, openFiles, processes, threads } from "../support/resources.js";
import { Scratch } from "../support/scratch.js";
import { cellFor, runElsewhere, runStandIns, standIn, standInBytes } from "../support/stand_ins.js";
import { ENDS } from "./ends.js";

const scratch = new Scratch();
afterAll(() => scratch[Symbol.dispose]());
const path = scratch.file("guest.img", guestImage("amd64-ufs2-gpt"));

it("sessions at the same time don't see each other", async () => {
  const one = async (isolation: Isolation, name: string) => {
    const console = new KeysConsole([` show\rset mine=${name}\rload /boot/kernel/kernel\rshow mine\rquit\r`]);
    const result = await boot({
      disks: [path],
      start: "simp",
      clock: "virtual",
      env: [`only=${name}`],
      console,
      isolation,
    });
    return { name, text: console.text, written: result.memory.length };
  };
  const seen = await Promise.all([
    one("thread", "first"),
    one("process", "second"),
    one("none", "third"),
    one("thread", "fourth"),
    one("process", "fifth"),
  ]);
  for (const { name, text, written } of seen) {
    expect(text.match(/only=\w+/g)).toEqual([`only=${name}`]);
    expect(text).toContain(`\n${name}\r\n`);
    expect(text).not.toMatch(/mine=\w+\r\n.*mine=/s);
    expect(written).toBeGreaterThan(0);
  }
});

const endOf = (result: BootResult) => result.error?.name ?? result.reason;

/** Within this a thread that was told to end has ended, on a busy machine too. */
const SOON = { timeout: 10_000, interval: 50 };

it("a session finds nothing of the one before in its module's memory", async () => {
  const ends = ["exit(0);", "unreachable();", "fault(1, block, 0);", "swap(block, 0);"];
  const seen = await standIn(`let seen = 0;
    for (let at: usize = 0; at < <usize>memory.size() << 16; at++) seen |= load<u8>(at);
    exit(seen);`);
  for (const end of ends) {
    const greedy = await standIn(`memory.fill(0, 0x5a, <usize>memory.size() << 16); ${end}`);
    const { error, exitCode } = await runStandIns({ simp: greedy }, { start: "simp" }, true);
    expect(error !== undefined || exitCode === 0).toBe(true);
    expect((await runStandIns({ simp: seen }, { start: "simp" }, true)).exitCode).toBe(0);
  }
});

describe.each(["thread", "process"] as const)("nothing is left of a session in a %s", (isolation) => {
  it.each(Object.keys(ENDS))("that ended by: %s", async (end) => {
    const [options, ended] = ENDS[end]!;
    const once = async () => {
      const result = await boot({ disks: [path], start: "simp", clock: "virtual", isolation, ...options() });
      expect(endOf(result)).toBe(ended);
      result.release();
    };
    await once();
    const files = openFiles();
    for (let i = 0; i < 3; i++) await once();
    // A thread's own files are closed a moment after it.
    await vi.waitFor(() => expect(openFiles()).toBeLessThanOrEqual(files));
    expect(threads()).toBe(0);
    await vi.waitFor(() => expect(processes()).toBe(0), SOON);
  });

  it("when it is aborted at any moment while it starts", async () => {
    const files = openFiles();
    for (let ms = 0; ms < 160; ms += 8) {
      const signal = AbortSignal.timeout(ms);
      await boot({ disks: [path], start: "simp", clock: "real", signal, isolation }).then(
        (result) => result.release(),
        (error) => expect(error).toBeInstanceOf(AbortedError),
      );
    }
    await vi.waitFor(() => expect(openFiles()).toBeLessThanOrEqual(files + 1), SOON);
    await vi.waitFor(() => expect(processes()).toBe(0), SOON);
  });

  it("when it crashes: before the guest runs the caller hears it, afterwards the result has it", async () => {
    const start = { options: sessionOptions({}), modules: new Map(), disks: [], trees: [], clock: "virtual" } as const;
    /** A cell that dies by itself once it has sent `messages`. */
    const dying = (...messages: unknown[]) => {
      const cell = cellFor(isolation);
      let fail: (reason: string) => void = () => {};
      let hear: (message: unknown) => void = () => {};
      return {
        ...{ facts: cell.facts, keys: cell.keys, answer: () => {}, terminate: () => cell.terminate() },
        ...{ ask: () => {}, hold: () => {}, serve: () => {} },
        onFailure(handler: typeof fail) {
          fail = handler;
        },
        onMessage(handler: typeof hear) {
          hear = handler;
        },
        start() {
          for (const message of messages) hear(message);
          fail("gone");
        },
      };
    };
    await expect(runIsolated(dying(), start, {})).rejects.toThrow(IsolationError);
    const result = await runIsolated(dying({ type: "began" }), start, {});
    expect(result.error).toEqual({ name: "IsolationError", message: `the session's ${isolation} failed: gone` });
    const lying = await runIsolated(dying({ type: "began" }, { type: "output", bytes: "text" }), start, {});
    expect(lying.error?.message).toBe(`the session's ${isolation} failed: it sent a wrong message "output"`);
    expect(threads()).toBe(0);
  });

  it("whose module takes all the memory it can: it ends with a result", async () => {
    // Every second byte of guest memory is more than a list of ranges could hold.
    const scattered = "for (let at: u64 = 0; at < 0x800000; at += 2) copyin(block, at, 1); exit(0);";
    const result = await runElsewhere(isolation, await standInBytes(scattered));
    expect(result).toMatchObject({ reason: "exit", memoryGranule: 4096, memory: [{ gpa: "0x0", length: 0x800000 }] });
  });
});

/** What this process was left with has numbers that may be too high for a limit. */
const CLOSE_OTHERS = 'for n in $(ls /proc/$$/fd); do [ $n -le 2 ] || eval "exec $n>&-"; done;';

it.runIf(process.platform === "linux")(
  "where descriptors run out, sessions are refused with errors of ours, and nothing else happens",
  () => {
    const program = `
    import { boot, KeysConsole, UserbootError } from ${JSON.stringify(new URL("../../build/host/index.js", import.meta.url).href)};
    const start = () => boot({
      disks: [${JSON.stringify(path)}], start: "simp", clock: "virtual", isolation: "process", console: new KeysConsole(["\\r"]),
    });
    const ends = await Promise.allSettled(Array.from({ length: Number(process.argv[2]) }, start));
    const all = ends.map(({ reason, value }) => value?.reason ?? (reason instanceof UserbootError ? "refused" : String(reason)));
    console.log([...new Set(all)].sort().join());`;
    const script = scratch.file("many.mjs", program);
    const run = (files: number, sessions: number) =>
      spawnSync(
        "bash",
        ["-c", `${CLOSE_OTHERS} ulimit -n ${files} && exec "$0" "$@"`, process.execPath, script, `${sessions}`],
        {
          encoding: "utf8",
        },
      );
    expect(run(90, 40)).toMatchObject({ stdout: "exec,refused\n", stderr: "", status: 0 });
    // A limit below the one that a session gets is as good.
    expect(run(70, 1)).toMatchObject({ stdout: "exec\n", stderr: "", status: 0 });
  },
);

it("one signal for many sessions gets one listener", async () => {
  const { signal } = new AbortController();
  const options = () => ({ ...ENDS.exit![0](), disks: [path], start: "simp", clock: "virtual", signal }) as BootOptions;
  const sessions = Array.from({ length: 12 }, () => boot({ ...options(), isolation: "thread" }));
  await vi.waitFor(() => expect(getEventListeners(signal, "abort")).toHaveLength(1), SOON);
  await Promise.all(sessions);
  expect(getEventListeners(signal, "abort")).toEqual([]);
});

it("what an operator's hooks put in the place of files fits in a process", async () => {
  const replaced = new Uint8Array(400_000_000);
  const result = await boot({
    ...{ disks: [path], start: "simp", clock: "virtual", isolation: "process", memory: 2 ** 30 },
    console: new KeysConsole([" ", "load -t raw /boot/kernel/kernel\r", "quit\r"]),
    measure: true,
    hooks: { onFile: ({ purpose }) => (purpose === "raw" ? { replace: replaced } : undefined) },
  });
  expect(result).toMatchObject({ reason: "exit" });
  expect(result.measurements!.files.at(-1)).toMatchObject({ size: replaced.length });
});

it("what is examined costs fuel by its bytes", async () => {
  const reading = (times: number) =>
    standInBytes(
      `const file = file_begin(block, 1, block, 1, 0, u64.MAX_VALUE);
       for (let i = 0; i < ${times}; i++) file_data(file, 0, 0x100000);
       exit(0);`,
    );
  const options = { measure: true, limits: { fuel: 1_000_000 } };
  expect(await runElsewhere("thread", await reading(50), options)).toMatchObject({ reason: "exit" });
  const { error } = await runElsewhere("thread", await reading(70), options);
  expect(error).toMatchObject({ limit: "fuel" });
});

it("output byte by byte costs the caller no more than its bytes", MEASURED, async () => {
  const bytes = 1_000_000;
  const module = await standIn(`for (let i = 0; i < ${bytes}; i++) putc(120); exit(0);`);
  const before = process.memoryUsage().rss;
  const { text } = await runStandIns({ simp: module }, { start: "simp" });
  expect(process.memoryUsage().rss - before).toBeLessThan(100 * bytes);
  expect(text).toBe("x".repeat(bytes));
});

describe("nothing is left of a session", () => {
  it("in this thread: sessions of all ends, memory flat (all of them: npm run soak)", async () => {
    const rounds = async (count: number) => {
      for (let i = 0; i < count; i++) {
        for (const [options, ended] of Object.values(ENDS)) {
          const result = await boot({
            disks: [path],
            memory: 32 * 1024 * 1024,
            start: "simp",
            clock: "virtual",
            isolation: "none",
            ...options(),
          });
          expect(endOf(result)).toBe(ended);
          result.release();
        }
      }
      collect();
    };
    await rounds(20);
    const files = openFiles();
    // What sessions leave is left in each part; what the engine makes of their code, it makes once.
    const known = ({ heapUsed, external }: NodeJS.MemoryUsage) => heapUsed + external;
    const rest = ({ rss, heapTotal }: NodeJS.MemoryUsage) => rss - heapTotal;
    const grown: { known: number; rest: number }[] = [];
    for (let part = 0; part < 3; part++) {
      const before = process.memoryUsage();
      await rounds(20);
      const after = process.memoryUsage();
      grown.push({ known: known(after) - known(before), rest: rest(after) - rest(before) });
    }
    // Nothing stays that the engine knows of: not a kilobyte of each of the 260 sessions of a part.
    expect(Math.min(...grown.map((part) => part.known))).toBeLessThan(256 * 1024);
    // The heap's free room aside, which the engine enlarges once.
    expect(Math.min(...grown.map((part) => part.rest))).toBeLessThan(12 * 1024 * 1024);
    expect(openFiles()).toBeLessThanOrEqual(files);
  });
});
