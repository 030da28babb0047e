// Volumes: the runs of disk bytes that file systems and pools live on; and what is kept of them.

import { Disk, OFFSET_LIMIT } from "./disk";

/** A stretch of a disk, addressed from its own start. Reads past the end of the disk come out short. */
export class Volume {
  constructor(
    readonly disk: Disk,
    /** Byte offset on the disk. */
    readonly start: u64,
  ) {}

  /** Reads `size` bytes at `offset`, through the cache unless they are many. Returns how many, or -1 and errno. */
  read(offset: u64, dst: usize, size: u32): i64 {
    return this.disk.read(this.place(offset), dst, size);
  }

  /** Like `read`, straight into guest memory. */
  readToGuest(offset: u64, gpa: u64, size: u64): i64 {
    return this.disk.readToGuest(this.place(offset), gpa, size);
  }

  /** Where `offset` is on the disk; anything absurd is past every disk's end. */
  place(offset: u64): u64 {
    return offset > OFFSET_LIMIT ? OFFSET_LIMIT : this.start + offset;
  }

  /** How reports of damage at `offset` begin. */
  where(offset: u64): string {
    return `${this.disk.name()} offset ${this.place(offset)}`;
  }
}

class KnownPlace<T> {
  constructor(
    readonly disk: Disk,
    readonly start: u64,
    readonly fact: T,
  ) {}
}

/** What was found at places of disks, each looked at once: partition tables, mounted file systems. */
export class KnownPlaces<T> {
  private readonly places: KnownPlace<T>[] = [];

  /** What is known of the place that begins at `start` (bytes or sectors, as its user counts) of `disk`, or null. */
  find(disk: Disk, start: u64): T | null {
    for (let i = 0; i < this.places.length; i++) {
      const place = this.places[i];
      if (place.disk === disk && place.start == start) return place.fact;
    }
    return null;
  }

  /** Keeps `fact` for the place. */
  add(disk: Disk, start: u64, fact: T): void {
    this.places.push(new KnownPlace<T>(disk, start, fact));
  }
}
