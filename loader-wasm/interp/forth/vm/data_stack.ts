// The data stack as the inner interpreter sees it: a register that points behind the top item, and what its own
// words do there. A method that takes items away returns the new register. All of it is compiled into the loop's
// cases (loop.ts), which look first whether the items are there: nothing here does.

import { regionEnd, regionStart, writable } from "../memory";
import { CELL, LOOSENESS, STACK_END, stackBase } from "../stacks";

/** The least place that words can leave the stack at that take what they need whether it is there or not (define.ts). */
const LOOSE_BASE: usize = stackBase - <usize>(LOOSENESS * CELL);
/** Bytes of module memory are counted in these. */
const MEMORY_PAGE_SHIFT: u64 = 16;

/** A place on the data stack. */
@unmanaged
export class DataStack {
  // ---- checks ----

  /** Whether there are so many items. */
  @inline
  has(items: i32): bool {
    return changetype<usize>(this) >= stackBase + <usize>(items * CELL);
  }

  /** Whether there is room for so many more. */
  @inline
  hasRoom(items: i32): bool {
    return changetype<usize>(this) <= STACK_END - <usize>(items * CELL);
  }

  /** Both in one comparison. */
  @inline
  hasAndRoom(items: i32, more: i32): bool {
    return (
      changetype<usize>(this) - (stackBase + <usize>(items * CELL)) <=
      STACK_END - stackBase - <usize>((items + more) * CELL)
    );
  }

  /** Whether an item can be taken loosely. */
  @inline
  hasLoosely(): bool {
    return changetype<usize>(this) >= LOOSE_BASE + <usize>CELL;
  }

  // ---- items ----

  /** The place so many items lower. */
  @inline
  down(items: i32): DataStack {
    return changetype<DataStack>(changetype<usize>(this) - <usize>(items * CELL));
  }

  /** The place so many items higher. */
  @inline
  up(items: i32): DataStack {
    return changetype<DataStack>(changetype<usize>(this) + <usize>(items * CELL));
  }

  @inline
  get top(): i64 {
    return load<i64>(changetype<usize>(this) - <usize>CELL);
  }
  @inline
  set top(value: i64) {
    store<i64>(changetype<usize>(this) - <usize>CELL, value);
  }

  @inline
  get second(): i64 {
    return load<i64>(changetype<usize>(this) - <usize>(2 * CELL));
  }
  @inline
  set second(value: i64) {
    store<i64>(changetype<usize>(this) - <usize>(2 * CELL), value);
  }

  @inline
  get third(): i64 {
    return load<i64>(changetype<usize>(this) - <usize>(3 * CELL));
  }
  @inline
  set third(value: i64) {
    store<i64>(changetype<usize>(this) - <usize>(3 * CELL), value);
  }

  /** The cell above the top: the item that was just taken, or the next one to be put. */
  @inline
  get above(): i64 {
    return load<i64>(changetype<usize>(this));
  }
  @inline
  set above(value: i64) {
    store<i64>(changetype<usize>(this), value);
  }

  /** The cell above that one. */
  @inline
  get higher(): i64 {
    return load<i64>(changetype<usize>(this), 8);
  }
  @inline
  set higher(value: i64) {
    store<i64>(changetype<usize>(this), value, 8);
  }

  @inline
  push(value: i64): DataStack {
    this.above = value;
    return this.up(1);
  }

  @inline
  push2(under: i64, top: i64): DataStack {
    this.above = under;
    this.higher = top;
    return this.up(2);
  }

  // ---- stack words ----

  @inline
  dup(): DataStack {
    return this.push(this.top);
  }

  @inline
  swap(): void {
    const top = this.top;
    this.top = this.second;
    this.second = top;
  }

  @inline
  over(): DataStack {
    return this.push(this.second);
  }

  @inline
  rot(): void {
    const third = this.third;
    this.third = this.second;
    this.second = this.top;
    this.top = third;
  }

  @inline
  nip(): DataStack {
    const rest = this.down(1);
    rest.top = rest.above;
    return rest;
  }

  @inline
  tuck(): DataStack {
    const top = this.top;
    this.top = this.second;
    this.second = top;
    return this.push(top);
  }

