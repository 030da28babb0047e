// The table of primitives: the words in AssemblyScript that have no case of their own in the inner interpreter.

import { allocate } from "../../../lib/fault";
import { Op } from "../codes";
import { CELL, STACK_END, stackBase } from "../stacks";

/** A row of the table. */
@unmanaged
export class Primitive {
  /** Least and greatest stack pointer that it can run with. */
  least: u32;
  greatest: u32;
  /** The function's number. */
  run: u32;
  /** Makes a row 16 bytes, which is found faster than one of 12. */
  spare: u32;
}

const FIRST_ROWS: i32 = 512;
let rows: usize = 0;
let rowRoom: i32 = 0;
/** Rows that are there: codes from TABLE on. */
export let primitiveCount: i32 = 0;

/** The primitive with a code of the table. */
export function primitiveOf(code: u32): Primitive {
  return changetype<Primitive>(rows + <usize>(code - Op.TABLE) * offsetof<Primitive>());
}

/** Adds a primitive that takes and leaves at most so many items, and returns its code. */
export function addPrimitive(takes: i32, gives: i32, run: () => void): i32 {
  if (primitiveCount == rowRoom) {
    rowRoom = max(2 * rowRoom, FIRST_ROWS);
    const larger = allocate(<usize>rowRoom * offsetof<Primitive>());
    memory.copy(larger, rows, <usize>primitiveCount * offsetof<Primitive>());
    if (rows != 0) heap.free(rows);
    rows = larger;
  }
  const code = Op.TABLE + primitiveCount++;
  const row = primitiveOf(code);
  row.least = <u32>(stackBase + <usize>(takes * CELL));
  row.greatest = <u32>(STACK_END - <usize>((gives - takes) * CELL));
  row.run = run.index;
  return code;
}
