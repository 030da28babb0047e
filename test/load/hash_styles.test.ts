// Kernels and modules whose dynamic symbols are found by either kind of hash table, or by both: made here, and by LLVM's
// linker with its own defaults where that is installed. What a table says of its sizes is checked.

import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { linkedFile, objectFile } from "../support/elf_image.js";
import { prompt } from "../support/prompt.js";
import { Scratch } from "../support/scratch.js";

const KERNEL = "/boot/kernel/kernel";
const STYLES = ["sysv", "gnu", "both"] as const;
const segments = [{ size: 8000 }, { size: 3000, bss: 500, writable: true }];
const needs = (name: string) => ({ name, minimum: 1, preferred: 1, maximum: 1 });
const one = { versions: [{ name: "one", version: 1 }], dependencies: [needs("base"), needs("two")] };
const two = { versions: [{ name: "two", version: 1 }], dependencies: [needs("base"), needs("one")] };
const kernelOf = (bits: 32 | 64, hash: (typeof STYLES)[number]) =>
  linkedFile({ bits, hash, segments, versions: [{ name: "base", version: 1 }] }).bytes;

/** Loads a kernel and two modules that depend on each other, and enters it. */
async function loadsBoth(kernel: Uint8Array, first: Uint8Array, second: Uint8Array): Promise<void> {
  const files = { [KERNEL]: kernel, "/boot/kernel/one.ko": first, "/boot/kernel/two.ko": second };
  const { result, output } = await prompt(files, ["load kernel", "load one", "lsmod", "boot"]);
  expect(result.diagnostics).toEqual([]);
  expect(output[2]).toContain("  modules: base.1 \n");
  expect(output[2]).toContain("  modules: one.1 \n");
  expect(output[2]).toContain("  modules: two.1 \n");
  expect(result.reason).toBe("exec");
  expect(result.modules.map(({ name }) => name)).toEqual([KERNEL, "/boot/kernel/one.ko", "/boot/kernel/two.ko"]);
}

describe.each(STYLES)("hash style %s", (hash) => {
  it("of a kernel for amd64, with relocatable modules", () =>
    loadsBoth(kernelOf(64, hash), objectFile(one), objectFile(two)));

  it.each([64, 32] as const)("of a kernel of %d bits and of shared objects", (bits) => {
    const shared = (info: typeof one) => linkedFile({ bits, hash, segments, shared: true, ...info }).bytes;
    return loadsBoth(kernelOf(bits, hash), shared(one), shared(two));
  });
});

describe("GNU's table", () => {
  const dynamicAt = 8192;
  const tableAt = dynamicAt + 16 * 16;

  const load = async (change: (bytes: Buffer) => void, kernel = kernelOf(64, "gnu")) => {
    const bytes = Buffer.from(kernel);
    change(bytes);
    const { result, output } = await prompt({ [KERNEL]: bytes }, [`load ${KERNEL}`, "echo alive"], {
      limits: { fuel: 1_000_000 },
    });
    expect(output[0]).toContain("elf64_lookup_symbol: corrupt symbol table\n");
    expect(output[0]).toContain(`can't load file '${KERNEL}': input/output error\n`);
    expect(output[1]).toBe("alive\n");
    return result.diagnostics.join("\n");
  };

  it.each([
    ["no buckets", 0, 0, /GNU hash table without buckets/],
    ["too many buckets", 0, 0xffffffff, /GNU hash table with 4294967295 buckets of at most \d+/],
    ["too large a filter", 8, 0x80000000, /GNU hash table with 2147483648 words of filter of at most \d+/],
    ["a bucket before the first symbol", 4, 2, /symbol 1 in a GNU hash table from 2 on/],
  ])("%s", async (_name, at, value, message) => {
    expect(await load((bytes) => bytes.writeUInt32LE(value, tableAt + at))).toMatch(message);
  });

  it("a chain that doesn't end", async () => {
    // Behind the buckets there are zeros only, more of them than the file has bytes.
    const kernel = linkedFile({ bits: 64, hash: "gnu", segments: [{ size: 8000 }, { size: 3000, bss: 30_000 }] }).bytes;
    const said = await load((bytes) => bytes.fill(0, tableAt + 28, dynamicAt + 3000), kernel);
    expect(said).toMatch(/GNU hash chain longer than \d+ symbols/);
  });

  it("a symbol without a name", async () => {
    expect(await load((bytes) => bytes.writeUInt32LE(0, tableAt + 16 + 8 + 4 + 8 + 4 + 24))).toMatch(
      /symbol 1 without a name/,
    );
  });

  it("any bytes in it end in a kernel with modules, without, or in an error that names it", async () => {
    const word = fc.oneof(fc.constantFrom(0, 1, 2, 3, 0x7fffffff, 0x80000000, 0xffffffff), fc.nat(100), fc.nat());
    const words = fc.array(fc.option(word, { nil: undefined }), { minLength: 1, maxLength: 9 });
    await fc.assert(
      fc.asyncProperty(words, fc.constantFrom(32, 64), async (list, bits) => {
        const bytes = Buffer.from(kernelOf(bits as 32 | 64, "gnu"));
        const at = 8192 + 16 * 2 * (bits / 8);
        list.forEach((value, i) => {
          if (value !== undefined) bytes.writeUInt32LE(value, at + 4 * i);
        });
        const { result, output } = await prompt({ [KERNEL]: bytes }, [`load ${KERNEL}`, "lsmod", "echo alive"], {
          limits: { fuel: 1_000_000 },
        });
        expect(output[2]).toBe("alive\n");
        if (output[1]!.includes("modules:")) expect(output[1]).toContain("modules: base.1 \n");
        else expect(output[0]).toContain("input/output error");
        if (output[0]!.includes("corrupt")) expect(result.diagnostics.join("\n")).toContain("ELF symbol table: ");
        expect(result.error).toMatchObject({ name: "InputEndedError" });
      }),
      { numRuns: 100 },
    );
  });
});

