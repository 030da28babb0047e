// How sessions end: every way in which a module can stop, misbehave or ask for another one.

import { boot, type Console, KeysConsole } from "userboot-wasm";
import { describe, expect, it } from "vitest";
import { collect } from "../support/resources.js";
import { runStandIns, standIn } from "../support/stand_ins.js";

/** Asks for the interpreter `name`. */
const wants = (name: string) =>
  standIn(
    `${[...name].map((c, i) => `store<u8>(block + ${i}, ${c.charCodeAt(0)});`).join("\n")} swap(block, ${name.length});`,
  );
const quits = standIn("copyin(block, 0x1000, 16); exit(1);");

describe("traps get a name", () => {
  it.each([
    ["unreachable(); ", "LimitError", /moduleMemory/],
    ["store<u8>(<usize>0xfffffff0, 1);", "InternalError", /out of bounds/],
    ["exit(version / (ndisks - ndisks));", "InternalError", /divide by zero/],
    ["exit(deep(1));", "InternalError", /stack overflow/],
    ["store<u8>(block, 0x78); fault(0, block, 1);", "InternalError", /^x$/],
    ["fault(1, block, 0);", "LimitError", /limit fuel exceeded/],
    ["fault(2, block, 0);", "LimitError", /limit moduleMemory exceeded/],
    ["", "InternalError", /returned/],
    ["while (memory.grow(16) >= 0) {} unreachable();", "LimitError", /moduleMemory exceeded: 2097152 of 2097152/],
  ])("%s", async (body, name, message) => {
    const module = await standIn(body, "function deep(n: i32): i32 { return n + deep(n + 1) * 3; }");
    const result = await runStandIns({ simp: module }, { start: "simp", limits: { moduleMemory: 2 * 1024 * 1024 } });
    expect(result.reason).toBe("error");
    expect(result.error?.name).toBe(name);
    expect(result.error?.message).toMatch(message);
  });

  it("names a module that doesn't fit the host", async () => {
    const module = await standIn("other();", '@external("userboot", "other") declare function other(): void;');
    expect((await runStandIns({ simp: module }, { start: "simp" })).error).toMatchObject({ name: "InternalError" });
  });
});

describe("swaps", () => {
  it("start the other flavour with fresh memory and registers", async () => {
    const first = await standIn(
      `setcr(3, 0x2000); copyin(block, 0x1000, 64); store<u8>(block, 0x34); store<u8>(block + 1, 0x74); store<u8>(block + 2, 0x68); swap(block, 3);`,
    );
    const second = await standIn("setreg(4, 0x900); copyin(block, 0x2000, 4); exec(0x100000);");
    const result = await runStandIns({ lua: first, "4th": second });
    expect(result).toMatchObject({ reason: "exec", arch: "i386", flavour: "4th", swaps: ["4th"] });
    expect(result.memory).toEqual([{ gpa: "0x2000", length: 4 }]);
    expect(result.guestMemory.read(0x1000, 64)).toEqual(new Uint8Array(64));
    expect(result.swapRequests).toMatchObject([{ name: "4th", flavour: "lua" }]);
    expect(result.calls).toContainEqual(["swap_interpreter", 0]);
  });

  it.each(["LUA", "../lua", "lua\0", "__proto__", "constructor", "", "\xff\r\n"])(
    "refuse the name %j",
    async (name) => {
      const result = await runStandIns({ simp: await wants(name), lua: await quits }, { start: "simp" });
      expect(result.error).toEqual({
        name: "InterpreterError",
        message: `guest wants interpreter ${JSON.stringify(name)}; available: 4th, lua, simp`,
      });
      expect(result.swapRequests[0]?.name).toBe(name);
    },
  );

  it("say when a flavour can't be had", async () => {
    const result = await runStandIns({ simp: await wants("4th") });
    expect(result).toMatchObject({ error: { name: "AssetError", message: "4th: is no stand-in" }, swaps: ["4th"] });
    expect((await runStandIns({ simp: await quits }, { loader: "lua" })).error?.message).toBe("lua: is no stand-in");
  });

  it("are forbidden when the flavour is forced", async () => {
    const result = await runStandIns({ simp: await wants("lua"), lua: await quits }, { loader: "simp" });
    expect(result.error).toMatchObject({
      name: "InterpreterError",
      message: 'guest wants interpreter "lua"; "simp" was forced',
    });
  });

  it("can't go on for ever", async () => {
    const result = await runStandIns({ lua: await wants("4th"), "4th": await wants("lua") }, { limits: { swaps: 6 } });
    expect(result.error).toMatchObject({ name: "LimitError", limit: "swaps", allowed: 6, used: 7 });
    expect(result.swaps).toHaveLength(6);
  });
});

