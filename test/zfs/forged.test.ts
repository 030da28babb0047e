// Pools that somebody forged: pointers, configurations and tables that no OpenZFS writes, with every checksum right. Each was found
// to do harm once.

import { describe, expect, it } from "vitest";
import { disksOf, poolsIn } from "../support/pools.js";
import { typeKeys } from "../support/prompt.js";
import type { SparseDisk } from "../support/sparse_disk.js";
import { type DnodePlace, editLabels, type List, numbersIn, ZfsPool } from "../support/zfs_pool.js";

const own = poolsIn("images/pools");
const ROOT = "ROOT/default";
const MIB = 1 << 20;
/** Offsets in a dnode: its first block pointer, and in that what it says of the block. */
const POINTER = 64;
const PROPERTIES = 48;
const BIRTH = 80;

async function disksFor(name: string): Promise<SparseDisk[]> {
  return own === undefined ? [] : disksOf(own, name);
}

/** The pool on the only disk, or the first one. */
const poolOf = async (name: string): Promise<ZfsPool> => new ZfsPool((await disksFor(name))[0] as SparseDisk);

/** Types commands; what was printed and reported, how it ended, and the modules. */
async function at(commands: readonly string[], disks: readonly SparseDisk[], fuel = 400_000_000) {
  const lines = ["set LINES=1000000", ...commands].map((line) => `${line}\r`);
  const { result, text } = await typeKeys([" ", ...lines], {
    disks,
    start: "simp",
    interfaceVersion: 4,
    memory: 64 * MIB,
    limits: { fuel },
  });
  const loaded = result.memory.map(({ gpa, length }) => Buffer.from(result.guestMemory.read(Number(gpa), length)));
  result.release();
  return { text, said: result.diagnostics.join("\n"), error: result.error, loaded: Buffer.concat(loaded) };
}

/** Changes the first block pointer of a file. */
function point(pool: ZfsPool, file: DnodePlace, change: (pointer: Buffer) => void): void {
  pool.editDnode(file, (dnode) => change(dnode.subarray(POINTER, POINTER + 128)));
}

/** Makes a file one of a single block of `size` bytes. */
function single(pool: ZfsPool, file: DnodePlace, size: number): void {
  pool.editDnode(file, (dnode) => {
    dnode[2] = 1;
    dnode.writeUInt16LE(size / 512, 8);
    dnode.writeBigUInt64LE(0n, 16);
  });
}

/** What a pointer says of a block of `size` bytes, not compressed. */
function properties(pointer: Buffer, size: number, checksum: bigint): void {
  const sectors = BigInt(size / 512 - 1);
  const kept = pointer.readBigUInt64LE(PROPERTIES) & 0xffff000000000000n;
  pointer.writeBigUInt64LE(kept | (checksum << 40n) | (2n << 32n) | (sectors << 16n) | sectors, PROPERTIES);
}

