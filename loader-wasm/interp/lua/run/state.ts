// The state of the one Lua thread: its stack of values, its frames (one per function that runs), open upvalues,
// globals, and the error on its way up. Errors are return codes: whoever raises stores the value, sets `raised`
// and returns; everybody on the way looks at `raised` and returns too, until a protected call takes it.

import { allocateBlock, freeBlock, hasRoom, isMarked, newObject, tryAllocate } from "../values/heap";
import { PROTO_UPVALUE_COUNT } from "../values/opcodes";
import {
  CLOSURE,
  CLOSURE_CODE,
  CLOSURE_COUNT,
  CLOSURE_UPVALUES,
  copyValue,
  NIL,
  setTag,
  UPVALUE,
  UPVALUE_AT,
  UPVALUE_LINK,
  UPVALUE_OWN,
  UPVALUE_SIZE,
  VALUE_SHIFT,
} from "../values/value";

// ---- the stack -----------------------------------------------------------------------------------------

/** Most values on the stack. */
export const STACK_LIMIT: usize = 1000000;
/** Values beyond the limit that the handling of the overflow may use. */
const STACK_SPARE: usize = 400;
const STACK_START: usize = 512;
/** Values that a function of the core may push without asking. */
export const BUILTIN_ROOM: usize = 24;

export let stack: usize = 0;
let stackSize: usize = 0;
/** End of the usable stack. */
export let stackEnd: usize = 0;
/** First free value. For a Lua function, meaningful only around calls. */
export let top: usize = 0;

export function setTop(value: usize): void {
  top = value;
}

// ---- frames --------------------------------------------------------------------------------------------

// Frame: addresses of the function and of its first register or argument, end of its registers, next
// instruction, results wanted (i32, MANY: all), status bits.
export const FRAME_FUNCTION: usize = 0;
export const FRAME_BASE: usize = 4;
export const FRAME_TOP: usize = 8;
export const FRAME_PC: usize = 12;
export const FRAME_WANTED: usize = 16;
export const FRAME_STATUS: usize = 20;
export const FRAME_SIZE: usize = 24;

export const MANY: i32 = -1;

/** The frame is a Lua function's. */
export const IS_LUA: u32 = 1;
/** `execute` returns to its caller when this frame is done. */
export const IS_ENTRY: u32 = 2;
/** Called in place of its caller. */
export const IS_TAIL: u32 = 4;
/** Called by the collector. */
export const IS_FINALIZER: u32 = 8;

export let frames: usize = 0;
let frameCount: usize = 0;
let framesEnd: usize = 0;
/** The frame that runs. The first one is the core's. */
export let frame: usize = 0;

/** Calls of `execute` and of the parser inside each other. */
export let depth: i32 = 0;
export const DEPTH_LIMIT: i32 = 200;

export function setDepth(value: i32): void {
  depth = value;
}

// ---- the error -----------------------------------------------------------------------------------------

/** Whether an error is on its way. */
export let raised: bool = false;
/** Its value. */
export const errorValue: usize = memory.data(16, 8);

export function setRaised(value: bool): void {
  raised = value;
}

/** What a function of the core returns when it raised. */
export const RAISED: i32 = -1;

/** Address on the stack of the handler of `xpcall`, relative to `stack`; 0: none. */
export let handlerAt: usize = 0;
export function setHandlerAt(value: usize): void {
  handlerAt = value;
}

// ---- globals -------------------------------------------------------------------------------------------

/** The table of globals, the metatable of strings, the tables `package.loaded` and of named metatables. */
export let globals: usize = 0;
export let stringMeta: usize = 0;
export let loadedTable: usize = 0;
export let registry: usize = 0;

export function setGlobals(table: usize): void {
  globals = table;
}
export function setStringMeta(table: usize): void {
  stringMeta = table;
}
export function setLoadedTable(table: usize): void {
  loadedTable = table;
}
export function setRegistry(table: usize): void {
  registry = table;
}

// ---- open upvalues -------------------------------------------------------------------------------------

/** The open upvalue whose value is highest on the stack. */
export let openUpvalue: usize = 0;

/** The upvalue for the value at `at`. */
export function findUpvalue(at: usize): usize {
  let before: usize = 0;
  let there = openUpvalue;
  while (there != 0 && <usize>load<u32>(there, UPVALUE_AT) >= at) {
    if (<usize>load<u32>(there, UPVALUE_AT) == at) return there;
    before = there;
    there = <usize>load<u32>(there, UPVALUE_LINK);
  }
  const fresh = newObject(UPVALUE, UPVALUE_SIZE);
  store<u32>(fresh, <u32>at, UPVALUE_AT);
  store<u32>(fresh, <u32>there, UPVALUE_LINK);
  setTag(fresh + UPVALUE_OWN, NIL);
  if (before == 0) openUpvalue = fresh;
  else store<u32>(before, <u32>fresh, UPVALUE_LINK);
  return fresh;
}

