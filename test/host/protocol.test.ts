// What each import does, asked by stand-ins for the core.

import { type BootOptions, BytesDisk, type Console, type Disk } from "userboot-wasm";
import { describe, expect, it } from "vitest";
import * as host from "../../build/host/protocol/constants.js";
import { CONSTANTS } from "../support/abi.js";
import { runStandIns, standIn } from "../support/stand_ins.js";

const EXIT = "exit(1);";

/** Runs `body`; what it stores at `block` comes back as 64-bit words written to the console. */
async function words(body: string, options = {}): Promise<bigint[]> {
  const module = await standIn(`let out = block + 2048; let n = 0;\n${body}\nwrite(out, n * 8);\n${EXIT}`);
  const result = await runStandIns({ simp: module }, { start: "simp", ...options });
  expect(result.error).toBeUndefined();
  const bytes = Uint8Array.from(result.text, (c) => c.charCodeAt(0));
  return [...new BigUint64Array(bytes.buffer)];
}
const put = (expression: string) => `store<u64>(out + n * 8, <u64>(${expression})); n++;`;

it("both ends of the protocol have the same numbers", () => {
  const values = Object.entries(host).map(([name, value]) => [name, BigInt(value)]);
  expect(Object.fromEntries(values)).toEqual(CONSTANTS);
});

describe("disks", () => {
  const image = Uint8Array.from({ length: 1000 }, (_, i) => i);

  it("gives what there is and says how much is missing", async () => {
    const body = `${put("diskread(0, 990, block, 100, block + 512)")} ${put("load<u32>(block + 512)")} ${put("load<u8>(block + 9)")}`;
    expect(await words(body, { disks: [new BytesDisk(image)] })).toEqual([0n, 90n, 999n & 255n]);
  });

  it("answers the two ioctls of a disk and nothing else", async () => {
    const body = `${put("diskioctl(0, 0x40046480, block)")} ${put("load<u32>(block)")} ${put("diskioctl(0, 0x40086481, block)")}
      ${put("load<u64>(block)")} ${put("diskioctl(0, 1, block)")} ${put("diskioctl(1, 0x40046480, block)")}
      ${put("diskread(1, 0, block, 1, block)")}`;
    expect(await words(body, { disks: [new BytesDisk(image, 4096)] })).toEqual([0n, 4096n, 0n, 1000n, 25n, 9n, 5n]);
  });

  it("reads into guest memory as if in pieces of 4096 bytes", async () => {
    const disk = new BytesDisk(new Uint8Array(20_000).fill(7));
    const module = await standIn(`
      diskread_guest(0, 100, 0x1000, 0x10000, block);
      write(block, 8);
      exit(1);`);
    const result = await runStandIns(
      { simp: module },
      { start: "simp", disks: [disk], memory: { low: 0x2800, high: 0 } },
    );
    // 19900 bytes are there: one piece fits, the next four don't and are skipped.
    expect(result.memory).toEqual([{ gpa: "0x1000", length: 4096 }]);
    expect(result.memoryFaults).toBe(4);
    expect(result.text.charCodeAt(0) + 256 * result.text.charCodeAt(1)).toBe(0x10000 - 19_900);
    expect(result.disk).toEqual({ calls: 1, bytes: 4096, healed: 0 });
  });

  it("turns a failing medium into EIO and a diagnostic", async () => {
    const broken: Disk = {
      sectorSize: 512,
      size: 4096,
      read() {
        throw new Error("medium gone");
      },
    };
    const module = await standIn(`exit(diskread(0, 512, block, 512, block));`);
    const result = await runStandIns({ simp: module }, { start: "simp", disks: [broken] });
    expect(result.exitCode).toBe(5);
    expect(result.diagnostics).toEqual(["disk0 offset 512: read of 512 bytes failed: medium gone"]);
  });
});

