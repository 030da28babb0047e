// Locals: names that a definition gives to items it takes from the stack. They live in a frame on the
// return stack; compiled code refers to them by number.

import { print } from "../../console/console";
import { burn } from "../../lib/fault";
import { equalsIgnoreCase } from "../../lib/text";
import { LINK, LOCAL, LOCAL_0, LOCAL_1, TO_LOCAL, TO_LOCAL_0, TO_LOCAL_1, UNLINK } from "./codes";
import { constant, hot, immediate, loose, primitive } from "./define";
import { appendCell, FORTH_WORDLIST, HIDDEN_WORDLIST, searchList, setCurrent } from "./dictionary";
import { ABORT_QUOTE, fail, frame, here, ip, localAt, pop, popText, push, setIp, throwCode, thrown } from "./memory";
import { compiling, parseUntil, parseWord } from "./outer";

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
function addLocal(name: string, two: bool): void {
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

function compileZero(): void {
  appendCell(<i64>searchList(HIDDEN_WORDLIST, "zero"));
}

/** Adds a local by its name in braces: `2:` before it makes it two cells wide. */
function addNamed(name: string, zero: bool): void {
  const two = name.startsWith("2:");
  if (zero) compileZero();
  if (zero && two) compileZero();
  addLocal(two ? name.substring(2) : name, two);
}

/** As ABORT" does it. */
function abortWith(text: string): void {
  print(`${text}\n`);
  throwCode(ABORT_QUOTE);
}

/** locals| names |: the first is on top. */
function namesToBar(): void {
  while (thrown == 0) {
    burn(1);
    const name = parseUntil(0x20, true);
    if (name.length == 0) abortWith("where's the delimiter??");
    else if (name == "|") return;
    else addLocal(name, false);
  }
}

/** { arguments | others -- comment }: the last argument is on top. */
function namesInBraces(): void {
  const list: string[] = [];
  let word = parseWord();
  while (word.length > 0 && word != "|" && word != "--" && word != "}") {
    list.push(word);
    word = parseWord();
  }
  for (let i = list.length - 1; i >= 0 && thrown == 0; i--) addNamed(list[i], false);
  if (word == "|") {
    word = parseWord();
    while (word.length > 0 && word != "|" && word != "--" && word != "}" && thrown == 0) {
      addNamed(word, true);
      word = parseWord();
    }
  }
  if (word == "--") while (word.length > 0 && word != "}") word = parseWord();
  if (thrown == 0 && word != "}") abortWith("syntax error in { } local line");
}

/** {{ arguments -- others }}: the older form. */
function namesInDoubleBraces(): void {
  const list: string[] = [];
  let word = parseWord();
  while (word.length > 0 && word != "--" && word != "}}") {
    list.push(word);
    word = parseWord();
  }
  if (word.length > 0) for (let i = list.length - 1; i >= 0 && thrown == 0; i--) addLocal(list[i], false);
  if (word == "--") {
    word = parseWord();
    while (word.length > 0 && word != "}}" && thrown == 0) {
      compileZero();
      addLocal(word, false);
      word = parseWord();
    }
  }
  if (thrown == 0 && word.length == 0) abortWith("Error: out of text without seeing }}");
}

/** (local) and (2local): a name from the stack; an empty one ends the list. */
function addFromStack(two: bool): void {
  const name = popText();
  if (name !== null && name.length > 0) addLocal(name, two);
}

/** The next name in the text, delimited by blanks alone. */
function addNext(two: bool): void {
  const name = parseUntil(0x20, true);
  if (name.length > 0) addLocal(name, two);
}

/** The cell of the frame whose number is the next cell of the definition. */
function cellOf(): usize {
  setIp(ip + 8);
  return localAt(frame, load<u64>(ip - 8));
}

export function defineLocals(): void {
  setCurrent(HIDDEN_WORDLIST);
  constant("zero", 0);
  setCurrent(FORTH_WORDLIST);
  hot("(link)", LINK);
  hot("(unlink)", UNLINK);
  hot("(@local)", LOCAL);
  hot("(toLocal)", TO_LOCAL);
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
  loose(
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
  hot("(@local0)", LOCAL_0);
  hot("(@local1)", LOCAL_1);
  hot("(toLocal0)", TO_LOCAL_0);
  hot("(toLocal1)", TO_LOCAL_1);
  // What a local itself does; without one there is nothing to fetch.
  immediate("doLocal", 0, 0, () => fail("Error: no local"), true);
  primitive("(local)", 2, 0, () => addFromStack(false), true);
  loose("(2local)", 2, 0, () => addFromStack(true), true);
  immediate("locals|", 0, 0, namesToBar);
  immediate("local", 0, 0, () => addNext(false));
  immediate("2local", 0, 0, () => addNext(true));
  // The frame's size is kept up to date by each local.
  immediate("end-locals", 0, 0, () => {});
  immediate("{", 0, 0, namesInBraces, true);
  immediate("{{", 0, 0, namesInDoubleBraces, true);
}
