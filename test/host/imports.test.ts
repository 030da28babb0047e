// Imports at their edges, asked by stand-ins for the core: sizes, numbers and texts with as much as is taken, and one more.

import { createHash } from "node:crypto";
import { BufferConsole, BytesDisk, type Clock, type Disk, type Progress, VirtualClock } from "userboot-wasm";
import { describe, expect, it } from "vitest";
import { MODULE_MEMORY_LEAST } from "../../build/host/memory/pool.js";
import { GivenModules } from "../../build/host/modules.js";
import { nodeSha256 } from "../../build/host/node_hash.js";
import { type BootOptions, type SessionOptions, sessionOptions } from "../../build/host/options.js";
import type { ModuleAccess, Policy } from "../../build/host/policy/imports.js";
import { unaskedImports } from "../../build/host/policy/unasked.js";
import type { LookedAt } from "../../build/host/problem.js";
import { readySha256, setSha256 } from "../../build/host/protocol/digests.js";
import { runSession } from "../../build/host/session.js";
import { CONSTANTS } from "../support/abi.js";
import { standIn } from "../support/stand_ins.js";

const put = (expression: string) => `store<u64>(out + n * 8, <u64>(${expression})); n++;`;
const constants = (...names: string[]) => names.map((name) => `const ${name} = ${CONSTANTS[name]};`).join("\n");

/** What there is of a session that nothing was booted in. */
type Looked = Awaited<ReturnType<typeof runSession>> & { bootProblem: LookedAt[] };

interface Given {
  options?: BootOptions;
  session?: Partial<SessionOptions>;
  disks?: Disk[];
  onProgress?: (progress: Progress) => void;
  clock?: Clock;
  policy?: Policy;
}

/** Runs `body`; with what `put` stored, unless it ended otherwise than by its end. */
async function asked(body: string, given: Given = {}) {
  const module = await standIn(`let out = block + 2048; let n = 0;\n${body}\nwrite(out, n * 8);\nexit(1);`);
  const { result, bytes, ...rest } = await ran(module, given);
  const words = result.error === undefined ? [...new BigUint64Array(bytes.buffer)] : [];
  return { result, words, ...rest };
}

/** The same for a module that is there; the bytes that it showed. */
async function ran(module: WebAssembly.Module, given: Given) {
  const { options = {}, session = {}, disks = [], onProgress, clock = new VirtualClock(), policy } = given;
  const console = new BufferConsole();
  const began = clock.now();
  const result = await runSession({
    options: { ...sessionOptions({ start: "simp", ...options }), ...session },
    modules: new GivenModules(new Map([["simp", module]]), [], async () => Promise.reject(new Error("no other"))),
    disks: disks as never,
    console,
    clock,
    onProgress,
    policy,
  });
  const bytes = Uint8Array.from(console.text, (character) => character.charCodeAt(0));
  return { result, bytes, text: console.text, took: clock.now() - began };
}

describe("the console", () => {
  it.each([
    [8, 8, undefined],
    [7, 7, { name: "LimitError", limit: "consoleBytes", allowed: 7, used: 8 }],
    [0, 0, { name: "LimitError", limit: "consoleBytes", allowed: 0, used: 8 }],
  ])("shows 8 bytes of %i allowed: %i", async (consoleBytes, shown, error) => {
    const body = "store<u64>(block, 0x4847464544434241); write(block, 8); write(block, 0); exit(2);";
    const { result, text } = await asked(body, { options: { limits: { consoleBytes } } });
    expect(text).toBe("ABCDEFGH".slice(0, shown));
    if (error === undefined) expect(result.exitCode).toBe(2);
    else expect(result.error).toMatchObject(error);
  });
});

