// What a word's header says that executing it means: the kinds of definitions, the words that compiled code
// is made of, and the primitives that are hot enough for a case of their own in the inner interpreter
// (vm/loop.ts). All other primitives are rows of its table.

/** The codes, without a gap up to TABLE but for some that are left for more. */
export enum Op {
  /** Memory that was never written is no word. */
  NONE = 0,

  // Kinds of definitions.
  COLON = 1,
  CREATED = 2,
  VARIABLE = 3,
  CONSTANT = 4,
  TWO_CONSTANT = 5,
  USER = 6,
  DOES = 7,

  // Compiled code.
  EXIT = 8,
  LITERAL = 9,
  BRANCH = 10,
  BRANCH_ZERO = 11,
  LOOP = 12,
  INDEX = 13,
  EXIT_INNER = 14,
  DO = 15,
  QUESTION_DO = 16,
  PLUS_LOOP = 17,
  OF = 18,
  TEXT = 19,
  UNLOOP = 20,
  LEAVE = 21,

  // Stacks.
  DUP = 22,
  DROP = 23,
  SWAP = 24,
  OVER = 25,
  ROT = 26,
  NIP = 27,
  TUCK = 28,
  QUESTION_DUP = 29,
  TWO_DUP = 30,
  TWO_DROP = 31,
  TO_R = 32,
  R_FROM = 33,
  R_FETCH = 34,

  // Arithmetic and comparison.
  PLUS = 35,
  MINUS = 36,
  TIMES = 37,
  ONE_PLUS = 38,
  ONE_MINUS = 39,
  AND = 40,
  OR = 41,
  XOR = 42,
  INVERT = 43,
  NEGATE = 44,
  CELLS = 45,
  CELL_PLUS = 46,
  EQUAL = 47,
  NOT_EQUAL = 48,
  LESS = 49,
  GREATER = 50,
  ZERO_EQUAL = 51,
  ZERO_NOT_EQUAL = 52,
  ZERO_LESS = 53,

  // Memory.
  FETCH = 54,
  STORE = 55,
  C_FETCH = 56,
  C_STORE = 57,
  PLUS_STORE = 58,

  // More of comparison and stacks.
  ZERO_GREATER = 59,
  PICK = 60,

  // Locals.
  LINK = 61,
  UNLINK = 62,
  LOCAL = 63,
  LOCAL_0 = 64,
  LOCAL_1 = 65,
  TO_LOCAL = 66,
  TO_LOCAL_0 = 67,
  TO_LOCAL_1 = 68,

  /** Codes from here on are rows of the table. */
  TABLE = 72,
}
