// Tables of the Lua VM: an array part for the keys 1..n, and nodes in chains that share one block, each chain
// beginning at its keys' own place. Numbers of the "float" subtype are integers as keys.

import { burn } from "../../../lib/fault";
import { allocateBlock, freeBlock, hasRoom, newObject, tryAllocate } from "./heap";
import { hashOf, isShort, sameString } from "./string";
import {
  copyValue,
  FLOAT,
  INTEGER,
  integerOf,
  NIL,
  NODE_KEY,
  NODE_KEY_TAG,
  NODE_NEXT,
  NODE_SIZE,
  NODE_TAG,
  objectOf,
  STRING,
  STRING_HASH,
  setTag,
  TABLE,
  TABLE_ABSENT,
  TABLE_ARRAY,
  TABLE_ARRAY_SIZE,
  TABLE_FREE,
  TABLE_MASK,
  TABLE_META,
  TABLE_NODES,
  TABLE_SIZE,
  tagOf,
  VALUE_SHIFT,
} from "./value";

/** A nil that is nobody's; where look-ups end that find nothing. */
export const nothing: usize = memory.data(16, 8);
/** The one node of all tables without nodes. */
const emptyNode: usize = memory.data(32, 8);
/** Tag of a key whose object is gone; `next` still finds it by its address. */
export const DEAD_KEY: u32 = 0xff;
/** Largest array part and number of nodes. */
const PART_LIMIT: u64 = 1 << 25;
const NODE_SHIFT: i32 = 5;
/** Steps along a chain that cost nothing. */
const FREE_STEPS: i32 = 8;

/** A table without content; `arraySize` and `nodes` are room for what is to come. */
export function newTable(arraySize: u32 = 0, nodes: u32 = 0): usize {
  const table = newObject(TABLE, TABLE_SIZE);
  store<u32>(table, 0, TABLE_ARRAY);
  store<u32>(table, 0, TABLE_ARRAY_SIZE);
  store<u32>(table, <u32>emptyNode, TABLE_NODES);
  store<u32>(table, 0, TABLE_MASK);
  store<u32>(table, <u32>emptyNode, TABLE_FREE);
  store<u32>(table, 0, TABLE_META);
  if (arraySize > 0) growArray(table, min(arraySize, ROOM_LIMIT));
  if (nodes > 0) makeNodes(table, min(nodes, ROOM_LIMIT));
  return table;
}
/** Most entries that are made room for before they are there. */
const ROOM_LIMIT: u32 = 4096;

/** Gives everything of a table back. */
export function freeTable(table: usize): void {
  const size = load<u32>(table, TABLE_ARRAY_SIZE);
  if (size > 0) freeBlock(<usize>load<u32>(table, TABLE_ARRAY), (<usize>size) << VALUE_SHIFT);
  freeNodes(<usize>load<u32>(table, TABLE_NODES), load<u32>(table, TABLE_MASK));
  freeBlock(table, TABLE_SIZE);
}

function freeNodes(nodes: usize, mask: u32): void {
  if (nodes != emptyNode) freeBlock(nodes, (<usize>mask + 1) << NODE_SHIFT);
}

export function nodesOf(table: usize): usize {
  return <usize>load<u32>(table, TABLE_NODES);
}

/** Number of nodes; 0 when the table has none of its own. */
export function nodeCount(table: usize): u32 {
  return nodesOf(table) == emptyNode ? 0 : load<u32>(table, TABLE_MASK) + 1;
}

function hashInteger(key: i64): u32 {
  const hash = (<u32>key ^ <u32>(key >> 32)) * 0x9e3779b1;
  return hash ^ (hash >> 15);
}

function hashKey(payload: i64, tag: u32): u32 {
  if (tag == STRING) return hashOf(<usize>payload);
  return hashInteger(tag >= STRING ? payload >> 3 : payload + <i64>tag);
}

/** Where a key's chain begins. */
function ownNode(table: usize, payload: i64, tag: u32): usize {
  const hash = tag == INTEGER ? hashInteger(payload) : hashKey(payload, tag);
  return nodesOf(table) + ((<usize>(hash & load<u32>(table, TABLE_MASK))) << NODE_SHIFT);
}

// ---- looking up ----------------------------------------------------------------------------------------

