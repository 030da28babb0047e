// Modules: what they need, where they are found, in which versions, and how they are listed and forgotten.

import { describe, expect, it } from "vitest";
import { BrokenDisk } from "../support/broken_disk.js";
import { linkedFile, linkerHints, objectFile } from "../support/elf_image.js";
import { guestBytes, prompt } from "../support/prompt.js";
import { ufsDisk } from "../support/ufs_image.js";

const KERNEL = "/boot/kernel/kernel";
const VERSIONS = [{ name: "kernel", version: 1201000 }];
const kernel = linkedFile({
  bits: 64,
  segments: [{ size: 8000 }, { size: 3000, bss: 5000, writable: true }],
  versions: VERSIONS,
}).bytes;
const needs = (name: string, minimum: number, preferred = minimum, maximum = preferred) => ({
  ...{ name, minimum, preferred, maximum },
});
const needsKernel = needs("kernel", 1200000, 1201000, 1299999);
const module = (name: string, version = 1, ...dependencies: ReturnType<typeof needs>[]) =>
  objectFile({ versions: [{ name, version }], dependencies: [needsKernel, ...dependencies] });

describe("relocatable modules", () => {
  it("are placed behind the kernel with their metadata relocated", async () => {
    const files = { [KERNEL]: kernel, "/boot/kernel/one.ko": module("one", 7) };
    const { result, output } = await prompt(files, ["load kernel", "load one a=1 b", "lsmod", "boot"]);
    expect(result.diagnostics).toEqual([]);
    expect(output[1]).toMatch(/^\/boot\/kernel\/one\.ko size 0x[0-9a-f]+ at 0x[0-9a-f]+000\n$/);
    expect(output[2]).toMatch(/ \(elf obj module, 0x[0-9a-f]+\)\n {4}args: a=1 b\n {2}modules: one\.7 \n$/);
    const loaded = result.modules[1]!;
    expect(loaded).toMatchObject({ name: "/boot/kernel/one.ko", type: "elf obj module", args: "a=1 b" });
    expect(loaded.metadata.map(({ name }) => name)).toEqual(["ELFHDR", "SHDR"]);
    expect(guestBytes(result, Number(loaded.address), 100).equals(Buffer.alloc(100, 0xcc))).toBe(true);
  });

  it("several modules and a name given by the file", async () => {
    const both = objectFile({
      versions: [
        { name: "a", version: 1 },
        { name: "b", version: -5 },
        { name: "a", version: 1 },
        { name: "a", version: 2 },
      ],
    });
    const { output } = await prompt({ [KERNEL]: kernel, "/m.ko": both }, ["load kernel", "load /m.ko", "lsmod"]);
    expect(output[2]).toContain("  modules: a.2 b.-5 a.1 \n");
  });

  it("need a kernel first", async () => {
    const { output } = await prompt({ "/m.ko": module("m") }, ["load /m.ko"]);
    expect(output[0]).toBe(
      "elf64_obj_loadfile: can't load module before kernel\nload: can't load file '/m.ko': operation not permitted\n",
    );
  });
});

describe("shared objects", () => {
  it.each([32, 64] as const)("of %d bits is no kernel: newer loaders relocate none of x86 either", async (bits) => {
    const kernel = linkedFile({ bits, shared: true, segments: [{ size: 100 }, { size: 80, writable: true }] });
    const { output } = await prompt({ [KERNEL]: kernel.bytes }, [`load ${KERNEL}`]);
    expect(output[0]).toBe(
      `elf${bits}_loadfile: can't load module before kernel\nload: can't load file '${KERNEL}': operation not permitted\n`,
    );
  });

  it.each([32, 64] as const)("of %d bits", async (bits) => {
    const layout = { bits, segments: [{ size: 8000 }, { size: 3000, bss: 100, writable: true }], versions: VERSIONS };
    const shared = linkedFile({
      ...{ ...layout, shared: true, versions: [{ name: "shared", version: 3 }] },
      dependencies: [needsKernel],
    });
    const files = { [KERNEL]: linkedFile(layout).bytes, "/boot/kernel/shared.ko": shared.bytes };
    const { result, output } = await prompt(files, ["load kernel", "load shared", "lsmod", "boot"]);
    expect(result.diagnostics).toEqual([]);
    expect(output[2]).toContain("(elf module, ");
    expect(output[2]).toContain("  modules: shared.3 \n");
    const address = Number(result.modules[1]!.address);
    for (const { at, offset, size } of shared.segments) {
      const bytes = guestBytes(result, address + at, size);
      expect(bytes.equals(shared.bytes.subarray(offset, offset + size))).toBe(true);
    }
  });

  it("are called after their file when they don't tell a name", async () => {
    const layout = { bits: 32 as const, segments: [{ size: 8000 }, { size: 3000, writable: true }] };
    const shared = linkedFile({ ...layout, shared: true });
    const files = {
      [KERNEL]: linkedFile({ ...layout, versions: VERSIONS }).bytes,
      "/boot/kernel/na.me.ko": shared.bytes,
    };
    const { output } = await prompt(files, ["load kernel", "load na.me", "lsmod"]);
    expect(output[2]).toContain("  modules: na.me.1 \n");
  });
});

