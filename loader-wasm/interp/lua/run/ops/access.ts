// Table access: the fast halves of GETTABUP to SELF and SETLIST, which know tables without metamethods, and methods
// that a chain of tables inherits. False: nothing was done, and slow.ts does it.

import { Table } from "../../values/objects";
import { bOf, cOf, LARGE_ARRAY } from "../../values/opcodes";
import { lengthOf } from "../../values/string";
import {
  border,
  getInteger,
  getShort,
  getString,
  newTable,
  reserveArray,
  slotForInteger,
  slotForString,
} from "../../values/table";
import {
  copyValue,
  INTEGER,
  integerOf,
  NIL,
  nth,
  objectOf,
  STRING,
  setInteger,
  setObject,
  TABLE,
  tagOf,
  VALUE_SHIFT,
  VALUE_SIZE,
} from "../../values/value";
import { payForMoving } from "../call";
import { Event, handlerIn } from "../events";
import { frame, setTop, top } from "../state";

/** Tables that are asked one after the other before the slow way is taken. */
const INHERITANCE_LIMIT: i32 = 16;

/** What tables that `__index` leads to have for a key that `table` doesn't: address of a value or a nil; 0: ask `indexValue`. */
function inherited(table: Table, key: usize): usize {
  for (let i = 0; i < INHERITANCE_LIMIT; i++) {
    const handler = handlerIn(table.meta, Event.INDEX);
    if (tagOf(handler) == NIL) return handler;
    if (tagOf(handler) != TABLE) return 0;
    table = Table.of(handler);
    const found = getShort(table, key);
    if (tagOf(found) != NIL) return found;
  }
  return 0;
}

/** Reading and writing of tables. `from` and `into` are what is indexed, `key` is a value. */
// biome-ignore lint/complexity/noStaticOnlyClass: functions outside of classes can't be `inline` and be linted
export class Access {
  /** to = from[key], `key` a short string. */
  @inline
  static getGlobal(from: usize, key: usize, to: usize): bool {
    if (tagOf(from) != TABLE) return false;
    const found = getShort(Table.of(from), objectOf(key));
    if (tagOf(found) == NIL && Table.of(from).meta !== null) return false;
    copyValue(to, found);
    return true;
  }

  /** The same, from a table that may inherit. */
  @inline
  static getField(from: usize, key: usize, to: usize): bool {
    if (tagOf(from) != TABLE) return false;
    const table = Table.of(from);
    let found = getShort(table, objectOf(key));
    if (tagOf(found) == NIL && table.meta !== null) {
      found = inherited(table, objectOf(key));
      if (found == 0) return false;
    }
    copyValue(to, found);
    return true;
  }

  /** to = from[key] */
  @inline
  static get(from: usize, key: usize, to: usize): bool {
    if (tagOf(from) != TABLE) return false;
    const table = Table.of(from);
    let found: usize;
    if (tagOf(key) == INTEGER) found = getInteger(table, integerOf(key));
    else if (tagOf(key) == STRING) found = getString(table, objectOf(key));
    else return false;
    if (tagOf(found) == NIL && table.meta !== null) return false;
    copyValue(to, found);
    return true;
  }

  /** to = from[index] */
  @inline
  static getIndex(from: usize, index: i32, to: usize): bool {
    if (tagOf(from) != TABLE) return false;
    const table = Table.of(from);
    const found = getInteger(table, index);
    if (tagOf(found) == NIL && table.meta !== null) return false;
    copyValue(to, found);
    return true;
  }

  /** into[key] = value, `key` a short string that is there. */
  @inline
  static setGlobal(into: usize, key: usize, value: usize): bool {
    if (tagOf(into) != TABLE) return false;
    const found = getShort(Table.of(into), objectOf(key));
    if (tagOf(found) == NIL) return false;
    copyValue(found, value);
    return true;
  }

  /** into[key] = value, `key` a short string. */
  @inline
  static setField(into: usize, key: usize, value: usize): bool {
    if (tagOf(into) != TABLE) return false;
    const table = Table.of(into);
    let slot = getShort(table, objectOf(key));
    if (tagOf(slot) == NIL) {
      if (table.meta !== null) return false;
      slot = slotForString(table, objectOf(key));
      if (slot == 0) return false;
      table.absent = 0;
    }
    copyValue(slot, value);
    return true;
  }

  /** into[key] = value */
  @inline
  static set(into: usize, key: usize, value: usize): bool {
    if (tagOf(into) != TABLE) return false;
    const table = Table.of(into);
    let slot: usize;
    if (tagOf(key) == INTEGER) {
      slot = getInteger(table, integerOf(key));
      if (tagOf(slot) == NIL) {
        if (table.meta !== null) return false;
        slot = slotForInteger(table, integerOf(key));
        if (slot == 0) return false;
      }
    } else if (tagOf(key) == STRING) {
      slot = getString(table, objectOf(key));
      if (tagOf(slot) == NIL) {
        if (table.meta !== null) return false;
        slot = slotForString(table, objectOf(key));
        if (slot == 0) return false;
        table.absent = 0;
      }
    } else {
      return false;
    }
    copyValue(slot, value);
    return true;
  }

  /** into[index] = value, `index` being there. */
  @inline
  static setIndex(into: usize, index: i32, value: usize): bool {
    if (tagOf(into) != TABLE) return false;
    const found = getInteger(Table.of(into), index);
    if (tagOf(found) == NIL) return false;
    copyValue(found, value);
    return true;
  }

  /** to = #from */
  @inline
  static length(from: usize, to: usize): bool {
    if (tagOf(from) == STRING) {
      setInteger(to, lengthOf(objectOf(from)));
      return true;
    }
    if (tagOf(from) != TABLE || Table.of(from).meta !== null) return false;
    setInteger(to, border(Table.of(from)));
    return true;
  }

  /** A table with the room that the NEWTABLE at `i` asks for, to `to`. False when there is no memory. */
  @inline
  static make(i: usize, to: usize): bool {
    const b = bOf(i);
    const table = newTable(b < LARGE_ARRAY ? b : 0, cOf(i));
    setObject(to, table.address, TABLE);
    if (b < LARGE_ARRAY) return true;
    const code = b ^ LARGE_ARRAY;
    return reserveArray(table, (code & 15) << (code >> 4));
  }

  /** Puts the values after the table at `a` into it, as the SETLIST at `i` says. False when there is no memory. */
  @inline
  static setList(i: usize, a: usize): bool {
    const b = bOf(i);
    const first = a + VALUE_SIZE;
    const count = b != 0 ? <u32>b : <u32>((top - first) >> VALUE_SHIFT);
    const done = <u32>cOf(i);
    const table = Table.of(a);
    if (!reserveArray(table, done + count)) return false;
    payForMoving(count);
    const to = table.item(done);
    for (let j: u32 = 0; j < count; j++) copyValue(nth(to, j), nth(first, j));
    if (b == 0) setTop(frame.top);
    return true;
  }
}