/** Address of the value of an integer key, or `nothing`. */
export function getInteger(table: usize, key: i64): usize {
  if (<u64>(key - 1) < <u64>load<u32>(table, TABLE_ARRAY_SIZE)) {
    return <usize>load<u32>(table, TABLE_ARRAY) + ((<usize>(key - 1)) << VALUE_SHIFT);
  }
  let node = nodesOf(table) + ((<usize>(hashInteger(key) & load<u32>(table, TABLE_MASK))) << NODE_SHIFT);
  let steps = 0;
  while (true) {
    if (load<i64>(node, NODE_KEY) == key && load<u32>(node, NODE_KEY_TAG) == INTEGER) return node;
    const next = load<i32>(node, NODE_NEXT);
    if (next == 0) return nothing;
    node += next;
    if (++steps > FREE_STEPS) burn(1);
  }
}

/** Address of the value of a short string, or `nothing`. */
export function getShort(table: usize, key: usize): usize {
  let node = nodesOf(table) + ((<usize>(load<u32>(key, STRING_HASH) & load<u32>(table, TABLE_MASK))) << NODE_SHIFT);
  let steps = 0;
  while (true) {
    if (load<u32>(node, NODE_KEY) == <u32>key && load<u32>(node, NODE_KEY_TAG) == STRING) return node;
    const next = load<i32>(node, NODE_NEXT);
    if (next == 0) return nothing;
    node += next;
    if (++steps > FREE_STEPS) burn(1);
  }
}

/** Address of the value of any string, or `nothing`. */
export function getString(table: usize, key: usize): usize {
  return isShort(key) ? getShort(table, key) : getAny(table, <i64>key, STRING);
}

function getAny(table: usize, payload: i64, tag: u32): usize {
  let node = ownNode(table, payload, tag);
  const byBytes = tag == STRING;
  let steps = 0;
  while (true) {
    if (load<u32>(node, NODE_KEY_TAG) == tag) {
      const there = load<i64>(node, NODE_KEY);
      if (there == payload || (byBytes && sameString(<usize>there, <usize>payload))) return node;
      // Booleans have no payload.
      if (tag < INTEGER) return node;
    }
    const next = load<i32>(node, NODE_NEXT);
    if (next == 0) return nothing;
    node += next;
    if (++steps > FREE_STEPS) burn(1);
  }
}

/** Address of the value of the key at `key`, or `nothing`. */
export function getValue(table: usize, key: usize): usize {
  const tag = tagOf(key);
  if (tag == STRING) return getString(table, objectOf(key));
  if (tag == INTEGER || tag == FLOAT) return getInteger(table, integerOf(key));
  if (tag == NIL) return nothing;
  return getAny(table, tag < INTEGER ? 0 : integerOf(key), tag);
}

// ---- making room ---------------------------------------------------------------------------------------

/** Address of the value of the key at `key` (not nil), made if need be; 0 when there is no memory. */
export function slotFor(table: usize, key: usize): usize {
  const found = getValue(table, key);
  if (found != nothing) return found;
  const tag = tagOf(key);
  const payload = tag < INTEGER ? 0 : tag >= STRING ? <i64>objectOf(key) : integerOf(key);
  return insert(table, payload, tag == FLOAT ? INTEGER : tag);
}

export function slotForInteger(table: usize, key: i64): usize {
  const found = getInteger(table, key);
  return found != nothing ? found : insert(table, key, INTEGER);
}

export function slotForString(table: usize, key: usize): usize {
  const found = getString(table, key);
  return found != nothing ? found : insert(table, <i64>key, STRING);
}

