// Each budget, wherever the session runs: the session ends with a LimitError that names the limit
// and what was used; and what a budget does not count.

import { BufferConsole, boot, type Console, KeysConsole, type Limits } from "userboot-wasm";
import { describe, expect, it } from "vitest";
import { sessionOptions } from "../../build/host/options.js";
import { FLAVOURS } from "../support/flavours.js";
import { type Elsewhere, ISOLATIONS, runElsewhere, runStandIns, standIn, standInBytes } from "../support/stand_ins.js";

const SPINS = "while (true) store<u8>(block, load<u8>(block) + 1);";
const disk = new Uint8Array(1 << 20);

/** Runs a stand-in that is 4th and lua alike. */
async function runs(isolation: Elsewhere | "none", body: string, options: { limits?: Partial<Limits> } = {}) {
  if (isolation !== "none") return runElsewhere(isolation, await standInBytes(body), { ...options, disks: [disk] });
  const module = await standIn(body);
  const bytes = { sectorSize: 512, size: disk.length, read: (_: number, target: Uint8Array) => target.length };
  return runStandIns({ "4th": module, lua: module }, { ...options, disks: [bytes] });
}

describe.each(ISOLATIONS)("isolation: %s", (isolation) => {
  it.each<[keyof Limits, number, string]>([
    ["wallMs", 200, "while (true) { poll(); write(block, 0); }"],
    ["wallMs", 200, "while (true) write(block, 0);"],
    ["wallMs", 200, "while (true) delay(1000000000);"],
    ["wallMs", 200, "while (true) diskread(0, 0, block, 512, block);"],
    ["fuel", 1000, "fault(1, block, 0);"],
    ["moduleMemory", 4 * 1024 * 1024, "while (memory.grow(1) >= 0) {} fault(2, block, 0);"],
    ["diskBytes", 100_000, "while (true) diskread(0, 0, block, 4096, block);"],
    ["diskBytes", 100_000, "while (true) diskread_guest(0, 0, 0x1000, 1 << 20, block);"],
    ["consoleBytes", 5000, "while (true) write(block, 100);"],
    ["consoleBytes", 5000, "while (true) putc(0x2e);"],
    ["swaps", 3, "store<u8>(block, 0x6c); store<u8>(block + 1, 0x75); store<u8>(block + 2, 0x61); swap(block, 3);"],
    ["swaps", 0, "store<u8>(block, 0x34); store<u8>(block + 1, 0x74); store<u8>(block + 2, 0x68); swap(block, 3);"],
  ])("%s of %i: %s", async (limit, allowed, body) => {
    const began = performance.now();
    const result = await runs(isolation, body, { limits: { [limit]: allowed } });
    expect(result.reason).toBe("error");
    expect(result.error).toMatchObject({ name: "LimitError", limit, allowed });
    expect(result.error?.used).toBeGreaterThanOrEqual(allowed);
    expect(result.error?.message).toBe(`limit ${limit} exceeded: ${result.error?.used} of ${allowed} used`);
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  it("the core's own fuel and memory", async () => {
    const options = { disks: [disk], start: "simp", clock: "virtual", isolation } as const;
    const { fuelUsed } = await boot({ ...options, console: new BufferConsole() });
    const fuel = Math.floor(fuelUsed / 2);
    const ended = await boot({ ...options, limits: { fuel } });
    expect(ended.error).toMatchObject({ name: "LimitError", limit: "fuel", allowed: fuel });
    expect(ended.error?.used).toBeGreaterThanOrEqual(fuel);
    expect(ended.fuelUsed).toBeGreaterThanOrEqual(fuel);
    const small = await boot({ ...options, limits: { moduleMemory: 1024 * 1024 } });
    expect(small.moduleMemory).toBe(1024 * 1024);
  });

  it("work that the host does for the core costs fuel, and the clock is looked at meanwhile", async () => {
    const scattered = "for (let at: u64 = 0; ; at += 2) copyin(block, at % 0x1000000, 1);";
    const limits = { fuel: 1_000_000, wallMs: 20_000 };
    expect((await runs(isolation, scattered, { limits })).error).toMatchObject({ name: "LimitError", limit: "fuel" });
    // A call that copies nothing costs fuel, too.
    const idle = await runs(isolation, "while (true) getmem(block, block + 8);", { limits });
    expect(idle.error).toMatchObject({ name: "LimitError", limit: "fuel" });
    for (const body of [scattered, "while (true) zero_guest(0, 0xffffffff);", "while (true) copyout(0, block, 1);"]) {
      const timed = await runs(isolation, body, { limits: { wallMs: 300 } });
      expect(timed.error).toMatchObject({ name: "LimitError", limit: "wallMs" });
      expect(timed.error?.used).toBeLessThan(1000);
    }
  });
});

describe.each(["thread", "process"] as const)("the end of the %s is the backstop", { retry: 2 }, (isolation) => {
  it("of a module that computes and asks for nothing", async () => {
    const result = await runs(isolation, SPINS, { limits: { wallMs: 1000 } });
    expect(result.error).toMatchObject({ name: "LimitError", limit: "wallMs", allowed: 1000 });
    // Its time begins when it is there.
    expect(result.error?.used).toBeLessThan(1.2 * 1000);
    expect(process.getActiveResourcesInfo().filter((name) => name === "Worker")).toEqual([]);
  });

  it("of one that computes when it is started already", async () => {
    // `_start` runs before the session's own function.
    const module = await standInBytes("", `let x: i32 = forever(); function forever(): i32 { ${SPINS} return 0; }`);
    const result = await runElsewhere(isolation, module, { limits: { wallMs: 300 } }, "real");
    expect(result.error).toMatchObject({ name: "LimitError", limit: "wallMs" });
  });
});

describe("waiting for a key", () => {
  /** A console on which nobody types. */
  const silent: Console = { write() {}, connect: () => () => {} };
  const prompt = { interfaceVersion: 4, env: ["autoboot_delay=NO"], console: silent } as const;

  it.each(FLAVOURS)("counts when asked: %s", async (start) => {
    const began = performance.now();
    const result = await boot({ ...prompt, start, waitCounts: true, limits: { wallMs: 400 } });
    expect(result.error).toMatchObject({ name: "LimitError", limit: "wallMs", allowed: 400 });
    expect(performance.now() - began).toBeLessThan(4000);
  });

  it.each(FLAVOURS)("costs neither time nor fuel otherwise: %s", async (start) => {
    let keys: { push(keys: Uint8Array): void } | undefined;
    const console: Console = {
      write() {},
      connect(input) {
        keys = input;
        return () => {};
      },
    };
    const began = performance.now();
    setTimeout(() => keys?.push(Buffer.from("quit\r")), 1000);
    const result = await boot({ ...prompt, start, console, limits: { wallMs: 700, fuel: 5_000_000 } });
    expect(result).toMatchObject({ reason: "exit", exitCode: 1 });
    expect(performance.now() - began).toBeGreaterThan(900);
    const atOnce = await boot({ ...prompt, start, console: new KeysConsole(["quit\r"]) });
    expect(result.fuelUsed).toBe(atOnce.fuelUsed);
  });
});

it("a limit is told on the command line's way too: zero and absurd values are refused or taken at their word", () => {
  expect(() => sessionOptions({ limits: { wallMs: -1 } })).toThrow(/wallMs/);
  expect(() => sessionOptions({ limits: { fuel: Number.NaN } })).toThrow(/fuel/);
  expect(() => sessionOptions({ limits: { moduleMemory: 2 ** 60 } })).toThrow(/moduleMemory/);
  // A module never has less than it is compiled for.
  expect(() => sessionOptions({ limits: { moduleMemory: 2 ** 20 - 1 } })).toThrow(
    /moduleMemory: 1048575 bytes are too/,
  );
  expect(() => sessionOptions({ limits: { time: 1 } as never })).toThrow(/unknown limit "time"/);
});
