// Replays of what other loaders got wrong about commands, scripts and kernels (replays.test.ts begins them): each test says
// what the hole was, and does the same with what this loader has of the kind.

import { describe, expect, it } from "vitest";
import { typed } from "../interp/forth/guest.js";
import { scripted } from "../interp/lua/guest.js";
import { linkedFile, objectFile } from "../support/elf_image.js";
import { prompt } from "../support/prompt.js";

const VERSIONS = [{ name: "kernel", version: 1201000 }];
const kernelOf = (bits: 32 | 64) =>
  Buffer.from(
    linkedFile({ bits, segments: [{ size: 5000 }, { size: 5000, writable: true }], versions: VERSIONS }).bytes,
  );

/** Types commands at simp's prompt; what each printed. The loader goes on. */
async function alive(files: Record<string, Uint8Array | string>, commands: readonly string[]) {
  const read = await prompt(files, [...commands, "echo alive"]);
  expect(read.result.error?.name).toBe("InputEndedError");
  // Lines of an included file come with prompts of their own.
  expect(read.text).toContain("alive\n");
  return read;
}

describe("CVE-2020-10713: grub copied a token of its configuration past its buffer (BootHole)", () => {
  it.each([200, 255, 256, 1023, 1024, 8192, 100_000])("a word of %i characters in a script", async (length) => {
    const word = "w".repeat(length);
    const { text } = await alive({ "/script": `set a=${word}\necho through\n` }, ["include /script", "show a"]);
    expect(text.includes("\nthrough\n")).toBe(length === 200);
    // A line has up to 255 bytes; what is over is another line, and no command.
    expect(text.match(/^w+$/gm)!.every((value) => value.length < 256)).toBe(true);
  });

  it("a name and a line of 100,000 characters in Forth and Lua", async () => {
    const name = "n".repeat(200);
    const { text } = await typed([`: ${name} 7 ;`, `s" ${name}" evaluate .`, "n".repeat(3000), "3 4 + ."]);
    expect(text).toContain("\n7 OK");
    expect(text).toMatch(/7 OK $/);
    const { printed } = await scripted(`
      local name = ("n"):rep(100000)
      print(load(name .. " = 7"), pcall(load(name .. " = 7")), _G[name])
      print(loader.setenv(name, name) == nil, loader.perform(name), #(loader.getenv(name) or ""))`);
    expect(printed).toMatch(/^function: .*\ttrue\t7\n/);
  });
});

describe("CVE-2020-27749: grub expanded variables of a command line past a buffer of 1 KiB on its stack", () => {
  it("a line that is far longer once its variables are put in", async () => {
    const value = "v".repeat(200);
    const [a, b] = ["\x24{a}", "\x24{b}"];
    const { output } = await alive({ "/file": "x" }, [
      `set a=${value}`,
      `echo ${a.repeat(51)}`,
      `set b="${a.repeat(4)}"`,
      `echo ${b.repeat(30)}`,
    ]);
    // What is printed of a line is 1024 bytes at most.
    expect(output[1]).toBe(`${value.repeat(51).slice(0, 1023)}\n`);
    expect(output[3]!.length).toBeLessThanOrEqual(1024);
  });

  it("in Forth and Lua", async () => {
    const { text } = await typed([`set a=${"v".repeat(200)}`, `echo ${"\x24{a}".repeat(40)}`, "3 4 + ."]);
    expect(text).toMatch(/7 OK $/);
    const { printed } = await scripted(`
      loader.setenv("a", ("v"):rep(1000))
      print(loader.perform("echo " .. ("\${a}"):rep(200)))
      print("through")`);
    expect(printed).toMatch(/through\n$/);
  });
});

