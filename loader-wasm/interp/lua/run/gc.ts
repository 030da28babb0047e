// The collector: marks what can be reached from the stack, the globals and the running functions, sweeps the
// rest. It runs only where functions of the core hold no objects but on the stack: when a function of the core
// is called, and where the VM makes tables, closures and strings.

import { burn } from "../../../lib/fault";
import {
  collectAt,
  freeBlock,
  heapUsed,
  isMarked,
  newestObject,
  planCollection,
  setNewestObject,
} from "../values/heap";
import {
  LOCAL_SIZE,
  PROTO_CODE,
  PROTO_CODE_COUNT,
  PROTO_CONSTANT_COUNT,
  PROTO_CONSTANTS,
  PROTO_LINES,
  PROTO_LOCAL_COUNT,
  PROTO_LOCALS,
  PROTO_PROTO_COUNT,
  PROTO_PROTOS,
  PROTO_SIZE,
  PROTO_SOURCE,
  PROTO_UPVALUE_COUNT,
  PROTO_UPVALUES,
  UPVALUE_DESC_SIZE,
} from "../values/opcodes";
import { bytesOf, freeString, lengthOf, PINNED } from "../values/string";
import { DEAD_KEY, freeTable, nodeCount, nodesOf } from "../values/table";
import {
  BUILTIN_CLOSURE,
  CLOSURE,
  CLOSURE_CODE,
  CLOSURE_COUNT,
  CLOSURE_UPVALUES,
  NIL,
  NODE_KEY,
  NODE_KEY_TAG,
  NODE_SIZE,
  NODE_TAG,
  OBJECT_KIND,
  OBJECT_MARK,
  OBJECT_NEXT,
  objectOf,
  PROTOTYPE,
  STRING,
  setTag,
  TABLE,
  TABLE_ARRAY,
  TABLE_ARRAY_SIZE,
  TABLE_META,
  tagOf,
  UPVALUE,
  UPVALUE_AT,
  UPVALUE_SIZE,
  USERDATA,
  USERDATA_BYTES,
  USERDATA_LENGTH,
  USERDATA_META,
  VALUE_SHIFT,
  VALUE_SIZE,
} from "../values/value";
import { Vector } from "../values/vector";
import { Event, handlerIn } from "./events";
import {
  errorValue,
  globals,
  loadedTable,
  pruneUpvalues,
  raised,
  registry,
  stack,
  stackEnd,
  stringMeta,
  top,
} from "./state";

const MARKED: u8 = 1;
/** Byte of bits in tables and userdata, and the one that says: its metatable has a `__gc`. */
const FLAGS: usize = 7;
const FINALIZABLE: u8 = 2;

/** Marked objects whose content isn't yet. */
const gray = new Vector(4);
/** Weak tables that were met. */
const weakTables = new Vector(4);
/** Objects whose finalizer is due. */
const dying = new Vector(4);
let finalizable: u32 = 0;
let stopped: bool = false;
let collecting: bool = false;
let objects: u32 = 0;
/** Values that were looked at. */
let looked: u64 = 0;
/** Whether finalizers run: those that become due meanwhile wait for their turn. */
let finalizing: bool = false;

export function stopCollector(value: bool): void {
  stopped = value;
}
export function isStopped(): bool {
  return stopped;
}

/** Notes that `object` (table or userdata) got a metatable with a `__gc`. */
export function noteFinalizer(object: usize): void {
  if ((load<u8>(object, FLAGS) & FINALIZABLE) != 0) return;
  store<u8>(object, load<u8>(object, FLAGS) | FINALIZABLE, FLAGS);
  finalizable++;
}

/** Collects when enough has been allocated since the last time. Everything alive is below `top`. */
export function collectIfDue(): void {
  if (heapUsed >= collectAt && !stopped && !collecting) collect();
}

