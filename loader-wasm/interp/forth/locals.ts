// Locals: names that a definition gives to items it takes from the stack. They live in a frame on the
// return stack; compiled code refers to them by number.

import { equalsIgnoreCase } from "../../lib/text";
import { appendCell } from "./dictionary";
import { compiling, here } from "./memory";
import { fail, thrown } from "./stacks";
import { FORTH_WORDLIST, HIDDEN_WORDLIST, searchList } from "./wordlists";

/** Cells that the locals of a definition can take. */
const LOCALS_LIMIT: i32 = 16;

let names: string[] = [];
/** First cell of each, and whether it takes two. */
let places: i32[] = [];
let wide: bool[] = [];
/** Cells that are taken. */
let cells: i32 = 0;
/** Where the size of the frame is to be stored. */
let sizeCell: usize = 0;

function compileWord(name: string): void {
  appendCell(<i64>searchList(FORTH_WORDLIST, name));
}

/** Index of the local `name`, the latest first, or -1. */
function find(name: string): i32 {
  for (let i = names.length - 1; i >= 0; i--) if (equalsIgnoreCase(names[i], name)) return i;
  return -1;
}

/** Whether the definition has locals. */
export function hasLocals(): bool {
  return names.length > 0;
}

/** Compiles the fetch of the local `name`. False when there is none. */
export function useLocal(name: string): bool {
  const found = find(name);
  if (found < 0) return false;
  if (!compiling()) {
    fail("Error: Compile only!");
  } else if (wide[found]) {
    compileWord("(@2local)");
    appendCell(places[found]);
  } else if (places[found] < 2) {
    compileWord(places[found] == 0 ? "(@local0)" : "(@local1)");
  } else {
    compileWord("(@local)");
    appendCell(places[found]);
  }
  return true;
}

/** Compiles the change of the local `name`. False when there is none. */
export function compileToLocal(name: string): bool {
  const found = find(name);
  if (found < 0) return false;
  compileWord(wide[found] ? "(to2Local)" : "(toLocal)");
  appendCell(places[found]);
  return true;
}

/** Compiles the removal of the frame, before an exit. */
export function compileUnlink(): void {
  if (cells > 0) compileWord("(unlink)");
}

/** Forgets the locals at the end of a definition. */
export function forgetLocals(): void {
  if (names.length == 0) return;
  names = [];
  places = [];
  wide = [];
  cells = 0;
}

/** Adds a local that takes the top of the stack, or its two topmost items. */
export function addLocal(name: string, two: bool): void {
  if (cells >= LOCALS_LIMIT) {
    fail("Error: out of local space");
    return;
  }
  const at = cells;
  if (at == 0) {
    compileWord("(link)");
    sizeCell = here;
    appendCell(0);
  }
  names.push(name);
  places.push(at);
  wide.push(two);
  cells += two ? 2 : 1;
  if (thrown == 0) store<i64>(sizeCell, cells);
  if (!two && at < 2) {
    compileWord(at == 0 ? "(toLocal0)" : "(toLocal1)");
    return;
  }
  compileWord(two ? "(to2Local)" : "(toLocal)");
  appendCell(at);
}

/** Compiles a 0, for a local that takes nothing from the stack. */
export function compileZero(): void {
  appendCell(<i64>searchList(HIDDEN_WORDLIST, "zero"));
}

/** Adds a local by its name in braces: `2:` before it makes it two cells wide. */
export function addNamed(name: string, zero: bool): void {
  const two = name.startsWith("2:");
  if (zero) compileZero();
  if (zero && two) compileZero();
  addLocal(two ? name.substring(2) : name, two);
}
