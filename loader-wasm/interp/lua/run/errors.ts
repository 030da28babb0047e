// How errors are raised: the text with the position where it happened, or any value. `raise` stores it and
// sets `raised`; everybody on the way returns until `protectedCall` (call.ts) takes it.

import { cstringAt, stringAt } from "../../../lib/bytes";
import { die } from "../../../lib/fault";
import { FAULT_MEMORY } from "../../../protocol";
import { FRAME_SIZE, Frame, Prototype } from "../values/objects";
import { INSTRUCTION_SHIFT } from "../values/opcodes";
import { owe } from "../values/owed";
import { bytesOf, lengthOf, stringOf } from "../values/string";
import { copyValue, STRING, setObject } from "../values/value";
import { errorValue, frame, frameOffset, frames, IS_LUA, RAISED, setRaised } from "./state";

/** Lets the handler of `xpcall`, if there is one, change the error's value where it happened (call.ts). */
let callHandler: () => void = () => {};

/** Set by `startCalls`. */
export function useErrorHandler(call: () => void): void {
  callHandler = call;
}

/** Raises what `errorValue` holds. Returns RAISED. */
function raise(): i32 {
  setRaised(true);
  callHandler();
  return RAISED;
}

/** Raises the value at `at`. */
export function raiseValue(at: usize): i32 {
  copyValue(errorValue, at);
  return raise();
}

/** Bytes that finding out what to say of an error may leave behind. */
export const ERROR_GARBAGE: i32 = 4096;

/** Raises `text` as it is. */
export function raisePlain(text: string): i32 {
  owe(ERROR_GARBAGE);
  setObject(errorValue, stringOf(text), STRING);
  return raise();
}

/** Raises `text` from the VM: after the position, when a Lua function runs. */
export function raiseHere(text: string): i32 {
  return raisePlain(positionOf(frame) + text);
}

/** Raises `text` from a function of the core: after the position of whoever called it. */
export function raiseText(text: string): i32 {
  return raisePlain(where(1) + text);
}

/** Memory for a string or table could not be had. A script may catch that, but not for ever. */
export function raiseMemory(): i32 {
  memoryErrors++;
  if (memoryErrors > MEMORY_ERRORS_LIMIT) die(FAULT_MEMORY, "Lua: not enough memory, again and again");
  setObject(errorValue, stringOf("not enough memory"), STRING);
  setRaised(true);
  return RAISED;
}
/** How often there was no memory. */
let memoryErrors: i32 = 0;
const MEMORY_ERRORS_LIMIT: i32 = 100;

/** `chunk:line: ` of the function `level` calls up from the one that runs; empty when that isn't Lua's. */
export function where(level: i32): string {
  const above = <usize>level * FRAME_SIZE;
  return above >= frameOffset() ? "" : positionOf(changetype<Frame>(frame.address - above));
}

/** Whether a frame is a Lua function's. */
export function isLuaFrame(at: Frame): bool {
  return at.address > frames && (at.status & IS_LUA) != 0;
}

/** The prototype of the Lua function of a frame. */
export function protoOf(at: Frame): Prototype {
  return at.closure.proto;
}

/** Index of the instruction that a Lua function's frame executes. */
export function instructionOf(at: Frame): i32 {
  return <i32>((at.pc - protoOf(at).code) >> INSTRUCTION_SHIFT) - 1;
}

function positionOf(at: Frame): string {
  if (!isLuaFrame(at)) return "";
  const proto = protoOf(at);
  const line = load<i32>(proto.lines + ((<usize>instructionOf(at)) << 2));
  return `${chunkName(proto.source)}:${line}: `;
}

/** Bytes of a chunk's name as shown, with a NUL. */
const NAME_SIZE: i32 = 60;

/** How messages call the chunk named `source`: `=name` and `@file` as they are, else its first line. */
export function chunkName(source: usize): string {
  const length = <i32>lengthOf(source);
  const bytes = bytesOf(source);
  const first = length > 0 ? load<u8>(bytes) : 0;
  if (first == 0x3d || first == 0x40) {
    if (length <= NAME_SIZE) return stringAt(bytes + 1, length - 1);
    if (first == 0x3d) return stringAt(bytes + 1, NAME_SIZE - 1);
    const kept = NAME_SIZE - 4;
    return `...${stringAt(bytes + <usize>(length - kept), kept)}`;
  }
  const room = NAME_SIZE - 1 - '[string "..."]'.length;
  // The rest of a long text isn't looked at, as errors come by the thousand.
  const start = cstringAt(bytes, min(length, room));
  const newline = start.indexOf("\n");
  if (newline < 0 && length < room) return `[string "${start}"]`;
  return `[string "${newline < 0 ? start : start.substring(0, newline)}..."]`;
}