describe.skipIf(own === undefined)("pointers", () => {
  it("to a block that is known, which say that it is larger, don't read what is behind it", async () => {
    const pool = await poolOf("history");
    const { objects } = pool.dataset(ROOT);
    const [noise, text] = [pool.file(objects, "/files/noise"), pool.file(objects, "/files/text")];
    const whole = Buffer.from(pool.dnode(noise).subarray(POINTER, POINTER + 128));
    single(pool, text, 16 * MIB);
    point(pool, text, (pointer) => {
      whole.copy(pointer);
      properties(pointer, 16 * MIB, 7n);
    });
    pool.resize(text, BigInt(16 * MIB - 512));
    const { said, error } = await at(["load -t a /files/noise", "load -t b /files/text"], [pool.disk]);
    expect(error?.name).toBe("InputEndedError");
    expect(said).toMatch(/: block 0 can't be read$/m);
  });

  it("of ones only don't lead to what was read in vain", async () => {
    const pool = await poolOf("history");
    const { objects } = pool.dataset(ROOT);
    const [noise, text] = [pool.file(objects, "/files/noise"), pool.file(objects, "/files/text")];
    const size = pool.blockSize(noise);
    point(pool, noise, (pointer) => pointer.fill(0x5a, 96));
    const bad = Buffer.from(pool.dnode(noise).subarray(POINTER, POINTER + 128));
    single(pool, text, size);
    point(pool, text, (pointer) => {
      bad.copy(pointer);
      pointer.fill(0xff, 0, 16);
      pointer.fill(0xff, BIRTH, BIRTH + 8);
    });
    pool.resize(text, BigInt(size - 512));
    const { said, text: printed } = await at(["load -t a /files/noise", "load -t b /files/text"], [pool.disk]);
    expect(said).toMatch(/: block 0 can't be read$/m);
    expect(printed).not.toContain("/files/text size=");
  });

  it("to a gang block whose parts are too few don't lead to what was in memory", async () => {
    const pool = await poolOf("history");
    const { objects } = pool.dataset(ROOT);
    const noise = pool.file(objects, "/files/noise");
    pool.gangOf(noise, () => []);
    point(pool, noise, (pointer) => properties(pointer, pool.blockSize(noise), 2n));
    const { said, text: printed } = await at(["load -t b /files/noise"], [pool.disk]);
    expect(said).toMatch(/ZFS gang block: parts of 0 bytes, not \d+/);
    expect(printed).not.toContain("/files/noise size=");
  });

  it("with more data in them than they have room for are named", async () => {
    const pool = await poolOf("history");
    const { objects } = pool.dataset(ROOT);
    const noise = pool.file(objects, "/files/noise");
    single(pool, noise, 512);
    // Not compressed, 512 bytes, of which the pointer is said to hold 128.
    const embedded = (1n << 63n) | (19n << 48n) | (1n << 39n) | (2n << 32n) | (127n << 25n) | 511n;
    point(pool, noise, (pointer) => pointer.writeBigUInt64LE(embedded, PROPERTIES));
    pool.resize(noise, 512n);
    const { said, text: printed } = await at(["load -t b /files/noise"], [pool.disk]);
    expect(said).toMatch(/ZFS block pointer: 128 bytes of data in it/);
    expect(printed).not.toContain("/files/noise size=");
  });

  it("to a gang block whose parts are too many don't lead to what is behind its memory", async () => {
    const pool = await poolOf("history");
    const { objects } = pool.dataset(ROOT);
    const noise = pool.file(objects, "/files/noise");
    const whole = Buffer.from(pool.dnode(noise).subarray(POINTER, POINTER + 128));
    pool.gangOf(noise, () => [whole, whole]);
    point(pool, noise, (pointer) => properties(pointer, pool.blockSize(noise), 2n));
    const { said } = await at(["load -t b /files/noise"], [pool.disk]);
    expect(said).toContain(`ZFS gang block: parts larger than ${pool.blockSize(noise)} bytes`);
    expect(said).not.toContain("ZFS gang block: parts of");
  });
});

/** GUID of the disk, by its label. */
function guidOf(disk: SparseDisk): bigint {
  const config = Buffer.alloc(114_688);
  disk.read(MIB + 16_384, config);
  // The one of the disk is behind the pool's, and before the vdev's.
  const [guid] = numbersIn(config, "guid").map((place) => config.readBigUInt64BE(place));
  return guid ?? 0n;
}

let lastGuid = 1000n;
/** A vdev of a configuration. */
function vdev(type: string, children: readonly List[], more: List = {}): List {
  const guid = lastGuid++;
  return { type, id: 1n, guid, ashift: 9n, ...more, ...(children.length > 0 ? { children: [...children] } : {}) };
}
const diskOf = (guid = lastGuid++): List => vdev("disk", [], { guid, path: "/dev/x" });

/** An object of the pool that nothing else needs, as a mapping of these entries: source, vdev, offset and bytes. */
function mapping(pool: ZfsPool, entries: readonly [number, bigint, bigint, number][], blockSize = 4096): bigint {
  const object = pool.zap(pool.object(pool.mos, 1)).get("history") ?? 0n;
  const place = pool.object(pool.mos, object);
  const block = Buffer.alloc(blockSize);
  for (const [i, [source, device, offset, size]] of entries.entries()) {
    block.writeBigUInt64LE(BigInt(source / 512), i * 24);
    block.writeBigUInt64LE((device << 32n) | BigInt(size / 512), i * 24 + 8);
    block.writeBigUInt64LE(offset / 512n, i * 24 + 16);
  }
  pool.editDnode(place, (dnode) => {
    dnode.fill(0, 1, 512);
    dnode.set([14, 1, 1], 1);
    dnode.writeUInt16LE(block.length / 512, 8);
    dnode.writeUInt16LE(24, 10);
    dnode.writeBigUInt64LE(1n << 63n, POINTER + PROPERTIES);
    dnode.writeBigUInt64LE(1n, POINTER + BIRTH);
  });
  pool.setBonus(place, 16, BigInt(entries.length));
  pool.write(pool.block(place, 0), block);
  return object;
}

/** Where the first copy of a file's first block is. */
const offsetOf = (pool: ZfsPool, file: DnodePlace): bigint => pool.dnode(file).readBigUInt64LE(POINTER + 8) * 512n;

/** Makes a pointer lead to the beginning of a vdev. */
function lead(pointer: Buffer, device: bigint): void {
  pointer.fill(0, 0, 48);
  pointer.writeBigUInt64LE((device << 32n) | 1n, 0);
}

describe.skipIf(own === undefined)("configurations", () => {
  it("with a removed vdev beside salted checksums are read", async () => {
    const path = "/files/text";
    const pool = await poolOf("checksums");
    const file = pool.file(pool.dataset(ROOT).objects, path);
    const whole = await at([`load -t a ${path}`], [pool.disk]);
    expect(whole.text).toContain(`${path} size=`);
    const object = mapping(pool, [[0, 0n, offsetOf(pool, file), 128 << 10]]);
    pool.configure([vdev("indirect", [], { "com.delphix:indirect_object": object })]);
    point(pool, file, (pointer) => lead(pointer, 1n));
    const moved = await at([`load -t a ${path}`], [pool.disk]);
    expect(moved.said).toBe("");
    expect(moved.loaded.equals(whole.loaded)).toBe(true);
  });

  it("with a mapping in blocks as large as the one that is read refuse the mapping", async () => {
    const pool = await poolOf("history");
    const file = pool.file(pool.dataset(ROOT).objects, "/files/noise");
    const object = mapping(pool, [[0, 0n, offsetOf(pool, file), 128 << 10]], 2 * MIB);
    pool.configure([vdev("indirect", [], { "com.delphix:indirect_object": object })]);
    point(pool, file, (pointer) => lead(pointer, 1n));
    const { said } = await at(["load -t a /files/noise"], [pool.disk]);
    expect(said).toMatch(/ZFS mapping: block of 2097152 bytes/);
  });

  it.each<[string, (guid: bigint) => List, RegExp]>([
    [
      "groups within groups",
      (guid) =>
        vdev("raidz", [diskOf(), vdev("raidz", [diskOf(), diskOf(guid)], { nparity: 1n, ashift: 16n }), diskOf()], {
          nparity: 1n,
        }),
      /ZFS vdev \d+ of type raidz, within another/,
    ],
    [
      "a removed vdev within a group",
      (guid) => vdev("mirror", [diskOf(guid), vdev("indirect", [], { "com.delphix:indirect_object": 1n })]),
      /ZFS vdev \d+ of type indirect, within another/,
    ],
    [
      "sectors of a byte",
      (guid) => vdev("raidz", [diskOf(), diskOf(guid)], { nparity: 1n, ashift: 0n }),
      /ZFS vdev \d+: sectors of 2\^0 bytes/,
    ],
  ])("with %s are refused", async (_, top, report) => {
    const pool = await poolOf("history");
    const { objects } = pool.dataset(ROOT);
    pool.configure([top(guidOf(pool.disk))]);
    point(pool, pool.file(objects, "/files/noise"), (pointer) => lead(pointer, 1n));
    const { said, error } = await at(["load -t a /files/noise"], [pool.disk]);
    expect(error?.name).toBe("InputEndedError");
    expect(said).toMatch(report);
  });

  it("with more copies than can be counted are tried in part", async () => {
    const [first, second] = (await disksFor("mirror_log_cache")) as [SparseDisk, SparseDisk];
    const pool = new ZfsPool(first);
    // 256 to the power of 4 copies.
    let many: List = diskOf(guidOf(first));
    for (let depth = 0; depth < 4; depth++)
      many = vdev("mirror", [...Array.from({ length: 255 }, () => diskOf()), many]);
    const two = vdev("mirror", [diskOf(guidOf(second)), diskOf()], { id: 2n });
    const file = pool.file(pool.dataset(ROOT).objects, "/files/noise");
    const parts = Array.from({ length: 13 }, (_, i): [number, bigint, bigint, number] => [
      i * 512,
      i < 12 ? 2n : 1n,
      offsetOf(pool, file),
      512,
    ]);
    const indirect = vdev("indirect", [], { id: 3n, "com.delphix:indirect_object": mapping(pool, parts) });
    pool.configure([{ ...many, id: 1n }, two, indirect]);
    single(pool, file, 13 * 512);
    point(pool, file, (pointer) => {
      lead(pointer, 3n);
      properties(pointer, 13 * 512, 7n);
    });
    const { error } = await at(["load -t a /files/noise"], [first, second], 4_000_000);
    expect(["InputEndedError", "LimitError"]).toContain(error?.name);
  });
});

describe.skipIf(own === undefined)("tables", () => {
  it("of very many blocks of zeros use up the fuel that reading them takes", async () => {
    const pool = await poolOf("history");
    const folder = pool.file(pool.dataset(ROOT).objects, "/files");
    const blocks = MIB / 128;
    const header = Buffer.alloc(MIB);
    for (const [place, value] of [
      [0, (1n << 63n) + 1n],
      [8, 0x2f52ab2abn],
      [32, 16n],
      [56, 1n << 40n],
    ] as const) {
      header.writeBigUInt64LE(value, place);
    }
    pool.editDnode(folder, (dnode) => {
      dnode[1] = 20;
      dnode[2] = 2;
      dnode.writeUInt16LE(MIB / 512, 8);
      dnode.writeBigUInt64LE(BigInt(blocks - 1), 16);
    });
    pool.write({ parent: folder.block, at: folder.at + POINTER }, Buffer.alloc(MIB));
    pool.write(pool.block(folder, 0), header);
    const { error } = await at(["ls /files"], [pool.disk], 50_000_000);
    expect(error).toMatchObject({ name: "LimitError", message: expect.stringContaining("fuel") });
  });
});

describe.skipIf(own === undefined)("attributes as file systems before version 5 have them", () => {
  /** Types of attributes, their size, and offsets in them. */
  const ZNODE = 17;
  const ZNODE_SIZE = 264;
  const [MODE, SIZE, UID, GID] = [72, 80, 128, 136];
  const [REGULAR, LINK] = [0o100640, 0o120777];

  /** Gives a file such attributes, with `more` behind them. */
  function keep(pool: ZfsPool, path: string, mode: number, size: number, more = ""): void {
    const place = pool.file(pool.dataset(ROOT).objects, path);
    const start = pool.bonusAt(place);
    pool.editDnode(place, (dnode) => {
      dnode[4] = ZNODE;
      dnode.writeUInt16LE(ZNODE_SIZE + more.length, 10);
      const bonus = dnode.subarray(start).fill(0);
      bonus.writeBigUInt64LE(BigInt(mode), MODE);
      bonus.writeBigUInt64LE(BigInt(size), SIZE);
      bonus.writeBigUInt64LE(1001n, UID);
      bonus.writeBigUInt64LE(1002n, GID);
      bonus.write(more, ZNODE_SIZE);
    });
  }

  it("are those of files, and of links with their text behind them or in their data", async () => {
    const pool = await poolOf("history");
    const before = await at(["load -t a /files/t513"], [pool.disk]);
    const target = before.loaded.subarray(-513);
    keep(pool, "/files/t513", REGULAR, 513);
    keep(pool, "/link", LINK, 10, "files/t513");
    const one = pool.file(pool.dataset(ROOT).objects, "/files/one");
    pool.edit(pool.block(one, 0), (data) => data.write("t513"));
    keep(pool, "/files/one", LINK, 4, "not");
    const { text, said, loaded } = await at(["load -t a /link", "load -t b /files/one"], [pool.disk]);
    expect(said).toBe("");
    expect(text).toMatch(/load -t a \/link\n\/link size=0x201\n/);
    expect(text).toMatch(/load -t b \/files\/one\n\/files\/one size=0x201\n/);
    expect(loaded.subarray(-2 * 513)).toEqual(Buffer.concat([target, target]));
  });
});

describe.skipIf(own === undefined)("commands in a boot block from before there were versions", () => {
  const said = async (command: string) => {
    const pool = await poolOf("history");
    editLabels(pool.disk, "boot block", (block) => block.fill(0).write(command));
    return (await at([], [pool.disk])).said;
  };
  const named = (name: string) => `zfs:zroot: ZFS boot block: bootonce '${name}' is no data set`;

  it("name what is booted once, in 512 bytes at most", async () => {
    expect(await said("zfs:zroot/gone:")).toBe(named("zfs:zroot/gone:"));
    for (const more of [507, 508, 509])
      expect(await said(`zfs:${"x".repeat(more)}`)).toBe(named(`zfs:${"x".repeat(Math.min(more, 508))}`));
  });

  it.each(["", "zfs", "ufs:/dev/ada0p2"])("'%s' is none", async (command) => {
    expect(await said(command)).toBe("");
  });
});
