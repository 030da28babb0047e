// Lua's library `string` (Lua 5.3 Reference Manual, 6.4) as FreeBSD's loader has it: what needs neither patterns
// (string_patterns.ts) nor formats (format.ts, pack.ts), and the table with all of them.

import { burn } from "../../../lib/fault";
import { raiseMemory, raiseText } from "../run/errors";
import { RAISED, raised, setStringMeta } from "../run/state";
import { is54 } from "../values/dialect";
import { hasRoom } from "../values/heap";
import { STRING_BYTES, Table } from "../values/objects";
import { bytesOf, lengthOf, newLongString, newString, SHORT_LIMIT, STRING_LIMIT } from "../values/string";
import { newTable } from "../values/table";
import { isFunctionTag } from "../values/value";
import {
  argCount,
  argError,
  argTag,
  checkInteger,
  checkStack,
  checkString,
  fromStart,
  isAbsent,
  optInteger,
  pushBytes,
  pushInteger,
  pushString,
  setFunction,
  setTableField,
  typeError,
} from "./builtin";
import { format } from "./format";
import { pack, packsize, unpack } from "./pack";
import { startPatterns } from "./pattern";
import { addArithmetic } from "./string_arithmetic";
import { find, gmatch, gsub, match } from "./string_patterns";

/** Longest result that `rep` tries to make: what C's int holds. */
const REP_LIMIT: i64 = 0x7fffffff;

// ---- results of a known length ---------------------------------------------------------------------------

const short: usize = memory.data(48);
/** The long string that is being made. */
let long: usize = 0;

/** Where the `length` bytes of a new string go, which `endString` pushes; 0 after raising. */
function beginString(length: i64): usize {
  if (length <= <i64>SHORT_LIMIT) return short;
  if (length > STRING_LIMIT || !hasRoom(<usize>length + STRING_BYTES + 1)) {
    raiseMemory();
    return 0;
  }
  long = newLongString(<u32>length);
  return bytesOf(long);
}

function endString(length: i64): i32 {
  pushString(length <= <i64>SHORT_LIMIT ? newString(short, <u32>length) : long);
  return 1;
}

// ---- functions -------------------------------------------------------------------------------------------

function len(): i32 {
  const text = checkString(1);
  if (text == 0) return RAISED;
  pushInteger(lengthOf(text));
  return 1;
}

function sub(): i32 {
  const text = checkString(1);
  if (text == 0) return RAISED;
  const length = lengthOf(text);
  const start = max<i64>(fromStart(checkInteger(2), length), 1);
  if (raised) return RAISED;
  const end = min<i64>(fromStart(optInteger(3, -1), length), length);
  if (raised) return RAISED;
  if (start > end) pushBytes(short, 0);
  else if (start == 1 && end == <i64>length) pushString(text);
  else if (!pushBytes(bytesOf(text) + <usize>(start - 1), <u32>(end - start + 1))) return RAISED;
  return 1;
}

function reverse(): i32 {
  const text = checkString(1);
  if (text == 0) return RAISED;
  const length = lengthOf(text);
  const to = beginString(length);
  if (to == 0) return RAISED;
  const last = bytesOf(text) + length - 1;
  for (let i: usize = 0; i < length; i++) store<u8>(to + i, load<u8>(last - i));
  burn(<i64>(length >> 5));
  return endString(length);
}

/** The first argument with the bytes from `first` to `first` + 25 moved by `by`. */
function changeCase(first: u32, by: i32): i32 {
  const text = checkString(1);
  if (text == 0) return RAISED;
  const length = lengthOf(text);
  const to = beginString(length);
  if (to == 0) return RAISED;
  const from = bytesOf(text);
  for (let i: usize = 0; i < length; i++) {
    const c = <u32>load<u8>(from + i);
    store<u8>(to + i, c - first < 26 ? c + by : c);
  }
  burn(<i64>(length >> 5));
  return endString(length);
}

function lower(): i32 {
  return changeCase(0x41, 32);
}

function upper(): i32 {
  return changeCase(0x61, -32);
}

function rep(): i32 {
  const text = checkString(1);
  if (text == 0) return RAISED;
  const count = checkInteger(2);
  if (raised) return RAISED;
  let separator: usize = 0;
  if (!isAbsent(3)) {
    separator = checkString(3);
    if (separator == 0) return RAISED;
  }
  const length = <i64>lengthOf(text);
  const between = separator == 0 ? 0 : <i64>lengthOf(separator);
  const unit = length + between;
  if (count <= 0 || unit == 0) {
    pushBytes(short, 0);
    return 1;
  }
  if (unit > REP_LIMIT / count) return raiseText("resulting string too large");
  const total = unit * count - between;
  const to = beginString(total);
  if (to == 0) return RAISED;
  // Once, then what is there already, again and again.
  memory.copy(to, bytesOf(text), <usize>length);
  if (total > length) {
    if (between > 0) memory.copy(to + <usize>length, bytesOf(separator), <usize>between);
    for (let done = unit; done < total; done *= 2) {
      memory.copy(to + <usize>done, to, <usize>min(done, total - done));
    }
  }
  return endString(total);
}

function byte(): i32 {
  const text = checkString(1);
  if (text == 0) return RAISED;
  const length = lengthOf(text);
  const first = fromStart(optInteger(2, 1), length);
  if (raised) return RAISED;
  const last = min<i64>(fromStart(optInteger(3, first), length), length);
  if (raised) return RAISED;
  const start = max<i64>(first, 1);
  if (start > last) return 0;
  const count = last - start + 1;
  if (!checkStack(<usize>count, "string slice too long")) return RAISED;
  burn(count >> 4);
  const from = bytesOf(text) + <usize>(start - 1);
  for (let i: usize = 0; i < <usize>count; i++) pushInteger(load<u8>(from + i));
  return <i32>count;
}

function char(): i32 {
  const count = argCount();
  const to = beginString(count);
  if (to == 0) return RAISED;
  for (let i = 1; i <= count; i++) {
    const code = checkInteger(i);
    if (raised) return RAISED;
    if (<u64>code > 255) return argError(i, "value out of range");
    store<u8>(to + <usize>(i - 1), <u8>code);
  }
  burn(<i64>(count >> 4));
  return endString(count);
}

/** Precompiled chunks aren't accepted, so none are made. */
function dump(): i32 {
  if (!isFunctionTag(argTag(1))) return typeError(1, "function");
  return raiseText("unable to dump given function");
}

// ---- the library -----------------------------------------------------------------------------------------

/** Makes the library's table and the metatable of strings. */
export function openString(): Table {
  startPatterns();
  const table = newTable(0, 32);
  setFunction(table, "byte", byte);
  setFunction(table, "char", char);
  setFunction(table, "dump", dump);
  setFunction(table, "find", find);
  setFunction(table, "format", format);
  setFunction(table, "gmatch", gmatch);
  setFunction(table, "gsub", gsub);
  setFunction(table, "len", len);
  setFunction(table, "lower", lower);
  setFunction(table, "match", match);
  setFunction(table, "pack", pack);
  setFunction(table, "packsize", packsize);
  setFunction(table, "rep", rep);
  setFunction(table, "reverse", reverse);
  setFunction(table, "sub", sub);
  setFunction(table, "unpack", unpack);
  setFunction(table, "upper", upper);
  const meta = newTable(0, 1);
  setTableField(meta, "__index", table);
  if (is54) addArithmetic(meta);
  setStringMeta(meta);
  return table;
}
