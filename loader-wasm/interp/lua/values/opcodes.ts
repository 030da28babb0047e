// Instructions of the Lua VM. One has 8 bytes: operation (u8), A (u8), B (u16), C (i32). R is a register of
// the function, K one of its constants, U one of its upvalues. Jumps count instructions from the next one.

import { VALUE_SHIFT } from "./value";

/** Bytes of an instruction. */
export const INSTRUCTION_SIZE: i32 = 8;
/** Their logarithm. */
export const INSTRUCTION_SHIFT: i32 = 3;

/** The operations. */
export namespace Op {
  /** R[A] = R[B] */
  export const MOVE: u32 = 0;
  /** R[A] = K[C] */
  export const LOADK: u32 = 1;
  /** R[A..A+B] = nil */
  export const LOADNIL: u32 = 2;
  /** R[A] = false or true (B); C: skip the next instruction */
  export const LOADBOOL: u32 = 3;
  /** R[A] = integer C */
  export const LOADI: u32 = 4;
  /** R[A] = U[B] */
  export const GETUPVAL: u32 = 5;
  /** U[B] = R[A] */
  export const SETUPVAL: u32 = 6;
  /** R[A] = U[B][K[C]], a short string */
  export const GETTABUP: u32 = 7;
  /** U[B][K[C]] = R[A] */
  export const SETTABUP: u32 = 8;
  /** R[A] = R[B][R[C]] */
  export const GETTABLE: u32 = 9;
  /** R[A] = R[B][K[C]], a short string */
  export const GETFIELD: u32 = 10;
  /** R[A] = R[B][C] */
  export const GETINT: u32 = 11;
  /** R[A][R[B]] = R[C]; C with CONSTANT: K */
  export const SETTABLE: u32 = 12;
  /** R[A][K[B]] = R[C], the key a short string */
  export const SETFIELD: u32 = 13;
  /** R[A][B] = R[C] */
  export const SETINT: u32 = 14;
  /** R[A] = {} with room for B entries (see LARGE_ARRAY) in the array part, C others */
  export const NEWTABLE: u32 = 15;
  /** R[A+1] = R[B]; R[A] = R[B][K[C]] */
  export const SELF: u32 = 16;
  // R[A] = R[B] op R[C]; the order is that of the events in run/events.ts.
  export const ADD: u32 = 17;
  export const SUB: u32 = 18;
  export const MUL: u32 = 19;
  export const MOD: u32 = 20;
  export const POW: u32 = 21;
  export const DIV: u32 = 22;
  export const IDIV: u32 = 23;
  export const BAND: u32 = 24;
  export const BOR: u32 = 25;
  export const BXOR: u32 = 26;
  export const SHL: u32 = 27;
  export const SHR: u32 = 28;
  /** R[A] = -R[B] */
  export const UNM: u32 = 29;
  /** R[A] = ~R[B] */
  export const BNOT: u32 = 30;
  /** R[A] = not R[B] */
  export const NOT: u32 = 31;
  /** R[A] = #R[B] */
  export const LEN: u32 = 32;
  /** R[A] = R[B] + integer C */
  export const ADDI: u32 = 33;
  /** R[A] = R[B] - integer C */
  export const SUBI: u32 = 34;
  /** R[A] = R[B] .. ... .. R[C] */
  export const CONCAT: u32 = 35;
  /** jump C; A > 0: close upvalues from R[A-1] on */
  export const JMP: u32 = 36;
  // Jump C when it is true that R[A] and R[B] compare so; without TRUTH in B, when it isn't.
  export const JEQ: u32 = 37;
  export const JLT: u32 = 38;
  export const JLE: u32 = 39;
  /** The same for R[A] equals K[B]. */
  export const JEQK: u32 = 40;
  /** The same for R[A] less, or greater, than integer B - IMMEDIATE_ZERO. */
  export const JLTI: u32 = 41;
  export const JGTI: u32 = 42;
  /** The same for R[A] itself. */
  export const JTEST: u32 = 43;
  /** The same for R[B]; when it jumps, R[A] = R[B]. */
  export const SETTEST: u32 = 44;
  /** R[A..] = R[A](R[A+1..A+B-1]); B 0: up to top. C-1 results; 0: all */
  export const CALL: u32 = 45;
  /** return R[A](R[A+1..A+B-1]) */
  export const TAILCALL: u32 = 46;
  /** return R[A..A+B-2]; B 0: up to top */
  export const RETURN: u32 = 47;
  /** return R[A] */
  export const RETURN1: u32 = 48;
  /** A numeric loop's next step: jump C unless R[A] + R[A+2] is beyond R[A+1] */
  export const FORLOOP: u32 = 49;
  /** Its beginning: jump C, to its FORLOOP */
  export const FORPREP: u32 = 50;
  /** R[A+3..A+2+B] = R[A](R[A+1], R[A+2]) */
  export const TFORCALL: u32 = 51;
  /** When R[A+1] isn't nil: R[A] = R[A+1], jump C */
  export const TFORLOOP: u32 = 52;
  /** R[A][C+1..] = R[A+1..A+B]; B 0: up to top */
  export const SETLIST: u32 = 53;
  /** R[A] = closure of P[C] */
  export const CLOSURE: u32 = 54;
  /** R[A..A+B-2] = ...; B 0: all, up to top */
  export const VARARG: u32 = 55;
  /** What R[A] holds is to be closed (a variable with the attribute `close`). */
  export const TBC: u32 = 56;
  // Numeric loops of Lua 5.4, which count their turns beforehand:
  /** FORPREP: goes on with the first turn, or jumps behind its FORLOOP at C */
  export const COUNTPREP: u32 = 57;
  /** FORLOOP: jump C while there are turns */
  export const COUNTLOOP: u32 = 58;
  /** A generic loop of Lua 5.4 begins: its fourth value moves before the others, R[A], and is to be closed */
  export const TFORPREP: u32 = 59;
}

