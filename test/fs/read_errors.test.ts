// Disk errors: none is taken for the end of a file, or for a file that isn't there. What can't be read to its end
// does not run and is not used, and the console names it.

import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import type { BootOptions, BootResult, Disk, Flavour } from "userboot-wasm";
import { describe, expect, it } from "vitest";
import { BrokenDisk } from "../support/broken_disk.js";
import { linkedFile, linkerHints, objectFile } from "../support/elf_image.js";
import { FLAVOURS } from "../support/flavours.js";
import { guestImage, recordedImage, recordings } from "../support/guests.js";
import { isoImage } from "../support/iso_image.js";
import { MIB, typeLines } from "../support/prompt.js";
import { ufsDisk } from "../support/ufs_image.js";

/** Where the disk breaks. Far from the start and the end of the file, so that both are in other pieces. */
const MARK = "THE-BAD-SECTOR";
const KERNEL = "/boot/kernel/kernel";

/** Boots from `disks` and types `commands`. */
const run = (disks: readonly Disk[], commands: readonly string[], options: BootOptions) =>
  typeLines(commands, { disks, interfaceVersion: 4, memory: 64 * MIB, ...options });

/** Lines that don't compress, `size` bytes of them, each after `comment`. */
function noise(comment: string, size: number): string {
  let text = "";
  for (let i = 0; text.length < size; i++)
    text += `${comment}${createHash("sha512").update(`${i}`).digest("base64")}\n`;
  return text;
}

/** A script that says so when its beginning and its end run. */
function script(flavour: Flavour): string {
  const [comment, say] = {
    simp: ["\\ ", (what: string) => `echo ${what}-ran`],
    "4th": ["\\ ", (what: string) => `.( ${what}-ran) cr`],
    lua: ["-- ", (what: string) => `print("${what}-ran")`],
  }[flavour] as [string, (what: string) => string];
  const filler = noise(comment, 100_000);
  return `${say("first")}\n${filler}${comment}${MARK}\n${filler}${say("last")}\n`;
}

const START: Readonly<Record<Flavour, string>> = {
  simp: "/boot/loader.rc",
  "4th": "/boot/loader.rc",
  lua: "/boot/lua/loader.lua",
};

describe.each(FLAVOURS)("a bad sector in a script: %s", (start) => {
  const path = START[start];
  const expectNothingRan = (text: string, name: string) => {
    expect(text).not.toMatch(/^(first|last)-ran$/m);
    expect(text).toContain(name);
    expect(text).toContain("input/output error");
  };
  const command = start === "lua" ? `print(pcall(dofile, "/s"))` : "include /s";

  it("in the middle of the start-up script", async () => {
    const { text, result } = await run([new BrokenDisk(ufsDisk({ [path]: script(start) })).breakAt(MARK)], [], {
      start,
    });
    expectNothingRan(text, path);
    expect(result.diagnostics.join()).toMatch(/bad sector/);
  });

  it("in its first sector", async () => {
    const whole = ufsDisk({ [path]: script(start) });
    const { text } = await run([new BrokenDisk(whole).breakAt("first-ran")], [], { start });
    expectNothingRan(text, path);
  });

  it("in its inode, and in its directory", async () => {
    for (const part of ["inode", "directory"]) {
      const broken = new BrokenDisk(ufsDisk({ [path]: script(start), "/boot/inode-of-the-last": "x" }));
      if (part === "directory") broken.breakAt(path.slice(path.lastIndexOf("/") + 1));
      // The builder's inodes are at fixed places; the start-up script is among the first.
      else for (let sector = 160; sector < 168; sector++) broken.bad.add(sector);
      const { text } = await run([broken], [], { start });
      expectNothingRan(text, "");
    }
  });

  it("in an included one", async () => {
    const { text } = await run([new BrokenDisk(ufsDisk({ "/s": script(start) })).breakAt(MARK)], [command], { start });
    expectNothingRan(text, "/s");
    if (start !== "lua") return;
    const included = await run([new BrokenDisk(ufsDisk({ "/s": script(start) })).breakAt(MARK)], ["include /s"], {
      start,
    });
    expectNothingRan(included.text, "cannot read /s");
  });

  it("in a compressed one", async () => {
    const image = ufsDisk({ [`${path}.gz`]: gzipSync(script(start)) });
    const broken = new BrokenDisk(image);
    // The middle of the file: somewhere in the last two fifths of the image.
    const clean = new BrokenDisk(image);
    await run([clean], [], { start });
    const reads = clean.reads.filter(([first, last]) => last - first >= 127);
    broken.bad.add(reads[Math.floor(reads.length / 2)]![0] + 64);
    const { text } = await run([broken], [], { start });
    expectNothingRan(text, path);
  });

  it("on an ISO 9660 volume", async () => {
    const image = isoImage([{ name: "S", rockRidge: "s", content: script(start) }]);
    const { text } = await run([new BrokenDisk(image).breakAt(MARK)], [command], { start });
    expectNothingRan(text, "/s");
    // Without its directory nothing is "not there".
    const directory = new BrokenDisk(image);
    directory.bad.add(18 * 4);
    expectNothingRan((await run([directory], [command], { start })).text, "/s");
  });

  it("while files are examined", async () => {
    const hooks = { onFile: () => undefined };
    for (const more of [{ measure: true }, { hooks }]) {
      const broken = new BrokenDisk(ufsDisk({ [path]: script(start) })).breakAt(MARK);
      expectNothingRan((await run([broken], [], { start, ...more })).text, path);
    }
  });
});

