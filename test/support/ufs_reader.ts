// A second reader of UFS1 and UFS2 (FreeBSD's fs.h, dinode.h, dir.h), as plain as can be and with nothing of the core: what
// the core reads without an error must be what this says. What makes no sense to it throws.

import type { Disk } from "userboot-wasm";

const PLACES = [65536, 8192, 0, 262144];
const ALTERNATES = [73728, 81920, 98304, 131072, 16384, 32768, 65536];
const SUPERBLOCK_SIZE = 8192;
const UFS1 = 0x00011954;
const UFS2 = 0x19540119;
const CYLINDER_GROUP = 0x00090255;
const ROOT = 2;
const DIRECT = 12;
const KINDS: Readonly<Record<number, UfsEntry["type"]>> = { 4: "directory", 8: "file", 10: "link" };

/** What is at a path. */
export interface UfsEntry {
  type: "file" | "directory" | "link" | "other";
  size: number;
  /** Of a directory: its names in order, without `.` and `..`. */
  names?: string[];
  target?: string;
}

interface Superblock {
  wide: boolean;
  block: number;
  fragment: number;
  perGroup: number;
  groupSize: number;
  inodesAt: number;
  groupOffset: number;
  groupMask: number;
  maxSymlink: number;
}

interface Inode {
  mode: number;
  size: number;
  bytes: Buffer;
}

/** A file system on a disk, from `at` on. */
export class UfsReader {
  readonly #fs: Superblock;

  constructor(
    private readonly disk: Disk,
    private readonly at = 0,
  ) {
    this.#fs = this.#superblock();
  }

