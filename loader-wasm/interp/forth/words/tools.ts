// Words about the dictionary: listings, environment queries, forgetting.

import { getchar } from "../../../console/console";
import { burn } from "../../../lib/fault";
import { print } from "../../../lib/output";
import { equalsIgnoreCase } from "../../../lib/text";
import { loose, primitive } from "../define";
import { appendCell, appendWord, forgetFrom, latest } from "../dictionary";
import {
  FLAG_OBJECT,
  FLAG_SMUDGE,
  FLAG_UNLISTED,
  flagsOf,
  Header,
  isWord,
  nameOf,
  setFlag,
  storedHashOf,
} from "../header";
import { blockCells, cellsUsed, popText } from "../memory";
import { tickNext, wantName } from "../outer";
import { CELL, fail, pop, push, pushTaken, running, thrown } from "../stacks";
import { addPrimitive } from "../vm/primitives";
import { current, SEARCH_LIMIT, searchOrder, setCurrent, setSearchOrder, wordlists } from "../wordlists";

/** Environment queries (`environment?`): a name, and one value or two. */
class Query {
  constructor(
    readonly name: string,
    public value: i64,
    public second: i64,
    readonly cells: i32,
  ) {}
}
const queries: Query[] = [];

/** Sets a query's value; one that is there keeps its width. */
function setQueryTo(name: string, value: i64, second: i64, cells: i32): void {
  for (let i = 0; i < queries.length; i++) {
    if (!equalsIgnoreCase(queries[i].name, name)) continue;
    queries[i].value = value;
    queries[i].second = second;
    return;
  }
  queries.push(new Query(name, value, second, cells));
}

/** Sets the query `name`, of one cell. */
export function setQuery(name: string, value: i64): void {
  setQueryTo(name, value, 0, 1);
}

/** Cells that the queries' dictionary has; that its word list takes, and a header. */
const QUERY_LIMIT: i32 = 12288;
const WORDLIST_CELLS: i32 = 4;
const HEADER_CELLS: i32 = 4;

/** Queries that scripts can add: as many as fit. */
function queryCells(): i32 {
  let used = WORDLIST_CELLS;
  for (let i = 0; i < queries.length; i++) {
    used += ((queries[i].name.length + 8) >> 3) + HEADER_CELLS + queries[i].cells;
  }
  return used;
}

/** ENV-CONSTANT and ENV-2CONSTANT: values of 32 bits. */
function defineQuery(cells: i32): void {
  const name = wantName();
  if (thrown != 0) return;
  const second: i64 = cells == 2 ? <u32>pop() : 0;
  const value: i64 = <u32>pop();
  burn(<i64>queries.length);
  if (queryCells() + (name.length >> 3) + HEADER_CELLS + 3 > QUERY_LIMIT) fail("Error: dictionary full");
  else if (cells == 2) setQueryTo(name, second, value, 2);
  else setQuery(name, value);
}

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
  setQueryTo("max-d", 0xffffffff, 0x7fffffff, 2);
  setQuery("max-n", 0x7fffffff);
  setQuery("max-u", 0xffffffff);
  setQueryTo("max-ud", 0xffffffff, 0xffffffff, 2);
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
  setQueryTo("ficl-version", 3, 3, 2);
  setQuery("ficl-robust", 2);
}

const COLUMN: i32 = 8;
/** A line of the listing ends behind the name that goes over this column. */
const LINE: i32 = 70;
const PAGE: i32 = 23;

/** The words of a list that are shown, finished ones, as they stand in its chains: by chain, the newest first. */
function chained(words: usize[], buckets: i32): usize[] {
  const order: i64[] = [];
  for (let i = words.length - 1; i >= 0; i--) {
    if ((flagsOf(words[i]) & (FLAG_UNLISTED | FLAG_SMUDGE)) != 0) continue;
    order.push(((<i64>(storedHashOf(words[i]) % buckets)) << 32) | (words.length - i));
  }
  order.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const sorted: usize[] = [];
  for (let i = 0; i < order.length; i++) sorted.push(words[words.length - <i32>(order[i] & 0xffffffff)]);
  return sorted;
}

