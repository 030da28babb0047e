// The code that runs first in a packed image. Firmware has used the low memory that the loader had filled,
// and a boot protocol enters in flat 32-bit protected mode without paging; so this puts low memory back,
// takes over the loader's GDT, control registers and stack, and jumps to the kernel. Written for the one
// place it is loaded at; i386 and amd64 (Intel SDM volume 3, 9.8.5 for the switch to long mode).

import { HandoffError } from "../errors.js";
import type { MapEntry } from "../options.js";
import { hex } from "../text.js";
import { ATTRIBUTE_RESET, KEYBOARD, vgaTextMode } from "./firmware.js";
import { bitsOf, type Machine, ONE_MIB, type Piece } from "./machine.js";

const PAGE = 4096;
const GIB = 0x4000_0000;
/** Firmware owns what lies between here and 1 MiB. */
const LOW_END = 0xa0000;
/** The BIOS data area, in which kernels look for the place of firmware's tables. */
const BIOS_DATA = [0x400, 0x500] as const;
const USABLE = 1;
const MSR_EFER = 0xc000_0080;
const EFER_LMA = 0x400n;
const SCRATCH_STACK = 64;

/** What a boot protocol has to load, and where to enter. */
export interface Boot {
  /** Memory above 1 MiB, then the stub; in order. */
  pieces: Piece[];
  /** 32-bit physical address of the stub's first instruction. */
  entry: number;
}

/**
 * `machine` with a stub behind it that enters it, where all of it lies in memory that is usable in `map`. Without firmware the stub
 * stands in for it.
 */
export function bootOf(machine: Machine, map?: readonly MapEntry[], firmware = true): Boot {
  const low = machine.memory.filter(({ gpa }) => gpa < ONE_MIB);
  for (const { gpa, bytes } of low) {
    const end = gpa + bytes.length;
    if (end > LOW_END || (gpa < BIOS_DATA[1] && end > BIOS_DATA[0]))
      throw new HandoffError(`memory at ${hex(gpa)} lies in the firmware's part below 1 MiB`);
  }
  const high = machine.memory.filter(({ gpa }) => gpa >= ONE_MIB);
  const end = high.reduce((most, { gpa, bytes }) => Math.max(most, gpa + bytes.length), ONE_MIB);
  const at = Math.ceil(end / PAGE) * PAGE;
  const bytes = stub(machine, low, at, firmware);
  if (at + bytes.length > GIB) {
    throw new HandoffError("the guest's memory leaves no room for the stub in the first GiB");
  }
  const pieces = [...high, { gpa: at, bytes }];
  if (map !== undefined) for (const piece of [...low, ...pieces]) checkUsable(piece, map);
  return { pieces, entry: at };
}

function checkUsable({ gpa, bytes }: Piece, map: readonly MapEntry[]): void {
  const end = gpa + bytes.length;
  const within = ({ base, length, type }: MapEntry) =>
    type === USABLE && gpa >= Number(base) && end <= Number(base) + Number(length);
  if (!map.some(within)) {
    throw new HandoffError(`memory from ${hex(gpa)} to ${hex(end)} isn't usable in the map of the machine`);
  }
}

/** Machine code and data, appended piece by piece; remembers places to fill in later. */
class Code {
  readonly #bytes: number[] = [];

  constructor(readonly origin: number) {}

  /** Address of the next byte. */
  get here(): number {
    return this.origin + this.#bytes.length;
  }

  op(...bytes: number[]): this {
    this.#bytes.push(...bytes);
    return this;
  }

  u16(value: number): this {
    return this.op(value & 0xff, (value >> 8) & 0xff);
  }

  /** @throws HandoffError for a register that has more bits, in the mode that a packed guest starts in */
  register(name: string, value: bigint): this {
    return this.u32(Number(bitsOf(value, 32, `${name} of a packed guest`)));
  }

  u32(value: number): this {
    return this.u16(value & 0xffff).u16(value >>> 16);
  }

