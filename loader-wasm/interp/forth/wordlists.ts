// Word lists and what finds words in them. That is outside of the scripts' memory, so that nothing they store can
// break a chain: entries in chains by hash, one table for all lists.

import { Ascii } from "../../lib/ascii";
import { storeString } from "../../lib/bytes";
import { allocate, burn } from "../../lib/fault";
import { FLAG_SMUDGE, flagsOf, NAME_LIMIT, nameAddress } from "./header";
import { fail } from "./stacks";

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

/** The system's own words. */
export const FORTH_WORDLIST: i32 = 1;
/** What numbers and other things can begin with. */
export const PREFIX_WORDLIST: i32 = 2;
/** Words that scripts needn't see. */
export const HIDDEN_WORDLIST: i32 = 3;

/** Search order, the first searched last in the array. */
export let searchOrder: i32[] = [];
/** Where definitions go. */
export let current: i32 = FORTH_WORDLIST;
/** Lists that can be in the search order. */
export const SEARCH_LIMIT: i32 = 16;

/** Sets where definitions go. */
export function setCurrent(id: i32): void {
  current = id;
}

/** Sets what is searched. */
export function setSearchOrder(order: i32[]): void {
  searchOrder = order;
}

/** Makes a list and returns its number. */
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

/** Only the system's own words, as at the start. */
export function resetSearchOrder(): void {
  searchOrder = [FORTH_WORDLIST];
  current = FORTH_WORDLIST;
}

// ---- finding words ------------------------------------------------------------------------------------

/** What finds a word. */
@unmanaged
class Entry {
  /** Its header. */
  xt: u32;
  /** Address of its name, and the name's hash. */
  name: u32;
  hash: u32;
  /** Number of the next older entry of the chain, 0 for none. */
  next: i32;
  /** Its word list. */
  list: i32;
  /** Bytes of its name. */
  length: i32;
}

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

function entryAt(number: i32): Entry {
  return changetype<Entry>(entries + <usize>number * offsetof<Entry>());
}

/** Address of the number of a chain's newest entry. */
function chainOf(list: i32, hash: u32): usize {
  return chains + ((<usize>((hash ^ (<u32>list * 0x9e3779b1)) & (CHAINS - 1))) << 2);
}

/** Case doesn't count in names. */
function lowered(c: u32): u32 {
  return c - Ascii.UPPER_A <= <u32>(Ascii.UPPER_Z - Ascii.UPPER_A) ? c + (Ascii.LOWER_A - Ascii.UPPER_A) : c;
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
  const chain = chainOf(entry.list, entry.hash);
  entry.next = load<i32>(chain);
  store<i32>(chain, number);
}

function addEntry(list: i32, xt: usize, name: usize, size: i32): void {
  if (entryCount + 1 >= entryRoom) {
    entryRoom = max(2 * entryRoom, FIRST_ENTRIES);
    const larger = allocate(<usize>entryRoom * offsetof<Entry>());
    memory.copy(larger, entries, <usize>(entryCount + 1) * offsetof<Entry>());
    if (entries != 0) heap.free(entries);
    entries = larger;
  }
  const entry = entryAt(++entryCount);
  entry.xt = <u32>xt;
  entry.name = <u32>name;
  entry.hash = hashOf(name, size);
  entry.list = list;
  entry.length = size;
  link(entryCount);
}

/** The word whose name is the `size` bytes at `name`, in one list itself, or 0. */
function searchOne(list: i32, name: usize, size: i32, hash: u32): usize {
  let looked = 0;
  let number = load<i32>(chainOf(list, hash));
  while (number != 0) {
    const entry = entryAt(number);
    if (entry.hash == hash && entry.list == list && entry.length == size && sameName(entry.name, name, size)) {
      const xt = <usize>entry.xt;
      if ((flagsOf(xt) & FLAG_SMUDGE) == 0) return xt;
    }
    number = entry.next;
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

/** Room for the NAME_LIMIT bytes of a name. */
const nameArea: usize = memory.data(32, 8);

/** The word called `name` in one list (and those behind it), or 0. */
export function searchList(id: i32, name: string): usize {
  storeString(nameArea, name.substring(0, NAME_LIMIT));
  return searchListAt(id, nameArea, name.length);
}

/** The word called `name` along the search order, or 0. */
export function findWord(name: string): usize {
  storeString(nameArea, name.substring(0, NAME_LIMIT));
  return findWordAt(nameArea, name.length);
}

/** Puts the word at `xt` into list `id`, with the name that begins with the bytes at `at`. */
export function addWord(id: i32, xt: usize, at: usize, name: string): void {
  wordlists[id - 1].words.push(xt);
  addEntry(id, xt, at, name.length);
}

/** Takes all words from `from` on out of all lists. */
export function forgetWords(from: usize): void {
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
    if (<usize>entryAt(i).xt >= from) continue;
    memory.copy(changetype<usize>(entryAt(++kept)), changetype<usize>(entryAt(i)), offsetof<Entry>());
    link(kept);
  }
  entryCount = kept;
}

/** Whether the `size` bytes at `text` are the first of the name of the word at `xt`, which has as many. */
export function isCalled(xt: usize, text: usize, size: i32): bool {
  return sameName(nameAddress(xt), text, size);
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
