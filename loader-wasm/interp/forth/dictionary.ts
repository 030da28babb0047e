// The dictionary: words with their headers, and the word lists that find them. A header is, in cells: link,
// hash and flags and length, name address, code, then the body. An execution token is a header's address.

import { stringAt } from "../../lib/bytes";
import { toLower } from "../../lib/text";
import { dictionaryEnd, dictionaryStart, fail, here, placeText, regionStart, setHere, writable } from "./memory";

export const FLAG_IMMEDIATE: u8 = 1;
export const FLAG_COMPILE_ONLY: u8 = 2;
/** Not finished: not found yet. */
export const FLAG_SMUDGE: u8 = 4;

/** Longest name, bytes. */
export const NAME_LIMIT: i32 = 31;

// Offsets in a header.
const FLAGS: usize = 10;
const LENGTH: usize = 11;
const NAME: usize = 16;
const CODE: usize = 24;
export const BODY: usize = 32;

/** A word list: its words by hash. Scripts know it by its number. */
export class Wordlist {
  /** Newest first, in each of `buckets`. */
  readonly buckets: Map<string, usize[]> = new Map<string, usize[]>();
  readonly words: usize[] = [];
  /** Searched where this one doesn't have the name; 0 for none. */
  parent: i32 = 0;

  constructor(
    readonly id: i32,
    public name: string,
    /** Hash buckets: they decide the order in which words are listed. */
    readonly size: i32,
  ) {}
}

/** All word lists; number n stands at n - 1. */
export const wordlists: Wordlist[] = [];

export const FORTH_WORDLIST: i32 = 1;
export const PREFIX_WORDLIST: i32 = 2;
export const HIDDEN_WORDLIST: i32 = 3;

/** Search order, the first searched last in the array; and where definitions go. */
export let searchOrder: i32[] = [];
export let current: i32 = FORTH_WORDLIST;
export const SEARCH_LIMIT: i32 = 16;

export function setCurrent(id: i32): void {
  current = id;
}
export function setSearchOrder(order: i32[]): void {
  searchOrder = order;
}

export function makeWordlist(name: string, size: i32): i32 {
  wordlists.push(new Wordlist(wordlists.length + 1, name, size));
  return wordlists.length;
}

/** The word list with number `id`, or null and unwinding. */
export function wordlistOf(id: i64): Wordlist | null {
  if (id > 0 && id <= wordlists.length) return wordlists[<i32>id - 1];
  fail("Error: no such wordlist");
  return null;
}

export function resetSearchOrder(): void {
  searchOrder = [FORTH_WORDLIST];
  current = FORTH_WORDLIST;
}

/** The name as it is looked up: case ignored. */
function keyOf(name: string): string {
  let key = "";
  for (let i = 0; i < name.length; i++) key += String.fromCharCode(toLower(name.charCodeAt(i)));
  return key;
}

/** The word called `name` in one list (and those behind it), or 0. */
export function searchList(id: i32, name: string): usize {
  const key = keyOf(name);
  let list = id;
  for (let guard = 0; list > 0 && list <= wordlists.length && guard < 64; guard++) {
    const wordlist = wordlists[list - 1];
    if (wordlist.buckets.has(key)) {
      const found = wordlist.buckets.get(key);
      for (let i = found.length - 1; i >= 0; i--) if ((flagsOf(found[i]) & FLAG_SMUDGE) == 0) return found[i];
    }
    list = wordlist.parent;
  }
  return 0;
}

/** The word called `name` along the search order, or 0. */
export function findWord(name: string): usize {
  for (let i = searchOrder.length - 1; i >= 0; i--) {
    const found = searchList(searchOrder[i], name);
    if (found != 0) return found;
  }
  return 0;
}

/** Whether a header may be at `xt`. */
export function isWord(xt: usize): bool {
  return xt >= dictionaryStart && xt + BODY <= dictionaryEnd && (xt & 7) == 0;
}

export function flagsOf(xt: usize): u8 {
  return load<u8>(xt + FLAGS);
}
export function setFlag(xt: usize, flag: u8): void {
  store<u8>(xt + FLAGS, load<u8>(xt + FLAGS) | flag);
}
export function clearFlag(xt: usize, flag: u8): void {
  store<u8>(xt + FLAGS, load<u8>(xt + FLAGS) & ~flag);
}
export function codeOf(xt: usize): i32 {
  return <i32>load<u64>(xt + CODE);
}
export function setCode(xt: usize, code: i32): void {
  store<u64>(xt + CODE, <u64>code);
}

export function nameOf(xt: usize): string {
  const name = <usize>load<u64>(xt + NAME);
  const size = <i32>load<u8>(xt + LENGTH);
  return name >= regionStart && name + <usize>size <= dictionaryEnd ? stringAt(name, size) : "";
}

/** Whether `bytes` more fit into the dictionary; else starts unwinding. */
export function room(bytes: i64): bool {
  const target = <i64>here + bytes;
  if (target > <i64>dictionaryEnd) {
    fail("Error: dictionary full");
    return false;
  }
  if (target < <i64>dictionaryStart) {
    fail("Error: dictionary underflow");
    return false;
  }
  return true;
}

export function align(): void {
  setHere((here + 7) & ~(<usize>7));
}

export function appendCell(value: i64): void {
  if (!room(8)) return;
  store<i64>(here, value);
  setHere(here + 8);
}

export function appendByte(value: i64): void {
  if (!room(1)) return;
  store<u8>(here, <u8>value);
  setHere(here + 1);
}

/** The latest definition. */
export let latest: usize = 0;
export function setLatest(xt: usize): void {
  latest = xt;
}

/** Starts a word in list `id`. Returns its header, 0 when there is no room. */
export function appendWord(id: i32, name: string, code: i32, flags: u8): usize {
  const size = min(name.length, NAME_LIMIT);
  if (!room(<i64>size + 1 + 8 + 40)) return 0;
  const text = here;
  placeText(text, name.substring(0, size));
  setHere(here + <usize>size + 1);
  align();
  const xt = here;
  store<u64>(xt, 0);
  store<u64>(xt + 8, 0);
  store<u8>(xt + FLAGS, flags);
  store<u8>(xt + LENGTH, <u8>size);
  store<u64>(xt + NAME, text);
  setCode(xt, code);
  setHere(xt + BODY);
  const list = wordlists[id - 1];
  list.words.push(xt);
  // A longer name is cut off in the header and not found by either form.
  if (name.length <= NAME_LIMIT) {
    const key = keyOf(name);
    if (!list.buckets.has(key)) list.buckets.set(key, []);
    list.buckets.get(key).push(xt);
  }
  setLatest(xt);
  return xt;
}

/** Takes all words from `from` on out of all lists; the dictionary ends there. */
export function forgetFrom(from: usize): void {
  for (let i = 0; i < wordlists.length; i++) {
    const list = wordlists[i];
    for (let j = list.words.length - 1; j >= 0 && list.words[j] >= from; j--) {
      const key = keyOf(nameOf(list.words[j]));
      if (list.buckets.has(key)) {
        const bucket = list.buckets.get(key);
        while (bucket.length > 0 && bucket[bucket.length - 1] >= from) bucket.pop();
      }
      list.words.pop();
    }
  }
  let name = from;
  if (isWord(from)) name = <usize>load<u64>(from + NAME);
  if (writable(<i64>name, 0)) setHere(name);
}

/** Takes back an unfinished definition. */
export function abortDefinition(): void {
  if (latest != 0 && isWord(latest) && (flagsOf(latest) & FLAG_SMUDGE) != 0) forgetFrom(latest);
}
