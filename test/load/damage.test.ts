// Damaged kernels and modules: whatever bytes are changed, a session ends with a result that has a name, and
// within its budgets.

import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { linkedFile, linkerHints, objectFile } from "../support/elf_image.js";
import { guestBytes, prompt } from "../support/prompt.js";

const KERNEL = "/boot/kernel/kernel";
const VERSIONS = [{ name: "kernel", version: 1201000 }];
const needsKernel = { name: "kernel", minimum: 1200000, preferred: 1201000, maximum: 1299999 };
const segments = [{ size: 6000 }, { size: 3000, bss: 5000, writable: true }];
const kernels = {
  64: linkedFile({ bits: 64, segments, versions: VERSIONS }).bytes,
  32: linkedFile({ bits: 32, segments, versions: VERSIONS }).bytes,
};
const info = { versions: [{ name: "victim", version: 1 }], dependencies: [needsKernel] };
const modules = {
  object: objectFile(info),
  shared64: linkedFile({ bits: 64, segments, shared: true, ...info }).bytes,
  shared32: linkedFile({ bits: 32, segments, shared: true, ...info }).bytes,
};

/** Numbers that break things. */
const nasty = fc.oneof(
  fc.constantFrom(0n, 1n, 2n, 3n, 7n, 0x7fn, 0xffn, 0x7fffn, 0xffffn, 0x10000n, 0x7fffffffn, 0x80000000n),
  fc.constantFrom(0xffffffffn, 0x100000000n, 0x7fffffffffffffffn, 0x8000000000000000n, 0xffffffffffffffffn),
  fc.bigInt({ min: 0n, max: 0xffffffffffffffffn }),
);

interface Change {
  at: number;
  size: 1 | 2 | 4 | 8;
  value: bigint;
}

/** Changes in the file's structures: its headers, the section table, or anywhere. */
function changes(file: Buffer): fc.Arbitrary<Change[]> {
  const wide = file[4] === 2;
  const shoff = wide ? Number(file.readBigUInt64LE(40)) : file.readUInt32LE(32);
  const part = (from: number, size: number) => fc.integer({ min: from, max: Math.min(file.length, from + size) - 1 });
  const places = [part(0, wide ? 64 : 52), part(wide ? 64 : 52, 300), part(0, file.length)];
  if (shoff > 0) places.push(part(shoff, 1000));
  // The dynamic section, symbols and metadata of linked files.
  if (file.length > 8192) places.push(part(8192, 600), part(8192, 600));
  const at = fc.oneof(...places).chain((place) => fc.constantFrom(place, place & ~1, place & ~3, place & ~7));
  return fc.array(fc.record({ at, size: fc.constantFrom(1, 2, 4, 8), value: nasty }), { minLength: 1, maxLength: 6 });
}

function harmed(file: Buffer, list: readonly Change[], cut: number): Buffer {
  const bytes = Buffer.from(file);
  for (const { at, size, value } of list) {
    for (let i = 0; i < size && at + i < bytes.length; i++) bytes[at + i] = Number((value >> BigInt(8 * i)) & 0xffn);
  }
  return bytes.subarray(0, Math.max(0, bytes.length - cut));
}

const cuts = fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 12_000 }));
const COMMANDS = ["lsmod -v", "boot", "echo alive"];

/** Loads `files` by `commands` and wants an end of one of the named kinds, well within the budgets. */
async function survives(files: Record<string, Uint8Array>, commands: readonly string[]): Promise<void> {
  const began = performance.now();
  const { result, output } = await prompt(files, [...commands, ...COMMANDS], { limits: { fuel: 200_000_000 } });
  if (result.error?.name === "MemoryError") {
    // The damage moved it out of the guest's memory, and `boot` said so.
    expect(result.memoryFaults).toBeGreaterThan(0);
  } else if (result.reason === "error") {
    // Nothing more to type: the commands before have all come back.
    expect(result.error?.name).toBe("InputEndedError");
    expect(output.at(-1)).toBe("alive\n");
  } else {
    expect(result.reason).toBe("exec");
  }
  expect(result.moduleMemory).toBeLessThan(32 * 1024 * 1024);
  expect(performance.now() - began).toBeLessThan(5000);
}

const RUNS = { numRuns: 150 };

