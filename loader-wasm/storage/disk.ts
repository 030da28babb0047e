// Disks: the caller's images as the guest's drives, `disk0` to `disk31`. What they hold doesn't change, as nobody
// writes to them.

import { setErrno } from "../lib/errno";
import { allocate, burn } from "../lib/fault";
import { twiddle } from "../lib/output";
import { copyin, diskread, diskread_guest } from "../protocol";
import { CHUNK_SIZE, readCached } from "./block_cache";

/** No offset on any disk is larger, so that sums of two offsets fit. */
export const OFFSET_LIMIT: u64 = 0x0100000000000000;

const residual: usize = memory.data(8, 8);

/** What the host calls `unit`, with the sizes that it had when it was found; an image of a format (formats/) is one, too. */
export class Disk {
  constructor(
    readonly unit: i32,
    public sectorSize: u32,
    /** Bytes. */
    public mediaSize: u64,
  ) {}

  name(): string {
    return `disk${this.unit}`;
  }

  /** Reads `size` bytes at `offset`. Returns how many there were, or -1 and errno. */
  read(offset: u64, dst: usize, size: u32): i64 {
    if (offset >= this.mediaSize) return 0;
    if (size < CHUNK_SIZE) return readCached(this.unit, this.mediaSize, this.sectorSize, offset, dst, size);
    const wanted = <u32>min(<u64>size, this.mediaSize - offset);
    burn(<i64>(wanted >> 12));
    twiddle();
    const error = diskread(this.unit, offset, dst, wanted, residual);
    if (error != 0) {
      setErrno(error);
      return -1;
    }
    return <i64>(wanted - min(load<u32>(residual), wanted));
  }

  /** Like `read`, but straight into guest memory. */
  readToGuest(offset: u64, gpa: u64, size: u64): i64 {
    if (offset >= this.mediaSize) return 0;
    const wanted = min(size, this.mediaSize - offset);
    if (wanted < <u64>CHUNK_SIZE) return this.copyToGuest(offset, gpa, <u32>wanted);
    burn(<i64>(wanted >> 12));
    twiddle();
    const error = diskread_guest(this.unit, offset, gpa, wanted, residual);
    if (error != 0) {
      setErrno(error);
      return -1;
    }
    return <i64>(wanted - min(load<u64>(residual), wanted));
  }

  /** Brings a few bytes to guest memory by way of the cache, which often has what is around them. */
  private copyToGuest(offset: u64, gpa: u64, size: u32): i64 {
    const block = allocate(<usize>size);
    const got = this.read(offset, block, size);
    if (got > 0) copyin(block, gpa, <u32>got);
    heap.free(block);
    return got;
  }
}

/** All disks, by unit; found by the driver (dev/disk.ts). */
export const disks: Disk[] = [];
