// Groups of disks with members that are missing, old or wrong, and vdevs that were removed. The pool `removed_mirrors` of
// images/pools was written to a mirror that was removed in favour of a second one, and that in favour of a third; its
// mappings are in pieces of 16 KiB, so that blocks are spread over several. The others are those beside the checkout.

import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { disksOf, poolsIn, zeroed } from "../support/pools.js";
import { prompt } from "../support/prompt.js";
import type { SparseDisk } from "../support/sparse_disk.js";
import { type DnodePlace, editLabels, type List, numbersIn, packed, ZfsPool } from "../support/zfs_pool.js";

const own = poolsIn("images/pools");
const shared = poolsIn("../shared/pools");
if (shared === undefined) console.log("ZFS vdev tests: some SKIPPED, no shared/pools beside the checkout");

const NOTHING = new Uint8Array(512);
const LOAD = ["load /boot/kernel/kernel", "load -t raw /files/noise", "load -t raw /files/sparse"];

/** What a session printed, reported and counted, and which bytes it loaded. */
async function tried(disks: Parameters<typeof prompt>[0], commands: readonly string[] = LOAD) {
  const { result, text, diagnostics } = await prompt(disks, commands);
  const loaded = result.memory.map(({ gpa, length }) =>
    Buffer.from(result.guestMemory.read(Number(gpa), length)).toString("base64"),
  );
  result.release();
  return { loaded, text, said: diagnostics.join("\n"), healed: result.disk.healed, error: result.error };
}

/** Offset of the number of entries in the bonus buffer of a mapping. */
const ENTRIES = 16;

/** Makes a mapping lead to the same offsets of vdev `to`. Gives its entries. */
function redirect(pool: ZfsPool, mapping: DnodePlace, to: number): Buffer {
  const count = Number(pool.bonus(mapping, ENTRIES));
  let entries: Buffer = Buffer.alloc(0);
  pool.edit(pool.block(mapping, 0), (block) => {
    entries = block.subarray(0, count * 24);
    for (let at = 0; at < entries.length; at += 24) {
      entries.writeUInt32LE(to, at + 12);
      entries.copy(entries, at + 16, at, at + 8);
    }
  });
  return Buffer.from(entries);
}

/** Where the pool's own configuration is. */
const configOf = (pool: ZfsPool) => pool.block(pool.entry("config"), 0);

/** How a session may end that met damage. */
const ENDS = ["InputEndedError", "LimitError"];

