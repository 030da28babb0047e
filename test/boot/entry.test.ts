// Entering a kernel: flags from arguments and variables, the root file system, the environment, the memory
// map, and the words, tables and registers that a kernel starts with.

import { describe, expect, it } from "vitest";
import { linkedFile } from "../support/elf_image.js";
import { guestBytes, MIB, prompt } from "../support/prompt.js";

const KERNEL = "/boot/kernel/kernel";
const layout = {
  segments: [{ size: 8000 }, { size: 3000, bss: 5000, writable: true }],
  versions: [{ name: "kernel", version: 1201000 }],
};
const amd64 = linkedFile({ bits: 64, ...layout }).bytes;
const i386 = linkedFile({ bits: 32, ...layout }).bytes;
const FSTAB = "# device\n/dev/cd0\t/cdrom\tcd9660\tro\n/dev/vtbd0p2\t/  ufs  rw,noatime 1 1\n";

const howtoOf = (result: { modules: { metadata: { name: string; value?: string }[] }[] }) =>
  Number(result.modules[0]?.metadata.find(({ name }) => name === "HOWTO")?.value);

describe("boothowto", () => {
  const RB = { single: 0x2, verbose: 0x800, serial: 0x1000, mute: 0x10000, probe: 0x10000000, multiple: 0x20000000 };
  it.each<[string, string[], number]>([
    ["nothing", ["boot"], 0],
    ["options", ["boot -s -v"], RB.single | RB.verbose],
    ["options in one word", ["boot -svh"], RB.single | RB.verbose | RB.serial],
    ["all options", ["boot -aCdDmghpPrsv"], 0x30000000 | 0x110000 | 0xb863],
    ["letters that are none", ["boot -xyz0"], 0],
    ["a speed", ["boot -sS115200v"], RB.single],
    ["arguments of a loaded kernel", [`load ${KERNEL} -v`, "boot"], RB.verbose],
    ["arguments that replace them", [`load ${KERNEL} -v`, "boot -s"], RB.single],
    ["a path and options", [`boot ${KERNEL} -s`], RB.single],
    ["variables", ["set boot_verbose=YES", "set boot_single", "set boot_mute=no", "boot"], RB.verbose | RB.single],
    ["variables set by arguments", ["boot -- boot_verbose boot_mute=NO"], RB.verbose],
    ["the console", ["set console=comconsole", "boot"], RB.serial],
    ["a probe", ["boot -P"], RB.probe],
    ["both consoles", ["boot -hD"], RB.serial | RB.multiple],
  ])("of %s", async (_name, commands, howto) => {
    const given = commands.some((command) => command.startsWith("load") || command.includes(KERNEL));
    const { result } = await prompt({ [KERNEL]: amd64 }, given ? commands : [`load ${KERNEL}`, ...commands]);
    expect(result.reason).toBe("exec");
    expect(howtoOf(result).toString(16)).toBe(howto.toString(16));
  });

  it("words that are no options become variables, and the kernel is shown the first one", async () => {
    const { result } = await prompt({ [KERNEL]: amd64 }, [`load ${KERNEL}`, "boot -- a=b c d=e=f"]);
    expect(result.environment).toMatchObject({ a: "b", c: "1", d: "e=f" });
    expect(result.modules[0]?.args).toBe("--");
  });
});

describe("the root file system", () => {
  const root = async (files: Record<string, string>, ...commands: string[]) => {
    const { result } = await prompt({ [KERNEL]: amd64, ...files }, [`load ${KERNEL}`, ...commands, "boot"]);
    expect(result.reason).toBe("exec");
    return [result.environment["vfs.root.mountfrom"], result.environment["vfs.root.mountfrom.options"]];
  };
  const none = [undefined, undefined];

  it("is what /etc/fstab says", async () => {
    expect(await root({ "/etc/fstab": FSTAB })).toEqual(["ufs:/dev/vtbd0p2", "rw,noatime"]);
  });

  it("is what a variable says, where there is one", async () => {
    expect(await root({ "/etc/fstab": FSTAB }, "set vfs.root.mountfrom=x:y")).toEqual(["x:y", undefined]);
    expect(await root({ "/etc/fstab": FSTAB }, "set vfs.root.mountfrom.options=ro")).toEqual([
      "ufs:/dev/vtbd0p2",
      "ro",
    ]);
  });

  it.each([
    ["no table", undefined],
    ["an empty table", ""],
    ["no entry for /", "/dev/a /usr ufs rw\n"],
    ["an entry without a type", "/dev/a /\n"],
    ["an entry without options", "/dev/a / ufs"],
    ["an entry for /x", "/dev/a /x ufs rw\n"],
    ["bytes", `${"\xff\0\x01 \t".repeat(500)}`],
  ])("is left open by %s", async (_name, table) => {
    expect(await root(table === undefined ? {} : { "/etc/fstab": table })).toEqual(none);
  });

  it("may come from a piece of a line: lines are cut after 127 bytes, as recorded", async () => {
    const table = `/dev/${"a".repeat(200)} / ufs rw\n`;
    expect(await root({ "/etc/fstab": table })).toEqual([`ufs:${"a".repeat(205 - 127)}`, "rw"]);
  });

  it("is looked for on the root device", async () => {
    expect(await root({ "/etc/fstab": FSTAB }, "set rootdev=disk9p9:")).toEqual(none);
    const { result, output } = await prompt({ [KERNEL]: amd64 }, [`load ${KERNEL}`, "set rootdev=what:", "boot"]);
    expect(output[2]).toBe("can't determine root device\nboot: no error message\n");
    expect(result.reason).toBe("error");
  });
});

