// The kernel's boot data as the loader left it in guest memory, decoded for the result: the words on the
// boot stack, the chain of preloaded files (sys/linker.h, MODINFO_*) and the environment block. The guest
// controls all of it, so every count and size is bounded, and what doesn't decode is left out.

import type { GuestMemory } from "../memory/guest.js";
import { hex, latin1 } from "../text.js";
import type { CpuState } from "./registers.js";

/** One record of a preloaded file. */
export interface MetadataRecord {
  /** Its name in FreeBSD without the prefix, or its number. */
  name: string;
  /** Where in guest memory its value is. */
  gpa: string;
  /** Bytes of the value. */
  size: number;
  /** Of numbers (up to 8 bytes). */
  value?: string;
}

/** A file the loader put into memory. */
export interface LoadedModule {
  /** Its path, as the loader has it. */
  name: string;
  /** What kind of file it is: `elf kernel`, `elf module`, a word of the guest's. */
  type: string;
  /** Where in guest memory it is. */
  address: string;
  /** Bytes that it takes there. */
  size: number;
  /** Its arguments, if it was given any. */
  args?: string;
  /** What else the loader says of it. */
  metadata: MetadataRecord[];
}

/** The words that a kernel finds on its stack, and where its environment is. */
export interface BootData {
  /** Flags of the boot (i386). */
  howto?: string;
  /** The device, in the old way of numbers (i386). */
  bootdev?: string;
  /** Where the old table of facts is (i386). */
  bootinfo?: string;
  /** Where the chain of loaded files is. */
  modulep: string;
  /** Where what the loader left ends. */
  kernend: string;
  /** Where the environment is. */
  envp?: string;
}

/**
 * What of a result was found in guest memory. `bootData` is missing when the guest has no boot stack that makes sense.
 */
export interface DecodedBootData {
  bootData?: BootData;
  modules: LoadedModule[];
  environment: Record<string, string>;
}

const END = 0;
const NAME = 1;
const TYPE = 2;
const ADDR = 3;
const SIZE = 4;
const ARGS = 6;
const ENVP = 0x8006;

const RECORD_NAMES: Readonly<Record<number, string>> = {
  5: "EMPTY",
  32769: "AOUTEXEC",
  32770: "ELFHDR",
  32771: "SSYM",
  32772: "ESYM",
  32773: "DYNAMIC",
  32774: "ENVP",
  32775: "HOWTO",
  32776: "KERNEND",
  32777: "SHDR",
  32778: "CTORS_ADDR",
  32779: "CTORS_SIZE",
  32780: "FW_HANDLE",
  32781: "KEYBUF",
  36865: "SMAP",
};

/** Most records and files that are listed, and bytes looked at. */
const RECORDS_MAX = 65_536;
const CHAIN_MAX = 4 * 1024 * 1024;
const ENVIRONMENT_MAX = 1024 * 1024;
const VARIABLES_MAX = 16_384;
const STRING_MAX = 65_536;
const NUMBER_SIZE_MAX = 8;

/** Decodes what `cpu` and `guest` hold at the kernel's entry. */
export function decodeBootData(cpu: CpuState, guest: GuestMemory): DecodedBootData {
  const reader = new Reader(guest);
  const words = reader.words(cpu.rsp, cpu.arch === "amd64" ? 3 : 9);
  if (words === undefined) return { modules: [], environment: {} };
  const [modulep, kernend] = words.slice(-2) as [number, number];
  const { modules, envp } = decodeChain(reader, modulep, cpu.arch === "amd64" ? 8 : 4);
  const bootData: BootData = { modulep: hex(modulep), kernend: hex(kernend) };
  if (cpu.arch === "i386") {
    Object.assign(bootData, { howto: hex(words[1]!), bootdev: hex(words[2]!), bootinfo: hex(words[6]!) });
  }
  if (envp === undefined) return { bootData, modules, environment: {} };
  bootData.envp = hex(envp);
  return { bootData, modules, environment: decodeEnvironment(reader, envp) };
}

