// Files that are open already as disks of any format, and the moment from which a pool's boot needs them no more.

import { closeSync, fstatSync, openSync } from "node:fs";
import { boot, createPool, FileDisk, fileDisk } from "userboot-wasm";
import { afterAll, describe, expect, it } from "vitest";
import { ENDLESS_FORTH } from "../safety/endless_guests.js";
import { GUESTS, guestImage } from "../support/guests.js";
import { qcow2Image } from "../support/image_formats.js";
import { Scratch } from "../support/scratch.js";
import { bytesOf } from "../support/sparse_disk.js";

const scratch = new Scratch();
afterAll(() => scratch[Symbol.dispose]());

const disk = guestImage(GUESTS.amd64);
const options = { clock: "virtual", start: "simp", interfaceVersion: 4 } as const;

describe.each(["none", "thread", "process"] as const)("isolation %s", (isolation) => {
  it("an open file has the format that is said", async () => {
    const path = scratch.file(`${isolation}.qcow2`, qcow2Image(disk).bytes);
    using file = closing(await fileDisk(path));
    const result = await boot({ ...options, disks: [{ image: file.disk, format: "qcow2" }], isolation });
    expect(result.reason).toBe("exec");
    // Without a word it isn't looked into.
    const raw = await boot({ ...options, disks: [file.disk], isolation });
    expect(raw.reason).not.toBe("exec");
  });

  it("so have the files that it is made of", async () => {
    const { bytes: image, data } = qcow2Image(disk, { dataFile: true });
    using file = closing(await fileDisk(scratch.file(`${isolation}.head`, image)));
    using more = closing(await fileDisk(scratch.file(`${isolation}.data`, data)));
    const disks = [{ image: file.disk, format: "qcow2", files: [{ image: more.disk, format: "raw" }] } as const];
    expect((await boot({ ...options, disks, isolation })).reason).toBe("exec");
  });
});

function closing(disk: FileDisk) {
  return { disk, [Symbol.dispose]: () => disk.close() };
}

it("an open file isn't unpacked, and has no format that there isn't", async () => {
  using file = closing(await fileDisk(scratch.file("a.img", disk)));
  const boots = (format: string) => boot({ disks: [{ image: file.disk, format: format as "raw" }] });
  await expect(boots("gzip")).rejects.toMatchObject({ name: "OptionError", message: /a\.img: .* isn't unpacked$/ });
  await expect(boots("elf")).rejects.toMatchObject({ name: "OptionError", message: /unknown image format "elf"/ });
});

describe("a pool tells when nothing of a boot is left", () => {
  const endless = scratch.file("endless.img", bytesOf(ENDLESS_FORTH["an empty loop"]!()));
  const busy = { start: "4th", interfaceVersion: 4 } as const;

  it.each(["thread", "process"] as const)("in a %s", async (isolation) => {
    await using pool = createPool({ isolation, size: 1, spare: 0, maxQueue: 1 });
    const told: string[] = [];
    const controller = new AbortController();
    const fd = openSync(endless, "r");
    const onGone = (name: string) => () => {
      told.push(name);
      if (name === "runs") closeSync(fd);
    };
    const disks = [new FileDisk(endless, 512, { fd, size: fstatSync(fd).size })];
    const runs = pool.boot({ ...busy, disks, signal: controller.signal, onGone: onGone("runs") });
    const waits = pool.boot({ ...busy, disks: [endless], signal: controller.signal, onGone: onGone("waits") });
    await expect(pool.boot({ disks: [endless], onGone: onGone("full") })).rejects.toMatchObject({ name: "PoolError" });
    const aborted = AbortSignal.abort();
    await expect(pool.boot({ disks: [endless], signal: aborted, onGone: onGone("before") })).rejects.toThrow(/aborted/);
    expect(told).toEqual(["full", "before"]);
    while (pool.stats().running === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    const ends = Promise.allSettled([runs, waits]);
    controller.abort();
    await ends;
    expect(told).toContain("waits");
    while (pool.stats().ending > 0) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(told.toSorted()).toEqual(["before", "full", "runs", "waits"]);
  });
});
