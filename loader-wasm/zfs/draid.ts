// dRAID (OpenZFS's vdev_draid.c): RAID-Z groups dealt out over more disks than each has members, by permutations that
// are the same everywhere; and the distributed spares, each of which is a share of all the disks.

import { EIO } from "../lib/errno";
import { burn, damaged } from "../lib/fault";
import { OFFSET_LIMIT } from "../storage/disk";
import { draidSeeds } from "./draid_seeds";
import { Pool } from "./pool";
import { RaidzVdev, stripes } from "./raidz";
import { MEMBERS_MAX, Stripe } from "./stripe";
import { Trust, Vdev, VdevState } from "./vdev";

/** The first half of the random numbers' state; the other one is the seed. */
const SEED: u64 = 0xd7a1d5eed;
/** Bytes of each disk that a group takes at once. */
const ROW_SHIFT: u64 = 24;
const DISKS_MIN: i32 = 2;
const GROUPS_MAX: u64 = 255;
/** Spares that stand in for disks in spares' place, within each other. */
const SPARE_DEPTH_MAX: i32 = 4;
let spareDepth: i32 = 0;

/** A group of disks with distributed spares. */
export class DraidVdev extends RaidzVdev {
  private readonly groupWidth: u64;
  private permutations: StaticArray<u8> | null = null;

  constructor(
    guid: u64,
    id: u64,
    name: string,
    ashift: u64,
    parity: i32,
    pool: string,
    /** Data columns of a group. */
    private readonly dataWidth: u64,
    readonly spares: u64,
    /** Groups until the next permutation. */
    private readonly groups: u64,
  ) {
    super(guid, id, name, ashift, parity, pool, 0);
    this.groupWidth = dataWidth + <u64>parity;
  }

  fault(): string | null {
    const disks = this.children.length;
    const data = this.dataWidth;
    if (disks < DISKS_MIN || disks > MEMBERS_MAX) return `${disks} disks`;
    if (this.spares >= <u64>disks) return `${this.spares} spares of ${disks} disks`;
    if (data == 0 || data > <u64>disks || this.groupWidth + this.spares > <u64>disks)
      return `${data} data disks of ${disks}`;
    if (this.groups == 0 || this.groups > GROUPS_MAX || (this.groupWidth * this.groups) % this.used() != 0) {
      return `${this.groups} groups of ${this.groupWidth} on ${this.used()} disks`;
    }
    return null;
  }

  /** A sector of each data column: what is smaller is filled up. */
  leastSize(): u32 {
    return (<u32>this.dataWidth) << (<u32>this.ashift);
  }

  /** Disks less spares. */
  private used(): u64 {
    return <u64>this.children.length - this.spares;
  }

  /** Rows for which a permutation holds. */
  private rows(): u64 {
    return (this.groupWidth * this.groups) / this.used();
  }

  /** The disk in place `index` under permutation `number`. */
  private disk(number: u64, index: u64): i32 {
    let table = this.permutations;
    if (table === null) table = this.permutations = makePermutations(this.children.length);
    const disks = <u64>this.children.length;
    const at = number % <u64>table.length;
    return <i32>((<u64>table[<i32>(at - (at % disks) + index)] + (at % disks)) % disks);
  }

  /** The disk that has what spare `spare` has at `offset`. */
  spareDisk(spare: u64, offset: u64): i32 {
    return this.disk((offset >> ROW_SHIFT) / this.rows(), <u64>this.children.length - 1 - spare);
  }

  /** Fetches what of the bytes is in their first group, from each of its members in one piece. */
  readAhead(offset: u64, size: u32): void {
    if (offset > OFFSET_LIMIT || size == 0) return;
    const width = this.groupWidth;
    const group = width << ROW_SHIFT;
    const within = offset % group;
    const end = min(within + <u64>size, group) - 1;
    const rows = (end >> this.ashift) / width - (within >> this.ashift) / width + 1;
    const stripe = stripes[0];
    this.planStripe(stripe, offset, this.dataWidth);
    for (let c = 0; c < stripe.columns; c++) {
      const member = this.children[stripe.members[c]];
      if (member.trust == Trust.Full) member.readAhead(stripe.offsets[c], <u32>(rows << this.ashift));
    }
  }

