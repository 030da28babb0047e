// Objects: a dnode describes one, as a tree of block pointers, and object sets are arrays of dnodes.

import { EIO, setErrno } from "../lib/errno";
import { burn, damaged } from "../lib/fault";
import { Blocks } from "./blocks";
import { Block } from "./cache";
import {
  BLOCK_SIZE_MAX,
  BP_SHIFT,
  BP_SIZE,
  bpHole,
  DN_BLOCK_POINTERS,
  DN_BONUS_LENGTH,
  DN_BONUS_TYPE,
  DN_DATA_SECTORS,
  DN_EXTRA_SLOTS,
  DN_FLAG_SPILL,
  DN_FLAGS,
  DN_INDIRECT_SHIFT,
  DN_LAST_BLOCK,
  DN_LEVELS,
  DN_POINTERS,
  DN_TYPE,
  DNODE_SIZE,
  EXTRA_SLOTS_MAX,
  INDIRECT_SHIFT_MAX,
  INDIRECT_SHIFT_MIN,
  LEVELS_MAX,
  OBJSET_META,
  OBJSET_SIZE_MIN,
  OBJSET_TYPE,
} from "./layout";

/** Bytes of an object: no offset in it wraps. */
const OBJECT_BYTES_MAX: u64 = (<u64>1) << 63;
/** Fuel for bytes that are copied, or are zeros: one for so many, as a shift. */
const COPY_SHIFT: u32 = 6;
/** A pointer to a hole. */
const NO_BLOCK: usize = memory.data(128, 8);

/** Where a block pointer is, until another block is asked for, and how many follow it there, itself included. */
class Pointer {
  constructor(
    readonly at: usize,
    readonly count: u64,
  ) {}
}

/** An object. As long as `fault` wasn't found to be null, its numbers are what the disk says and nothing more. */
export class Dnode {
  readonly type: u8;
  readonly bonusType: u8;
  /** Bytes of a data block. */
  readonly blockSize: u32;
  readonly lastBlock: u64;
  private readonly levels: u32;
  private readonly indirectShift: u32;
  private readonly pointers: u32;
  private readonly raw: StaticArray<u8>;

  /** Decodes the dnode of `size` bytes at `src`. */
  constructor(
    readonly pool: Blocks,
    /** Whose it is, and which, for reports. */
    private readonly where: string,
    readonly number: u64,
    src: usize,
    size: u32,
  ) {
    this.raw = new StaticArray<u8>(<i32>size);
    memory.copy(changetype<usize>(this.raw), src, <usize>size);
    this.type = load<u8>(src, DN_TYPE);
    this.bonusType = load<u8>(src, DN_BONUS_TYPE);
    this.blockSize = (<u32>load<u16>(src, DN_DATA_SECTORS)) << 9;
    this.lastBlock = load<u64>(src, DN_LAST_BLOCK);
    this.levels = <u32>load<u8>(src, DN_LEVELS);
    this.indirectShift = <u32>load<u8>(src, DN_INDIRECT_SHIFT);
    this.pointers = <u32>load<u8>(src, DN_POINTERS);
  }

  private at(): usize {
    return changetype<usize>(this.raw);
  }

  /** What makes it unusable, or null. */
  fault(): string | null {
    if (this.type == 0) return "not in use";
    if (this.blockSize == 0 || this.blockSize > BLOCK_SIZE_MAX) return `block size ${this.blockSize}`;
    if (this.lastBlock >= OBJECT_BYTES_MAX / <u64>this.blockSize) return `${this.lastBlock} as its last block`;
    if (this.levels == 0 || this.levels > LEVELS_MAX) return `${this.levels} levels`;
    if (this.indirectShift < INDIRECT_SHIFT_MIN || this.indirectShift > INDIRECT_SHIFT_MAX) {
      return `indirect blocks of 2^${this.indirectShift} bytes`;
    }
    if (this.pointers == 0 || DN_BLOCK_POINTERS + this.pointers * BP_SIZE > <u32>this.raw.length) {
      return `${this.pointers} block pointers`;
    }
    if (this.bonusAt() + this.bonusSize() > <u32>this.raw.length) return `bonus of ${this.bonusSize()} bytes`;
    return null;
  }

  private bonusAt(): u32 {
    return DN_BLOCK_POINTERS + this.pointers * BP_SIZE;
  }

  /** Address of the bonus buffer, good as long as the dnode is held. */
  bonus(): usize {
    return this.at() + <usize>this.bonusAt();
  }

  bonusSize(): u32 {
    return <u32>load<u16>(this.at(), DN_BONUS_LENGTH);
  }

  /** The block with what had no room in the bonus buffer; null and errno, 0 when there is none. */
  spill(): Block | null {
    setErrno(0);
    const pointer = this.at() + <usize>(<u32>this.raw.length - BP_SIZE);
    const none = (load<u8>(this.at(), DN_FLAGS) & DN_FLAG_SPILL) == 0 || bpHole(pointer);
    return none ? null : this.pool.block(pointer);
  }

  /** Reports damage in it. Returns EIO. */
  damaged(what: string): i32 {
    return damaged(this.where, `ZFS object ${this.number}: ${what}`, EIO);
  }

