// The Forth machine's memory and registers. One region of module memory is the scripts' own: dictionary,
// variables, scratch texts and the heap of `allocate`. They may read all of module memory, which holds
// nothing but this session, and write only there. Cells have 64 bits.

import { storeString, stringAt } from "../../lib/bytes";
import { allocate, burn } from "../../lib/fault";
import { print } from "../../lib/output";

export const CELL: i32 = 8;
/** Cells of the dictionary and of each stack. */
export const DICTIONARY_CELLS: i32 = 15000;
export const STACK_CELLS: i32 = 128;
/** Cells of the blocks that the dictionary can go on in, as scripts ask for with DICTINCREASE. */
const GROWTH_CELLS: i32 = 49152;
/** Cells that a definition can run over a block's end; the next word of the text then finds the dictionary full. */
const SLACK_CELLS: i32 = 1024;
/** Items that a word which doesn't look may take more than there are. */
export const LOOSENESS: i32 = 16;
/** All of that: where words may be. */
export const CODE_CELLS: i32 = DICTIONARY_CELLS + SLACK_CELLS + GROWTH_CELLS;
/** Bytes of the scratch text (`pad`), and of one text that a word returns. */
export const PAD_SIZE: i32 = 256;
/** Most bytes of one block of `allocate`, and of all that it has. */
const BLOCK_LIMIT: i64 = 4 * 1024 * 1024;
const HEAP_LIMIT: usize = 8 * 1024 * 1024;
/** Least bytes that its heap takes from the module's memory at a time. */
const EXTENT: usize = 512 * 1024;

// Codes of THROW that the system itself knows.
export const ABORT: i32 = -1;
export const ABORT_QUOTE: i32 = -2;
export const QUIT: i32 = -56;
export const INNER_EXIT: i32 = -256;
export const OUT_OF_TEXT: i32 = -257;
export const RESTART: i32 = -258;
export const USER_EXIT: i32 = -259;
export const ERROR_EXIT: i32 = -260;

/** Ends a line quietly. */
export const BREAK: i32 = -261;

// The scripts' memory, static so that the addresses are constants of the code: dictionary, scratch texts, and the
// variables that scripts reach by address. Nothing is stored behind it: code that runs off its end finds zeros.
const GUARD: i32 = 64;
const VARIABLES: i32 = 64;
/** User variables. */
export const USER_CELLS: i32 = 16;
export const regionStart: usize = memory.data((CODE_CELLS + USER_CELLS) * CELL + 4 * PAD_SIZE + VARIABLES + GUARD, 16);
export const dictionaryStart: usize = regionStart;
export const dictionaryEnd: usize = dictionaryStart + <usize>(CODE_CELLS * CELL);
export const pad: usize = dictionaryEnd;
export const stateCell: usize = pad + <usize>(PAD_SIZE * 4);
export const baseCell: usize = stateCell + 8;
export const inCell: usize = stateCell + 16;
/** Free cells below which the dictionary goes on in another block, and the cells it gets there. */
export const thresholdCell: usize = stateCell + 24;
export const increaseCell: usize = stateCell + 32;
export const userArea: usize = stateCell + VARIABLES;
export const regionEnd: usize = userArea + <usize>(USER_CELLS * CELL);
/** The heap of `allocate`, theirs too: start and end of each of its extents. */
const EXTENTS: i32 = <i32>(HEAP_LIMIT / EXTENT);
const extents: usize = memory.data(EXTENTS * 8, 4);
let extentCount: i32 = 0;
let heapSize: usize = 0;

/** Dictionary pointer. */
export let here: usize = 0;
export function setHere(value: usize): void {
  here = value;
}

/** The block that the dictionary is in, and its size in cells; and where the next one begins. */
let blockStart: usize = dictionaryStart;
export let blockCells: i64 = DICTIONARY_CELLS;
let nextBlock: usize = dictionaryStart + <usize>((DICTIONARY_CELLS + SLACK_CELLS) * CELL);

/** The dictionary goes on in a fresh block of `cells` cells. False when there is no room for it. */
export function growDictionary(cells: i64): bool {
  const size = (cells + <i64>SLACK_CELLS) * CELL;
  if (cells <= 0 || cells > <i64>GROWTH_CELLS || size > <i64>(dictionaryEnd - nextBlock)) return false;
  blockStart = nextBlock;
  blockCells = cells;
  nextBlock += <usize>size;
  here = blockStart;
  return true;
}