describe.skipIf(own === undefined)("removed vdevs", () => {
  let disks: SparseDisk[] = [];
  let whole: Awaited<ReturnType<typeof tried>>;
  const fresh = async () => (own === undefined ? [] : disksOf(own, "removed_mirrors"));
  /** The last mirror's first disk alone, changed. */
  const changed = async (change: (pool: ZfsPool) => void) => {
    const disk = (await fresh())[4]!;
    change(new ZfsPool(disk, 2));
    return tried([disk]);
  };
  /** The object that holds the mapping of the first vdev, or the second. */
  const mapping = (pool: ZfsPool, index: number): DnodePlace => {
    const packed = pool.read(configOf(pool));
    const at = numbersIn(packed, "com.delphix:indirect_object")[index];
    return pool.object(pool.mos, packed.readBigUInt64BE(at));
  };

  beforeAll(async () => {
    disks = await fresh();
    whole = await tried(disks);
  });

  it("are read from where their blocks went, and went on to", async () => {
    expect(whole.text).toContain("/files/sparse size=");
    expect(whole.said).toBe("");
    const alone = await tried([disks[5]!]);
    expect(alone.loaded).toEqual(whole.loaded);
    expect(alone.said).toMatch(/disk \/dev\/vde1 \(guid \d+\) is missing/);
    expect(alone.healed).toBe(0);
  });

  it("are read from halves of a mirror that are bad in different places", async () => {
    const emptied = await tried([...disks.slice(0, 4), zeroed(disks[4]!), disks[5]!]);
    expect(emptied.loaded).toEqual(whole.loaded);
    expect(emptied.healed).toBeGreaterThan(0);
    const [first, second] = (await fresh()).slice(4) as [SparseDisk, SparseDisk];
    const bad = Buffer.alloc(512, 0xaa);
    for (let at = 5 << 20; at < first.size - (4 << 20); at += 65536) {
      first.write(at, bad);
      second.write(at + 32768, bad);
    }
    const spotted = await tried([first, second]);
    expect(spotted.loaded).toEqual(whole.loaded);
    expect(spotted.healed).toBeGreaterThan(0);
  });

  it("may be changed by the editor of these tests without a change", async () => {
    const same = await changed((pool) => pool.edit(pool.block(mapping(pool, 0), 0), () => {}));
    expect(same.loaded).toEqual(whole.loaded);
  });

  it.each<[string, (pool: ZfsPool) => void, RegExp]>([
    ["onto itself", (pool) => redirect(pool, mapping(pool, 0), 0), /indirect-0: ZFS removed vdev: mapping onto itself/],
    [
      "in a circle",
      (pool) => {
        const first = redirect(pool, mapping(pool, 0), 1);
        const second = mapping(pool, 1);
        pool.edit(pool.block(second, 0), (block) => first.copy(block));
        redirect(pool, second, 0);
        pool.setBonus(second, ENTRIES, BigInt(first.length / 24));
      },
      /indirect-[01]: ZFS removed vdev: mapping onto itself/,
    ],
    [
      "onto a vdev that there isn't",
      (pool) => redirect(pool, mapping(pool, 0), 99),
      /ZFS removed vdev: mapping to vdev 99, which there isn't/,
    ],
    [
      "with more entries than it has room for",
      (pool) => pool.setBonus(mapping(pool, 0), ENTRIES, 1n << 60n),
      /ZFS removed vdev: mapping of 1152921504606846976 entries in \d+ blocks/,
    ],
    [
      "without entries",
      (pool) => pool.setBonus(mapping(pool, 0), ENTRIES, 0n),
      /ZFS removed vdev: offset \d+ is not mapped/,
    ],
    [
      "that isn't there",
      (pool) =>
        pool.edit(configOf(pool), (packed) => {
          for (const at of numbersIn(packed, "com.delphix:indirect_object")) packed.writeBigUInt64BE(0n, at);
        }),
      /ZFS removed vdev: no mapping \(object 0\)/,
    ],
  ])("whose mapping goes %s are named", async (_, change, report) => {
    const { said, error } = await changed(change);
    expect(ENDS).toContain(error?.name);
    expect(said).toMatch(report);
  });

  it("with whatever in mapping and configuration leave the session going", async () => {
    const value = fc.oneof(
      fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
      fc.constantFrom(0n, 1n, (1n << 64n) - 1n, 1n << 63n, 0xffffffffn),
    );
    const edit = fc.record({ what: fc.constantFrom("first", "second", "dnode", "config"), at: fc.nat(4095), value });
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 6 }), async (edits) => {
        const { error, loaded } = await changed((pool) => {
          const config = configOf(pool);
          const [first, second] = [mapping(pool, 0), mapping(pool, 1)];
          const blocks = { first: pool.block(first, 0), second: pool.block(second, 0) };
          const bonus = pool.bonusAt(first);
          for (const { what, at, value } of edits) {
            const put = (block: Buffer, step: number, end: number) =>
              block.writeBigUInt64LE(value, ((at * step) % end) - (((at * step) % end) % step));
            if (what === "dnode") pool.editDnode(first, (dnode) => put(dnode.subarray(bonus), 8, 32));
            else if (what === "config") pool.edit(config, (packed) => put(packed, 4, 6000));
            else pool.edit(blocks[what], (block) => put(block, 8, 2400));
          }
        });
        if (loaded.join() !== whole.loaded.join()) expect(ENDS).toContain(error?.name);
      }),
      { numRuns: 40, seed: 1 },
    );
  });
});

describe.skipIf(own === undefined)("gang blocks", () => {
  it("are fetched together with their parts", async () => {
    const disks = own === undefined ? [] : await disksOf(own, "gang_dynamic");
    await tried(disks);
    expect(disks[0]?.calls).toBeLessThan(60);
  });
});

describe("groups of the repository's own pools", () => {
  it.each<[string, string, bigint, RegExp]>([
    ["raidz1_expanded_twice", "nparity", 2n, /parity 2 of 2 members/],
    ["raidz1_expanded_twice", "nparity", 3n, /parity 3 of 2 members/],
    ["raidz3_expanded", "nparity", 4n, /parity 4/],
    ["draid2_spare", "draid_ndata", 0n, /0 data disks of \d/],
    ["draid2_spare", "draid_ngroups", 0n, /0 groups of \d on \d disks/],
    ["draid3_spare", "nparity", 4n, /parity 4/],
  ])("%s with %s %i is refused by that number", async (pool, name, value, report) => {
    const disks = await disksOf(own!, pool);
    for (const disk of disks)
      editLabels(disk, "config", (packed) => {
        for (const at of numbersIn(packed, name)) packed.writeBigUInt64BE(value, at);
      });
    const { said, error } = await tried(disks, ["lsdev -v", "ls /"]);
    expect(ENDS).toContain(error?.name);
    expect(said).toMatch(report);
  });
});

