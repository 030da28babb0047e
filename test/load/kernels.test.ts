// Kernels of every layout that FreeBSD 9 to 15 had: where their bytes go, what the kernel is told of them, and
// the state in which it is entered.

import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { type KernelLayout, linkedFile } from "../support/elf_image.js";
import { guestBytes, MIB, prompt } from "../support/prompt.js";

const KERNEL = "/boot/kernel/kernel";
const VERSIONS = [{ name: "kernel", version: 1201000 }];
const PT_INTERP = 3;
const PT_NOTE = 4;
const PT_GNU_STACK = 0x6474e551;
const PT_GNU_RELRO = 0x6474e552;

const text = { size: 20_000 };
const data = { size: 9000, bss: 30_000, writable: true };

const layouts: [string, KernelLayout][] = [
  ["9: two segments, physical addresses equal to virtual ones", { bits: 64, segments: [text, data] }],
  [
    "11: with interpreter and stack headers",
    { bits: 64, segments: [text, data], others: [PT_INTERP, PT_GNU_STACK], physical: "physical" },
  ],
  [
    "12: three segments",
    { bits: 64, segments: [text, { size: 70_000 }, data], others: [PT_INTERP, PT_GNU_STACK], physical: "physical" },
  ],
  [
    "13: five segments, read-only relocations and notes",
    {
      bits: 64,
      segments: [{ size: 5000 }, { size: 300_000 }, { size: 64, writable: true }, { ...data, size: 4096 }, data],
      others: [PT_GNU_RELRO, PT_NOTE, PT_GNU_STACK],
    },
  ],
  ["one segment", { bits: 64, segments: [{ ...data, size: 40_000 }] }],
  ["stripped", { bits: 64, segments: [text, data], symbols: false }],
  ["i386: two segments", { bits: 32, segments: [text, data] }],
  ["i386: four segments", { bits: 32, segments: [text, text, data, data], others: [PT_GNU_RELRO, PT_NOTE] }],
];