/** Walks the records from `start`: 32-bit type and size, then the value, padded to `padding` bytes. */
function decodeChain(
  reader: Reader,
  start: number,
  padding: number,
): { modules: LoadedModule[]; envp: bigint | undefined } {
  const modules: LoadedModule[] = [];
  let envp: bigint | undefined;
  let at = start;
  for (let count = 0; count < RECORDS_MAX && at - start < CHAIN_MAX; count++) {
    const header = reader.words(BigInt(at), 2);
    if (header === undefined) break;
    const [type, size] = header as [number, number];
    if (type === END || size > CHAIN_MAX) break;
    const value = at + 8;
    const module = modules.at(-1);
    if (type === NAME) {
      modules.push({ name: reader.text(value, size), type: "", address: "0x0", size: 0, metadata: [] });
    } else if (module !== undefined) {
      const number = size <= NUMBER_SIZE_MAX ? reader.number(value, size) : undefined;
      if (type === TYPE) module.type = reader.text(value, size);
      else if (type === ARGS) module.args = reader.text(value, size);
      else if (type === ADDR) module.address = hex(number ?? 0n);
      else if (type === SIZE) module.size = Number(number ?? 0n);
      else {
        if (type === ENVP) envp ??= number;
        module.metadata.push({
          name: RECORD_NAMES[type] ?? hex(type),
          gpa: hex(value),
          size,
          ...(number === undefined ? {} : { value: hex(number) }),
        });
      }
    }
    at = value + Math.ceil(size / padding) * padding;
  }
  return { modules, envp };
}

/** `name=value` strings, each with a NUL, up to an empty one. */
function decodeEnvironment(reader: Reader, start: bigint): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const entry of reader.strings(start, ENVIRONMENT_MAX).slice(0, VARIABLES_MAX)) {
    const equals = entry.indexOf("=");
    const name = equals < 0 ? entry : entry.slice(0, equals);
    const value = equals < 0 ? "" : entry.slice(equals + 1);
    // A guest may well call a variable so; all others are set by assignment, which takes a third of the time.
    if (name === "__proto__") Object.defineProperty(environment, name, { ...OWN, value });
    else environment[name] = value;
  }
  return environment;
}

/** Of a property like any other. */
const OWN = { configurable: true, enumerable: true, writable: true } as const;

/** Reads of guest memory that give undefined where there is none. */
class Reader {
  #ram = new Uint8Array(0);
  #view = new DataView(this.#ram.buffer);

  constructor(private readonly guest: GuestMemory) {}

  /** Has the RAM at hand up to `end`, as far as there is any. */
  #reach(end: number): void {
    if (end <= this.#ram.length) return;
    const { buffer } = this.guest.view(0, Math.min(end, this.guest.size));
    this.#ram = new Uint8Array(buffer);
    this.#view = new DataView(buffer);
  }

  /** Where `gpa` is in low memory, -1 outside. */
  position(gpa: bigint): number {
    return this.guest.locate(gpa, 0);
  }

  words(gpa: bigint, count: number): number[] | undefined {
    const at = this.guest.locate(gpa, count * 4);
    if (at < 0) return undefined;
    this.#reach(at + count * 4);
    return Array.from({ length: count }, (_, i) => this.#view.getUint32(at + i * 4, true));
  }

  /** A little-endian number of `size` bytes, up to 8. */
  number(gpa: number, size: number): bigint | undefined {
    const at = this.guest.locate(BigInt(gpa), size);
    if (at < 0) return undefined;
    this.#reach(at + size);
    let value = 0n;
    for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(this.#view.getUint8(at + i));
    return value;
  }

  /** The strings at `gpa`, each with a NUL, up to an empty one, within `limit` bytes. */
  strings(gpa: bigint, limit: number): string[] {
    const start = this.guest.locate(gpa, 0);
    if (start < 0) return [];
    this.#reach(start + limit);
    const most = this.#ram.subarray(start, start + limit);
    let end = 0;
    for (let nul = most.indexOf(0); nul > end; nul = most.indexOf(0, end)) end = nul + 1;
    // All of them at once: a call for each costs more than its characters.
    return latin1(most.subarray(0, end)).split("\0").slice(0, -1);
  }

  /** The bytes at `gpa` up to a NUL, at most `limit`, one character each. */
  text(gpa: number | bigint, limit: number): string {
    const start = this.guest.locate(BigInt(gpa), 0);
    if (start < 0) return "";
    const longest = Math.min(limit, STRING_MAX);
    this.#reach(start + longest);
    const most = this.#ram.subarray(start, start + longest);
    const length = most.indexOf(0);
    return latin1(length < 0 ? most : most.subarray(0, length));
  }
}