describe("time", () => {
  it("that is waited for is looked at now and then: no long wait outlasts what a session has", async () => {
    let pieces = 0;
    const cell = new Int32Array(new SharedArrayBuffer(4));
    const clock = { now: () => 0, sleep: () => void (++pieces && Atomics.wait(cell, 0, 0, 100)) };
    const { result } = await asked("delay(50_000 * 100);", { options: { limits: { wallMs: 1000 } }, clock });
    expect(result.error).toMatchObject({ name: "LimitError", limit: "wallMs" });
    expect(pieces).toBeGreaterThan(0);
    expect(pieces).toBeLessThan(12);
  });

  it.each([0, 1, 49_999, 50_000, 50_001, 100_000, 150_001])("passes as asked: %i microseconds", async (usec) => {
    expect((await asked(`delay(${usec});`)).took).toBe(usec);
  });
});

describe("a disk", () => {
  it("tells how it was given, and 0 times what it is a part of", async () => {
    const image = { format: "qcow2", first: 3, count: 2 };
    const body = `memory.fill(block, 0xff, 64);
      ${put("diskioctl(0, 0x401864f0, block)")} ${put("load<u32>(block)")} ${put("load<u32>(block + 4)")}
      ${put("load<u64>(block + 8)")} ${put("load<u64>(block + 16)")} ${put("load<u64>(block + 24)")}
      ${put("diskioctl(1, 0x401864f0, block)")} ${put("diskioctl(2, 0x401864f0, block)")}`;
    const disks = [1, 2].map(() => new BytesDisk(new Uint8Array(512)));
    const { words } = await asked(body, { disks, session: { images: [image] as never } });
    const name = Buffer.from("qcow2\0\0\0").readBigUInt64LE();
    const ENOTTY = 25n;
    const EBADF = 9n;
    expect(words).toEqual([0n, 3n, 2n, name, 0n, 0xffffffffffffffffn, ENOTTY, EBADF]);
  });

  it.each([
    [4 * 1024 * 1024, []],
    [4 * 1024 * 1024 + 1, [4 * 1024 * 1024, 4 * 1024 * 1024 + 1]],
  ])("of which %i bytes go to guest memory tells of it on the way: %j", async (size, expected) => {
    const told: Progress[] = [];
    const options = { memory: { low: 8 * 1024 * 1024, high: 0 } };
    const disks = [new BytesDisk(new Uint8Array(size).fill(7))];
    const body = `${put(`diskread_guest(0, 0, 0, ${size}, block)`)} ${put("load<u64>(block)")}`;
    const { words } = await asked(body, { options, disks, onProgress: (progress) => void told.push(progress) });
    expect(words).toEqual([0n, 0n]);
    const ofFiles = told.filter(({ fileBytes }) => fileBytes !== undefined);
    expect(ofFiles.map(({ fileDone }) => fileDone)).toEqual(expected);
    for (const { fileBytes, diskBytes, fileDone } of ofFiles) expect([fileBytes, diskBytes]).toEqual([size, fileDone]);
  });

  it.each([-1, 513, 0.5, Number.NaN])("that tells of %d bytes of 512 has failed", async (got) => {
    const liar: Disk = { sectorSize: 512, size: 4096, read: () => got };
    const { words, result } = await asked(put("diskread(0, 0, block, 512, block + 512)"), { disks: [liar] });
    expect(words).toEqual([5n]);
    expect(result.diagnostics).toEqual([`disk0 offset 0: read of 512 bytes failed: it tells of ${got} bytes`]);
  });
});