  #bytes(at: number, size: number): Buffer {
    const bytes = Buffer.alloc(size);
    if (!Number.isSafeInteger(at) || this.disk.read(this.at + at, bytes) !== size) throw new Error(`nothing at ${at}`);
    return bytes;
  }

  #superblock(): Superblock {
    for (const place of PLACES) {
      const bytes = this.#bytes(place, SUPERBLOCK_SIZE);
      const magic = bytes.readUInt32LE(1372);
      if (magic === UFS1 ? place > 8192 : magic !== UFS2 || bytes.readBigInt64LE(1000) !== BigInt(place)) continue;
      const found = superblockOf(bytes);
      if (found !== undefined) return found;
    }
    for (const place of ALTERNATES) {
      const bytes = this.#bytes(place, SUPERBLOCK_SIZE);
      if (![UFS1, UFS2].includes(bytes.readUInt32LE(1372))) continue;
      const found = superblockOf(bytes);
      if (found === undefined || bytes.readUInt32LE(8) * found.fragment !== place) continue;
      if (this.#bytes(bytes.readUInt32LE(12) * found.fragment, 8).readUInt32LE(4) === CYLINDER_GROUP) return found;
    }
    throw new Error("no superblock");
  }

  #inode(number: number): Inode {
    const { fragment, groupMask, groupOffset, groupSize, inodesAt, perGroup, wide } = this.#fs;
    const group = Math.floor(number / perGroup);
    const shift = wide ? 0 : groupOffset * ((group & ~groupMask) >>> 0);
    const size = wide ? 256 : 128;
    const bytes = this.#bytes((groupSize * group + shift + inodesAt) * fragment + (number % perGroup) * size, size);
    const length = bytes.readBigUInt64LE(wide ? 16 : 8);
    return { mode: bytes.readUInt16LE(0), size: Math.min(Number(length), Number.MAX_SAFE_INTEGER), bytes };
  }

  /** Where block `index` of a file is; 0 for a hole. */
  #blockAt({ bytes }: Inode, index: number): number {
    const { block, fragment, wide } = this.#fs;
    const width = wide ? 8 : 4;
    const number = (from: Buffer, at: number) => (wide ? Number(from.readBigUInt64LE(at)) : from.readUInt32LE(at));
    const slot = (i: number) => number(bytes, (wide ? 112 : 40) + i * width);
    if (index < DIRECT) return slot(index) * fragment;
    let rest = index - DIRECT;
    let level = 0;
    const reach = block / width;
    while (rest >= reach ** (level + 1)) rest -= reach ** ++level;
    if (level > 2) throw new Error(`block ${index}`);
    let at = slot(DIRECT + level) * fragment;
    for (; level >= 0 && at !== 0; level--) {
      const within = Math.floor(rest / reach ** level);
      rest %= reach ** level;
      at = number(this.#bytes(at + within * width, width), 0) * fragment;
    }
    return at;
  }

  /** Runs of at most a block that hold the first `limit` bytes: place on the disk, 0 for holes, and size. */
  #runs(inode: Inode, limit: number): { at: number; size: number }[] {
    const end = Math.min(inode.size, limit);
    const runs = [];
    for (let position = 0; position < end; position += this.#fs.block)
      runs.push({
        at: this.#blockAt(inode, position / this.#fs.block),
        size: Math.min(this.#fs.block, end - position),
      });
    return runs;
  }

  #content(inode: Inode, limit: number): Buffer {
    const runs = this.#runs(inode, limit);
    return Buffer.concat(runs.map(({ at, size }) => (at === 0 ? Buffer.alloc(size) : this.#bytes(at, size))));
  }

  #entries(inode: Inode): { name: string; inode: number }[] {
    const bytes = this.#content(inode, 1 << 20);
    const entries = [];
    for (let at = 0; at < bytes.length; ) {
      const record = bytes.readUInt16LE(at + 4);
      // A block's end is an entry's end.
      const room = Math.min(bytes.length - at, this.#fs.block - (at % this.#fs.block));
      if (record < 12 || record % 4 !== 0 || record > room) throw new Error(`entry at ${at} of ${record} bytes`);
      const number = bytes.readUInt32LE(at);
      const length = bytes[at + (this.#fs.maxSymlink <= 0 ? 6 : 7)]!;
      if (number !== 0) {
        if (8 + length > record) throw new Error(`name of ${length} bytes at ${at}`);
        const name = bytes.toString("latin1", at + 8, at + 8 + length).replace(/\0.*/s, "");
        entries.push({ name, inode: number });
      }
      at += record;
    }
    return entries;
  }

  /** What a path leads to, without following a link at its end. None is followed on the way. */
  #find(path: string): Inode {
    let inode = this.#inode(ROOT);
    for (const name of path.split("/").filter((part) => part !== "")) {
      if (inode.mode >> 12 !== 4) throw new Error(`${name} is below no directory`);
      const entry = this.#entries(inode).find((one) => one.name === name);
      if (entry === undefined) throw new Error(`no ${path}`);
      inode = this.#inode(entry.inode);
    }
    return inode;
  }

  look(path: string): UfsEntry {
    const inode = this.#find(path);
    const { mode, size } = inode;
    const type = KINDS[mode >> 12] ?? "other";
    if (type === "directory") {
      const names = this.#entries(inode).map(({ name }) => name);
      return { type, size, names: names.filter((name) => name !== "." && name !== "..") };
    }
    if (type !== "link") return { type, size };
    const [start, space] = this.#fs.wide ? [112, 120] : [40, 60];
    if (size < this.#fs.maxSymlink && size > space) throw new Error(`a link of ${size} bytes`);
    const text =
      size < this.#fs.maxSymlink ? inode.bytes.subarray(start, start + size) : this.#content(inode, Number.MAX_VALUE);
    return { type, size, target: text.toString("latin1") };
  }

  /** The first `limit` bytes of a file. */
  read(path: string, limit: number): Buffer {
    return this.#content(this.#find(path), limit);
  }

  /** Where on the disk those are. */
  places(path: string, limit: number): { at: number; size: number }[] {
    const runs = this.#runs(this.#find(path), limit).filter(({ at }) => at !== 0);
    return runs.map(({ at, size }) => ({ at: this.at + at, size }));
  }
}

function superblockOf(bytes: Buffer): Superblock | undefined {
  const block = bytes.readUInt32LE(48);
  if (bytes.readUInt32LE(44) === 0 || block < 4096 || block > 65536) return undefined;
  return {
    wide: bytes.readUInt32LE(1372) === UFS2,
    block,
    fragment: bytes.readUInt32LE(52),
    perGroup: bytes.readUInt32LE(184),
    groupSize: bytes.readUInt32LE(188),
    inodesAt: bytes.readUInt32LE(16),
    groupOffset: bytes.readUInt32LE(24),
    groupMask: bytes.readUInt32LE(28),
    maxSymlink: bytes.readInt32LE(1320),
  };
}
