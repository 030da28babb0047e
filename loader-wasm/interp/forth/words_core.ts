// Words of the core word sets on stacks, numbers and memory.

import {
  AND,
  C_FETCH,
  C_STORE,
  CELL_PLUS,
  CELLS,
  DROP,
  DUP,
  EQUAL,
  EXIT,
  FETCH,
  GREATER,
  INDEX,
  INVERT,
  LESS,
  MINUS,
  NEGATE,
  NIP,
  NOT_EQUAL,
  ONE_MINUS,
  ONE_PLUS,
  OR,
  OVER,
  PICK,
  PLUS,
  PLUS_STORE,
  QUESTION_DUP,
  R_FETCH,
  R_FROM,
  ROT,
  STORE,
  SWAP,
  TIMES,
  TO_R,
  TUCK,
  TWO_DROP,
  TWO_DUP,
  XOR,
  ZERO_EQUAL,
  ZERO_GREATER,
  ZERO_LESS,
  ZERO_NOT_EQUAL,
} from "./codes";
import { colon, fast, hot, loose, primitive } from "./define";
import { align, appendByte, appendCell, BODY, room } from "./dictionary";
import {
  baseCell,
  CELL,
  cellsLeft,
  depth,
  fail,
  here,
  peek,
  poke,
  pop,
  popReturn,
  push,
  pushFlag,
  pushReturn,
  readable,
  rp,
  setHere,
  setSp,
  stackBase,
  stateCell,
  writable,
} from "./memory";

// Double cells. The reference's multiplication gives 64 bits of a product, split into two cells of 32 bits,
// and its division takes a dividend in this form; scripts that want more have to do without.

/** The two cells of the last product. */
let productHigh: u64 = 0;
let productLow: u64 = 0;

function multiplyUnsigned(a: u64, b: u64): void {
  const product = a * b;
  productHigh = product >> 32;
  productLow = product & 0xffffffff;
}

/** The same with signs: a negative product has both cells complemented. */
function multiplySigned(a: i64, b: i64): void {
  multiplyUnsigned(absolute(a), absolute(b));
  if (a < 0 != b < 0) negateProduct();
}

function negateProduct(): void {
  productHigh = ~productHigh;
  productLow = ~productLow + 1;
  if (productLow == 0) productHigh++;
}

function absolute(value: i64): u64 {
  return <u64>(value < 0 ? -value : value);
}

/** Quotient and remainder of the last division. */
let quotient: u64 = 0;
let remainder: u64 = 0;

/** False when the divisor is 0. */
function divideUnsigned(high: u64, low: u64, by: u64): bool {
  if (!divisor(<i64>by)) return false;
  const dividend = (high << 32) | low;
  quotient = dividend / by;
  remainder = dividend % by;
  return true;
}

/** Divides the last product, or what was put in its place, and truncates. */
function divideProduct(by: i64): bool {
  const negative = <i64>productHigh < 0;
  if (negative) negateProduct();
  if (!divideUnsigned(productHigh, productLow, absolute(by))) return false;
  if (negative) remainder = -remainder;
  if (negative != by < 0) quotient = -quotient;
  return true;
}

/** Takes a signed double from the stack. */
function popProduct(): void {
  productHigh = <u64>pop();
  productLow = <u64>pop();
}

function divisor(value: i64): bool {
  if (value != 0) return true;
  fail("Error: division by zero");
  return false;
}

/** Moves item `from` (from the top) to the top (or back, when negative). */
function roll(from: i64): void {
  if (from > 0) {
    if (from >= <i64>depth()) {
      fail("Error: stack underflow");
      return;
    }
    const value = peek(<i32>from);
    for (let i = <i32>from; i > 0; i--) poke(i, peek(i - 1));
    poke(0, value);
  } else if (from < 0) {
    const to = -from;
    if (to >= <i64>depth()) {
      fail("Error: stack underflow");
      return;
    }
    const value = peek(0);
    for (let i = 0; i < <i32>to; i++) poke(i, peek(i + 1));
    poke(<i32>to, value);
  }
}

