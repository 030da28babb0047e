// Pools of a real OpenZFS with fields changed: finds its way from the uberblock to any block (OpenZFS's spa.h, dmu.h,
// dnode.h, zap_impl.h) and writes it anew in free space, with all that points to it, so that every checksum is right.
// For pools whose metadata is on one disk, or a mirror of which that is one; lz4 or no compression.

import { createHash } from "node:crypto";
import type { SparseDisk } from "./sparse_disk.js";

/** Where the partition with the pool begins. */
const PARTITION_AT = 1 << 20;
const LABEL_SIZE = 262_144;
/** Where in the partition the addresses of blocks count from. */
const DATA_AT = 4 << 20;
/** Bytes before the last labels that stay as they are. */
const END_SIZE = 2 << 20;
const RING_AT = 131_072;
const UBERBLOCK_MAGIC = 0x00bab10cn;
const TAIL_MAGIC = 0x0210da7ab10c7a11n;
const TAIL_SIZE = 40;

const BP_SIZE = 128;
const DNODE_SIZE = 512;
const COMPRESS_OFF = 2n;
const COMPRESS_LZ4 = 15n;
const CHECKSUM_SHA256 = 8n;

/** Parts of a label: where in it, and how long. */
const PARTS = { config: [16_384, 114_688], "boot block": [8192, 8192] } as const;

/** Bytes of the partition, by the disk's GPT. */
function partitionSize(disk: SparseDisk): number {
  const entries = bytesAt(disk, 1024, 16_384);
  for (let at = 0; at < entries.length; at += 128) {
    const first = Number(entries.readBigUInt64LE(at + 32)) * 512;
    if (first === PARTITION_AT) return (Number(entries.readBigUInt64LE(at + 40)) + 1) * 512 - first;
  }
  throw new Error("no partition");
}

/** Where the labels of a disk are in the partition. */
export function labelsOf(disk: SparseDisk): number[] {
  const size = partitionSize(disk);
  const end = size - (size % LABEL_SIZE);
  return [0, LABEL_SIZE, end - 2 * LABEL_SIZE, end - LABEL_SIZE];
}

function bytesAt(disk: SparseDisk, at: number, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  disk.read(at, bytes);
  return bytes;
}

/** Gives a block at `offset` of the partition its own checksum. */
export function sealBlock(block: Buffer, offset: number): void {
  seal(block, [BigInt(offset)]);
}

/** Whether a block ends with a checksum, right or wrong. */
export function isSealed(block: Buffer): boolean {
  return block.length >= TAIL_SIZE && block.readBigUInt64LE(block.length - TAIL_SIZE) === TAIL_MAGIC;
}

/** The same for one whose checksum begins from these numbers. */
function seal(block: Buffer, seed: readonly bigint[]): void {
  const end = block.subarray(block.length - TAIL_SIZE);
  end.fill(0);
  end.writeBigUInt64LE(TAIL_MAGIC);
  for (const [i, value] of seed.entries()) end.writeBigUInt64LE(value, 8 + i * 8);
  end.set(createHash("sha256").update(block).digest().swap64(), 8);
}

