// Images that are made to wear an inspection out: structures that name each other, in which a walk has no end.

import { boot, type InspectOptions, inspect } from "userboot-wasm";
import { expect, it } from "vitest";
import { mbr } from "../support/partition_tables.mjs";

const SECTOR = 512;

/** An inspection in this thread. */
const look = (disk: Uint8Array, options: Partial<InspectOptions> = {}) =>
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