/** Collects now. Everything alive is below `top`. */
export function collect(): void {
  if (collecting) return;
  collecting = true;
  gray.count = 0;
  weakTables.count = 0;
  looked = <u64>((top - stack) >> VALUE_SHIFT);
  markRoots();
  spread();
  settleEphemerons();
  if (finalizable > 0) {
    clearWeakValues();
    findDying();
    spread();
    settleEphemerons();
  }
  clearWeakValues();
  clearWeakKeys();
  pruneUpvalues();
  sweep();
  burn(<i64>(objects >> 1) + <i64>(looked >> 3) + <i64>((stackEnd - top) >> 9));
  planCollection();
  collecting = false;
  if (!finalizing) finalize();
}

// ---- marking ---------------------------------------------------------------------------------------------

function markRoots(): void {
  for (let at = stack; at < top; at += VALUE_SIZE) markValue(at);
  // What is above was left by functions that have returned.
  memory.fill(top, 0, stackEnd - top);
  markObject(globals);
  markObject(stringMeta);
  markObject(loadedTable);
  markObject(registry);
  markValue(errorValue);
  for (let i = 0; i < dying.count; i++) markObject(dying.u32At(i));
}

function markValue(at: usize): void {
  if (tagOf(at) >= STRING) markObject(objectOf(at));
}

function markObject(object: usize): void {
  if (object == 0 || isMarked(object)) return;
  store<u8>(object, MARKED, OBJECT_MARK);
  if (load<u8>(object, OBJECT_KIND) != STRING) gray.push(object);
}

/** Marks what marked objects refer to, until nothing is left to do. */
function spread(): void {
  while (gray.count > 0) {
    gray.count--;
    const object = <usize>gray.u32At(gray.count);
    switch (<u32>load<u8>(object, OBJECT_KIND)) {
      case TABLE:
        markTable(object);
        break;
      case CLOSURE: {
        markObject(<usize>load<u32>(object, CLOSURE_CODE));
        const count = load<u32>(object, CLOSURE_COUNT);
        for (let i: u32 = 0; i < count; i++) markObject(<usize>load<u32>(object + (i << 2), CLOSURE_UPVALUES));
        break;
      }
      case BUILTIN_CLOSURE: {
        const count = load<u32>(object, CLOSURE_COUNT);
        for (let i: u32 = 0; i < count; i++) markValue(object + CLOSURE_UPVALUES + (i << VALUE_SHIFT));
        break;
      }
      case UPVALUE:
        markValue(<usize>load<u32>(object, UPVALUE_AT));
        break;
      case USERDATA:
        markObject(<usize>load<u32>(object, USERDATA_META));
        break;
      case PROTOTYPE:
        markPrototype(object);
    }
  }
}

function markPrototype(proto: usize): void {
  markObject(<usize>load<u32>(proto, PROTO_SOURCE));
  const constants = <usize>load<u32>(proto, PROTO_CONSTANTS);
  for (let i: u32 = 0, n = load<u32>(proto, PROTO_CONSTANT_COUNT); i < n; i++)
    markValue(constants + (i << VALUE_SHIFT));
  const protos = <usize>load<u32>(proto, PROTO_PROTOS);
  for (let i: u32 = 0, n = load<u32>(proto, PROTO_PROTO_COUNT); i < n; i++)
    markObject(<usize>load<u32>(protos + (i << 2)));
  const upvalues = <usize>load<u32>(proto, PROTO_UPVALUES);
  for (let i: u32 = 0, n = load<u32>(proto, PROTO_UPVALUE_COUNT); i < n; i++) {
    markObject(<usize>load<u32>(upvalues + i * UPVALUE_DESC_SIZE));
  }
  const locals = <usize>load<u32>(proto, PROTO_LOCALS);
  for (let i: u32 = 0, n = load<u32>(proto, PROTO_LOCAL_COUNT); i < n; i++)
    markObject(<usize>load<u32>(locals + i * LOCAL_SIZE));
}

const WEAK_KEYS: u32 = 1;
const WEAK_VALUES: u32 = 2;

function weaknessOf(table: usize): u32 {
  const mode = handlerIn(<usize>load<u32>(table, TABLE_META), Event.MODE);
  if (tagOf(mode) != STRING) return 0;
  const text = objectOf(mode);
  let weakness: u32 = 0;
  for (let i: u32 = 0; i < lengthOf(text); i++) {
    const c = load<u8>(bytesOf(text) + i);
    if (c == 0x6b) weakness |= WEAK_KEYS;
    if (c == 0x76) weakness |= WEAK_VALUES;
  }
  return weakness;
}