describe("memory and environment", () => {
  it("splits memory at 3072 MiB", async () => {
    const body = `getmem(block, block + 8); ${put("load<u64>(block)")} ${put("load<u64>(block + 8)")}`;
    const MIB = 1024 * 1024;
    expect(await words(body, { memory: 4096 * MIB })).toEqual([BigInt(3072 * MIB), BigInt(1024 * MIB)]);
    expect(await words(body, { memory: 64 * MIB })).toEqual([BigInt(64 * MIB), 0n]);
  });

  it("hands out the caller's memory map, or ENOTTY", async () => {
    const body = `${put("getmap(0, block)")} ${put("load<u64>(block)")} ${put("load<u64>(block + 8)")} ${put("load<u32>(block + 16)")} ${put("getmap(1, block)")}`;
    const map = [{ base: 0x1000, length: 2n ** 40n, type: 2 }];
    expect(await words(body, { map })).toEqual([0n, 0x1000n, 2n ** 40n, 2n, 2n]);
    expect(await words(put("getmap(0, block)"))).toEqual([25n]);
  });

  it("gives environment entries cut to size, with their whole length", async () => {
    const body = `${put("getenv(0, block, 2)")} ${put("load<u8>(block + 1)")} ${put("load<u8>(block + 2)")} ${put("getenv(1, block, 9)")}`;
    expect(await words(body, { env: ["a\xff=1"] })).toEqual([4n, 255n, 0n, 2n ** 64n - 1n]);
  });

  it("zeroes guest memory and refuses the rest", async () => {
    const module = await standIn(`exit(zero_guest(0xf00, 0x200) * 100 + zero_guest(0, 0xffffffffffffffff));`);
    const result = await runStandIns({ simp: module }, { start: "simp", memory: { low: 0x1000, high: 0 } });
    expect(result.exitCode).toBe(1414);
    expect(result.memory).toEqual([{ gpa: "0xf00", length: 256 }]);
    expect(result.memoryFaults).toBe(2);
  });
});

it("zeros as many as addresses reach are tried piece by piece, and more not at all", async () => {
  const zeroed = async (size: string) => {
    const module = await standIn(`exit(zero_guest(0, ${size}));`);
    return runStandIns({ simp: module }, { start: "simp", memory: { low: 0x1000, high: 0 } });
  };
  // Twice what lies beyond the memory up to where addresses wrap, in pieces of 256 bytes.
  const beyond = (2 * (2 ** 31 - 0x1000)) / 256;
  expect(await zeroed("0x100000000")).toMatchObject({
    exitCode: 14,
    memoryFaults: beyond,
    memory: [{ length: 0x1000 }],
  });
  expect(await zeroed("0x100000001")).toMatchObject({ exitCode: 14, memoryFaults: 1, memory: [] });
});

describe("an entry", () => {
  it.each([
    ["exec(0x123)", { reason: "exec" }],
    ["exec_refused(0x123, block, 0)", { error: { name: "MemoryError" } }],
  ])("is among what was called: %s", async (call, end) => {
    const result = await runStandIns({ simp: await standIn(`${call};`) }, { start: "simp" });
    expect(result).toMatchObject({ ...end, calls: [["exec", "0x123"]] });
  });
});

describe("registers", () => {
  it("are those of bhyveload for a 64-bit kernel", async () => {
    const module = await standIn("setreg(4, 0x1000); setcr(3, 0x2000); setgdt(0x5000, 24); exec(0xffffffff80200240);");
    const result = await runStandIns({ simp: module }, { start: "simp" });
    expect(result).toMatchObject({
      reason: "exec",
      arch: "amd64",
      calls: [
        ["setreg", 4, "0x1000"],
        ["setcr", 3, "0x2000"],
        ["setgdt", "0x5000", 24],
        ["exec", "0xffffffff80200240"],
      ],
    });
    expect(result.registers).toMatchObject({
      rip: "0xffffffff80200240",
      rsp: "0x1000",
      cr0: "0x80000021",
      cr3: "0x2000",
      cr4: "0x20",
      efer: "0x500",
      gdtr: ["0x5000", 23],
    });
    expect(result.gdt).toBeUndefined();
  });

  it("are those of bhyveload for a 32-bit kernel, with the table the host writes", async () => {
    const module = await standIn("setreg(4, 0x1fdc); setgdt(0x3000, 31); exec(0x4001a0);");
    const result = await runStandIns({ simp: module }, { start: "simp" });
    expect(result).toMatchObject({ reason: "exec", arch: "i386" });
    expect(result.registers).toMatchObject({
      rip: "0x4001a0",
      cr0: "0x21",
      tr: 24,
      tr_desc: ["0x4000", 103, "0x8b"],
      gdtr: ["0x3000", 31],
    });
    expect(result.gdt).toEqual({
      gpa: "0x3000",
      hex: "0000000000000000ffff0000009acf00ffff00000092cf006700004000890000",
    });
  });

  it.each(["setreg(5, 1);", "setcr(2, 1);"])("refuses %s", async (body) => {
    const result = await runStandIns({ simp: await standIn(body) }, { start: "simp" });
    expect(result).toMatchObject({ reason: "error", error: { name: "RegisterError" } });
  });
});

