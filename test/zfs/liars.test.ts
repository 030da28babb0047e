// Disks of pools that lie: other bytes at each read, reads that fail, end early, or come up short, by chance. What is loaded then is
// right, or isn't loaded.

import { createHash } from "node:crypto";
import fc from "fast-check";
import { boot, type Disk, KeysConsole } from "userboot-wasm";
import { describe, expect, it } from "vitest";
import { disksOf, poolsIn } from "../support/pools.js";

const own = poolsIn("images/pools");
/** Where the labels of the first MiBs end: lies about these are as good as no disk. */
const LABELS_END = 5 << 20;

/** What a disk does to reads, in thousandths; and from which read on. */
interface Lies {
  flip: number;
  fail: number;
  short: number;
  after: number;
  shrunk: boolean;
  seed: number;
}

/** A disk that lies. */
function liar(disk: Disk, { flip, fail, short, after, shrunk, seed }: Lies): Disk {
  let state = seed;
  let reads = 0;
  const chance = (limit: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
  return {
    size: disk.size,
    sectorSize: disk.sectorSize,
    read(offset, target) {
      const count = disk.read(offset, target) as number;
      if (reads++ < after || offset < LABELS_END) return count;
      if (chance(1000) < fail) throw new Error("bad sector");
      if (chance(1000) < flip) for (let i = 0; i < 3; i++) target[chance(count)] = chance(256);
      if (shrunk) return Math.min(count, Math.max(0, (disk.size >> 3) - offset));
      return chance(1000) < short ? chance(count) : count;
    },
  };
}

/** Boots; the modules that loader.rc loaded by their types, with their digests. */
async function booted(disks: readonly Disk[]) {
  const result = await boot({
    disks,
    console: new KeysConsole([]),
    clock: "virtual",
    isolation: "none",
    start: "simp",
    memory: 32 << 20,
    limits: { fuel: 100_000_000 },
  });
  const modules = result.modules.map(({ type, address, size }) => {
    const bytes = result.guestMemory.read(Number(address), size);
    return [type, createHash("sha256").update(bytes).digest("hex")] as const;
  });
  result.release();
  return { modules: new Map(modules), end: result.error?.name ?? result.reason, diagnostics: result.diagnostics };
}

describe.skipIf(own === undefined)("disks that lie", () => {
  const lies = fc.record({
    flip: fc.constantFrom(0, 20, 200, 1000),
    fail: fc.constantFrom(0, 20, 200),
    short: fc.constantFrom(0, 20, 200),
    after: fc.nat(60),
    shrunk: fc.boolean(),
    seed: fc.nat(),
  });

  it.each(["history", "mirror_log_cache", "raidz3_expanded", "draid2_spare", "removed_mirrors", "gang_dynamic"])(
    "%s: what is loaded is right",
    async (name) => {
      const disks = own === undefined ? [] : await disksOf(own, name);
      const whole = await booted(disks);
      expect(whole.end).toBe("exec");
      await fc.assert(
        fc.asyncProperty(fc.array(lies, { minLength: 6, maxLength: 6 }), async (each) => {
          const part = await booted(disks.map((disk, i) => liar(disk, each[i] as Lies)));
          expect(["exec", "InputEndedError", "LimitError"]).toContain(part.end);
          for (const [type, digest] of part.modules) expect(digest).toBe(whole.modules.get(type));
          if (part.modules.size < whole.modules.size) expect(part.diagnostics).not.toEqual([]);
        }),
        { numRuns: 8, seed: 1 },
      );
    },
  );
});
