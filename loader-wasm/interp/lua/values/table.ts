// Tables of the Lua VM: an array part for the keys 1..n and a hash part for all others. Numbers of the "float" subtype
// are integers as keys. The structure is that of Lua's own tables.
//
// The hash part is a block of nodes, a power of 2 of them, which all chains share (a chained scatter table with Brent's
// variation). A key's hash gives its main node (its main position). What holds at all times:
//
// - Every key that has an entry is found by following the chain from its main node.
// - A key is away from its main node only if the key that is there is at its own. So when a new key finds at its main
//   node one that belongs elsewhere, it is the other one that moves to a free node (`insert`).
// - Every node from `free` on has a key; `free` only goes down. At the bottom the table is full, whatever has become nil
//   since, and is laid out anew (`rehash`).
// - An entry ends by becoming nil. Its key and its place in the chain stay, so that `next` can go on from it, until a new
//   key takes the node as its main node, or a rehash. The collector may free the key's object meanwhile: the tag
//   becomes DEAD_KEY, and the address is only compared.
// - No key is in both parts: an integer key within the array part is never in a node. A rehash chooses the largest array
//   size n, a power of 2, of which more than half is in use.
// - The addresses of values that look-ups give are good until something is inserted.
// - `absent` of a metatable says only true things: whatever gives a value to a key that had none clears it.

import { burn } from "../../../lib/fault";
import { allocateBlock, freeBlock, hasRoom, newObject, tryAllocate } from "./heap";
import { LuaString, NODE_SHIFT, NODE_SIZE, Node, TABLE_SIZE, Table } from "./objects";
import { hashOf, isShort, sameString } from "./string";
import {
  copyValue,
  FLOAT,
  INTEGER,
  integerOf,
  NIL,
  objectOf,
  STRING,
  setTag,
  TABLE,
  tagOf,
  VALUE_SHIFT,
} from "./value";

/** A nil that is nobody's; where look-ups end that find nothing. */
export const nothing: usize = memory.data(16, 8);
/** The one node of all tables without nodes. */
const emptyNode: Node = changetype<Node>(memory.data(32, 8));
/** Tag of a key whose object is gone; `next` still finds it by its address. */
export const DEAD_KEY: u32 = 0xff;
/** Largest array part and number of nodes. */
const PART_LIMIT: u64 = 1 << 25;
/** Steps along a chain that cost nothing. */
const FREE_STEPS: i32 = 8;

/** A table without content; `arraySize` and `nodes` are room for what is to come. */
export function newTable(arraySize: u32 = 0, nodes: u32 = 0): Table {
  const table = changetype<Table>(newObject(TABLE, TABLE_SIZE));
  table.array = 0;
  table.arraySize = 0;
  table.nodes = emptyNode;
  table.mask = 0;
  table.free = emptyNode;
  table.meta = null;
  if (arraySize > 0) growArray(table, min(arraySize, ROOM_LIMIT));
  if (nodes > 0) makeNodes(table, min(nodes, ROOM_LIMIT));
  return table;
}
/** Most entries that are made room for before they are there. */
const ROOM_LIMIT: u32 = 4096;

/** Gives everything of a table back. */
export function freeTable(table: Table): void {
  const size = table.arraySize;
  if (size > 0) freeBlock(table.array, (<usize>size) << VALUE_SHIFT);
  freeNodes(table.nodes, table.mask);
  freeBlock(changetype<usize>(table), TABLE_SIZE);
}

function freeNodes(nodes: Node, mask: u32): void {
  if (nodes != emptyNode) freeBlock(changetype<usize>(nodes), (<usize>mask + 1) << NODE_SHIFT);
}

/** Number of nodes; 0 when the table has none of its own. */
export function nodeCount(table: Table): u32 {
  return table.nodes == emptyNode ? 0 : table.mask + 1;
}

function hashInteger(key: i64): u32 {
  const hash = (<u32>key ^ <u32>(key >> 32)) * 0x9e3779b1;
  return hash ^ (hash >> 15);
}