function markTable(table: usize): void {
  markObject(<usize>load<u32>(table, TABLE_META));
  looked += <u64>load<u32>(table, TABLE_ARRAY_SIZE) + <u64>nodeCount(table);
  const weakness = weaknessOf(table);
  if (weakness != 0) weakTables.push(table);
  const weakValues = (weakness & WEAK_VALUES) != 0;
  const weakKeys = (weakness & WEAK_KEYS) != 0;
  if (!weakValues) {
    const array = <usize>load<u32>(table, TABLE_ARRAY);
    const end = array + ((<usize>load<u32>(table, TABLE_ARRAY_SIZE)) << VALUE_SHIFT);
    for (let at = array; at < end; at += VALUE_SIZE) markValue(at);
  }
  const nodes = nodesOf(table);
  const end = nodes + <usize>nodeCount(table) * NODE_SIZE;
  for (let node = nodes; node < end; node += NODE_SIZE) {
    if (load<u32>(node, NODE_TAG) == NIL) {
      // The key is kept only for `next`, which wants its address.
      if (load<u32>(node, NODE_KEY_TAG) >= STRING) store<u32>(node, DEAD_KEY, NODE_KEY_TAG);
      continue;
    }
    if (!weakKeys) {
      markValue(node + NODE_KEY);
      if (!weakValues) markValue(node);
    } else if (load<u32>(node, NODE_KEY_TAG) == STRING) {
      // Strings are values, not objects, for this purpose.
      markValue(node + NODE_KEY);
    }
    if (weakKeys && !weakValues && load<u32>(node, NODE_KEY_TAG) < STRING) markValue(node);
  }
}

/** A weak key that is alive keeps its value alive. */
function settleEphemerons(): void {
  let changed = true;
  while (changed) {
    changed = false;
    for (let i = 0; i < weakTables.count; i++) {
      const table = weakTables.u32At(i);
      if (weaknessOf(table) != WEAK_KEYS) continue;
      const nodes = nodesOf(table);
      const end = nodes + <usize>nodeCount(table) * NODE_SIZE;
      burn(nodeCount(table) >> 2);
      for (let node = nodes; node < end; node += NODE_SIZE) {
        if (load<u32>(node, NODE_TAG) < STRING || isDead(node + NODE_KEY) || !isDead(node)) continue;
        markObject(objectOf(node));
        changed = true;
      }
    }
    spread();
  }
}

/** Whether the value at `at` is an object that nobody reached. */
function isDead(at: usize): bool {
  const tag = tagOf(at);
  return tag >= STRING && tag != DEAD_KEY && !isMarked(objectOf(at));
}

function clearWeakValues(): void {
  for (let i = 0; i < weakTables.count; i++) {
    const table = weakTables.u32At(i);
    if ((weaknessOf(table) & WEAK_VALUES) == 0) continue;
    const array = <usize>load<u32>(table, TABLE_ARRAY);
    const arrayEnd = array + ((<usize>load<u32>(table, TABLE_ARRAY_SIZE)) << VALUE_SHIFT);
    for (let at = array; at < arrayEnd; at += VALUE_SIZE) clearValue(at);
    const nodes = nodesOf(table);
    const end = nodes + <usize>nodeCount(table) * NODE_SIZE;
    for (let node = nodes; node < end; node += NODE_SIZE) clearValue(node);
  }
}

function clearValue(at: usize): void {
  if (tagOf(at) == STRING) markObject(objectOf(at));
  else if (isDead(at)) setTag(at, NIL);
}

function clearWeakKeys(): void {
  for (let i = 0; i < weakTables.count; i++) {
    const table = weakTables.u32At(i);
    const nodes = nodesOf(table);
    const end = nodes + <usize>nodeCount(table) * NODE_SIZE;
    for (let node = nodes; node < end; node += NODE_SIZE) {
      if (isDead(node + NODE_KEY)) setTag(node, NIL);
      if (load<u32>(node, NODE_TAG) == NIL && load<u32>(node, NODE_KEY_TAG) >= STRING) {
        store<u32>(node, DEAD_KEY, NODE_KEY_TAG);
      }
    }
  }
}