/** Adds a key that isn't there; returns the address of its value, which is nil. */
function insert(table: usize, payload: i64, tag: u32): usize {
  store<u8>(table, 0, TABLE_ABSENT);
  let place = ownNode(table, payload, tag);
  if (place == emptyNode || load<u32>(place, NODE_TAG) != NIL) {
    const free = freeNode(table);
    if (free == 0) {
      if (!rehash(table, payload, tag)) return 0;
      // The key may belong to the array part by now.
      if (tag == INTEGER) {
        const found = getInteger(table, payload);
        if (found != nothing) return found;
      }
      return insert(table, payload, tag);
    }
    const other = ownNode(table, load<i64>(place, NODE_KEY), load<u32>(place, NODE_KEY_TAG));
    if (other != place && load<u32>(place, NODE_KEY_TAG) != DEAD_KEY) {
      // Whoever is here belongs to another chain: it moves to the free node.
      let before = other;
      while (before + load<i32>(before, NODE_NEXT) != place) {
        before += load<i32>(before, NODE_NEXT);
        burn(1);
      }
      store<i32>(before, <i32>(free - before), NODE_NEXT);
      memory.copy(free, place, NODE_SIZE);
      const next = load<i32>(place, NODE_NEXT);
      if (next != 0) {
        store<i32>(free, <i32>(place + next - free), NODE_NEXT);
        store<i32>(place, 0, NODE_NEXT);
      }
    } else {
      const next = load<i32>(place, NODE_NEXT);
      store<i32>(free, next == 0 ? 0 : <i32>(place + next - free), NODE_NEXT);
      store<i32>(place, <i32>(free - place), NODE_NEXT);
      place = free;
    }
  }
  store<i64>(place, payload, NODE_KEY);
  store<u32>(place, tag, NODE_KEY_TAG);
  store<u32>(place, NIL, NODE_TAG);
  return place;
}

/** A node that was never used, or 0. */
function freeNode(table: usize): usize {
  const nodes = nodesOf(table);
  if (nodes == emptyNode) return 0;
  let free = <usize>load<u32>(table, TABLE_FREE);
  while (free > nodes) {
    free -= NODE_SIZE;
    if (load<u32>(free, NODE_KEY_TAG) == NIL) {
      store<u32>(table, <u32>free, TABLE_FREE);
      return free;
    }
  }
  store<u32>(table, <u32>nodes, TABLE_FREE);
  return 0;
}

/** How many integer keys lie in (2^(i-1), 2^i]. */
const slices: usize = memory.data(32 * 4);

function countInteger(key: i64): u32 {
  if (<u64>(key - 1) >= PART_LIMIT) return 0;
  const slice = slices + <usize>((key == 1 ? 0 : 32 - clz<u32>(<u32>(key - 1))) << 2);
  store<u32>(slice, load<u32>(slice) + 1);
  return 1;
}

/** Lays the table out anew with room for one more key. False when there is no memory. */
function rehash(table: usize, payload: i64, tag: u32): bool {
  memory.fill(slices, 0, 32 * 4);
  const arraySize = load<u32>(table, TABLE_ARRAY_SIZE);
  const array = <usize>load<u32>(table, TABLE_ARRAY);
  let integers: u32 = 0;
  let total: u32 = 0;
  for (let i: u32 = 0; i < arraySize; i++) {
    if (tagOf(array + ((<usize>i) << VALUE_SHIFT)) != NIL) {
      integers += countInteger(<i64>i + 1);
      total++;
    }
  }
  const nodes = nodesOf(table);
  const count = nodeCount(table);
  burn((arraySize + count) >> 1);
  for (let i: u32 = 0; i < count; i++) {
    const node = nodes + ((<usize>i) << NODE_SHIFT);
    if (load<u32>(node, NODE_TAG) == NIL) continue;
    if (load<u32>(node, NODE_KEY_TAG) == INTEGER) integers += countInteger(load<i64>(node, NODE_KEY));
    total++;
  }
  if (tag == INTEGER) integers += countInteger(payload);
  total++;
  // The largest power of 2 of which more than half is in use.
  let seen: u32 = 0;
  let inArray: u32 = 0;
  let size: u32 = 0;
  for (let i: u32 = 0, power: u32 = 1; i < 26 && integers > power >> 1; i++, power <<= 1) {
    seen += load<u32>(slices + ((<usize>i) << 2));
    if (seen > power >> 1) {
      size = power;
      inArray = seen;
    }
  }
  return resize(table, size, total - inArray);
}

