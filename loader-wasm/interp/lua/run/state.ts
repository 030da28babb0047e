// The state of the one Lua thread: its stack of values, its frames (one per function that runs), open upvalues,
// globals, and the error on its way up. Errors are return codes: whoever raises stores the value, sets `raised`
// and returns; everybody on the way looks at `raised` and returns too, until a protected call takes it.

import { allocateBlock, freeBlock, hasRoom, isMarked, newObject, tryAllocate } from "../values/heap";
import { Closure, closureSize, FRAME_SIZE, Frame, Prototype, Table, UPVALUE_SIZE, Upvalue } from "../values/objects";
import { CLOSURE, copyValue, NIL, setTag, UPVALUE, VALUE_SHIFT } from "../values/value";

// ---- the stack -----------------------------------------------------------------------------------------

/** Most values on the stack. */
export const STACK_LIMIT: usize = 1000000;
/** Values beyond the limit that the handling of the overflow may use. */
const STACK_SPARE: usize = 400;
const STACK_START: usize = 512;
/** Values that a function of the core may push without asking. */
export const BUILTIN_ROOM: usize = 24;

/** Address of the first value. */
export let stack: usize = 0;
let stackSize: usize = 0;
/** End of the usable stack. */
export let stackEnd: usize = 0;
/** First free value. For a Lua function, meaningful only around calls. */
export let top: usize = 0;

/** Sets `top`. */
export function setTop(value: usize): void {
  top = value;
}

// ---- frames --------------------------------------------------------------------------------------------

/** In `wanted` of a frame: all results. */
export const MANY: i32 = -1;

/** The frame is a Lua function's. */
export const IS_LUA: u32 = 1;
/** `execute` returns to its caller when this frame is done. */
export const IS_ENTRY: u32 = 2;
/** Called in place of its caller. */
export const IS_TAIL: u32 = 4;
/** Called by the collector. */
export const IS_FINALIZER: u32 = 8;

/** Address of the first frame. */
export let frames: usize = 0;
let frameCount: usize = 0;
let framesEnd: usize = 0;
/** The frame that runs. The first one is the core's. */
export let frame: Frame = changetype<Frame>(0);

/** Calls of `execute` and of the parser inside each other. */
export let depth: i32 = 0;
/** Most of them. */
export const DEPTH_LIMIT: i32 = 200;

/** Sets `depth`. */
export function setDepth(value: i32): void {
  depth = value;
}

// ---- the error -----------------------------------------------------------------------------------------

/** Whether an error is on its way. */
export let raised: bool = false;
/** Its value. */
export const errorValue: usize = memory.data(16, 8);

/** Sets `raised`. */
export function setRaised(value: bool): void {
  raised = value;
}

/** What a function of the core returns when it raised. */
export const RAISED: i32 = -1;

/** Address on the stack of the handler of `xpcall`, relative to `stack`; 0: none. */
export let handlerAt: usize = 0;
/** Sets `handlerAt`. */
export function setHandlerAt(value: usize): void {
  handlerAt = value;
}

// ---- globals -------------------------------------------------------------------------------------------

/** The table of globals. */
export let globals: Table = changetype<Table>(0);
/** The metatable of strings. */
export let stringMeta: Table | null = null;
/** The table `package.loaded`. */
export let loadedTable: Table = changetype<Table>(0);
/** The table of named metatables. */
export let registry: Table = changetype<Table>(0);

/** Sets the table of globals; comes first, as do the next two. */
export function setGlobals(table: Table): void {
  globals = table;
}

/** Sets `package.loaded`. */
export function setLoadedTable(table: Table): void {
  loadedTable = table;
}

/** Sets the table of named metatables. */
export function setRegistry(table: Table): void {
  registry = table;
}

/** Sets the metatable of strings. */
export function setStringMeta(table: Table): void {
  stringMeta = table;
}

// ---- open upvalues -------------------------------------------------------------------------------------

/** The open upvalue whose value is highest on the stack. */
export let openUpvalue: Upvalue | null = null;

/** The upvalue for the value at `at`. */
export function findUpvalue(at: usize): Upvalue {
  let before: Upvalue | null = null;
  let there = openUpvalue;
  while (there !== null && there.at >= at) {
    if (there.at == at) return there;
    before = there;
    there = there.link;
  }
  const fresh = changetype<Upvalue>(newObject(UPVALUE, UPVALUE_SIZE));
  fresh.at = at;
  fresh.link = there;
  setTag(fresh.own, NIL);
  if (before === null) openUpvalue = fresh;
  else before.link = fresh;
  return fresh;
}

/** A closure of `proto`, whose upvalues are the caller's to set. */
export function newClosure(proto: Prototype): Closure {
  const count = proto.upvalueCount;
  const closure = changetype<Closure>(newObject(CLOSURE, closureSize(count)));
  closure.proto = proto;
  closure.count = count;
  return closure;
}

/** A closed upvalue that holds nil. */
export function newUpvalue(): Upvalue {
  const fresh = changetype<Upvalue>(newObject(UPVALUE, UPVALUE_SIZE));
  fresh.at = fresh.own;
  fresh.link = null;
  setTag(fresh.own, NIL);
  return fresh;
}