describe("CVE-2021-20225: grub wrote past what it had counted when short options came again and again", () => {
  it("options repeated, with and without what belongs to them", async () => {
    const { output } = await alive({ "/file": "x" }, [
      `ls -${"l".repeat(200)} /`,
      `ls ${"-l ".repeat(60)}/`,
      `load ${"-t raw ".repeat(30)}/file`,
      `load ${"-t ".repeat(60)}`,
      "lsmod",
    ]);
    expect(output[0]).toBe("/\n          1 file\n");
    for (const printed of output.slice(1, 4)) expect(printed).toMatch(/^fail at line \d+\nparse error\n$/);
    expect(output[4]).toBe("");
  });
});

describe("CVE-2021-20233: grub counted three characters for a quote that it wrote as four", () => {
  it("values of quotes and backslashes come back as they are", async () => {
    const value = "'\\\"`$".repeat(150);
    const { printed } = await scripted(`
      local value = ${JSON.stringify(value)}
      loader.setenv("a", value)
      print(loader.getenv("a") == value)
      local words = loader.parse(("\\\\'"):rep(300) .. " " .. ("'"):rep(300))
      print(type(words))`);
    expect(printed.startsWith("true\n")).toBe(true);
  });
});

describe("CVE-2020-15706: grub went on in a function that was freed when it was defined anew while it ran", () => {
  it("a function of Lua that replaces itself, and is collected", async () => {
    const { printed } = await scripted(`
      function f(n)
        f = function() return "second" end
        for i = 1, 5 do collectgarbage() local junk = ("junk"):rep(1000) .. i end
        return "first " .. n
      end
      print(f(1), f(2))`);
    expect(printed).toBe("first 1\tsecond\n");
  });

  it("a word of Forth that forgets or defines itself", async () => {
    const { text } = await typed([
      ': again s" : again 2 . ;" evaluate 1 . ;',
      "again again",
      ': gone s" forget gone" evaluate 3 . ;',
      "gone",
      ".( still here )",
    ]);
    expect(text).toContain("\n1 2 OK");
    expect(text).toMatch(/still here OK $/);
  });
});

describe("CVE-2020-25632: grub let go of a module that others still need", () => {
  const needsKernel = { name: "kernel", minimum: 1200000, preferred: 1201000, maximum: 1299999 };
  const files = {
    "/boot/kernel/kernel": kernelOf(64),
    "/boot/kernel/low.ko": objectFile({ versions: [{ name: "low", version: 1 }], dependencies: [needsKernel] }),
    "/boot/kernel/high.ko": objectFile({
      versions: [{ name: "high", version: 1 }],
      dependencies: [needsKernel, { name: "low", minimum: 1, preferred: 1, maximum: 1 }],
    }),
  };
  it("nothing is left of modules that were unloaded, and they can be loaded again", async () => {
    const load = ["load /boot/kernel/kernel", "load high"];
    const { output } = await alive(files, [...load, "lsmod", "unload", "lsmod", ...load, "lsmod", "unload"]);
    expect(output[2]).toContain("low.ko");
    expect(output[4]).toBe("");
    expect(output[7]).toBe(output[2]);
  });
});

describe("CVE-2022-28736: grub's chainloader used what it had freed when it was called a second time", () => {
  it("kernels loaded, refused and loaded again are entered as if it were the first time", async () => {
    const bad = kernelOf(64);
    bad.writeBigUInt64LE(2n ** 40n, 64 + 8);
    const files = { "/kernel": kernelOf(64), "/bad": bad };
    const once = await prompt(files, ["load /kernel", "boot"]);
    const often = await prompt(files, [
      "load /kernel",
      "boot /none",
      "unload",
      "load /bad",
      "load /kernel",
      "unload",
      "load /kernel",
      "boot",
    ]);
    for (const { result } of [once, often]) expect(result.reason).toBe("exec");
    expect(often.result.calls.at(-1)).toEqual(once.result.calls.at(-1));
    expect(often.result.guestMemory.read(0x200000, 12_000)).toEqual(once.result.guestMemory.read(0x200000, 12_000));
  });
});

