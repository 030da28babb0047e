// What the loader's libraries share: userdata and their metatables, arguments as C strings, and members that
// are there without being seen. The last are what other loaders offer than the one that is emulated: a look-up finds
// them, but `pairs` and `getmetatable` show what that one had.

import { cstringAt } from "../../../lib/bytes";
import { burn } from "../../../lib/fault";
import { profile } from "../../../lib/profile";
import { registry } from "../run/state";
import { newObject } from "../values/heap";
import { HIDDEN, Table, USERDATA_BYTES, Userdata } from "../values/objects";
import { owe } from "../values/owed";
import { bytesOf, lengthOf, stringOf } from "../values/string";
import { newTable } from "../values/table";
import { objectOf, USERDATA } from "../values/value";
import { argAt, argTag, checkString, setTableField, setTextField, typeError } from "./builtin";

/** What a userdata of the core is, the first word of its bytes: an open file (io.ts), */
export const FILE: u32 = 1;
/** a directory that is read (lfs.ts), */
export const DIRECTORY: u32 = 2;
/** or a digest (hash.ts). */
export const SHA256: u32 = 3;
/** The bytes after that word. */
export const USERDATA_CONTENT: usize = USERDATA_BYTES + 8;

/** A userdata of `kind` with `size` bytes of content, zero, and the metatable `meta`. */
export function newUserdata(kind: u32, size: usize, meta: Table | null): usize {
  const userdata = changetype<Userdata>(newObject(USERDATA, USERDATA_CONTENT + size));
  userdata.meta = meta;
  userdata.length = <u32>(USERDATA_CONTENT - USERDATA_BYTES + size);
  memory.fill(userdata.address + USERDATA_BYTES, 0, USERDATA_CONTENT - USERDATA_BYTES + size);
  store<u32>(userdata.address, kind, USERDATA_BYTES);
  return userdata.address;
}

/** The userdata of `kind` in argument `index`, or 0. */
export function userdataAt(index: i32, kind: u32): usize {
  if (argTag(index) != USERDATA) return 0;
  const userdata = objectOf(argAt(index));
  return load<u32>(userdata, USERDATA_BYTES) == kind ? userdata : 0;
}

/** Like `userdataAt`; 0 after raising that it isn't a `name`. */
export function checkUserdata(index: i32, kind: u32, name: string): usize {
  const userdata = userdataAt(index, kind);
  if (userdata == 0) typeError(index, name);
  return userdata;
}

/** A metatable for userdata that messages call `name`. */
export function newMetatable(name: string): Table {
  const meta = newTable();
  setTextField(meta, "__name", name);
  setTableField(registry, name, meta);
  return meta;
}

/** Bytes that a use of such a copy may leave behind beyond it: of a name in the environment, of a path. */
const TEXT_GARBAGE: i32 = 256;
/** The same of a path. */
export const PATH_GARBAGE: i32 = 8192;

/** The core's copy of a Lua string up to its first NUL, as C would see it. */
export function ctextOf(text: usize): string {
  burn(<i64>(lengthOf(text) >> 4));
  owe(<i32>min<u32>(lengthOf(text) * 2, i32.MAX_VALUE) + TEXT_GARBAGE);
  return cstringAt(bytesOf(text), <i32>lengthOf(text));
}

/** The text in argument `index`, as C would see it; null after raising. */
export function checkText(index: i32): string | null {
  const text = checkString(index);
  return text == 0 ? null : ctextOf(text);
}

/** The same as a Lua string; 0 after raising. */
export function checkName(index: i32): usize {
  const text = checkText(index);
  return text === null ? 0 : stringOf(text);
}

/** Lets look-ups in `table` that find nothing go on in `members`, unseen. */
export function offer(table: Table, members: Table): void {
  const meta = newTable();
  setTableField(meta, "__index", members);
  meta.flags = HIDDEN;
  table.meta = meta;
}

/**
 * Where a member belongs that loaders have from generation `first` to `last`: into `seen` when the loader that is emulated
 * is one of them, else into `unseen`.
 */
export function placeOf(seen: Table, unseen: Table, first: i32, last: i32 = i32.MAX_VALUE): Table {
  return profile.generation >= first && profile.generation <= last ? seen : unseen;
}

/** Whether scripts must not see the metatable. */
export function isHidden(meta: Table): bool {
  return (meta.flags & HIDDEN) != 0;
}
