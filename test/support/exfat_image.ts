// Puts files on an empty exFAT volume that mkfs.exfat made: clusters from the allocation bitmap, chained by the table or
// following each other, sets of entries with checksums and hashes of names. `fsck.exfat` has nothing to say about it.

import type { Tree } from "./trees.js";

const ENTRY = 32;
const DIRECTORY = 0x10;
const CHAIN_END = 0xffffffff;

export interface ExfatOptions {
  /** Chains the clusters of every file by the table, with a gap after each; else they follow each other. */
  scattered?: boolean;
  /** Bytes of files that are allocated behind what was written. */
  unwritten?: number;
}

interface Directory {
  cluster: number;
  entries: Buffer[];
}

export class ExfatImage {
  readonly #image: Buffer;
  readonly #options: ExfatOptions;
  readonly sectorSize: number;
  readonly clusterSize: number;
  readonly table: number;
  readonly heap: number;
  readonly root: number;
  readonly #bitmap: number;
  readonly #upcase: number[] = [];
  readonly #directories = new Map<string, Directory>();
  #next = 2;

  constructor(image: Buffer, options: ExfatOptions = {}) {
    this.#image = image;
    this.#options = options;
    this.sectorSize = 1 << image.readUInt8(108);
    this.clusterSize = this.sectorSize << image.readUInt8(109);
    this.table = image.readUInt32LE(80) * this.sectorSize;
    this.heap = image.readUInt32LE(88) * this.sectorSize;
    this.root = image.readUInt32LE(96);
    const entries = Array.from({ length: 8 }, (_, i) =>
      image.subarray(this.offset(this.root) + i * ENTRY).subarray(0, ENTRY),
    );
    const bitmap = entries.find((entry) => entry[0] === 0x81);
    const upcase = entries.find((entry) => entry[0] === 0x82);
    if (bitmap === undefined || upcase === undefined) throw new Error("not an empty exFAT volume");
    this.#bitmap = this.offset(bitmap.readUInt32LE(20));
    this.#readUpcase(image.subarray(this.offset(upcase.readUInt32LE(20))), Number(upcase.readBigUInt64LE(24)));
    this.#directories.set("", {
      cluster: this.root,
      entries: entries.filter((entry) => entry[0] !== 0).map((e) => Buffer.from(e)),
    });
  }

  offset(cluster: number): number {
    return this.heap + (cluster - 2) * this.clusterSize;
  }

  #readUpcase(packed: Buffer, size: number): void {
    for (let at = 0; at < size; at += 2) {
      const value = packed.readUInt16LE(at);
      if (value === 0xffff) {
        at += 2;
        for (let same = packed.readUInt16LE(at); same > 0; same--) this.#upcase.push(this.#upcase.length);
      } else {
        this.#upcase.push(value);
      }
    }
  }

  /** Takes `count` clusters. */
  #take(count: number, scattered: boolean): number[] {
    const clusters: number[] = [];
    while (clusters.length < count) {
      const index = this.#next++ - 2;
      const at = this.#bitmap + (index >> 3);
      const byte = this.#image.readUInt8(at);
      if (byte & (1 << (index & 7))) continue;
      // Every fourth one stays free.
      if (scattered && index % 4 === 0) continue;
      this.#image.writeUInt8(byte | (1 << (index & 7)), at);
      clusters.push(index + 2);
    }
    return clusters;
  }

  /** Writes `bytes` to clusters of their own: the first one, and whether they follow each other. */
  #store(bytes: Buffer, scattered: boolean): { cluster: number; contiguous: boolean } {
    if (bytes.length === 0) return { cluster: 0, contiguous: false };
    const clusters = this.#take(Math.ceil(bytes.length / this.clusterSize), scattered);
    clusters.forEach((cluster, i) => {
      bytes.copy(this.#image, this.offset(cluster), i * this.clusterSize, (i + 1) * this.clusterSize);
      if (scattered) this.#image.writeUInt32LE(clusters[i + 1] ?? CHAIN_END, this.table + 4 * cluster);
    });
    return { cluster: clusters[0] ?? 0, contiguous: !scattered };
  }

  #directory(path: string): Directory {
    const known = this.#directories.get(path);
    if (known !== undefined) return known;
    const made = { cluster: 0, entries: [] };
    this.#directories.set(path, made);
    return made;
  }

  add(tree: Tree): this {
    for (const [path, content] of tree) {
      if (!Buffer.isBuffer(content)) throw new Error("exFAT has no links");
      const names = path.slice(1).split("/");
      for (const i of names.keys()) this.#directory(["", ...names.slice(0, i)].join("/"));
      const unwritten = Buffer.alloc(content.length > 0 ? (this.#options.unwritten ?? 0) : 0, 0xee);
      const stored = this.#store(Buffer.concat([content, unwritten]), this.#options.scattered ?? false);
      const parent = this.#directory(["", ...names.slice(0, -1)].join("/"));
      parent.entries.push(
        this.#set(names.at(-1) ?? "", 0x20, stored, content.length, content.length + unwritten.length),
      );
    }
    // The deepest first, as their parents hold where they are.
    const paths = [...this.#directories.keys()].sort((a, b) => b.split("/").length - a.split("/").length);
    for (const path of paths) {
      const entries = Buffer.concat(this.#directory(path).entries);
      if (path === "") {
        this.#storeRoot(entries);
        continue;
      }
      const whole = Buffer.alloc(Math.ceil(Math.max(entries.length, 1) / this.clusterSize) * this.clusterSize);
      entries.copy(whole);
      const stored = this.#store(whole, this.#options.scattered ?? false);
      const at = path.lastIndexOf("/");
      this.#directory(path.slice(0, at)).entries.push(
        this.#set(path.slice(at + 1), DIRECTORY, stored, whole.length, whole.length),
      );
    }
    return this;
  }

  /** The root directory stays where it is, and goes on elsewhere. */
  #storeRoot(entries: Buffer): void {
    entries.copy(this.#image, this.offset(this.root), 0, this.clusterSize);
    const more = Math.max(Math.ceil(entries.length / this.clusterSize) - 1, 0);
    let last = this.root;
    for (const [i, cluster] of this.#take(more, true).entries()) {
      this.#image.fill(0, this.offset(cluster), this.offset(cluster) + this.clusterSize);
      entries.copy(this.#image, this.offset(cluster), (i + 1) * this.clusterSize, (i + 2) * this.clusterSize);
      this.#image.writeUInt32LE(cluster, this.table + 4 * last);
      last = cluster;
    }
    this.#image.writeUInt32LE(CHAIN_END, this.table + 4 * last);
  }

  /** A file's or directory's set of entries. */
  #set(
    name: string,
    attributes: number,
    { cluster, contiguous }: { cluster: number; contiguous: boolean },
    valid: number,
    size: number,
  ): Buffer {
    const parts = Math.ceil(name.length / 15);
    const set = Buffer.alloc((2 + parts) * ENTRY);
    set[0] = 0x85;
    set[1] = 1 + parts;
    set.writeUInt16LE(attributes, 4);
    for (const at of [8, 12, 16]) set.writeUInt32LE(0x58210000, at);
    set[ENTRY] = 0xc0;
    set[ENTRY + 1] = cluster === 0 ? 0 : contiguous ? 3 : 1;
    set[ENTRY + 3] = name.length;
    let hash = 0;
    for (let i = 0; i < name.length; i++) {
      const character = this.#upcase[name.charCodeAt(i)] ?? name.charCodeAt(i);
      for (const byte of [character & 0xff, character >> 8])
        hash = ((((hash & 1) << 15) | (hash >> 1)) + byte) & 0xffff;
      set.writeUInt16LE(name.charCodeAt(i), (2 + Math.floor(i / 15)) * ENTRY + 2 + 2 * (i % 15));
    }
    for (let i = 0; i < parts; i++) set[(2 + i) * ENTRY] = 0xc1;
    set.writeUInt16LE(hash, ENTRY + 4);
    set.writeBigUInt64LE(BigInt(valid), ENTRY + 8);
    set.writeUInt32LE(cluster, ENTRY + 20);
    set.writeBigUInt64LE(BigInt(size), ENTRY + 24);
    set.writeUInt16LE(setChecksum(set), 2);
    return set;
  }
}

/** The checksum of a set of entries. */
export function setChecksum(set: Buffer): number {
  let sum = 0;
  set.forEach((byte, i) => {
    if (i !== 2 && i !== 3) sum = ((((sum & 1) << 15) | (sum >> 1)) + byte) & 0xffff;
  });
  return sum;
}