describe.skipIf(shared === undefined)("members of groups", () => {
  const disksFor = (name: string): Promise<SparseDisk[]> =>
    shared === undefined ? Promise.resolve([]) : disksOf(shared, name);
  const files = ["load /boot/kernel/kernel", "load -t raw /files/r200000", "load -t raw /files/mixed1m"];

  it("that lie are found beside one that is missing, whichever columns they have", async () => {
    const disks = await disksFor("raidz2");
    const whole = await tried(disks, files);
    expect(whole.healed).toBe(0);
    for (const [gone, lying] of [
      [0, 1],
      [1, 0],
      [2, 3],
      [3, 1],
    ] as const) {
      const some = disks.map((disk, i) => (i === gone ? NOTHING : i === lying ? zeroed(disk) : disk));
      const part = await tried(some, files);
      expect(part.loaded).toEqual(whole.loaded);
      expect(part.healed).toBeGreaterThan(0);
      // Which one it is, and no other.
      const blamed = part.said.split("\n").filter((line) => line.includes("has wrong data"));
      const named = `^zfs:zroot: disk /dev/vda${7 + lying} \\(guid \\d+\\) has wrong data in raidz2-0$`;
      expect(blamed).toEqual([expect.stringMatching(new RegExp(named))]);
    }
  });

  it("that are missing are no reason to heal, and are named", async () => {
    const disks = await disksFor("draid1");
    const whole = await tried(disks, files);
    const part = await tried([NOTHING, ...disks.slice(1)], [...files, "lsdev -v"]);
    expect(part.loaded).toEqual(whole.loaded);
    expect(part.healed).toBe(0);
    expect(part.said).toMatch(/disk \/dev\/vda24 \(guid 751345621028940542\) is missing/);
    expect(part.text).toMatch(/zroot DEGRADED\n +draid1:2d:4c:1s-0 DEGRADED\n +vda24 OFFLINE\n +vda25 ONLINE/);
  });

  it("that have three in their place are read from whichever is there", async () => {
    const disks = await disksFor("raidz1");
    const labels = disks.map((disk) => {
      let label: Buffer = Buffer.alloc(0);
      editLabels(disk, "config", (packed) => {
        label = Buffer.from(packed);
      });
      return (name: string) => label.readBigUInt64BE(numbersIn(label, name)[0]);
    });
    const member = (guid = 1n, id = 0n): List => ({ type: "disk", id, guid, path: `/dev/${guid}` });
    const [first, second, third] = labels.map((label) => label("guid"));
    const three = { type: "spare", id: 0n, guid: 2n, children: [member(3n), member(4n), member(first)] };
    for (const [i, disk] of disks.entries()) {
      const number = (name: string) => labels[i]?.(name) ?? 0n;
      const tree = { type: "raidz", id: 0n, guid: 5n, nparity: 1n, ashift: number("ashift") };
      const children = [three, member(second, 1n), member(third, 2n)];
      editLabels(disk, "config", (config) => {
        const same = Object.fromEntries(
          ["version", "state", "txg", "pool_guid", "guid"].map((key) => [key, number(key)]),
        );
        config.fill(0);
        packed({ ...same, name: "zroot", vdev_children: 1n, vdev_tree: { ...tree, children } }).copy(config);
      });
    }
    const { said } = await tried([disks[0]!, disks[1]!, NOTHING], files);
    expect(said).toMatch(/^zfs:zroot: disk \S+ \(guid \d+\) is missing$/);
  });

  it("are named when there are too few", async () => {
    const disks = await disksFor("raidz1");
    const { said } = await tried([NOTHING, NOTHING, disks[2]!], files);
    expect(said).toMatch(
      /ZFS block at vdev 0 \(raidz1-0\) offset \d+: missing \/dev\/vda6 \(guid \d+\), \/dev\/vda7 \(guid \d+\)/,
    );
  });

  it("that are out of date don't win", async () => {
    const disks = await disksFor("mirror_offline");
    for (const order of [disks, [...disks].reverse()]) {
      const { text, said, healed } = await tried(order, ["load -t raw /after", "lsdev -v", "more /after"]);
      expect(text).toMatch(/mirror-0 DEGRADED\n +vda28 OFFLINE\n +vda29 ONLINE/);
      expect(text).toContain("\nx\n");
      expect(said).toMatch(/disk \/dev\/vda28 \(guid \d+\) may be out of date/);
      expect(healed).toBe(0);
    }
  });

  it("that hold logs, caches and spares, or are gone for good, leave a pool whole", async () => {
    for (const name of ["log", "removed_log", "cache", "spare"]) {
      const disks = await disksFor(name);
      for (const some of [disks, disks.slice(0, 1), [...disks].reverse()]) {
        const { text, said } = await tried(some, ["lsdev -v"]);
        expect(said).toBe("");
        expect(text).toMatch(/zroot ONLINE\n +\w+ ONLINE\n\n?\S/);
        expect(text).not.toContain("can only boot from");
      }
    }
  });

  it.each<[string, string, bigint, RegExp]>([
    ["draid1", "draid_ndata", 0n, /0 data disks of 4/],
    ["draid1", "draid_ndata", (1n << 64n) - 1n, /18446744073709551615 data disks of 4/],
    ["draid1", "draid_nspares", 4n, /4 spares of 4 disks/],
    ["draid1", "draid_nspares", 2n, /2 data disks of 4/],
    ["draid1", "draid_ngroups", 0n, /0 groups of 3 on 3 disks/],
    ["draid1", "draid_ngroups", 1n << 40n, /1099511627776 groups of 3/],
    ["draid1", "nparity", 4n, /parity 4/],
    ["raidz1", "nparity", 3n, /parity 3 of 3 members/],
    ["raidz1", "nparity", 0n, /parity 0/],
    ["raidz1", "ashift", 64n, /sectors of 2\^64 bytes/],
  ])("%s with %s %i is refused by that number", async (pool, name, value, report) => {
    const disks = await disksFor(pool);
    for (const disk of disks) {
      editLabels(disk, "config", (packed) => {
        for (const at of numbersIn(packed, name)) packed.writeBigUInt64BE(value, at);
      });
    }
    const { said, error } = await tried(disks, ["lsdev -v", "ls /"]);
    expect(ENDS).toContain(error?.name);
    expect(said).toMatch(report);
  });

  it("whatever their labels say, the session goes on", async () => {
    const pools = ["draid1", "raidz_expanded", "raidz3"];
    const originals = new Map<string, SparseDisk[]>();
    for (const pool of pools) originals.set(pool, await disksFor(pool));
    const value = fc.oneof(
      fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
      fc.nat(300).map(BigInt),
      fc.constantFrom((1n << 64n) - 1n, 1n << 63n),
    );
    const names = ["nparity", "ashift", "id", "draid_ndata", "draid_nspares", "draid_ngroups", "txg", "guid", "is_log"];
    const edit = fc.record({ name: fc.constantFrom(...names, "raidz_expand_txgs"), which: fc.nat(5), value });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...pools),
        fc.array(edit, { minLength: 1, maxLength: 3 }),
        async (pool, edits) => {
          const disks = originals.get(pool) ?? [];
          const apply = (undo?: Map<string, Buffer>) => {
            for (const [index, disk] of disks.entries()) {
              let label = 0;
              editLabels(disk, "config", (packed) => {
                const key = `${index} ${label++}`;
                const kept = undo?.get(key);
                if (kept) kept.copy(packed);
                else if (!undo) {
                  saved.set(key, Buffer.from(packed));
                  for (const { name, which, value } of edits) {
                    const places = numbersIn(packed, name);
                    const at = places[which % Math.max(places.length, 1)] ?? growthIn(packed);
                    if (at !== undefined) packed.writeBigUInt64BE(value, at);
                  }
                }
              });
            }
          };
          const saved = new Map<string, Buffer>();
          apply();
          const { error } = await tried(disks, ["lsdev -v", "ls /boot"]);
          apply(saved);
          expect(ENDS).toContain(error?.name);
        },
      ),
      { numRuns: 40, seed: 1 },
    );
  });
});

/** Where a configuration has the first transaction group in which a RAID-Z group grew. */
function growthIn(packed: Buffer): number | undefined {
  const at = packed.indexOf("raidz_expand_txgs");
  return at < 0 ? undefined : at + 20 + 8 + 4;
}
