// Strings of the Lua VM. Short ones are interned: they exist once, so that equal means same address; long ones are
// compared by their bytes. The seed of the hash decides the order in which tables list string keys. A string is known
// by its address, as values and nodes hold it; what lies there is a LuaString.

import { stringAt } from "../../../lib/bytes";
import { burn } from "../../../lib/fault";
import { allocateBlock, BLOCK_LIMIT, freeBlock, newObject } from "./heap";
import { LuaString, STRING_BYTES } from "./objects";
import { oweText } from "./owed";
import { STRING } from "./value";

/** Longest string, in bytes, that exists only once. */
export const SHORT_LIMIT: i32 = 40;
/** Longest string in bytes. */
export const STRING_LIMIT: i64 = <i64>(BLOCK_LIMIT - 64);

/** Steps along a bucket's chain that cost nothing. */
const FREE_STEPS: i32 = 8;

const FIRST_SEED: u32 = 0x9e3779b9;
let seed: u32 = FIRST_SEED;
/** Buckets of short strings, a power of 2. */
let bucketCount: u32 = 512;
let buckets: usize = 0;
let shortCount: u32 = 0;

/** Sets the hash seed. Exported to the host, which calls it before any string exists. */
export function seedStrings(value: u32): void {
  // Seeds that differ in few bits give orders that differ.
  seed = FIRST_SEED ^ (value * 0x85ebca6b);
}

/** Makes the buckets. */
export function startStrings(): void {
  buckets = allocateBlock(bucketCount << 2);
  memory.fill(buckets, 0, bucketCount << 2);
}

function hashBytes(src: usize, length: u32): u32 {
  let hash = seed ^ length;
  let at = src;
  const words = src + (length & ~3);
  for (; at < words; at += 4) hash = rotl<u32>(hash ^ load<u32>(at), 13) * 0x5bd1e995;
  for (const end = src + length; at < end; at++) hash = rotl<u32>(hash ^ load<u8>(at), 9) * 0x1b873593;
  hash ^= hash >> 15;
  hash *= 0x85ebca6b;
  return hash ^ (hash >> 13);
}

/** Bytes of the string. */
export function lengthOf(text: usize): u32 {
  return LuaString.at(text).length;
}

/** Where its bytes begin. */
export function bytesOf(text: usize): usize {
  return text + STRING_BYTES;
}

/** Whether it exists only once. */
export function isShort(text: usize): bool {
  return LuaString.at(text).length <= <u32>SHORT_LIMIT;
}

function growBuckets(): void {
  const count = bucketCount * 2;
  const fresh = allocateBlock(count << 2);
  memory.fill(fresh, 0, count << 2);
  for (let i: u32 = 0; i < bucketCount; i++) {
    let text = <usize>load<u32>(buckets + (i << 2));
    while (text != 0) {
      const string = LuaString.at(text);
      const next = string.chain;
      const bucket = fresh + ((string.hash & (count - 1)) << 2);
      string.chain = load<usize>(bucket);
      store<usize>(bucket, text);
      text = next;
    }
  }
  freeBlock(buckets, bucketCount << 2);
  buckets = fresh;
  bucketCount = count;
}

/** Whether the few bytes at `a` and `b` are the same; a loop of our own is faster for them than the general one. */
function sameBytes(a: usize, b: usize, length: u32): bool {
  const words = length & ~3;
  let i: u32 = 0;
  for (; i < words; i += 4) if (load<u32>(a + i) != load<u32>(b + i)) return false;
  for (; i < length; i++) if (load<u8>(a + i) != load<u8>(b + i)) return false;
  return true;
}

