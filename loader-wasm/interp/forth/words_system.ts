// Words on the system itself: exceptions, evaluation, search order, heap, environment queries, tools.

import { getchar, print } from "../../console/console";
import { stringAt } from "../../lib/bytes";
import { allocate } from "../../lib/fault";
import { equalsIgnoreCase } from "../../lib/text";
import { colon, constant, forth, immediate, primitive, variableAt } from "./define";
import {
  appendCell,
  appendWord,
  current,
  FLAG_IMMEDIATE,
  FORTH_WORDLIST,
  flagsOf,
  forgetFrom,
  isWord,
  latest,
  makeWordlist,
  nameOf,
  resetSearchOrder,
  SEARCH_LIMIT,
  searchList,
  searchOrder,
  setCurrent,
  setSearchOrder,
  wordlistOf,
  wordlists,
} from "./dictionary";
import { addPrimitive, execute, restarted, waitForText } from "./inner";
import {
  ABORT,
  ABORT_QUOTE,
  allocateBlock,
  BREAK,
  blockSize,
  check,
  DICTIONARY_CELLS,
  depth,
  dictionaryStart,
  fail,
  frame,
  freeBlock,
  here,
  ip,
  OUT_OF_TEXT,
  pad,
  placeText,
  pop,
  popText,
  push,
  QUIT,
  readable,
  rp,
  running,
  setFrame,
  setIp,
  setRp,
  setSp,
  setThrown,
  sp,
  stackBase,
  throwCode,
  thrown,
  USER_EXIT,
} from "./memory";
import { compiling, interpretText, parseUntil, parseWord, setSourceId, sourceId, tickNext, wantName } from "./outer";
import { compileText, compileWord } from "./words_compile";

/** Interprets `size` bytes at `text` as EVALUATE does; what is thrown goes on. */
export function evaluate(text: usize, size: i32): void {
  const before = sourceId;
  setSourceId(-1);
  const result = interpretText(text, size);
  setSourceId(before);
  if (result != OUT_OF_TEXT) throwCode(result);
}