describe("what scripts read themselves", () => {
  const conf = `first="1"\n${noise("# ", 100_000)}# ${MARK}\nlast="2"\n`;
  const broken = () => new BrokenDisk(ufsDisk({ "/boot/loader.conf": conf })).breakAt(MARK);

  it("Lua: io.read raises, and names the file", async () => {
    const code = `local f = io.open("/boot/loader.conf"); print(pcall(io.read, f))`;
    const { text } = await run([broken()], [code], { start: "lua" });
    expect(text).toContain("false\tcannot read /boot/loader.conf: input/output error\n");
  });

  it("Lua: a module can't be required", async () => {
    const image = new BrokenDisk(ufsDisk({ "/boot/lua/m.lua": script("lua") })).breakAt(MARK);
    const { text } = await run([image], [`print(pcall(require, "m"))`], { start: "lua" });
    expect(text).toContain("cannot read /boot/lua/m.lua: input/output error");
    expect(text).not.toMatch(/^first-ran$/m);
  });

  it("Lua and `ls`: a directory that ends in a bad sector doesn't just end", async () => {
    const files = Object.fromEntries(
      Array.from({ length: 1500 }, (_, i) => [`/d/file-number-${i}-with-a-long-name`, "x"]),
    );
    const image = () => new BrokenDisk(ufsDisk(files)).breakAt("file-number-1400-");
    const code = `print(pcall(function() for n in lfs.dir("/d") do end end))`;
    expect((await run([image()], [code], { start: "lua" })).text).toMatch(
      /false\t.*cannot read \/d: input\/output error/,
    );
    const listed = await run([image()], ["set LINES=100000", "ls /d"], { start: "simp" });
    expect(listed.text).toContain("ls: can't read '/d': input/output error\n");
    const word = `: l begin dup freaddir while 2drop repeat drop ; s" /d" 0 fopen l`;
    expect((await run([image()], [word], { start: "4th" })).text).toContain("can't read '/d': input/output error\n");
  });

  it("Forth: fread gives -1, fkey and fload throw", async () => {
    const open = `s" /boot/loader.conf" 0 fopen constant f`;
    const { text } = await run([broken()], [open, "create b 200000 allot", `f b 200000 fread .( fread=) .`], {
      start: "4th",
    });
    expect(text).toContain("fread=-1 ");
    const keys = await run([broken()], [open, ": k begin f fkey -1 = until ; k .( silent)"], { start: "4th" });
    expect(keys.text).toContain("can't read '/boot/loader.conf': input/output error\n");
    expect(keys.text).not.toMatch(/^silent/m);
    const image = new BrokenDisk(ufsDisk({ "/s": script("4th") })).breakAt(MARK);
    const loaded = await run([image], [`s" /s" 0 fopen fload .( silent)`], { start: "4th" });
    expect(loaded.text).toContain("can't read '/s': input/output error\n");
    expect(loaded.text).not.toMatch(/^(last-ran|silent)/m);
  });
});