describe("CVE-2020-14308: grub's allocator added to a size until it wrapped", () => {
  it("sizes that wrap in Forth give no block, or a small one that nothing is written past", async () => {
    const { text, result } = await typed([
      ...["-17", "1 62 lshift", "1 63 lshift", "4294967295", "4294967296", "2147483648"].map(
        (n) => `${n} allocate . drop`,
      ),
      "create at 1 cells allot 64 allocate throw at ! 77 at @ !",
      ...["-1", "-8", "-15", "-16"].map((n) => `at @ ${n} resize drop at ! at @ @ .`),
      "3 4 + .",
    ]);
    expect(text.match(/\n1 OK/g)).toHaveLength(6);
    expect(text.match(/\n77 OK/g)).toHaveLength(4);
    expect(text).toMatch(/7 OK $/);
    expect(result.error?.name).toBe("InputEndedError");
  });

  it("sizes that wrap in Lua are errors", async () => {
    const { printed } = await scripted(`
      for _, n in ipairs({0x7fffffff, 0x80000000, 0xffffffff, 1 << 32, 1 << 62, 0x7fffffffffffffff}) do
        print(pcall(string.rep, "xy", n))
        print(pcall(string.rep, "x", n, ("sep"):rep(100)))
      end`);
    const lines = printed.trim().split("\n");
    expect(lines).toHaveLength(12);
    for (const line of lines) expect(line).toMatch(/^false\t(not enough memory|resulting string too large)$/);
  });
});

describe("CVE-2025-0690: grub counted keys that were typed until the count wrapped", () => {
  it.each([256, 1024, 70_000])("a line of %i keys", async (count) => {
    const { result, text } = await prompt({}, ["x".repeat(count), "echo alive"]);
    expect(result.error?.name).toBe("InputEndedError");
    expect(text).toContain("alive\n");
    // A line keeps 255 of them.
    expect(text).not.toContain("x".repeat(count > 256 ? count : 257));
  });
});

describe("CVE-2016-9379: pygrub wrote what a guest's configuration says into its own answer, quotes and all", () => {
  it("names of kernels and arguments are texts of the result, whatever is in them", async () => {
    const name = `/k") (ramdisk "x`;
    const { result } = await prompt({ [name]: kernelOf(64) }, [`load "${name.replaceAll('"', '\\"')}"`, "boot"]);
    expect(result.reason).toBe("exec");
    expect(result.modules.map((module) => module.name)).toEqual([name]);
    expect(JSON.parse(JSON.stringify(result.modules))).toHaveLength(1);
  });
});

describe("CVE-2013-2194: Xen's ELF reader computed with numbers of a kernel until they wrapped", () => {
  const HEADERS = { 32: { phoff: 28, phnum: 44, offset: 52 + 4 }, 64: { phoff: 32, phnum: 56, offset: 64 + 8 } };
  it.each([32, 64] as const)("ELF of %i bits", async (bits) => {
    const { offset, phnum, phoff } = HEADERS[bits];
    const wrapped: [number, number[]][] = [
      [phoff, [2 ** 32 - 1, 2 ** 32 - 32, 2 ** 31]],
      [offset, [2 ** 32 - 1, 2 ** 31]],
    ];
    for (const [at, values] of wrapped)
      for (const value of values) {
        const kernel = kernelOf(bits);
        kernel.writeUInt32LE(value, at);
        const { diagnostics, output } = await alive({ "/kernel": kernel }, ["load /kernel"]);
        expect(output[0]).toContain("can't load");
        expect(diagnostics.join()).toContain("ELF");
        expect(diagnostics.join()).toContain(String(value));
      }
    const many = kernelOf(bits);
    many.writeUInt16LE(65535, phnum);
    const { diagnostics } = await alive({ "/kernel": many }, ["load /kernel"]);
    expect(diagnostics.join()).toContain("ELF header: program headers (65535 at offset");
  });
});