function abortText(): void {
  const text = parseUntil(0x22);
  if (compiling()) {
    compileWord("(branch0)");
    const at = here;
    appendCell(0);
    compileText('(s")', text);
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

/** Environment queries (`environment?`): name and value. */
class Query {
  constructor(
    readonly name: string,
    readonly value: i64,
    readonly second: i64,
    readonly cells: i32,
  ) {}
}
const queries: Query[] = [];

export function setQuery(name: string, value: i64): void {
  queries.push(new Query(name, value, 0, 1));
}

/** Dictionary cells that one query takes in the reference, as its listing shows; and all it has. */
const QUERY_CELLS: i32 = 7;
const QUERY_LIMIT: i32 = 12288;

/** The standard queries, in the order in which the reference defines them. */
function defineQueries(): void {
  setQuery("/counted-string", 255);
  setQuery("/hold", 256);
  setQuery("/pad", 256);
  setQuery("address-unit-bits", 8);
  setQuery("core", -1);
  setQuery("core-ext", 0);
  setQuery("floored", 0);
  setQuery("max-char", 255);
  queries.push(new Query("max-d", 0xffffffff, 0x7fffffff, 2));
  setQuery("max-n", 0x7fffffff);
  setQuery("max-u", 0xffffffff);
  queries.push(new Query("max-ud", 0xffffffff, 0xffffffff, 2));
  setQuery("return-stack-cells", 128);
  setQuery("stack-cells", 128);
  setQuery("exception", -1);
  setQuery("exception-ext", -1);
  setQuery("locals", -1);
  setQuery("locals-ext", -1);
  setQuery("#locals", 16);
  setQuery("memory-alloc", -1);
  setQuery("search-order", -1);
  setQuery("search-order-ext", -1);
  setQuery("wordlists", 16);
  setQuery("tools", -1);
  setQuery("tools-ext", 0);
  setQuery("ficl-version", 3);
  setQuery("ficl-robust", 2);
}

const COLUMN: i32 = 8;
const LINE: i32 = 64;

/** Lists the names of a word list in columns, and the dictionary's use. */
function listWords(): void {
  if (searchOrder.length == 0) {
    fail("Error: search order underflow");
    return;
  }
  const list = wordlists[searchOrder[searchOrder.length - 1] - 1];
  let line = "";
  let lines = 0;
  for (let i = list.words.length - 1; i >= 0; i--) {
    const name = nameOf(list.words[i]);
    line += name;
    line = line.padEnd(((line.length + COLUMN) / COLUMN) * COLUMN);
    if (line.length > LINE) {
      print(`${line}\n`);
      line = "";
      lines++;
      if (lines % 23 == 0) {
        print("--- Press Enter to continue ---");
        getchar();
        print("\n");
      }
    }
  }
  if (line.length > 0) print(`${line}\n`);
  const used = (here - dictionaryStart) >> 3;
  print(`Dictionary: ${list.words.length} words, ${used} cells used of ${DICTIONARY_CELLS} total\n`);
}

/** Conditionals that are open in the text being skipped; kept while the next line is waited for. */
let skipDepth: i32 = 0;

/** Skips the text up to the [else] or [then] that ends this part, over several lines if need be. */
function skipConditional(): void {
  if (!restarted) skipDepth = 1;
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

/** Code of the words that MARKER makes: they forget themselves and what came after. */
let markerCode: i32 = 0;

export function defineSystem(): void {
  markerCode = addPrimitive(0, 0, () => {
    resetSearchOrder();
    forgetFrom(running);
  });
  // Exceptions.
  primitive("throw", 1, 0, () => {
    const code = <i32>pop();
    // Leaving the system is BYE's alone; from here the code just ends the line.
    if (code != 0) throwCode(code == USER_EXIT ? BREAK : code);
  });
  primitive("catch", 1, 1, () => {
    const xt = <usize>pop();
    const oldSp = sp;
    const oldRp = rp;
    const oldIp = ip;
    const oldFrame = frame;
    // The reference keeps the stack's first cell with its bounds, and brings it back with them.
    const first = load<i64>(stackBase);
    execute(xt);
    if (thrown == 0) {
      push(0);
      return;
    }
    const code = thrown;
    setThrown(0);
    setSp(oldSp);
    setRp(oldRp);
    setIp(oldIp);
    setFrame(oldFrame);
    store<i64>(stackBase, first);
    push(code);
  });
  primitive("abort", 0, 0, () => throwCode(ABORT));
  immediate('abort"', 0, 0, abortText);
  primitive("quit", 0, 0, () => throwCode(QUIT));
  primitive("bye", 0, 0, () => throwCode(USER_EXIT));
  primitive("evaluate", 2, 0, () => {
    const size = pop();
    const address = pop();
    if (!readable(address, size)) return;
    // A copy, since the text may be overwritten while it runs.
    const copy = allocate(<usize>size);
    memory.copy(copy, <usize>address, <usize>size);
    evaluate(copy, <i32>size);
    heap.free(copy);
  });
  primitive("interpret", 0, 0, () => {});

  // Search order.
  constant("forth-wordlist", FORTH_WORDLIST);
  primitive("ficl-wordlist", 1, 1, () => {
    const size = <i32>pop();
    push(makeWordlist("", size));
  });
  primitive("wordlist", 0, 1, () => push(makeWordlist("", 1)));
  primitive("get-current", 0, 1, () => push(current));
  primitive("set-current", 1, 0, () => {
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
  primitive("set-order", 1, 0, () => {
    const count = pop();
    if (count == -1) {
      setSearchOrder([FORTH_WORDLIST]);
      return;
    }
    if (count < 0 || count > SEARCH_LIMIT) {
      fail("set-order error: list would be too large");
      return;
    }
    if (<i64>depth() < count) {
      fail("Error: stack underflow");
      return;
    }
    const order: i32[] = [];
    for (let i = 0; i < <i32>count; i++) {
      const list = wordlistOf(pop());
      if (list === null) return;
      order.unshift(list.id);
    }
    setSearchOrder(order);
  });
  primitive(">search", 1, 0, () => {
    const list = wordlistOf(pop());
    if (list === null) return;
    if (searchOrder.length == SEARCH_LIMIT) fail(">search error: search order overflow");
    else searchOrder.push(list.id);
  });
  primitive("search>", 0, 1, () => {
    if (searchOrder.length == 0) fail("search> error: empty search order");
    else push(searchOrder.pop());
  });
  primitive("search-wordlist", 3, 2, () => {
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
  primitive("wid-get-name", 1, 2, () => {
    const list = wordlistOf(pop());
    if (list === null) return;
    placeText(pad, list.name);
    push(<i64>pad);
    push(list.name.length);
  });
  primitive("wid-set-name", 2, 0, () => {
    const list = wordlistOf(pop());
    const address = pop();
    if (list !== null && readable(address, 32)) list.name = nameFrom(address);
  });
  primitive("wid-set-super", 1, 0, () => {
    const parent = pop();
    if (parent >= 0 && parent <= wordlists.length) wordlists[current - 1].parent = <i32>parent;
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
  primitive("name-wordlist", 1, 0, () => {
    const list = wordlistOf(pop());
    if (list !== null) list.name = nameOf(latest);
  });
  colon("brand-wordlist", "name-wordlist");
  colon("ficl-named-wordlist", "ficl-wordlist create dup , name-wordlist does> @");
  colon("do-vocabulary", "does> @ search> drop >search");
  colon("ficl-vocabulary", "ficl-wordlist create dup , name-wordlist do-vocabulary");
  colon("vocabulary", "1 ficl-vocabulary");
  forth("1 ficl-named-wordlist hidden");
  colon("hide", "hidden dup >search ficl-set-current");
  primitive("list-wid", 1, 0, () => {
    const list = wordlistOf(pop());
    if (list !== null) print(`${list.name.length > 0 ? list.name : `(unnamed wid) ${list.id} `}\n`);
  });
  forth(': order ." Search:" cr get-order 0 ?do 3 spaces list-wid loop cr ." Compile: " get-current list-wid cr ;');

  // Heap.
  primitive("allocate", 1, 2, () => {
    const block = allocateBlock(pop());
    push(<i64>block);
    push(block == 0 ? -1 : 0);
  });
  primitive("free", 1, 1, () => push(freeBlock(<usize>pop()) ? 0 : -1));
  primitive("resize", 2, 2, () => {
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
    push(block == 0 ? -1 : 0);
  });

  // Tools.
  primitive("words", 0, 0, listWords);
  primitive("forget", 0, 0, () => {
    const xt = tickNext();
    if (xt != 0) forgetFrom(xt);
  });
  primitive("marker", 0, 0, () => {
    const name = wantName();
    if (thrown == 0) appendWord(current, name, markerCode, 0);
  });
  primitive("forget-wid", 1, 0, () => {
    pop();
  });
  primitive(".ver", 0, 0, () => print("ficl Version 3.03\n"));
  primitive(".env", 0, 0, () => {
    for (let i = queries.length - 1; i >= 0; i--) print(`${queries[i].name}\n`);
    const used = queries.length * QUERY_CELLS - 1;
    print(`Environment: ${queries.length} words, ${used} cells used of ${QUERY_LIMIT} total\n`);
  });
  primitive("environment?", 2, 3, () => {
    const name = popText();
    if (name === null) return;
    for (let i = 0; i < queries.length; i++) {
      if (!equalsIgnoreCase(queries[i].name, name)) continue;
      push(queries[i].value);
      if (queries[i].cells == 2) push(queries[i].second);
      push(-1);
      return;
    }
    push(0);
  });
  primitive("env-constant", 1, 0, () => {
    const name = parseWord();
    queries.push(new Query(name, pop(), 0, 1));
  });
  primitive("env-2constant", 2, 0, () => {
    const name = parseWord();
    const second = pop();
    queries.push(new Query(name, pop(), second, 2));
  });
  variableAt("nUser");
  immediate("[if]", 0, 0, () => {
    if (restarted) skipConditional();
    else if (check(1, 0) && pop() == 0) skipConditional();
  });
  immediate("[else]", 0, 0, skipConditional);
  immediate("[then]", 0, 0, () => {});
  immediate("[endif]", 0, 0, () => {});
  defineQueries();
  resetSearchOrder();
}

function nameFrom(address: i64): string {
  return stringAt(<usize>address, 31);
}
