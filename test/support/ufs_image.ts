// Writes UFS1 and UFS2 file systems of one cylinder group: any block size, superblock place, holes and indirect
// blocks of all levels.

import { SparseDisk } from "./sparse_disk.js";

export interface UfsOptions {
  version: 1 | 2;
  blockSize: number;
  fragmentSize: number;
  superblockAt: number;
  /** Where the file system begins on the disk. */
  at?: number;
  disk?: SparseDisk;
}

const INODES = 4096;
const ROOT = 2;
const DIRECT = 12;
const DIRECTORY_BLOCK = 512;
export const MODE_DIRECTORY = 0o040755;
export const MODE_FILE = 0o100644;
export const MODE_LINK = 0o120755;

interface Entry {
  inode: number;
  type: number;
  name: string;
}

/** A part of a file: where it is in the file, and its bytes. */
export type Part = [offset: number, bytes: Uint8Array];

export class UfsImage {
  readonly disk: SparseDisk;
  readonly at: number;
  readonly inodeSize: number;
  readonly root = ROOT;
  readonly #options: UfsOptions;
  readonly #directories = new Map<number, Entry[]>();
  /** First inode and first data, in fragments. */
  readonly #inodesAt: number;
  #nextFragment: number;
  #nextInode = ROOT + 1;

  constructor(options: UfsOptions) {
    this.#options = options;
    this.at = options.at ?? 0;
    this.disk = options.disk ?? new SparseDisk(0);
    this.inodeSize = options.version === 2 ? 256 : 128;
    const perBlock = options.blockSize / options.fragmentSize;
    const head = Math.ceil((options.superblockAt + 8192) / options.blockSize) * perBlock;
    this.#inodesAt = head;
    this.#nextFragment = head + Math.ceil((INODES * this.inodeSize) / options.blockSize) * perBlock;
    this.#directories.set(ROOT, []);
    this.#add(ROOT, ROOT, 4, ".");
    this.#add(ROOT, ROOT, 4, "..");
  }