function hashKey(payload: i64, tag: u32): u32 {
  if (tag == STRING) return hashOf(<usize>payload);
  return hashInteger(tag >= STRING ? payload >> 3 : payload + <i64>tag);
}

/** Where a key's chain begins (its main position). */
function mainNode(table: Table, payload: i64, tag: u32): Node {
  const hash = tag == INTEGER ? hashInteger(payload) : hashKey(payload, tag);
  return table.node(hash & table.mask);
}

// ---- looking up ----------------------------------------------------------------------------------------

/** Address of the value of an integer key, or `nothing`. */
export function getInteger(table: Table, key: i64): usize {
  if (<u64>(key - 1) < <u64>table.arraySize) return table.item(<usize>(key - 1));
  let node = table.node(hashInteger(key) & table.mask);
  let steps = 0;
  while (true) {
    if (node.key == key && node.keyTag == INTEGER) return node.value;
    if (node.next == 0) return nothing;
    node = node.following;
    if (++steps > FREE_STEPS) burn(1);
  }
}

/** Address of the value of a short string, or `nothing`. */
export function getShort(table: Table, key: usize): usize {
  let node = table.node(changetype<LuaString>(key).hash & table.mask);
  let steps = 0;
  while (true) {
    if (node.keyObject == key && node.keyTag == STRING) return node.value;
    if (node.next == 0) return nothing;
    node = node.following;
    if (++steps > FREE_STEPS) burn(1);
  }
}

/** Address of the value of any string, or `nothing`. */
export function getString(table: Table, key: usize): usize {
  return isShort(key) ? getShort(table, key) : getAny(table, <i64>key, STRING);
}

function getAny(table: Table, payload: i64, tag: u32): usize {
  let node = mainNode(table, payload, tag);
  const byBytes = tag == STRING;
  let steps = 0;
  while (true) {
    if (node.keyTag == tag) {
      const there = node.key;
      if (there == payload || (byBytes && sameString(<usize>there, <usize>payload))) return node.value;
      // Booleans have no payload.
      if (tag < INTEGER) return node.value;
    }
    if (node.next == 0) return nothing;
    node = node.following;
    if (++steps > FREE_STEPS) burn(1);
  }
}

/** Address of the value of the key at `key`, or `nothing`. */
export function getValue(table: Table, key: usize): usize {
  const tag = tagOf(key);
  if (tag == STRING) return getString(table, objectOf(key));
  if (tag == INTEGER || tag == FLOAT) return getInteger(table, integerOf(key));
  if (tag == NIL) return nothing;
  return getAny(table, tag < INTEGER ? 0 : integerOf(key), tag);
}

// ---- making room ---------------------------------------------------------------------------------------

/** Address of the value of the key at `key` (not nil), made if need be; 0 when there is no memory. */
export function slotFor(table: Table, key: usize): usize {
  const found = getValue(table, key);
  if (found != nothing) return found;
  const tag = tagOf(key);
  const payload = tag < INTEGER ? 0 : tag >= STRING ? <i64>objectOf(key) : integerOf(key);
  return insert(table, payload, tag == FLOAT ? INTEGER : tag);
}

/** The same for an integer key. */
export function slotForInteger(table: Table, key: i64): usize {
  const found = getInteger(table, key);
  return found != nothing ? found : insert(table, key, INTEGER);
}

/** The same for a string. */
export function slotForString(table: Table, key: usize): usize {
  const found = getString(table, key);
  return found != nothing ? found : insert(table, <i64>key, STRING);
}

/** Adds a key that isn't there; returns the address of its value, which is nil. */
function insert(table: Table, payload: i64, tag: u32): usize {
  table.absent = 0;
  let place = mainNode(table, payload, tag);
  if (place == emptyNode || place.tag != NIL) {
    const free = freeNode(table);
    if (free === null) {
      if (!rehash(table, payload, tag)) return 0;
      // The key may belong to the array part by now.
      if (tag == INTEGER) {
        const found = getInteger(table, payload);
        if (found != nothing) return found;
      }
      return insert(table, payload, tag);
    }
    const other = mainNode(table, place.key, place.keyTag);
    if (other != place && place.keyTag != DEAD_KEY) {
      // Whoever is here belongs to another chain: it moves to the free node.
      let before = other;
      while (before.following != place) {
        before = before.following;
        burn(1);
      }
      before.chain(free);
      memory.copy(free.value, place.value, NODE_SIZE);
      if (place.next != 0) {
        free.chain(place.following);
        place.next = 0;
      }
    } else {
      if (place.next == 0) free.next = 0;
      else free.chain(place.following);
      place.chain(free);
      place = free;
    }
  }
  place.key = payload;
  place.keyTag = tag;
  place.tag = NIL;
  return place.value;
}

