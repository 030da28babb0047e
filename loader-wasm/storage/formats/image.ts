// Disks whose images have a format: a file says where in it, or in other files, the bytes of the disk are. A format finds
// that out (qcow2.ts, vmdk.ts ...); here bytes are brought, those that lie together with one call, straight to guest
// memory where they are wanted there. All of an image is the guest's: nothing in it is believed, and no name in it followed.

import { EIO } from "../../lib/errno";
import { allocate, burn, damaged, die } from "../../lib/fault";
import { putGuest, zeroGuest } from "../../lib/guest";
import { FAULT_IMAGE } from "../../protocol";
import { Disk, OFFSET_LIMIT } from "../disk";

/** Of unpacked clusters so many bytes are kept, over all disks; the one in use may be larger. */
const UNPACKED_MAX: u32 = 4 << 20;
/** Fuel for zeros in the module's memory: one for so many bytes. */
const ZERO_SHIFT: u64 = 12;
/** Blocks of formats that don't limit them more. */
const BLOCK_MIN: u32 = 4096;
const BLOCK_MAX: u32 = 256 << 20;

/** What a place of a disk holds. */
enum Content {
  Zeros,
  /** Bytes of a file. */
  Plain,
  /** Bytes that have to be unpacked. */
  Packed,
}

/** A part of an image that holds no data. */
class Claim {
  constructor(
    readonly start: u64,
    readonly end: u64,
    readonly name: string,
  ) {}
}

/** A cluster that was unpacked. */
class Unpacked {
  stamp: u64 = 0;

  constructor(
    readonly image: Image,
    /** Where it is on the disk. */
    readonly start: u64,
    readonly data: usize,
    readonly size: u32,
  ) {}
}

const unpacked: Unpacked[] = [];
let unpackedBytes: u32 = 0;
let clock: u64 = 0;

/** Forgets the clusters that were not used for longest until there is room for `size` bytes. */
function makeRoom(size: u32): void {
  while (unpacked.length > 0 && unpackedBytes + size > UNPACKED_MAX) {
    let oldest = 0;
    for (let i = 1; i < unpacked.length; i++) if (unpacked[i].stamp < unpacked[oldest].stamp) oldest = i;
    unpackedBytes -= unpacked[oldest].size;
    heap.free(unpacked[oldest].data);
    unpacked[oldest] = unpacked[unpacked.length - 1];
    unpacked.pop();
  }
}

/** Where the numbers of a table's entry are put. */
export const cell: usize = memory.data(16, 8);

/** A disk behind an image in `file`, which a format knows how to read. */
export abstract class Image extends Disk {
  private content: Content = Content.Zeros;
  /** The file with the bytes, where they are in it, and how many there are together. */
  private source: Disk;
  private place: u64 = 0;
  private run: u64 = 0;
  /** Where the packed cluster is on the disk, and its bytes, unpacked and packed. */
  private packedStart: u64 = 0;
  private unpackedSize: u32 = 0;
  private packedSize: u32 = 0;
  private readonly claims: Claim[] = [];

  constructor(
    readonly file: Disk,
    /** The format, for reports. */
    readonly word: string,
  ) {
    super(file.unit, file.sectorSize, 0);
    this.source = file;
  }

  name(): string {
    return this.file.name();
  }

  // ---- what a format does ---------------------------------------------------------------------------------

  /** Finds what is at `offset`, which is on the disk, and tells by one of `zeros`, `plain`, `packed`. False and errno. */
  abstract find(offset: u64): bool;

  /** Unpacks the `size` bytes at `src` to all of the `dstSize` at `dst`. False when they are damaged. */
  unpack(_src: usize, _size: u32, _dst: usize, _dstSize: u32): bool {
    return false;
  }

  // ---- what it tells --------------------------------------------------------------------------------------

  /** The next `run` bytes are zeros. */
  protected zeros(run: u64): bool {
    this.content = Content.Zeros;
    this.run = run;
    return true;
  }

  /** The next `run` bytes are those of `source` at `place`. */
  protected plain(source: Disk, place: u64, run: u64): bool {
    this.content = Content.Plain;
    this.source = source;
    this.place = place;
    this.run = run;
    return true;
  }

