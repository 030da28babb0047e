// Data sets of pools that a real OpenZFS wrote: features, encryption, earlier states, boot blocks, snapshots, names and
// attributes; then the same pools with numbers changed and every checksum right. Without the collection of pools this is
// skipped, and says so.

import fc from "fast-check";
import type { BootOptions, DiskSource } from "userboot-wasm";
import { describe, expect, it } from "vitest";
import { GUESTS, guestImage } from "../support/guests.js";
import { disksOf, poolsIn } from "../support/pools.js";
import { typeKeys } from "../support/prompt.js";
import { SparseDisk } from "../support/sparse_disk.js";
import { type BlockPlace, bootBlock, editLabels, ZfsPool } from "../support/zfs_pool.js";

const shared = poolsIn("../shared/pools");
if (shared === undefined) console.log("ZFS data sets: SKIPPED, no pools (shared/pools beside the checkout)");

/** A disk of a pool of the collection. */
async function collected(name: string, disk = 0): Promise<SparseDisk> {
  const found = shared && (await disksOf(shared, name))[disk];
  if (found === undefined) throw new Error(`no pool ${name}`);
  return found;
}

const ROOT = "ROOT/default";
/** Offsets in a directory of data sets. */
const PARENT = 16;
const CHILDREN = 32;

/** Types commands. The pools' own loader.rc loads everything and counts down, which a key ends. */
async function at(
  commands: readonly string[],
  pool: ZfsPool | SparseDisk | readonly DiskSource[],
  options: BootOptions = {},
) {
  const lines = ["set prompt=\x01", "set LINES=1000000", ...commands].map((line) => `${line}\r`);
  const typed = await typeKeys([" ", ...lines], {
    disks: pool instanceof ZfsPool ? [pool.disk] : pool instanceof SparseDisk ? [pool] : pool,
    start: "simp",
    interfaceVersion: 4,
    limits: { fuel: 400_000_000 },
    ...options,
  });
  const output = typed.text.split("\x01 ").slice(2, commands.length + 2);
  return {
    ...typed,
    output: output.map((part) => part.slice(part.indexOf("\n") + 1)),
    diagnostics: typed.result.diagnostics,
  };
}

/** Replaces a text of at most 21 bytes, which lie together, in the first block of an object that has it. */
function rename(pool: ZfsPool, blocks: readonly BlockPlace[], from: string, to: string): void {
  for (const place of blocks) {
    const data = pool.read(place);
    const found = data.indexOf(from);
    if (found < 0) continue;
    data.write(to, found, "latin1");
    pool.write(place, data);
    return;
  }
  throw new Error(`no ${from}`);
}

function blocksOf(pool: ZfsPool, object: Parameters<ZfsPool["block"]>[0]): BlockPlace[] {
  const last = Number(pool.dnode(object).readBigUInt64LE(16));
  return Array.from({ length: last + 1 }, (_, i) => pool.block(object, i));
}

