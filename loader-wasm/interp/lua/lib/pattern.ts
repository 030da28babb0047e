// Lua patterns (Lua 5.3 Reference Manual, 6.4.1): a backtracking matcher whose choices lie on a stack of its own.
// A pattern is read as it is matched, so that a malformed part matters only once it is reached.

import { burn } from "../../../lib/fault";
import { raiseText } from "../run/errors";
import { raised } from "../run/state";

/** Most captures of a pattern. */
export const CAPTURE_LIMIT: i32 = 32;
/** Most choices and captures that wait inside each other, the first attempt included. */
const DEPTH_LIMIT: i32 = 200;

// ---- captures --------------------------------------------------------------------------------------------

/** Bytes of a capture: address of its first byte (u32), length (i32) or what it is instead. */
export const CAPTURE_SIZE: i32 = 8;
const CAPTURE_SHIFT: i32 = 3;
/** Length of a capture that isn't closed yet. */
const OPEN: i32 = -1;
/** Length of a capture of a position. */
const POSITION: i32 = -2;

/** The captures of the match that runs, or of the last one. */
export const captures: usize = memory.data(32 * 8, 8);
/** Captures of the last match. */
export let captureCount: i32 = 0;

/** Sets `captureCount`, for whoever restores captures that were put aside. */
export function setCaptureCount(count: i32): void {
  captureCount = count;
}

/** Address of the first byte of capture `index` (from 0). */
export function captureStart(index: i32): usize {
  return <usize>load<u32>(captures + ((<usize>index) << CAPTURE_SHIFT));
}

/** Its length, or OPEN or POSITION. */
export function captureLength(index: i32): i32 {
  return load<i32>(captures + ((<usize>index) << CAPTURE_SHIFT), 4);
}

/** Whether it isn't closed yet. */
export function isOpenCapture(index: i32): bool {
  return captureLength(index) == OPEN;
}

/** Whether it is a position, `()`. */
export function isPosition(index: i32): bool {
  return captureLength(index) == POSITION;
}

function setCaptureLength(index: i32, length: i32): void {
  store<i32>(captures + ((<usize>index) << CAPTURE_SHIFT), length, 4);
}

// ---- fuel ------------------------------------------------------------------------------------------------

/** Steps that are not paid yet. */
let steps: u32 = 0;
const STEPS_SHIFT: u32 = 2;
const STEPS_AT_ONCE: u32 = 1024;

/** Pays for `count` steps of matching; four cost one. */
export function spend(count: u32): void {
  steps += count;
  if (steps >= STEPS_AT_ONCE) {
    burn(<i64>(steps >> STEPS_SHIFT));
    steps = 0;
  }
}

// ---- classes of bytes ------------------------------------------------------------------------------------

const LOWER: u32 = 1;
const UPPER: u32 = 2;
const DIGIT: u32 = 4;
const SPACE: u32 = 8;
const CONTROL: u32 = 16;
const PUNCTUATION: u32 = 32;
const HEXADECIMAL: u32 = 64;
const ZERO: u32 = 128;

/** Bits of every byte value, filled by `startPatterns`. */
const bits: usize = memory.data(256);
/** For every byte value, what it is in a pattern; 0: it stands for itself. */
const roles: usize = memory.data(256);
const SPECIAL: u8 = 1;
/** Says how often the item before it is wanted. */
const SUFFIX: u8 = 2;
/** For every letter (capitals are asked as small ones), the bits that it names as a class; 0: none. */
const masks: usize = memory.data(32);

function between(c: u32, first: u32, last: u32): bool {
  return c - first <= last - first;
}

function bitsOf(c: u32): u32 {
  let all: u32 = 0;
  if (between(c, 0x61, 0x7a)) all |= LOWER;
  if (between(c, 0x41, 0x5a)) all |= UPPER;
  if (between(c, 0x30, 0x39)) all |= DIGIT;
  if (c == 0x20 || between(c, 9, 13)) all |= SPACE;
  if (c < 0x20 || c == 0x7f) all |= CONTROL;
  if (between(c, 0x21, 0x7e) && (all & (LOWER | UPPER | DIGIT)) == 0) all |= PUNCTUATION;
  if ((all & DIGIT) != 0 || between(c | 0x20, 0x61, 0x66)) all |= HEXADECIMAL;
  if (c == 0) all |= ZERO;
  return all;
}

function nameClass(letter: u32, mask: u32): void {
  store<u8>(masks + (letter & 31), <u8>mask);
}

