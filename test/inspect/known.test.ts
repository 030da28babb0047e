// Guests and pools of which it is known what is in them: those of the recordings, where there are recordings, and pools of a
// real OpenZFS. All of it is found, byte for byte, and what is wrong with some of them is told.

import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Disk, type Inspection, inspect, type PoolInfo } from "userboot-wasm";
import { describe, expect, it } from "vitest";
import { recordedImage, recordings } from "../support/guests.js";
import { disksOf, holds, type Pools, poolsIn } from "../support/pools.js";

async function withGuest<T>(
  disks: readonly (Disk | Uint8Array)[],
  body: (guest: Inspection) => Promise<T>,
): Promise<T> {
  const guest = await inspect({ disks, isolation: "none" });
  try {
    return await body(guest);
  } finally {
    await guest.close();
  }
}

interface KnownFile {
  path: string;
  type: "file" | "dir" | "symlink";
  size?: number;
  sha256?: string;
  target?: string;
}

/** Guests whose files are not on the device that would be booted, or not as they are named, and why nothing boots there. */
const ELSEWHERE: Readonly<Record<string, RegExp>> = {
  "disk-0": /no file system/,
  "disk-100": /no file system/,
  "disk-1sector": /no file system/,
  "disk-ff": /no file system/,
  "disk-mbr-empty": /no file system/,
  "disk-text": /no file system/,
  "disk-zeros": /no file system/,
  "gpt-bad-pmbr-type": /no file system/,
  "gpt-bad-primary-header-backup-header": /no file system/,
  "gpt-bootme": /kernel: \/boot\/kernel\/kernel: no such file/,
  "gpt-no-ufs": /no file system/,
  "gpt-zfs-first": /no file system/,
  "iso-plain": /kernel: \/boot\/kernel\/kernel: no such file/,
  "mbr-linux-only": /no file system/,
  "mbr-nolabel": /no file system/,
  "ufs2-truncated": /no file system/,
  "ufs2-truncated-odd": /no file system/,
  "zfs-filevdev": /no file system/,
  "zfs-nobootfs2": /kernel: \/boot\/kernel\/kernel: no such file/,
  "zfs-whole": /no file system/,
};
/** What is told of guests that are damaged. */
const DAMAGED: Readonly<Record<string, string>> = {
  "gpt-bad-backup-header": "disk0 offset 2203136: GPT backup header: checksum",
  "gpt-bad-primary-header": "disk0 offset 512: GPT primary header: checksum",
  "gpt-bad-primary-header-backup-header": "disk0 offset 512: GPT primary header: checksum",
  "gpt-bad-primary-table": "disk0 offset 1024: GPT primary entries: checksum",
  "gpt-bad-pmbr-type": "disk0 offset 2203136: GPT backup header: own sector 4303",
  "gpt-truncated": "disk0 offset 512: GPT: backup header at sector 4303, but the disk ends at sector 4256",
  "ufs1-nosb": "disk0 offset 16384: UFS superblock: the first one is bad, this alternate one is used in its place",
  "ufs2-nosb": "disk0 offset 16384: UFS superblock: the first one is bad, this alternate one is used in its place",
  "zfs-filevdev": "zfs:synth: ZFS pool is incomplete: disks of 0 vdevs of 1 are there",
};

const problemsOf = ({ disks, pools, volumes }: Inspection) =>
  [...disks, ...volumes, ...pools].flatMap(({ problems }) => problems);

/** What is there, but for directories that are there because something is in them. */
async function filesOf(guest: Inspection): Promise<KnownFile[]> {
  const files: KnownFile[] = [];
  for await (const { path, size, target, type } of guest.find("/", { details: true })) {
    if (type === "file") files.push({ path, type, size: size!, sha256: await guest.hash(path) });
    else if (type === "link") files.push({ path, type: "symlink", target: target! });
    else files.push({ path, type: "dir" });
  }
  const inside = (path: string) => files.some((file) => file.path.startsWith(`${path}/`));
  return files.filter((file) => file.type !== "dir" || !inside(file.path));
}

interface KnownPartition {
  index?: number;
  label?: string;
  start_lba?: number;
  logical?: boolean;
}

/** The partitions that a recording tells of, of one disk or of several: GPT's, and MBR's primary ones. */
function knownPartitions(
  told: (KnownPartition | KnownPartition[])[],
): { name: string; label?: string; start: number }[] {
  const tables = (Array.isArray(told[0]) ? told : [told]) as KnownPartition[][];
  return tables.flatMap((table, unit) =>
    table.flatMap(({ index, label, logical, start_lba: start }, i) => {
      if (start === undefined) return [];
      if (index !== undefined) return [{ name: `disk${unit}p${index}`, ...(label && { label }), start: start * 512 }];
      // Those in an extended partition are numbered from 5.
      const before = table.slice(0, i).filter((one) => one.logical).length;
      return [{ name: `disk${unit}s${logical ? 5 + before : i + 1}`, start: start * 512 }];
    }),
  );
}

const names = recordings === undefined ? [] : readdirSync(join(recordings, "boot", "guests")).sort();

