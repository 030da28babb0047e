// Changes what a pool of a real OpenZFS says of itself: blocks of the meta object set are decompressed, changed and
// written again, uncompressed and without a checksum, to where nothing is, and so are all the blocks that lead there, up
// to the uberblock. For pools whose meta object set is on one disk (or its mirror). The layout is loader-wasm/zfs/layout.ts.

import { createHash } from "node:crypto";
import type { SparseDisk } from "./sparse_disk.js";

const MIB = 1024 * 1024;
/** Where the partition with the pool begins, and where in it the addresses of blocks count from. */
const PARTITION = MIB;
const DATA = 4 * MIB;
const LABEL = 256 * 1024;
/** The packed configuration in a label. */
const CONFIG = 16384;
const CONFIG_SIZE = 114688;
const UBERBLOCKS = 128 * 1024;
const UBERBLOCK = 1024;
const MAGIC = 0x00bab10cn;
const ROOT = 40;
const TAIL = 40;
const POINTER = 128;
const DNODE = 512;

/** LZ4, as ZFS stores it: behind the length of what is compressed. */
function lz4(src: Buffer, size: number): Buffer {
  const out = Buffer.alloc(size);
  const end = 4 + src.readUInt32BE(0);
  let at = 4;
  let to = 0;
  const more = (length: number): number => {
    for (let byte = 255; length >= 15 && byte === 255; length += byte) byte = src.readUInt8(at++);
    return length;
  };
  while (at < end) {
    const token = src.readUInt8(at++);
    const literals = token >> 4 === 15 ? more(15) : token >> 4;
    src.copy(out, to, at, at + literals);
    at += literals;
    to += literals;
    if (at >= end) break;
    let from = to - src.readUInt16LE(at);
    at += 2;
    const length = ((token & 15) === 15 ? more(15) : token & 15) + 4;
    for (let i = 0; i < length; i++) out[to++] = out[from++] ?? 0;
  }
  return out;
}

/** The checksum of a block that carries its own. */
export function sealBlock(block: Buffer, offset: number): void {
  const tail = block.subarray(block.length - TAIL + 8);
  tail.fill(0);
  tail.writeBigUInt64LE(BigInt(offset));
  const digest = createHash("sha256").update(block).digest();
  for (let i = 0; i < 32; i += 8) tail.writeBigUInt64LE(digest.readBigUInt64BE(i), i);
}

/** The number that a leaf of a ZAP has for a name; 0 for none. */
function valueIn(leaf: Buffer, name: string): number {
  // Behind head and hash table; the bytes of names and values are in chains of chunks.
  const chunk = (index: number) => leaf.subarray(48 + leaf.length / 16 + index * 24);
  const bytes = (index: number, size: number): Buffer => {
    const here = chunk(index).subarray(1, 22);
    return size <= 21 ? here.subarray(0, size) : Buffer.concat([here, bytes(chunk(index).readUInt16LE(22), size - 21)]);
  };
  for (let index = 0; chunk(index).length >= 24; index++) {
    const entry = chunk(index);
    if (entry[0] !== 252 || entry[1] !== 8) continue;
    const found = bytes(entry.readUInt16LE(4), entry.readUInt16LE(6)).toString("latin1");
    if (found === `${name}\0`) return Number(bytes(entry.readUInt16LE(8), 8).readBigUInt64BE(0));
  }
  return 0;
}

/** A disk of a pool, to be changed. */
export class PoolEditor {
  readonly #uberblock: number;
  #free: number;

  constructor(
    private readonly disk: SparseDisk,
    /** Number of the top-level vdev that the disk is, or is in. */
    private readonly vdev: number,
  ) {
    let newest = -1n;
    let found = -1;
    for (let at = UBERBLOCKS; at < LABEL; at += UBERBLOCK) {
      const block = this.#bytes(PARTITION + at, UBERBLOCK);
      if (block.readBigUInt64LE(0) !== MAGIC || block.readBigUInt64LE(16) <= newest) continue;
      newest = block.readBigUInt64LE(16);
      found = at;
    }
    this.#uberblock = found;
    this.#free = disk.size - 4 * MIB - PARTITION - DATA;
  }