describe.skipIf(shared === undefined)("data sets", () => {
  it("a pool is refused by the name of a feature that its metadata need", async () => {
    const pool = new ZfsPool(await collected("no_features"));
    const other = new ZfsPool(await collected("default"));
    editLabels(other.disk, "config", (config) => {
      const found = config.indexOf("com.delphix:hole_birth");
      config.write("com.delphix:hole_worth", found, "latin1");
    });
    const { output, diagnostics, text } = await at(["lsdev", "ls /"], [other.disk, pool.disk]);
    expect(text).toContain("ZFS: unsupported feature: com.delphix:hole_worth\n");
    expect(diagnostics).toContain("zfs:zroot: unsupported ZFS feature com.delphix:hole_worth");
    expect(output.join("")).toContain("zfs:zroot");
  });

  it("a pool is refused by the name of a feature that is in use, and not for one that isn't", async () => {
    const pool = new ZfsPool(await collected("default"));
    rename(pool, blocksOf(pool, pool.entry("features_for_read")), "com.datto:encryption", "com.datto:encrapture");
    expect((await at(["ls /"], pool)).text).not.toContain("unsupported");
    rename(pool, blocksOf(pool, pool.entry("features_for_read")), "com.delphix:embedded_", "com.delphix:ambedded_");
    const { text, diagnostics } = await at(["lsdev"], pool);
    expect(text).toContain("ZFS: unsupported feature: com.delphix:ambedded_data\n");
    expect(text).toContain("ZFS: pool zroot is not supported\n");
    expect(diagnostics).toEqual(["zfs:zroot: unsupported ZFS feature com.delphix:ambedded_data"]);
  });

  it.each([false, true])(
    "a data set is refused by the name of a feature that it has, and the pool stays (which says so: %s)",
    async (known) => {
      const pool = new ZfsPool(await collected("dnodesize_auto"));
      rename(pool, blocksOf(pool, pool.dataset(ROOT).set), "org.zfsonlinux:large_", "org.zfsonlinux:lerge_");
      const features = pool.entry("features_for_read");
      if (known) rename(pool, blocksOf(pool, features), "org.zfsonlinux:large_", "org.zfsonlinux:lerge_");
      const { output, diagnostics } = await at(["ls /", "ls zfs:zroot:/", "lszfs zroot/ROOT"], pool);
      expect(output[0]).toContain("unsupported feature: org.zfsonlinux:lerge_dnode");
      expect(output[1]).toBe("zfs:zroot:/\n");
      expect(output[2]).toBe("default\n");
      expect(diagnostics).toEqual([`zfs:zroot/${ROOT}: unsupported ZFS feature org.zfsonlinux:lerge_dnode`]);
    },
  );

  it("an encrypted data set is called that, and the others of its pool are read", async () => {
    const { output, diagnostics } = await at(
      ["ls zfs:zroot/secret:/", "ls -l /boot/notes.txt"],
      await collected("enc_other"),
    );
    expect(output[0]).toContain("ZFS: dataset zroot/secret is encrypted\n");
    expect(output[0]).not.toContain("block copies");
    expect(output[1]).toMatch(/ \d+ \/boot\/notes.txt\n/);
    expect(diagnostics).toEqual(["zfs:zroot/secret: ZFS data set is encrypted"]);
    const root = await at(["ls /"], await collected("enc_root"));
    expect(root.output[0]).toContain("operation not permitted");
    expect(root.diagnostics).toEqual([`zfs:zroot/${ROOT}: ZFS data set is encrypted`]);
  });

  it("names are found by the rules of their file system", async () => {
    const lines = ["ls -l /BOOT/Notes.TXT", "ls -l /boot/notes.txt", "ls -l /files/t512", "ls /boot/notes.tx"];
    const loose = (await at(lines, await collected("utf8_insens"))).output;
    expect(loose[0]).toMatch(/^ {2} +\d+ \/BOOT\/Notes.TXT\n/);
    expect(loose[1]).toMatch(/ \d+ \/boot\/notes.txt\n/);
    expect(loose[2]).toContain("512 /files/t512\n");
    expect(loose[3]).toContain("no such file");
    const strict = (await at(lines, await collected("default"))).output;
    expect(strict[0]).toContain("no such file");
    expect(strict[1]).toMatch(/ \d+ \/boot\/notes.txt\n/);
    // A line that is typed has 255 characters at most, the name 300.
    const halves = [`set a=${"0".repeat(150)}`, `set b=${"0".repeat(149)}7`];
    const lengthy = [...halves, `ls -l /files/\${a}\${b}`, `ls -l /files/\${a}\${a}`];
    const long = await at(lengthy, await collected("longname_feature"));
    expect(long.output[2]).toContain(`6 /files/${"0".repeat(299)}7\n`);
    expect(long.output[3]).toMatch(/^ls: open/);
  });

  it("a file's size is what its attributes say: beyond 2 GiB, and beyond what was written", async () => {
    const pool = new ZfsPool(await collected("default"));
    const { objects } = pool.dataset(ROOT);
    const file = pool.file(objects, "/boot/loader.help");
    pool.resize(file, 3n << 32n);
    const { output } = await at(["ls -l /boot/loader.help"], pool);
    expect(output[0]).toContain(" 12884901888 /boot/loader.help\n");
    const tail = await at(["load -t raw /files/zeros300k"], await collected("tailhole"));
    const loaded = tail.result.memory.reduce((sum, { length }) => sum + length, 0);
    expect(tail.output[0]).toContain("size=0x493e0");
    expect(loaded).toBeGreaterThanOrEqual(300_000);
  });

  it("attributes are where the tables of the file system say", async () => {
    const pool = new ZfsPool(await collected("default"));
    const { objects } = pool.dataset(ROOT);
    const file = pool.file(objects, "/boot/loader.help");
    const tables = pool.object(objects, pool.zap(pool.object(objects, 1)).get("SA_ATTRS") ?? 0n);
    const registry = pool.object(objects, pool.zap(tables).get("REGISTRY") ?? 0n);
    const attributes = pool.zap(registry);
    // What was the generation is the size, and the other way around.
    pool.edit(pool.block(registry, 0), (data) => {
      for (let entry = 64; entry < data.length; entry += 64) {
        const name = data.toString("latin1", entry + 14, entry + 23).replace(/\0.*/s, "");
        if (name === "ZPL_GEN") data.writeBigUInt64LE(attributes.get("ZPL_SIZE") ?? 0n, entry);
        if (name === "ZPL_SIZE") data.writeBigUInt64LE(attributes.get("ZPL_GEN") ?? 0n, entry);
      }
    });
    // In the usual order the generation comes third.
    pool.setBonus(file, 24, 123_456_789n);
    expect((await at(["ls -l /boot/loader.help"], pool)).output[0]).toContain("123456789 /boot/loader.help\n");
  });

  it("snapshots, clones and the checkpoint are devices", async () => {
    const clone = await at(
      [
        "ls -l zfs:zroot/ROOT/default@s1:/boot/notes.txt",
        "ls zfs:zroot/ROOT/default@s2:/",
        "set currdev=zfs:zroot/ROOT/default@s1:",
        "ls -l /boot/notes.txt",
      ],
      await collected("snapshot_clone_be"),
    );
    expect(clone.text).toContain("booted from zfs:zroot/ROOT/be2:");
    expect(clone.output[0]).toMatch(/ \d+ zfs:.*notes.txt\n/);
    expect(clone.output[1]).toContain("bad path");
    expect(clone.output[3]).toMatch(/ \d+ \/boot\/notes.txt\n/);
    const kept = await at(["ls -l zfs:!zroot/ROOT/default:/boot/notes.txt", "show"], await collected("checkpoint"));
    expect(kept.output[0]).toMatch(/ \d+ zfs:.*notes.txt\n/);
    expect(kept.output[1]).toContain("zpool_checkpoint=zroot/ROOT\n");
    expect(kept.output[1]).toContain("bootenvs_check[0]=zfs:!zroot/ROOT/default\n");
    const none = await at(["ls zfs:!zroot/ROOT/default:/"], await collected("no_features"));
    expect(none.output[0]).toContain("bad path");
  });
});