  @inline
  questionDup(): DataStack {
    const top = this.top;
    this.above = top;
    return top != 0 ? this.up(1) : this;
  }

  @inline
  twoDup(): DataStack {
    return this.push2(this.second, this.top);
  }

  /** Where PICK finds item `index`, which is on the top; item -1 is the index itself, others are above it. */
  @inline
  itemAt(index: i32): i64 {
    return <i64>changetype<usize>(this) - 2 * CELL - ((<i64>index) << 3);
  }

  /** Whether that is on the stack. */
  @inline
  canPick(index: i32): bool {
    return <u64>(this.itemAt(index) - <i64>stackBase) < <u64>(STACK_END - stackBase);
  }

  @inline
  pick(index: i32): void {
    this.top = load<i64>(<usize>this.itemAt(index));
  }

  // ---- arithmetic ----

  @inline
  plus(): DataStack {
    const rest = this.down(1);
    rest.top = rest.top + rest.above;
    return rest;
  }

  @inline
  minus(): DataStack {
    const rest = this.down(1);
    rest.top = rest.top - rest.above;
    return rest;
  }

  @inline
  times(): DataStack {
    const rest = this.down(1);
    rest.top = rest.top * rest.above;
    return rest;
  }

  @inline
  and(): DataStack {
    const rest = this.down(1);
    rest.top = rest.top & rest.above;
    return rest;
  }

  @inline
  or(): DataStack {
    const rest = this.down(1);
    rest.top = rest.top | rest.above;
    return rest;
  }

  @inline
  xor(): DataStack {
    const rest = this.down(1);
    rest.top = rest.top ^ rest.above;
    return rest;
  }

  @inline
  add(value: i64): void {
    this.top = this.top + value;
  }

  @inline
  invert(): void {
    this.top = ~this.top;
  }

  @inline
  negate(): void {
    this.top = -this.top;
  }

  @inline
  cells(): void {
    this.top = this.top << 3;
  }

  // ---- comparison: true is -1 ----

  @inline
  equal(): DataStack {
    const rest = this.down(1);
    rest.top = -(<i64>(rest.top == rest.above));
    return rest;
  }

  @inline
  notEqual(): DataStack {
    const rest = this.down(1);
    rest.top = -(<i64>(rest.top != rest.above));
    return rest;
  }

  @inline
  less(): DataStack {
    const rest = this.down(1);
    rest.top = -(<i64>(rest.top < rest.above));
    return rest;
  }

  @inline
  greater(): DataStack {
    const rest = this.down(1);
    rest.top = -(<i64>(rest.top > rest.above));
    return rest;
  }

  @inline
  zeroEqual(): void {
    this.top = -(<i64>(this.top == 0));
  }

  @inline
  zeroNotEqual(): void {
    this.top = -(<i64>(this.top != 0));
  }

  @inline
  zeroLess(): void {
    this.top = this.top >> 63;
  }

  @inline
  zeroGreater(): void {
    this.top = -(<i64>(this.top > 0));
  }

  // ---- memory: any may be read, the scripts' own written ----

  /** Whether `bytes` at `address` can be read; address 0 is none. */
  @inline
  static canRead(address: u64, bytes: u64): bool {
    return address - 1 <= ((<u64>memory.size()) << MEMORY_PAGE_SHIFT) - bytes - 1;
  }

  /** Whether `bytes` at `address` are the scripts' own; else something was thrown. */
  @inline
  static canWrite(address: u64, bytes: u64): bool {
    return address - regionStart <= regionEnd - regionStart - bytes || writable(address, bytes);
  }

  @inline
  fetch(address: u64): void {
    this.top = load<i64>(<usize>address);
  }

  @inline
  fetchByte(address: u64): void {
    this.top = load<u8>(<usize>address);
  }

  /** Stores the value that was just taken, as do those below. */
  @inline
  store(address: u64): void {
    store<i64>(<usize>address, this.above);
  }

  @inline
  storeByte(address: u64): void {
    store<u8>(<usize>address, <u8>this.above);
  }

  @inline
  addTo(address: u64): void {
    store<i64>(<usize>address, load<i64>(<usize>address) + this.above);
  }
}
