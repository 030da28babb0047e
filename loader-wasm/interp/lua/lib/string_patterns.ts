// The functions of Lua's library `string` that match patterns: find, match, gmatch and gsub.

import { Buffer, closeBuffers, openBuffer, openBuffers } from "../run/buffers";
import { callFunction } from "../run/call";
import { raiseText } from "../run/errors";
import { Event, handlerOf } from "../run/events";
import { indexValue, stringFor } from "../run/metamethods";
import { RAISED, raised, top } from "../run/state";
import { is54 } from "../values/dialect";
import { allocateBlock, freeBlock } from "../values/heap";
import { writeInteger } from "../values/number";
import { bytesOf, lengthOf } from "../values/string";
import { nothing } from "../values/table";
import {
  FALSE,
  integerOf,
  isFalsy,
  isFunctionTag,
  isNumberTag,
  objectOf,
  STRING,
  setInteger,
  TABLE,
  tagOf,
  typeName,
  VALUE_SIZE,
} from "../values/value";
import {
  argAt,
  argTag,
  checkStack,
  checkString,
  drop,
  expectedError,
  fromStart,
  optInteger,
  ownValue,
  pushBuffer,
  pushBuiltinClosure,
  pushBytes,
  pushInteger,
  pushNil,
  pushString,
  pushValue,
} from "./builtin";
import {
  CAPTURE_LIMIT,
  CAPTURE_SIZE,
  CARET,
  captureCount,
  captureLength,
  captureStart,
  captures,
  isOpenCapture,
  isPosition,
  matchAt,
  setCaptureCount,
  setSubject,
  spend,
} from "./pattern";

// ---- captures as values ----------------------------------------------------------------------------------

/** Raises when there is no capture `index` that a result could be. */
function checkCapture(index: i32): bool {
  if (index >= captureCount) raiseText(`invalid capture index %${index + 1}`);
  else if (isOpenCapture(index)) raiseText("unfinished capture");
  else return true;
  return false;
}

/** Pushes capture `index` of a match from `from` to `to` of the subject at `src`; the first may be the match. */
function pushCapture(index: i32, src: usize, from: usize, to: usize): bool {
  if (index == 0 && captureCount == 0) return pushBytes(from, <u32>(to - from));
  if (!checkCapture(index)) return false;
  if (!isPosition(index)) return pushBytes(captureStart(index), <u32>captureLength(index));
  pushInteger(<i64>(captureStart(index) - src) + 1);
  return true;
}

/** Pushes all captures, or the whole match when there are none. Returns their number, or RAISED. */
function pushCaptures(src: usize, from: usize, to: usize): i32 {
  const count = max(captureCount, 1);
  if (!checkStack(count, "too many captures")) return RAISED;
  for (let index = 0; index < count; index++) {
    if (!pushCapture(index, src, from, to)) return RAISED;
  }
  return count;
}

// ---- find and match --------------------------------------------------------------------------------------

/** Whether no byte of the pattern has a meaning of its own. */
function isPlain(src: usize, length: u32): bool {
  spend(length);
  for (let i: usize = 0; i < length; i++) {
    switch (load<u8>(src + i)) {
      case 0x24: // $
      case 0x25: // %
      case 0x28: // (
      case 0x2a: // *
      case 0x2b: // +
      case 0x2d: // -
      case 0x2e: // .
      case 0x3f: // ?
      case 0x5b: // [
      case 0x5e: // ^
        return false;
    }
  }
  return true;
}

/** Where `size` bytes at `what` are first in the `length` bytes at `src`; 0 when they aren't. */
function search(src: usize, length: usize, what: usize, size: usize): usize {
  if (size == 0) return src;
  if (size > length) return 0;
  const first = load<u8>(what);
  const end = src + (length - size) + 1;
  for (let at = src; at < end; at++) {
    spend(1);
    if (load<u8>(at) != first) continue;
    let same: usize = 1;
    while (same < size && load<u8>(at + same) == load<u8>(what + same)) same++;
    if (same == size) return at;
    spend(<u32>same);
  }
  return 0;
}