describe.skipIf(recordings === undefined)("guests of the recordings", () => {
  it.each(names)("%s", async (name) => {
    const facts = JSON.parse(readFileSync(join(recordings!, "boot", "guests", name, "guest.json"), "utf8"));
    const disks: Uint8Array[] = [];
    for (let i = 0; recordedImage(name, i) !== undefined; i++) disks.push(recordedImage(name, i)!);
    if (disks.some((disk) => disk.length === 0)) {
      await expect(inspect({ disks })).rejects.toThrow("is empty, not a disk image");
      return;
    }
    await withGuest(disks, async (guest) => {
      const problems = problemsOf(guest);
      if (DAMAGED[name] === undefined) expect(problems).toEqual([]);
      else expect(problems).toContain(DAMAGED[name]);
      const elsewhere = ELSEWHERE[name];
      const missing = await guest.system().then(
        (system) => system.missing,
        (error: Error) => error.message,
      );
      if (elsewhere !== undefined) {
        expect(missing).toMatch(elsewhere);
        return;
      }
      const known = (facts.files as KnownFile[]).map(({ path, sha256, size, target, type }) => ({
        path,
        type,
        ...(type === "file" ? { size, sha256 } : {}),
        // A slash at the end can't be in a link of Rock Ridge's.
        ...(type === "symlink" ? { target: name.includes("iso") ? target!.replace(/\/$/, "") : target } : {}),
      }));
      const byPath = (a: KnownFile, b: KnownFile) => (a.path < b.path ? -1 : 1);
      expect((await filesOf(guest)).sort(byPath)).toEqual(
        known
          .filter(({ path, type }) => type !== "dir" || !known.some((one) => one.path.startsWith(`${path}/`)))
          .sort(byPath),
      );
      for (const { label, name: partition, start } of knownPartitions(facts.partitions ?? [])) {
        const found = guest.disks.flatMap(({ partitions }) => partitions).find((one) => one.name === partition);
        expect([partition, found?.label, found?.start]).toEqual([partition, label, start]);
      }
    });
  });
});

/** Pools that can't be booted, and what is said of their data set. */
const ENCRYPTED: readonly string[] = ["enc_root", "encrypted_root"];
const vdevsOf = (pool: PoolInfo | undefined): PoolInfo["vdevs"] => {
  const below = (vdevs: PoolInfo["vdevs"]): PoolInfo["vdevs"] => vdevs.flatMap((vdev) => [vdev, ...below(vdev.vdevs)]);
  return below(pool?.vdevs ?? []);
};

async function comparePool(all: Pools, name: string): Promise<void> {
  const pool = all.pools[name]!;
  const disks = await disksOf(all, name);
  await withGuest(disks, async (guest) => {
    const [found] = guest.pools;
    expect(found?.name).toBe("zroot");
    expect(found?.state).toMatch(/^(ONLINE|DEGRADED)$/);
    const members = vdevsOf(found).filter(({ type }) => type === "disk");
    expect(members.length).toBeGreaterThan(0);
    const parts = new Set(guest.volumes.filter((volume) => volume.pool === "zroot").map(({ device }) => device));
    for (const { device, problem } of members) expect(problem === "missing" || parts.has(device ?? "")).toBe(true);
    expect(found?.features.every(({ readable }) => readable)).toBe(true);
    const active = found?.datasets.filter((one) => one.active);
    const booted = found?.datasets.find((one) => one.once) ?? active?.[0];
    expect([active?.length, booted?.device]).toEqual([1, guest.device]);
    if (ENCRYPTED.includes(name)) {
      expect(active?.[0]?.problem).toMatch(/encrypted/);
      return;
    }
    if (pool.boots !== undefined) expect(guest.device).toBe(`zfs:${pool.boots}:`);
    for (const { path, sha256, size } of all.files.filter((file) => holds(pool, file.path))) {
      const status = await guest.stat(path);
      const found = [path.slice(0, 40), status.type === "link" ? size : status.size, await guest.hash(path)];
      expect(found).toEqual([path.slice(0, 40), size, sha256]);
    }
    expect((await guest.system()).missing).toBeUndefined();
  });
}

for (const folder of ["images/pools", "../shared/pools"]) {
  const all = poolsIn(folder);
  describe.skipIf(all === undefined)(`pools in ${folder}`, () => {
    it.each(Object.keys(all?.pools ?? {}))("%s", (name) => comparePool(all!, name), 120_000);
  });
}

it("a pool without one of its disks says which, and what it can do without it", async () => {
  const all = poolsIn("images/pools")!;
  const [first, ...rest] = await disksOf(all, "mirror_log_cache");
  const guid = await withGuest(
    [first!, ...rest],
    async (guest) => vdevsOf(guest.pools[0]).find(({ type }) => type === "disk")?.guid,
  );
  await withGuest(rest, async (guest) => {
    const lost = vdevsOf(guest.pools[0]).find((vdev) => vdev.guid === guid);
    expect(lost).toMatchObject({ problem: "missing" });
    expect(guest.pools[0]?.state).toBe("DEGRADED");
    expect(guest.pools[0]?.problems.join()).toContain(`(guid ${guid}) is missing`);
    const [file] = all.files;
    expect(await guest.hash(file!.path)).toBe(createHash("sha256").digest("hex"));
  });
});