describe("budgets", () => {
  it("bound console output", async () => {
    const module = await standIn("while (true) write(block, 1024);");
    const result = await runStandIns({ simp: module }, { limits: { consoleBytes: 10_000 } });
    expect(result.error).toMatchObject({ name: "LimitError", limit: "consoleBytes", allowed: 10_000 });
    expect(result.text.length).toBeLessThanOrEqual(10_000);
  });

  it("bound disk reads", async () => {
    const module = await standIn("while (true) diskread(0, 0, block, 4096, block);");
    const disk = { sectorSize: 512, size: 1 << 20, read: (_: number, target: Uint8Array) => target.length };
    const result = await runStandIns({ simp: module }, { disks: [disk], limits: { diskBytes: 1_000_000 } });
    expect(result.error).toMatchObject({ name: "LimitError", limit: "diskBytes" });
    expect(result.disk.bytes).toBeLessThanOrEqual(1_004_096);
  });

  it("bound wall time wherever the host is asked for something", async () => {
    const module = await standIn("while (true) delay(1);");
    const result = await runStandIns({ simp: module }, { limits: { wallMs: 30 } });
    expect(result.error).toMatchObject({ name: "LimitError", limit: "wallMs", allowed: 30 });
  });

  it("bound diagnostics", async () => {
    const module = await standIn(
      "for (let i = 0; i < 100000; i++) { store<u32>(block, i); report(block, 4096); } exit(1);",
    );
    expect((await runStandIns({ simp: module })).diagnostics.length).toBe(256);
  });
});

it("a console that fails ends the session by its name", async () => {
  const console = {
    write() {
      throw new Error("printer on fire");
    },
  };
  const result = await runStandIns({ simp: await standIn("write(block, 1);") }, { console });
  expect(result.error).toEqual({ name: "ConsoleError", message: "printer on fire" });
});

it("without keys, waiting for one ends the session", async () => {
  expect((await runStandIns({ simp: await standIn("getc();") })).error?.name).toBe("InputEndedError");
});

describe("a guest that looks for keys in a loop", () => {
  const loops = (body: string, console?: Console) =>
    standIn(body).then((simp) => runStandIns({ simp }, console ? { console } : {}));

  it("is ended when it has shown nothing for ten minutes and none can come", async () => {
    const result = await loops("while (true) poll();");
    expect(result.error?.name).toBe("InputEndedError");
    expect(result.virtualSeconds).toBeGreaterThan(600);
    expect(result.virtualSeconds).toBeLessThan(601);
  });

  it("goes on while it shows something", async () => {
    const result = await loops("for (let i = 0; i < 120000; i++) { poll(); if (i % 50000 == 0) putc(46); } exit(1);");
    expect(result.reason).toBe("exit");
  });

  it("goes on when a key is still to come, or may be", async () => {
    const until = "while (poll() == 0); exit(getc() == 120 ? 1 : 2);";
    expect((await loops(until, new KeysConsole([{ waitS: 3600 }, "x"]))).exitCode).toBe(1);
    const anyTime: Console = {
      write() {},
      poll: (clock) => clock.now() % 3_600_000_000 > 3_599_000_000,
      getc: () => 120,
    };
    expect((await loops(until, anyTime)).exitCode).toBe(1);
  });
});

it("polling without a key passes 10 ms of virtual time", async () => {
  expect(
    (await runStandIns({ simp: await standIn("for (let i = 0; i < 250; i++) poll(); exit(1);") })).virtualSeconds,
  ).toBe(2.5);
});

describe("the core itself", () => {
  const run = (limits: object) =>
    boot({
      disks: [new Uint8Array(4096)],
      start: "simp",
      interfaceVersion: 4,
      clock: "virtual",
      isolation: "none",
      limits,
    });

  it("ends when its fuel is used up", async () => {
    const full = await run({});
    expect(full.fuelUsed).toBeGreaterThan(0);
    expect((await run({ fuel: 0 })).error).toMatchObject({ name: "LimitError", limit: "fuel", allowed: 0 });
  });
});

it("a thousand sessions leave nothing behind", async () => {
  const options = { start: "simp", interfaceVersion: 4, clock: "virtual", isolation: "none" } as const;
  const disks = [new Uint8Array(65_536)];
  const memory = 1024 * 1024;
  const some = async (count: number) => {
    for (let i = 0; i < count; i++) (await boot({ ...options, disks, memory })).release();
  };
  await some(200);
  // What they leave would be left by each round; the engine's own needs come and go.
  const growths: number[] = [];
  for (let round = 0; round < 4; round++) {
    collect();
    const before = process.memoryUsage().rss;
    await some(300);
    collect();
    growths.push(process.memoryUsage().rss - before);
  }
  expect(Math.min(...growths)).toBeLessThan(8 * 1024 * 1024);
});
