// The collector: stops the world, marks what can be reached from the stack, the globals and the running functions, and
// sweeps the rest. It runs only where functions of the core hold no objects but on the stack: when a function of the
// core is called, and where the VM makes tables, closures and strings.
//
// The usual colours: white is an object without a mark, gray one that is marked but waits in `gray` for what it refers
// to, black one that is marked and was looked at. What holds:
//
// - A collection runs from beginning to end, so that no barriers are needed: nothing is written in between.
// - Before it and after it everything is white but what is pinned, which is always black (reserved words, events).
// - When `propagate` returns, `gray` is empty: no black object refers to a white one, but through weak references.
// - Weak tables wait in `weakTables`. An ephemeron table (weak keys, strong values) marks a value only when its key is
//   marked; that may bring other keys to life, so `convergeEphemerons` goes round until nothing changes.
// - Weak values are cleared before finalizers bring objects back to life ("resurrect"), weak keys afterwards.
// - An object with a finalizer is kept once more when it dies, in `dying`, and runs `__gc` after the collection. It is
//   FINALIZABLE no longer then, so the next time it is swept.
// - Keys without an entry are not marked, but become dead keys (values/table.ts). Open upvalues are not roots: those
//   that nobody reaches leave the list before the sweep.

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
  BuiltinClosure,
  builtinSize,
  Closure,
  closureSize,
  FINALIZABLE,
  LOCAL_SIZE,
  LuaObject,
  MetaObject,
  ORIGIN_SIZE,
  PROTOTYPE_SIZE,
  Prototype,
  Table,
  UPVALUE_SIZE,
  Upvalue,
  USERDATA_BYTES,
  Userdata,
} from "../values/objects";
import { INSTRUCTION_SIZE } from "../values/opcodes";
import { bytesOf, freeString, lengthOf, PINNED } from "../values/string";
import { DEAD_KEY, freeTable, nodeCount } from "../values/table";
import {
  BUILTIN_CLOSURE,
  CLOSURE,
  NIL,
  objectOf,
  PROTOTYPE,
  STRING,
  setTag,
  TABLE,
  tagOf,
  UPVALUE,
  USERDATA,
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

/** Stops the collector, or lets it run again. */
export function stopCollector(value: bool): void {
  stopped = value;
}
/** Whether it is stopped. */
export function isStopped(): bool {
  return stopped;
}

/** Whether a finalizer runs. */
export function isFinalizing(): bool {
  return finalizing;
}

/** Notes that `object` (table or userdata) got a metatable with a `__gc`. */
export function noteFinalizer(object: MetaObject): void {
  if ((object.flags & FINALIZABLE) != 0) return;
  object.flags = object.flags | FINALIZABLE;
  finalizable++;
}

/** Whether enough has been allocated since the last collection. */
export function isCollectionDue(): bool {
  return heapUsed >= collectAt && !stopped && !collecting;
}

/** Collects if it is due. Everything alive is below `top`. */
export function collectIfDue(): void {
  if (isCollectionDue()) collect();
}

/** Collects now. Everything alive is below `top`. */
export function collect(): void {
  if (collecting) return;
  collecting = true;
  gray.count = 0;
  weakTables.count = 0;
  looked = <u64>((top - stack) >> VALUE_SHIFT);
  markRoots();
  propagate();
  convergeEphemerons();
  if (finalizable > 0) {
    clearWeakValues();
    findDying();
    propagate();
    convergeEphemerons();
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
  for (let i = 0; i < dying.count; i++) markObject(objectIn(dying, i));
}

function markValue(at: usize): void {
  if (tagOf(at) >= STRING) markObject(LuaObject.of(at));
}

function markObject(object: LuaObject | null): void {
  if (object === null || isMarked(object)) return;
  object.mark = MARKED;
  if (object.kind != STRING) gray.push(object.address);
}

/** Object `index` of a list of them. */
function objectIn(list: Vector, index: i32): LuaObject {
  return changetype<LuaObject>(list.u32At(index));
}

/** Marks what marked objects refer to, until nothing is left to do. */
function propagate(): void {
  while (gray.count > 0) {
    gray.count--;
    const object = objectIn(gray, gray.count);
    switch (<u32>object.kind) {
      case TABLE:
        markTable(changetype<Table>(object));
        break;
      case CLOSURE: {
        const closure = changetype<Closure>(object);
        markObject(closure.proto);
        for (let i: u32 = 0; i < closure.count; i++) markObject(closure.upvalue(i));
        break;
      }
      case BUILTIN_CLOSURE: {
        const closure = changetype<BuiltinClosure>(object);
        for (let i: u32 = 0; i < closure.count; i++) markValue(closure.item(i));
        break;
      }
      case UPVALUE:
        markValue(changetype<Upvalue>(object).at);
        break;
      case USERDATA:
        markObject(changetype<Userdata>(object).meta);
        break;
      case PROTOTYPE:
        markPrototype(changetype<Prototype>(object));
    }
  }
}

function markPrototype(proto: Prototype): void {
  markObject(textObject(proto.source));
  for (let i: u32 = 0; i < proto.constantCount; i++) markValue(proto.constant(i));
  for (let i: u32 = 0; i < proto.protoCount; i++) markObject(proto.inner(i));
  for (let i: u32 = 0; i < proto.upvalueCount; i++) markObject(textObject(proto.origin(i).name));
  for (let i: u32 = 0; i < proto.localCount; i++) markObject(textObject(proto.local(i).name));
}

/** The string `text` (0: none) as an object. */
function textObject(text: usize): LuaObject | null {
  return changetype<LuaObject>(text);
}

const WEAK_KEYS: u32 = 1;
const WEAK_VALUES: u32 = 2;

function weaknessOf(table: Table): u32 {
  const mode = handlerIn(table.meta, Event.MODE);
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

function markTable(table: Table): void {
  markObject(table.meta);
  looked += <u64>table.arraySize + <u64>nodeCount(table);
  const weakness = weaknessOf(table);
  if (weakness != 0) weakTables.push(table.address);
  const weakValues = (weakness & WEAK_VALUES) != 0;
  const weakKeys = (weakness & WEAK_KEYS) != 0;
  if (!weakValues) {
    const array = table.array;
    const end = table.item(table.arraySize);
    for (let at = array; at < end; at += VALUE_SIZE) markValue(at);
  }
  const end = table.node(nodeCount(table));
  for (let node = table.nodes; node != end; node = node.neighbour) {
    if (node.tag == NIL) {
      // The key is kept only for `next`, which wants its address.
      if (node.keyTag >= STRING) node.keyTag = DEAD_KEY;
      continue;
    }
    if (!weakKeys) {
      markValue(node.keyAt);
      if (!weakValues) markValue(node.value);
    } else if (node.keyTag == STRING) {
      // Strings are values, not objects, for this purpose.
      markValue(node.keyAt);
    }
    if (weakKeys && !weakValues && node.keyTag < STRING) markValue(node.value);
  }
}

/** A weak key that is alive keeps its value alive, which may keep other keys alive. */
function convergeEphemerons(): void {
  let changed = true;
  while (changed) {
    changed = false;
    for (let i = 0; i < weakTables.count; i++) {
      const table = changetype<Table>(weakTables.u32At(i));
      if (weaknessOf(table) != WEAK_KEYS) continue;
      const end = table.node(nodeCount(table));
      burn(nodeCount(table) >> 2);
      for (let node = table.nodes; node != end; node = node.neighbour) {
        if (node.tag < STRING || isDead(node.keyAt) || !isDead(node.value)) continue;
        markObject(LuaObject.of(node.value));
        changed = true;
      }
    }
    propagate();
  }
}

/** Whether the value at `at` is an object that nobody reached. */
function isDead(at: usize): bool {
  const tag = tagOf(at);
  return tag >= STRING && tag != DEAD_KEY && !isMarked(LuaObject.of(at));
}

function clearWeakValues(): void {
  for (let i = 0; i < weakTables.count; i++) {
    const table = changetype<Table>(weakTables.u32At(i));
    if ((weaknessOf(table) & WEAK_VALUES) == 0) continue;
    const array = table.array;
    const arrayEnd = table.item(table.arraySize);
    for (let at = array; at < arrayEnd; at += VALUE_SIZE) clearValue(at);
    const end = table.node(nodeCount(table));
    for (let node = table.nodes; node != end; node = node.neighbour) clearValue(node.value);
  }
}

function clearValue(at: usize): void {
  if (tagOf(at) == STRING) markObject(LuaObject.of(at));
  else if (isDead(at)) setTag(at, NIL);
}

function clearWeakKeys(): void {
  for (let i = 0; i < weakTables.count; i++) {
    const table = changetype<Table>(weakTables.u32At(i));
    const end = table.node(nodeCount(table));
    for (let node = table.nodes; node != end; node = node.neighbour) {
      if (isDead(node.keyAt)) node.tag = NIL;
      if (node.tag == NIL && node.keyTag >= STRING) {
        node.keyTag = DEAD_KEY;
      }
    }
  }
}

// ---- finalizers ------------------------------------------------------------------------------------------

/** Unreached objects with a finalizer live once more. The newest comes last, as it is taken first. */
function findDying(): void {
  const first = dying.count;
  let object = newestObject;
  while (object !== null) {
    const kind = <u32>object.kind;
    const candidate = changetype<MetaObject>(object);
    if ((kind == TABLE || kind == USERDATA) && (candidate.flags & FINALIZABLE) != 0 && !isMarked(object)) {
      candidate.flags &= ~FINALIZABLE;
      finalizable--;
      dying.push(object.address);
    }
    object = object.next;
  }
  for (let i = first; i < dying.count; i++) markObject(objectIn(dying, i));
  for (let low = first, high = dying.count; low + 1 < high; low++) {
    high--;
    const other = dying.u32At(low);
    store<u32>(dying.item(low), dying.u32At(high));
    store<u32>(dying.item(high), other);
  }
}

/** Runs the finalizer of `object` (call.ts); may raise. */
let runFinalizer: (object: MetaObject) => void = (_object) => {};

/** Set by `startCalls`. */
export function useFinalizers(run: (object: MetaObject) => void): void {
  runFinalizer = run;
}

/** Runs the finalizers that are due. One that fails raises its error where the collection happened. */
function finalize(): void {
  finalizing = true;
  while (dying.count > 0 && !raised) {
    dying.count--;
    runFinalizer(changetype<MetaObject>(dying.u32At(dying.count)));
  }
  finalizing = false;
}

// ---- sweeping --------------------------------------------------------------------------------------------

function sweep(): void {
  let before: LuaObject | null = null;
  let object = newestObject;
  objects = 0;
  while (object !== null) {
    const next = object.next;
    objects++;
    if (isMarked(object)) {
      if (object.mark != PINNED) object.mark = 0;
      before = object;
    } else {
      if (before === null) setNewestObject(next);
      else before.next = next;
      release(object);
    }
    object = next;
  }
}

function freeItems(first: usize, count: u32, size: usize): void {
  if (count > 0) freeBlock(first, <usize>count * size);
}

function release(object: LuaObject): void {
  switch (<u32>object.kind) {
    case STRING:
      freeString(object.address);
      break;
    case TABLE:
      freeTable(changetype<Table>(object));
      break;
    case CLOSURE:
      freeBlock(object.address, closureSize(changetype<Closure>(object).count));
      break;
    case BUILTIN_CLOSURE:
      freeBlock(object.address, builtinSize(changetype<BuiltinClosure>(object).count));
      break;
    case UPVALUE:
      freeBlock(object.address, UPVALUE_SIZE);
      break;
    case USERDATA:
      freeBlock(object.address, USERDATA_BYTES + changetype<Userdata>(object).length);
      break;
    case PROTOTYPE:
      releasePrototype(changetype<Prototype>(object));
  }
}

function releasePrototype(proto: Prototype): void {
  freeItems(proto.code, proto.codeCount, INSTRUCTION_SIZE);
  freeItems(proto.lines, proto.codeCount, sizeof<i32>());
  freeItems(proto.constants, proto.constantCount, VALUE_SIZE);
  freeItems(proto.protos, proto.protoCount, sizeof<usize>());
  freeItems(proto.upvalues, proto.upvalueCount, ORIGIN_SIZE);
  freeItems(proto.locals, proto.localCount, LOCAL_SIZE);
  freeBlock(proto.address, PROTOTYPE_SIZE);
}