function findOrMatch(isFind: bool): i32 {
  const text = checkString(1);
  if (text == 0) return RAISED;
  const pattern = checkString(2);
  if (pattern == 0) return RAISED;
  const length = lengthOf(text);
  const start = max<i64>(fromStart(optInteger(3, 1), length), 1);
  if (raised) return RAISED;
  if (start > <i64>length + 1) {
    pushNil();
    return 1;
  }
  const src = bytesOf(text);
  const end = src + length;
  let place = src + <usize>(start - 1);
  let at = bytesOf(pattern);
  const size = lengthOf(pattern);
  if (isFind && (!isFalsy(argAt(4)) || isPlain(at, size))) {
    const found = search(place, end - place, at, size);
    if (found == 0) {
      pushNil();
      return 1;
    }
    pushInteger(<i64>(found - src) + 1);
    pushInteger(<i64>(found - src) + size);
    return 2;
  }
  setSubject(src, length, at + size);
  const isAnchored = load<u8>(at) == CARET;
  if (isAnchored) at++;
  do {
    const to = matchAt(place, at);
    if (to != 0) {
      if (!isFind) return pushCaptures(src, place, to);
      pushInteger(<i64>(place - src) + 1);
      pushInteger(<i64>(to - src));
      if (captureCount == 0) return 2;
      const count = pushCaptures(src, place, to);
      return count == RAISED ? RAISED : count + 2;
    }
    if (raised) return RAISED;
  } while (place++ < end && !isAnchored);
  pushNil();
  return 1;
}

/** `string.find`. */
export function find(): i32 {
  return findOrMatch(true);
}

/** `string.match`. */
export function match(): i32 {
  return findOrMatch(false);
}

// ---- gmatch ----------------------------------------------------------------------------------------------

// What the iterator owns: subject, pattern, where to go on, where the last match ended (from 0; -1: nowhere).
const OWN_TEXT: i32 = 1;
const OWN_PATTERN: i32 = 2;
const OWN_PLACE: i32 = 3;
const OWN_LAST: i32 = 4;

/** `gmatch(text, pattern, start)`: the last is Lua 5.4's; in 5.3 it may be anything, and counts when it is a number. */
export function gmatch(): i32 {
  const text = checkString(1);
  if (text == 0) return RAISED;
  const pattern = checkString(2);
  if (pattern == 0) return RAISED;
  const length = lengthOf(text);
  const given = is54 || isNumberTag(argTag(3)) ? optInteger(3, 1) : 1;
  if (raised) return RAISED;
  const start = max<i64>(fromStart(given, length), 1);
  pushString(text);
  pushString(pattern);
  pushInteger(min<i64>(start - 1, <i64>length + 1));
  pushInteger(-1);
  pushBuiltinClosure(nextMatch, 4);
  return 1;
}

function nextMatch(): i32 {
  const text = objectOf(ownValue(OWN_TEXT));
  const pattern = objectOf(ownValue(OWN_PATTERN));
  const src = bytesOf(text);
  const length = lengthOf(text);
  const at = bytesOf(pattern);
  setSubject(src, length, at + lengthOf(pattern));
  const last = integerOf(ownValue(OWN_LAST));
  for (let place = integerOf(ownValue(OWN_PLACE)); place <= <i64>length; place++) {
    const to = matchAt(src + <usize>place, at);
    if (raised) return RAISED;
    const ending = <i64>(to - src);
    if (to != 0 && ending != last) {
      setInteger(ownValue(OWN_PLACE), ending);
      setInteger(ownValue(OWN_LAST), ending);
      return pushCaptures(src, src + <usize>place, to);
    }
  }
  return 0;
}

// ---- gsub ------------------------------------------------------------------------------------------------

const REPLACEMENT: i32 = 3;
/** What a replacement costs besides its bytes. */
const REPLACEMENT_STEPS: u32 = 16;
const PERCENT: u32 = 0x25;

const digits: usize = memory.data(24);

function addNumber(buffer: Buffer, value: i64): void {
  buffer.addBytes(digits, writeInteger(value, digits));
}

/** Adds capture `index` of the match from `from` to `to`. */
function addCapture(buffer: Buffer, index: i32, src: usize, from: usize, to: usize): void {
  if (index == 0 && captureCount == 0) {
    buffer.addBytes(from, <u32>(to - from));
  } else if (checkCapture(index)) {
    if (isPosition(index)) addNumber(buffer, <i64>(captureStart(index) - src) + 1);
    else buffer.addBytes(captureStart(index), <u32>captureLength(index));
  }
}

/** The same when strings have a `__tostring`, which may match patterns itself. */
function addConverted(buffer: Buffer, index: i32, src: usize, from: usize, to: usize): void {
  if (!pushCapture(index, src, from, to)) return;
  const size = CAPTURE_LIMIT * CAPTURE_SIZE;
  const kept = allocateBlock(size);
  const count = captureCount;
  memory.copy(kept, captures, size);
  const text = stringFor(top - VALUE_SIZE);
  memory.copy(captures, kept, size);
  freeBlock(kept, size);
  setCaptureCount(count);
  if (text != 0) buffer.addString(text);
  drop(1);
}

