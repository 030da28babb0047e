// An ELF file being loaded: opened, its header checked, its tables read. Used by both loaders (linked.ts for
// kernels and shared objects, object.ts for relocatable modules).

import { close, open, read, readToGuest, seek, seeksCheaply } from "../../files/files";
import { O_RDONLY, SEEK_SET } from "../../fs/file_system";
import { EFTYPE, errno, setErrno } from "../../lib/errno";
import { allocate, damaged } from "../../lib/fault";
import { copyinPieces } from "../../lib/guest";
import { print } from "../../lib/output";
import { PURPOSE_KERNEL, PURPOSE_MODULE } from "../../protocol";
import { preloadedFiles } from "../preloaded";
import { ElfClass, ElfHeader, Section } from "./layout";

/** Bytes read at first; program headers must be among them. */
export const FIRST_PAGE: i32 = 4096;
/** Bytes of a table (section headers, section names) that the loader takes into its own memory. */
const TABLE_LIMIT: u64 = 4 * 1024 * 1024;
/** Bytes behind the segments of a compressed file that are kept. */
const TAIL_LIMIT: u64 = 16 * 1024 * 1024;

/**
 * An open file of which the class and the header are known to fit. Tables are checked as they are read; the last one
 * may be kept, since what follows is often in it.
 */
export class ElfFile {
  /** The first page of the file and how many bytes of it there are. */
  readonly page: usize = allocate(FIRST_PAGE);
  pageSize: i32 = 0;
  header: ElfHeader = new ElfHeader();
  /** The kept tail: a block with the bytes from `tailStart` to `tailEnd`. */
  private tail: usize = 0;
  private tailStart: u64 = 0;
  private tailEnd: u64 = 0;

  constructor(
    readonly elf: ElfClass,
    readonly path: string,
    readonly fd: i32,
  ) {}

  close(): void {
    close(this.fd);
    heap.free(this.page);
    if (this.tail != 0) heap.free(this.tail);
  }

  /**
   * Keeps the bytes from `start` to the end of the section headers when the file is compressed: symbols are wanted
   * from before them, and going back would decode everything again. False when the headers can't be reached.
   */
  keepTail(start: u64): bool {
    const headers = this.header.shoff;
    const end = headers + this.sectionTableSize;
    if (seeksCheaply(this.fd) || headers < start || end < headers || end - start > TAIL_LIMIT) return true;
    if (seek(this.fd, <i64>start, SEEK_SET) == -1) return false;
    this.tail = allocate(<usize>(end - start));
    this.tailStart = start;
    this.tailEnd = start;
    if (this.keep(headers) && this.keep(end)) return true;
    // What follows a piece that is cut off is asked for once more, as when it is passed over.
    if (this.tailEnd < headers && this.tailEnd > start) this.keep(headers);
    this.damaged("ELF section headers: beyond the end of the compressed data");
    return false;
  }

  /** Reads the tail on up to `end`. */
  private keep(end: u64): bool {
    const size = <i32>(end - this.tailEnd);
    const got = read(this.fd, this.tail + <usize>(this.tailEnd - this.tailStart), size);
    if (got > 0) this.tailEnd += got;
    return got == size;
  }

  /** Whether all of `size` bytes at `offset` are kept. */
  private isKept(offset: u64, size: u64): bool {
    return offset >= this.tailStart && offset <= this.tailEnd && size <= this.tailEnd - offset;
  }

  /** Prints `text` with the loader's own name before it, as `elf64_loadimage: ...`. */
  say(where: string, text: string): void {
    print(`elf${this.elf.bits}_${where}: ${text}\n`);
  }

  /** Reports damage in this file. Returns EFTYPE. */
  damaged(what: string): i32 {
    return damaged(this.path, what, EFTYPE);
  }

  /** Reads up to `size` bytes at `offset` into guest memory. Returns how many, or -1. */
  readUpTo(offset: u64, gpa: u64, size: u64): i64 {
    if (size > 0 && this.isKept(offset, size)) {
      copyinPieces(this.tail + <usize>(offset - this.tailStart), gpa, size);
      return <i64>size;
    }
    return seek(this.fd, <i64>offset, SEEK_SET) == -1 ? -1 : readToGuest(this.fd, gpa, size);
  }

  /** Reads `size` bytes at `offset` into guest memory. False when they aren't all there. */
  readToGuest(offset: u64, gpa: u64, size: u64): bool {
    return this.readUpTo(offset, gpa, size) == <i64>size;
  }

  /** A fresh block (`heap.free` it) with `size` bytes at `offset`; 0 when they aren't all there, or too many. */
  readTable(offset: u64, size: u64, what: string): usize {
    if (size > TABLE_LIMIT) {
      this.damaged(`ELF ${what}: size ${size} exceeds ${TABLE_LIMIT}`);
      return 0;
    }
    const block = allocate(<usize>size);
    if (size > 0 && this.isKept(offset, size)) {
      memory.copy(block, this.tail + <usize>(offset - this.tailStart), <usize>size);
      return block;
    }
    if (seek(this.fd, <i64>offset, SEEK_SET) != -1 && read(this.fd, block, <i32>size) == <i32>size) return block;
    this.damaged(`ELF ${what}: ${size} bytes at offset ${offset} are not all in the file`);
    heap.free(block);
    return 0;
  }

  /** Bytes of the section header table. */
  get sectionTableSize(): u32 {
    return this.header.shnum * this.header.shentsize;
  }

  /** The section headers in `table`; those that it doesn't reach are empty. */
  sections(table: usize): Section[] {
    const elf = this.elf;
    const size = this.sectionTableSize;
    const sections: Section[] = [];
    for (let i: u32 = 0; i < this.header.shnum; i++) {
      const at = i * elf.sectionSize;
      sections.push(at + elf.sectionSize <= size ? elf.section(table + at) : new Section());
    }
    return sections;
  }
}

/** Opens `path` as an ELF file of class `elf`. Null and errno: EFTYPE when it isn't one. */
export function openElf(elf: ElfClass, path: string): ElfFile | null {
  // The first file is the kernel, whatever it turns out to be.
  const purpose = preloadedFiles.length == 0 ? PURPOSE_KERNEL : PURPOSE_MODULE;
  const fd = open(path, O_RDONLY, purpose);
  if (fd < 0) return null;
  const file = new ElfFile(elf, path, fd);
  file.pageSize = read(fd, file.page, FIRST_PAGE);
  if (file.pageSize < 0) {
    const error = errno;
    file.close();
    setErrno(error);
    return null;
  }
  if (file.pageSize < <i32>elf.headerSize || !elf.accepts(file.page)) {
    file.close();
    setErrno(EFTYPE);
    return null;
  }
  file.header = elf.header(file.page);
  return file;
}