describe("a disk whose bytes go to guest memory", () => {
  const PART = 4 * 1024 * 1024;
  const LARGE = 3 * PART;
  const SIZE = LARGE - 4096;
  const options = { memory: { low: LARGE, high: 0 } };
  const body = `${put(`diskread_guest(0, 0, 0, ${SIZE}, block)`)} ${put("load<u64>(block)")}`;
  /** What is told of a file, and answered, when the second read of the disk gives `got` bytes. */
  const short = async (got: (size: number) => number) => {
    const told: Progress[] = [];
    let reads = 0;
    const read = (_: number, target: Uint8Array) => (reads++ === 0 ? target.length : got(target.length));
    const disk: Disk = { sectorSize: 512, size: LARGE, read };
    const { words, result } = await asked(`store<u64>(block, 99); ${body}`, {
      options,
      disks: [disk],
      onProgress: (progress) => void told.push(progress),
    });
    return { words, result, told: told.flatMap(({ fileDone }) => fileDone ?? []), reads };
  };

  it.each([0, 1, 1000])("and that gives %i bytes of a piece has ended there", async (got) => {
    const { words, told, reads } = await short(() => got);
    expect(words).toEqual([0n, BigInt(SIZE - PART - got)]);
    expect(told).toEqual([PART, PART + got]);
    expect(reads).toBe(2);
  });

  it("and that fails there is told of as far as it was read, and answers nothing", async () => {
    const failing = () => {
      throw new Error("medium gone");
    };
    const { words, told, result } = await short(failing);
    expect(words).toEqual([5n, 99n]);
    expect(told).toEqual([PART]);
    expect(result.diagnostics).toEqual([`disk0 offset ${PART}: read of ${PART} bytes failed: medium gone`]);
  });
});

describe("a digest", () => {
  const body = `memory.fill(block, 0x61, 64); memory.fill(block + 64, 0, 64);
    ${put("sha256(block, 3, block + 64)")}
    ${[64, 72, 80, 88, 96].map((at) => put(`load<u64>(block + ${at})`)).join(" ")}`;

  it("is made by the platform, or by nobody", async () => {
    const expected = createHash("sha256").update("aaa").digest();
    const words = [0, 8, 16, 24].map((at) => expected.readBigUInt64LE(at));
    expect((await asked(body)).words).toEqual([0n, ...words, 0n]);
    setSha256(undefined);
    try {
      readySha256();
      expect((await asked(body)).words).toEqual([78n, 0n, 0n, 0n, 0n, 0n]);
    } finally {
      setSha256(nodeSha256);
    }
  });

  it("is made once before any is asked for, of nothing", () => {
    const made: number[] = [];
    setSha256((bytes) => {
      made.push(bytes.length);
      return new Uint8Array(32);
    });
    readySha256();
    setSha256(nodeSha256);
    expect(made).toEqual([0]);
  });

  it("has room for all of it", async () => {
    const { result } = await asked("sha256(block, 0, <usize>(memory.size() << 16) - 31);");
    expect(result.error).toMatchObject({
      name: "InternalError",
      message: expect.stringMatching(/^the core names 32 bytes at 0x\w+ of its \d+$/),
    });
  });
});

describe("what the host does is charged", () => {
  const overlay = [{ path: "/file", content: new Uint8Array(4096) }] as unknown as SessionOptions["overlay"];
  const disks = [new BytesDisk(new Uint8Array(8192))];
  const CALLS = [
    "write(block, SIZE)",
    "diskread(0, 0, block, SIZE, block)",
    "diskread_guest(0, 0, 0, SIZE, block)",
    "copyin(block, 0, SIZE)",
    "copyout(0, block, SIZE)",
    "zero_guest(0, SIZE)",
    "sha256(block, SIZE, block)",
    "overlay_read(0, 0, block, SIZE)",
    "overlay_read_guest(0, 0, 0, SIZE)",
  ];
  // One module for all: the number of the call, and the size, are those of the environment's entry.
  const cases = CALLS.map((call, i) => `if (which == ${i}) ${call.replace("SIZE", "size")};`);
  const module = standIn(`getenv(0, block, 3); const which = load<u8>(block) - 0x61;
    const size: u32 = <u32>(load<u8>(block + 1) - 0x61) * 64 + load<u8>(block + 2) - 0x61;\n${cases.join("\n")}\nexit(1);`);

  it.each(CALLS)("by bytes: %s", async (call) => {
    const letter = (value: number) => String.fromCharCode(0x61 + value);
    const cost = async (size: number) => {
      const which = letter(CALLS.indexOf(call));
      const env = [which + letter(Math.floor(size / 64)) + letter(size % 64)];
      const given = { options: { memory: { low: 65536, high: 0 }, env }, session: { overlay }, disks };
      // The entry and the end are calls as well.
      return (await ran(await module, given)).result.fuelUsed - 2;
    };
    expect([await cost(0), await cost(1), await cost(64), await cost(65), await cost(640)]).toEqual([1, 2, 2, 3, 11]);
  });

  it.each([
    [0, 0],
    [1, 1],
    [640, 10],
  ])("by bytes that an operator's policy works on: %i", async (size, units) => {
    const policy: Policy = {
      imports: (_access, _guest, charge) => ({
        ...unaskedImports(),
        hooks() {
          charge(size);
          return 0;
        },
      }),
      permitEntry() {},
    };
    const { result } = await ran(await standIn("hooks(); exit(1);"), { policy });
    // Two calls, the entry among them.
    expect(result.fuelUsed).toBe(2 + units);
  });
});

