// The dictionary: what is appended where HERE is, cells, bytes and words with their headers (header.ts), and how it
// is taken back.

import { BODY, FLAG_SMUDGE, flagsOf, Header, isWord, NAME_LIMIT, nameAddress } from "./header";
import { cellsLeft, growDictionary, here, outside, returnTo, setHere, variables, writable } from "./memory";
import { fail } from "./stacks";
import { addWord, ficlHash, forgetWords } from "./wordlists";

/** Whether `bytes` more fit into the dictionary; else starts unwinding. */
export function room(bytes: i64): bool {
  const where = outside(bytes);
  if (where != 0) fail(where > 0 ? "Error: dictionary full" : "Error: dictionary underflow");
  return where == 0;
}

/** Lets the dictionary go on elsewhere when less is left than scripts ask for with DICTTHRESHOLD. */
export function checkThreshold(): void {
  if (cellsLeft() >= 0 && <u64>cellsLeft() >= <u64>variables.threshold) return;
  if (!growDictionary(variables.increase)) fail("Error: dictionary full");
}

/** Puts HERE at a cell's boundary. */
export function align(): void {
  setHere((here + 7) & ~(<usize>7));
}

/** Puts a cell at HERE and moves that on. */
export function appendCell(value: i64): void {
  if (!room(8)) return;
  store<i64>(here, value);
  setHere(here + 8);
}

/** Gives out a cell at HERE, with whatever it holds. */
export function allotCell(): void {
  if (room(8)) setHere(here + 8);
}

/** Puts a byte at HERE and moves that on. */
export function appendByte(value: i64): void {
  if (!room(1)) return;
  store<u8>(here, <u8>value);
  setHere(here + 1);
}

/** The latest definition. */
export let latest: usize = 0;
/** Sets that. */
export function setLatest(xt: usize): void {
  latest = xt;
}

/** Bytes that a word must have room for besides its name: a NUL, what alignment takes, the header, a cell. */
const WORD_ROOM: i64 = 1 + 8 + 40;

/** Starts a word in list `id`. Returns its header, 0 when there is no room. */
export function appendWord(id: i32, name: string, code: i32, flags: u8): usize {
  const size = min(name.length, NAME_LIMIT);
  if (!room(<i64>size + WORD_ROOM)) return 0;
  const text = here;
  const src = changetype<usize>(name);
  for (let i: usize = 0; i < <usize>size; i++) store<u8>(text + i, <u8>load<u16>(src + (i << 1)));
  store<u8>(text + <usize>size, 0);
  setHere(here + <usize>size + 1);
  align();
  const xt = here;
  const word = changetype<Header>(xt);
  word.link = 0;
  word.hash = <u16>ficlHash(name);
  word.flags = flags;
  word.length = <u8>size;
  word.spare = 0;
  word.name = text;
  word.code = <u32>code;
  word.codeHigh = 0;
  setHere(xt + BODY);
  // Words without a name are in no list.
  if (size > 0) addWord(id, xt, text, name);
  setLatest(xt);
  return xt;
}

/** Takes all words from `from` on out of all lists; the dictionary ends there. */
export function forgetFrom(from: usize): void {
  forgetWords(from);
  const name = isWord(from) ? nameAddress(from) : from;
  if (writable(<i64>name, 0)) returnTo(name);
}

/** Takes back an unfinished definition. */
export function abortDefinition(): void {
  if (latest != 0 && isWord(latest) && (flagsOf(latest) & FLAG_SMUDGE) != 0) forgetFrom(latest);
}
