// ZFS pools with disks missing, disks that give wrong bytes, and damaged metadata. The pools are those of the
// recordings; without them this is skipped, and says so.

import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { recordedImage, recordings } from "../support/guests.js";
import { prompt } from "../support/prompt.js";
import { sealBlock } from "../support/zfs_pool.js";

if (recordings === undefined) console.log("ZFS tests: SKIPPED, no recordings (shared/conformance beside the checkout)");

/** Disk `disk` of a guest; something without the recordings, which nothing then uses. */
const image = (guest: string, disk = 0): Buffer => Buffer.from(recordedImage(guest, disk) ?? [0]);

const FILES = ["blob.bin", "hole.bin", "noise.bin"].map((name) => `load -t raw /data/${name}`);

/** Where the pool of a guest is on its disk, and the labels in there. */
const POOL_AT = 296 * 512;
const LABELS = [0, 262144, 131072 * 512 - 524288, 131072 * 512 - 262144];

/** Copies the GUID of vdev `from` of the label to `to`, in all labels, and makes their checksums right again. */
function mixGuids(disk: Buffer, from: number, to: number): void {
  const pair = Buffer.from("00000004677569640000000800000001", "hex");
  for (const label of LABELS) {
    const config = disk.subarray(POOL_AT + label + 16384, POOL_AT + label + 131072);
    const places: number[] = [];
    for (let at = config.indexOf(pair); at >= 0; at = config.indexOf(pair, at + 1)) places.push(at + pair.length);
    config.copy(config, places[to] ?? 0, places[from] ?? 0, (places[from] ?? 0) + 8);
    sealBlock(config, label + 16384);
  }
}

/** What the loader put into guest memory, as one digest. */
async function loaded(disks: readonly Uint8Array[]) {
  const { result, output } = await prompt(disks, ["load /boot/kernel/kernel", ...FILES]);
  const hash = createHash("sha256");
  for (const { gpa, length } of result.memory) hash.update(result.guestMemory.read(Number(gpa), length));
  return { digest: hash.digest("hex"), output, diagnostics: result.diagnostics };
}

describe.skipIf(recordings === undefined)("ZFS", () => {
  const groups: [string, number, number[][]][] = [
    ["zfs-mirror", 2, [[0], [1], [1, 0]]],
    [
      "zfs-raidz1",
      3,
      [
        [1, 2],
        [0, 2],
        [0, 1],
        [2, 1, 0],
      ],
    ],
    [
      "zfs-raidz2",
      4,
      [
        [2, 3],
        [1, 3],
        [0, 2],
        [0, 1],
        [1, 2],
        [0, 3],
        [0, 2, 3],
      ],
    ],
  ];

  it.each(groups)("%s of %i disks gives the same bytes with these only: %j", async (guest, count, subsets) => {
    const disks = Array.from({ length: count }, (_, disk) => image(guest, disk));
    const whole = await loaded(disks);
    expect(whole.output.join("")).toContain("/data/noise.bin size=");
    for (const subset of subsets) {
      const part = await loaded(subset.map((disk) => disks[disk] ?? Buffer.alloc(1)));
      expect(part.digest).toBe(whole.digest);
    }
    // One disk that lies.
    for (let bad = 0; bad < count; bad++) {
      const lying = disks.map((disk, i) => (i === bad ? Buffer.from(disk) : disk));
      const bytes = lying[bad] ?? Buffer.alloc(0);
      for (let at = 0x425000; at < bytes.length - 0x300000; at++) if (bytes[at]) bytes[at] = (bytes[at] ?? 0) ^ 0x55;
      expect((await loaded(lying)).digest).toBe(whole.digest);
    }
  });

  it("names a block whose checksum is wrong", async () => {
    const disk = image("zfs-plain");
    for (let at = 0x425000; at < disk.length - 0x300000; at++) if (disk[at]) disk[at] = (disk[at] ?? 0) ^ 0x55;
    const { diagnostics } = await loaded([disk]);
    expect(diagnostics.join("\n")).toMatch(/disk0 offset \d+: ZFS block of \d+ bytes: checksum/);
  });

  it("names a pool of a big-endian machine, and a block", async () => {
    const disk = image("zfs-plain");
    for (const label of LABELS) {
      const tail = disk.subarray(POOL_AT + label + 131072 - 40);
      tail.subarray(0, 8).reverse();
    }
    const { result, text } = await prompt([disk], ["ls /"]);
    expect(text).toContain("ZFS label: pool synth is of a big-endian machine, which can't be read");
    expect(result.diagnostics.join()).toMatch(/disk0 offset \d+: ZFS label: pool synth is of a big-endian machine/);

    const other = image("zfs-plain");
    for (const label of LABELS) {
      for (let at = 131072; at < 262144; at += 1024) {
        const uberblock = other.subarray(POOL_AT + label + at, POOL_AT + label + at + 1024);
        if (uberblock.readBigUInt64LE() !== 0x00bab10cn) continue;
        // The highest bit of the root pointer's properties, and the checksum of the whole.
        uberblock.writeUInt8(uberblock.readUInt8(40 + 55) & 0x7f, 40 + 55);
        sealBlock(uberblock, label + at);
      }
    }
    expect((await prompt([other], ["ls /"])).result.diagnostics.join()).toContain("ZFS block: of a big-endian machine");
  });

  // The label's own disk, the mirror, its members.
  it.each([
    [1, 2],
    [2, 1],
    [1, 3],
    [1, 0],
  ])("a mirror that contains itself (vdev %i as %i) is refused or harmless", async (from, to) => {
    const disk = image("zfs-mirror");
    mixGuids(disk, from, to);
    const { result } = await prompt([disk], ["lsdev -v", "ls /"]);
    expect(result.error?.name).toBe("InputEndedError");
    if (to !== 0) expect(result.diagnostics.join()).toMatch(/ZFS vdev \d+ is part of another one/);
  });

  it("whatever is changed, the session goes on", async () => {
    const source = image("zfs-lzjb");
    const used: number[] = [];
    for (let at = 0; at < source.length; at++) if (source[at]) used.push(at);
    const change = fc.tuple(fc.nat(used.length - 1), fc.integer({ min: 0, max: 255 }));
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 200 }), async (changes) => {
        const kept = changes.map(([at]): [number, number] => [used[at] ?? 0, source[used[at] ?? 0] ?? 0]);
        for (const [at, value] of changes) source[used[at] ?? 0] = value;
        const { result } = await prompt(
          [source],
          ["lsdev -v", "lszfs synth", "ls -l /boot", "load /boot/kernel/kernel"],
        );
        for (const [at, value] of kept.reverse()) source[at] = value;
        expect(["InputEndedError", "LimitError"]).toContain(result.error?.name);
      }),
      { numRuns: 60, seed: 1 },
    );
  });
});
