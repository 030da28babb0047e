// What is made to wear an inspection out: images with structures that name each other, in which a walk has no end, and a
// cell that was taken over and answers without end.

import { boot, type DiskSource, type InspectOptions, inspect } from "userboot-wasm";
import { expect, it } from "vitest";
import type { InspectMessage } from "../../build/host/inspect/protocol.js";
import { lookedAtBy, OPENED } from "../support/liar.js";
import { mbr } from "../support/partition_tables.mjs";
import { disksOf, poolsIn } from "../support/pools.js";
import { ufsDisk } from "../support/ufs_image.js";
import { ZfsPool } from "../support/zfs_pool.js";

const SECTOR = 512;
/** Offset in a directory of data sets. */
const CHILDREN = 32;

/** An inspection in this thread. */
const look = (disk: DiskSource, options: Partial<InspectOptions> = {}) =>
  inspect({ disks: [disk], isolation: "none", ...options });

/** A disk whose first sectors are boot records, each with slices that begin with the next ones. */
function slicesInSlices(records: number): Buffer {
  const disk = Buffer.alloc(1024 * 1024);
  const entries = [1, 2, 3, 4].map((start) => ({ type: 0xa5, start, size: 500 }));
  for (let sector = 0; sector < records; sector++) mbr(entries).copy(disk, sector * SECTOR);
  return disk;
}

it("slices in slices are told one level deep", async () => {
  const disk = slicesInSlices(40);
  await using guest = await look(disk);
  const names = guest.disks[0]!.partitions.map(({ name }) => name);
  expect(names).toHaveLength(4 + 4 * 4);
  expect(names).toContain("disk0s4s4");
  const result = await boot({ disks: [disk], start: "simp", isolation: "none", clock: "virtual" });
  // What has no name for the loader isn't told.
  const told = result.bootProblem!.map(({ kind, name }) => `${kind} ${name}`);
  const slices = [1, 2, 3, 4].map((slice) => `partition disk0s${slice}`);
  expect(told).toEqual(["disk disk0", ...slices, "kernel kernel"]);
});

it("data sets that are their own parents end by the length of their names", async () => {
  const [disk] = await disksOf(poolsIn("images/pools")!, "checksums");
  const pool = new ZfsPool(disk!);
  pool.setBonus(pool.dataset("ROOT").directory, CHILDREN, pool.bonus(pool.dataset().directory, CHILDREN));
  await using guest = await look(disk!);
  const { datasets, problems } = guest.pools[0]!;
  const names = datasets.map(({ name }) => name);
  expect(names).toContain(`zroot${"/ROOT".repeat(50)}`);
  expect(Math.max(...names.map(({ length }) => length))).toBe(255);
  expect(problems).toContain("zfs:zroot: ZFS data sets: names of more than 255 bytes, which are left out");
});

it("many long values are told, and cost no more memory than they have", async () => {
  const lines = Array.from({ length: 9000 }, (_, i) => `set${i}="${"x".repeat(100)}\\"${"y".repeat(100)}" # ${i}\n`);
  await using guest = await look(ufsDisk({ "/boot/loader.conf": lines.join("") }));
  const { loaderConf } = await guest.system();
  expect(loaderConf).toHaveLength(9000);
  expect(loaderConf[8999]!.value).toBe(`${"x".repeat(100)}"${"y".repeat(100)}`);
});

it("a list of nothing with more to come is no answer", async () => {
  const nothing: InspectMessage = { type: "value", value: { entries: [], more: true } };
  await using guest = await lookedAtBy(({ op }) => (op === "list" ? nothing : OPENED));
  await expect(guest.list("/")).rejects.toThrow("the inspection's process failed: it sent what is no answer to list");
});

it("a file without end ends by the time that all requests may take, whatever answers them", async () => {
  const byte: InspectMessage = { type: "content", bytes: Uint8Array.of(0), runs: [] };
  await using guest = await lookedAtBy(({ op }) => (op === "read" ? byte : OPENED), { wallMs: 100 });
  const readAll = async () => {
    for await (const _ of guest.readParts("/f"));
  };
  await expect(readAll()).rejects.toMatchObject({ name: "LimitError", limit: "wallMs", allowed: 100 });
  await expect(guest.stat("/f")).rejects.toThrow("wallMs");
});