/** Fills the tables of classes; before anything is matched. */
export function startPatterns(): void {
  for (let c: u32 = 0; c < 256; c++) store<u8>(bits + c, <u8>bitsOf(c));
  store<u8>(roles + DOLLAR, SPECIAL);
  store<u8>(roles + PERCENT, SPECIAL);
  store<u8>(roles + LEFT, SPECIAL);
  store<u8>(roles + RIGHT, SPECIAL);
  store<u8>(roles + DOT, SPECIAL);
  store<u8>(roles + BRACKET, SPECIAL);
  store<u8>(roles + STAR, SUFFIX);
  store<u8>(roles + PLUS, SUFFIX);
  store<u8>(roles + MINUS, SUFFIX);
  store<u8>(roles + QUESTION, SUFFIX);
  nameClass(0x61, LOWER | UPPER); // a
  nameClass(0x63, CONTROL); // c
  nameClass(0x64, DIGIT); // d
  nameClass(0x67, LOWER | UPPER | DIGIT | PUNCTUATION); // g
  nameClass(0x6c, LOWER); // l
  nameClass(0x70, PUNCTUATION); // p
  nameClass(0x73, SPACE); // s
  nameClass(0x75, UPPER); // u
  nameClass(0x77, LOWER | UPPER | DIGIT); // w
  nameClass(0x78, HEXADECIMAL); // x
  nameClass(0x7a, ZERO); // z
}

/** Whether byte `c` is one of those that `%letter` stands for. */
function inClass(c: u32, letter: u32): bool {
  if (!between(letter | 0x20, 0x61, 0x7a)) return c == letter;
  const mask = load<u8>(masks + (letter & 31));
  if (mask == 0) return c == letter;
  const inside = (load<u8>(bits + c) & mask) != 0;
  return (letter & 0x20) != 0 ? inside : !inside;
}

/** Whether byte `c` is in the set that begins with the bracket at `set` and whose closing bracket is at `last`. */
function inSet(c: u32, set: usize, last: usize): bool {
  let at = set + 1;
  const wanted = load<u8>(at) != CARET;
  if (!wanted) at++;
  while (at < last) {
    const first = <u32>load<u8>(at);
    if (first == PERCENT) {
      if (inClass(c, load<u8>(at, 1))) return wanted;
      at += 2;
    } else if (load<u8>(at, 1) == MINUS && at + 2 < last) {
      if (first <= c && c <= <u32>load<u8>(at, 2)) return wanted;
      at += 3;
    } else {
      if (first == c) return wanted;
      at++;
    }
  }
  return !wanted;
}

const DOLLAR: u32 = 0x24;
const PERCENT: u32 = 0x25;
const LEFT: u32 = 0x28;
const RIGHT: u32 = 0x29;
const STAR: u32 = 0x2a;
const PLUS: u32 = 0x2b;
const MINUS: u32 = 0x2d;
const DOT: u32 = 0x2e;
const QUESTION: u32 = 0x3f;
const BRACKET: u32 = 0x5b;
const BRACKET_END: u32 = 0x5d;
/** At a pattern's beginning it anchors; the functions look for it before they match. */
export const CARET: u32 = 0x5e;
const SMALL_B: u32 = 0x62;
const SMALL_F: u32 = 0x66;

// ---- the matcher -----------------------------------------------------------------------------------------

/** The subject, and where it and the pattern end; both have a NUL there. */
let source: usize = 0;
let sourceEnd: usize = 0;
let patternEnd: usize = 0;

// What waits while the rest of the pattern is tried. Entry: kind (u32), place in the subject, place in the
// pattern where the rest begins, and one of the kind's own.
const ENTRY_PLACE: usize = 4;
const ENTRY_REST: usize = 8;
const ENTRY_OWN: usize = 12;
const ENTRY_SIZE: usize = 16;
const waiting: usize = memory.data(200 * 16, 8);
const waitingEnd: usize = waiting + <usize>(DEPTH_LIMIT - 1) * ENTRY_SIZE;

/** As many as possible; own: how many are taken. */
const MOST: u32 = 1;
/** As few as possible; own: where the item begins in the pattern. */
const FEWEST: u32 = 2;
/** With the item; without it is still to try. */
const WITH: u32 = 3;
/** A capture was begun. */
const BEGUN: u32 = 4;
/** A capture was closed; own: its number. */
const CLOSED: u32 = 5;

let pile: usize = 0;

function wait(kind: u32, place: usize, rest: usize, own: u32): bool {
  if (pile == waitingEnd) {
    raiseText("pattern too complex");
    return false;
  }
  store<u32>(pile, kind);
  store<u32>(pile, <u32>place, ENTRY_PLACE);
  store<u32>(pile, <u32>rest, ENTRY_REST);
  store<u32>(pile, own, ENTRY_OWN);
  pile += ENTRY_SIZE;
  return true;
}

/** Says what the next matches are about: `length` bytes at `src`, and where the pattern ends. */
export function setSubject(src: usize, length: u32, end: usize): void {
  source = src;
  sourceEnd = src + length;
  patternEnd = end;
}

