// Words on the system itself: exceptions, evaluation, search order, heap, conditionals.

import { copyText, cstringSize, stringAt } from "../../lib/bytes";
import { allocate } from "../../lib/fault";
import { print } from "../../lib/output";
import { equalsIgnoreCase } from "../../lib/text";
import { colon, forth, immediate, loose, primitive } from "./define";
import {
  align,
  appendCell,
  current,
  FLAG_IMMEDIATE,
  FORTH_WORDLIST,
  flagsOf,
  HIDDEN_WORDLIST,
  isWord,
  latest,
  makeWordlist,
  NAME,
  resetSearchOrder,
  room,
  SEARCH_LIMIT,
  searchList,
  searchOrder,
  setCurrent,
  setSearchOrder,
  Wordlist,
  wordlistOf,
  wordlists,
} from "./dictionary";
import { execute, forgetWaiting, takeRestart, waitForText } from "./inner";
import {
  ABORT,
  ABORT_QUOTE,
  allocateBlock,
  BREAK,
  blockSize,
  CELL,
  check,
  compiling,
  depth,
  fail,
  frame,
  freeBlock,
  here,
  INNER_EXIT,
  ip,
  looseCheck,
  OUT_OF_TEXT,
  pop,
  popText,
  push,
  pushTaken,
  QUIT,
  RESTART,
  readable,
  rp,
  setFrame,
  setHere,
  setIp,
  setRp,
  setSp,
  setThrown,
  sp,
  stackBase,
  stateCell,
  throwCode,
  thrown,
  USER_CELLS,
  USER_EXIT,
  userArea,
} from "./memory";
import { interpretText, parseUntil, parseWord, setSourceId, sourceId } from "./outer";
import { compileText, compileWord } from "./words_compile";

/** Interprets `size` bytes at `text` as EVALUATE does; what is thrown goes on. */
export function evaluate(text: usize, size: i32): void {
  const before = sourceId;
  setSourceId(-1);
  const result = interpretText(text, size);
  setSourceId(before);
  if (result != OUT_OF_TEXT) throwCode(result);
}

/** Copies of the texts that EVALUATE is at, one after the other; what doesn't fit has a block of its own. */
const TEXTS_SIZE: i32 = 8192;
const texts: usize = memory.data(8192);
let textsUsed: i32 = 0;

/** Interprets a copy of the text, since that may be overwritten while it runs. */
function evaluateCopy(text: usize, size: i32): void {
  const fits = size <= TEXTS_SIZE - textsUsed;
  const copy = fits ? texts + <usize>textsUsed : allocate(<usize>size);
  copyText(copy, text, size);
  if (fits) textsUsed += size;
  evaluate(copy, size);
  if (fits) textsUsed -= size;
  else heap.free(copy);
}

function abortText(): void {
  const text = parseUntil(0x22);
  if (compiling()) {
    compileWord("(branch0)");
    const at = here;
    appendCell(0);
    compileText('(.")', text);
    compileWord("type");
    compileWord("cr");
    compileWord("(literal)");
    appendCell(ABORT_QUOTE);
    compileWord("throw");
    store<i64>(at, (<i64>here - <i64>at) >> 3);
    return;
  }
  if (depth() < 1) {
    fail("Error: stack underflow");
    return;
  }
  if (pop() == 0) return;
  print(`${text}\n`);
  throwCode(ABORT_QUOTE);
}

/** What CATCH brings back when something was thrown, besides the stacks: base, state, >IN and the user variables. */
function saveState(to: usize): void {
  memory.copy(to, stateCell, STATE_SIZE);
  memory.copy(to + STATE_SIZE, userArea, USER_SIZE);
}
function restoreState(from: usize): void {
  memory.copy(stateCell, from, STATE_SIZE);
  memory.copy(userArea, from + STATE_SIZE, USER_SIZE);
}
const STATE_SIZE: usize = 3 * CELL;
const USER_SIZE: usize = <usize>(USER_CELLS * CELL);

