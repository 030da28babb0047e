// The dictionary: words with their headers, and the word lists that find them. A header is, in cells: link,
// hash and flags and length, name address, code, then the body. An execution token is a header's address.
// What finds words is outside of the scripts' memory, so that nothing they store can break a chain.

import { storeString, stringAt } from "../../lib/bytes";
import { allocate, burn } from "../../lib/fault";
import {
  cellsLeft,
  dictionaryEnd,
  dictionaryStart,
  fail,
  growDictionary,
  here,
  increaseCell,
  outside,
  regionStart,
  returnTo,
  setHere,
  thresholdCell,
  writable,
} from "./memory";

export const FLAG_IMMEDIATE: u8 = 1;
export const FLAG_COMPILE_ONLY: u8 = 2;
/** Not finished: not found yet. */
export const FLAG_SMUDGE: u8 = 4;
/** Marked by OBJECTIFY. */
export const FLAG_OBJECT: u8 = 8;
/** Not shown or counted by WORDS, as the reference doesn't have it. */
export const FLAG_UNLISTED: u8 = 16;

/** Longest name, bytes. */
export const NAME_LIMIT: i32 = 31;

// Offsets in a header.
const HASH: usize = 8;
const FLAGS: usize = 10;
const LENGTH: usize = 11;
export const NAME: usize = 16;
export const CODE: usize = 24;
export const BODY: usize = 32;

/** A word list. Scripts know it by its number. */
export class Wordlist {
  /** In the order of their definition, but for the system's own (listing.ts). */
  readonly words: usize[] = [];
  /** Searched where this one doesn't have the name; 0 for none. */
  parent: i32 = 0;