export function defineCore(): void {
  // Arithmetic.
  fast("+", PLUS);
  fast("-", MINUS);
  fast("*", TIMES);
  primitive("/", 2, 1, () => {
    const b = pop();
    if (!divisor(b)) return;
    const a = pop();
    push(b == -1 ? -a : a / b);
  });
  primitive("mod", 2, 1, () => {
    const b = pop();
    if (!divisor(b)) return;
    const a = pop();
    push(b == -1 ? 0 : a % b);
  });
  primitive("/mod", 2, 2, () => {
    const b = pop();
    if (!divisor(b)) return;
    const a = pop();
    push(b == -1 ? 0 : a % b);
    push(b == -1 ? -a : a / b);
  });
  primitive("*/", 3, 1, () => {
    const c = pop();
    const b = pop();
    multiplySigned(pop(), b);
    if (divideProduct(c)) push(<i64>quotient);
  });
  primitive("*/mod", 3, 2, () => {
    const c = pop();
    const b = pop();
    multiplySigned(pop(), b);
    if (!divideProduct(c)) return;
    push(<i64>remainder);
    push(<i64>quotient);
  });
  fast("1+", ONE_PLUS);
  fast("1-", ONE_MINUS);
  primitive("2*", 1, 1, () => poke(0, peek(0) << 1));
  primitive("2/", 1, 1, () => poke(0, peek(0) >> 1));
  fast("negate", NEGATE);
  primitive("abs", 1, 1, () => poke(0, peek(0) < 0 ? -peek(0) : peek(0)));
  primitive("min", 2, 1, () => {
    const b = pop();
    poke(0, min(peek(0), b));
  });
  primitive("max", 2, 1, () => {
    const b = pop();
    poke(0, max(peek(0), b));
  });
  primitive("lshift", 2, 1, () => {
    const count = pop();
    poke(0, peek(0) << (count & 63));
  });
  primitive("rshift", 2, 1, () => {
    const count = pop();
    poke(0, <i64>(<u64>peek(0) >> (<u64>count & 63)));
  });
  fast("and", AND);
  fast("or", OR);
  fast("xor", XOR);
  fast("invert", INVERT);

  // Double cells.
  primitive("m*", 2, 2, () => {
    const b = pop();
    multiplySigned(pop(), b);
    push(<i64>productLow);
    push(<i64>productHigh);
  });
  primitive("um*", 2, 2, () => {
    const b = <u64>pop();
    multiplyUnsigned(<u64>pop(), b);
    push(<i64>productLow);
    push(<i64>productHigh);
  });
  loose("um/mod", 3, 2, () => {
    const by = <u64>pop();
    const high = <u64>pop();
    if (!divideUnsigned(high, <u64>pop(), by)) return;
    push(<i64>remainder);
    push(<i64>quotient);
  });
  primitive("sm/rem", 3, 2, () => {
    const by = pop();
    popProduct();
    if (!divideProduct(by)) return;
    push(<i64>remainder);
    push(<i64>quotient);
  });
  primitive("fm/mod", 3, 2, () => {
    const by = pop();
    popProduct();
    const negative = <i64>productHigh < 0 != by < 0;
    if (!divideProduct(by)) return;
    if (remainder != 0 && negative) {
      remainder += <u64>by;
      quotient--;
    }
    push(<i64>remainder);
    push(<i64>quotient);
  });
  primitive("s>d", 1, 2, () => push(peek(0) < 0 ? -1 : 0));
  loose("dnegate", 2, 2, () => {
    popProduct();
    negateProduct();
    push(<i64>productLow);
    push(<i64>productHigh);
  });

  // Comparison.
  fast("=", EQUAL);
  fast("<>", NOT_EQUAL);
  fast("<", LESS);
  fast(">", GREATER);
  primitive("u<", 2, 1, () => {
    const b = <u64>pop();
    pushFlag(<u64>pop() < b);
  });
  primitive("u>", 2, 1, () => {
    const b = <u64>pop();
    pushFlag(<u64>pop() > b);
  });
  fast("0=", ZERO_EQUAL);
  fast("0<>", ZERO_NOT_EQUAL);
  fast("0<", ZERO_LESS);
  fast("0>", ZERO_GREATER);
  primitive("within", 3, 1, () => {
    const high = <u64>pop();
    const low = <u64>pop();
    pushFlag(<u64>pop() - low < high - low);
  });

  // Memory.
  fast("@", FETCH);
  fast("!", STORE);
  fast("+!", PLUS_STORE);
  primitive("2@", 1, 2, () => {
    const address = pop();
    if (!readable(address, 16)) return;
    push(load<i64>(<usize>address + 8));
    push(load<i64>(<usize>address));
  });
  primitive("2!", 3, 0, () => {
    const address = pop();
    const top = pop();
    const under = pop();
    if (!writable(address, 16)) return;
    store<i64>(<usize>address, top);
    store<i64>(<usize>address + 8, under);
  });
  fast("c@", C_FETCH);
  fast("c!", C_STORE);
  primitive("w@", 1, 1, () => {
    if (readable(peek(0), 2)) poke(0, load<u16>(<usize>peek(0)));
  });
  primitive("w!", 2, 0, () => {
    const address = pop();
    const value = pop();
    if (writable(address, 2)) store<u16>(<usize>address, <u16>value);
  });
  primitive("q@", 1, 1, () => {
    if (readable(peek(0), 4)) poke(0, load<u32>(<usize>peek(0)));
  });
  primitive("q!", 2, 0, () => {
    const address = pop();
    const value = pop();
    if (writable(address, 4)) store<u32>(<usize>address, <u32>value);
  });
  primitive("fill", 3, 0, () => {
    const value = pop();
    const size = pop();
    const address = pop();
    if (size > 0 && writable(address, size)) memory.fill(<usize>address, <u8>value, <usize>size);
  });
  primitive("erase", 2, 0, () => {
    const size = pop();
    const address = pop();
    if (size > 0 && writable(address, size)) memory.fill(<usize>address, 0, <usize>size);
  });
  primitive("move", 3, 0, () => {
    const size = pop();
    const to = pop();
    const from = pop();
    if (size > 0 && readable(from, size) && writable(to, size)) memory.copy(<usize>to, <usize>from, <usize>size);
  });
  fast("cells", CELLS);
  fast("cell+", CELL_PLUS);
  primitive("cell-", 1, 1, () => poke(0, peek(0) - 8));
  primitive("chars", 1, 1, () => {});
  fast("char+", ONE_PLUS);
  primitive("align", 0, 0, () => align());
  primitive("aligned", 1, 1, () => poke(0, (peek(0) + 7) & -8));
  primitive("here", 0, 1, () => push(here));
  primitive("allot", 1, 0, () => {
    const bytes = pop();
    // Space is only given out to the block's end, not from the margin that definitions have behind it.
    if (bytes > 0 && cellsLeft() * CELL < bytes) fail("Error: dictionary full");
    else if (room(bytes)) setHere(<usize>(<i64>here + bytes));
  });
  primitive(",", 1, 0, () => appendCell(pop()));
  primitive("c,", 1, 0, () => appendByte(pop()));
  primitive("compile,", 1, 0, () => appendCell(pop()));
  primitive("count", 1, 2, () => {
    const address = pop();
    if (!readable(address, 1)) return;
    push(address + 1);
    push(load<u8>(<usize>address));
  });
  primitive("base", 0, 1, () => push(baseCell));
  primitive("state", 0, 1, () => push(stateCell));
  primitive("decimal", 0, 0, () => store<i64>(baseCell, 10));
  primitive("hex", 0, 0, () => store<i64>(baseCell, 16));
  primitive(">body", 1, 1, () => poke(0, peek(0) + <i64>BODY + 8));
  primitive("body>", 1, 1, () => poke(0, peek(0) - <i64>BODY - 8));
  hot("(exit)", EXIT);
  hot("i", INDEX);
  primitive("j", 0, 1, () => push(load<i64>(rp - 32)), true);
  primitive("k", 0, 1, () => push(load<i64>(rp - 56)), true);
  // Stack.
  fast("dup", DUP);
  fast("drop", DROP);
  fast("swap", SWAP);
  fast("over", OVER);
  fast("rot", ROT);
  primitive("-rot", 3, 3, () => roll(-2));
  fast("nip", NIP);
  fast("tuck", TUCK);
  fast("?dup", QUESTION_DUP);
  fast("2dup", TWO_DUP);
  fast("2drop", TWO_DROP);
  primitive("2swap", 4, 4, () => {
    roll(3);
    roll(3);
  });
  primitive("2over", 4, 6, () => {
    push(peek(3));
    push(peek(3));
  });
  fast("pick", PICK);
  loose("roll", 1, 0, () => roll(max(pop(), 0)));
  loose("-roll", 1, 0, () => roll(min(-pop(), 0)));
  primitive("depth", 0, 1, () => push(depth()));
  // The reference counts the items in a loop, for which there must be room.
  primitive("empty", 0, 2, () => setSp(stackBase));
  hot(">r", TO_R);
  hot("r>", R_FROM);
  hot("r@", R_FETCH);
  primitive(
    "2>r",
    2,
    0,
    () => {
      const top = pop();
      pushReturn(pop());
      pushReturn(top);
    },
    true,
  );
  primitive(
    "2r>",
    0,
    2,
    () => {
      const top = popReturn();
      push(popReturn());
      push(top);
    },
    true,
  );
  primitive(
    "2r@",
    0,
    2,
    () => {
      push(load<i64>(rp - 16));
      push(load<i64>(rp - 8));
    },
    true,
  );

  // In terms of those.
  colon("?", "@ .");
  colon("dump", "0 ?do dup c@ . 1+ i 7 and 7 = if cr then loop drop");
  colon("convert", "char+ 65535 >number drop");
}
