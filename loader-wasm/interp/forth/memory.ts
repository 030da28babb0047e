// The Forth machine's memory. One region of module memory is the scripts' own: dictionary, variables, scratch texts;
// and the heap of `allocate` (heap.ts). They may read all of module memory, which holds nothing but this session,
// and write only there.

import { storeString, stringAt } from "../../lib/bytes";
import { burn } from "../../lib/fault";
import { CELL, fail, pop, startStacks } from "./stacks";

/** Cells of the dictionary's first block. */
export const DICTIONARY_CELLS: i32 = 15000;
/** Cells of the blocks that the dictionary can go on in, as scripts ask for with DICTINCREASE. */
const GROWTH_CELLS: i32 = 49152;
/** Cells that a definition can run over a block's end; the next word of the text then finds the dictionary full. */
const SLACK_CELLS: i32 = 1024;
/** All of that: where words may be. */
export const CODE_CELLS: i32 = DICTIONARY_CELLS + SLACK_CELLS + GROWTH_CELLS;
/** Bytes of the scratch text (`pad`), and of one text that a word returns. */
export const PAD_SIZE: i32 = 256;

/** What it takes, with what is before a text there and behind it. */
const PAD_ROOM: i32 = 2 * PAD_SIZE;

// The scripts' memory, static so that the addresses are constants of the code: dictionary, PAD, and the
// variables that scripts reach by address.

/** Bytes behind it that nothing is stored in: code that runs off the region's end finds zeros. */
const GUARD: i32 = 64;
/** Bytes for Variables. */
const VARIABLES: i32 = 64;
/** User variables. */
export const USER_CELLS: i32 = 16;
/** Where the region begins. */
export const regionStart: usize = memory.data((CODE_CELLS + USER_CELLS) * CELL + PAD_ROOM + VARIABLES + GUARD, 16);
/** Where the dictionary begins: a multiple of a cell. */
export const dictionaryStart: usize = regionStart;
/** Where the last of the dictionary's blocks ends. */
export const dictionaryEnd: usize = dictionaryStart + <usize>(CODE_CELLS * CELL);
/** PAD: WORD's text is there, a number's, and the last one that was printed. */
export const pad: usize = dictionaryEnd;

/** The system's variables that scripts reach by address. */
@unmanaged
export class Variables {
  /** Not 0 when words are compiled, not executed. */
  state: i64;
  /** Base of numbers. */
  base: i64;
  /** Position in the text that is interpreted. */
  in: i64;
  /** Free cells below which the dictionary goes on in another block, and the cells it gets there. */
  threshold: i64;
  increase: i64;

  /** Address of the variable at `offset`. */
  @inline
  addressOf(offset: usize): usize {
    return changetype<usize>(this) + offset;
  }
}

/** Where they are. */
const variablesStart: usize = pad + <usize>PAD_ROOM;
/** The variables themselves. */
export const variables: Variables = changetype<Variables>(variablesStart);
/** The user variables' cells. */
export const userArea: usize = variablesStart + VARIABLES;
/** Where the region ends. */
export const regionEnd: usize = userArea + <usize>(USER_CELLS * CELL);

/** A piece of module memory that is the heap's (heap.ts), and so the scripts', too. */
@unmanaged
class Extent {
  start: u32;
  end: u32;
}
/** As many as its limit allows. */
const EXTENTS: i32 = 16;
const extents: usize = memory.data(16 * 8, 4);
let extentCount: i32 = 0;

function extentAt(index: i32): Extent {
  return changetype<Extent>(extents + <usize>index * offsetof<Extent>());
}

/** Makes `size` bytes at `start` the scripts' own. False when there are too many such pieces. */
export function addOwn(start: usize, size: usize): bool {
  if (extentCount == EXTENTS) return false;
  const extent = extentAt(extentCount++);
  extent.start = <u32>start;
  extent.end = <u32>(start + size);
  return true;
}

/** Dictionary pointer. */
export let here: usize = 0;

/** Sets it. */
export function setHere(value: usize): void {
  here = value;
}

/** The block that the dictionary is in. */
let blockStart: usize = dictionaryStart;
/** Its size in cells. */
export let blockCells: i64 = DICTIONARY_CELLS;
/** Where the next one begins. */
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

/** Cells of the block that are in use. */
export function cellsUsed(): i64 {
  return (<i64>here - <i64>blockStart) >> 3;
}

/** Those that are left. */
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

/** Makes an empty dictionary and empty stacks. */
export function startMemory(): void {
  here = dictionaryStart;
  variables.base = 10;
  startStacks();
}

/** Bytes of module memory are counted in pages of 2^MEMORY_PAGE_SHIFT. */
export const MEMORY_PAGE_SHIFT: u64 = 16;

/** What a word does with many bytes at once costs as much as the words that would do it one by one, or a little less. */
const BYTES_PER_FUEL: i64 = 64;

/** Whether `size` bytes at `address` can be read; else starts unwinding. */
export function readable(address: i64, size: i64): bool {
  const end = (<i64>memory.size()) << MEMORY_PAGE_SHIFT;
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
    const extent = extentAt(i);
    own = liesIn(address, size, extent.start, extent.end);
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
/** Its bytes. */
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

/** Whether words are compiled, not executed. */
export function compiling(): bool {
  return variables.state != 0;
}

/** Says which. */
export function setCompiling(on: bool): void {
  variables.state = on ? 1 : 0;
}