/** Bit in B of conditional jumps: jump when true. The rest of B is a register, a constant or an integer. */
export const TRUTH: i32 = 0x8000;
/** What TRUTH leaves of B. */
export const OPERAND_MASK: i32 = 0x7fff;
/** What B has for the integer 0. */
export const IMMEDIATE_ZERO: i32 = 0x4000;

/** In B of NEWTABLE: the four lowest bits are followed by as many zeros as the others say. */
export const LARGE_ARRAY: i32 = 0x1000;
/** Bit in C of SETTABLE, SETFIELD and SETINT: the value is a constant. */
export const CONSTANT: i32 = 0x1000000;
/** Registers of a function are fewer than this. */
export const REGISTER_LIMIT: i32 = 255;
/** Largest B. */
export const B_LIMIT: i32 = 65535;

/** The operation of the instruction at `at`. */
// @ts-ignore: decorator
@inline
export function opOf(at: usize): u32 {
  return load<u8>(at);
}

/** Its A. */
// @ts-ignore: decorator
@inline
export function aOf(at: usize): i32 {
  return load<u8>(at, 1);
}

/** Its B. */
// @ts-ignore: decorator
@inline
export function bOf(at: usize): i32 {
  return load<u16>(at, 2);
}

/** Its C. */
// @ts-ignore: decorator
@inline
export function cOf(at: usize): i32 {
  return load<i32>(at, 4);
}

/** Address of the register that A names; registers begin at `base`. */
// @ts-ignore: decorator
@inline
export function atA(at: usize, base: usize): usize {
  return base + ((<usize>aOf(at)) << VALUE_SHIFT);
}

/** Address of what B names: a register, when `row` is where registers begin, or a constant, when constants do. */
// @ts-ignore: decorator
@inline
export function atB(at: usize, row: usize): usize {
  return row + ((<usize>bOf(at)) << VALUE_SHIFT);
}

/** The same for C. */
// @ts-ignore: decorator
@inline
export function atC(at: usize, row: usize): usize {
  return row + ((<usize>cOf(at)) << VALUE_SHIFT);
}

/** Address of what B of a conditional jump names. */
// @ts-ignore: decorator
@inline
export function operandOf(at: usize, row: usize): usize {
  return row + ((<usize>(bOf(at) & OPERAND_MASK)) << VALUE_SHIFT);
}

/** The integer that B of a conditional jump has. */
// @ts-ignore: decorator
@inline
export function immediateOf(at: usize): i32 {
  return (bOf(at) & OPERAND_MASK) - IMMEDIATE_ZERO;
}

/** Address of the register or constant that C of SETTABLE, SETFIELD and SETINT names. */
// @ts-ignore: decorator
@inline
export function valueOf(at: usize, base: usize, k: usize): usize {
  const c = cOf(at);
  return (c & CONSTANT) != 0 ? k + (<usize>(c ^ CONSTANT) << VALUE_SHIFT) : base + (<usize>c << VALUE_SHIFT);
}
