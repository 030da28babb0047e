// Words on numbers, of the core and double word sets.
//
// Double cells. The reference's multiplication gives 64 bits of a product, split into two cells of 32 bits,
// and its division takes a dividend in this form; scripts that want more have to do without.

import { Op } from "../codes";
import { fast, loose, primitive } from "../define";
import { fail, peek, poke, pop, push, pushFlag } from "../stacks";

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

/** On single cells. */
export function defineArithmetic(): void {
  fast("+", Op.PLUS);
  fast("-", Op.MINUS);
  fast("*", Op.TIMES);
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
  fast("1+", Op.ONE_PLUS);
  fast("1-", Op.ONE_MINUS);
  primitive("2*", 1, 1, () => poke(0, peek(0) << 1));
  primitive("2/", 1, 1, () => poke(0, peek(0) >> 1));
  fast("negate", Op.NEGATE);
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
  fast("and", Op.AND);
  fast("or", Op.OR);
  fast("xor", Op.XOR);
  fast("invert", Op.INVERT);
}

/** On double cells. */
export function defineDouble(): void {
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
}

/** Defines the words that compare. */
export function defineComparison(): void {
  fast("=", Op.EQUAL);
  fast("<>", Op.NOT_EQUAL);
  fast("<", Op.LESS);
  fast(">", Op.GREATER);
  primitive("u<", 2, 1, () => {
    const b = <u64>pop();
    pushFlag(<u64>pop() < b);
  });
  primitive("u>", 2, 1, () => {
    const b = <u64>pop();
    pushFlag(<u64>pop() > b);
  });
  fast("0=", Op.ZERO_EQUAL);
  fast("0<>", Op.ZERO_NOT_EQUAL);
  fast("0<", Op.ZERO_LESS);
  fast("0>", Op.ZERO_GREATER);
  primitive("within", 3, 1, () => {
    const high = <u64>pop();
    const low = <u64>pop();
    pushFlag(<u64>pop() - low < high - low);
  });
}
