// RAID-Z groups (OpenZFS's vdev_raidz.c). A healthy block is read without its parity, each column straight to its place.
// Else columns that are missing are computed from the others (stripe.ts); and when the checksum is wrong and nobody
// knows which column is, each is suspected in turn, then two together, then three.

import { EIO } from "../lib/errno";
import { allocate, damaged } from "../lib/fault";
import { OFFSET_LIMIT } from "../storage/disk";
import { startGalois } from "./galois";
import { BOOT_AREA_SIZE, bpBirth, REFLOW_SCRATCH, reflowOffset, reflowState } from "./layout";
import { lostMembers, MEMBERS_MAX, Stripe } from "./stripe";
import { countBadRead, ONLY_TRUSTED, Trust, Vdev } from "./vdev";
import { verifyBlock } from "./verify";

/** Parity disks of a group, at most. */
export const PARITY_MAX: i32 = 3;
/** Sets of members that are suspected for a block, at most. */
const SUSPICIONS_MAX: i32 = 4096;

/** The stripes of the block that is read: one, but two of a dRAID's block that ends in another group than it begins in. */
export const stripes: Stripe[] = [new Stripe(), new Stripe()];

/** A group of disks, of which `parity` may be missing. */
export class RaidzVdev extends Vdev {
  /** Transaction groups since which the group has one member more, each time; in order. */
  readonly growth: u64[] = [];
  /** Whether it is growing: the pool's uberblock says how far that is. */
  growing: bool = false;
  private suspicions: i32 = 0;
  /** Of the block that is read, for reports. */
  private offset: u64 = 0;

  constructor(
    guid: u64,
    id: u64,
    name: string,
    ashift: u64,
    readonly parity: i32,
    /** The pool, for reports. */
    readonly pool: string,
    /** Where the sectors that moved to a new member end, as the uberblock says it. */
    readonly reflow: u64,
  ) {
    super(guid, id, name, ashift);
  }

  /** What makes its numbers unusable, or null. */
  fault(): string | null {
    const members = this.children.length;
    const least = members - this.growth.length - (this.growing ? 1 : 0);
    if (members > MEMBERS_MAX) return `${members} members or more`;
    if (least <= this.parity) return `parity ${this.parity} of ${least} members`;
    for (let i = 1; i < this.growth.length; i++) {
      if (this.growth[i] <= this.growth[i - 1]) return `expanded in transaction group ${this.growth[i]}`;
    }
    return null;
  }

  /** Members among which a block that was born in a transaction group is dealt out. */
  private widthAt(birth: u64): i32 {
    let width = this.children.length - (this.growing ? 1 : 0);
    for (let i = this.growth.length - 1; i >= 0 && this.growth[i] > birth; i--) width--;
    return width;
  }

  /** Lays out `size` bytes, whole sectors, as stripes; returns how many. */
  protected plan(offset: u64, size: u32, birth: u64): i32 {
    const stripe = stripes[0];
    const width = this.widthAt(birth);
    const members = <u64>this.children.length;
    const first = offset >> this.ashift;
    stripe.deal(<u64>size >> this.ashift, this.parity, width, this.ashift, false);
    // With single parity, parity and first data change places every MiB.
    const swapped = this.parity == 1 && (offset & (1 << 20)) != 0;
    if (<u64>width != members) {
      stripe.scattered = width;
      stripe.start = first;
      stripe.width = members;
      stripe.moved = this.growing ? reflowOffset(this.reflow) >> this.ashift : u64.MAX_VALUE;
      stripe.before = this.growing && reflowState(this.reflow) == REFLOW_SCRATCH ? BOOT_AREA_SIZE : 0;
      stripe.swapped = swapped;
      return 1;
    }
    for (let c = 0; c < stripe.columns; c++) {
      const sector = first + <u64>(swapped && c < 2 ? c ^ 1 : c);
      stripe.members[c] = <i32>(sector % members);
      stripe.offsets[c] = (sector / members) << this.ashift;
    }
    return 1;
  }

  read(bp: usize, dst: usize, offset: u64, size: u32, _choice: u32): i32 {
    if (offset > OFFSET_LIMIT) return EIO;
    this.offset = offset;
    // The group deals in whole sectors.
    const sector = (<u32>1) << (<u32>this.ashift);
    const whole = (size + sector - 1) & ~(sector - 1);
    const sectors = whole == size ? dst : allocate(<usize>whole);
    const count = this.plan(offset, whole, bp != 0 ? bpBirth(bp) : u64.MAX_VALUE);
    let error = this.readTrusted(bp, sectors, whole, count, Trust.Full);
    if (error != 0 && this.doubts()) error = this.readTrusted(bp, sectors, whole, count, Trust.Doubtful);
    if (sectors != dst) {
      memory.copy(dst, sectors, <usize>size);
      heap.free(sectors);
    }
    return error;
  }

  worthwhileGap(): u64 {
    return super.worthwhileGap() * <u64>this.children.length;
  }

  /** Fetches the rows of sectors that hold the bytes, from each member in one piece. */
  readAhead(offset: u64, size: u32): void {
    if (offset > OFFSET_LIMIT || size == 0 || this.growing) return;
    const members = <u64>this.children.length;
    const from = ((offset >> this.ashift) / members) << this.ashift;
    const to = (((offset + <u64>size - 1) >> this.ashift) / members + 1) << this.ashift;
    for (let i = 0; i < this.children.length; i++) {
      if (this.children[i].trust == Trust.Full) this.children[i].readAhead(from, <u32>(to - from));
    }
  }