/** Whether strings, which is what captures are, have a `__tostring`. */
let converts: bool = false;

/** Adds the replacement string for the match from `from` to `to`. */
function addTemplate(buffer: Buffer, src: usize, from: usize, to: usize): void {
  const template = objectOf(argAt(REPLACEMENT));
  const end = bytesOf(template) + lengthOf(template);
  spend(lengthOf(template) >> 2);
  let plain = bytesOf(template);
  for (let at = plain; at < end; at++) {
    if (load<u8>(at) != PERCENT) continue;
    buffer.addBytes(plain, <u32>(at - plain));
    const c = <u32>load<u8>(++at);
    plain = at + 1;
    if (c == 0x30) {
      buffer.addBytes(from, <u32>(to - from));
    } else if (c - 0x31 < 9) {
      const index = <i32>c - 0x31;
      if (converts) addConverted(buffer, index, src, from, to);
      else addCapture(buffer, index, src, from, to);
    } else if (c == PERCENT) {
      plain = at;
    } else {
      raiseText("invalid use of '%' in replacement string");
    }
    if (raised) return;
  }
  buffer.addBytes(plain, <u32>(end - plain));
}

/** Adds what the replacement function or table has for the match from `from` to `to`. */
function addAnswer(buffer: Buffer, src: usize, from: usize, to: usize): void {
  if (argTag(REPLACEMENT) == TABLE) {
    if (!pushCapture(0, src, from, to)) return;
    const key = top - VALUE_SIZE;
    if (!indexValue(argAt(REPLACEMENT), key, key)) return;
  } else {
    pushValue(argAt(REPLACEMENT));
    const count = pushCaptures(src, from, to);
    if (count == RAISED || !callFunction(count, 1)) return;
  }
  const answer = top - VALUE_SIZE;
  const tag = tagOf(answer);
  if (tag == STRING) buffer.addString(objectOf(answer));
  else if (isNumberTag(tag)) addNumber(buffer, integerOf(answer));
  else if (tag <= FALSE) buffer.addBytes(from, <u32>(to - from));
  else raiseText(`invalid replacement value (a ${typeName(tag)})`);
  drop(1);
}

/** `string.gsub`. */
export function gsub(): i32 {
  const text = checkString(1);
  if (text == 0) return RAISED;
  const pattern = checkString(2);
  if (pattern == 0) return RAISED;
  const length = lengthOf(text);
  const most = optInteger(4, <i64>length + 1);
  if (raised) return RAISED;
  const kind = argTag(REPLACEMENT);
  const isTemplate = kind == STRING || isNumberTag(kind);
  if (!isTemplate && kind != TABLE && !isFunctionTag(kind)) {
    return expectedError(REPLACEMENT, "string/function/table");
  }
  if (isTemplate) checkString(REPLACEMENT);
  const src = bytesOf(text);
  const end = src + length;
  let at = bytesOf(pattern);
  const patternEnd = at + lengthOf(pattern);
  const isAnchored = load<u8>(at) == CARET;
  if (isAnchored) at++;
  const buffer = openBuffer();
  let done: i64 = 0;
  /** What isn't in the buffer yet. */
  let kept = src;
  let place = src;
  let last: usize = 0;
  while (done < most) {
    setSubject(src, length, patternEnd);
    const to = matchAt(place, at);
    if (raised) return pushBuffer(buffer);
    if (to != 0 && to != last) {
      done++;
      spend(REPLACEMENT_STEPS);
      buffer.addBytes(kept, <u32>(place - kept));
      if (isTemplate) {
        converts = handlerOf(argAt(1), Event.TOSTRING) != nothing;
        addTemplate(buffer, src, place, to);
      } else {
        addAnswer(buffer, src, place, to);
      }
      if (raised) return pushBuffer(buffer);
      kept = to;
      last = to;
      place = to;
    } else if (place < end) {
      place++;
    } else {
      break;
    }
    if (isAnchored) break;
  }
  if (done == 0) {
    closeBuffers(openBuffers - 1);
    pushString(text);
  } else {
    buffer.addBytes(kept, <u32>(end - kept));
    if (pushBuffer(buffer) == RAISED) return RAISED;
  }
  pushInteger(done);
  return 2;
}