  /** The next `run` bytes are zeros, or the ones that the image `below`, if there is one, has there. */
  protected below(below: Disk | null, offset: u64, run: u64): bool {
    if (below === null || offset >= below.mediaSize) return this.zeros(run);
    return this.plain(below, offset, min(run, below.mediaSize - offset));
  }

  /**
   * The cluster of `size` bytes at `start` of the disk is packed in the `packedSize` at `place`, or fewer where the file
   * ends; the next `run` bytes are in it.
   */
  protected packed(start: u64, size: u32, place: u64, packedSize: u32, run: u64): bool {
    this.content = Content.Packed;
    this.packedStart = start;
    this.unpackedSize = size;
    this.place = place;
    this.packedSize = packedSize;
    this.run = run;
    return true;
  }

  // ---- what it is told ------------------------------------------------------------------------------------

  /** Ends the session: an image that can't be used is the caller's concern. `what` begins with the structure. */
  refuse(offset: u64, what: string): void {
    die(FAULT_IMAGE, `${this.name()}: offset ${offset}: ${this.word} ${what}`);
  }

  /** The same for a number that can't be. */
  refuseValue(offset: u64, name: string, value: u64): void {
    this.refuse(offset, `${name} ${value}`);
  }

  /** The same for what only tells how a disk differs from another one. */
  refuseDifference(offset: u64): void {
    this.refuse(offset, "image is a difference to another one, which isn't read");
  }

  /** Takes the disk's size over from `offset`. */
  protected takeSize(offset: u64, name: string, size: u64): void {
    if (size == 0 || size > OFFSET_LIMIT) this.refuseValue(offset, name, size);
    this.mediaSize = size;
  }

  /** The size of a block, said at `offset`, as a power of two. */
  protected blockShift(offset: u64, name: string, size: u32): u64 {
    if (size < BLOCK_MIN || size > BLOCK_MAX || popcnt(size) != 1) this.refuseValue(offset, name, size);
    return <u64>ctz(size);
  }

  /** How many blocks of the size 2^`shift` the disk has; there must be `count`, said at `offset`, or fewer. */
  protected blocks(offset: u64, name: string, shift: u64, count: u64): u64 {
    const needed = ((this.mediaSize - 1) >> shift) + 1;
    if (count < needed) this.refuse(offset, `${name} ${count}, ${needed} are needed`);
    return needed;
  }

  /** The same for a number of an entry. */
  protected badValue(offset: u64, name: string, value: u64): bool {
    return this.bad(offset, `${name} ${value}`);
  }

  /** Reports damage at `offset` of the file. Returns false, errno is EIO. */
  protected bad(offset: u64, what: string): bool {
    damaged(`${this.name()} offset ${offset}`, `${this.word} ${what}`, EIO);
    return false;
  }

  /** The `size` bytes at `offset`, in memory for ever. An image that doesn't have them is refused. */
  protected head(offset: u64, size: u32, what: string): usize {
    const block = allocate(size);
    const got = offset > this.file.mediaSize ? 0 : this.file.read(offset, block, size);
    if (got != <i64>size) this.refuse(offset, `${what}: ${got < 0 ? "can't be read" : "the file ends before it does"}`);
    return block;
  }

  /** Brings an entry of `size` (at most 16) bytes to `cell`. False and errno. */
  protected entry(offset: u64, size: u32, what: string): bool {
    burn(1);
    const got = this.file.read(offset, cell, size);
    if (got < 0 || got == <i64>size) return got >= 0;
    return this.bad(offset, `${what}: the file ends before it does`);
  }

  /** Keeps `size` bytes from `start` on for a structure, which must be in the file and apart from the others. */
  protected claim(start: u64, size: u64, name: string): void {
    const end = this.file.mediaSize;
    if (start > end || size > end - start) this.refuse(start, `${name}: ${size} bytes, but the file ends at ${end}`);
    for (let i = 0; i < this.claims.length; i++) {
      const other = this.claims[i];
      if (start < other.end && other.start < start + size) this.refuse(start, `${name}: overlaps the ${other.name}`);
    }
    this.claims.push(new Claim(start, start + size, name));
  }