describe("an operator's policy", () => {
  it("reaches the module's memory: bytes of it, texts cut to 1 MiB, and what is put there", async () => {
    let reached: ModuleAccess | undefined;
    const seen: unknown[] = [];
    const policy: Policy = {
      imports: (access) => ({
        ...unaskedImports(),
        hooks() {
          reached = access;
          return 0;
        },
        ask_setenv(at: number) {
          const { bytes, put, text } = reached!;
          seen.push([...bytes(at, 2)], text(at, 3), text(0, 2 ** 20).length, text(0, 2 ** 20 + 1).length);
          put(at + 1, Uint8Array.of(0x78, 0x79));
          return 0;
        },
      }),
      permitEntry() {},
    };
    const body = `memory.grow(16); hooks(); store<u32>(block, 0x64636261); ask_setenv(block, 0, 0, 0, 0, 0);
      ${put("load<u32>(block)")}`;
    const { words } = await asked(body, { policy });
    expect(seen).toEqual([[0x61, 0x62], "abc", 2 ** 20, 2 ** 20]);
    expect(words).toEqual([0x64797861n]);
  });
});

describe("numbers that the host stores", () => {
  it.each([
    [8, { exitCode: 3 }],
    [7, { error: { message: expect.stringMatching(/^the core names 8 bytes at 0x\w+ of its \d+$/) } }],
  ])("have %i bytes of the module's memory left", async (left, end) => {
    const { result } = await asked(`getmem(block, <usize>(memory.size() << 16) - ${left}); exit(3);`);
    expect(result).toMatchObject(end);
  });
});

describe("guest memory", () => {
  it("is told of, its map too", async () => {
    const map = [
      { base: 1, length: 2, type: 3 },
      { base: 2 ** 40, length: 2 ** 41, type: 1 },
    ];
    const body = `getmem(block, block + 8); ${put("load<u64>(block)")} ${put("load<u64>(block + 8)")}
      ${put("getmap(0, block)")} ${put("load<u64>(block)")} ${put("load<u64>(block + 8)")} ${put("load<u32>(block + 16)")}
      ${put("getmap(1, block)")} ${put("load<u64>(block)")} ${put("load<u64>(block + 8)")} ${put("load<u32>(block + 16)")}
      ${put("getmap(2, block)")} ${put("getmap(-1, block)")}`;
    const { words } = await asked(body, { options: { memory: { low: 65536, high: 131072 }, map } });
    expect(words).toEqual([65536n, 131072n, 0n, 1n, 2n, 3n, 0n, 1n << 40n, 1n << 41n, 1n, 2n, 2n]);
    expect((await asked(put("getmap(0, block)"))).words).toEqual([25n]);
  });

  it("is zeroed up to its end, copied whole or not at all", async () => {
    const body = `memory.fill(block, 7, 1024); ${put("copyin(block, 64512, 1024)")} ${put("copyin(block, 64513, 1024)")}
      ${put("copyout(64512, block, 1024)")} ${put("load<u8>(block + 1023)")} ${put("copyout(64513, block, 1024)")}
      ${put("zero_guest(64512, 1024)")} ${put("copyout(65535, block, 1)")} ${put("load<u8>(block)")}
      ${put("zero_guest(0, 0x100000001)")} ${put("zero_guest(0, 0xffffffffffffffff)")}`;
    const { words, result } = await asked(body, { options: { memory: { low: 65536, high: 0 } } });
    expect(words).toEqual([0n, 14n, 0n, 7n, 14n, 0n, 0n, 0n, 14n, 14n]);
    // Two copies, and two that are refused without a look at their pieces.
    expect(result.memoryFaults).toBe(4);
  });
});

