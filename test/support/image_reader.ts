// Disks behind images as the core sees them, without a session: the part of the core that reads them, with the files in
// memory, and a stretch of guest memory.

import { compilePart } from "./core_part.js";

/** A file as it is given. */
export interface GivenFile {
  bytes: Uint8Array;
  format?: string;
}

/** The text with which the core ended. */
export class Refusal extends Error {}

const LINES = `
import { configure } from "./conf";
import { errno } from "./lib/errno";
import { Disk } from "./storage/disk";
import { openDisk } from "./storage/formats/formats";
let disk: Disk | null = null;
export function open(size: u64): void { configure(); disk = openDisk(0, 512, size); }
export function mediaSize(): u64 { return disk!.mediaSize; }
export function sectorSize(): u32 { return disk!.sectorSize; }
export function readDisk(offset: u64, dst: usize, size: u32): i32 {
  const got = disk!.read(offset, dst, size);
  return got < 0 ? -errno : <i32>got;
}
export function readDiskToGuest(offset: u64, gpa: u64, size: u32): i32 {
  const got = disk!.readToGuest(offset, gpa, size);
  return got < 0 ? -errno : <i32>got;
}
`;

let compiled: Promise<WebAssembly.Module> | undefined;

/** Compiles the reader; the first call takes its time. */
export function compileReader(): Promise<WebAssembly.Module> {
  compiled ??= compilePart(LINES);
  return compiled;
}

/** Bytes of guest memory. */
const GUEST_SIZE = 8 * 1024 * 1024;
const FUEL = 1n << 32n;

type Exports = Record<string, (...args: (number | bigint)[]) => number | bigint>;

/** An open disk. */
export class ImageReader {
  /** Damage that was reported. */
  readonly reports: string[] = [];
  /** Reads of files: into the module, into guest memory. */
  calls = 0;
  guestCalls = 0;
  readonly guest = Buffer.alloc(GUEST_SIZE, 0xee);
  readonly #memory = new WebAssembly.Memory({ initial: 64, maximum: 1024 });
  readonly #call: Exports;
  readonly #block: number;

  /** Opens the first file, with which the others are granted. Throws what the core refuses it with. */
  constructor(module: WebAssembly.Module, files: readonly GivenFile[]) {
    const bytes = () => Buffer.from(this.#memory.buffer);
    const text = (at: number, size: number) => bytes().toString("latin1", at, at + size);
    const part = (unit: number, offset: bigint, size: number) => {
      const file = files[unit]!.bytes;
      return offset >= BigInt(file.length) ? file.subarray(0, 0) : file.subarray(Number(offset), Number(offset) + size);
    };
    const known: Record<string, (...args: never[]) => number> = {
      diskread: (unit: number, offset: bigint, dst: number, size: number, left: number) => {
        const got = part(unit, offset, size >>> 0);
        this.calls++;
        bytes().set(got, dst);
        bytes().writeUInt32LE((size >>> 0) - got.length, left);
        return 0;
      },
      diskread_guest: (unit: number, offset: bigint, gpa: bigint, size: bigint, left: number) => {
        const got = part(unit, offset, Number(size));
        this.guestCalls++;
        this.guest.set(got, Number(gpa));
        bytes().writeBigUInt64LE(size - BigInt(got.length), left);
        return 0;
      },
      diskioctl: (unit: number, command: number, cell: number) => {
        const file = files[unit]!;
        bytes().fill(0, cell, cell + 8);
        if (command >>> 0 === 0x40086481) bytes().writeUInt32LE(file.bytes.length, cell);
        if (command >>> 0 !== 0x401864f0) return 0;
        bytes().writeUInt32LE(1, cell);
        bytes().writeUInt32LE(unit === 0 ? files.length - 1 : 0, cell + 4);
        bytes()
          .fill(0, cell + 8, cell + 24)
          .write(file.format ?? "", cell + 8);
        return 0;
      },
      copyin: (src: number, gpa: bigint, size: number) => {
        this.guest.set(bytes().subarray(src, src + size), Number(gpa));
        return 0;
      },
      zero_guest: (gpa: bigint, size: bigint) => {
        this.guest.fill(0, Number(gpa), Number(gpa + size));
        return 0;
      },
      report: (at: number, size: number) => this.reports.push(text(at, size)),
      fault: (_kind: number, at: number, size: number) => {
        throw new Refusal(text(at, size));
      },
    };
    const imports: WebAssembly.Imports = { env: { memory: this.#memory } };
    for (const { module: from, name, kind } of WebAssembly.Module.imports(module))
      if (kind === "function") imports[from] = { ...imports[from], [name]: known[name] ?? (() => 0) };
    this.#call = new WebAssembly.Instance(module, imports).exports as Exports;
    this.#call._start?.();
    this.#call.grantFuel!(FUEL);
    this.#block = Number(this.#call.allocate!(GUEST_SIZE));
    this.#call.open!(BigInt(files[0]!.bytes.length));
  }

  get size(): number {
    return Number(this.#call.mediaSize!());
  }

  get sectorSize(): number {
    return Number(this.#call.sectorSize!());
  }

  /** Bytes of the module's memory. */
  get memorySize(): number {
    return this.#memory.buffer.byteLength;
  }

  /** `size` bytes at `offset`, fewer at the end of the disk; or the errno. */
  read(offset: number, size: number): Buffer | number {
    const got = Number(this.#call.readDisk!(BigInt(offset), this.#block, size));
    if (got < 0) return -got;
    return Buffer.from(this.#memory.buffer.slice(this.#block, this.#block + got));
  }

  /** The same by way of guest memory. */
  readToGuest(offset: number, size: number): Buffer | number {
    const got = Number(this.#call.readDiskToGuest!(BigInt(offset), 0n, size));
    return got < 0 ? -got : Buffer.from(this.guest.subarray(0, got));
  }
}