/** Gives the table an array part of `arraySize` and room for `wanted` other keys. False when there is no memory. */
function resize(table: usize, arraySize: u32, wanted: u32): bool {
  if (<u64>wanted > PART_LIMIT) return false;
  const nodesSize = (<usize>nodesFor(wanted)) << NODE_SHIFT;
  const arrayBytes = (<usize>arraySize) << VALUE_SHIFT;
  if (nodesSize + arrayBytes > 4096) {
    const block: usize = nodesSize == 0 ? 0 : tryAllocate(nodesSize);
    const fits = (block != 0 || nodesSize == 0) && (arrayBytes == 0 || hasRoom(arrayBytes));
    if (block != 0) freeBlock(block, nodesSize);
    if (!fits) return false;
  }
  const oldNodes = nodesOf(table);
  const oldMask = load<u32>(table, TABLE_MASK);
  const count = nodeCount(table);
  const oldSize = load<u32>(table, TABLE_ARRAY_SIZE);
  makeNodes(table, wanted);
  if (arraySize > oldSize) {
    growArray(table, arraySize);
  } else if (arraySize < oldSize) {
    const array = <usize>load<u32>(table, TABLE_ARRAY);
    const kept: usize = arraySize == 0 ? 0 : allocateBlock((<usize>arraySize) << VALUE_SHIFT);
    if (arraySize > 0) memory.copy(kept, array, (<usize>arraySize) << VALUE_SHIFT);
    store<u32>(table, <u32>kept, TABLE_ARRAY);
    store<u32>(table, arraySize, TABLE_ARRAY_SIZE);
    for (let i = arraySize; i < oldSize; i++) {
      const value = array + ((<usize>i) << VALUE_SHIFT);
      if (tagOf(value) != NIL) copyValue(insert(table, <i64>i + 1, INTEGER), value);
    }
    freeBlock(array, (<usize>oldSize) << VALUE_SHIFT);
  }
  for (let i = <i32>count - 1; i >= 0; i--) {
    const node = oldNodes + ((<usize>i) << NODE_SHIFT);
    if (load<u32>(node, NODE_TAG) == NIL) continue;
    const payload = load<i64>(node, NODE_KEY);
    const tag = load<u32>(node, NODE_KEY_TAG);
    const slot = tag == INTEGER ? slotForInteger(table, payload) : insert(table, payload, tag);
    copyValue(slot, node);
  }
  freeNodes(oldNodes, oldMask);
  return true;
}

/** Number of nodes that have room for `wanted` entries. */
function nodesFor(wanted: u32): u32 {
  return wanted <= 1 ? wanted : 1 << (32 - clz<u32>(wanted - 1));
}

function makeNodes(table: usize, wanted: u32): void {
  if (wanted == 0) {
    store<u32>(table, <u32>emptyNode, TABLE_NODES);
    store<u32>(table, 0, TABLE_MASK);
    store<u32>(table, <u32>emptyNode, TABLE_FREE);
    return;
  }
  const count = nodesFor(wanted);
  const bytes = (<usize>count) << NODE_SHIFT;
  const nodes = allocateBlock(bytes);
  memory.fill(nodes, 0, bytes);
  store<u32>(table, <u32>nodes, TABLE_NODES);
  store<u32>(table, count - 1, TABLE_MASK);
  store<u32>(table, <u32>(nodes + bytes), TABLE_FREE);
}

function growArray(table: usize, size: u32): void {
  burn(<i64>(size >> 6));
  const old = load<u32>(table, TABLE_ARRAY_SIZE);
  const oldBytes = (<usize>old) << VALUE_SHIFT;
  const bytes = (<usize>size) << VALUE_SHIFT;
  const array = allocateBlock(bytes);
  if (old > 0) {
    memory.copy(array, <usize>load<u32>(table, TABLE_ARRAY), oldBytes);
    freeBlock(<usize>load<u32>(table, TABLE_ARRAY), oldBytes);
  }
  memory.fill(array + oldBytes, 0, bytes - oldBytes);
  store<u32>(table, <u32>array, TABLE_ARRAY);
  store<u32>(table, size, TABLE_ARRAY_SIZE);
}

/** Makes the array part at least `size`. False when there is no memory. */
export function reserveArray(table: usize, size: u32): bool {
  if (size <= load<u32>(table, TABLE_ARRAY_SIZE)) return true;
  if (<u64>size > PART_LIMIT) return false;
  const count = nodeCount(table);
  if (count > 0) {
    let used: u32 = 0;
    for (let i: u32 = 0; i < count; i++)
      if (load<u32>(nodesOf(table) + ((<usize>i) << NODE_SHIFT), NODE_TAG) != NIL) used++;
    return resize(table, size, used);
  }
  if (size > 256 && !hasRoom((<usize>size) << VALUE_SHIFT)) return false;
  growArray(table, size);
  return true;
}

