// Pools of a real OpenZFS with fields changed: finds its way from the uberblock to any block (OpenZFS's spa.h, dmu.h,
// dnode.h, zap_impl.h) and writes it anew in free space, with all that points to it, so that every checksum is right.
// One disk, lz4 or no compression.

import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { recordings } from "./guests.js";

/** Where the partition is on the disks of the collection, and its size. */
const PARTITION_AT = 1 << 20;
const PARTITION_SIZE = 100 << 20;
const LABEL_SIZE = 262_144;
const LABELS = [0, LABEL_SIZE, PARTITION_SIZE - 2 * LABEL_SIZE, PARTITION_SIZE - LABEL_SIZE];
const DATA_AT = PARTITION_AT + (4 << 20);
const BOOT_BLOCK_AT = 8192;
const BOOT_BLOCK_SIZE = 8192;
const CONFIG_AT = 16_384;
const CONFIG_SIZE = 114_688;
const RING_AT = 131_072;
const UBERBLOCK_MAGIC = 0x00bab10cn;
const TAIL_MAGIC = 0x0210da7ab10c7a11n;
const TAIL_SIZE = 40;
/** Blocks that are written anew go from here on, where small pools have nothing. */
const SPARE_AT = 72 << 20;

const BP_SIZE = 128;
const DNODE_SIZE = 512;
const COMPRESS_OFF = 2n;
const COMPRESS_LZ4 = 15n;
const CHECKSUM_SHA256 = 8n;

/** The directory of the larger collection of pools; undefined on machines that don't have it. */
export const collection =
  recordings !== undefined && existsSync(join(recordings, "..", "pools")) ? join(recordings, "..", "pools") : undefined;

/** A disk of a pool of the collection; something without it, which nothing then uses. */
export function collected(pool: string, disk = 0): Buffer {
  if (collection === undefined) return Buffer.alloc(1);
  return gunzipSync(readFileSync(join(collection, `${pool}-${disk}.img.gz`)));
}

/** A block: what its pointer is in, and where there. The block without one is the uberblock. */
export interface BlockPlace {
  parent: BlockPlace | undefined;
  at: number;
}

/** A dnode: the block that it is in, where there, and which object it is. */
export interface DnodePlace {
  block: BlockPlace;
  at: number;
}

/** The pool on a disk, which is changed in place. */
export class ZfsPool {
  #spare = SPARE_AT;
  readonly #first: Buffer;
  /** What was read since something was written. */
  #known = new WeakMap<BlockPlace, Buffer>();

  constructor(
    readonly disk: Buffer,
    /** Bytes of an uberblock. */
    readonly step = 1024,
  ) {
    this.#first = this.read(undefined);
  }

  /** Takes back all that was written since the pool was opened, but for the labels' other parts. */
  restore(): void {
    this.write(undefined, this.#first);
    this.#spare = SPARE_AT;
  }

  /** The uberblocks of the first label, newest first: offsets in the ring. */
  uberblocks(): { at: number; txg: bigint }[] {
    const found = new Map<bigint, number>();
    for (let at = 0; at < LABEL_SIZE - RING_AT; at += this.step) {
      const place = PARTITION_AT + RING_AT + at;
      if (this.disk.readBigUInt64LE(place) === UBERBLOCK_MAGIC) found.set(this.disk.readBigUInt64LE(place + 16), at);
    }
    return [...found].map(([txg, at]) => ({ at, txg })).sort((a, b) => (a.txg > b.txg ? -1 : 1));
  }

  /** The meta object set's block, by the newest uberblock. */
  readonly mos: BlockPlace = { parent: undefined, at: 40 };

  /** The content of a block; the newest uberblock without a place. */
  read(place: BlockPlace | undefined): Buffer {
    if (place === undefined) return this.#load(place);
    const known = this.#known.get(place) ?? this.#load(place);
    this.#known.set(place, known);
    return Buffer.from(known);
  }

  #load(place: BlockPlace | undefined): Buffer {
    if (place === undefined) {
      const at = PARTITION_AT + RING_AT + (this.uberblocks()[0]?.at ?? 0);
      return Buffer.from(this.disk.subarray(at, at + this.step));
    }
    const bp = this.read(place.parent).subarray(place.at, place.at + BP_SIZE);
    const properties = bp.readBigUInt64LE(48);
    const compression = (properties >> 32n) & 0x7fn;
    if ((properties >> 39n) & 1n) {
      const words = [0, 1, 2, 3, 4, 5, 7, 8, 9, 11, 12, 13, 14, 15].map((word) => bp.subarray(word * 8, word * 8 + 8));
      const size = Number(properties & 0x1ffffffn) + 1;
      return unpacked(Buffer.concat(words).subarray(0, Number((properties >> 25n) & 0x7fn) + 1), size, compression);
    }
    const physical = (Number((properties >> 16n) & 0xffffn) + 1) * 512;
    const at = DATA_AT + Number(bp.readBigUInt64LE(8)) * 512;
    return unpacked(this.disk.subarray(at, at + physical), (Number(properties & 0xffffn) + 1) * 512, compression);
  }