/** Puts HERE to an earlier place, which may be in the block where the dictionary began. */
export function returnTo(address: usize): void {
  here = address;
  if (<i64>address >= <i64>blockStart && <i64>address <= blockLimit()) return;
  blockStart = dictionaryStart;
  blockCells = DICTIONARY_CELLS;
}

/** Cells of the block that are in use, and that are left. */
export function cellsUsed(): i64 {
  return (<i64>here - <i64>blockStart) >> 3;
}
export function cellsLeft(): i64 {
  return blockCells - cellsUsed();
}

/** Whether HERE can be moved on by `bytes`: -1 when that is before the block, 1 when it is behind it. */
export function outside(bytes: i64): i32 {
  const target = <i64>here + bytes;
  return target < <i64>blockStart ? -1 : target > blockLimit() ? 1 : 0;
}

/** What no word can write beyond. */
function blockLimit(): i64 {
  return <i64>blockStart + (blockCells + <i64>SLACK_CELLS) * CELL;
}

// Stacks grow upwards; `sp` and `rp` point behind the top. Words look a few cells below and above.
const MARGIN: i32 = 256;
const stacks: usize = memory.data(2 * STACK_CELLS * CELL + 3 * MARGIN, 16);
export const stackBase: usize = stacks + MARGIN;
export const returnBase: usize = stackBase + <usize>(STACK_CELLS * CELL) + MARGIN;
/** The stack pointer of a full data stack, and of a full return stack. */
export const STACK_END: usize = stackBase + <usize>(STACK_CELLS * CELL);
export const RETURN_END: usize = returnBase + <usize>(STACK_CELLS * CELL);
export let sp: usize = 0;
export let rp: usize = 0;
/** Locals' frame on the return stack. */
export let frame: usize = 0;
/** Next cell of the word that runs. */
export let ip: usize = 0;
/** The word that runs (its header). */
export let running: usize = 0;
/** The THROW code on its way up, 0 when there is none. */
export let thrown: i32 = 0;

export function setSp(value: usize): void {
  sp = value;
}
export function setRp(value: usize): void {
  rp = value;
}
export function setIp(value: usize): void {
  ip = value;
}
export function setFrame(value: usize): void {
  frame = value;
}
export function setRunning(value: usize): void {
  running = value;
}
export function setThrown(code: i32): void {
  thrown = code;
}

export function startMemory(): void {
  here = dictionaryStart;
  store<u64>(baseCell, 10);
  // No address and no size is as large as what is found below the stack.
  memory.fill(stacks, 0x7f, MARGIN);
  resetStacks();
}

export function resetReturnStack(): void {
  rp = returnBase;
  frame = 0;
}

export function resetStacks(): void {
  sp = stackBase;
  resetReturnStack();
}

/** Starts unwinding with `code`. */
export function throwCode(code: i32): void {
  thrown = code;
}

/** Prints `text` on a line of its own and starts unwinding to the prompt. */
export function fail(text: string): void {
  print(`${text}\n`);
  thrown = ERROR_EXIT;
}

/** Items on the stack; negative when more was taken than was there. */
export function depth(): i32 {
  return <i32>(sp - stackBase) >> 3;
}

/** Whether `taken` items are on the stack and there is room for `given` in their place; else starts unwinding. */
export function check(taken: i32, given: i32): bool {
  const items = depth();
  if (items < taken) {
    fail("Error: stack underflow");
    return false;
  }
  if (items - taken + given > STACK_CELLS) {
    fail("Error: stack overflow");
    return false;
  }
  return true;
}

/** Whether `taken` items can be taken loosely, whether they are there or not; else starts unwinding. */
export function looseCheck(taken: i32): bool {
  return check(taken - LOOSENESS, 0 - LOOSENESS);
}

export function push(value: i64): void {
  store<i64>(sp, value);
  sp += 8;
}

export function pop(): i64 {
  sp -= 8;
  return load<i64>(sp);
}

/** Cell number `index` of the locals' frame at `at`; the return stack's first, should the frame not be on it. */
export function localAt(at: usize, index: u64): usize {
  const cell = at + <usize>(index << 3);
  return cell >= returnBase && cell + 16 <= RETURN_END + MARGIN ? cell : returnBase;
}

/** Item `index` from the top. */
export function peek(index: i32): i64 {
  return load<i64>(sp - <usize>((index + 1) << 3));
}

export function poke(index: i32, value: i64): void {
  store<i64>(sp - <usize>((index + 1) << 3), value);
}

