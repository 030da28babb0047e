// What `--verbose` tells of pools: of the guests here the session starts with Lua and moves over to the simple interpreter.

import { describe, expect, it } from "vitest";
import { userboot } from "../support/cli.js";
import { disksOf, poolsIn } from "../support/pools.js";
import { Scratch } from "../support/scratch.js";
import { bytesOf, type SparseDisk } from "../support/sparse_disk.js";

const POOLS = poolsIn("images/pools")!;

/** The lines of a boot from `disks`, without what comes before the guest. */
function told(disks: readonly SparseDisk[]): string[] {
  using scratch = new Scratch();
  const given = disks.flatMap((disk, i) => ["-d", scratch.file(`disk${i}`, bytesOf(disk))]);
  const { stderr, status } = userboot([
    "boot",
    "--isolation",
    "none",
    "--clock",
    "virtual",
    "-c",
    "none",
    "--verbose",
    ...given,
  ]);
  expect(status).toBe(0);
  expect(stderr).toContain('wants "simp": swapped\n');
  return stderr
    .trimEnd()
    .split("\n")
    .map((line) => line.replace("userboot: ", ""));
}

describe("--verbose tells", () => {
  it("what is wrong once, though two interpreters met it", async () => {
    const disks = await disksOf(POOLS, "mirror_log_cache");
    const lines = told(disks.slice(1)).filter((line) => line.startsWith("zfs:"));
    expect(lines).toEqual([expect.stringMatching(/^zfs:zroot: disk \/dev\/vda1 \(guid \d+\) is missing$/)]);
  });

  it("what a pool was told for this boot alone", async () => {
    const lines = told(await disksOf(POOLS, "bootonce"));
    expect(lines).toContain("booted once from zfs:zroot/ROOT/be2:, which its pool is still told (bectl activate -T)");
  });
});