describe("texts", () => {
  it.each([
    [255, 255],
    [256, 256],
    [257, 256],
  ])("of damage: of %i are kept %i", async (made, kept) => {
    const body = `for (let i = 0; i < ${made}; i++) { store<u8>(block, <u8>i); report(block, 1); }`;
    expect((await asked(body)).result.diagnostics).toHaveLength(kept);
  });

  it.each([
    [127, 127],
    [128, 128],
    [129, 128],
  ])("of what was looked at: of %i are kept %i", async (made, kept) => {
    const body = `${constants("LOOKED_FILE")} memory.fill(block, 0x61, 4096);
      for (let i = 0; i < ${made}; i++) looked(LOOKED_FILE, block, 3, block, 600);`;
    const { bootProblem } = (await asked(body)).result as Looked;
    expect(bootProblem).toHaveLength(kept);
    expect(bootProblem[0]).toEqual({ kind: "file", name: "aaa", found: "a".repeat(512) });
  });

  it("are of kinds that there are", async () => {
    const kinds = ["DISK", "DAMAGE", "PARTITION", "POOL", "FILE", "KERNEL"];
    const body = kinds.map((_, i) => `looked(${i}, block, 0, block, 0);`).join(" ");
    const { result } = await asked(body);
    const { bootProblem } = result as Looked;
    expect(bootProblem.map(({ kind }) => kind)).toEqual(kinds.map((kind) => kind.toLowerCase()));
    for (const kind of [-1, kinds.length])
      expect((await asked(`looked(${kind}, block, 0, block, 0);`)).result.error).toMatchObject({
        name: "InternalError",
        message: `the core looked at something of kind ${kind}`,
      });
  });

  it("of the environment are cut, with their whole length, and there is a device or none", async () => {
    const body = `memory.fill(block, 0xff, 16); ${put("getenv(0, block, 2)")} ${put("load<u32>(block)")}
      ${put("getenv(0, block, 3)")} ${put("load<u32>(block)")} ${put("getenv(1, block, 9)")} ${put("getenv(-2, block, 9)")}
      ${put("getenv(-1, block, 9)")}`;
    const MINUS_1 = 0xffffffffffffffffn;
    const env = ["a=b"];
    const { words } = await asked(body, { options: { env } });
    expect(words).toEqual([3n, 0xffff3d61n, 3n, 0xff623d61n, MINUS_1, MINUS_1, MINUS_1]);
    const chosen = await asked(put("getenv(-2, block, 9)"), { options: { env, currdev: "disk0:" } });
    expect(chosen.words).toEqual([6n]);
  });
});