/**
 * Pushes the result of a word that takes what it needs without a look. When that wasn't there, nothing is left in its
 * place: the next word finds the stack below its bottom, as in the reference.
 */
export function pushTaken(value: i64): void {
  if (sp >= stackBase) push(value);
}

export function pushFlag(flag: bool): void {
  push(flag ? -1 : 0);
}

export function pushReturn(value: i64): void {
  if (rp >= returnBase + <usize>(STACK_CELLS * CELL)) {
    fail("Error: return stack overflow");
    return;
  }
  store<i64>(rp, value);
  rp += 8;
}

export function popReturn(): i64 {
  if (rp <= returnBase) {
    fail("Error: return stack underflow");
    return 0;
  }
  rp -= 8;
  return load<i64>(rp);
}

/** What a word does with many bytes at once costs as much as the words that would do it one by one, or a little less. */
const BYTES_PER_FUEL: i64 = 64;

/** Whether `size` bytes at `address` can be read; else starts unwinding. */
export function readable(address: i64, size: i64): bool {
  const end = (<i64>memory.size()) << 16;
  if (address > 0 && size >= 0 && address <= end && size <= end - address) {
    if (size >= BYTES_PER_FUEL) burn(size / BYTES_PER_FUEL);
    return true;
  }
  fail("Error: invalid address");
  return false;
}

/** Whether `size` bytes at `address` are the scripts' own; else starts unwinding. */
export function writable(address: i64, size: i64): bool {
  let own = liesIn(address, size, regionStart, regionEnd);
  for (let i = 0; i < extentCount && !own; i++) {
    const extent = extents + <usize>i * 8;
    own = liesIn(address, size, <usize>load<u32>(extent), <usize>load<u32>(extent, 4));
  }
  if (!own) {
    fail("Error: invalid address");
    return false;
  }
  if (size >= BYTES_PER_FUEL) burn(size / BYTES_PER_FUEL);
  return true;
}

function liesIn(address: i64, size: i64, start: usize, end: usize): bool {
  return address >= <i64>start && address <= <i64>end && size >= 0 && size <= <i64>end - address;
}

/** The text of the last `popRange`. */
export let textAt: usize = 0;
export let textSize: i32 = 0;

/** Pops length and address of a text; false (and unwinding) when that is none. */
export function popRange(): bool {
  const size = pop();
  const address = pop();
  textAt = <usize>address;
  textSize = <i32>size;
  return size == 0 || readable(address, size);
}

/** Pops length and address; null (and unwinding) when that is no text. */
export function popText(): string | null {
  const size = pop();
  const address = pop();
  if (size == 0) return "";
  return readable(address, size) ? stringAt(<usize>address, <i32>size) : null;
}

/** Puts `text` at `address` (of the scripts' memory, checked by the caller) with a NUL. */
export function placeText(address: usize, text: string): void {
  storeString(address, text);
  store<u8>(address + <usize>text.length, 0);
}

// ---- the heap of `allocate` ---------------------------------------------------------------------------

// A block that was given out, or could be: start, and size with the lowest bit set while it's given out.
const BLOCK_START: usize = 0;
const BLOCK_SIZE: usize = 4;
const RECORD: usize = 8;
const FIRST_BLOCKS: i32 = 512;
/** All blocks, in the order of their addresses. */
let blocks: usize = 0;
let blockCount: i32 = 0;
let blockRoom: i32 = 0;
const ALIGNMENT: usize = 16;
/** The block that was taken back last, not free yet; 0 when there is none. */
let lastFreed: usize = 0;
/** Blocks that can be looked through for one step of fuel. */
const BLOCKS_PER_FUEL: i32 = 16;

/** Puts a record before record `index`. */
function insertBlock(index: i32, start: usize, size: u32): void {
  if (blockCount == blockRoom) {
    blockRoom = 2 * blockRoom + FIRST_BLOCKS;
    const larger = allocate(<usize>blockRoom * RECORD);
    memory.copy(larger, blocks, <usize>blockCount * RECORD);
    if (blocks != 0) heap.free(blocks);
    blocks = larger;
  }
  const record = blocks + <usize>index * RECORD;
  memory.copy(record + RECORD, record, <usize>(blockCount - index) * RECORD);
  store<u32>(record, <u32>start, BLOCK_START);
  store<u32>(record, size, BLOCK_SIZE);
  blockCount++;
}

function removeBlock(record: usize): void {
  const next = record + RECORD;
  memory.copy(record, next, blocks + <usize>blockCount * RECORD - next);
  blockCount--;
}