/** Changes a part of all labels of a disk. */
export function editLabels(disk: SparseDisk, part: keyof typeof PARTS, change: (data: Buffer) => void): void {
  const [at, size] = PARTS[part];
  for (const label of labelsOf(disk)) {
    const block = bytesAt(disk, PARTITION_AT + label + at, size);
    change(block.subarray(0, size - TAIL_SIZE));
    sealBlock(block, label + at);
    disk.write(PARTITION_AT + label + at, block);
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
  readonly #labels: number[];
  readonly #first: Buffer;
  /** Blocks that are written anew end here, where small pools have nothing. */
  #spare: number;
  /** What was read since something was written. */
  #known = new WeakMap<BlockPlace, Buffer>();

  constructor(
    readonly disk: SparseDisk,
    /** Number of the top-level vdev that the disk is, or is in. */
    readonly vdev = 0,
    /** Bytes of an uberblock. */
    readonly step = 1024,
  ) {
    this.#labels = labelsOf(disk);
    this.#spare = this.#end();
    this.#first = this.read(undefined);
  }

  #end(): number {
    return (this.#labels[2] ?? 0) - END_SIZE;
  }

  /** Takes back all that was written since the pool was opened, but for the labels' other parts. */
  restore(): void {
    this.write(undefined, this.#first);
    this.#spare = this.#end();
  }

  /** The uberblocks of the first label, newest first: offsets in the ring. */
  uberblocks(): { at: number; txg: bigint }[] {
    const found = new Map<bigint, number>();
    const ring = bytesAt(this.disk, PARTITION_AT + RING_AT, LABEL_SIZE - RING_AT);
    for (let at = 0; at < ring.length; at += this.step) {
      if (ring.readBigUInt64LE(at) === UBERBLOCK_MAGIC) found.set(ring.readBigUInt64LE(at + 16), at);
    }
    return [...found].map(([txg, at]) => ({ at, txg })).sort((a, b) => (a.txg > b.txg ? -1 : 1));
  }

  /** The uberblock at an offset in the ring. */
  uberblock(at: number): Buffer {
    return bytesAt(this.disk, PARTITION_AT + RING_AT + at, this.step);
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
    if (place === undefined) return this.uberblock(this.uberblocks()[0]?.at ?? 0);
    const bp = this.read(place.parent).subarray(place.at, place.at + BP_SIZE);
    const properties = bp.readBigUInt64LE(48);
    const compression = (properties >> 32n) & 0x7fn;
    if ((properties >> 39n) & 1n) {
      const words = [0, 1, 2, 3, 4, 5, 7, 8, 9, 11, 12, 13, 14, 15].map((word) => bp.subarray(word * 8, word * 8 + 8));
      const size = Number(properties & 0x1ffffffn) + 1;
      return unpacked(Buffer.concat(words).subarray(0, Number((properties >> 25n) & 0x7fn) + 1), size, compression);
    }
    const physical = (Number((properties >> 16n) & 0xffffn) + 1) * 512;
    const copy = [0, 16, 32].find((at) => Number(bp.readBigUInt64LE(at) >> 32n) === this.vdev);
    if (copy === undefined) throw new Error(`a block without a copy on vdev ${this.vdev}`);
    const at = PARTITION_AT + DATA_AT + Number(bp.readBigUInt64LE(copy + 8) & ((1n << 63n) - 1n)) * 512;
    return unpacked(bytesAt(this.disk, at, physical), (Number(properties & 0xffffn) + 1) * 512, compression);
  }

  /** Writes bytes where nothing is; their sector, as addresses of blocks count. */
  place(data: Buffer): bigint {
    this.#spare -= (data.length + 4095) & ~4095;
    this.disk.write(PARTITION_AT + this.#spare, data);
    return BigInt((this.#spare - DATA_AT) / 512);
  }

  /** Writes a block anew, and all that lead to it. */
  write(place: BlockPlace | undefined, data: Buffer): void {
    const parent = place && this.read(place.parent);
    this.#known = new WeakMap();
    if (place === undefined || parent === undefined) {
      const { at } = this.uberblocks()[0] ?? { at: 0 };
      for (const label of this.#labels) {
        sealBlock(data, label + RING_AT + at);
        this.disk.write(PARTITION_AT + label + RING_AT + at, data);
      }
      return;
    }
    const bp = parent.subarray(place.at, place.at + BP_SIZE);
    const sectors = BigInt(data.length / 512 - 1);
    const kept = bp.readBigUInt64LE(48) & 0x1fff000000000000n;
    const birth = bp.readBigUInt64LE(80);
    bp.fill(0, 0, 80);
    bp.writeBigUInt64LE((BigInt(this.vdev) << 32n) | (BigInt((data.length + 4095) & ~4095) >> 9n), 0);
    bp.writeBigUInt64LE(this.place(data), 8);
    const order = 1n << 63n;
    bp.writeBigUInt64LE(
      order | kept | (CHECKSUM_SHA256 << 40n) | (COMPRESS_OFF << 32n) | (sectors << 16n) | sectors,
      48,
    );
    bp.writeBigUInt64LE(birth, 80);
    bp.writeBigUInt64LE(1n, 88);
    bp.set(createHash("sha256").update(data).digest().swap64(), 96);
    this.write(place.parent, parent);
  }

  /** Changes the content of a block. */
  edit(place: BlockPlace | undefined, change: (data: Buffer) => void): void {
    const data = this.read(place);
    change(data);
    this.write(place, data);
  }

  /** Makes the first block of a file one that is in parts: the block itself, again and again, or others. */
  gangOf(file: DnodePlace, parts = (whole: Buffer) => [whole]): void {
    const header = Buffer.alloc(512);
    const sector = this.place(header);
    const pointer = Buffer.from(this.dnode(file).subarray(64, 64 + BP_SIZE));
    pointer.fill(0, 0, 48);
    pointer.writeBigUInt64LE((BigInt(this.vdev) << 32n) | 8n, 0);
    pointer.writeBigUInt64LE(sector | (1n << 63n), 8);
    for (const [i, part] of parts(pointer).entries()) part.copy(header, i * BP_SIZE);
    const birth = pointer.readBigUInt64LE(72) || pointer.readBigUInt64LE(80);
    seal(header, [BigInt(this.vdev), sector * 512n, birth]);
    this.disk.write(PARTITION_AT + DATA_AT + Number(sector) * 512, header);
    this.editDnode(file, (dnode) => pointer.copy(dnode, 64));
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

  /** Replaces the pool's own configuration. */
  configure(vdevs: readonly List[]): void {
    const config = this.entry("config");
    const bytes = packed({ vdev_tree: { type: "root", children: [...vdevs] } });
    const block = Buffer.alloc((bytes.length + 4095) & ~4095);
    bytes.copy(block);
    this.editDnode(config, (dnode) => dnode.writeUInt16LE(block.length / 512, 8));
    this.setBonus(config, 0, BigInt(bytes.length));
    this.write(this.block(config, 0), block);
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

/** What a list of names and values may have: a text, a number, numbers, a mark, a list, an array of lists. */
type Value = string | bigint | bigint[] | true | List | List[];
/** A list of names and values. */
export interface List {
  [name: string]: Value;
}

/** A boot block of texts, with FreeBSD's variables. */
export function bootBlock(texts: Record<string, string>, variables: List): Buffer {
  return Buffer.concat([number(1n), packed({ version: 1n, ...texts, "freebsd:nvstore": variables })]);
}

/** A list as pools pack theirs, in XDR. */
export function packed(list: List): Buffer {
  return Buffer.concat([Buffer.from([1, 1, 0, 0]), packedList(list)]);
}

function packedList(list: List): Buffer {
  return Buffer.concat([
    word(0),
    word(1),
    ...Object.entries(list).map(([name, value]) => pair(name, value)),
    word(0),
    word(0),
  ]);
}

function pair(name: string, value: Value): Buffer {
  const [type, count, bytes] = packedValue(value);
  const body = Buffer.concat([xdrText(name), word(type), word(count), bytes]);
  return Buffer.concat([word(body.length + 8), word(body.length + 16), body]);
}

/** Type, number and bytes of a value. */
function packedValue(value: Value): [number, number, Buffer] {
  if (value === true) return [1, 0, Buffer.alloc(0)];
  if (typeof value === "bigint") return [8, 1, number(value)];
  if (typeof value === "string") return [9, 1, xdrText(value)];
  if (!Array.isArray(value)) return [19, 1, packedList(value)];
  const numbers = value.filter((item) => typeof item === "bigint");
  if (numbers.length > 0) return [16, numbers.length, Buffer.concat([word(numbers.length), ...numbers.map(number)])];
  const lists = value.filter((item) => typeof item !== "bigint");
  return [20, lists.length, Buffer.concat(lists.map(packedList))];
}

const word = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const number = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
};
const xdrText = (value: string): Buffer =>
  Buffer.concat([word(value.length), Buffer.from(value.padEnd((value.length + 3) & ~3, "\0"), "latin1")]);