  /** Whether the entry at `at` may say that `size` bytes of something begin at `place`. False and errno. */
  protected allows(at: u64, place: u64, size: u64, what: string): bool {
    if (place >= this.file.mediaSize) {
      return this.bad(at, `${what}: offset ${place}, but the file ends at ${this.file.mediaSize}`);
    }
    for (let i = 0; i < this.claims.length; i++) {
      const other = this.claims[i];
      if (place < other.end && other.start < place + size) {
        return this.bad(at, `${what}: offset ${place} overlaps the ${other.name}`);
      }
    }
    return true;
  }

  // ---- bytes ----------------------------------------------------------------------------------------------

  read(offset: u64, dst: usize, size: u32): i64 {
    return this.bring(offset, size, dst, 0, false);
  }

  readToGuest(offset: u64, gpa: u64, size: u64): i64 {
    return this.bring(offset, size, 0, gpa, true);
  }

  /** Brings bytes to `dst`, or to `gpa` when it is `guest` memory that they are for. */
  private bring(offset: u64, size: u64, dst: usize, gpa: u64, guest: bool): i64 {
    if (offset >= this.mediaSize) return 0;
    const wanted = min(size, this.mediaSize - offset);
    let done: u64 = 0;
    while (done < wanted) {
      const at = offset + done;
      if (!this.find(at)) return -1;
      const to = dst + <usize>done;
      if (this.content == Content.Packed) {
        const cluster = this.unpackedCluster();
        if (cluster === null) return -1;
        const from = cluster.data + <usize>(at - cluster.start);
        const run = min(this.run, wanted - done);
        if (guest) putGuest(from, gpa + done, <u32>run);
        else memory.copy(to, from, <usize>run);
        done += run;
        continue;
      }
      const isPlain = this.content == Content.Plain;
      const source = this.source;
      const place = this.place;
      const run = this.together(at, wanted - done);
      if (isPlain) {
        const got = guest ? source.readToGuest(place, gpa + done, run) : source.read(place, to, <u32>run);
        if (got < 0) return -1;
        if (got != <i64>run) {
          this.bad(place + <u64>got, `data: ${source.name()} ends ${run - <u64>got} bytes too early`);
          return -1;
        }
      } else if (guest) {
        zeroGuest(gpa + done, run);
      } else {
        burn(<i64>(run >> ZERO_SHIFT));
        memory.fill(to, 0, <usize>run);
      }
      done += run;
    }
    return <i64>done;
  }

  /** How many bytes from `at` on, at most `limit`, lie together with those that were found there last. */
  private together(at: u64, limit: u64): u64 {
    const content = this.content;
    const source = this.source;
    const place = this.place;
    let run = min(this.run, limit);
    // What can't be found here is looked for once more when it is the first.
    while (run < limit && this.find(at + run) && this.content == content) {
      if (content == Content.Plain && (this.source !== source || this.place != place + run)) break;
      run += min(this.run, limit - run);
    }
    return run;
  }

  /** The packed cluster that was found last. Null and errno. */
  private unpackedCluster(): Unpacked | null {
    const start = this.packedStart;
    for (let i = 0; i < unpacked.length; i++) {
      const known = unpacked[i];
      if (known.start != start || known.image !== this) continue;
      known.stamp = ++clock;
      return known;
    }
    const size = this.unpackedSize;
    const place = this.place;
    makeRoom(size);
    const src = allocate(this.packedSize);
    const got = this.file.read(place, src, this.packedSize);
    const data = allocate(size);
    const good = got > 0 && this.unpack(src, <u32>got, data, size);
    heap.free(src);
    if (!good) {
      heap.free(data);
      if (got >= 0) this.bad(place, "compressed cluster: can't be unpacked");
      return null;
    }
    const made = new Unpacked(this, start, data, size);
    made.stamp = ++clock;
    unpacked.push(made);
    unpackedBytes += size;
    return made;
  }
}