describe("layouts", () => {
  it.each(layouts)("%s", async (_name, layout) => {
    const kernel = linkedFile({ versions: VERSIONS, ...layout });
    const { result, output } = await prompt({ [KERNEL]: kernel.bytes }, [`load ${KERNEL}`, "lsmod", "boot"]);
    expect(result.diagnostics).toEqual([]);
    expect(result.reason).toBe("exec");
    expect(output[1]).toContain("  modules: kernel.1201000 \n");
    for (const { at, offset, size, memory } of kernel.segments) {
      const bytes = guestBytes(result, at, memory);
      expect(bytes.subarray(0, size).equals(kernel.bytes.subarray(offset, offset + size))).toBe(true);
      expect(bytes.subarray(size).every((byte) => byte === 0)).toBe(true);
    }
    const wide = layout.bits === 64;
    expect(result.arch).toBe(wide ? "amd64" : "i386");
    expect(result.calls.at(-1)).toEqual(["exec", `0x${(wide ? kernel.entry : kernel.entry & 0xffffffn).toString(16)}`]);
    const [module] = result.modules;
    const start = Math.min(...kernel.segments.map(({ at }) => at));
    expect(module).toMatchObject({ name: KERNEL, type: "elf kernel", address: `0x${start.toString(16)}` });
    const names = module!.metadata.map(({ name }) => name);
    const symbolRecords = kernel.symbols ? ["ESYM", "SSYM", "SHDR"] : [];
    const keys = wide ? [] : ["KEYBUF"];
    expect(names).toEqual([...keys, "SMAP", "KERNEND", "ENVP", "HOWTO", "ELFHDR", "DYNAMIC", ...symbolRecords]);
  });

  it("symbols follow the last segment, each table behind its size", async () => {
    const kernel = linkedFile({ bits: 64, segments: [text, data], versions: VERSIONS });
    const { result } = await prompt({ [KERNEL]: kernel.bytes }, ["boot"]);
    const values = new Map(result.modules[0]!.metadata.map(({ name, value }) => [name, Number(value)]));
    const ssym = values.get("SSYM")!;
    const last = kernel.segments.at(-1)!;
    expect(ssym).toBe(Math.ceil((last.at + last.memory) / 8) * 8);
    const { symbols, strings } = kernel as {
      symbols: { offset: number; size: number };
      strings: typeof kernel.strings;
    };
    const bytes = guestBytes(result, ssym, values.get("ESYM")! - ssym);
    expect(bytes.readBigUInt64LE(0)).toBe(BigInt(symbols.size));
    expect(
      bytes.subarray(8, 8 + symbols.size).equals(kernel.bytes.subarray(symbols.offset, symbols.offset + symbols.size)),
    ).toBe(true);
    const at = Math.ceil((8 + symbols.size) / 8) * 8;
    expect(bytes.readBigUInt64LE(at)).toBe(BigInt(strings!.size));
    expect(bytes.subarray(at + 8, at + 8 + strings!.size).toString()).toContain("__start_set_modmetadata_set");
  });

  it("a kernel of 8 MiB takes few disk reads and little module memory", async () => {
    const kernel = linkedFile({ bits: 64, segments: [{ size: 8 * MIB }, data], versions: VERSIONS });
    const { result } = await prompt({ [KERNEL]: kernel.bytes }, ["boot"]);
    expect(result.reason).toBe("exec");
    expect(result.disk.calls).toBeLessThan(60);
    expect(result.disk.bytes).toBeLessThan(1.1 * kernel.bytes.length);
    expect(result.moduleMemory).toBeLessThanOrEqual(4 * MIB);
  });

  it("a kernel of more than 100 MiB is entered", async () => {
    const kernel = linkedFile({
      bits: 64,
      segments: [{ size: 101 * MIB }, { ...data, bss: 9 * MIB }],
      versions: VERSIONS,
    });
    const { result } = await prompt({ [KERNEL]: kernel.bytes }, ["boot"], { memory: 256 * MIB });
    expect(result.reason).toBe("exec");
    expect(result.diagnostics).toEqual([]);
    const [module] = result.modules;
    expect(Number(module!.size)).toBeGreaterThan(110 * MIB);
    expect(result.moduleMemory).toBeLessThanOrEqual(4 * MIB);
    // The metadata lie behind it all, on a page of their own.
    const modulep = guestBytes(result, 0x1000, 12).readUInt32LE(4);
    expect(modulep).toBeGreaterThan(Number(module!.address) + Number(module!.size));
  });

  it("one of illumos is refused by name, and nothing else that names an interpreter", async () => {
    const named = (interpreter: string) => {
      const { bytes } = linkedFile({ bits: 64, segments: [text, data], others: [PT_INTERP], versions: VERSIONS });
      const at = 64 + 56 * 3;
      // Its header is the last; the name goes where the code begins.
      expect(bytes.readUInt32LE(at)).toBe(PT_INTERP);
      bytes.writeBigUInt64LE(2048n, at + 8);
      bytes.writeBigUInt64LE(BigInt(interpreter.length + 1), at + 32);
      bytes.write(`${interpreter}\0`, 2048, "latin1");
      return prompt({ [KERNEL]: bytes }, [`load ${KERNEL}`, "boot"]);
    };
    const illumos = await named("misc/amd64/krtld");
    expect(illumos.output[0]).toMatch(
      /^\/boot\/kernel\/kernel elf64_loadfile: a kernel of illumos, which this loader can't start\n/,
    );
    expect(illumos.output[0]).toContain(`load: can't load file '${KERNEL}': operation not permitted\n`);
    expect(illumos.diagnostics).toEqual([
      "/boot/kernel/kernel: ELF kernel: a kernel of illumos, which this loader can't start",
    ]);
    expect(illumos.result.error?.name).toBe("InputEndedError");
    expect((await named("/red/herring")).result.reason).toBe("exec");
  });

  it("kernel.gz is as good as kernel", async () => {
    const kernel = linkedFile({ bits: 64, segments: [text, data], versions: VERSIONS });
    const digest = async (files: Record<string, Uint8Array>) => {
      const { result } = await prompt(files, ["boot"]);
      expect(result.reason).toBe("exec");
      return createHash("sha256")
        .update(guestBytes(result, 0x200000, 0x100000))
        .digest("hex");
    };
    expect(await digest({ [`${KERNEL}.gz`]: gzipSync(kernel.bytes) })).toBe(await digest({ [KERNEL]: kernel.bytes }));
  });
});

