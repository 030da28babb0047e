// Small modules: on disks as they are, a boot is that of the whole module; for anything else the whole one is asked for, once,
// and nothing is seen of it but its cost.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type BootOptions, type BootResult, boot, type DiskSource, type Flavour, KeysConsole } from "userboot-wasm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { setModuleSource } from "../../build/host/modules.js";
import { modulePath } from "../support/flavours.js";
import { GUESTS, guestImage } from "../support/guests.js";
import { isoImage } from "../support/iso_image.js";
import { mbr } from "../support/partition_tables.mjs";
import { disksOf, poolsIn } from "../support/pools.js";
import { Scratch } from "../support/scratch.js";
import { SparseDisk } from "../support/sparse_disk.js";
import { describeWith, run } from "../support/trees.js";
import { ufsDisk } from "../support/ufs_image.js";

const scratch = new Scratch();
afterAll(() => scratch[Symbol.dispose]());

/** Modules that were asked for. */
const asked: string[] = [];
const from = (small: boolean) =>
  setModuleSource({
    small,
    place(name) {
      asked.push(name);
      return pathToFileURL(modulePath(name));
    },
    read: async (place) => WebAssembly.compile(readFileSync(place)),
  });
afterAll(() => from(false));

/** A boot by small modules or by whole ones, and whether a whole one was asked for. */
async function bootBy(small: boolean, start: Flavour, options: BootOptions) {
  from(small);
  asked.length = 0;
  const console = new KeysConsole([" ", "lsdev -v\r", "boot\r"]);
  const result = await boot({
    start,
    isolation: "none",
    clock: "virtual",
    console,
    digests: true,
    memory: 64 * 1024 * 1024,
    ...options,
  });
  return { result, text: console.text, whole: asked.includes(result.flavour) };
}

/** All of a result that isn't what it cost. */
function told(result: BootResult): unknown {
  const { disk, hostCalls, fuelUsed, moduleMemory, timeMs, guestMemory, release, pack, virtualSeconds, ...rest } =
    result as BootResult & Record<string, unknown>;
  return rest;
}

/** Boots both ways, compares them, and says whether the small module had to ask. */
async function compare(start: Flavour, disks: () => readonly DiskSource[], options: BootOptions = {}) {
  const whole = await bootBy(false, start, { disks: disks(), ...options });
  const small = await bootBy(true, start, { disks: disks(), ...options });
  expect(small.text).toBe(whole.text);
  expect(told(small.result)).toEqual(told(whole.result));
  return { asked: small.whole, ...small };
}

describe.each<Flavour>(["lua", "4th", "simp"])("%s", (start) => {
  it.each(Object.values(GUESTS))("boots %s without more", async (guest) => {
    const image = guestImage(guest);
    const { asked, result } = await compare(start, () => [image]);
    expect(asked).toBe(false);
    expect(result.swaps.length).toBeLessThan(2);
  });

  it("a disc, a disk without anything, none at all", async () => {
    const disc = isoImage([{ name: "loader.conf", content: "a=b\n" }]);
    for (const disks of [[disc], [new Uint8Array(1 << 20)], []])
      expect((await compare(start, () => disks)).asked).toBe(false);
  });
});

describe("the whole module is asked for", () => {
  const pools = poolsIn("images/pools");
  if (pools === undefined) throw new Error("images/pools is not there");

  it("where a partition is for a pool", async () => {
    const disks = await disksOf(pools, "compressions");
    const { asked, result, text } = await compare("simp", () => disks);
    expect(asked).toBe(true);
    expect(text.match(/User boot simp/g)).toHaveLength(1);
    expect(result.swapRequests).toEqual([]);
    expect(result.interpreterChecks).toHaveLength(1);
  });

  it("where a slice has a pool's label, and only there", async () => {
    const sectors = (80 << 20) / 512;
    const slice = (...parts: [number, Uint8Array][]) => {
      const disk = new SparseDisk(sectors * 512);
      disk.write(0, mbr([{ type: 0xa5, start: 63, size: sectors - 63 }]));
      for (const [offset, bytes] of parts) disk.write(offset, bytes);
      return disk;
    };
    // The magic at the end of a label's configuration: of the first label, and of the last.
    const magic = Buffer.from("117a0cb17ada1002", "hex");
    const size = ((sectors - 63) * 512) & ~(0x40000 - 1);
    const places = [131072 - 40, size - 0x40000 + 131072 - 40];
    for (const place of places) {
      for (const bytes of [magic, Buffer.from(magic).reverse()]) {
        expect((await compare("simp", () => [slice([63 * 512 + place, bytes])])).asked).toBe(true);
      }
    }
    expect((await compare("simp", () => [slice()])).asked).toBe(false);
  });

  describeWith(["qemu-img"], "for images", () => {
    const raw = join(scratch.path, "raw.img");
    beforeAll(() => {
      mkdirSync(scratch.path, { recursive: true });
      writeFileSync(raw, guestImage(GUESTS.amd64));
    });

    it.each(["qcow2", "vmdk", "vpc", "vhdx", "vdi"])("%s, said or not", async (format) => {
      const image = join(scratch.path, `guest.${format}`);
      run("qemu-img", "convert", "-O", format, raw, image);
      const word = format === "vpc" ? "vhd" : (format as "qcow2");
      const { asked, result } = await compare("lua", () => [{ image, format: word }]);
      expect(asked).toBe(true);
      expect(result.reason).toBe("exec");
      const refused = await compare("lua", () => [image]);
      expect(refused.asked).toBe(true);
      expect(refused.result.error?.message).toContain(`looks like a ${word} file`);
    });
  });
});

it("a guest that wants an interpreter without a name has it no other way", async () => {
  const disk = ufsDisk({ "/boot/loader": "$Interpreter:\0" });
  const { asked, result } = await compare("lua", () => [disk]);
  expect(asked).toBe(false);
  expect(result.error?.message).toContain('guest wants interpreter ""');
});