  protected plan(offset: u64, size: u32, _birth: u64): i32 {
    const shift = this.ashift;
    const group = offset / (this.groupWidth << ROW_SHIFT);
    const next = (group + 1) * (this.groupWidth << ROW_SHIFT);
    // What remains of the group, in data sectors.
    const room = (((next - offset) >> shift) / this.groupWidth) * this.dataWidth;
    const sectors = <u64>size >> shift;
    this.planStripe(stripes[0], offset, min(sectors, room));
    if (sectors <= room) return 1;
    this.planStripe(stripes[1], next, sectors - room);
    return 2;
  }

  /** Lays out what is in one group. */
  private planStripe(stripe: Stripe, offset: u64, sectors: u64): void {
    const shift = this.ashift;
    const width = this.groupWidth;
    const used = this.used();
    stripe.deal(sectors, this.parity, <i32>width, shift, true);
    const group = offset / (width << ROW_SHIFT);
    const permutation = group / this.groups;
    // Groups follow each other on the disks that aren't spare, row by row.
    const first = (group % this.groups) * width;
    const row = permutation * this.rows() + first / used;
    const within = ((offset >> shift) % (width << (ROW_SHIFT - shift))) / width;
    for (let c: u64 = 0; c < width; c++) {
      const place = (first % used) + c;
      stripe.members[<i32>c] = this.disk(permutation, place % used);
      stripe.offsets[<i32>c] = ((row + place / used) << ROW_SHIFT) + (within << shift);
    }
  }
}

/** The permutations of so many disks, one after another. */
function makePermutations(disks: i32): StaticArray<u8> {
  const count = disks < 32 ? 256 : 512;
  const table = new StaticArray<u8>(count * disks);
  let a = SEED;
  let b = load<u64>(draidSeeds + ((<usize>(disks - DISKS_MIN)) << 3));
  for (let i = 0; i < count; i++) {
    const row = i * disks;
    for (let k = 0; k < disks; k++) table[row + k] = i == 0 ? <u8>k : table[row - disks + k];
    for (let k = disks - 1; k > 0; k--) {
      // xoroshiro128++, and one step of a shuffle with it.
      const random = rotl<u64>(a + b, 17) + a;
      b ^= a;
      a = rotl<u64>(a, 49) ^ b ^ (b << 21);
      b = rotl<u64>(b, 28);
      const other = row + <i32>(random % <u64>(k + 1));
      const value = table[row + k];
      table[row + k] = table[other];
      table[other] = value;
    }
  }
  return table;
}

/** A distributed spare: at each offset, one of the disks. */
export class SpareVdev extends Vdev {
  constructor(
    guid: u64,
    id: u64,
    name: string,
    ashift: u64,
    private readonly pool: Pool,
    /** The dRAID's GUID, and which of its spares this is. */
    private readonly draid: u64,
    private readonly spare: u64,
  ) {
    super(guid, id, name, ashift);
    this.state = VdevState.Healthy;
    this.trust = Trust.Full;
  }

  read(bp: usize, dst: usize, offset: u64, size: u32, choice: u32): i32 {
    const group = this.group();
    if (group === null || this.spare >= group.spares)
      return damaged(`zfs:${this.pool.name}`, `ZFS spare ${this.name}: no dRAID`, EIO);
    if (spareDepth >= SPARE_DEPTH_MAX)
      return damaged(`zfs:${this.pool.name}`, `ZFS spare ${this.name}: in its own place`, EIO);
    burn(16);
    spareDepth++;
    const error = group.children[group.spareDisk(this.spare, offset)].read(bp, dst, offset, size, choice);
    spareDepth--;
    return error;
  }

  private group(): DraidVdev | null {
    const tops = this.pool.tops;
    for (let i = 0; i < tops.length; i++) {
      if (tops[i].guid == this.draid && tops[i] instanceof DraidVdev) return tops[i] as DraidVdev;
    }
    return null;
  }
}
