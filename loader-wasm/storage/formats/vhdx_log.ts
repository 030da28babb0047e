// The log of a VHDX image (MS-VHDX, 2.3): a ring of entries with what was to be written to the file when its user ended. What
// belongs together is played back in memory: reads of the file find it, the file itself stays as it is.

import { crc32c } from "../../lib/digests/crc32";
import { allocate, burn, damaged } from "../../lib/fault";
import { putGuest } from "../../lib/guest";
import { sumsAgree } from "../../lib/variant";
import { Disk, OFFSET_LIMIT } from "../disk";

/** Bytes of a log, and writes of all its entries. */
const LOG_SIZE_MAX: u32 = 16 << 20;
const WRITES_MAX: i32 = 8192;
/** Entries begin at, are of, and write whole sectors. */
const SECTOR: u32 = 4096;

/** Offsets in an entry's header, behind which are descriptors, then sectors of data. */
const E_CHECKSUM: usize = 4; // u32
const E_SIZE: usize = 8; // u32
const E_TAIL: usize = 12; // u32, where the first entry is that isn't in the file yet
const E_SEQUENCE: usize = 16; // u64
const E_COUNT: usize = 24; // u32
const E_LOG: usize = 32; // u64[2]
const E_FLUSHED: usize = 48; // u64, bytes of the file then
const E_LAST: usize = 56; // u64, bytes that it needs
const E_HEAD: u32 = 64;
const MAGIC_ENTRY: u32 = 0x65676f6c;

/** Offsets in a descriptor: of zeros, or of a sector of data, whose ends are here. */
const D_TRAILING: usize = 4; // u32
const D_LEADING: usize = 8; // u64, and for zeros how many
const D_PLACE: usize = 16; // u64
const D_SEQUENCE: usize = 24; // u64
const D_SIZE: u32 = 32;
const MAGIC_ZEROS: u32 = 0x6f72657a;
const MAGIC_DESCRIPTOR: u32 = 0x63736564;

/** Offsets in a sector of data: halves of the sequence number, and the bytes between them. */
const S_SEQUENCE_HIGH: usize = 4;
const S_SEQUENCE_LOW: usize = 4092;
const S_TRAILING: usize = 4092;
const MAGIC_DATA: u32 = 0x61746164;

/** What was to be written: zeros, if there is no `data`. */
class Write {
  constructor(
    readonly start: u64,
    readonly end: u64,
    readonly data: usize,
  ) {}
}

/** Why a log can't be played back; null when it was. */
type Refusal = string | null;

/** A file behind what its log has. */
export class LoggedFile extends Disk {
  private readonly writes: Write[] = [];

  constructor(private readonly file: Disk) {
    super(file.unit, file.sectorSize, file.mediaSize);
  }

  name(): string {
    return this.file.name();
  }

  /** Plays back the log of `size` bytes at `offset`, whose entries have the identification `id0`, `id1`. */
  playBack(offset: u64, size: u32, id0: u64, id1: u64): Refusal {
    const end = this.file.mediaSize;
    if (size == 0 || size % SECTOR != 0 || size > LOG_SIZE_MAX) return `log of ${size} bytes`;
    if (offset > end || <u64>size > end - offset) return `log: ${size} bytes at ${offset}, but the file ends at ${end}`;
    // Twice, so that entries that go on at the log's start lie together.
    const ring = allocate(2 * <usize>size);
    if (this.file.read(offset, ring, size) != <i64>size) return "log: can't be read";
    memory.copy(ring + <usize>size, ring, <usize>size);
    const entries = new Log(ring, size, id0, id1).entries();
    for (let i = 0; i < entries.length; i++) {
      const refusal = this.take(ring + <usize>entries[i]);
      if (refusal !== null) return refusal;
    }
    const what = `vhdx log: ${entries.length} entries, which are played back in memory`;
    if (entries.length > 0) damaged(`${this.name()} offset ${offset}`, what, 0);
    return null;
  }

  /** Takes over the writes of the entry at `entry`, which is whole. */
  private take(entry: usize): Refusal {
    const flushed = load<u64>(entry, E_FLUSHED);
    const last = load<u64>(entry, E_LAST);
    const count = load<u32>(entry, E_COUNT);
    if (flushed > this.file.mediaSize) return `log: the file ends at ${this.file.mediaSize}, and had ${flushed} bytes`;
    if (last > OFFSET_LIMIT) return `log: a file of ${last} bytes`;
    this.mediaSize = max(this.mediaSize, last);
    let data = entry + <usize>headSize(count);
    for (let i: u32 = 0; i < count; i++) {
      const at = entry + <usize>(E_HEAD + i * D_SIZE);
      const isData = load<u32>(at) == MAGIC_DESCRIPTOR;
      const place = load<u64>(at, D_PLACE);
      const length = isData ? <u64>SECTOR : load<u64>(at, D_LEADING);
      if (place > OFFSET_LIMIT || length > OFFSET_LIMIT - place) return `log: write of ${length} bytes at ${place}`;
      if (this.writes.length == WRITES_MAX) return `log: more than ${WRITES_MAX} writes`;
      this.writes.push(new Write(place, place + length, isData ? data : 0));
      this.mediaSize = max(this.mediaSize, place + length);
      if (!isData) continue;
      store<u64>(data, load<u64>(at, D_LEADING));
      store<u32>(data, load<u32>(at, D_TRAILING), S_TRAILING);
      data += <usize>SECTOR;
    }
    return null;
  }