function catchThrown(): void {
  const xt = <usize>pop();
  const oldSp = sp;
  const oldRp = rp;
  const oldIp = ip;
  const oldFrame = frame;
  // The reference keeps the stack's first cell with its bounds, and brings it back with them.
  const first = load<i64>(stackBase);
  const saved = heap.alloc(STATE_SIZE + USER_SIZE);
  saveState(saved);
  execute(xt);
  const code = thrown;
  if (code != 0) {
    setThrown(0);
    if (code == RESTART) forgetWaiting();
    setRp(oldRp);
    setIp(oldIp);
    setFrame(oldFrame);
    // EXIT-INNER ends what was executed, and well.
    if (code != INNER_EXIT) {
      restoreState(saved);
      setSp(oldSp);
      store<i64>(stackBase, first);
    }
  }
  heap.free(saved);
  push(code == INNER_EXIT ? 0 : code);
}

/** Conditionals that are open in the text being skipped; kept while the next line is waited for. */
let skipDepth: i32 = 0;

/** Skips the text up to the [else] or [then] that ends this part, over several lines if need be. */
function skipConditional(again: bool): void {
  if (!again) skipDepth = 1;
  while (skipDepth > 0) {
    const word = parseWord();
    if (word.length == 0) {
      if (sourceId == -1) return;
      waitForText();
      return;
    }
    if (equalsIgnoreCase(word, "[if]")) skipDepth++;
    else if (equalsIgnoreCase(word, "[then]") || equalsIgnoreCase(word, "[endif]")) skipDepth--;
    else if (skipDepth == 1 && equalsIgnoreCase(word, "[else]")) return;
  }
}

/** Longest name of a word list that is shown. */
const LIST_NAME_LIMIT: i32 = 255;

/** Bytes of the name of `list`, which scripts may have put anywhere. */
function sizeOfName(list: Wordlist): i32 {
  const end = (<i64>memory.size()) << 16;
  if (list.nameAt <= 0 || list.nameAt >= end - <i64>LIST_NAME_LIMIT) return 0;
  return cstringSize(<usize>list.nameAt, LIST_NAME_LIMIT);
}

/** Makes a word list with `buckets` chains, which take room in the dictionary. */
function newWordlist(buckets: i64): void {
  align();
  if (buckets < 1 || buckets > MAX_BUCKETS || !room((buckets + 3) * CELL)) {
    if (thrown == 0) fail("Error: dictionary full");
    return;
  }
  setHere(here + <usize>(buckets + 3) * CELL);
  push(makeWordlist(0, <i32>buckets));
}
const MAX_BUCKETS: i64 = 65536;