  u64(value: bigint): this {
    return this.u32(Number(value & 0xffff_ffffn)).u32(Number((value >> 32n) & 0xffff_ffffn));
  }

  /** Room for a 32-bit address that isn't known yet; the function returned sets it. */
  address(): (value: number) => void {
    const index = this.#bytes.length;
    this.u32(0);
    return (value) => {
      for (let i = 0; i < 4; i++) this.#bytes[index + i] = (value >>> (8 * i)) & 0xff;
    };
  }

  align(size: number): this {
    while (this.here % size !== 0) this.op(0);
    return this;
  }

  /** The code, then `data`. */
  finish(data: readonly Uint8Array[]): Uint8Array {
    const result = new Uint8Array(data.reduce((sum, { length }) => sum + length, this.#bytes.length));
    result.set(this.#bytes);
    let at = this.#bytes.length;
    for (const bytes of data) {
      result.set(bytes, at);
      at += bytes.length;
    }
    return result;
  }
}

function stub(machine: Machine, low: readonly Piece[], origin: number, firmware: boolean): Uint8Array {
  const { registers: r } = machine;
  const code = new Code(origin);
  code.op(0xfa, 0xfc); // cli; cld

  // Copy {destination, source, length} of a table that ends with length 0.
  code.op(0xbb); // mov ebx, table
  const table = code.address();
  const loop = code.here;
  code.op(0x8b, 0x4b, 0x08); // mov ecx, [ebx+8]
  code.op(0xe3, 0x0c); // jecxz past the loop
  code.op(0x8b, 0x3b); // mov edi, [ebx]
  code.op(0x8b, 0x73, 0x04); // mov esi, [ebx+4]
  code.op(0xf3, 0xa4); // rep movsb
  code.op(0x83, 0xc3, 0x0c); // add ebx, 12
  code.op(0xeb, (loop - (code.here + 2)) & 0xff); // jmp loop

  const textMode = firmware ? undefined : standInForFirmware(code);

  code.op(0x0f, 0x01, 0x15); // lgdt [pointer]
  const gdtPointer = code.address();
  const rest = machine.arch === "amd64" ? enterLongMode(code, machine) : enterProtectedMode(code, machine);

  code.align(8);
  gdtPointer(code.here);
  code.u16(r.gdtLimit).register("GDTR", r.gdtBase);
  code.align(8);
  rest.target(code.here);
  code.u64(r.rip);
  code.align(16);
  for (let i = 0; i < SCRATCH_STACK; i += 8) code.u64(0n);
  rest.scratch(code.here);

  table(code.here);
  let source = code.here + 12 * (low.length + 1);
  for (const { gpa, bytes } of low) {
    code.u32(gpa).u32(source).u32(bytes.length);
    source += bytes.length;
  }
  code.u32(0).u32(0).u32(0);
  const data = low.map(({ bytes }) => bytes);
  if (textMode === undefined) return code.finish(data);
  textMode(source);
  return code.finish([...data, Uint8Array.from(vgaTextMode().flatMap(({ bytes }) => bytes))]);
}

/** Turns the keyboard on, and the screen: by what is at the address that is to be filled in, the bytes of `vgaTextMode`. */
function standInForFirmware(code: Code): (address: number) => void {
  code.op(0xb0, KEYBOARD.tell); // mov al, command
  code.op(0xe6, KEYBOARD.port, 0xe4, KEYBOARD.port); // out port, al; in al, port: that it was taken
  code.op(0xbe); // mov esi, bytes
  const bytes = code.address();
  code.op(0xba).u32(ATTRIBUTE_RESET); // mov edx, port
  code.op(0xec); // in al, dx
  for (const { port, pairs, bytes } of vgaTextMode()) {
    code.op(0xba).u32(port); // mov edx, port
    code.op(0xb9).u32(pairs ? bytes.length / 2 : bytes.length); // mov ecx, count
    code.op(0xf3, ...(pairs ? [0x66, 0x6f] : [0x6e])); // rep outsw, or outsb
  }
  return bytes;
}

/** Addresses that `stub` fills in: the entry point's place and the top of a stack of the stub's own. */
interface Places {
  target(address: number): void;
  scratch(address: number): void;
}

function enterLongMode(code: Code, { registers: r }: Machine): Places {
  const control = (register: number, value: bigint) => {
    code.op(0xb8).register(`CR${register}`, value); // mov eax, value
    code.op(0x0f, 0x22, 0xc0 | (register << 3)); // mov crN, eax
  };
  control(4, r.cr4);
  control(3, r.cr3);
  code.op(0xb9).u32(MSR_EFER); // mov ecx, EFER
  code.op(0xb8).register("EFER", r.efer & ~EFER_LMA); // mov eax, value: LMA follows from paging
  code.op(0x31, 0xd2); // xor edx, edx
  code.op(0x0f, 0x30); // wrmsr
  control(0, r.cr0); // from here on in compatibility mode, paged; the stub is mapped where it is
  farJump(code, r.cs);

  code.op(0x31, 0xc0); // xor eax, eax
  code.op(0x8e, 0xd0); // mov ss, ax: the loader's data descriptor can't be loaded here, null can
  code.op(0x0f, 0x00, 0xd0); // lldt ax
  code.op(0x66, 0xb8).u16(r.ds); // mov ax, ds
  dataSegments(code);
  code.op(0xbc); // mov esp, scratch
  const scratch = code.address();
  code.op(0x31, 0xc0, 0x31, 0xdb, 0x31, 0xc9, 0x31, 0xd2); // xor eax, ebx, ecx, edx
  code.op(0x31, 0xf6, 0x31, 0xff, 0x31, 0xed); // xor esi, edi, ebp
  for (let i = 0; i < 8; i++) code.op(0x45, 0x31, 0xc0 | (i << 3) | i); // xor r8d .. r15d
  code.op(0x68).register("RFLAGS", r.rflags); // push rflags
  code.op(0x9d); // popfq
  code.op(0x48, 0xbc).u64(r.rsp); // mov rsp, value
  code.op(0xff, 0x24, 0x25); // jmp [target]
  return { scratch, target: code.address() };
}

function enterProtectedMode(code: Code, { registers: r }: Machine): Places {
  farJump(code, r.cs);
  code.op(0xb8).u32(r.ds); // mov eax, ds
  dataSegments(code);
  code.op(0x8e, 0xd0); // mov ss, ax
  code.op(0x31, 0xc0); // xor eax, eax
  code.op(0x0f, 0x00, 0xd0); // lldt ax
  if (r.tr !== 0) {
    code.op(0xb8).u32(r.tr); // mov eax, tr
    code.op(0x0f, 0x00, 0xd8); // ltr ax
  }
  code.op(0xb8).register("CR4", r.cr4); // mov eax, value
  code.op(0x0f, 0x22, 0xe0); // mov cr4, eax
  code.op(0xb8).register("CR0", r.cr0); // mov eax, value
  code.op(0x0f, 0x22, 0xc0); // mov cr0, eax
  code.op(0xbc); // mov esp, scratch
  const scratch = code.address();
  code.op(0x31, 0xc0, 0x31, 0xdb, 0x31, 0xc9, 0x31, 0xd2); // xor eax, ebx, ecx, edx
  code.op(0x31, 0xf6, 0x31, 0xff, 0x31, 0xed); // xor esi, edi, ebp
  code.op(0x68).register("EFLAGS", r.rflags); // push eflags
  code.op(0x9d); // popfd
  code.op(0xbc).register("ESP", r.rsp); // mov esp, value
  code.op(0xff, 0x25); // jmp [target]
  return { scratch, target: code.address() };
}

/** jmp selector:next */
function farJump(code: Code, selector: number): void {
  const next = code.here + 7;
  code.op(0xea).u32(next).u16(selector);
}

/** mov ds, es, fs, gs from ax. */
function dataSegments(code: Code): void {
  for (const segment of [3, 0, 4, 5]) code.op(0x8e, 0xc0 | (segment << 3));
}