  read(offset: u64, dst: usize, size: u32): i64 {
    const writes = this.writes;
    if (writes.length == 0) return this.file.read(offset, dst, size);
    if (offset >= this.mediaSize) return 0;
    burn(<i64>(writes.length >> 3));
    const wanted = min(<u64>size, this.mediaSize - offset);
    const got = this.file.read(offset, dst, <u32>wanted);
    if (got < 0) return got;
    // The file may have to grow for what is written.
    memory.fill(dst + <usize>got, 0, <usize>wanted - <usize>got);
    for (let i = 0; i < writes.length; i++) {
      const write = writes[i];
      const from = max(write.start, offset);
      const to = min(write.end, offset + wanted);
      if (from >= to) continue;
      const at = dst + <usize>(from - offset);
      if (write.data == 0) memory.fill(at, 0, <usize>(to - from));
      else memory.copy(at, write.data + <usize>(from - write.start), <usize>(to - from));
    }
    return <i64>wanted;
  }

  readToGuest(offset: u64, gpa: u64, size: u64): i64 {
    if (this.isAsInFile(offset, size)) return this.file.readToGuest(offset, gpa, size);
    const block = allocate(SECTOR);
    let done: u64 = 0;
    while (done < size) {
      const got = this.read(offset + done, block, <u32>min(<u64>SECTOR, size - done));
      if (got < 0) done = <u64>got;
      if (got <= 0) break;
      putGuest(block, gpa + done, <u32>got);
      done += <u64>got;
    }
    heap.free(block);
    return <i64>done;
  }

  private isAsInFile(offset: u64, size: u64): bool {
    const writes = this.writes;
    burn(<i64>(writes.length >> 3));
    for (let i = 0; i < writes.length; i++) {
      if (writes[i].start < offset + size && offset < writes[i].end) return false;
    }
    return writes.length == 0 || (offset < this.file.mediaSize && size <= this.file.mediaSize - offset);
  }
}

/** Bytes of an entry before its data: the header, and `count` descriptors. */
function headSize(count: u32): u32 {
  return (E_HEAD + count * D_SIZE + SECTOR - 1) & ~(SECTOR - 1);
}

/** A ring of `size` bytes, twice at `ring`. */
class Log {
  constructor(
    private readonly ring: usize,
    private readonly size: u32,
    private readonly id0: u64,
    private readonly id1: u64,
  ) {}

  /** Where the entries are that are to be played back: the latest ones that follow each other, from where their last one says. */
  entries(): u32[] {
    let best: u32[] = [];
    let bestSequence: u64 = 0;
    for (let tail: u32 = 0; tail < this.size; ) {
      const found: u32[] = [];
      let at = tail;
      let total: u32 = 0;
      let last: u64 = 0;
      let first: i32 = -1;
      while (total < this.size) {
        const length = this.entryAt(at);
        const sequence = load<u64>(this.ring + <usize>at, E_SEQUENCE);
        if (length == 0 || length > this.size - total || (total > 0 && sequence != last + 1)) break;
        found.push(at);
        first = found.indexOf(load<u32>(this.ring + <usize>at, E_TAIL));
        last = sequence;
        total += length;
        at = (at + length) % this.size;
      }
      if (first >= 0 && last > bestSequence) {
        best = found.slice(first);
        bestSequence = last;
      }
      // Behind a sequence comes another; one that goes over the log's end was the last.
      if (first < 0) tail += SECTOR;
      else if (at > tail) tail = at;
      else break;
    }
    return best;
  }

  /** Bytes of the entry at `at`; 0 when there is none, or not all of it was written. */
  private entryAt(at: u32): u32 {
    burn(1);
    const entry = this.ring + <usize>at;
    const length = load<u32>(entry, E_SIZE);
    const count = load<u32>(entry, E_COUNT);
    const sequence = load<u64>(entry, E_SEQUENCE);
    if (load<u32>(entry) != MAGIC_ENTRY || load<u64>(entry, E_LOG) != this.id0) return 0;
    if (load<u64>(entry + 8, E_LOG) != this.id1 || sequence == 0) return 0;
    if (length == 0 || length % SECTOR != 0 || length > this.size || count > length / D_SIZE) return 0;
    if (headSize(count) > length || !this.isSummed(entry, length)) return 0;
    let data = headSize(count);
    for (let i: u32 = 0; i < count; i++) {
      const descriptor = entry + <usize>(E_HEAD + i * D_SIZE);
      const magic = load<u32>(descriptor);
      if (load<u64>(descriptor, D_SEQUENCE) != sequence || load<u64>(descriptor, D_PLACE) % <u64>SECTOR != 0) return 0;
      if (magic == MAGIC_ZEROS) {
        if (load<u64>(descriptor, D_LEADING) % <u64>SECTOR != 0) return 0;
        continue;
      }
      if (magic != MAGIC_DESCRIPTOR || data > length - SECTOR) return 0;
      const sector = entry + <usize>data;
      const high = <u64>load<u32>(sector, S_SEQUENCE_HIGH);
      if (load<u32>(sector) != MAGIC_DATA) return 0;
      if (((high << 32) | <u64>load<u32>(sector, S_SEQUENCE_LOW)) != sequence) return 0;
      data += SECTOR;
    }
    return length;
  }

  private isSummed(entry: usize, length: u32): bool {
    burn(<i64>(length >> 3));
    const sum = load<u32>(entry, E_CHECKSUM);
    store<u32>(entry, 0, E_CHECKSUM);
    const good = sumsAgree(crc32c(entry, length), sum);
    store<u32>(entry, sum, E_CHECKSUM);
    return good;
  }
}