describe("dependencies", () => {
  const files = {
    [KERNEL]: kernel,
    "/boot/kernel/top.ko": module("top", 1, needs("middle", 1, 2, 3)),
    "/boot/kernel/middle.ko": module("middle", 3, needs("bottom", 1)),
    "/boot/modules/bottom.ko": module("bottom"),
    "/boot/kernel/picky.ko": module("picky", 1, needs("middle", 4, 4, 9)),
    "/boot/kernel/lost.ko": module("lost", 1, needs("bottom", 1), needs("nowhere", 1)),
    "/boot/kernel/ring1.ko": module("ring1", 1, needs("ring2", 1)),
    "/boot/kernel/ring2.ko": module("ring2", 1, needs("ring1", 1)),
  };
  const listed = (text: string | undefined) => Array.from(text?.matchAll(/: (\S+) \(/g) ?? [], (match) => match[1]);

  it("are loaded along, one behind the other", async () => {
    const { result, output } = await prompt(files, ["load kernel", "load top", "lsmod", "boot"]);
    expect(output[1]).toContain("loading required module 'middle'\n");
    expect(output[1]).toContain("loading required module 'bottom'\n");
    const order = [KERNEL, "/boot/kernel/top.ko", "/boot/kernel/middle.ko", "/boot/modules/bottom.ko"];
    expect(listed(output[2])).toEqual(order);
    expect(result.modules.map(({ name }) => name)).toEqual(order);
    const places = result.modules.map(({ address, size }) => [Number(address), Number(address) + size] as const);
    places.slice(1).forEach(([start], i) => {
      expect(start).toBeGreaterThanOrEqual(places[i]![1]);
    });
  });

  it("that can't be had take everything back", async () => {
    const { output } = await prompt(files, ["load kernel", "load picky", "load lost", "lsmod", "load top", "lsmod"]);
    expect(output[1]).toContain("load: module 'middle' exists but with wrong version\n");
    expect(output[2]).toContain("load: can't find 'nowhere'\n");
    expect(listed(output[3])).toEqual([KERNEL]);
    expect(listed(output[5])).toHaveLength(4);
  });

  it("may go round in circles", async () => {
    const { output } = await prompt(files, ["load kernel", "load ring1", "lsmod"]);
    expect(listed(output[2])).toHaveLength(3);
  });

  it("of any depth end", async () => {
    const chain: Record<string, Uint8Array> = { [KERNEL]: kernel };
    for (let i = 0; i < 100; i++) chain[`/boot/kernel/m${i}.ko`] = module(`m${i}`, 1, needs(`m${i + 1}`, 1));
    const { output } = await prompt(chain, ["load kernel", "load m0", "lsmod"]);
    expect(output[1]).toMatch(/load: .* modules depend on each other too deeply\n$/);
    expect(listed(output[2])).toEqual([KERNEL]);
  });
});

describe("linker.hints", () => {
  const old = module("net", 1);
  const recent = module("net", 3);
  const files = {
    [KERNEL]: kernel,
    "/boot/kernel/net_old.ko": old,
    "/boot/kernel/net_new.ko": recent,
    "/boot/kernel/app.ko": module("app", 1, needs("net", 2, 2, 3)),
    "/boot/kernel/old.ko": module("old", 1, needs("net", 1, 1, 3)),
    "/boot/kernel/linker.hints": linkerHints([
      { module: "net", version: 1, file: "net_old.ko" },
      { module: "other", version: 9, file: "gone.ko" },
      { module: "net", version: 3, file: "net_new.ko" },
    ]),
  };

  it("tell which file has a version", async () => {
    const { output } = await prompt(files, ["load kernel", "load app", "unload", "load kernel", "load old"]);
    expect(output[1]).toContain("/boot/kernel/net_new.ko size");
    expect(output[4]).toContain("/boot/kernel/net_old.ko size");
  });

  it("name a file that isn't there", async () => {
    const { output } = await prompt({ ...files, "/boot/kernel/other.ko": recent }, ["load kernel", "load other"]);
    expect(output[1]).toBe("load: can't find 'other'\n");
  });

  it.each([
    ["too long a record", (hints: Buffer) => hints.writeInt32LE(0x7fffffff, 4)],
    ["a negative length", (hints: Buffer) => hints.writeInt32LE(-4, 4)],
    ["a record of nothing", (hints: Buffer) => hints.writeInt32LE(0, 4)],
  ])("with %s are left alone, and the damage is reported", async (_name, harm) => {
    const hints = Buffer.from(files["/boot/kernel/linker.hints"]);
    harm(hints);
    const { output, result } = await prompt({ ...files, "/boot/kernel/linker.hints": hints }, [
      "load kernel",
      "load app",
    ]);
    expect(output[1]).toContain("can't find 'net'");
    expect(result.diagnostics.join("\n")).toMatch(/linker\.hints: record at/);
  });

  it("of more directories than files can be open at once are read", async () => {
    const one = linkerHints([{ module: "far", version: 1, file: "far.ko" }]);
    const many = Array.from({ length: 70 }, (_, i) => `/d${i}`);
    const hints = many.map((path) => [`${path}/linker.hints`, one]);
    const { output, diagnostics } = await prompt(
      { ...Object.fromEntries(hints), [KERNEL]: kernel, "/d69/far.ko": module("far") },
      [`load ${KERNEL}`, ...many.flatMap((path) => [`set module_path=${path}`, "load far"])],
    );
    expect(output.at(-3)).toBe("load: can't find 'far'\n");
    expect(output.at(-1)).toMatch(/^\/d69\/far\.ko size /);
    expect(diagnostics).toEqual([]);
  });

  it("of another version are ignored", async () => {
    const hints = Buffer.from(files["/boot/kernel/linker.hints"]);
    hints.writeInt32LE(2, 0);
    const { output } = await prompt({ ...files, "/boot/kernel/linker.hints": hints }, ["load kernel", "load net_old"]);
    expect(output[1]).toContain("net_old.ko size");
  });
});

describe("versions", () => {
  const loaded = async (modules: Record<string, number>, wish: ReturnType<typeof needs>, ...more: string[]) => {
    const hints = Object.entries(modules).map(([file, version]) => ({ module: "net", version, file: `${file}.ko` }));
    const files = Object.entries(modules).map(([file, version]) => [`/boot/kernel/${file}.ko`, module("net", version)]);
    const { output } = await prompt(
      {
        ...{ [KERNEL]: kernel, ...Object.fromEntries(files) },
        "/boot/kernel/app.ko": module("app", 1, wish),
        "/boot/kernel/linker.hints": linkerHints(hints),
      },
      ["load kernel", ...more, "load app", "lsmod"],
    );
    return /([a-z]+)\.ko size 0x\w+ at 0x\w+\n$/.exec(output.at(-2)!)?.[1] ?? output.at(-2);
  };

  it.each([
    [2, "none"],
    [3, "file"],
    [5, "file"],
    [6, "none"],
  ])("from the least to the most will do: %i of 3 to 5", async (version, found) => {
    const got = await loaded({ file: version }, needs("net", 3, 4, 5));
    if (found === "none") expect(got).toContain("can't find 'net'");
    else expect(got).toBe(found);
  });

  it.each<[string, Record<string, number>]>([
    ["the preferred one, whichever comes first", { older: 3, best: 4, newer: 5 }],
    ["the newest of several", { old: 3, best: 6, newer: 5 }],
    ["the first of those that are the same", { best: 5, same: 5 }],
    ["one that isn't too new", { future: 8, best: 3 }],
  ])("%s is taken", async (_name, modules) => {
    expect(await loaded(modules, needs("net", 3, 4, 7))).toBe("best");
  });

  it("that are loaded count as those that could be", async () => {
    // The first line of the load is what is left of it: nothing more was needed.
    expect(await loaded({ other: 5 }, needs("net", 3, 4, 5), "load other")).toBe("app");
    expect(await loaded({ other: 6 }, needs("net", 3, 4, 5), "load other")).toContain("can't find 'net'");
  });
});

describe("module_path, raw files, unload", () => {
  it("the root is one of the directories, with or without more slashes", async () => {
    const files = {
      [KERNEL]: kernel,
      "/m.ko": module("m"),
      "/linker.hints": linkerHints([{ module: "n", version: 1, file: "m.ko" }]),
    };
    for (const root of ["/", "//", "/;"]) {
      const lines = [`load ${KERNEL}`, `set module_path=${root}`, "load n", "unload", `load ${KERNEL}`, "load m"];
      const { output, diagnostics } = await prompt(files, lines);
      expect(output[2]).toMatch(/^\/m\.ko size /);
      expect(output[5]).toMatch(/^\/m\.ko size /);
      expect(diagnostics).toEqual([]);
    }
  });

  it("a directory isn't taken for a file, and another extension is looked for", async () => {
    const files = { [KERNEL]: kernel, "/a/m.ko/x": "x", "/a/m": module("m"), "/b/n": "", "/b/n.debug": module("n") };
    const lines = [`load ${KERNEL}`, "set module_path=/a;/b", "load m", "load n", "load /b/n.debug"];
    const { output } = await prompt(files, lines);
    expect(output[2]).toMatch(/^\/a\/m size /);
    // The first that is there counts.
    expect(output[3]).toBe("load: don't know how to load module '/b/n'\n");
    expect(output[4]).toMatch(/^\/b\/n\.debug size /);
  });

  it("an empty directory in it is the one that paths without a slash begin in", async () => {
    const files = {
      [KERNEL]: kernel,
      "/m.ko": module("m"),
      "/.x": linkedFile({ bits: 64, shared: true, segments: [{ size: 8000 }] }).bytes,
    };
    const { output } = await prompt(files, [`load ${KERNEL}`, "set module_path=;", "load m", "load .x", "lsmod"]);
    expect(output[2]).toMatch(/^m\.ko size /);
    expect(output[4]).toContain("  modules: bad.1 \n");
  });

  it("directories are searched in order, new ones last", async () => {
    const files = { [KERNEL]: kernel, "/a/m.ko": module("m"), "/b/m": module("m"), "/c/m.ko": module("m") };
    const { output } = await prompt(files, [
      "load kernel",
      ...["set module_path=/b/;/a//;;/nowhere", "load m", "unload"],
      ...["load /boot/kernel/kernel", "set module_path=/c;/a", "load m"],
    ]);
    expect(output[2]).toContain("/b/m size");
    expect(output[6]).toContain("/a/m.ko size");
  });

  it("raw files go right behind the others", async () => {
    const content = Buffer.from(Array.from({ length: 70_001 }, (_, i) => i % 251));
    const files = { [KERNEL]: kernel, "/boot/kernel/disk.img": content, "/empty": "" };
    const commands = ["load -t md_image /boot/kernel/disk.img", "load kernel", "load -t md_image disk.img"];
    commands.push("load -t x /empty", "load -t md_image disk.img", "load -t x", "load_geli -n 2 ada0 /empty", "boot");
    const { output, result } = await prompt(files, commands);
    expect(output[0]).toBe("load: can't load file before kernel\n");
    expect(output[2]).toBe("/boot/kernel/disk.img size=0x11171\n");
    expect(output[3]).toBe("/empty size=0\n");
    expect(output[5]).toBe("load: invalid load type\n");
    const types = result.modules.map(({ type }) => type);
    expect(types).toEqual(["elf kernel", "md_image", "x", "md_image", "ada0:geli_keyfile2"]);
    const [first, raw] = result.modules;
    expect(Number(raw!.address)).toBe(Number(first!.address) + first!.size);
    expect(guestBytes(result, Number(raw!.address), raw!.size).equals(content)).toBe(true);
  });

  it("a raw file that can't be read in full isn't loaded", async () => {
    const files = { [KERNEL]: kernel, "/raw": Buffer.concat([Buffer.alloc(100_000, 7), Buffer.from("MARK")]) };
    const disk = new BrokenDisk(ufsDisk(files)).breakAt("MARK");
    const { output, result } = await prompt([disk], ["load kernel", "load -t x /raw", "boot"]);
    expect(output[1]).toContain("error reading '/raw': input/output error\n");
    expect(result.modules.map(({ type }) => type)).toEqual(["elf kernel"]);
  });

  it("unload forgets everything, and memory doesn't grow with it", async () => {
    const commands = ["load kernel", "unload", "lsmod", "show kernelname"];
    const { output } = await prompt({ [KERNEL]: kernel }, commands);
    expect(output[2]).toBe("");
    expect(output[3]).not.toContain(KERNEL);
    const often = Array.from({ length: 300 }, () => ["load kernel", "unload"]).flat();
    const { result } = await prompt({ [KERNEL]: kernel }, [...often, "boot"]);
    expect(result.reason).toBe("exec");
    expect(result.moduleMemory).toBeLessThanOrEqual(4 * 1024 * 1024);
  });
});
