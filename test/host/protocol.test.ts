// What each import does, asked by stand-ins for the core.

import { BytesDisk, type Disk } from "userboot-wasm";
import { describe, expect, it } from "vitest";
import { runStandIns, standIn } from "./support.js";

const EXIT = "exit(1);";

/** Runs `body`; what it stores at `block` comes back as 64-bit words written to the console. */
async function words(body: string, options = {}): Promise<bigint[]> {
  const module = await standIn(`let out = block + 2048; let n = 0;\n${body}\nwrite(out, n * 8);\n${EXIT}`);
  const result = runStandIns({ simp: module }, { start: "simp", ...options });
  expect(result.error).toBeUndefined();
  const bytes = Uint8Array.from(result.text, (c) => c.charCodeAt(0));
  return [...new BigUint64Array(bytes.buffer)];
}
const put = (expression: string) => `store<u64>(out + n * 8, <u64>(${expression})); n++;`;

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
    const result = runStandIns({ simp: module }, { start: "simp", disks: [disk], memory: { low: 0x2800, high: 0 } });
    // 19900 bytes are there: one piece fits, the next four don't and are skipped.
    expect(result.memory).toEqual([{ gpa: "0x1000", length: 4096 }]);
    expect(result.memoryFaults).toBe(4);
    expect(result.text.charCodeAt(0) + 256 * result.text.charCodeAt(1)).toBe(0x10000 - 19_900);
    expect(result.disk).toEqual({ calls: 1, bytes: 4096 });
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
    const result = runStandIns({ simp: module }, { start: "simp", disks: [broken] });
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
    const result = runStandIns({ simp: module }, { start: "simp", memory: { low: 0x1000, high: 0 } });
    expect(result.exitCode).toBe(1414);
    expect(result.memory).toEqual([{ gpa: "0xf00", length: 256 }]);
    expect(result.memoryFaults).toBe(2);
  });
});

describe("registers", () => {
  it("are those of bhyveload for a 64-bit kernel", async () => {
    const module = await standIn("setreg(4, 0x1000); setcr(3, 0x2000); setgdt(0x5000, 24); exec(0xffffffff80200240);");
    const result = runStandIns({ simp: module }, { start: "simp" });
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
    const result = runStandIns({ simp: module }, { start: "simp" });
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
    const result = runStandIns({ simp: await standIn(body) }, { start: "simp" });
    expect(result).toMatchObject({ reason: "error", error: { name: "RegisterError" } });
  });
});