describe.skipIf(shared === undefined)("states of a pool", () => {
  /** Spoils what the `count` newest uberblocks lead to. */
  function spoil(pool: ZfsPool, count: number): void {
    for (const { at: place } of pool.uberblocks().slice(0, count)) {
      for (let copy = 0; copy < 3; copy++) {
        const sector = Number(pool.uberblock(place).readBigUInt64LE(40 + copy * 16 + 8) & 0x7fffffffffffffffn);
        if (sector > 0) pool.disk.write((5 << 20) + sector * 512, Buffer.alloc(512, 0x5a));
      }
    }
  }

  it("when the latest can't be read an earlier one is, and it is said", async () => {
    const pool = new ZfsPool(await collected("default"));
    const [latest, next] = pool.uberblocks();
    spoil(pool, 1);
    const { output, text, diagnostics } = await at(["ls -l /boot/notes.txt"], pool);
    expect(output[0]).toMatch(/ \d+ \/boot\/notes.txt\n/);
    expect(text).toContain(`ZFS: pool zroot: transaction group ${latest?.txg} can't be read, ${next?.txg} is taken\n`);
    expect(diagnostics).toContain(`zfs:zroot: ZFS transaction group ${latest?.txg}: can't read MOS of pool zroot`);
    expect(diagnostics).toContain(`zfs:zroot: ZFS transaction group ${latest?.txg} given up, ${next?.txg} is taken`);
  });

  it("a pool none of whose states can be read is damaged", async () => {
    const pool = new ZfsPool(await collected("default"));
    spoil(pool, 1000);
    const { text, diagnostics } = await at(["lsdev"], pool);
    expect(text).toContain("ZFS: can't read MOS of pool zroot\n");
    expect(text.match(/ZFS:/g)).toHaveLength(2);
    expect(diagnostics.at(-1)).toMatch(/^zfs:zroot: ZFS pool is damaged: none of \d+ uberblocks leads/);
  });

  it("a pool too few of whose disks are there is incomplete, and not damaged", async () => {
    const { diagnostics } = await at(["lsdev"], await collected("raidz1"));
    expect(diagnostics.at(-1)).toMatch(
      /^zfs:zroot: ZFS pool is incomplete: missing \S+ \(guid \d+\), \S+ \(guid \d+\)$/,
    );
    expect(diagnostics.join("\n")).not.toContain("is damaged");
  });

  it("labels that are damaged are named, and one is enough", async () => {
    const disk = await collected("default");
    for (const label of [0, 262_144]) disk.write((1 << 20) + label + 16_384, Buffer.alloc(100));
    const { output, diagnostics } = await at(["ls -l /boot/notes.txt"], disk);
    expect(output[0]).toMatch(/ \d+ \/boot\/notes.txt\n/);
    expect(diagnostics).toEqual(["disk0 offset 1048576: ZFS label without a good checksum: 0 1"]);
  });

  it("a disk that missed what others of its mirror have is named", async () => {
    const disks = [await collected("mirror_offline", 0), await collected("mirror_offline", 1)];
    const { diagnostics } = await at(["ls /"], disks);
    expect(diagnostics.join("\n")).toMatch(/zfs:zroot: disk \S+ \(guid \d+\) may be out of date/);
  });

  it("a block that can't be read is named by data set, object and block", async () => {
    const pool = new ZfsPool(await collected("default"));
    const { objects } = pool.dataset(ROOT);
    const file = pool.file(objects, "/boot/notes.txt");
    pool.editDnode(file, (dnode) => dnode.writeBigUInt64LE(1n, 64 + 8));
    const { diagnostics } = await at(["more /boot/notes.txt"], pool);
    expect(diagnostics.join("\n")).toMatch(/^zfs:zroot\/ROOT\/default: ZFS object \d+: block 0 can't be read$/m);
  });
});

describe.skipIf(shared === undefined)("what is there", () => {
  it("of two pools with one name the first is read, and the other is named", async () => {
    const disks = [await collected("renamed_be"), await collected("default")];
    const { output, diagnostics } = await at(["lszfs zroot/ROOT"], disks);
    expect(output[0]).toBe("14.1-RELEASE_2024-09-01_120000\n");
    expect(diagnostics).toEqual([
      expect.stringMatching(/^disk1 offset \d+: ZFS pool zroot \(guid \d+\): another one has this name, and is used$/),
    ]);
  });

  it("disks that end anywhere are harmless", async () => {
    const whole = await collected("default");
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1 << 20, max: whole.size - 1 }), async (size) => {
        const cut = new SparseDisk(0);
        cut.copy(whole, size);
        const { result } = await at(["lsdev -v", "ls /boot"], cut);
        expect(["InputEndedError", "LimitError"]).toContain(result.error?.name);
      }),
      { numRuns: 15, seed: 1 },
    );
  });
});