  #bytes(at: number, size: number): Buffer {
    const bytes = Buffer.alloc(size);
    this.disk.read(at, bytes);
    return bytes;
  }

  /** The block behind a pointer. */
  #read(pointer: Buffer): Buffer {
    const properties = pointer.readBigUInt64LE(48);
    const size = (Number(properties & 0xffffn) + 1) * 512;
    const stored = (Number((properties >> 16n) & 0xffffn) + 1) * 512;
    if ((properties >> 39n) & 1n) throw new Error("a block in its pointer");
    const copy = [0, 16, 32].find((at) => Number(pointer.readBigUInt64LE(at) >> 32n) === this.vdev);
    if (copy === undefined) throw new Error(`a block without a copy on vdev ${this.vdev}`);
    const offset = Number(pointer.readBigUInt64LE(copy + 8) & ((1n << 63n) - 1n)) * 512;
    const bytes = this.#bytes(PARTITION + DATA + offset, stored);
    const method = Number((properties >> 32n) & 0x7fn);
    if (method !== 2 && method !== 15) throw new Error(`compression ${method}`);
    return method === 2 ? bytes : lz4(bytes, size);
  }

  /** Writes a block where nothing is, and makes `pointer` point there. */
  #write(pointer: Buffer, block: Buffer): void {
    this.#free -= block.length;
    this.disk.write(PARTITION + DATA + this.#free, block);
    const sectors = BigInt(block.length / 512);
    const kept = pointer.readBigUInt64LE(48) & 0xffff000000000000n;
    pointer.fill(0, 0, 48);
    pointer.writeBigUInt64LE((BigInt(this.vdev) << 32n) | sectors, 0);
    pointer.writeBigUInt64LE(BigInt(this.#free / 512), 8);
    // Neither compressed nor with a checksum.
    pointer.writeBigUInt64LE(kept | (2n << 40n) | (2n << 32n) | ((sectors - 1n) << 16n) | (sectors - 1n), 48);
  }

  /** Changes data block `number` of the object that `dnode` describes. */
  #editData(dnode: Buffer, number: number, change: (block: Buffer) => void): void {
    const shift = dnode.readUInt8(1) - 7;
    const step = (pointers: Buffer, level: number): void => {
      const index = Math.floor(number / 2 ** (shift * (level - 1)));
      const within = level === dnode.readUInt8(2) ? index : index % 2 ** shift;
      const pointer = pointers.subarray(within * POINTER, (within + 1) * POINTER);
      const block = this.#read(pointer);
      if (level > 1) step(block, level - 1);
      else change(block);
      this.#write(pointer, block);
    };
    step(dnode.subarray(64), dnode.readUInt8(2));
  }

  /** Changes the dnode of an object of the meta object set. */
  editObject(number: number, change: (dnode: Buffer) => void): void {
    const uberblock = this.#bytes(PARTITION + this.#uberblock, UBERBLOCK);
    const root = uberblock.subarray(ROOT, ROOT + POINTER);
    const set = this.#read(root);
    const size = set.readUInt16LE(8) * 512;
    this.#editData(set, Math.floor((number * DNODE) / size), (block) => {
      const at = (number * DNODE) % size;
      change(block.subarray(at, at + DNODE));
    });
    this.#write(root, set);
    sealBlock(uberblock, this.#uberblock);
    this.disk.write(PARTITION + this.#uberblock, uberblock);
  }

  /** Changes a data block of an object. */
  editBlock(object: number, number: number, change: (block: Buffer) => void): void {
    this.editObject(object, (dnode) => this.#editData(dnode, number, change));
  }

  /** The number that a large ZAP of the meta object set has for a name; 0 for none. */
  lookUp(object: number, name: string): number {
    let value = 0;
    let last = 0;
    this.editObject(object, (dnode) => {
      last = Number(dnode.readBigUInt64LE(16));
    });
    for (let number = 1; number <= last; number++) {
      this.editBlock(object, number, (leaf) => {
        value ||= valueIn(leaf, name);
      });
    }
    return value;
  }

  /** Changes the packed configuration of the pool. */
  editConfig(change: (packed: Buffer) => void): void {
    this.editBlock(this.lookUp(1, "config"), 0, change);
  }
}

/** Places of the numbers called `name` in a packed list of names and values. */
export function numbersIn(packed: Buffer, name: string): number[] {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(name.length);
  const padded = Buffer.alloc((name.length + 3) & ~3);
  padded.write(name, "latin1");
  const pair = Buffer.concat([length, padded, Buffer.from("0000000800000001", "hex")]);
  const places: number[] = [];
  for (let at = packed.indexOf(pair); at >= 0; at = packed.indexOf(pair, at + 1)) places.push(at + pair.length);
  return places;
}

/** Bytes of the partition that begins at PARTITION, by the disk's GPT. */
function partitionSize(disk: SparseDisk): number {
  const entries = Buffer.alloc(16384);
  disk.read(1024, entries);
  for (let at = 0; at < entries.length; at += 128) {
    const first = Number(entries.readBigUInt64LE(at + 32)) * 512;
    if (first === PARTITION) return (Number(entries.readBigUInt64LE(at + 40)) + 1) * 512 - first;
  }
  throw new Error("no partition");
}

/** Changes the configuration in all labels of a disk. */
export function editLabels(disk: SparseDisk, change: (packed: Buffer) => void): void {
  const size = partitionSize(disk);
  const end = size - (size % LABEL);
  for (const label of [0, LABEL, end - 2 * LABEL, end - LABEL]) {
    const block = Buffer.alloc(CONFIG_SIZE);
    disk.read(PARTITION + label + CONFIG, block);
    change(block);
    sealBlock(block, label + CONFIG);
    disk.write(PARTITION + label + CONFIG, block);
  }
}
