// Locals: names that a definition gives to items it takes from the stack. They live in a frame on the
// return stack; compiled code refers to them by number.

import { equalsIgnoreCase } from "../../lib/text";
import { immediate, primitive } from "./define";
import { appendCell, FORTH_WORDLIST, searchList } from "./dictionary";
import {
  fail,
  frame,
  here,
  ip,
  pop,
  push,
  returnBase,
  rp,
  STACK_CELLS,
  setFrame,
  setIp,
  setRp,
  thrown,
} from "./memory";
import { parseWord } from "./outer";

/** Locals of a definition. */
const LOCALS_LIMIT: i32 = 16;

let names: string[] = [];
/** Cells that a local takes: 1, or 2. */
let widths: i32[] = [];
/** Whether the frame's setup is compiled already. */
let linked: bool = false;
/** Where the size of the frame is to be stored. */
let sizeCell: usize = 0;

function compileWord(name: string): void {
  appendCell(<i64>searchList(FORTH_WORDLIST, name));
}

/** Compiles `one` or `two`, by its width, for the local `name` and its first cell. False when there is none. */
function compileFor(name: string, one: string, two: string): bool {
  let found = -1;
  let at = 0;
  let cell = 0;
  for (let i = 0; i < names.length; i++) {
    if (equalsIgnoreCase(names[i], name)) {
      found = i;
      at = cell;
    }
    cell += widths[i];
  }
  if (found < 0) return false;
  compileWord(widths[found] == 2 ? two : one);
  appendCell(at);
  return true;
}

/** Whether the definition has locals. */
export function hasLocals(): bool {
  return names.length > 0;
}

/** Compiles the fetch of the local `name`. False when there is none. */
export function compileLocal(name: string): bool {
  return compileFor(name, "(@local)", "(@2local)");
}

/** Compiles the change of the local `name`. False when there is none. */
export function compileToLocal(name: string): bool {
  return compileFor(name, "(toLocal)", "(to2Local)");
}

/** Compiles the removal of the frame, before an exit. */
export function compileUnlink(): void {
  if (linked) compileWord("(unlink)");
}

/** Forgets the locals at the end of a definition. */
export function endLocals(): void {
  names = [];
  widths = [];
  linked = false;
}

function cells(): i32 {
  let total = 0;
  for (let i = 0; i < widths.length; i++) total += widths[i];
  return total;
}

/** Adds a local that takes the top of the stack (or, with `zero`, starts as 0). */
function addLocal(name: string, width: i32, zero: bool): void {
  if (names.length == LOCALS_LIMIT) {
    fail("Error: out of local space");
    return;
  }
  if (!linked) {
    compileWord("(link)");
    sizeCell = here;
    appendCell(0);
    linked = true;
  }
  const at = cells();
  names.push(name);
  widths.push(width);
  if (thrown == 0) store<i64>(sizeCell, cells());
  for (let i = 0; zero && i < width; i++) {
    compileWord("(literal)");
    appendCell(0);
  }
  compileWord(width == 2 ? "(to2Local)" : "(toLocal)");
  appendCell(at);
}

/** The words up to `end`; null and unwinding when it doesn't come. */
function namesUntil(end: string): string[] | null {
  const list: string[] = [];
  while (true) {
    const name = parseWord();
    if (name.length == 0) {
      fail(end == "}" ? "syntax error in { } local line" : "where's the delimiter??");
      return null;
    }
    if (name == end) return list;
    list.push(name);
  }
}

function cellOf(): usize {
  const at = frame + <usize>(load<u64>(ip) << 3);
  setIp(ip + 8);
  return at >= returnBase && at + 16 <= returnBase + <usize>(STACK_CELLS * 8) + 256 ? at : returnBase;
}

export function defineLocals(): void {
  primitive(
    "(link)",
    0,
    0,
    () => {
      const size = <usize>(load<u64>(ip) << 3);
      setIp(ip + 8);
      if (rp + size + 8 > returnBase + <usize>(STACK_CELLS * 8)) {
        fail("Error: return stack overflow");
        return;
      }
      store<u64>(rp, frame);
      setFrame(rp + 8);
      setRp(rp + 8 + size);
    },
    true,
  );
  primitive(
    "(unlink)",
    0,
    0,
    () => {
      if (frame < returnBase + 8) return;
      const before = <usize>load<u64>(frame - 8);
      setRp(frame - 8);
      setFrame(before);
    },
    true,
  );
  primitive("(@local)", 0, 1, () => push(load<i64>(cellOf())), true);
  primitive("(toLocal)", 1, 0, () => store<i64>(cellOf(), pop()), true);
  primitive(
    "(@2local)",
    0,
    2,
    () => {
      const at = cellOf();
      push(load<i64>(at));
      push(load<i64>(at + 8));
    },
    true,
  );
  primitive(
    "(to2Local)",
    2,
    0,
    () => {
      const at = cellOf();
      store<i64>(at + 8, pop());
      store<i64>(at, pop());
    },
    true,
  );
  immediate("locals|", 0, 0, () => {
    const list = namesUntil("|");
    if (list !== null) for (let i = 0; i < list.length; i++) addLocal(list[i], 1, false);
  });
  immediate("local", 0, 0, () => addLocal(parseWord(), 1, false));
  immediate("2local", 0, 0, () => addLocal(parseWord(), 2, false));
  immediate("end-locals", 0, 0, () => {});
  // { arguments | others -- comment }: the last argument is on top.
  immediate(
    "{",
    0,
    0,
    () => {
      const list = namesUntil("}");
      if (list === null) return;
      let end = list.indexOf("--");
      if (end < 0) end = list.length;
      let others = list.indexOf("|");
      if (others < 0 || others > end) others = end;
      for (let i = others - 1; i >= 0; i--) addNamed(list[i], false);
      for (let i = others + 1; i < end; i++) addNamed(list[i], true);
    },
    true,
  );
}

/** Adds a local by its name in braces: `2:` before it makes it two cells wide. */
function addNamed(name: string, zero: bool): void {
  if (name.startsWith("2:")) addLocal(name.substring(2), 2, zero);
  else addLocal(name, 1, zero);
}