describe.skipIf(shared === undefined)("what is booted", () => {
  it("the data set to boot once is, and the result says so", async () => {
    const pool = new ZfsPool(await collected("snapshot_clone_be"));
    editLabels(pool.disk, "boot block", (block) => {
      block.fill(0);
      bootBlock({ "freebsd:bootonce": "zfs:zroot/ROOT/default:" }, { kern_note: "kept" }).copy(block);
    });
    const { text, output, result } = await at(["show", "boot"], pool);
    expect(text).toContain("zfs bootonce: zfs:zroot/ROOT/default:\n");
    for (const line of [
      "currdev=zfs:zroot/ROOT/default:",
      "zfs-bootonce=zfs:zroot/ROOT/default:",
      "zfs_be_active=zfs:zroot/ROOT/be2",
      "kern_note=kept",
    ]) {
      expect(output[0]).toContain(`${line}\n`);
    }
    expect(result.reason).toBe("exec");
    expect(result.bootOnce).toBe("zfs:zroot/ROOT/default:");
  });

  it("one that isn't there is named, and the pool's own choice stays", async () => {
    const pool = new ZfsPool(await collected("snapshot_clone_be"));
    editLabels(pool.disk, "boot block", (block) => {
      block.fill(0);
      bootBlock({ "freebsd:bootonce": "zfs:zroot/ROOT/gone:" }, {}).copy(block);
    });
    const { output, diagnostics, result } = await at(["show currdev", "show zfs-bootonce", "boot"], pool);
    expect(output[0]).toBe("zfs:zroot/ROOT/be2:\n");
    expect(output[1]).toContain("not found");
    expect(diagnostics).toEqual(["zfs:zroot: ZFS boot block: bootonce 'zfs:zroot/ROOT/gone:' is no data set"]);
    expect(result.bootOnce).toBeUndefined();
  });

  it("what is kept from boot to boot is shown by nvstore, and stays", async () => {
    const pool = new ZfsPool(await collected("snapshot_clone_be"));
    editLabels(pool.disk, "boot block", (block) => {
      block.fill(0);
      bootBlock({}, { kern_note: "kept", number: 258n }).copy(block);
    });
    const usage = [
      "Usage:\tnvstore -l",
      ...["-l", "[-t type] key value", "-g key", "-d key"].map((use) => `\tnvstore store ${use}`),
      "",
    ].join("\n");
    const asked: [string, string][] = [
      ["nvstore -l", "List of configured nvstores:\n\tzroot\n"],
      ["nvstore zroot -l", 'DATA_TYPE_STRING [1] kern_note = "kept"\nDATA_TYPE_UINT64 [1] number = 0x102\n'],
      ["nvstore zroot -g kern_note", "kern_note = kept\n"],
      ["nvstore zroot -g number", ""],
      ["nvstore zroot -g gone", ""],
      ["nvstore zroot -d kern_note", "error: read-only filesystem\n"],
      ["nvstore zroot -t DATA_TYPE_STRING a b", "error: read-only filesystem\n"],
      ["nvstore zroot a", usage],
      ["nvstore zroot -l -g a", usage],
      ["nvstore other -l", usage],
      ["nvstore -l zroot", usage],
      ["nvstore", usage],
      ["nvstore -x", "illegal option -- x\n"],
      ["show kern_note", "kept\n"],
      ["show number", "258\n"],
    ];
    const lines = asked.map(([line]) => line);
    const { output } = await at(lines, pool, { profile: 13 });
    const refused = (text: string) => text.replace(/nvstore: no error message\n$/, "");
    expect(output.map(refused)).toEqual(asked.map(([, text]) => text));
    const { output: none } = await at(["nvstore -l", "nvstore zroot -l"], await collected("no_features"), {
      profile: 13,
    });
    expect(none.map(refused)).toEqual(["No configured nvstores\n", usage]);
    expect((await at(["nvstore -l"], pool)).output).toEqual(["nvstore: unknown command\n"]);
  });

  it("a boot block of any content is harmless", async () => {
    const disk = await collected("no_features");
    await fc.assert(
      fc.asyncProperty(
        fc.nat(2),
        fc.uint8Array({ minLength: 8, maxLength: 200 }),
        fc.boolean(),
        async (version, bytes, packed) => {
          const pool = new ZfsPool(disk);
          editLabels(pool.disk, "boot block", (block) => {
            block.fill(0);
            block.set(bytes, 8);
            if (packed) bootBlock({ "freebsd:bootonce": "zfs:zroot:" }, { a: "b" }).copy(block);
            for (let i = 0; packed && i < 4; i++) block[8 + ((bytes[i] ?? 0) % 160)] = bytes[i + 4] ?? 0;
            block.writeBigUInt64BE(BigInt(version));
          });
          const { result } = await at(["show"], pool);
          expect(result.error?.name).toBe("InputEndedError");
        },
      ),
      { numRuns: 20, seed: 1 },
    );
  });

  it("the caller's choice of a device comes before a pool", async () => {
    const disks = [guestImage(GUESTS.amd64), await collected("default")];
    const pool = await at(["show currdev"], disks);
    expect(pool.output[0]).toBe("zfs:zroot/ROOT/default:\n");
    const disk = await at(["show currdev", "show loaddev"], disks, { currdev: "disk0p2:" });
    expect(disk.output).toEqual(["disk0p2:\n", "disk0p2:\n"]);
    const none = await at([], disks, { currdev: "zfs:zroot/ROOT/none:" });
    expect(none.result.error).toEqual({
      name: "OptionError",
      message: "can't boot from 'zfs:zroot/ROOT/none:': no such file or directory",
    });
    for (const currdev of ["", "disk0p2", "zfs:a\nb:", "x".repeat(2000)]) {
      await expect(at([], disks, { currdev })).rejects.toThrow(/^currdev /);
    }
  });
});

