// What has been loaded for the kernel: the list of preloaded files (the kernel first), the modules they
// contain, and their metadata records. Filled by load/, read by boot/ when it builds what the kernel gets.

/** Metadata types (FreeBSD's sys/linker.h MODINFOMD_*). */
export const MODINFOMD_AOUTEXEC: u32 = 0x0001;
export const MODINFOMD_ELFHDR: u32 = 0x0002;
export const MODINFOMD_SSYM: u32 = 0x0003;
export const MODINFOMD_ESYM: u32 = 0x0004;
export const MODINFOMD_DYNAMIC: u32 = 0x0005;
export const MODINFOMD_ENVP: u32 = 0x0006;
export const MODINFOMD_HOWTO: u32 = 0x0007;
export const MODINFOMD_KERNEND: u32 = 0x0008;
export const MODINFOMD_SHDR: u32 = 0x0009;
export const MODINFOMD_CTORS_ADDR: u32 = 0x000a;
export const MODINFOMD_CTORS_SIZE: u32 = 0x000b;
/** Keys for disk encryption. */
export const MODINFOMD_KEYBUF: u32 = 0x000d;
/** The BIOS memory map; from here on types are the machine's own. */
export const MODINFOMD_SMAP: u32 = 0x1001;
/** Set in the types that stay in the loader. */
export const MODINFOMD_NOCOPY: u32 = 0x8000;
export const MODINFOMD_DEPLIST: u32 = 0x4001 | MODINFOMD_NOCOPY;

/** One metadata record: `size` bytes at `data`, which it owns. */
export class Metadata {
  constructor(
    readonly type: u32,
    readonly data: usize,
    readonly size: u32,
  ) {}
}

/** A module (in the linker's sense) that a file contains. */
export class KernelModule {
  constructor(
    readonly name: string,
    readonly version: i32,
  ) {}
}

/** A file in guest memory. */
export class PreloadedFile {
  /** Options given with it, or null. */
  args: string | null = null;
  /** GPA of its first byte, and its length in bytes. */
  addr: u64 = 0;
  size: u64 = 0;
  /** Where the highest of its bytes that guest memory refused ends; 0: all of it is there. */
  refusedEnd: u64 = 0;
  metadata: Metadata[] = [];
  modules: KernelModule[] = [];
  /** EM_386 or EM_X86_64 for ELF files, 0 for raw ones. */
  machine: u32 = 0;
  /** e_entry of ELF files. */
  entry: u64 = 0;

  constructor(
    readonly name: string,
    /** `elf kernel`, `elf module`, `elf obj module`, or what `load -t` said. */
    readonly type: string,
  ) {}

  /** What messages call it. */
  title(): string {
    if (this.type == "elf kernel") return `kernel ${this.name}`;
    return this.type.startsWith("elf ") ? `module ${this.name}` : `${this.type} ${this.name}`;
  }

  /** Adds a record in front, as the kernel expects the latest first, with a copy of `size` bytes at `data`. */
  addMetadata(type: u32, data: usize, size: u32): void {
    const copy = heap.alloc(size);
    memory.copy(copy, data, size);
    this.metadata.unshift(new Metadata(type, copy, size));
  }

  addMetadata64(type: u32, value: u64): void {
    store<u64>(cell, value);
    this.addMetadata(type, cell, 8);
  }

  addMetadata32(type: u32, value: u32): void {
    store<u32>(cell, value);
    this.addMetadata(type, cell, 4);
  }

  /** Forgets the metadata. The file is of no use afterwards. */
  release(): void {
    for (let i = 0; i < this.metadata.length; i++) heap.free(this.metadata[i].data);
    this.metadata = [];
  }

  /** The latest record of `type`, or null. */
  findMetadata(type: u32): Metadata | null {
    for (let i = 0; i < this.metadata.length; i++) if (this.metadata[i].type == type) return this.metadata[i];
    return null;
  }
}
const cell: usize = memory.data(8, 8);

/** All loaded files in order, the kernel first. */
export const preloadedFiles: PreloadedFile[] = [];

/** The first file of this name and type (null: any), or null. */
export function findFile(name: string | null, type: string | null): PreloadedFile | null {
  for (let i = 0; i < preloadedFiles.length; i++) {
    const file = preloadedFiles[i];
    if ((name === null || file.name == name) && (type === null || file.type == type)) return file;
  }
  return null;
}