/** Gives the upvalues from `level` on up the stack their own values. */
export function closeUpvalues(level: usize): void {
  let there = openUpvalue;
  while (there !== null && there.at >= level) {
    copyValue(there.own, there.at);
    there.at = there.own;
    there = there.link;
  }
  openUpvalue = there;
}

/** Forgets open upvalues that the collector has not reached; it is about to free them. */
export function pruneUpvalues(): void {
  let before: Upvalue | null = null;
  let there = openUpvalue;
  while (there !== null) {
    if (isMarked(there)) {
      if (before === null) openUpvalue = there;
      else before.link = there;
      before = there;
    }
    there = there.link;
  }
  if (before === null) openUpvalue = null;
  else before.link = null;
}

// ---- growing -------------------------------------------------------------------------------------------

/** Makes the stack and the first frame. */
export function startState(): void {
  stackSize = STACK_START;
  stack = allocateBlock(stackSize << VALUE_SHIFT);
  memory.fill(stack, 0, stackSize << VALUE_SHIFT);
  stackEnd = stack + (stackSize << VALUE_SHIFT);
  frameCount = 64;
  frames = allocateBlock(frameCount * FRAME_SIZE);
  framesEnd = frames + frameCount * FRAME_SIZE;
  frame = changetype<Frame>(frames);
  memory.fill(frames, 0, FRAME_SIZE);
  // The core's own function is the nil at the bottom.
  top = stack + 16;
  frame.callee = stack;
  frame.base = top;
  frame.top = top;
}

/** What `growStack` did: it made room, */
export const GROWN: i32 = 0;
/** or came to the limit, and made the spare room usable, */
export const OVERFLOW: i32 = 1;
/** or found no memory, */
export const NO_MEMORY: i32 = 2;
/** or no more room at all. */
export const OVERFLOW_IN_HANDLER: i32 = 3;

/** Makes room for `count` values from `top` on. All addresses of values change. */
export function growStack(count: usize): i32 {
  const used = (top - stack) >> VALUE_SHIFT;
  const needed = used + count + BUILTIN_ROOM;
  if (stackSize > STACK_LIMIT) return OVERFLOW_IN_HANDLER;
  const over = needed > STACK_LIMIT;
  const size = over ? STACK_LIMIT + STACK_SPARE : min(max(stackSize * 2, needed), STACK_LIMIT);
  if (over && stackSize == STACK_LIMIT) {
    // The room is there already: a second block as large would be too much to ask for.
    stackSize = size;
    stackEnd = stack + (size << VALUE_SHIFT);
    return OVERFLOW;
  }
  if (!hasRoom(blockSize(size))) return NO_MEMORY;
  moveStack(size);
  return over ? OVERFLOW : GROWN;
}

/** Bytes of the block for a stack of `size` values: a full one has the spare room behind it. */
function blockSize(size: usize): usize {
  return (size >= STACK_LIMIT ? STACK_LIMIT + STACK_SPARE : size) << VALUE_SHIFT;
}

/** Takes the spare room for overflows back when the stack is small again. */
export function shrinkStack(): void {
  const used = (top - stack) >> VALUE_SHIFT;
  if (stackSize > STACK_LIMIT && used < STACK_LIMIT / 2) moveStack(STACK_LIMIT / 2);
}

function moveStack(size: usize): void {
  const old = stack;
  const bytes = blockSize(size);
  const fresh = allocateBlock(bytes);
  const kept = min(size, stackSize) << VALUE_SHIFT;
  memory.copy(fresh, old, kept);
  memory.fill(fresh + kept, 0, bytes - kept);
  const by = fresh - old;
  for (let at = frames; at <= frame.address; at += FRAME_SIZE) {
    const there = changetype<Frame>(at);
    there.callee += by;
    there.base += by;
    there.top += by;
  }
  let open = openUpvalue;
  while (open !== null) {
    open.at += by;
    open = open.link;
  }
  top += by;
  stack = fresh;
  freeBlock(old, blockSize(stackSize));
  stackSize = size;
  stackEnd = fresh + (size << VALUE_SHIFT);
}

/** Enters a frame; its fields are the caller's to set. False when there is no memory for more. */
export function pushFrame(): bool {
  if (frame.address + 2 * FRAME_SIZE > framesEnd && !growFrames()) return false;
  frame = changetype<Frame>(frame.address + FRAME_SIZE);
  return true;
}

function growFrames(): bool {
  const bytes = frameCount * FRAME_SIZE;
  const fresh = tryAllocate(bytes * 2);
  if (fresh == 0) return false;
  memory.copy(fresh, frames, bytes);
  frame = changetype<Frame>(fresh + frameOffset());
  freeBlock(frames, bytes);
  frames = fresh;
  frameCount *= 2;
  framesEnd = frames + frameCount * FRAME_SIZE;
  return true;
}

/** Leaves the frame. */
export function popFrame(): void {
  frame = frame.caller;
}

/** Where the frame is, as a number that stays right when frames move. */
export function frameOffset(): usize {
  return frame.address - frames;
}

/** Goes back to the frame that `frameOffset` gave `offset` for. */
export function unwindFrames(offset: usize): void {
  frame = changetype<Frame>(frames + offset);
}