/** A closure of `proto`, whose upvalues are the caller's to set. */
export function newClosure(proto: usize): usize {
  const count = load<u32>(proto, PROTO_UPVALUE_COUNT);
  const closure = newObject(CLOSURE, CLOSURE_UPVALUES + ((<usize>count) << 2));
  store<u32>(closure, <u32>proto, CLOSURE_CODE);
  store<u32>(closure, count, CLOSURE_COUNT);
  return closure;
}

/** A closed upvalue that holds nil. */
export function newUpvalue(): usize {
  const fresh = newObject(UPVALUE, UPVALUE_SIZE);
  store<u32>(fresh, <u32>(fresh + UPVALUE_OWN), UPVALUE_AT);
  store<u32>(fresh, 0, UPVALUE_LINK);
  setTag(fresh + UPVALUE_OWN, NIL);
  return fresh;
}

/** Gives the upvalues from `level` on up the stack their own values. */
export function closeUpvalues(level: usize): void {
  while (openUpvalue != 0 && <usize>load<u32>(openUpvalue, UPVALUE_AT) >= level) {
    const upvalue = openUpvalue;
    openUpvalue = <usize>load<u32>(upvalue, UPVALUE_LINK);
    copyValue(upvalue + UPVALUE_OWN, <usize>load<u32>(upvalue, UPVALUE_AT));
    store<u32>(upvalue, <u32>(upvalue + UPVALUE_OWN), UPVALUE_AT);
  }
}

/** Forgets open upvalues that the collector has not reached; it is about to free them. */
export function pruneUpvalues(): void {
  let before: usize = 0;
  for (let there = openUpvalue; there != 0; there = <usize>load<u32>(there, UPVALUE_LINK)) {
    if (isMarked(there)) {
      if (before == 0) openUpvalue = there;
      else store<u32>(before, <u32>there, UPVALUE_LINK);
      before = there;
    }
  }
  if (before == 0) openUpvalue = 0;
  else store<u32>(before, 0, UPVALUE_LINK);
}

// ---- growing -------------------------------------------------------------------------------------------

export function startState(): void {
  stackSize = STACK_START;
  stack = allocateBlock(stackSize << VALUE_SHIFT);
  memory.fill(stack, 0, stackSize << VALUE_SHIFT);
  stackEnd = stack + (stackSize << VALUE_SHIFT);
  frameCount = 64;
  frames = allocateBlock(frameCount * FRAME_SIZE);
  framesEnd = frames + frameCount * FRAME_SIZE;
  frame = frames;
  memory.fill(frame, 0, FRAME_SIZE);
  // The core's own function is the nil at the bottom.
  top = stack + 16;
  store<u32>(frame, <u32>stack, FRAME_FUNCTION);
  store<u32>(frame, <u32>top, FRAME_BASE);
  store<u32>(frame, <u32>top, FRAME_TOP);
}

/** Why the stack could not grow. */
export const GROWN: i32 = 0;
export const OVERFLOW: i32 = 1;
export const NO_MEMORY: i32 = 2;
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
  for (let at = frames; at <= frame; at += FRAME_SIZE) {
    store<u32>(at, load<u32>(at, FRAME_FUNCTION) + <u32>by, FRAME_FUNCTION);
    store<u32>(at, load<u32>(at, FRAME_BASE) + <u32>by, FRAME_BASE);
    store<u32>(at, load<u32>(at, FRAME_TOP) + <u32>by, FRAME_TOP);
  }
  for (let open = openUpvalue; open != 0; open = <usize>load<u32>(open, UPVALUE_LINK)) {
    store<u32>(open, load<u32>(open, UPVALUE_AT) + <u32>by, UPVALUE_AT);
  }
  top += by;
  stack = fresh;
  freeBlock(old, blockSize(stackSize));
  stackSize = size;
  stackEnd = fresh + (size << VALUE_SHIFT);
}

/** Enters a frame; its fields are the caller's to set. Returns it, or 0 when there is no memory for more. */
export function pushFrame(): usize {
  if (frame + 2 * FRAME_SIZE > framesEnd && !growFrames()) return 0;
  frame += FRAME_SIZE;
  return frame;
}

function growFrames(): bool {
  const bytes = frameCount * FRAME_SIZE;
  const fresh = tryAllocate(bytes * 2);
  if (fresh == 0) return false;
  memory.copy(fresh, frames, bytes);
  frame = fresh + (frame - frames);
  freeBlock(frames, bytes);
  frames = fresh;
  frameCount *= 2;
  framesEnd = frames + frameCount * FRAME_SIZE;
  return true;
}

export function popFrame(): void {
  frame -= FRAME_SIZE;
}

export function setFrame(at: usize): void {
  frame = at;
}