describe("what the loader reads itself", () => {
  const kernel = linkedFile({ bits: 64, segments: [{ size: 200_000 }, { size: 9000, writable: true }] });
  const at = (image: Disk, bytes: Uint8Array) => {
    const all = Buffer.alloc(image.size);
    image.read(0, all);
    return Math.floor(all.indexOf(bytes) / 512);
  };
  const files = { [KERNEL]: kernel.bytes };
  const boots = [`load ${KERNEL}`, "boot"];

  it("a kernel", async () => {
    for (const inside of [0, 100_000]) {
      const image = new BrokenDisk(ufsDisk(files));
      image.bad.add(at(image, kernel.bytes.subarray(0, 64)) + Math.floor(inside / 512));
      const { text, result } = await run([image], boots, { start: "simp" });
      expect(text).toContain(`can't load file '${KERNEL}': input/output error\n`);
      expect(result.reason).not.toBe("exec");
    }
  });

  it("a raw file", async () => {
    const image = new BrokenDisk(ufsDisk({ ...files, "/raw": noise("", 100_000) + MARK })).breakAt(MARK);
    const { text } = await run([image], [`load ${KERNEL}`, "load -t raw /raw"], { start: "simp" });
    expect(text).toContain("error reading '/raw': input/output error\n");
  });

  it("linker.hints: they are passed over as a whole", async () => {
    const module = objectFile({ versions: [{ name: "m", version: 1 }] });
    const hints = linkerHints([{ module: "m", version: 1, file: "other.ko" }]);
    const image = new BrokenDisk(
      ufsDisk({ ...files, "/boot/kernel/other.ko": module, "/boot/kernel/linker.hints": hints }),
    );
    image.bad.add(at(image, hints));
    const { text } = await run([image], [`load ${KERNEL}`, "load m"], { start: "simp" });
    expect(text).toContain("can't read '/boot/kernel/linker.hints': input/output error\n");
    expect(text).toContain("can't find 'm'\n");
  });

  it("/etc/fstab: the kernel isn't told half of it", async () => {
    const fstab = `/dev/half / ufs rw,${MARK} 1 1\n`;
    const image = new BrokenDisk(ufsDisk({ ...files, "/etc/fstab": noise("#", 60_000) + fstab })).breakAt(MARK);
    const { text, result } = await run([image], boots, { start: "simp" });
    expect(text).toMatch(/can't read 'disk0:?\/etc\/fstab': input\/output error\n/);
    expect(result.environment).not.toHaveProperty("vfs.root.mountfrom");
  });

  it("/boot/loader: which interpreter it wants isn't guessed from a half", async () => {
    const loader = `${noise("", 100_000)}${MARK}${noise("", 100_000)}$Interpreter:simp\0`;
    const image = () => new BrokenDisk(ufsDisk({ "/boot/loader": loader, "/boot/lua/loader.lua": `print("lua ran")` }));
    const whole = await run([image()], [], { start: "lua", interfaceVersion: 5 });
    expect(whole.result.swaps).toEqual(["simp"]);
    const { text, result } = await run([image().breakAt(MARK)], [], { start: "lua", interfaceVersion: 5 });
    expect(result.swaps).toEqual([]);
    expect(text).toContain("can't read '/boot/loader': input/output error\n");
    expect(result.interpreterChecks).toEqual([{ flavour: "lua", found: "unreadable" }]);
  });
});

it("a bad sector spoils the file that it is in, and none beside it", async () => {
  const names = ["a", "b", "c", "d", "e", "f"];
  const files = Object.fromEntries(names.map((name) => [`/${name}`, `echo this-is-${name}\n`]));
  for (const bad of names) {
    const broken = new BrokenDisk(ufsDisk(files)).breakAt(`echo this-is-${bad}`);
    const commands = names.map((name) => `include /${name}`);
    const { text } = await run([broken], commands, { start: "simp" });
    const ran = [...text.matchAll(/^this-is-(\w)$/gm)].map(([, name]) => name);
    expect(ran).toEqual(names.filter((name) => name !== bad));
    expect(text).toContain(`include: can't read '/${bad}': input/output error\n`);
  }
});

/** What says that something could not be read. */
const SAYS =
  /input\/output error|can't read|cannot read|error reading|read failed|failed to read|could not read|can't find|don't know how|can't determine|no bootable kernel|ZFS: i\/o error|can't load|device not configured|fill error/;

interface Ending {
  digest: string;
  calls: unknown;
  environment: unknown;
}

function ending(result: BootResult): Ending {
  const hash = createHash("sha256");
  for (const { gpa, length } of result.memory) {
    hash.update(`${gpa} ${length} `).update(result.guestMemory.read(Number(gpa), length));
  }
  return { digest: hash.digest("hex"), calls: result.calls, environment: result.environment };
}

/** Makes sectors that a boot of `image` reads bad, one after the other: nothing is half used in silence. */
async function sweep(image: Uint8Array, start: Flavour, samples: number): Promise<void> {
  const options = { start, env: [], interfaceVersion: 5 as const };
  const clean = new BrokenDisk(image);
  const whole = await run([clean], [], options);
  const expected = ending(whole.result);
  const sectors = new Set<number>();
  // Somewhere in every read, as the reads come.
  for (const [i, [first, last]] of clean.reads.entries()) sectors.add(first + ((i * 7919) % (last - first + 1)));
  const all = [...sectors];
  const step = Math.max(1, Math.floor(all.length / samples));
  let failures = 0;
  for (let i = 0; i < all.length; i += step) {
    const broken = new BrokenDisk(image);
    broken.bad.add(all[i]!);
    const { result, text } = await run([broken], [], options);
    expect(["InternalError", "WorkerError"], `sector ${all[i]}`).not.toContain(result.error?.name);
    const met = result.diagnostics.some((line) => line.includes("bad sector"));
    if (!met) continue;
    failures++;
    const same = JSON.stringify(ending(result)) === JSON.stringify(expected) && text === whole.text;
    if (!same && !SAYS.test(text)) expect.fail(`sector ${all[i]}: nothing is said\n${text}\n${result.diagnostics}`);
    result.release();
  }
  expect(failures).toBeGreaterThan(5);
}

describe("every sector in turn", { timeout: 120_000 }, () => {
  const cases = (["amd64-ufs2-gpt", "i386-ufs1-mbr"] as const).flatMap((name) =>
    FLAVOURS.map((flavour) => [name, flavour] as const),
  );
  it.each(cases)("%s with %s", async (name, flavour) => {
    await sweep(guestImage(name), flavour, 40);
  });

  const plain = recordedImage("zfs-plain");
  const stripe = recordedImage("zfs-stripe");
  if (recordings === undefined) console.log("ZFS read errors: SKIPPED, no recordings");

  it.skipIf(plain === undefined).each(FLAVOURS)("a pool with %s", async (flavour) => {
    await sweep(plain!, flavour, 40);
  });

  it.skipIf(stripe === undefined).each(FLAVOURS)("half of a stripe with %s", async (flavour) => {
    for (const [disk, half] of [stripe!, recordedImage("zfs-stripe", 1)!].entries()) {
      const { text, result } = await run([new BrokenDisk(half)], [], { start: flavour, interfaceVersion: 5, env: [] });
      if (!SAYS.test(text)) expect.fail(`half ${disk}: nothing is said\n${text}\n${result.diagnostics}`);
    }
  });
});