/** Room for `size` bytes, or 0. */
export function allocateBlock(size: i64): usize {
  // Rounding up makes a small size of -1, as in the reference.
  const needed = <u32>max(<i64>ALIGNMENT, (size + <i64>ALIGNMENT - 1) & -(<i64>ALIGNMENT));
  if (size < -(<i64>ALIGNMENT) || size > BLOCK_LIMIT) return 0;
  burn(blockCount / BLOCKS_PER_FUEL);
  let start = takeBlock(needed);
  if (start == 0 && lastFreed != 0) {
    releaseLast();
    start = takeBlock(needed);
  }
  if (start == 0 && addExtent(needed)) start = takeBlock(needed);
  return start;
}

/** Gives out the first free block of `needed` bytes; 0 when there is none. */
function takeBlock(needed: u32): usize {
  for (let i = 0; i < blockCount; i++) {
    const record = blocks + <usize>i * RECORD;
    const free = load<u32>(record, BLOCK_SIZE);
    if ((free & 1) != 0 || free < needed) continue;
    const start = <usize>load<u32>(record, BLOCK_START);
    store<u32>(record, needed | 1, BLOCK_SIZE);
    if (free > needed) insertBlock(i + 1, start + <usize>needed, free - needed);
    return start;
  }
  return 0;
}

/** Gives the heap room for a block of `needed` bytes. False when that would be more than it may have. */
function addExtent(needed: u32): bool {
  const size = max(<usize>needed, EXTENT);
  if (extentCount == EXTENTS || size > HEAP_LIMIT - heapSize) return false;
  const start = allocate(size);
  const extent = extents + <usize>extentCount * 8;
  extentCount++;
  store<u32>(extent, <u32>start);
  store<u32>(extent, <u32>(start + size), 4);
  heapSize += size;
  let index = 0;
  while (index < blockCount && <usize>load<u32>(blocks + <usize>index * RECORD, BLOCK_START) < start) index++;
  insertBlock(index, start, <u32>size);
  return true;
}

/** The record of the block at `start` that is given out, or 0. */
function recordOf(start: usize): usize {
  let low = 0;
  let high = blockCount - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const record = blocks + <usize>middle * RECORD;
    const at = <usize>load<u32>(record, BLOCK_START);
    if (at == start) return (load<u32>(record, BLOCK_SIZE) & 1) != 0 ? record : 0;
    if (at < start) low = middle + 1;
    else high = middle - 1;
  }
  return 0;
}

/** Size of the block at `start`, or -1 when there is none. */
export function blockSize(start: usize): i64 {
  const record: usize = start == lastFreed ? 0 : recordOf(start);
  return record == 0 ? -1 : load<u32>(record, BLOCK_SIZE) & ~1;
}

/** Makes one of the free block of `record` and the next one, when that is free and begins where the first ends. */
function joinNext(record: usize): void {
  const next = record + RECORD;
  if (next >= blocks + <usize>blockCount * RECORD) return;
  const size = load<u32>(record, BLOCK_SIZE);
  const nextSize = load<u32>(next, BLOCK_SIZE);
  if (((size | nextSize) & 1) != 0 || load<u32>(record, BLOCK_START) + size != load<u32>(next, BLOCK_START)) return;
  store<u32>(record, size + nextSize, BLOCK_SIZE);
  removeBlock(next);
}

/**
 * Takes a block back. False when it was not given out. It can be given out again once the next one was taken back:
 * the scripts of FreeBSD up to 8 free the list of their configuration files, make the new one and see by its address
 * that there is one. In the reference's heap, with the loader's own blocks in it, the address is another one.
 */
export function freeBlock(start: usize): bool {
  if (start == 0 || start == lastFreed || recordOf(start) == 0) return false;
  burn(blockCount / BLOCKS_PER_FUEL);
  releaseLast();
  lastFreed = start;
  return true;
}

function releaseLast(): void {
  const record = recordOf(lastFreed);
  lastFreed = 0;
  if (record == 0) return;
  store<u32>(record, load<u32>(record, BLOCK_SIZE) & ~1, BLOCK_SIZE);
  joinNext(record);
  if (record > blocks) joinNext(record - RECORD);
}

/** Whether words are compiled, not executed. */
export function compiling(): bool {
  return load<i64>(stateCell) != 0;
}

export function setCompiling(on: bool): void {
  store<i64>(stateCell, on ? 1 : 0);
}
