// Words on memory and on the dictionary's end, of the core word set.

import { Op } from "../codes";
import { fast, primitive } from "../define";
import { align, appendByte, appendCell, room } from "../dictionary";
import { BODY } from "../header";
import { cellsLeft, here, readable, setHere, Variables, variables, writable } from "../memory";
import { CELL, fail, peek, poke, pop, push } from "../stacks";

/** Cells and bytes at an address. */
export function defineMemory(): void {
  fast("@", Op.FETCH);
  fast("!", Op.STORE);
  fast("+!", Op.PLUS_STORE);
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
  fast("c@", Op.C_FETCH);
  fast("c!", Op.C_STORE);
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
}

/** Sizes, the dictionary's end, and what else the system has addresses of. */
export function defineDataSpace(): void {
  fast("cells", Op.CELLS);
  fast("cell+", Op.CELL_PLUS);
  primitive("cell-", 1, 1, () => poke(0, peek(0) - 8));
  primitive("chars", 0, 0, () => {});
  fast("char+", Op.ONE_PLUS);
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
  primitive("base", 0, 1, () => push(variables.addressOf(offsetof<Variables>("base"))));
  primitive("state", 0, 1, () => push(variables.addressOf(offsetof<Variables>("state"))));
  primitive("decimal", 0, 0, () => (variables.base = 10));
  primitive("hex", 0, 0, () => (variables.base = 16));
  primitive(">body", 1, 1, () => poke(0, peek(0) + <i64>BODY + 8));
  primitive("body>", 1, 1, () => poke(0, peek(0) - <i64>BODY - 8));
}
