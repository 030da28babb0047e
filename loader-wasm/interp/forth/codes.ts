// What a word's header says that executing it means: the kinds of definitions, the words that compiled code
// is made of, and the primitives that are hot enough for a case of their own in the inner interpreter
// (inner.ts). All other primitives are rows of its table.

/** Memory that was never written is no word. */
export const NONE: i32 = 0;

// Kinds of definitions.
export const COLON: i32 = 1;
export const CREATED: i32 = 2;
export const VARIABLE: i32 = 3;
export const CONSTANT: i32 = 4;
export const TWO_CONSTANT: i32 = 5;
export const USER: i32 = 6;
export const DOES: i32 = 7;

// Compiled code.
export const EXIT: i32 = 8;
export const LITERAL: i32 = 9;
export const BRANCH: i32 = 10;
export const BRANCH_ZERO: i32 = 11;
export const LOOP: i32 = 12;
export const INDEX: i32 = 13;
export const EXIT_INNER: i32 = 14;
export const DO: i32 = 15;
export const QUESTION_DO: i32 = 16;
export const PLUS_LOOP: i32 = 17;
export const OF: i32 = 18;
export const TEXT: i32 = 19;
export const UNLOOP: i32 = 20;
export const LEAVE: i32 = 21;

// Stacks.
export const DUP: i32 = 22;
export const DROP: i32 = 23;
export const SWAP: i32 = 24;
export const OVER: i32 = 25;
export const ROT: i32 = 26;
export const NIP: i32 = 27;
export const TUCK: i32 = 28;
export const QUESTION_DUP: i32 = 29;
export const TWO_DUP: i32 = 30;
export const TWO_DROP: i32 = 31;
export const TO_R: i32 = 32;
export const R_FROM: i32 = 33;
export const R_FETCH: i32 = 34;

// Arithmetic and comparison.
export const PLUS: i32 = 35;
export const MINUS: i32 = 36;
export const TIMES: i32 = 37;
export const ONE_PLUS: i32 = 38;
export const ONE_MINUS: i32 = 39;
export const AND: i32 = 40;
export const OR: i32 = 41;
export const XOR: i32 = 42;
export const INVERT: i32 = 43;
export const NEGATE: i32 = 44;
export const CELLS: i32 = 45;
export const CELL_PLUS: i32 = 46;
export const EQUAL: i32 = 47;
export const NOT_EQUAL: i32 = 48;
export const LESS: i32 = 49;
export const GREATER: i32 = 50;
export const ZERO_EQUAL: i32 = 51;
export const ZERO_NOT_EQUAL: i32 = 52;
export const ZERO_LESS: i32 = 53;

// Memory.
export const FETCH: i32 = 54;
export const STORE: i32 = 55;
export const C_FETCH: i32 = 56;
export const C_STORE: i32 = 57;
export const PLUS_STORE: i32 = 58;

// More of comparison and stacks.
export const ZERO_GREATER: i32 = 59;
export const PICK: i32 = 60;

// Locals.
export const LINK: i32 = 61;
export const UNLINK: i32 = 62;
export const LOCAL: i32 = 63;
export const LOCAL_0: i32 = 64;
export const LOCAL_1: i32 = 65;
export const TO_LOCAL: i32 = 66;
export const TO_LOCAL_0: i32 = 67;
export const TO_LOCAL_1: i32 = 68;

/** Codes from here on are rows of the table. */
export const TABLE: i32 = 72;
