// Removed vdevs (OpenZFS's vdev_indirect.c): what was on one is on others now, and an object of the pool says where,
// in entries sorted by their source. A block may be spread over several entries.

import { EIO } from "../lib/errno";
import { allocate, damaged } from "../lib/fault";
import { OFFSET_LIMIT } from "../storage/disk";
import { Blocks } from "./blocks";
import { Block, SMALL_MAX } from "./cache";
import { Dnode, ObjectSet } from "./dnode";
import {
  bpLogicalSize,
  dvaDevice,
  dvaOffset,
  dvaSize,
  MAP_BONUS_SIZE,
  MAP_DVA,
  MAP_ENTRIES,
  MAP_ENTRY_SIZE,
  SECTOR_SHIFT,
} from "./layout";
import { Pool } from "./pool";
import { countBadRead, Trust, Vdev, VdevState } from "./vdev";
import { verifyBlock } from "./verify";

/** Parts of a block, at most. */
const PARTS_MAX: i32 = 4096;
/** Ways to put a block together from copies of its parts that are tried, at most. */
const WAYS_MAX: u32 = 4096;

/** The pool's blocks once more: a mapping is read while another block is. */
class MappingBlocks extends Blocks {
  constructor(private readonly pool: Pool) {
    // The salt is shared: what it is may become known later.
    super(pool.name, pool.salt);
    this.largeGangs = pool.largeGangs;
  }

  top(id: u64): Vdev | null {
    return this.pool.top(id);
  }

  block(bp: usize): Block | null {
    // There is room for one large block, and the one that is read may be in it.
    if (bpLogicalSize(bp) <= SMALL_MAX) return super.block(bp);
    damaged(this.name, `ZFS mapping: block of ${bpLogicalSize(bp)} bytes`, EIO);
    return null;
  }
}

/** Part of a block, where it is now. */
class Part {
  constructor(
    readonly vdev: Vdev,
    readonly offset: u64,
    readonly size: u32,
  ) {}
}

/** A vdev that was removed. */
export class IndirectVdev extends Vdev {
  private mapping: Dnode | null = null;
  private looked: bool = false;
  private entries: u64 = 0;
  private readonly entry: usize = allocate(MAP_ENTRY_SIZE);
  private busy: bool = false;
  /** Where the last part that could not be read should have been. */
  private lost: Vdev | null = null;

  constructor(
    guid: u64,
    id: u64,
    name: string,
    ashift: u64,
    private readonly pool: Pool,
    /** Object that has the mapping. */
    private readonly object: u64,
  ) {
    super(guid, id, name, ashift);
    this.state = VdevState.Healthy;
    this.trust = Trust.Full;
  }

  private damaged(what: string): i32 {
    return damaged(`zfs:${this.pool.name} ${this.name}`, `ZFS removed vdev: ${what}`, EIO);
  }

  read(bp: usize, dst: usize, offset: u64, size: u32, choice: u32): i32 {
    if (this.busy) return this.damaged("mapping onto itself");
    this.busy = true;
    const error = this.open() ? this.readParts(bp, dst, offset, size, choice) : EIO;
    this.busy = false;
    return error;
  }

  /** Finds the mapping, once. */
  private open(): bool {
    if (!this.looked) {
      this.looked = true;
      const root = this.pool.root;
      const where = `zfs:${this.pool.name} ${this.name}`;
      const objects = root !== null ? ObjectSet.read(new MappingBlocks(this.pool), root.at(), where) : null;
      const mapping = objects !== null ? objects.object(this.object) : null;
      if (mapping !== null) this.use(mapping);
      else this.damaged(`no mapping (object ${this.object})`);
    }
    return this.mapping !== null;
  }

  /** Takes an object for the mapping, if there is as much in it as it says. */
  private use(mapping: Dnode): void {
    const entries = mapping.bonusSize() < MAP_BONUS_SIZE ? u64.MAX_VALUE : load<u64>(mapping.bonus(), MAP_ENTRIES);
    const blocks = mapping.lastBlock < OFFSET_LIMIT >> 32 ? mapping.lastBlock + 1 : 0;
    if (entries > (blocks * <u64>mapping.blockSize) / <u64>MAP_ENTRY_SIZE) {
      this.damaged(`mapping of ${entries} entries in ${blocks} blocks`);
      return;
    }
    this.entries = entries;
    this.mapping = mapping;
  }