/** Where the single item (byte, class or set) at `item` ends; 0 after raising. */
function endOfItem(item: usize): usize {
  const first = <u32>load<u8>(item);
  if (first == PERCENT) {
    if (item + 1 < patternEnd) return item + 2;
    raiseText("malformed pattern (ends with '%')");
    return 0;
  }
  if (first != BRACKET) return item + 1;
  let at = item + 1;
  if (load<u8>(at) == CARET) at++;
  // What comes first is a member, even a closing bracket.
  for (let isFirst = true; isFirst || load<u8>(at) != BRACKET_END; isFirst = false) {
    if (at >= patternEnd) {
      raiseText("malformed pattern (missing ']')");
      return 0;
    }
    at += load<u8>(at) == PERCENT && at + 1 < patternEnd ? 2 : 1;
  }
  spend(<u32>(at - item) >> 2);
  return at + 1;
}

/** Whether the byte at `place` is matched by the item from `item` to `end`. */
function matchesItem(place: usize, item: usize, end: usize): bool {
  if (place >= sourceEnd) return false;
  const c = <u32>load<u8>(place);
  const first = <u32>load<u8>(item);
  if (first == DOT) return true;
  if (first == PERCENT) return inClass(c, load<u8>(item, 1));
  if (first == BRACKET) {
    spend(<u32>(end - item) >> 2);
    return inSet(c, item, end - 1);
  }
  return first == c;
}

/** Where the bytes from `place` on end that the item from `item` to `end` matches. */
function endOfRun(place: usize, item: usize, end: usize): usize {
  let to = place;
  const first = <u32>load<u8>(item);
  if (first == DOT) return sourceEnd;
  if (first == BRACKET) {
    const cost = <u32>(end - item) >> 2;
    if (end - item == 4 && load<u8>(item, 1) == CARET && load<u8>(item, 2) != PERCENT) {
      // All but one byte.
      const other = load<u8>(item, 2);
      while (to < sourceEnd && load<u8>(to) != other) to++;
    } else {
      while (to < sourceEnd && inSet(load<u8>(to), item, end - 1)) to++;
    }
    spend(cost * <u32>(to - place + 1));
    return to;
  }
  if (first == PERCENT) {
    const letter = <u32>load<u8>(item, 1);
    const mask = between(letter | 0x20, 0x61, 0x7a) ? load<u8>(masks + (letter & 31)) : 0;
    if (mask == 0) {
      while (to < sourceEnd && <u32>load<u8>(to) == letter) to++;
    } else {
      const inside = (letter & 0x20) != 0;
      while (to < sourceEnd && ((load<u8>(bits + <usize>load<u8>(to)) & mask) != 0) == inside) to++;
    }
    return to;
  }
  while (to < sourceEnd && <u32>load<u8>(to) == first) to++;
  return to;
}

/** Where what is balanced between the two bytes at `pair` ends; 0 when it isn't. */
function endOfBalanced(place: usize, pair: usize): usize {
  const opening = load<u8>(pair);
  const closing = load<u8>(pair, 1);
  if (load<u8>(place) != opening) return 0;
  let level = 1;
  for (let at = place + 1; at < sourceEnd; at++) {
    const c = load<u8>(at);
    if (c == closing) {
      if (--level == 0) {
        spend(<u32>(at - place));
        return at + 1;
      }
    } else if (c == opening) {
      level++;
    }
  }
  if (place < sourceEnd) spend(<u32>(sourceEnd - place));
  return 0;
}

/** Where the repetition of the capture that `digit` names ends; 0 when it isn't there. Raises for a bad name. */
function endOfRepetition(place: usize, digit: u32): usize {
  const index = <i32>digit - 0x31;
  if (index < 0 || index >= captureCount || isOpenCapture(index)) {
    raiseText(`invalid capture index %${index + 1}`);
    return 0;
  }
  if (isPosition(index)) return 0;
  const length = <usize>captureLength(index);
  if (sourceEnd - place < length) return 0;
  spend(<u32>length >> 2);
  return memory.compare(captureStart(index), place, length) == 0 ? place + length : 0;
}

/** Number of the capture that a closing parenthesis closes; -1 after raising. */
function captureToClose(): i32 {
  for (let index = captureCount - 1; index >= 0; index--) {
    if (isOpenCapture(index)) return index;
  }
  raiseText("invalid pattern capture");
  return -1;
}