  #add(directory: number, inode: number, type: number, name: string): void {
    this.#directories.get(directory)?.push({ inode, type, name });
  }

  /** Skips blocks, so that what follows is not next to what was before. */
  gap(blocks = 1): void {
    this.#nextFragment += (blocks * this.#options.blockSize) / this.#options.fragmentSize;
  }

  directory(parent: number, name: string): number {
    const inode = this.#nextInode++;
    this.#directories.set(inode, []);
    this.#add(parent, inode, 4, name);
    this.#add(inode, inode, 4, ".");
    this.#add(inode, parent, 4, "..");
    return inode;
  }

  file(parent: number, name: string, content: Uint8Array | string): number {
    const bytes = typeof content === "string" ? Buffer.from(content, "latin1") : content;
    return this.sparse(parent, name, bytes.length, [[0, bytes]]);
  }

  /** A file of `size` bytes that consists of `parts` and holes. */
  sparse(parent: number, name: string, size: number, parts: readonly Part[]): number {
    const inode = this.#nextInode++;
    this.#add(parent, inode, 8, name);
    this.#writeInode(inode, MODE_FILE, size, this.#store(parts));
    return inode;
  }

  /** Another name of a file. */
  name(parent: number, name: string, inode: number): void {
    this.#add(parent, inode, 8, name);
  }

  /** A symbolic link, in the inode when it is short enough for that. */
  link(parent: number, name: string, target: string): number {
    const inode = this.#nextInode++;
    const text = Buffer.from(target, "latin1");
    this.#add(parent, inode, 10, name);
    if (text.length >= this.#maxLink) {
      this.#writeInode(inode, MODE_LINK, text.length, this.#store([[0, text]]));
    } else {
      this.#writeInode(inode, MODE_LINK, text.length, []);
      this.disk.write(this.inodeOffset(inode) + (this.#options.version === 2 ? 112 : 40), text);
    }
    return inode;
  }

  get #maxLink(): number {
    return this.#options.version === 2 ? 120 : 60;
  }

  /** Byte offset on the disk. */
  inodeOffset(inode: number): number {
    return this.at + this.#inodesAt * this.#options.fragmentSize + inode * this.inodeSize;
  }

  get superblockOffset(): number {
    return this.at + this.#options.superblockAt;
  }

  #allocate(): number {
    const fragment = this.#nextFragment;
    this.gap();
    return fragment;
  }

  /** Writes the parts to blocks. Returns the addresses for the inode: 12 direct, 3 indirect. */
  #store(parts: readonly Part[]): number[] {
    const { blockSize, fragmentSize } = this.#options;
    const blocks = new Map<number, number>();
    for (const [offset, bytes] of parts) {
      for (let done = 0; done < bytes.length; ) {
        const number = Math.floor((offset + done) / blockSize);
        const within = (offset + done) % blockSize;
        let fragment = blocks.get(number);
        if (fragment === undefined) {
          fragment = this.#allocate();
          blocks.set(number, fragment);
        }
        const piece = bytes.subarray(done, done + blockSize - within);
        this.disk.write(this.at + fragment * fragmentSize + within, piece);
        done += piece.length;
      }
    }
    const addresses: number[] = new Array(DIRECT + 3).fill(0);
    const perBlock = this.#addressesPerBlock;
    for (const [number, fragment] of blocks) {
      if (number < DIRECT) {
        addresses[number] = fragment;
        continue;
      }
      let index = number - DIRECT;
      let level = 0;
      while (index >= perBlock ** (level + 1)) index -= perBlock ** ++level;
      const top = addresses[DIRECT + level] || this.#allocate();
      addresses[DIRECT + level] = top;
      this.#enter(top, level, index, fragment);
    }
    return addresses;
  }

  get #addressesPerBlock(): number {
    return this.#options.blockSize / (this.#options.version === 2 ? 8 : 4);
  }

  /** Enters a block in the tree of indirect blocks below `top`. */
  #enter(top: number, level: number, index: number, fragment: number): void {
    const { fragmentSize, version } = this.#options;
    let block = top;
    for (let depth = level; depth >= 0; depth--) {
      const span = this.#addressesPerBlock ** depth;
      const slot = this.at + block * fragmentSize + Math.floor(index / span) * (version === 2 ? 8 : 4);
      index %= span;
      const cell = Buffer.alloc(4);
      this.disk.read(slot, cell);
      let next = depth === 0 ? fragment : cell.readUInt32LE();
      if (next === 0) next = this.#allocate();
      cell.writeUInt32LE(next);
      this.disk.write(slot, cell);
      block = next;
    }
  }

  #writeInode(number: number, mode: number, size: number, addresses: readonly number[]): void {
    const ufs2 = this.#options.version === 2;
    const inode = Buffer.alloc(this.inodeSize);
    inode.writeUInt16LE(mode, 0);
    inode.writeBigUInt64LE(BigInt(size), ufs2 ? 16 : 8);
    addresses.forEach((address, i) => {
      inode.writeUInt32LE(address, ufs2 ? 112 + 8 * i : 40 + 4 * i);
    });
    this.disk.write(this.inodeOffset(number), inode);
  }

  /** Writes directories and superblock; nothing can be added after this. */
  finish(): SparseDisk {
    const { blockSize, fragmentSize, version, superblockAt } = this.#options;
    for (const [inode, entries] of this.#directories) {
      const bytes = directoryBytes(entries);
      this.#writeInode(inode, MODE_DIRECTORY, bytes.length, this.#store([[0, bytes]]));
    }
    const fs = Buffer.alloc(1376);
    const put = (offset: number, value: number) => fs.writeInt32LE(value, offset);
    put(16, this.#inodesAt);
    put(44, 1);
    put(48, blockSize);
    put(52, fragmentSize);
    put(56, blockSize / fragmentSize);
    put(184, INODES);
    put(188, this.#nextFragment);
    put(28, -1);
    put(1320, this.#maxLink);
    fs.writeBigInt64LE(BigInt(superblockAt), 1000);
    put(1372, version === 2 ? 0x19540119 : 0x011954);
    this.disk.write(this.superblockOffset, fs);
    this.disk.size = Math.max(this.disk.size, this.at + this.#nextFragment * fragmentSize, this.at + 73728);
    return this.disk;
  }
}

/** Directory blocks with `entries`. */
export function directoryBytes(entries: readonly Entry[]): Buffer {
  const blocks: Buffer[] = [];
  let block = Buffer.alloc(DIRECTORY_BLOCK);
  let at = 0;
  let last = 0;
  const close = () => {
    // The last entry takes what is left.
    block.writeUInt16LE(DIRECTORY_BLOCK - last, last + 4);
    blocks.push(block);
    block = Buffer.alloc(DIRECTORY_BLOCK);
    at = 0;
  };
  for (const { inode, type, name } of entries) {
    const size = (8 + name.length + 1 + 3) & ~3;
    if (at + size > DIRECTORY_BLOCK) close();
    block.writeUInt32LE(inode, at);
    block.writeUInt16LE(size, at + 4);
    block[at + 6] = type;
    block[at + 7] = name.length;
    block.write(name, at + 8, "latin1");
    last = at;
    at += size;
  }
  close();
  return Buffer.concat(blocks);
}

/** Files by absolute path; texts have one character a byte. */
export type Files = Readonly<Record<string, Uint8Array | string>>;

/** A disk that is a file system with `files`. */
export function ufsDisk(files: Files): SparseDisk {
  const image = new UfsImage({ version: 2, blockSize: 16384, fragmentSize: 2048, superblockAt: 65536 });
  const directories = new Map([["", image.root]]);
  const directory = (path: string): number => {
    const known = directories.get(path);
    if (known !== undefined) return known;
    const slash = path.lastIndexOf("/");
    const made = image.directory(directory(path.slice(0, slash)), path.slice(slash + 1));
    directories.set(path, made);
    return made;
  };
  for (const [path, content] of Object.entries(files)) {
    const slash = path.lastIndexOf("/");
    image.file(directory(path.slice(0, slash)), path.slice(slash + 1), content);
  }
  return image.finish();
}