/** Lists the names of the list that is searched first, in columns and pages, and the dictionary's use. */
function listWords(): void {
  if (searchOrder.length == 0) {
    fail("Error: search order underflow");
    return;
  }
  const list = wordlists[searchOrder[searchOrder.length - 1] - 1];
  const words = chained(list.words, list.size);
  burn(<i64>words.length);
  let line = "";
  let lines = 0;
  for (let i = 0; i < words.length; i++) {
    line += nameOf(words[i]);
    if (line.length <= LINE) line = line.padEnd((line.length / COLUMN + 1) * COLUMN);
    if (line.length <= LINE) continue;
    if (++lines > PAGE) {
      lines = 0;
      print("--- Press Enter to continue ---");
      getchar();
      print("\r");
    }
    print(`${line}\n`);
    line = "";
  }
  if (line.length > 0) print(`${line}\n`);
  print(`Dictionary: ${words.length} words, ${cellsUsed()} cells used of ${blockCells} total\n`);
}

/** Code of the words that MARKER makes. */
let markerCode: i32 = 0;

/** Keeps where definitions go and what is searched, so that the marker can bring it back. */
function makeMarker(): void {
  const name = wantName();
  if (thrown != 0 || appendWord(current, name, markerCode, 0) == 0) return;
  appendCell(current);
  appendCell(searchOrder.length);
  for (let i = 0; i < searchOrder.length; i++) appendCell(searchOrder[i]);
}

/** Forgets the marker that runs and what came after it. */
function runMarker(): void {
  const marker = changetype<Header>(running);
  const order: i32[] = [];
  const count = marker.second;
  for (let i: i64 = 0; i < count && i < <i64>SEARCH_LIMIT; i++) {
    const id = load<i64>(marker.body + 2 * CELL + ((<usize>i) << 3));
    if (id > 0 && id <= wordlists.length) order.push(<i32>id);
  }
  const id = marker.first;
  forgetFrom(running);
  setSearchOrder(order);
  if (id > 0 && id <= wordlists.length) setCurrent(<i32>id);
}

/** Defines the words about the dictionary, and the environment queries. */
export function defineTools(): void {
  markerCode = addPrimitive(0, 0, runMarker);
  primitive("words", 0, 0, listWords);
  primitive("forget", 0, 0, () => {
    const xt = tickNext();
    if (xt != 0) forgetFrom(xt);
  });
  primitive("marker", 0, 0, makeMarker);
  // Words that were forgotten are out of all lists already.
  loose("forget-wid", 1, 0, () => {
    pop();
  });
  primitive("objectify", 0, 0, () => {
    if (isWord(latest)) setFlag(latest, FLAG_OBJECT);
  });
  loose("?object", 1, 1, () => {
    const xt = pop();
    pushTaken(
      xt > 0 && xt <= <i64>u32.MAX_VALUE && isWord(<usize>xt) && (flagsOf(<usize>xt) & FLAG_OBJECT) != 0 ? -1 : 0,
    );
  });
  primitive(".ver", 0, 0, () => print("ficl Version 3.03\n"));
  primitive(".env", 0, 0, () => {
    for (let i = queries.length - 1; i >= 0; i--) print(`${queries[i].name}\n`);
    print(`Environment: ${queries.length} words, ${queryCells()} cells used of ${QUERY_LIMIT} total\n`);
  });
  primitive("environment?", 2, 3, () => {
    const name = popText();
    if (name === null) return;
    burn(<i64>queries.length);
    for (let i = 0; i < queries.length; i++) {
      if (!equalsIgnoreCase(queries[i].name, name)) continue;
      push(queries[i].value);
      if (queries[i].cells == 2) push(queries[i].second);
      push(-1);
      return;
    }
    push(0);
  });
  primitive("env-constant", 1, 0, () => defineQuery(1));
  primitive("env-2constant", 2, 0, () => defineQuery(2));
  defineQueries();
}
