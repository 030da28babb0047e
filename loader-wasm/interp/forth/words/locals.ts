// The words for locals: the ways of naming them, and what is compiled for them.

import { Ascii } from "../../../lib/ascii";
import { burn } from "../../../lib/fault";
import { print } from "../../../lib/output";
import { Op } from "../codes";
import { constant, hot, immediate, loose, primitive } from "../define";
import { addLocal, addNamed, compileZero } from "../locals";
import { popText } from "../memory";
import { parseUntil, parseWord } from "../outer";
import { ABORT_QUOTE, fail, frame, ip, localAt, pop, push, setIp, throwCode, thrown } from "../stacks";
import { FORTH_WORDLIST, HIDDEN_WORDLIST, setCurrent } from "../wordlists";

/** As ABORT" does it. */
function abortWith(text: string): void {
  print(`${text}\n`);
  throwCode(ABORT_QUOTE);
}

/** locals| names |: the first is on top. */
function namesToBar(): void {
  while (thrown == 0) {
    burn(1);
    const name = parseUntil(Ascii.SPACE, true);
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
  const name = parseUntil(Ascii.SPACE, true);
  if (name.length > 0) addLocal(name, two);
}

/** The cell of the frame whose number is the next cell of the definition. */
function cellOf(): usize {
  setIp(ip + 8);
  return localAt(frame, load<u64>(ip - 8));
}

/** Defines the words for locals. */
export function defineLocals(): void {
  setCurrent(HIDDEN_WORDLIST);
  constant("zero", 0);
  setCurrent(FORTH_WORDLIST);
  hot("(link)", Op.LINK);
  hot("(unlink)", Op.UNLINK);
  hot("(@local)", Op.LOCAL);
  hot("(toLocal)", Op.TO_LOCAL);
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
  hot("(@local0)", Op.LOCAL_0);
  hot("(@local1)", Op.LOCAL_1);
  hot("(toLocal0)", Op.TO_LOCAL_0);
  hot("(toLocal1)", Op.TO_LOCAL_1);
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