// ---- length and iteration ------------------------------------------------------------------------------

/** A border: n with t[n] not nil and t[n+1] nil, or 0. */
export function border(table: usize): i64 {
  let high = load<u32>(table, TABLE_ARRAY_SIZE);
  const array = <usize>load<u32>(table, TABLE_ARRAY);
  if (high > 0 && tagOf(array + ((<usize>(high - 1)) << VALUE_SHIFT)) == NIL) {
    let low: u32 = 0;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (tagOf(array + ((<usize>(middle - 1)) << VALUE_SHIFT)) == NIL) high = middle;
      else low = middle;
    }
    return low;
  }
  if (nodesOf(table) == emptyNode) return high;
  burn(4);
  let low: i64 = high;
  let above: i64 = low + 1;
  while (tagOf(getInteger(table, above)) != NIL) {
    low = above;
    if (above > i64.MAX_VALUE / 2) {
      // Only a table made for the purpose gets here: look one by one.
      let one: i64 = 1;
      while (tagOf(getInteger(table, one)) != NIL) {
        one++;
        burn(1);
      }
      return one - 1;
    }
    above *= 2;
  }
  while (above - low > 1) {
    const middle = (low + above) >> 1;
    if (tagOf(getInteger(table, middle)) == NIL) above = middle;
    else low = middle;
  }
  return low;
}

/** Steps along the table: puts the entry after the key at `at` there and behind it. 1 found, 0 end, -1 no such key. */
export function nextEntry(table: usize, at: usize): i32 {
  let index = positionOf(table, at);
  if (index < 0) return -1;
  const arraySize = <i64>load<u32>(table, TABLE_ARRAY_SIZE);
  const array = <usize>load<u32>(table, TABLE_ARRAY);
  const began = index;
  for (; index < arraySize; index++) {
    const value = array + ((<usize>index) << VALUE_SHIFT);
    if (tagOf(value) == NIL) continue;
    store<i64>(at, index + 1);
    setTag(at, INTEGER);
    copyValue(at + 16, value);
    burn((index - began) >> 4);
    return 1;
  }
  const nodes = nodesOf(table);
  const count = <i64>nodeCount(table);
  for (index -= arraySize; index < count; index++) {
    const node = nodes + ((<usize>index) << NODE_SHIFT);
    if (load<u32>(node, NODE_TAG) == NIL) continue;
    store<i64>(at, load<i64>(node, NODE_KEY));
    setTag(at, load<u32>(node, NODE_KEY_TAG));
    copyValue(at + 16, node);
    burn((index + arraySize - began) >> 4);
    return 1;
  }
  burn((index + arraySize - began) >> 4);
  return 0;
}

/** Index of the entry after the key at `at`, the array part first; -1 when the key isn't there. */
function positionOf(table: usize, at: usize): i64 {
  const tag = tagOf(at);
  if (tag == NIL) return 0;
  const arraySize = load<u32>(table, TABLE_ARRAY_SIZE);
  if (tag == INTEGER || tag == FLOAT) {
    const key = integerOf(at);
    if (<u64>(key - 1) < <u64>arraySize) return key;
  }
  let found = getValue(table, at);
  if (found == nothing) found = tag >= STRING ? deadNode(table, at) : nothing;
  if (found == nothing) return -1;
  return <i64>arraySize + <i64>((found - nodesOf(table)) >> NODE_SHIFT) + 1;
}

/** The node of a key that was removed and forgotten since. */
function deadNode(table: usize, at: usize): usize {
  const count = nodeCount(table);
  burn(count >> 3);
  for (let i: u32 = 0; i < count; i++) {
    const node = nodesOf(table) + ((<usize>i) << NODE_SHIFT);
    if (load<u32>(node, NODE_KEY_TAG) == DEAD_KEY && load<u32>(node, NODE_KEY) == <u32>objectOf(at)) return node;
  }
  return nothing;
}