// ---- finalizers ------------------------------------------------------------------------------------------

/** Unreached objects with a finalizer live once more. The newest comes last, as it is taken first. */
function findDying(): void {
  const first = dying.count;
  for (let object = newestObject; object != 0; object = <usize>load<u32>(object, OBJECT_NEXT)) {
    const kind = <u32>load<u8>(object, OBJECT_KIND);
    if ((kind != TABLE && kind != USERDATA) || (load<u8>(object, FLAGS) & FINALIZABLE) == 0 || isMarked(object))
      continue;
    store<u8>(object, load<u8>(object, FLAGS) & ~FINALIZABLE, FLAGS);
    finalizable--;
    dying.push(object);
  }
  for (let i = first; i < dying.count; i++) markObject(dying.u32At(i));
  for (let low = first, high = dying.count; low + 1 < high; low++) {
    high--;
    const other = dying.u32At(low);
    store<u32>(dying.item(low), dying.u32At(high));
    store<u32>(dying.item(high), other);
  }
}

/** Runs the finalizer of `object` (call.ts); may raise. */
let runFinalizer: (object: usize) => void = (_object) => {};

/** Set by `startCalls`. */
export function useFinalizers(run: (object: usize) => void): void {
  runFinalizer = run;
}

/** Runs the finalizers that are due. One that fails raises its error where the collection happened. */
function finalize(): void {
  finalizing = true;
  while (dying.count > 0 && !raised) {
    dying.count--;
    runFinalizer(dying.u32At(dying.count));
  }
  finalizing = false;
}

// ---- sweeping --------------------------------------------------------------------------------------------

function sweep(): void {
  let before: usize = 0;
  let object = newestObject;
  objects = 0;
  while (object != 0) {
    const next = <usize>load<u32>(object, OBJECT_NEXT);
    objects++;
    if (isMarked(object)) {
      if (load<u8>(object, OBJECT_MARK) != PINNED) store<u8>(object, 0, OBJECT_MARK);
      before = object;
    } else {
      if (before == 0) setNewestObject(next);
      else store<u32>(before, <u32>next, OBJECT_NEXT);
      release(object);
    }
    object = next;
  }
}

function freeItems(proto: usize, field: usize, count: u32, size: u32): void {
  if (count > 0) freeBlock(<usize>load<u32>(proto + field), <usize>count * size);
}

function release(object: usize): void {
  switch (<u32>load<u8>(object, OBJECT_KIND)) {
    case STRING:
      freeString(object);
      break;
    case TABLE:
      freeTable(object);
      break;
    case CLOSURE:
      freeBlock(object, CLOSURE_UPVALUES + (load<u32>(object, CLOSURE_COUNT) << 2));
      break;
    case BUILTIN_CLOSURE:
      freeBlock(object, CLOSURE_UPVALUES + (load<u32>(object, CLOSURE_COUNT) << VALUE_SHIFT));
      break;
    case UPVALUE:
      freeBlock(object, UPVALUE_SIZE);
      break;
    case USERDATA:
      freeBlock(object, USERDATA_BYTES + load<u32>(object, USERDATA_LENGTH));
      break;
    case PROTOTYPE:
      freeItems(object, PROTO_CODE, load<u32>(object, PROTO_CODE_COUNT), 8);
      freeItems(object, PROTO_LINES, load<u32>(object, PROTO_CODE_COUNT), 4);
      freeItems(object, PROTO_CONSTANTS, load<u32>(object, PROTO_CONSTANT_COUNT), VALUE_SIZE);
      freeItems(object, PROTO_PROTOS, load<u32>(object, PROTO_PROTO_COUNT), 4);
      freeItems(object, PROTO_UPVALUES, load<u32>(object, PROTO_UPVALUE_COUNT), UPVALUE_DESC_SIZE);
      freeItems(object, PROTO_LOCALS, load<u32>(object, PROTO_LOCAL_COUNT), LOCAL_SIZE);
      freeBlock(object, PROTO_SIZE);
  }
}