describe("an end", () => {
  const text = (value: string) =>
    `${[...value].map((c, i) => `store<u8>(block + ${i}, ${c.charCodeAt(0)});`).join(" ")}`;

  it.each([
    ["FAULT_FUEL", { name: "LimitError", limit: "fuel" }],
    ["FAULT_MEMORY", { name: "LimitError", limit: "moduleMemory", used: MODULE_MEMORY_LEAST }],
    ["FAULT_DEVICE", { name: "OptionError", message: "d: w: x" }],
    ["FAULT_IMAGE", { name: "DiskError", disk: "d", message: expect.stringMatching(/d\b.*w: x/) }],
    ["FAULT_INTERNAL", { name: "InternalError", message: "d: w: x" }],
  ])("by %s is named", async (kind, error) => {
    const { result } = await asked(`${constants(kind)} ${text("d: w: x")} fault(${kind}, block, 7);`);
    expect(result.error).toMatchObject(error);
  });

  it("by a fault of an image without a reason is one as well", async () => {
    for (const [told, disk, message] of [
      ["disk", "disk", "disk: "],
      [": why", "", ": why"],
    ] as const) {
      const body = `${constants("FAULT_IMAGE")} ${text(told)} fault(FAULT_IMAGE, block, ${told.length});`;
      expect((await asked(body)).result.error).toMatchObject({ name: "DiskError", disk, message });
    }
  });

  it("counts every call, that of the end too", async () => {
    expect((await asked("exit(7);")).result).toMatchObject({ exitCode: 7, hostCalls: 1 });
    expect(
      (await asked("poll(); getmem(block, block); diskread(9, 0, block, 1, block); exit(7);")).result,
    ).toMatchObject({ hostCalls: 4 });
  });
});

describe("an overlay", () => {
  const overlay = [
    { path: "/file", content: Uint8Array.of(1, 2, 3, 4, 5) },
    { path: "/dir", content: "directory" },
    { path: "/gone", content: "absent" },
  ] as unknown as SessionOptions["overlay"];
  const session = { overlay };

  it("is told of by its numbers, names cut to size", async () => {
    const body = [0, 1, 2, 3, -1]
      .map((index) => `${put(`overlay_entry(${index}, block, 3, block + 8)`)} ${put("load<u64>(block + 8)")}`)
      .join("\n");
    const { words } = await asked(`store<u64>(block, 0); ${body} ${put("load<u64>(block)")}`, { session });
    const { OVERLAY_ABSENT, OVERLAY_DIRECTORY } = CONSTANTS;
    const NONE = 0xffffffffffffffffn;
    const last = OVERLAY_ABSENT;
    const name = Buffer.from("/go\0\0\0\0\0").readBigUInt64LE();
    expect(words).toEqual([5n, 5n, 4n, OVERLAY_DIRECTORY, 5n, last, NONE, last, NONE, last, name]);
  });

  it("is read as far as there is something", async () => {
    const body = `${put("overlay_read(0, 0, block, 5)")} ${put("load<u64>(block) & 0xffffffffff")}
      ${put("overlay_read(0, 3, block, 9)")} ${put("load<u16>(block)")} ${put("overlay_read(0, 4, block, 1)")}
      ${put("overlay_read(0, 5, block, 1)")} ${put("overlay_read(0, 6, block, 1)")} ${put("overlay_read(0, <u64>-1, block, 1)")}
      ${put("overlay_read_guest(0, 1, 0x100, 3)")} ${put("copyout(0x100, block, 3)")} ${put("load<u32>(block) & 0xffffff")}
      ${put("overlay_read_guest(0, 1, 0xffff, 3)")}`;
    const options = { memory: { low: 65536, high: 0 } };
    const { words, result } = await asked(body, { session, options });
    expect(words).toEqual([5n, 0x0504030201n, 2n, 0x0504n, 1n, 0n, 0n, 0n, 3n, 0n, 0x040302n, 0n]);
    expect(result.memoryFaults).toBe(1);
  });

  it.each([
    ["overlay_read(3, 0, block, 1);", "import overlay_read: the core names file 3 of an overlay of 3"],
    ["overlay_used(-1);", "import overlay_used: the core names file -1 of an overlay of 3"],
    ["overlay_read(1, 0, block, 1);", "the core reads file 1 of an overlay: directory"],
    ["overlay_read_guest(2, 0, 0, 1);", "the core reads file 2 of an overlay: absent"],
  ])("has no other file: %s", async (body, message) => {
    const { result } = await asked(body, { session });
    expect(result.error?.name).toBe("InternalError");
    expect(message).toContain(result.error?.message.replace(/^import \w+: /, ""));
  });
});