describe("any change in", () => {
  it.each([64, 32] as const)("a kernel of %d bits", async (bits) => {
    const kernel = kernels[bits];
    await fc.assert(
      fc.asyncProperty(changes(kernel), cuts, async (list, cut) => {
        await survives({ [KERNEL]: harmed(kernel, list, cut) }, [`load ${KERNEL}`]);
      }),
      RUNS,
    );
  });

  it.each([
    ["relocatable module", modules.object, kernels[64]],
    ["shared object for amd64", modules.shared64, kernels[64]],
    ["shared object for i386", modules.shared32, kernels[32]],
  ])("a %s", async (_name, module, kernel) => {
    await fc.assert(
      fc.asyncProperty(changes(module), cuts, async (list, cut) => {
        const files = { [KERNEL]: kernel, "/boot/kernel/victim.ko": harmed(module, list, cut) };
        await survives(files, ["load kernel", "load victim"]);
      }),
      RUNS,
    );
  });

  it("a compressed kernel", async () => {
    const kernel = kernels[64];
    await fc.assert(
      fc.asyncProperty(changes(kernel), cuts, fc.nat({ max: 400 }), async (list, cut, lost) => {
        const gz = gzipSync(harmed(kernel, list, cut));
        await survives({ [`${KERNEL}.gz`]: gz.subarray(0, gz.length - (lost > 300 ? lost : 0)) }, [`load ${KERNEL}`]);
      }),
      { numRuns: 60 },
    );
  });

  it("linker.hints", async () => {
    const hints = linkerHints([
      { module: "victim", version: 1, file: "victim.ko" },
      { module: "other", version: 2, file: "other.ko" },
    ]);
    const place = fc.integer({ min: 0, max: hints.length - 1 });
    const list = fc.array(fc.record({ at: place, size: fc.constantFrom(1, 2, 4, 8), value: nasty }), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(list, fc.integer({ min: 0, max: hints.length }), async (some, cut) => {
        const files = {
          [KERNEL]: kernels[64],
          "/boot/kernel/victim.ko": modules.object,
          "/boot/kernel/linker.hints": harmed(hints, some, cut),
        };
        await survives(files, ["load kernel", "load victim", "load other"]);
      }),
      { numRuns: 60 },
    );
  });
});

describe("what the reference died of", () => {
  const dynamicAt = 8192;

  it("a symbol hash table without buckets", async () => {
    const bytes = Buffer.from(kernels[64]);
    bytes.writeUInt32LE(0, dynamicAt + 16 * 16);
    const { output, result } = await prompt({ [KERNEL]: bytes }, [`load ${KERNEL}`, "echo alive"]);
    expect(output[0]).toContain("elf64_lookup_symbol: corrupt symbol table\n");
    expect(output[0]).toContain("input/output error\n");
    expect(output[1]).toBe("alive\n");
    expect(result.diagnostics.join("\n")).toContain("hash table without buckets");
  });

  it("a chain of symbols that comes back to itself", async () => {
    const bytes = Buffer.from(kernels[64]);
    // Chain of symbol 2 leads to 2; the name looked for second is renamed.
    bytes.writeUInt32LE(2, dynamicAt + 16 * 16 + 4 * 5);
    bytes.write("X", bytes.indexOf("__stop_set_modmetadata_set", dynamicAt));
    const { output, result } = await prompt({ [KERNEL]: bytes }, [`load ${KERNEL}`, "echo alive"]);
    expect(output[0]).toContain("corrupt symbol table");
    expect(output[1]).toBe("alive\n");
    expect(result.diagnostics.join("\n")).toContain("hash chain longer than 3 symbols");
  });

  it.each([0x80000000n, (1n << 64n) - 0x1000n])("a segment that would be %i bytes of memory", async (memory) => {
    const bytes = Buffer.from(modules.shared64);
    const headers = Number(bytes.readBigUInt64LE(32));
    bytes.writeBigUInt64LE(memory, headers + 56 + 40);
    const files = { [KERNEL]: kernels[64], "/boot/kernel/victim.ko": bytes };
    const { output, result } = await prompt(files, ["load kernel", "load victim", "boot"]);
    expect(result.diagnostics.join("\n")).toContain(`ELF segment 1: size in memory ${memory} exceeds ${0x7fffffff}`);
    expect(output[1]).toContain("input/output error\n");
    expect(result.reason).toBe("exec");
    expect(result.modules).toHaveLength(1);
    // The kernel, which lies before it, is what it was.
    for (const { at, offset, size } of linkedFile({ bits: 64, segments, versions: VERSIONS }).segments) {
      expect(guestBytes(result, at, size).equals(kernels[64].subarray(offset, offset + size))).toBe(true);
    }
  });

  it("a section aligned to 0", async () => {
    const bytes = Buffer.from(modules.object);
    const shoff = Number(bytes.readBigUInt64LE(40));
    bytes.writeBigUInt64LE(0n, shoff + 64 + 48);
    const files = { [KERNEL]: kernels[64], "/boot/kernel/victim.ko": bytes };
    const { output, result } = await prompt(files, ["load kernel", "load victim", "boot"]);
    expect(output[1]).toContain("elf64_obj_loadimage: section 1 has no valid alignment\n");
    expect(result.diagnostics.join("\n")).toContain("ELF section 1: alignment 0 is not between 1 and");
    expect(result.reason).toBe("exec");
    expect(result.modules).toHaveLength(1);
  });
});