describe("what a session leaves in memory that is used again", () => {
  const MEMORY = { memory: { low: 16 * 2 ** 20, high: 0 } } as const;
  /** Looks at all of guest memory; its exit code says whether there is anything. */
  const LOOKS = `let seen = 0;
    for (let at: u64 = 0; at < 0x1000000; at += 4096) {
      copyout(at, block, 4096);
      for (let i = 0; i < 4096; i++) seen |= load<u8>(block + i);
    }
    exit(seen);`;
  /** A disk that gives secrets, and fails in the middle of the second part of a long read. */
  const failing: Disk = {
    sectorSize: 512,
    size: 2 ** 30,
    read(offset, target) {
      target.subarray(0, offset > 0 ? 1000 : undefined).fill(0x5a);
      if (offset > 0) throw new Error("medium failed");
      return target.length;
    },
  };
  const endless: Disk = { ...failing, read: (_, target) => target.fill(0x5a).length };

  it.each<[string, string, BootOptions]>([
    ["an I/O error", "diskread_guest(0, 0, 0x1000, 0x900000, block); exit(0);", { disks: [failing] }],
    ["a limit", "diskread_guest(0, 0, 0x1000, 0x900000, block);", { disks: [endless], limits: { diskBytes: 6e6 } }],
    ["a trap", "diskread_guest(0, 0, 0x1000, 0x500000, block); unreachable();", { disks: [endless] }],
    ["a trap in an import", "diskread_guest(0, 0, 0x1000, 0x500000, 0xffffffff);", { disks: [endless] }],
    ["an exit", "memory.fill(block, 0x5a, 4096); copyin(block, 0x3000, 4096); exit(0);", {}],
  ])("is zero after %s", async (_, body, options) => {
    const [writes, looks] = [await standIn(body), await standIn(LOOKS)];
    (await runStandIns({ simp: writes }, { start: "simp", ...MEMORY, ...options }, true)).release();
    expect((await runStandIns({ simp: looks }, { start: "simp", ...MEMORY }, true)).exitCode).toBe(0);
  });

  it("can't be shown later by a console that keeps what it was given", async () => {
    const kept: Uint8Array[] = [];
    const console: Console = { write: (bytes) => void kept.push(bytes) };
    const module = await standIn("store<u8>(block, 0x41); write(block, 1); exit(0);");
    await runStandIns({ simp: module }, { start: "simp", console }, true);
    expect(kept).toEqual([Uint8Array.of(0x41)]);
  });
});

describe("what a module asks for is bounded", () => {
  it("texts, whatever sign their sizes have", async () => {
    const module = await standIn("memory.fill(block, 0x78, 4096); report(block, -1); fault(0, block, -2);");
    const { diagnostics, error } = await runStandIns({ simp: module }, { start: "simp" });
    expect(diagnostics.map((line) => line.length)).toEqual([4096]);
    expect(error).toMatchObject({ name: "InternalError" });
    expect(error?.message).toHaveLength(4096);
  });

  it("the name of an interpreter", async () => {
    const { swapRequests } = await runStandIns({ simp: await standIn("swap(block, -1);") }, { start: "simp" });
    expect(swapRequests[0]?.name).toHaveLength(4096);
  });

  it("reads at negative offsets are past the end", async () => {
    const body = `store<u64>(block, 7); ${put("diskread(0, <u64>-512, block, 512, block + 512)")} ${put("load<u32>(block + 512)")}`;
    expect(await words(body, { disks: [new BytesDisk(new Uint8Array(1024).fill(9))] })).toEqual([0n, 512n]);
  });

  it("an address outside the module's memory is an error with a name", async () => {
    const module = await standIn("getmem(0xffffffff, 0xfffffff0);");
    const { error } = await runStandIns({ simp: module }, { start: "simp" });
    expect(error).toMatchObject({
      name: "InternalError",
      message: expect.stringMatching(/^the core names 8 bytes at 0xffffffff of its \d+$/),
    });
  });
});
