// Reads a module's numbers, and steps over the operands of its instructions: those that the compiler of the core knows.

/** Reads one thing after the other. */
export class WasmReader {
  at = 0;

  constructor(private readonly bytes: Uint8Array) {}

  get ended(): boolean {
    return this.at >= this.bytes.length;
  }

  byte(): number {
    const byte = this.bytes[this.at++];
    if (byte === undefined) throw new Error("the module is cut off");
    return byte;
  }

  take(count: number): Uint8Array {
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }

  /** A number in LEB128, of up to 32 bits. */
  unsigned(): number {
    let value = 0;
    for (let bits = 0; ; bits += 7) {
      const byte = this.byte();
      value |= (byte & 0x7f) << bits;
      if (byte < 0x80) return value >>> 0;
    }
  }

  /** Steps over one, of any size. */
  #number(): void {
    while (this.byte() >= 0x80);
  }

  #numbers(count: number): void {
    for (; count > 0; count--) this.#number();
  }

  /** Steps over the operands of `op`, which begins no block and isn't a `br_table`. */
  immediates(op: number): void {
    if (op === 0xfc) this.#numbers(PREFIXED[this.unsigned()] ?? unknown(op));
    else if (op === 0xfd) this.#vector(this.unsigned());
    else if (op === 0x43) this.take(4);
    else if (op === 0x44) this.take(8);
    // A select with types; numbers with numbers.
    else if (op === 0x1c) this.#numbers(this.unsigned());
    else if (op < 0x45 || op > 0xc4) this.#numbers(OPERANDS[op] ?? unknown(op));
  }

  #vector(op: number): void {
    if (op <= 11 || op === 92 || op === 93) this.#numbers(2);
    else if (op === 12 || op === 13) this.take(16);
    else if (op >= 21 && op <= 34) this.byte();
    else if (op >= 84 && op <= 91) {
      this.#numbers(2);
      this.byte();
    }
  }
}

function unknown(op: number): never {
  throw new Error(`instruction 0x${op.toString(16)} isn't known`);
}

/** How many numbers follow an instruction. */
const OPERANDS: Readonly<Record<number, number>> = {
  // unreachable, nop, br, return, call, call_indirect, drop, select
  0: 0,
  1: 0,
  12: 1,
  15: 0,
  16: 1,
  17: 2,
  26: 0,
  27: 0,
  // Locals and globals.
  ...same(0x20, 0x24, 1),
  // Loads and stores.
  ...same(0x28, 0x3e, 2),
  // memory.size and memory.grow, i32.const, i64.const
  63: 1,
  64: 1,
  65: 1,
  66: 1,
};

/** Of those behind 0xfc: conversions, and what works on memory as a whole. */
const PREFIXED: Readonly<Record<number, number>> = { ...same(0, 7, 0), 8: 2, 9: 1, 10: 2, 11: 1 };

function same(first: number, last: number, count: number): Record<number, number> {
  return Object.fromEntries(Array.from({ length: last - first + 1 }, (_, i) => [first + i, count]));
}

/** A number in LEB128. */
export function unsignedBytes(value: number): Uint8Array {
  const bytes: number[] = [];
  let left = value;
  for (; left >= 0x80; left = Math.floor(left / 128)) bytes.push((left % 128) | 0x80);
  return Uint8Array.from([...bytes, left]);
}