  /** The pointer to data block `number`; null and errno. */
  private pointer(number: u64): Pointer | null {
    // A file may be longer than what was ever written of it.
    if (number > this.lastBlock) return new Pointer(NO_BLOCK, 1);
    const shift = this.indirectShift - BP_SHIFT;
    let table = this.at() + <usize>DN_BLOCK_POINTERS;
    let entries = <u64>this.pointers;
    let level = this.levels;
    // Checked to be at least one.
    while (true) {
      burn(4);
      const steps = (level - 1) * shift;
      const index = steps >= 64 ? 0 : number >> <u64>steps;
      const entry = level == this.levels ? index : index & (((<u64>1) << (<u64>shift)) - 1);
      if (entry >= entries) {
        this.damaged(`block ${number} is beyond its ${this.levels} levels`);
        return null;
      }
      const pointer = table + ((<usize>entry) << BP_SHIFT);
      if (level == 1) return new Pointer(pointer, min(entries - entry, this.lastBlock - number + 1));
      if (bpHole(pointer)) return new Pointer(NO_BLOCK, 1);
      const next = this.pool.block(pointer);
      if (next === null) {
        this.damaged(`block ${number} can't be read, its pointer of level ${level - 1} neither`);
        return null;
      }
      table = next.data;
      entries = <u64>(next.size >> BP_SHIFT);
      level--;
    }
  }

  /** Copies the pointers to data blocks from `first` on, `most` at most, to `dst`. Returns how many, 0 and errno on failure. */
  pointersTo(first: u64, most: u32, dst: usize): u32 {
    const pointer = this.pointer(first);
    if (pointer === null) return 0;
    const count = <u32>min(<u64>most, pointer.count);
    memory.copy(dst, pointer.at, <usize>(count * BP_SIZE));
    return count;
  }

  /** Data block `number`, no hole, behind the pointer at `bp`; null and errno. */
  dataBlock(number: u64, bp: usize): Block | null {
    const block = this.pool.block(bp);
    if (block === null) this.damaged(`block ${number} can't be read`);
    return block;
  }

  /** Copies `size` bytes at `offset` to `dst`; a part is none. Returns an errno. */
  read(offset: u64, dst: usize, size: u32): i32 {
    const blockSize = <u64>this.blockSize;
    let done: u32 = 0;
    while (done < size) {
      const at = offset + <u64>done;
      const within = at % blockSize;
      const piece = <u32>min(blockSize - within, <u64>(size - done));
      const pointer = this.pointer(at / blockSize);
      if (pointer === null) return EIO;
      burn(<i64>(piece >> COPY_SHIFT));
      if (bpHole(pointer.at)) {
        memory.fill(dst + <usize>done, 0, <usize>piece);
      } else {
        const block = this.dataBlock(at / blockSize, pointer.at);
        if (block === null) return EIO;
        if (within + <u64>piece > <u64>block.size) return this.damaged(`block of ${block.size} bytes`);
        memory.copy(dst + <usize>done, block.data + <usize>within, <usize>piece);
      }
      done += piece;
    }
    return 0;
  }
}

/** An array of dnodes, which is itself the content of its meta dnode. */
export class ObjectSet {
  readonly type: u64;
  private readonly meta: Dnode;
  private readonly slot: StaticArray<u8> = new StaticArray<u8>(<i32>(DNODE_SIZE * (EXTRA_SLOTS_MAX + 1)));

  constructor(
    readonly pool: Blocks,
    /** For reports. */
    readonly where: string,
    block: Block,
  ) {
    this.meta = new Dnode(pool, where, 0, block.data + OBJSET_META, DNODE_SIZE);
    this.type = load<u64>(block.data, OBJSET_TYPE);
  }

  /** The object set behind the block pointer at `bp`, which reports call `where`; null and errno. */
  static read(pool: Blocks, bp: usize, where: string): ObjectSet | null {
    const block = !bpHole(bp) ? pool.block(bp) : null;
    if (block === null) {
      damaged(where, "ZFS object set can't be read", EIO);
      return null;
    }
    if (block.size < OBJSET_SIZE_MIN) {
      damaged(where, `ZFS object set of ${block.size} bytes`, EIO);
      return null;
    }
    const set = new ObjectSet(pool, where, block);
    const fault = set.meta.fault();
    if (fault === null) return set;
    set.meta.damaged(fault);
    return null;
  }

  /** Object `number`; null and errno. */
  object(number: u64): Dnode | null {
    const slot = changetype<usize>(this.slot);
    if (number > OBJECT_MAX) {
      damaged(this.where, `ZFS object number ${number}`, EIO);
      return null;
    }
    const offset = number * <u64>DNODE_SIZE;
    if (this.meta.read(offset, slot, DNODE_SIZE) != 0) return null;
    const extra = <u32>load<u8>(slot, DN_EXTRA_SLOTS);
    const size = DNODE_SIZE * (1 + min(extra, EXTRA_SLOTS_MAX));
    if (extra > 0 && this.meta.read(offset, slot, size) != 0) return null;
    const dnode = new Dnode(this.pool, this.where, number, slot, size);
    const fault = dnode.fault();
    if (fault === null) return dnode;
    dnode.damaged(fault);
    return null;
  }
}

/** Object numbers have 48 bits. */
const OBJECT_MAX: u64 = 0x0000ffffffffffff;