const LLD =
  spawnSync("ld.lld", ["--version"]).error === undefined && spawnSync("cc", ["--version"]).error === undefined;
if (!LLD) console.warn("skipped: ld.lld or cc is not installed (Debian: apt install lld gcc)");

/** What a kernel or a module declares of itself, in C. */
const declared = (versions: string[], dependencies: string[]) => `
struct metadata { int version, type; const void *data; const char *name; };
#define ENTRY(id, type, name) \\
  static const struct metadata id = { 1, type, id##_data, name }; \\
  static const struct metadata *const id##_entry __attribute__((section("set_modmetadata_set"), used)) = &id;
${versions.map((name) => `static const int is_${name}_data[] = { 1 }; ENTRY(is_${name}, 3, "${name}")`).join("\n")}
${dependencies.map((name) => `static const int on_${name}_data[] = { 1, 1, 1 }; ENTRY(on_${name}, 1, "${name}")`).join("\n")}
__asm__(".globl __start_set_modmetadata_set; .globl __stop_set_modmetadata_set");
int filler_${versions[0]}[1000] = { 1 };
void btext(void) { for (;;) filler_${versions[0]}[1]++; }
`;

describe.skipIf(!LLD)("linked by LLVM's linker", () => {
  const run = (directory: string, program: string, ...args: string[]) => {
    const { status, stderr } = spawnSync(program, args, { cwd: directory, encoding: "utf8" });
    expect(status, stderr).toBe(0);
  };

  it.each([...STYLES, "default"].flatMap((style) => [[style, 64] as const, [style, 32] as const]))(
    "--hash-style=%s, %d bits",
    async (style, bits) => {
      using folder = new Scratch();
      const directory = folder.path;
      const chosen = style === "default" ? [] : [`--hash-style=${style}`];
      const machine = bits === 64 ? "elf_x86_64" : "elf_i386";
      const base = bits === 64 ? "0xffffffff80200000" : "0xc0400000";
      const compile = (name: string, source: string, ...flags: string[]) => {
        writeFileSync(join(directory, `${name}.c`), source);
        const common = ["-O1", "-ffreestanding", "-fno-stack-protector", "-fno-asynchronous-unwind-tables"];
        run(
          directory,
          "cc",
          `-m${bits}`,
          ...common,
          "-fcf-protection=none",
          ...flags,
          "-c",
          "-o",
          `${name}.o`,
          `${name}.c`,
        );
      };
      compile("kernel", declared(["base"], []), "-fno-pic", ...(bits === 64 ? ["-mcmodel=kernel"] : []));
      const linked = ["-m", machine, ...chosen];
      const dynamic = ["--export-dynamic", "--dynamic-linker=/red/herring", `--image-base=${base}`, "-e", "btext"];
      run(directory, "ld.lld", ...linked, ...dynamic, "-o", "kernel", "kernel.o");
      for (const [name, other] of [
        ["one", "two"],
        ["two", "one"],
      ] as const) {
        compile(name, declared([name], ["base", other]), bits === 64 ? "-fno-pic" : "-fPIC");
        if (bits === 64) run(directory, "ld.lld", "-m", machine, "-r", "-o", `${name}.ko`, `${name}.o`);
        else run(directory, "ld.lld", ...linked, "-shared", "-o", `${name}.ko`, `${name}.o`);
      }
      const file = (name: string) => readFileSync(join(directory, name));
      await loadsBoth(file("kernel"), file("one.ko"), file("two.ko"));
    },
  );
});