  /** Whether there are members to be read only when nothing else helps. */
  private doubts(): bool {
    for (let i = 0; i < this.children.length; i++) if (this.children[i].trust == Trust.Doubtful) return true;
    return false;
  }

  protected spareMembers(): i32 {
    return this.parity;
  }

  private verified(bp: usize, data: usize): bool {
    if (bp == 0 || verifyBlock(bp, data, `zfs:${this.pool} ${this.name} offset ${this.offset}`)) return true;
    countBadRead();
    return false;
  }

  /** Reads a block that is laid out as `count` stripes, from members that are trusted at least so much. */
  private readTrusted(bp: usize, dst: usize, size: u32, count: i32, trust: Trust): i32 {
    for (let i = 0; i < this.children.length; i++) lostMembers[i] = this.children[i].trust < trust;
    const choice = trust == Trust.Full ? ONLY_TRUSTED : 0;
    let whole = true;
    let data = dst;
    for (let i = 0; i < count; i++) {
      const stripe = stripes[i];
      stripe.data = data;
      data += stripe.dataSize();
      if (!this.readColumns(stripe, stripe.parity, stripe.columns, choice)) whole = false;
    }
    if (whole && this.verified(bp, dst)) return 0;
    let paritySize: usize = 0;
    for (let i = 0; i < count; i++) paritySize += stripes[i].paritySize();
    const parity = allocate(paritySize);
    let at = parity;
    for (let i = 0; i < count; i++) {
      stripes[i].parityData = at;
      at += stripes[i].paritySize();
      this.readColumns(stripes[i], 0, stripes[i].parity, choice);
    }
    startGalois();
    const error = !whole && this.rebuilt(bp, dst, count) ? 0 : this.suspectAll(bp, dst, size, count);
    heap.free(parity);
    return error;
  }

  /** Reads columns from `first` to before `end`. Whether all could be; members that failed are lost. */
  private readColumns(stripe: Stripe, first: i32, end: i32, choice: u32): bool {
    const together = stripe.together();
    const sectors = together << (<u32>this.ashift);
    let whole = true;
    for (let c = first; c < end; c++) {
      const size = stripe.size(c);
      for (let at: u32 = 0; at < size; at += sectors) {
        const row = at >> <u32>this.ashift;
        const member = stripe.member(row, c);
        if (lostMembers[member]) {
          whole = false;
        } else if (!this.readPart(stripe, row, c, stripe.at(c) + <usize>at, min(sectors, size - at), choice)) {
          lostMembers[member] = true;
          whole = false;
        }
      }
    }
    return whole;
  }

  private readPart(stripe: Stripe, row: u32, c: i32, dst: usize, size: u32, choice: u32): bool {
    return this.children[stripe.member(row, c)].read(0, dst, stripe.offset(row, c), size, choice) == 0;
  }

  /** Computes what is lost. Whether that could be, changed anything, and gave the block. */
  private rebuilt(bp: usize, dst: usize, count: i32): bool {
    let changed = 0;
    for (let i = 0; i < count; i++) {
      const runs = stripes[i].rebuild();
      if (runs < 0) return false;
      changed += runs;
    }
    return changed > 0 && this.verified(bp, dst);
  }

  /** Suspects all members in turn, then all pairs, then all triples. Returns an errno. */
  private suspectAll(bp: usize, dst: usize, size: u32, count: i32): i32 {
    const original = allocate(<usize>size);
    memory.copy(original, dst, <usize>size);
    this.suspicions = 0;
    let error = EIO;
    for (let depth = 1; depth <= this.parity && error != 0; depth++) {
      if (this.suspect(0, depth, bp, dst, size, count, original)) error = 0;
    }
    heap.free(original);
    if (this.suspicions > SUSPICIONS_MAX) {
      damaged(`zfs:${this.pool}`, `ZFS vdev ${this.name}: ${SUSPICIONS_MAX} ways to repair a block tried`, EIO);
    }
    return error;
  }

  /** Suspects `depth` members from `first` on. */
  private suspect(first: i32, depth: i32, bp: usize, dst: usize, size: u32, count: i32, original: usize): bool {
    for (let member = first; member < this.children.length && this.suspicions <= SUSPICIONS_MAX; member++) {
      if (lostMembers[member] || !this.holds(member, count)) continue;
      lostMembers[member] = true;
      if (depth > 1) {
        if (this.suspect(member + 1, depth - 1, bp, dst, size, count, original)) return this.blame(member);
      } else {
        this.suspicions++;
        memory.copy(dst, original, <usize>size);
        if (this.rebuilt(bp, dst, count)) return this.blame(member);
      }
      lostMembers[member] = false;
    }
    return false;
  }

  /** Tells of a member without whose bytes a block is right. */
  private blame(member: i32): bool {
    damaged(`zfs:${this.pool}`, `disk ${this.children[member].label} has wrong data in ${this.name}`, EIO);
    return true;
  }

  /** Whether a member has anything of the block. */
  private holds(member: i32, count: i32): bool {
    for (let i = 0; i < count; i++) {
      const stripe = stripes[i];
      if (stripe.scattered != 0) return true;
      for (let c = 0; c < stripe.columns; c++) if (stripe.members[c] == member && stripe.size(c) > 0) return true;
    }
    return false;
  }
}
