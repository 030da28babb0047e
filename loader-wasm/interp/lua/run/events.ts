// Metatables: the events that they have handlers for (Lua 5.3 Reference Manual, 2.4), and finding the handler of a value.

import { Table, Userdata } from "../values/objects";
import { pinString, sameString, stringOf, textOf } from "../values/string";
import { getShort, nothing } from "../values/table";
import { integerOf, isNumberTag, NIL, objectOf, STRING, TABLE, TRUE, tagOf, typeName, USERDATA } from "../values/value";
import { stringMeta } from "./state";

/** Events in the order of EVENTS. What a metatable lacks of the first eight is remembered in it. */
export namespace Event {
  export const INDEX: i32 = 0;
  export const NEWINDEX: i32 = 1;
  export const GC: i32 = 2;
  export const MODE: i32 = 3;
  export const LEN: i32 = 4;
  export const EQ: i32 = 5;
  export const NAME: i32 = 6;
  export const CALL: i32 = 7;
  /** ADD to BNOT, as the operations. */
  export const ARITHMETIC: i32 = 8;
  export const LT: i32 = 22;
  export const LE: i32 = 23;
  export const CONCAT: i32 = 24;
  export const TOSTRING: i32 = 25;
  export const PAIRS: i32 = 26;
  export const METATABLE: i32 = 27;
  export const CLOSE: i32 = 28;
}
const EVENTS =
  "index newindex gc mode len eq name call add sub mul mod pow div idiv band bor bxor shl shr unm bnot lt le concat tostring pairs metatable close";
const REMEMBERED: i32 = 8;
const eventNames: usize = memory.data(32 * 4);

/** Makes the events' names. */
export function startEvents(): void {
  const names = EVENTS.split(" ");
  for (let i = 0; i < names.length; i++) {
    store<u32>(eventNames + ((<usize>i) << 2), <u32>pinString(stringOf(`__${names[i]}`)));
  }
}

/** The name of an event, with its `__`. */
export function eventText(event: i32): string {
  return textOf(<usize>load<u32>(eventNames + ((<usize>event) << 2)));
}

/** The handler for `event` in the metatable `meta` (0: none), or `nothing`. */
export function handlerIn(meta: Table | null, event: i32): usize {
  if (meta === null) return nothing;
  if (event < REMEMBERED && (meta.absent & ((<u8>1) << (<u8>event))) != 0) return nothing;
  const handler = getShort(meta, <usize>load<u32>(eventNames + ((<usize>event) << 2)));
  if (tagOf(handler) != NIL) return handler;
  if (event < REMEMBERED) meta.absent = meta.absent | ((<u8>1) << (<u8>event));
  return nothing;
}

/** The metatable of the value at `at`. */
export function metaOf(at: usize): Table | null {
  switch (tagOf(at)) {
    case TABLE:
      return Table.of(at).meta;
    case USERDATA:
      return Userdata.of(at).meta;
    case STRING:
      return stringMeta;
    default:
      return null;
  }
}

/** The handler of the value at `at` for `event`, or `nothing`. */
export function handlerOf(at: usize, event: i32): usize {
  return handlerIn(metaOf(at), event);
}

/** The handler that one of two operands has, the first one asked first, or `nothing`. */
export function handlerOfEither(a: usize, b: usize, event: i32): usize {
  const handler = handlerOf(a, event);
  return handler != nothing ? handler : handlerOf(b, event);
}

/** The type of a value as messages name it. */
export function typeNameOf(at: usize): string {
  const tag = tagOf(at);
  if (tag == TABLE || tag == USERDATA) {
    const name = handlerOf(at, Event.NAME);
    if (tagOf(name) == STRING) return textOf(objectOf(name));
  }
  return typeName(tag);
}

/** Whether two values are equal without asking their metatables. */
export function equalRaw(a: usize, b: usize): bool {
  const tag = tagOf(a);
  if (tag != tagOf(b)) return isNumberTag(tag) && isNumberTag(tagOf(b)) && integerOf(a) == integerOf(b);
  if (tag <= TRUE) return true;
  if (tag == STRING) return sameString(objectOf(a), objectOf(b));
  return integerOf(a) == integerOf(b);
}