/** The string of `length` bytes at `src`. Ends the session when a long one has no room: ask `hasRoom` first. */
export function newString(src: usize, length: u32): usize {
  if (length > <u32>SHORT_LIMIT) {
    const text = newLongString(length);
    memory.copy(text + STRING_BYTES, src, length);
    return text;
  }
  const hash = hashBytes(src, length);
  let bucket = buckets + ((hash & (bucketCount - 1)) << 2);
  let steps = 0;
  for (let text = <usize>load<u32>(bucket); text != 0; text = LuaString.at(text).chain) {
    if (++steps > FREE_STEPS) burn(1);
    const there = LuaString.at(text);
    if (there.hash == hash && there.length == length && sameBytes(text + STRING_BYTES, src, length)) return text;
  }
  if (shortCount >= bucketCount) {
    growBuckets();
    bucket = buckets + ((hash & (bucketCount - 1)) << 2);
  }
  const text = newObject(STRING, STRING_BYTES + length + 1).address;
  const string = LuaString.at(text);
  string.hash = hash;
  string.length = length;
  for (let i: u32 = 0; i < length; i++) store<u8>(text + i, load<u8>(src + i), STRING_BYTES);
  store<u8>(text + length, 0, STRING_BYTES);
  string.chain = load<usize>(bucket);
  store<usize>(bucket, text);
  shortCount++;
  return text;
}

/** A string of `length` > SHORT_LIMIT bytes that the caller fills before anyone sees it. */
export function newLongString(length: u32): usize {
  burn(1 + <i64>(length >> 6));
  const text = newObject(STRING, STRING_BYTES + length + 1).address;
  const string = LuaString.at(text);
  string.hash = 0;
  string.length = length;
  store<u8>(text + length, 0, STRING_BYTES);
  return text;
}

/** The hash of any string. */
export function hashOf(text: usize): u32 {
  const string = LuaString.at(text);
  if (!isShort(text) && string.note == 0) {
    burn(<i64>(string.length >> 6));
    string.hash = hashBytes(text + STRING_BYTES, string.length);
    string.note = 1;
  }
  return string.hash;
}

/** Whether two strings have the same bytes. */
export function sameString(a: usize, b: usize): bool {
  if (a == b) return true;
  const length = lengthOf(a);
  if (length <= <u32>SHORT_LIMIT || length != lengthOf(b)) return false;
  burn(<i64>(length >> 6));
  return memory.compare(a + STRING_BYTES, b + STRING_BYTES, length) == 0;
}

/** Order by bytes: negative, zero or positive. */
export function compareStrings(a: usize, b: usize): i32 {
  const shorter = min(lengthOf(a), lengthOf(b));
  burn(<i64>(shorter >> 6));
  const order = memory.compare(a + STRING_BYTES, b + STRING_BYTES, shorter);
  if (order != 0) return order;
  return lengthOf(a) < lengthOf(b) ? -1 : <i32>(lengthOf(a) > lengthOf(b));
}

/** The Lua string of the core's byte string `text`. */
export function stringOf(text: string): usize {
  const length = <u32>text.length;
  oweText(length);
  if (length > <u32>SHORT_LIMIT) {
    const long = newLongString(length);
    const from = changetype<usize>(text);
    for (let i: usize = 0; i < length; i++) store<u8>(long + i, load<u8>(from + (i << 1)), STRING_BYTES);
    return long;
  }
  const from = changetype<usize>(text);
  for (let i: usize = 0; i < length; i++) store<u8>(scratch + i, load<u8>(from + (i << 1)));
  return newString(scratch, length);
}
const scratch: usize = memory.data(48);

/** The core's byte string of a Lua string. */
export function textOf(text: usize): string {
  oweText(lengthOf(text));
  return stringAt(text + STRING_BYTES, <i32>lengthOf(text));
}

/** Takes a string that nobody refers to out of the buckets and frees it. */
export function freeString(text: usize): void {
  const length = lengthOf(text);
  if (length <= <u32>SHORT_LIMIT) {
    let link = buckets + ((LuaString.at(text).hash & (bucketCount - 1)) << 2);
    let steps = 0;
    while (<usize>load<u32>(link) != text) {
      link = <usize>load<u32>(link) + offsetof<LuaString>("chain");
      if (++steps > FREE_STEPS) burn(1);
    }
    store<u32>(link, LuaString.at(text).chain);
    shortCount--;
  }
  freeBlock(text, STRING_BYTES + length + 1);
}

/** Keeps a string for ever. */
export function pinString(text: usize): usize {
  LuaString.at(text).mark = PINNED;
  return text;
}
/** Mark of objects that are never collected. */
export const PINNED: u8 = 2;