  constructor(
    readonly id: i32,
    /** Address of its name, NUL-terminated; 0 for none. */
    public nameAt: i64,
    /** Hash chains that the script asked for: they decide the order in which words are listed. */
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

export function makeWordlist(nameAt: i64, size: i32): i32 {
  wordlists.push(new Wordlist(wordlists.length + 1, nameAt, size));
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

// ---- finding words ------------------------------------------------------------------------------------

// An entry: header, name's address, hash, the next older entry of its chain (number, 0 for none), word list, length.
const ENTRY_XT: usize = 0;
const ENTRY_NAME: usize = 4;
const ENTRY_HASH: usize = 8;
const ENTRY_NEXT: usize = 12;
const ENTRY_LIST: usize = 16;
const ENTRY_LENGTH: usize = 20;
const ENTRY_SIZE: usize = 24;
const FIRST_ENTRIES: i32 = 1024;
/** Entries are numbered from 1. */
let entries: usize = 0;
let entryCount: i32 = 0;
let entryRoom: i32 = 0;
/** The newest entry of each chain. */
const CHAINS: i32 = 1024;
const chains: usize = memory.data(CHAINS * 4, 8);
/** Entries looked at for one step of fuel. */
const ENTRIES_PER_FUEL: i32 = 16;

function entryAt(number: i32): usize {
  return entries + <usize>number * ENTRY_SIZE;
}

function chainOf(list: i32, hash: u32): usize {
  return chains + ((<usize>((hash ^ (<u32>list * 0x9e3779b1)) & (CHAINS - 1))) << 2);
}

/** Case doesn't count in names. */
function lowered(c: u32): u32 {
  return c - 0x41 < 26 ? c + 32 : c;
}

// Of a name that is too long for a header, the beginning and the length count.
function hashOf(name: usize, size: i32): u32 {
  let hash: u32 = 0x811c9dc5;
  for (let i: usize = 0; i < <usize>min(size, NAME_LIMIT); i++)
    hash = (hash ^ lowered(load<u8>(name + i))) * 0x01000193;
  return hash ^ (hash >> 15);
}

function sameName(a: usize, b: usize, size: i32): bool {
  const end = <usize>min(size, NAME_LIMIT);
  let i: usize = 0;
  // Mostly they are the same to the letter.
  while (i + 8 <= end && load<u64>(a + i) == load<u64>(b + i)) i += 8;
  for (; i < end; i++) {
    if (lowered(load<u8>(a + i)) != lowered(load<u8>(b + i))) return false;
  }
  return true;
}

function link(number: i32): void {
  const entry = entryAt(number);
  const chain = chainOf(load<i32>(entry + ENTRY_LIST), load<u32>(entry + ENTRY_HASH));
  store<i32>(entry + ENTRY_NEXT, load<i32>(chain));
  store<i32>(chain, number);
}

function addEntry(list: i32, xt: usize, name: usize, size: i32): void {
  if (entryCount + 1 >= entryRoom) {
    entryRoom = max(2 * entryRoom, FIRST_ENTRIES);
    const larger = allocate(<usize>entryRoom * ENTRY_SIZE);
    memory.copy(larger, entries, <usize>(entryCount + 1) * ENTRY_SIZE);
    if (entries != 0) heap.free(entries);
    entries = larger;
  }
  const entry = entryAt(++entryCount);
  store<u32>(entry + ENTRY_XT, <u32>xt);
  store<u32>(entry + ENTRY_NAME, <u32>name);
  store<u32>(entry + ENTRY_HASH, hashOf(name, size));
  store<i32>(entry + ENTRY_LIST, list);
  store<i32>(entry + ENTRY_LENGTH, size);
  link(entryCount);
}

/** The word whose name is the `size` bytes at `name`, in one list itself, or 0. */
function searchOne(list: i32, name: usize, size: i32, hash: u32): usize {
  let looked = 0;
  let number = load<i32>(chainOf(list, hash));
  while (number != 0) {
    const entry = entryAt(number);
    if (
      load<u32>(entry + ENTRY_HASH) == hash &&
      load<i32>(entry + ENTRY_LIST) == list &&
      load<i32>(entry + ENTRY_LENGTH) == size &&
      sameName(load<u32>(entry + ENTRY_NAME), name, size)
    ) {
      const xt = <usize>load<u32>(entry + ENTRY_XT);
      if ((flagsOf(xt) & FLAG_SMUDGE) == 0) return xt;
    }
    number = load<i32>(entry + ENTRY_NEXT);
    if (++looked % ENTRIES_PER_FUEL == 0) burn(1);
  }
  return 0;
}

/** The same in one list and those behind it. */
function searchFrom(list: i32, name: usize, size: i32, hash: u32): usize {
  for (let guard = 0; list > 0 && list <= wordlists.length && guard < 64; guard++) {
    const found = searchOne(list, name, size, hash);
    if (found != 0) return found;
    list = unchecked(wordlists[list - 1]).parent;
  }
  return 0;
}

/** The word whose name is the `size` bytes at `name`, in one list (and those behind it), or 0. */
export function searchListAt(id: i32, name: usize, size: i32): usize {
  return searchFrom(id, name, size, hashOf(name, size));
}

/** The word whose name is the `size` bytes at `name`, along the search order, or 0. */
export function findWordAt(name: usize, size: i32): usize {
  const hash = hashOf(name, size);
  for (let i = searchOrder.length - 1; i >= 0; i--) {
    const found = searchFrom(unchecked(searchOrder[i]), name, size, hash);
    if (found != 0) return found;
  }
  return 0;
}

const nameCell: usize = memory.data(32, 8);

/** The word called `name` in one list (and those behind it), or 0. */
export function searchList(id: i32, name: string): usize {
  storeString(nameCell, name.substring(0, NAME_LIMIT));
  return searchListAt(id, nameCell, name.length);
}

/** The word called `name` along the search order, or 0. */
export function findWord(name: string): usize {
  storeString(nameCell, name.substring(0, NAME_LIMIT));
  return findWordAt(nameCell, name.length);
}

// ---- headers ------------------------------------------------------------------------------------------

/** Whether a header may be at `xt`. */
export function isWord(xt: usize): bool {
  return xt >= dictionaryStart && xt <= dictionaryEnd - BODY && (xt & 7) == 0;
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

/** FICL's hash of a name: 16 bits, what leaves at the top comes back below. It decides where the name is listed. */
export function ficlHash(name: string): u32 {
  let hash: u32 = name.length & 0xff;
  for (let i = 0; i < name.length && name.charCodeAt(i) != 0; i++) {
    hash = ((hash << 4) + lowered(name.charCodeAt(i))) & 0xffff;
    const top = hash & 0xf000;
    hash ^= (top >> 8) | top;
  }
  return hash;
}

/** That of the word at `xt`. */
export function storedHashOf(xt: usize): i32 {
  return load<u16>(xt + HASH);
}

/** Where a word's name is, and its length: 0 when what the header says can't be. */
export function nameAddress(xt: usize): usize {
  return <usize>load<u64>(xt + NAME);
}
export function nameSize(xt: usize): i32 {
  const size = load<u8>(xt + LENGTH);
  return nameAddress(xt) - regionStart <= dictionaryEnd - regionStart - <usize>size ? size : 0;
}

/** Whether the `size` bytes at `text` are the first of the name of the word at `xt`, which has as many. */
export function isCalled(xt: usize, text: usize, size: i32): bool {
  return sameName(nameAddress(xt), text, size);
}

export function nameOf(xt: usize): string {
  return stringAt(nameAddress(xt), nameSize(xt));
}

/** Whether `bytes` more fit into the dictionary; else starts unwinding. */
export function room(bytes: i64): bool {
  const where = outside(bytes);
  if (where != 0) fail(where > 0 ? "Error: dictionary full" : "Error: dictionary underflow");
  return where == 0;
}

/** Lets the dictionary go on elsewhere when less is left than scripts ask for with DICTTHRESHOLD. */
export function checkThreshold(): void {
  if (cellsLeft() >= 0 && <u64>cellsLeft() >= load<u64>(thresholdCell)) return;
  if (!growDictionary(load<i64>(increaseCell))) fail("Error: dictionary full");
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
  const src = changetype<usize>(name);
  for (let i: usize = 0; i < <usize>size; i++) store<u8>(text + i, <u8>load<u16>(src + (i << 1)));
  store<u8>(text + <usize>size, 0);
  setHere(here + <usize>size + 1);
  align();
  const xt = here;
  store<u64>(xt, 0);
  store<u64>(xt + 8, 0);
  store<u16>(xt + HASH, <u16>ficlHash(name));
  store<u8>(xt + FLAGS, flags);
  store<u8>(xt + LENGTH, <u8>size);
  store<u64>(xt + NAME, text);
  setCode(xt, code);
  setHere(xt + BODY);
  // Words without a name are in no list.
  if (size > 0) {
    wordlists[id - 1].words.push(xt);
    addEntry(id, xt, text, name.length);
  }
  setLatest(xt);
  return xt;
}

/** Takes all words from `from` on out of all lists; the dictionary ends there. */
export function forgetFrom(from: usize): void {
  for (let i = 0; i < wordlists.length; i++) {
    const words = wordlists[i].words;
    let left = 0;
    for (let j = 0; j < words.length; j++) if (words[j] < from) words[left++] = words[j];
    words.length = left;
  }
  burn(<i64>((2 * entryCount) / ENTRIES_PER_FUEL));
  memory.fill(chains, 0, CHAINS * 4);
  let kept = 0;
  for (let i = 1; i <= entryCount; i++) {
    if (<usize>load<u32>(entryAt(i) + ENTRY_XT) >= from) continue;
    memory.copy(entryAt(++kept), entryAt(i), ENTRY_SIZE);
    link(kept);
  }
  entryCount = kept;
  const name = isWord(from) ? <usize>load<u64>(from + NAME) : from;
  if (writable(<i64>name, 0)) returnTo(name);
}

/** Takes back an unfinished definition. */
export function abortDefinition(): void {
  if (latest != 0 && isWord(latest) && (flagsOf(latest) & FLAG_SMUDGE) != 0) forgetFrom(latest);
}
