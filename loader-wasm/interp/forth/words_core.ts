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
  ZERO_LESS,
  ZERO_NOT_EQUAL,
} from "./codes";
import { fast, hot, primitive, variableAt } from "./define";
import { align, appendByte, appendCell, BODY, room } from "./dictionary";
import {
  baseCell,
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

/** 64 by 64 bits: the high half of an unsigned product. */
function highProduct(a: u64, b: u64): u64 {
  const al = a & 0xffffffff;
  const ah = a >> 32;
  const bl = b & 0xffffffff;
  const bh = b >> 32;
  const middle = ah * bl + ((al * bl) >> 32);
  const low = (middle & 0xffffffff) + al * bh;
  return ah * bh + (middle >> 32) + (low >> 32);
}

/** Quotient and remainder of the last division. */
let quotient: u64 = 0;
let remainder: u64 = 0;

/** Unsigned 128 by 64 bits; what doesn't fit in the quotient is lost. False when the divisor is 0. */
export function divideUnsigned(high: u64, low: u64, divisor: u64): bool {
  if (divisor == 0) {
    fail("Error: division by zero");
    return false;
  }
  let rest: u64 = high % divisor;
  let result: u64 = 0;
  for (let bit = 63; bit >= 0; bit--) {
    const carry = rest >> 63;
    rest = (rest << 1) | ((low >> bit) & 1);
    if (carry != 0 || rest >= divisor) {
      rest -= divisor;
      result |= (<u64>1) << bit;
    }
  }
  quotient = result;
  remainder = rest;
  return true;
}

export function lastQuotient(): u64 {
  return quotient;
}
export function lastRemainder(): u64 {
  return remainder;
}

/** Signed 128 by 64 bits, truncated. */
function divideSigned(high: i64, low: u64, divisor: i64): bool {
  const negative = high < 0;
  if (negative) {
    low = ~low + 1;
    high = ~high + (low == 0 ? 1 : 0);
  }
  if (!divideUnsigned(<u64>high, low, <u64>(divisor < 0 ? -divisor : divisor))) return false;
  if (negative) remainder = -remainder;
  if (negative != divisor < 0) quotient = -quotient;
  return true;
}

/** Signed 64 by 64 to 128 bits: the high half. */
function highSigned(a: i64, b: i64): i64 {
  return <i64>highProduct(<u64>a, <u64>b) - (a < 0 ? b : 0) - (b < 0 ? a : 0);
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
  primitive("pick", 1, 1, () => {
    const index = pop();
    if (index < 0 || index >= <i64>depth()) fail("Error: stack underflow");
    else push(peek(<i32>index));
  });
  primitive("roll", 1, 0, () => roll(max(pop(), 0)));
  primitive("-roll", 1, 0, () => roll(min(-pop(), 0)));
  primitive("depth", 0, 1, () => push(depth()));
  primitive("empty", 0, 0, () => setSp(stackBase));
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
    const a = pop();
    if (divideSigned(highSigned(a, b), <u64>(a * b), c)) push(<i64>quotient);
  });
  primitive("*/mod", 3, 2, () => {
    const c = pop();
    const b = pop();
    const a = pop();
    if (!divideSigned(highSigned(a, b), <u64>(a * b), c)) return;
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
    const a = pop();
    push(a * b);
    push(highSigned(a, b));
  });
  primitive("um*", 2, 2, () => {
    const b = <u64>pop();
    const a = <u64>pop();
    push(<i64>(a * b));
    push(<i64>highProduct(a, b));
  });
  primitive("um/mod", 3, 2, () => {
    const d = <u64>pop();
    const high = <u64>pop();
    const low = <u64>pop();
    if (!divideUnsigned(high, low, d)) return;
    push(<i64>remainder);
    push(<i64>quotient);
  });
  primitive("sm/rem", 3, 2, () => {
    const d = pop();
    const high = pop();
    const low = <u64>pop();
    if (!divideSigned(high, low, d)) return;
    push(<i64>remainder);
    push(<i64>quotient);
  });
  primitive("fm/mod", 3, 2, () => {
    const d = pop();
    const high = pop();
    const low = <u64>pop();
    if (!divideSigned(high, low, d)) return;
    if (remainder != 0 && high < 0 != d < 0) {
      remainder += <u64>d;
      quotient--;
    }
    push(<i64>remainder);
    push(<i64>quotient);
  });
  primitive("s>d", 1, 2, () => push(peek(0) < 0 ? -1 : 0));
  primitive("dnegate", 2, 2, () => {
    const high = pop();
    const low = -pop();
    push(low);
    push(~high + (low == 0 ? 1 : 0));
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
  primitive("0>", 1, 1, () => pushFlag(pop() > 0));
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
    if (room(bytes)) setHere(<usize>(<i64>here + bytes));
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
  variableAt("span");
}