  /** Reads entry `index`. */
  private readEntry(index: u64): bool {
    return this.mapping!.read(index * <u64>MAP_ENTRY_SIZE, this.entry, MAP_ENTRY_SIZE) == 0;
  }

  private source(): u64 {
    return load<u64>(this.entry) << SECTOR_SHIFT;
  }

  /** What of `offset` and the `size` bytes from there is in one piece; null when that isn't mapped. */
  private part(offset: u64, size: u32): Part | null {
    // The last entry that doesn't begin behind the offset.
    let low: u64 = 0;
    let high = this.entries;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (!this.readEntry(middle)) return null;
      if (this.source() <= offset) low = middle + 1;
      else high = middle;
    }
    if (low == 0 || !this.readEntry(low - 1)) return null;
    const dva = this.entry + MAP_DVA;
    const within = offset - this.source();
    const vdev = this.top(dvaDevice(dva));
    if (within >= dvaSize(dva) || vdev === null) return null;
    return new Part(vdev, dvaOffset(dva) + within, <u32>min(<u64>size, dvaSize(dva) - within));
  }

  private top(id: u64): Vdev | null {
    const vdev = this.pool.top(id);
    if (vdev === null) this.damaged(`mapping to vdev ${id}, which there isn't`);
    return vdev;
  }

  private readParts(bp: usize, dst: usize, offset: u64, size: u32, choice: u32): i32 {
    const parts: Part[] = [];
    let done: u32 = 0;
    let ways: u32 = 1;
    while (done < size) {
      const part = this.part(offset + <u64>done, size - done);
      if (part === null || parts.length == PARTS_MAX) return this.damaged(`offset ${offset + <u64>done} is not mapped`);
      parts.push(part);
      done += part.size;
      if (ways < WAYS_MAX) ways *= part.vdev.choices();
    }
    if (parts.length == 1) return this.readPart(parts[0], bp, dst, choice);
    if (bp == 0) return this.readAll(parts, dst, choice, false);
    // Nobody knows which part is bad: a block whose parts have copies is put together from the first ones of all, the
    // second ones of all, and then in one way after another.
    const copies = this.choices();
    for (let way: u32 = 0; way < copies + (ways > 1 ? min(ways, WAYS_MAX) : 0); way++) {
      const mixed = way >= copies;
      if (this.readAll(parts, dst, mixed ? way - copies : way, mixed) != 0) return EIO;
      if (verifyBlock(bp, dst, `zfs:${this.pool.name} ${this.name} offset ${offset}`)) return 0;
      countBadRead();
    }
    return EIO;
  }

  /** Reads all parts, of each copy `way`; or, mixed, a digit of `way` says which. */
  private readAll(parts: Part[], dst: usize, way: u32, mixed: bool): i32 {
    let at = dst;
    for (let i = 0; i < parts.length; i++) {
      const copies = mixed ? parts[i].vdev.choices() : u32.MAX_VALUE;
      if (this.readPart(parts[i], 0, at, way % copies) != 0) return EIO;
      way = mixed ? way / copies : way;
      at += <usize>parts[i].size;
    }
    return 0;
  }

  private readPart(part: Part, bp: usize, dst: usize, choice: u32): i32 {
    const error = part.vdev.read(bp, dst, part.offset, part.size, choice);
    if (error != 0) this.lost = part.vdev;
    return error;
  }

  /** As many as one of those that are there may have. */
  choices(): u32 {
    let most: u32 = 1;
    const tops = this.pool.tops;
    for (let i = 0; i < tops.length; i++) if (!(tops[i] instanceof IndirectVdev)) most = max(most, tops[i].choices());
    return most;
  }

  whyLost(): string {
    const lost = this.lost;
    // Of a chain, the next one.
    if (lost === null || lost instanceof IndirectVdev) return super.whyLost();
    return `moved to ${lost.name}, ${lost.whyLost()}`;
  }
}