  /** Writes a block anew, and all that lead to it. */
  write(place: BlockPlace | undefined, data: Buffer): void {
    const parent = place && this.read(place.parent);
    this.#known = new WeakMap();
    if (place === undefined || parent === undefined) {
      const { at } = this.uberblocks()[0] ?? { at: 0 };
      for (const label of LABELS) {
        data.copy(this.disk, PARTITION_AT + label + RING_AT + at);
        this.seal(label + RING_AT + at, this.step);
      }
      return;
    }
    const bp = parent.subarray(place.at, place.at + BP_SIZE);
    const sectors = BigInt(data.length / 512 - 1);
    const kept = bp.readBigUInt64LE(48) & 0x1fff000000000000n;
    const birth = bp.readBigUInt64LE(80);
    bp.fill(0, 0, 80);
    data.copy(this.disk, this.#spare);
    bp.writeBigUInt64LE(BigInt((data.length + 4095) & ~4095) >> 9n, 0);
    bp.writeBigUInt64LE(BigInt((this.#spare - DATA_AT) / 512), 8);
    const order = 1n << 63n;
    bp.writeBigUInt64LE(
      order | kept | (CHECKSUM_SHA256 << 40n) | (COMPRESS_OFF << 32n) | (sectors << 16n) | sectors,
      48,
    );
    bp.writeBigUInt64LE(birth, 80);
    bp.writeBigUInt64LE(1n, 88);
    bp.set(createHash("sha256").update(data).digest().swap64(), 96);
    this.#spare += (data.length + 4095) & ~4095;
    if (this.#spare > PARTITION_AT + (LABELS[2] ?? 0)) throw new Error("no room for more blocks");
    this.write(place.parent, parent);
  }

  /** Changes the content of a block. */
  edit(place: BlockPlace | undefined, change: (data: Buffer) => void): void {
    const data = this.read(place);
    change(data);
    this.write(place, data);
  }

  /** Makes the first block of a file one that is in parts, of which the first is the block itself, again and again. */
  gangOf(file: DnodePlace): void {
    const header = Buffer.alloc(512);
    const offset = (this.#spare - DATA_AT) / 512;
    const pointer = Buffer.from(this.dnode(file).subarray(64, 64 + BP_SIZE));
    pointer.fill(0, 0, 48);
    pointer.writeBigUInt64LE(8n, 0);
    pointer.writeBigUInt64LE(BigInt(offset) | (1n << 63n), 8);
    pointer.copy(header);
    const birth = pointer.readBigUInt64LE(72) || pointer.readBigUInt64LE(80);
    tail(header, [0n, BigInt(offset) * 512n, birth]);
    header.copy(this.disk, this.#spare);
    this.#spare += 4096;
    this.editDnode(file, (dnode) => pointer.copy(dnode, 64));
  }

  /** Makes the checksum right that a part of the labels has at its end. */
  seal(offset: number, size: number): void {
    tail(this.disk.subarray(PARTITION_AT + offset, PARTITION_AT + offset + size), [BigInt(offset)]);
  }

  /** Changes the configuration in all labels, or the boot block. */
  editLabels(part: "config" | "boot block", change: (data: Buffer) => void): void {
    const [at, size] = part === "config" ? [CONFIG_AT, CONFIG_SIZE] : [BOOT_BLOCK_AT, BOOT_BLOCK_SIZE];
    for (const label of LABELS) {
      change(this.disk.subarray(PARTITION_AT + label + at, PARTITION_AT + label + at + size - TAIL_SIZE));
      this.seal(label + at, size);
    }
  }

  /** Object `number` of the object set whose block is at `set`. */
  object(set: BlockPlace, number: number | bigint): DnodePlace {
    const meta = { block: set, at: 0 };
    const at = Number(number) * DNODE_SIZE;
    const size = this.blockSize(meta);
    return { block: this.block(meta, Math.floor(at / size)), at: at % size };
  }

  dnode({ block, at }: DnodePlace): Buffer {
    const data = this.read(block);
    const slots = 1 + (data[at + 12] ?? 0);
    return data.subarray(at, at + slots * DNODE_SIZE);
  }

  editDnode({ block, at }: DnodePlace, change: (dnode: Buffer) => void): void {
    this.edit(block, (data) => change(data.subarray(at, at + DNODE_SIZE * (1 + (data[at + 12] ?? 0)))));
  }

  blockSize(place: DnodePlace): number {
    return this.dnode(place).readUInt16LE(8) * 512;
  }

  /** Block `number` of an object. */
  block(place: DnodePlace, number: number): BlockPlace {
    const dnode = this.dnode(place);
    const shift = (dnode[1] ?? 0) - 7;
    let level = (dnode[2] ?? 1) - 1;
    let pointer: BlockPlace = { parent: place.block, at: place.at + 64 + (number >> (level * shift)) * BP_SIZE };
    for (; level > 0; level--) {
      const index = (number >> ((level - 1) * shift)) & ((1 << shift) - 1);
      pointer = { parent: pointer, at: index * BP_SIZE };
    }
    return pointer;
  }

  /** Where the bonus buffer of a dnode begins in it. */
  bonusAt(place: DnodePlace): number {
    return 64 + (this.dnode(place)[3] ?? 0) * BP_SIZE;
  }

  /** A number in the bonus buffer. */
  bonus(place: DnodePlace, at: number): bigint {
    return this.dnode(place).readBigUInt64LE(this.bonusAt(place) + at);
  }

  setBonus(place: DnodePlace, at: number, value: bigint): void {
    const start = this.bonusAt(place) + at;
    this.editDnode(place, (dnode) => dnode.writeBigUInt64LE(value, start));
  }

  /** The entries of a ZAP, its first numbers. */
  zap(place: DnodePlace): Map<string, bigint> {
    const result = new Map<string, bigint>();
    const first = this.read(this.block(place, 0));
    if (first.readBigUInt64LE(0) === 0x8000000000000003n) {
      for (let at = 64; at < first.length; at += 64) {
        const name = text(first.subarray(at + 14, at + 64));
        if (name.length > 0) result.set(name, first.readBigUInt64LE(at));
      }
      return result;
    }
    const last = Number(this.dnode(place).readBigUInt64LE(16));
    for (let i = 1; i <= last; i++) readLeaf(this.read(this.block(place, i)), result);
    return result;
  }

  /** What the directory of the pool has under this name, as an object. */
  entry(name: string): DnodePlace {
    return this.object(this.mos, this.zap(this.object(this.mos, 1)).get(name) ?? 0n);
  }

  /** The directory, and the data set, with this name; the pool's own without one. */
  dataset(name = ""): { directory: DnodePlace; set: DnodePlace; objects: BlockPlace } {
    let directory = this.entry("root_dataset");
    for (const part of name.split("/").filter((piece) => piece.length > 0)) {
      const children = this.object(this.mos, this.bonus(directory, 32));
      directory = this.object(this.mos, this.zap(children).get(part) ?? 0n);
    }
    const set = this.object(this.mos, this.bonus(directory, 8));
    return { directory, set, objects: { parent: set.block, at: set.at + this.bonusAt(set) + 128 } };
  }

  /** Makes a file of a data set, which has its attributes in the usual order, `size` bytes long. */
  resize(file: DnodePlace, size: bigint): void {
    this.setBonus(file, 16, size);
  }

  /** The file of a data set. */
  file(objects: BlockPlace, path: string): DnodePlace {
    let number = this.zap(this.object(objects, 1)).get("ROOT") ?? 0n;
    for (const part of path.split("/").filter((piece) => piece.length > 0)) {
      number = (this.zap(this.object(objects, number)).get(part) ?? 0n) & 0xffffffffffffn;
    }
    return this.object(objects, number);
  }
}

/** Gives a part its own checksum, which begins from these numbers. */
function tail(part: Buffer, seed: readonly bigint[]): void {
  const end = part.subarray(part.length - TAIL_SIZE);
  end.fill(0);
  end.writeBigUInt64LE(TAIL_MAGIC);
  for (const [i, value] of seed.entries()) end.writeBigUInt64LE(value, 8 + i * 8);
  end.set(createHash("sha256").update(part).digest().swap64(), 8);
}

const text = (bytes: Buffer): string => bytes.toString("latin1").replace(/\0.*/s, "");

function readLeaf(leaf: Buffer, entries: Map<string, bigint>): void {
  if (leaf.readBigUInt64LE(0) !== 0x8000000000000000n || leaf.readUInt32LE(24) !== 0x2ab1eaf) return;
  const chunks = 48 + leaf.length / 16;
  const chained = (first: number, size: number): Buffer => {
    const parts: Buffer[] = [];
    for (let chunk = first, left = size; left > 0; left -= 21) {
      const at = chunks + chunk * 24;
      parts.push(leaf.subarray(at + 1, at + 1 + Math.min(left, 21)));
      chunk = leaf.readUInt16LE(at + 22);
    }
    return Buffer.concat(parts);
  };
  for (let at = chunks; at + 24 <= leaf.length; at += 24) {
    if (leaf[at] !== 252) continue;
    const name = text(chained(leaf.readUInt16LE(at + 4), leaf.readUInt16LE(at + 6)));
    const size = leaf[at + 1] ?? 8;
    entries.set(name, BigInt(`0x${chained(leaf.readUInt16LE(at + 8), size).toString("hex")}`));
  }
}

function unpacked(src: Buffer, size: number, compression: bigint): Buffer {
  if (compression === COMPRESS_LZ4) return lz4(src.subarray(4, 4 + src.readUInt32BE(0)), size);
  if (compression !== COMPRESS_OFF) throw new Error(`compression ${compression} of a block that is to be read`);
  const data = Buffer.alloc(size);
  src.copy(data);
  return data;
}

function lz4(src: Buffer, size: number): Buffer {
  const dst = Buffer.alloc(size);
  let from = 0;
  let to = 0;
  const length = (nibble: number): number => {
    let total = nibble;
    if (nibble === 15) {
      let more: number;
      do {
        more = src[from++] ?? 0;
        total += more;
      } while (more === 255);
    }
    return total;
  };
  while (from < src.length) {
    const token = src[from++] ?? 0;
    const literals = length(token >> 4);
    src.copy(dst, to, from, from + literals);
    from += literals;
    to += literals;
    if (from >= src.length) break;
    const distance = src.readUInt16LE(from);
    from += 2;
    for (let left = length(token & 15) + 4; left > 0; left--) dst[to] = dst[to++ - distance] ?? 0;
  }
  return dst;
}

/** A boot block of texts, with FreeBSD's variables. */
export function bootBlock(texts: Record<string, string>, variables: Record<string, string>): Buffer {
  const pairs = (values: Record<string, string>) =>
    Object.entries(values).map(([name, value]) => pair(name, 9, xdrText(value)));
  const list = packedList([
    pair("version", 8, Buffer.from("0000000000000001", "hex")),
    ...pairs(texts),
    pair("freebsd:nvstore", 19, packedList(pairs(variables))),
  ]);
  return Buffer.concat([Buffer.from("0000000000000001", "hex"), Buffer.from([1, 1, 0, 0]), list]);
}

const word = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const xdrText = (value: string): Buffer =>
  Buffer.concat([word(value.length), Buffer.from(value.padEnd((value.length + 3) & ~3, "\0"), "latin1")]);
const packedList = (pairs: readonly Buffer[]): Buffer => Buffer.concat([word(0), word(1), ...pairs, word(0), word(0)]);

function pair(name: string, type: number, value: Buffer): Buffer {
  const body = Buffer.concat([xdrText(name), word(type), word(1), value]);
  return Buffer.concat([word(body.length + 8), word(body.length + 16), body]);
}
