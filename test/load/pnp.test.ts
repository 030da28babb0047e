// pnpmatch and pnpload, which find modules by the tables of devices in linker.hints, as loaders from 13 on have them.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { linkedFile, objectFile } from "../support/elf_image.js";
import { DEVICE_HINTS, deviceHints } from "../support/linker_hints.js";
import { prompt } from "../support/prompt.js";

const kernel = linkedFile({
  bits: 64,
  segments: [{ size: 8000 }, { size: 3000, writable: true }],
  versions: [{ name: "kernel", version: 1 }],
}).bytes;
const files = {
  "/boot/kernel/kernel": kernel,
  "/boot/kernel/linker.hints": DEVICE_HINTS,
  "/boot/kernel/if_em.ko": objectFile({ versions: [{ name: "em", version: 1 }] }),
};
const at = (commands: readonly string[]) => prompt(files, commands, { profile: 14 });

describe("pnpmatch", () => {
  it.each([
    ["pci", "'vendor=0x8086 device=0x100f'", "if_em.ko"],
    ["pci", "'device=4110 vendor=32902'", "if_em.ko"],
    ["pci", "'vendor=0x8086 device=0x1010'", undefined],
    ["pci", "'vendor=0x1022 device=7'", "any.ko"],
    ["pci", "'vendor=0x1022'", "any.ko"],
    ["pci", "vendor=0x9999", undefined],
    ["simplebus", "compat=ns16550", "uart.ko"],
    ["simplebus", `"compat='ns8250' x=1"`, "uart.ko"],
    ["simplebus", "compat=ns", undefined],
    ["simplebus", "other=ns8250", undefined],
    ["acpi", "'low=10 high=20 class=7'", "range.ko"],
    ["acpi", "'low=9 high=20 class=7'", undefined],
    ["acpi", "'low=10 high=21 class=7'", undefined],
    ["acpi", "'low=10 high=20 subclass=7'", undefined],
    ["isa", "'a=5 b=9'", "masked.ko"],
    ["isa", "'a=4 b=6'", undefined],
    ["uhub", "vendor=3", "ums.ko"],
    ["usb", "vendor=3", undefined],
  ])("%s %s: %s", async (bus, device, file) => {
    const { output } = await at([`pnpmatch ${bus} ${device}`]);
    const words = device.replace(/^["'](.*)["']$/, "$1");
    expect(output[0]).toBe(file ? `Matched module: ${file}\n` : `No module matches ${words} on bus ${bus}\n`);
  });

  it("tells what it looks at", async () => {
    const { output } = await at(["pnpmatch -v isa a=5", "pnpmatch -d pci x", "pnpmatch pci", "pnpmatch -x"]);
    expect(output[0]).toContain(
      "module masked in masked\nPNP info for bus isa format M:mask;I:a;I:b; 1 entries (masked.ko)\n" +
        "---------- Entry 0 ----------\n",
    );
    expect(output[0]).toContain("Matching a;I:b; (I) table=0x5 tomatch=0x5\n");
    expect(output[0]).toContain("Matches --- masked.ko ---\n");
    expect(output[0]).toContain("Skipped because table for bus pci, looking for isa\n");
    // What the kernel has is told of, and never looked for.
    const inKernel = "PNP info for bus pci format I:vendor; 1 entries (kernel)\n";
    expect(output[0]).not.toContain(inKernel);
    expect(output[1]).toContain(inKernel);
    expect(output[1]).toContain("Version: if em.1 kmod if_em.ko\n");
    expect(output[1]).toContain("   0x8086:0x100e:'first':\n   0x8086:0x100f:'second':\n");
    expect(output[1]).toContain("No module matches x on bus pci\n");
    expect(output.slice(2)).toEqual([
      "pnpmatch: Usage: pnpmatch <busname> compat=<compatdata>\n",
      "illegal option -- x\n",
    ]);
  });
});

describe("pnpload and pnpautoload", () => {
  it("load what is found, and say what isn't", async () => {
    const { output } = await at([
      ...["load kernel", "pnpload pci 'vendor=0x8086 device=0x100e'", "lsmod"],
      ...["pnpload pci x=1", "pnpload", "pnpautoload", "pnpautoload -v isa", "pnpautoload a b"],
    ]);
    expect(output[1]).toMatch(/^\/boot\/kernel\/if_em\.ko size 0x/);
    expect(output[2]).toContain("  modules: em.1 \n");
    expect(output.slice(3)).toEqual([
      "pnpload: no module matches 'x=1' on bus 'pci'\n",
      "pnpload: Usage: pnpload <busname> compat=<compatdata>\n",
      "Unsupported bus (null)\n",
      "Unsupported bus isa\n",
      "pnpautoload: no error message\n",
    ]);
  });
});

describe("any linker.hints", () => {
  it("is harmless", async () => {
    const place = fc.integer({ min: 0, max: DEVICE_HINTS.length - 1 });
    const value = fc.oneof(fc.constantFrom(0, 1, 4, 0x7f, 0x80, 0xff), fc.nat(255));
    const change = fc.record({ at: place, value, run: fc.constantFrom(1, 1, 4) });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { maxLength: 5 }), fc.nat(DEVICE_HINTS.length), async (changes, cut) => {
        const bytes = Buffer.from(DEVICE_HINTS);
        for (const { at: from, value: byte, run } of changes)
          bytes.fill(byte, from, Math.min(from + run, bytes.length));
        const damaged = {
          ...files,
          "/boot/kernel/linker.hints": cut > DEVICE_HINTS.length / 2 ? bytes.subarray(0, cut) : bytes,
        };
        const lines = ["pnpmatch -v pci vendor=1", "pnpmatch -d acpi x", "load kernel", "load em", "echo alive"];
        const { result, text } = await prompt(damaged, lines, { profile: 14, limits: { fuel: 5_000_000 } });
        expect(result.error?.name).toBe("InputEndedError");
        expect(text).toContain("echo alive\nalive\n");
      }),
      { numRuns: 100 },
    );
  });

  it("with rows of nothing, as many as there can be, ends", async () => {
    const endless = deviceHints(["m", "m.ko"], ["isa", "T:x;", 0x7fffffff]);
    const { output } = await prompt({ "/boot/kernel/linker.hints": endless }, ["pnpmatch isa x", "pnpmatch isa y"], {
      profile: 14,
      limits: { fuel: 1_000_000 },
    });
    expect(output).toEqual(["Matched module: m.ko\n", "No module matches y on bus isa\n"]);
  });
});