export function defineSystem(): void {
  // Exceptions.
  loose("throw", 1, 0, () => {
    const code = <i32>pop();
    // Leaving the system is BYE's alone; from here the code just ends the line.
    if (code != 0) throwCode(code == USER_EXIT ? BREAK : code);
  });
  primitive("catch", 1, 1, catchThrown);
  primitive("abort", 0, 0, () => throwCode(ABORT));
  immediate('abort"', 0, 0, abortText);
  primitive("quit", 0, 0, () => throwCode(QUIT));
  primitive("bye", 0, 0, () => throwCode(USER_EXIT));
  primitive("evaluate", 2, 0, () => {
    const size = pop();
    const address = pop();
    if (!readable(address, size)) return;
    evaluateCopy(<usize>address, <i32>size);
  });

  // Search order.
  primitive("forth-wordlist", 0, 1, () => push(FORTH_WORDLIST));
  primitive("ficl-wordlist", 1, 1, () => newWordlist(pop()));
  primitive("wordlist", 0, 1, () => newWordlist(1));
  primitive("get-current", 0, 1, () => push(current));
  loose("set-current", 1, 0, () => {
    const list = wordlistOf(pop());
    if (list !== null) setCurrent(list.id);
  });
  primitive("ficl-set-current", 1, 1, () => {
    const before = current;
    const list = wordlistOf(pop());
    if (list === null) return;
    setCurrent(list.id);
    push(before);
  });
  primitive("definitions", 0, 0, () => {
    if (searchOrder.length == 0) fail("DEFINITIONS error - empty search order");
    else setCurrent(searchOrder[searchOrder.length - 1]);
  });
  primitive("get-order", 0, 20, () => {
    for (let i = 0; i < searchOrder.length; i++) push(searchOrder[i]);
    push(searchOrder.length);
  });
  loose("set-order", 1, 0, () => {
    const count = pop();
    if (count < 0) {
      resetSearchOrder();
      return;
    }
    if (count > SEARCH_LIMIT) {
      fail("set-order error: list would be too large");
      return;
    }
    if (!looseCheck(<i32>count)) return;
    const order: i32[] = [];
    for (let i = 0; i < <i32>count; i++) {
      const list = wordlistOf(pop());
      if (list === null) return;
      order.unshift(list.id);
    }
    setSearchOrder(order);
  });
  loose(">search", 1, 0, () => {
    const list = wordlistOf(pop());
    if (list === null) return;
    if (searchOrder.length == SEARCH_LIMIT) fail(">search error: search order overflow");
    else searchOrder.push(list.id);
  });
  primitive("search>", 0, 1, () => {
    if (searchOrder.length == 0) fail("search> error: empty search order");
    else push(searchOrder.pop());
  });
  loose("search-wordlist", 3, 2, () => {
    const list = wordlistOf(pop());
    if (list === null) return;
    const name = popText();
    if (name === null) return;
    const xt = searchList(list.id, name);
    if (xt == 0) {
      push(0);
      return;
    }
    push(<i64>xt);
    push((flagsOf(xt) & FLAG_IMMEDIATE) != 0 ? 1 : -1);
  });
  loose("wid-get-name", 1, 2, () => {
    const list = wordlistOf(pop());
    if (list === null) return;
    push(list.nameAt);
    push(sizeOfName(list));
  });
  loose("wid-set-name", 2, 0, () => {
    const address = pop();
    const id = pop();
    // The reference writes to whatever it is given.
    if (id > 0 && id <= wordlists.length) wordlists[<i32>id - 1].nameAt = address;
  });
  primitive("wid-set-super", 2, 0, () => {
    const child = wordlistOf(pop());
    const parent = pop();
    if (child !== null && parent >= 0 && parent <= wordlists.length) child.parent = <i32>parent;
  });
  primitive("last-word", 0, 1, () => push(<i64>latest));
  primitive(">name", 1, 2, () => {
    const xt = <usize>pop();
    if (!isWord(xt)) {
      fail("Error: not an execution token");
      return;
    }
    push(load<i64>(xt + 16));
    push(load<u8>(xt + 11));
  });
  colon("previous", "search> drop");
  colon("also", "search> dup >search >search");
  colon("forth", "search> drop forth-wordlist >search");
  colon("only", "-1 set-order");
  primitive("brand-wordlist", 1, 0, () => {
    const list = wordlistOf(pop());
    if (list !== null && isWord(latest)) list.nameAt = load<i64>(latest + NAME);
  });
  colon("ficl-named-wordlist", "ficl-wordlist create dup , brand-wordlist does> @");
  colon("do-vocabulary", "does> @ search> drop >search");
  colon("ficl-vocabulary", "ficl-named-wordlist do-vocabulary");
  colon("vocabulary", "1 ficl-vocabulary");
  forth("1 ficl-named-wordlist hidden");
  colon("hide", "hidden dup >search ficl-set-current");
  setCurrent(HIDDEN_WORDLIST);
  primitive("list-wid", 1, 0, () => {
    const list = wordlistOf(pop());
    if (list === null) return;
    if (list.nameAt == 0) print(`(unnamed wid) ${list.id} \n`);
    else print(`${stringAt(<usize>list.nameAt, sizeOfName(list))}\n`);
  });
  setCurrent(FORTH_WORDLIST);
  forth("hidden >search");
  forth(': order ." Search:" cr get-order 0 ?do 3 spaces list-wid loop cr ." Compile: " get-current list-wid cr ;');
  forth("previous");

  // Heap.
  loose("allocate", 1, 2, () => {
    const block = allocateBlock(pop());
    pushTaken(<i64>block);
    pushTaken(block == 0 ? 1 : 0);
  });
  loose("free", 1, 1, () => {
    freeBlock(<usize>pop());
    pushTaken(0);
  });
  loose("resize", 2, 2, () => {
    const size = pop();
    const old = <usize>pop();
    const before = blockSize(old);
    let block: usize = 0;
    if (before >= 0 || old == 0) block = allocateBlock(size);
    if (block != 0 && before >= 0) {
      memory.copy(block, old, <usize>min(before, size));
      freeBlock(old);
    }
    push(<i64>(block == 0 ? old : block));
    push(block == 0 ? 1 : 0);
  });

  // Conditionals.
  immediate("[if]", 0, 0, () => {
    if (takeRestart()) skipConditional(true);
    else if (check(1, 0) && pop() == 0) skipConditional(false);
  });
  immediate("[else]", 0, 0, () => skipConditional(takeRestart()));
  immediate("[then]", 0, 0, () => {});
  immediate("[endif]", 0, 0, () => {});
}