describe("what amd64 kernels start with", () => {
  it("stack, page tables, descriptors and registers", async () => {
    const { result } = await prompt({ [KERNEL]: amd64 }, ["boot"]);
    const { modulep, kernend, envp } = result.bootData!;
    expect(result.calls).toEqual([
      ["setreg", 4, "0x1000"],
      ["setmsr", "0xc0000080", "0x500"],
      ["setcr", 4, "0x2020"],
      ["setcr", 3, "0x2000"],
      ["setcr", 0, "0x80000021"],
      ["setgdt", "0x5000", 24],
      ["exec", `0x${amd64.readBigUInt64LE(24).toString(16)}`],
    ]);
    const stack = guestBytes(result, 0x1000, 4096);
    expect([0, 4, 8].map((at) => `0x${stack.readUInt32LE(at).toString(16)}`)).toEqual(["0x0", modulep, kernend]);
    expect(stack.subarray(12).every((byte) => byte === 0)).toBe(true);
    const tables = guestBytes(result, 0x2000, 3 * 4096);
    for (let i = 0; i < 512; i++) {
      expect(tables.readBigUInt64LE(8 * i)).toBe(0x3007n);
      expect(tables.readBigUInt64LE(4096 + 8 * i)).toBe(0x4007n);
      expect(tables.readBigUInt64LE(8192 + 8 * i)).toBe(BigInt(i) * 0x200000n + 0x87n);
    }
    const [module] = result.modules;
    expect(Number(envp) % 4096).toBe(0);
    expect(Number(envp)).toBeGreaterThanOrEqual(Number(module!.address) + module!.size);
    expect(Number(kernend) % 4096).toBe(0);
    expect(result.environment).toMatchObject({ kernelname: KERNEL, currdev: "disk0:", "script.lang": "simple" });
  });

  it("an environment larger than a page", async () => {
    const many = Array.from({ length: 400 }, (_, i) => `set variable_${i}=${"v".repeat(60)}`);
    const { result } = await prompt({ [KERNEL]: amd64 }, [...many, "boot"]);
    expect(result.environment.variable_399).toBe("v".repeat(60));
    expect(Number(result.bootData!.modulep) - Number(result.bootData!.envp)).toBeGreaterThanOrEqual(400 * 60);
  });
});

describe("what i386 kernels start with", () => {
  it("stack and bootinfo", async () => {
    const { result } = await prompt({ [KERNEL]: i386 }, [`load ${KERNEL}`, "boot -v"]);
    const { modulep, kernend, envp } = result.bootData!;
    const entry = i386.readUInt32LE(24) & 0xffffff;
    expect(result.calls).toEqual([
      ["setreg", 4, "0x1fdc"],
      ["setgdt", "0x3000", 31],
      ["exec", `0x${entry.toString(16)}`],
    ]);
    const words = Array.from({ length: 9 }, (_, i) => guestBytes(result, 0x1fdc, 36).readUInt32LE(4 * i));
    const expected = [0xbeefface, 0x80000800, 0, 0, 0, 0, 0x2000, Number(modulep), Number(kernend)];
    expect(words).toEqual(expected);
    const info = guestBytes(result, 0x2000, 136 + KERNEL.length + 1);
    expect([0, 48, 56, 60].map((at) => info.readUInt32LE(at))).toEqual([1, 136, 640, 63 * 1024]);
    expect([72, 76, 80].map((at) => info.readUInt32LE(at))).toEqual([Number(kernend), Number(envp), Number(modulep)]);
    expect(info.readUInt32LE(4)).toBe(0x2000 + 136);
    expect(info.toString("latin1", 136)).toBe(`${KERNEL}\0`);
    const values = new Map(result.modules[0]!.metadata.map(({ name, value }) => [name, Number(value)]));
    expect([info.readUInt32LE(64), info.readUInt32LE(68)]).toEqual([values.get("SSYM"), values.get("ESYM")]);
  });
});

describe("the memory map", () => {
  const mapOf = async (options: Parameters<typeof prompt>[2]) => {
    const { result } = await prompt({ [KERNEL]: amd64 }, ["boot"], options);
    const record = result.modules[0]!.metadata.find(({ name }) => name === "SMAP")!;
    const bytes = guestBytes(result, Number(record.gpa), record.size);
    return Array.from({ length: record.size / 20 }, (_, i) => {
      return [bytes.readBigUInt64LE(20 * i), bytes.readBigUInt64LE(20 * i + 8), bytes.readUInt32LE(20 * i + 16)];
    });
  };
  const GIB = 1024 * MIB;

  it("is made from how much memory there is", async () => {
    const base = [0n, 0xa0000n, 1];
    expect(await mapOf({ memory: 64 * MIB })).toEqual([base, [0x100000n, BigInt(63 * MIB), 1]]);
    expect(await mapOf({ memory: 5 * GIB })).toEqual([
      base,
      [0x100000n, BigInt(3 * GIB - MIB), 1],
      [BigInt(4 * GIB), BigInt(2 * GIB), 1],
    ]);
  });

  it("is the caller's", async () => {
    const map = [
      { base: 0, length: 0x9fc00, type: 1 },
      { base: 0x9fc00, length: 0x400, type: 2 },
      { base: 0x100000, length: 63 * MIB, type: 1 },
    ];
    const expected = map.map(({ base, length, type }) => [BigInt(base), BigInt(length), type]);
    expect(await mapOf({ map })).toEqual(expected);
  });
});