describe.skipIf(shared === undefined)("pools with numbers changed", () => {
  const EDGES = [
    0n,
    1n,
    2n,
    0x7fn,
    0xffn,
    0xffffn,
    0x7fffffffn,
    0xffffffffn,
    1n << 47n,
    (1n << 63n) - 1n,
    (1n << 64n) - 1n,
  ];

  it("whatever the metadata say, the session goes on", async () => {
    const source = await collected("default");
    const whole = new ZfsPool(source);
    whole.resize(whole.file(whole.dataset(ROOT).objects, "/boot/loader.rc"), 0n);
    const { directory, set, objects } = whole.dataset(ROOT);
    const tables = whole.object(objects, whole.zap(whole.object(objects, 1)).get("SA_ATTRS") ?? 0n);
    const layouts = whole.object(objects, whole.zap(tables).get("LAYOUTS") ?? 0n);
    const registry = whole.object(objects, whole.zap(tables).get("REGISTRY") ?? 0n);
    const dnodes = [
      directory,
      set,
      layouts,
      registry,
      whole.file(objects, "/boot"),
      whole.file(objects, "/boot/notes.txt"),
    ];
    /** Blocks, and the part of each that is of interest. */
    const targets: [BlockPlace, number, number][] = [
      ...dnodes.map(({ block, at: place }): [BlockPlace, number, number] => [block, place, 512]),
      [whole.mos, 0, 1024],
      [objects, 0, 1024],
      ...[layouts, registry, whole.file(objects, "/boot"), whole.file(objects, "/many"), whole.object(objects, 1)]
        .flatMap((object) => blocksOf(whole, object).slice(0, 2))
        .map((place): [BlockPlace, number, number] => [place, 0, 512]),
    ];
    const change = fc.tuple(
      fc.nat(targets.length - 1),
      fc.nat(511),
      fc.constantFrom(1, 2, 4, 8),
      fc.constantFrom(...EDGES),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
        const pool = new ZfsPool(source);
        for (const [target, offset, size, value] of changes) {
          const [place, start, length] = targets[target] ?? [whole.mos, 0, 1];
          // What was changed before may be in the way.
          try {
            pool.edit(place, (data) => {
              const number = Buffer.alloc(8);
              number.writeBigUInt64LE(value);
              number.copy(data, start + (offset % length), 0, Math.min(size, data.length - start));
            });
          } catch {}
        }
        const commands = [
          "lsdev -v",
          "lszfs zroot/ROOT",
          "ls -l /boot",
          "ls /many",
          "more /boot/notes.txt",
          "ls -l /link1",
        ];
        const { result } = await at(commands, pool);
        pool.restore();
        expect(["InputEndedError", "LimitError"]).toContain(result.error?.name);
      }),
      { numRuns: 30, seed: 3 },
    );
  });

  it("whatever the labels say, the session goes on", async () => {
    const source = await collected("mirror");
    const other = await collected("mirror", 1);
    const whole = new ZfsPool(source);
    whole.resize(whole.file(whole.dataset(ROOT).objects, "/boot/loader.rc"), 0n);
    let used = 0;
    editLabels(whole.disk, "config", (config) => {
      for (used = config.length; used > 0 && config[used - 1] === 0; ) used--;
    });
    const change = fc.tuple(fc.nat(used - 1), fc.constantFrom(1, 4, 8), fc.constantFrom(...EDGES));
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        const kept: Buffer[] = [];
        editLabels(source, "config", (config) => {
          kept.push(Buffer.from(config));
          for (const [place, size, value] of changes) {
            const number = Buffer.alloc(8);
            number.writeBigUInt64BE(value);
            number.copy(config, place, 8 - size);
          }
        });
        const { result } = await at(["lsdev -v", "ls /boot"], [source, other]);
        editLabels(source, "config", (config) => kept.shift()?.copy(config));
        expect(["InputEndedError", "LimitError"]).toContain(result.error?.name);
      }),
      { numRuns: 20, seed: 5 },
    );
  });

  it("data sets that are within themselves are named", async () => {
    const pool = new ZfsPool(await collected("default"));
    const { directory } = pool.dataset(ROOT);
    const parent = pool.dataset("ROOT").directory;
    const top = pool.bonus(pool.dataset().directory, CHILDREN);
    const own = pool.zap(pool.object(pool.mos, pool.bonus(parent, CHILDREN))).get("default") ?? 0n;
    // ROOT is in ROOT/default, too, and that says that it has what the pool has: ROOT.
    pool.setBonus(parent, PARENT, own);
    pool.setBonus(directory, CHILDREN, top);
    const looped = await at(["lsdev -v", "lszfs zroot/ROOT"], pool);
    expect(looped.output[1]).toBe("default\n");
    expect(looped.diagnostics.join("\n")).toMatch(/^zfs:zroot: ZFS data set \d+: more than 64 levels deep$/m);
    // In itself, of which it doesn't know.
    pool.setBonus(directory, PARENT, own);
    const { diagnostics } = await at(["lsdev -v"], pool);
    expect(diagnostics.join("\n")).toMatch(/^zfs:zroot: ZFS object \d+: not among what its parent has$/m);
  });

  it("a gang block that is within itself is named", async () => {
    const pool = new ZfsPool(await collected("default"));
    const { objects } = pool.dataset(ROOT);
    pool.gangOf(pool.file(objects, "/boot/notes.txt"));
    const { output, diagnostics } = await at(["more /boot/notes.txt", "ls -l /boot/loader.help"], pool);
    expect(diagnostics).toContain("zroot: ZFS gang block: more than 10 deep");
    expect(output[1]).toMatch(/ \d+ \/boot\/loader.help\n/);
  });

  it("entries that follow themselves end, and a table that leads nowhere is named", async () => {
    const pool = new ZfsPool(await collected("default"));
    const many = pool.file(pool.dataset(ROOT).objects, "/many");
    const place = blocksOf(pool, many).find((block) => pool.read(block).includes("f777\0"));
    if (place === undefined) throw new Error("no leaf with f777");
    pool.edit(place, (leaf) => {
      for (let chunk = 0, begin = 48 + leaf.length / 16; begin + 24 <= leaf.length; chunk++, begin += 24) {
        if (leaf[begin] !== 252) continue;
        leaf.writeUInt16LE(chunk, begin + 2);
        leaf.writeBigUInt64LE(1n, begin + 16);
      }
    });
    const { result, diagnostics } = await at(["ls /many", "ls -l /many/f777", "ls -l /boot/notes.txt"], pool);
    expect(result.error?.name).toBe("InputEndedError");
    expect(diagnostics.join("\n")).toMatch(/zfs:zroot.ROOT.default: ZFS object \d+: ZAP: chain of entries/);
  });
});