/** Takes what waits last, and where the rest of the pattern goes on; the place in the subject, or 0. */
let resumeAt: usize = 0;
function resume(): usize {
  while (pile > waiting) {
    const entry = pile - ENTRY_SIZE;
    const place = <usize>load<u32>(entry, ENTRY_PLACE);
    resumeAt = <usize>load<u32>(entry, ENTRY_REST);
    switch (load<u32>(entry)) {
      case MOST: {
        const taken = load<u32>(entry, ENTRY_OWN);
        if (taken != 0) {
          store<u32>(entry, taken - 1, ENTRY_OWN);
          return place + taken - 1;
        }
        break;
      }
      case FEWEST: {
        // The item ends before its suffix.
        if (matchesItem(place, <usize>load<u32>(entry, ENTRY_OWN), resumeAt - 1)) {
          store<u32>(entry, <u32>(place + 1), ENTRY_PLACE);
          return place + 1;
        }
        break;
      }
      case WITH: {
        pile = entry;
        return place;
      }
      case BEGUN: {
        captureCount--;
        break;
      }
      case CLOSED: {
        setCaptureLength(<i32>load<u32>(entry, ENTRY_OWN), OPEN);
        break;
      }
    }
    pile = entry;
  }
  return 0;
}

/**
 * Matches the pattern from `from` on at `start` in the subject: where the match ends, with its captures in
 * `captures`; 0 when there is none, or after raising.
 */
export function matchAt(start: usize, from: usize): usize {
  captureCount = 0;
  pile = waiting;
  let place = start;
  let at = from;
  while (at < patternEnd) {
    spend(1);
    const first = <u32>load<u8>(at);
    const second = <u32>load<u8>(at, 1);
    let next: usize = 0;
    if (load<u8>(roles + first) != SPECIAL && load<u8>(roles + second) != SUFFIX) {
      // The usual case: a byte that stands for itself, even if it would be a suffix elsewhere.
      at++;
      if (place < sourceEnd && <u32>load<u8>(place) == first) next = place + 1;
    } else if (first == LEFT) {
      const isPlace = second == RIGHT;
      at += isPlace ? 2 : 1;
      if (!beginCapture(place, isPlace ? POSITION : OPEN)) return 0;
      next = place;
    } else if (first == RIGHT) {
      at++;
      const index = captureToClose();
      if (index < 0 || !wait(CLOSED, place, at, <u32>index)) return 0;
      setCaptureLength(index, <i32>(place - captureStart(index)));
      next = place;
    } else if (first == DOLLAR && at + 1 == patternEnd) {
      at++;
      if (place == sourceEnd) next = place;
    } else if (first == PERCENT && second == SMALL_B) {
      if (at + 3 >= patternEnd) {
        raiseText("malformed pattern (missing arguments to '%b')");
        return 0;
      }
      next = endOfBalanced(place, at + 2);
      at += 4;
    } else if (first == PERCENT && second == SMALL_F) {
      const set = at + 2;
      if (load<u8>(set) != BRACKET) {
        raiseText("missing '[' after '%f' in pattern");
        return 0;
      }
      at = endOfItem(set);
      if (at == 0) return 0;
      const before = place == source ? 0 : load<u8>(place - 1);
      if (!inSet(before, set, at - 1) && inSet(load<u8>(place), set, at - 1)) next = place;
    } else if (first == PERCENT && between(second, 0x30, 0x39)) {
      next = endOfRepetition(place, second);
      if (raised) return 0;
      at += 2;
    } else {
      next = matchSingle(place, at);
      if (raised) return 0;
      at = resumeAt;
    }
    if (next == 0) {
      next = resume();
      if (next == 0) return 0;
      at = resumeAt;
    }
    place = next;
  }
  return place;
}

function beginCapture(place: usize, length: i32): bool {
  if (captureCount >= CAPTURE_LIMIT) {
    raiseText("too many captures");
    return false;
  }
  if (!wait(BEGUN, place, 0, 0)) return false;
  store<u32>(captures + ((<usize>captureCount) << CAPTURE_SHIFT), <u32>place);
  setCaptureLength(captureCount++, length);
  return true;
}

/** Matches the item at `item` with its suffix: the new place (0: no match) and, in `resumeAt`, what comes next. */
function matchSingle(place: usize, item: usize): usize {
  const end = endOfItem(item);
  if (end == 0) return 0;
  const suffix = end < patternEnd ? <u32>load<u8>(end) : 0;
  const rest = end + 1;
  resumeAt = rest;
  if (suffix == STAR || suffix == PLUS) {
    const to = endOfRun(place, item, end);
    spend(<u32>(to - place));
    let taken = <u32>(to - place);
    let base = place;
    if (suffix == PLUS) {
      if (taken == 0) return 0;
      taken--;
      base++;
    } else if (taken == 0) {
      return place;
    }
    return wait(MOST, base, rest, taken) ? to : 0;
  }
  const matches = matchesItem(place, item, end);
  if (suffix == MINUS) {
    if (!matches) return place;
    return wait(FEWEST, place, rest, <u32>item) ? place : 0;
  }
  if (suffix == QUESTION) {
    if (!matches) return place;
    return wait(WITH, place, rest, 0) ? place + 1 : 0;
  }
  resumeAt = end;
  return matches ? place + 1 : 0;
}