/** A node that was never used. */
function freeNode(table: Table): Node | null {
  const nodes = changetype<usize>(table.nodes);
  if (table.nodes == emptyNode) return null;
  let free = changetype<usize>(table.free);
  while (free > nodes) {
    free -= NODE_SIZE;
    if (changetype<Node>(free).keyTag == NIL) {
      table.free = changetype<Node>(free);
      return table.free;
    }
  }
  table.free = table.nodes;
  return null;
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
function rehash(table: Table, payload: i64, tag: u32): bool {
  memory.fill(slices, 0, 32 * 4);
  const arraySize = table.arraySize;
  let integers: u32 = 0;
  let total: u32 = 0;
  for (let i: u32 = 0; i < arraySize; i++) {
    if (tagOf(table.item(i)) != NIL) {
      integers += countInteger(<i64>i + 1);
      total++;
    }
  }
  const count = nodeCount(table);
  burn((arraySize + count) >> 1);
  for (let i: u32 = 0; i < count; i++) {
    const node = table.node(i);
    if (node.tag == NIL) continue;
    if (node.keyTag == INTEGER) integers += countInteger(node.key);
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
function resize(table: Table, arraySize: u32, wanted: u32): bool {
  if (<u64>wanted > PART_LIMIT) return false;
  const nodesSize = (<usize>nodesFor(wanted)) << NODE_SHIFT;
  const arrayBytes = (<usize>arraySize) << VALUE_SHIFT;
  if (nodesSize + arrayBytes > 4096) {
    const block: usize = nodesSize == 0 ? 0 : tryAllocate(nodesSize);
    const fits = (block != 0 || nodesSize == 0) && (arrayBytes == 0 || hasRoom(arrayBytes));
    if (block != 0) freeBlock(block, nodesSize);
    if (!fits) return false;
  }
  const oldNodes = table.nodes;
  const oldMask = table.mask;
  const count = nodeCount(table);
  const oldSize = table.arraySize;
  makeNodes(table, wanted);
  if (arraySize > oldSize) {
    growArray(table, arraySize);
  } else if (arraySize < oldSize) {
    const array = table.array;
    const kept: usize = arraySize == 0 ? 0 : allocateBlock((<usize>arraySize) << VALUE_SHIFT);
    if (arraySize > 0) memory.copy(kept, array, (<usize>arraySize) << VALUE_SHIFT);
    table.array = kept;
    table.arraySize = arraySize;
    for (let i = arraySize; i < oldSize; i++) {
      const value = array + ((<usize>i) << VALUE_SHIFT);
      if (tagOf(value) != NIL) copyValue(insert(table, <i64>i + 1, INTEGER), value);
    }
    freeBlock(array, (<usize>oldSize) << VALUE_SHIFT);
  }
  for (let i = <i32>count - 1; i >= 0; i--) {
    const node = changetype<Node>(changetype<usize>(oldNodes) + ((<usize>i) << NODE_SHIFT));
    if (node.tag == NIL) continue;
    const payload = node.key;
    const tag = node.keyTag;
    const slot = tag == INTEGER ? slotForInteger(table, payload) : insert(table, payload, tag);
    copyValue(slot, node.value);
  }
  freeNodes(oldNodes, oldMask);
  return true;
}

/** Number of nodes that have room for `wanted` entries. */
function nodesFor(wanted: u32): u32 {
  return wanted <= 1 ? wanted : 1 << (32 - clz<u32>(wanted - 1));
}

function makeNodes(table: Table, wanted: u32): void {
  if (wanted == 0) {
    table.nodes = emptyNode;
    table.mask = 0;
    table.free = emptyNode;
    return;
  }
  const count = nodesFor(wanted);
  const bytes = (<usize>count) << NODE_SHIFT;
  const nodes = allocateBlock(bytes);
  memory.fill(nodes, 0, bytes);
  table.nodes = changetype<Node>(nodes);
  table.mask = count - 1;
  table.free = changetype<Node>(nodes + bytes);
}

function growArray(table: Table, size: u32): void {
  burn(<i64>(size >> 6));
  const old = table.arraySize;
  const oldBytes = (<usize>old) << VALUE_SHIFT;
  const bytes = (<usize>size) << VALUE_SHIFT;
  const array = allocateBlock(bytes);
  if (old > 0) {
    memory.copy(array, table.array, oldBytes);
    freeBlock(table.array, oldBytes);
  }
  memory.fill(array + oldBytes, 0, bytes - oldBytes);
  table.array = array;
  table.arraySize = size;
}

/** Makes the array part at least `size`. False when there is no memory. */
export function reserveArray(table: Table, size: u32): bool {
  if (size <= table.arraySize) return true;
  if (<u64>size > PART_LIMIT) return false;
  const count = nodeCount(table);
  if (count > 0) {
    let used: u32 = 0;
    for (let i: u32 = 0; i < count; i++) if (table.node(i).tag != NIL) used++;
    return resize(table, size, used);
  }
  if (size > 256 && !hasRoom((<usize>size) << VALUE_SHIFT)) return false;
  growArray(table, size);
  return true;
}

// ---- length and iteration ------------------------------------------------------------------------------

/** A border: n with t[n] not nil and t[n+1] nil, or 0. */
export function border(table: Table): i64 {
  let high = table.arraySize;
  if (high > 0 && tagOf(table.item(high - 1)) == NIL) {
    let low: u32 = 0;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (tagOf(table.item(middle - 1)) == NIL) high = middle;
      else low = middle;
    }
    return low;
  }
  if (table.nodes == emptyNode) return high;
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
export function nextEntry(table: Table, at: usize): i32 {
  let index = positionOf(table, at);
  if (index < 0) return -1;
  const arraySize = <i64>table.arraySize;
  const began = index;
  for (; index < arraySize; index++) {
    const value = table.item(<usize>index);
    if (tagOf(value) == NIL) continue;
    store<i64>(at, index + 1);
    setTag(at, INTEGER);
    copyValue(at + 16, value);
    burn((index - began) >> 4);
    return 1;
  }
  const count = <i64>nodeCount(table);
  for (index -= arraySize; index < count; index++) {
    const node = table.node(<u32>index);
    if (node.tag == NIL) continue;
    store<i64>(at, node.key);
    setTag(at, node.keyTag);
    copyValue(at + 16, node.value);
    burn((index + arraySize - began) >> 4);
    return 1;
  }
  burn((index + arraySize - began) >> 4);
  return 0;
}

/** Index of the entry after the key at `at`, the array part first; -1 when the key isn't there. */
function positionOf(table: Table, at: usize): i64 {
  const tag = tagOf(at);
  if (tag == NIL) return 0;
  const arraySize = table.arraySize;
  if (tag == INTEGER || tag == FLOAT) {
    const key = integerOf(at);
    if (<u64>(key - 1) < <u64>arraySize) return key;
  }
  let found = getValue(table, at);
  if (found == nothing) found = tag >= STRING ? deadNode(table, at) : nothing;
  if (found == nothing) return -1;
  return <i64>arraySize + <i64>((found - changetype<usize>(table.nodes)) >> NODE_SHIFT) + 1;
}

/** The node of a key that was removed and forgotten since. */
function deadNode(table: Table, at: usize): usize {
  const count = nodeCount(table);
  burn(count >> 3);
  for (let i: u32 = 0; i < count; i++) {
    const node = table.node(i);
    if (node.keyTag == DEAD_KEY && node.keyObject == objectOf(at)) return node.value;
  }
  return nothing;
}