describe("compressed kernels", () => {
  const layout: KernelLayout = { bits: 64, segments: [{ size: 2 * MIB }, data], versions: VERSIONS };
  const kernel = linkedFile(layout);
  const { symbols, strings } = kernel;

  it("are decoded once, symbols and all", async () => {
    const gz = gzipSync(kernel.bytes);
    const { result } = await prompt({ [`${KERNEL}.gz`]: gz }, ["boot"]);
    const values = new Map(result.modules[0]!.metadata.map(({ name, value }) => [name, Number(value)]));
    const bytes = guestBytes(result, values.get("SSYM")!, values.get("ESYM")! - values.get("SSYM")!);
    const table = kernel.bytes.subarray(symbols!.offset, symbols!.offset + symbols!.size);
    expect(bytes.subarray(8, 8 + table.length).equals(table)).toBe(true);
    expect(bytes.includes(kernel.bytes.subarray(strings!.offset, strings!.offset + strings!.size))).toBe(true);
    // The file, the few blocks that lead to it, and the start of it that other formats look at.
    expect(result.disk.bytes).toBeLessThan(1.05 * gz.length + 0.5 * MIB);
  });

  it("that end behind the segments boot without symbols", async () => {
    const cut = kernel.bytes.subarray(0, symbols!.offset + 20);
    const { result, output } = await prompt({ [`${KERNEL}.gz`]: gzipSync(cut) }, [`load ${KERNEL}`, "lsmod", "boot"]);
    expect(output[0]).toContain("failed to read section headers\n");
    expect(output[1]).toContain("kernel.1201000");
    expect(result.reason).toBe("exec");
    expect(result.diagnostics.join("\n")).toContain("section headers");
  });
});

describe("refusals", () => {
  const good = linkedFile({ bits: 64, segments: [text, data], versions: VERSIONS });

  it("a second kernel", async () => {
    const other = linkedFile({ bits: 32, segments: [text, data], versions: VERSIONS });
    const { output } = await prompt({ [KERNEL]: good.bytes, "/k2": good.bytes, "/k3": other.bytes }, [
      `load ${KERNEL}`,
      "load /k2",
      "load /k3",
    ]);
    // The remembered format is tried once more, as the reference does it.
    expect(output[1]).toBe(
      `${"elf64_loadfile: kernel already loaded\n".repeat(2)}load: can't load file '/k2': operation not permitted\n`,
    );
    expect(output[2]).toBe(
      "elf32_loadfile: kernel already loaded\nload: can't load file '/k3': operation not permitted\n",
    );
  });

  it("a program, and what is no ELF file", async () => {
    const program = linkedFile({ bits: 64, segments: [text, data], base: 0x400000n });
    program.bytes.writeBigUInt64LE(0x123n, 24);
    const {
      output,
      text: printed,
      result,
    } = await prompt({ "/program": program.bytes, "/text": "#!/bin/sh\n" }, [
      "load /program",
      "load /text",
      "load /nothing",
      "load",
      "boot",
    ]);
    expect(output).toEqual([
      "elf64_loadfile: not a kernel (maybe static binary?)\nload: can't load file '/program': operation not permitted\n",
      "load: don't know how to load module '/text'\n",
      "load: can't find '/nothing'\n",
      "load: no filename specified\n",
      "can't load 'kernel'\nboot: no bootable kernel\n",
    ]);
    expect(printed.endsWith("\x01 ")).toBe(true);
    expect(result.reason).toBe("error");
  });

  it.each([
    ["file", (at: number) => at - 1, /read failed/],
    ["first page", () => 3000, /read failed/],
    ["program headers", () => 100, /program header not within first page/],
  ])("a kernel that ends within its %s", async (_name, end, message) => {
    const [first] = good.segments;
    const cut = good.bytes.subarray(0, end(first!.size));
    const { output, result } = await prompt({ [KERNEL]: cut }, [`load ${KERNEL}`, "boot", "echo alive"]);
    expect(output[0]).toMatch(message);
    expect(output[0]).toContain(`load: can't load file '${KERNEL}': input/output error\n`);
    expect(output[2]).toBe("alive\n");
    expect(result.diagnostics.join("\n")).toContain(`${KERNEL}: ELF`);
  });
});
