// How much is told of what is loaded: by loaders until 13 always the same, from 14 on as `module_verbose` says.

import { describe, expect, it } from "vitest";
import { linkedFile, objectFile } from "../support/elf_image.js";
import { prompt } from "../support/prompt.js";

const KERNEL = "/boot/kernel/kernel";
const kernel = linkedFile({
  bits: 64,
  segments: [{ size: 8000 }, { size: 3000, bss: 5000, writable: true }],
  versions: [{ name: "kernel", version: 1 }],
});
const needs = { name: "lower", minimum: 1, preferred: 1, maximum: 1 };
const files = {
  [KERNEL]: kernel.bytes,
  "/boot/kernel/upper.ko": objectFile({ versions: [{ name: "upper", version: 1 }], dependencies: [needs] }),
  "/boot/kernel/lower.ko": objectFile({ versions: [{ name: "lower", version: 1 }] }),
  "/raw": "0123456789",
};
const loads = ["load kernel", "load upper", "load -t blob /raw"];
const sizes = "text=0x1f40 data=0xbb8+0x1388 ";

describe("what is loaded", () => {
  it.each([12, 13] as const)("is told by %d with brackets around the sizes of symbols", async (profile) => {
    const { output, result } = await prompt(files, [...loads, "set module_verbose=0", "unload", ...loads, "boot"], {
      profile,
    });
    expect(output[0]).toBe(`${KERNEL} ${sizes}syms=[0x8+0x48+0x8+0x38]\n`);
    expect(output.slice(5, 8)).toEqual(output.slice(0, 3));
    expect(result.environment.module_verbose).toBe("0");
  });

  it("is told by 14 without them", async () => {
    const { output, result } = await prompt(files, [...loads, "unset module_verbose", "boot"], { profile: 14 });
    expect(output[0]).toBe(`${KERNEL} ${sizes}0x8+0x48+0x8+0x38\n`);
    expect(output[1]).toMatch(
      /^\/boot\/kernel\/upper.ko size 0x.* at 0x.*\nloading required module 'lower'\n\/boot\/kernel\/lower.ko size 0x/,
    );
    expect(output.slice(2, 4)).toEqual(["/raw size=0xa\n", "unset: operation not permitted\n"]);
    expect(result.environment.module_verbose).toBe("2");
  });

  it("isn't told when 15 is to be silent", async () => {
    const { output, result } = await prompt(files, [...loads, "lsmod", "boot"], {
      profile: 15,
      env: ["autoboot_delay=NO", "module_verbose=0"],
    });
    expect(output.slice(0, 3)).toEqual(["", "", ""]);
    expect(output[3]).toContain("  modules: lower.1 \n");
    expect(result.environment.module_verbose).toBe("0");
  });

  it("is told in full when 15 is asked for that", async () => {
    const { output } = await prompt(files, ["set module_verbose=3", ...loads, "set module_verbose=x"], { profile: 15 });
    const lines = output[1]!.split("\n");
    expect(lines[0]).toBe(`${KERNEL} entry at 0x${kernel.entry.toString(16)}`);
    expect(lines[1]).toBe("Segment: 0x1f40@0x0 -> 0x200000-0x201f3f");
    expect(lines[2]).toBe("Segment: 0xbb8@0x2000 -> 0x202000-0x203f3f (bss: 0x202bb8-0x203f3f)");
    expect(lines[3]).toBe("syms=[");
    expect(lines[4]).toMatch(/^symtab: 0x48@0x2bb8 -> 0x203f48-0x203f90$/);
    expect(lines[5]).toMatch(/^strtab: 0x38@0x2c00 -> 0x203f98-0x203fd0\]$/);
    expect(output[4]).toBe("invalid module_verbose 'x'\nset: no such file or directory\n");
  });
});