describe("counts in a shared object that its file can't hold are damage, and cost nothing", () => {
  const dynamicAt = 8192;
  const entriesAt = dynamicAt + 16 * 16;
  const symbolsAt = entriesAt + 4 * 6;
  const relocationsSizeAt = modules.shared64.indexOf(Buffer.from("0800000000000000", "hex"), dynamicAt) + 8;

  const load = async (change: (bytes: Buffer) => void, listed = 1) => {
    const bytes = Buffer.from(modules.shared64);
    change(bytes);
    const files = { [KERNEL]: kernels[64], "/boot/kernel/victim.ko": bytes };
    const { output, result } = await prompt(files, ["load kernel", "load victim", "echo alive", "lsmod"], {
      limits: { fuel: 1_000_000 },
    });
    expect(output[2]).toBe("alive\n");
    expect(output[3]!.split("\n").filter((line) => line.includes("(elf "))).toHaveLength(listed);
    return result.diagnostics.join("\n");
  };

  it("a table of relocations", async () => {
    const said = await load((bytes) => bytes.writeBigUInt64LE(1n << 32n, relocationsSizeAt));
    expect(said).toMatch(/ELF dynamic section: relocations of 4294967296 bytes in a file of which \d+ are loaded/);
  });

  it("a set of metadata", async () => {
    const said = await load((bytes) => bytes.writeUInt16LE(0xffff, symbolsAt + 2 * 24 + 8));
    expect(said).toMatch(/ELF module metadata: \d+ bytes in a file of which \d+ are loaded/);
  });

  it("a chain of symbols", async () => {
    const said = await load((bytes) => {
      bytes.writeUInt32LE(0xffffffff, entriesAt + 4);
      bytes.writeUInt32LE(2, entriesAt + 4 * 5);
      bytes.write("X", bytes.indexOf("__stop_set_modmetadata_set", dynamicAt));
    }, 2);
    expect(said).toMatch(/ELF symbol table: hash chain longer than \d{4} symbols/);
  });
});

describe("loads that would take for ever end at the fuel", () => {
  it("relocations without end for every record", async () => {
    const many = Array.from({ length: 4000 }, (_, i) => ({ name: `m${i}`, version: i }));
    const module = objectFile({ versions: many });
    const shoff = Number(module.readBigUInt64LE(40));
    // The data's relocation table is declared as long as a module may be.
    module.writeBigUInt64LE(BigInt(module.length - 4096), shoff + 6 * 64 + 32);
    const files = { [KERNEL]: kernels[64], "/boot/kernel/victim.ko": module };
    const began = performance.now();
    const { result } = await prompt(files, ["load kernel", "load victim", "boot"], { limits: { fuel: 20_000_000 } });
    expect(["error", "exec"]).toContain(result.reason);
    expect(performance.now() - began).toBeLessThan(5000);
  });

  it("a kernel of zeros loaded again and again", async () => {
    const bytes = Buffer.from(kernels[64]);
    bytes.writeBigUInt64LE(0x7fffffffn, 64 + 56 + 40);
    const often = Array.from({ length: 1000 }, () => [`load ${KERNEL}`, "unload"]).flat();
    const { result } = await prompt({ [KERNEL]: bytes }, often, { limits: { fuel: 200_000_000 } });
    expect(result.error).toMatchObject({ name: "LimitError" });
  });
});
