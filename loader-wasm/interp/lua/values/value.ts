// Values and objects of the Lua VM as they lie in module memory (Lua 5.3 Reference Manual, 2.1, with FreeBSD's
// build of it, where the "float" subtype is a second kind of 64-bit integer). Everything here is plain memory:
// a value is an address of 16 bytes, an object is an address of a header and what follows.

/** Size of a value: payload (i64) at 0, tag (u32) at 8. Tables use the 4 bytes after the tag. */
export const VALUE_SIZE: i32 = 16;
export const VALUE_SHIFT: i32 = 4;

// Tags. False and nil are below the others, objects that are collected above.
export const NIL: u32 = 0;
export const FALSE: u32 = 1;
export const TRUE: u32 = 2;
export const INTEGER: u32 = 3;
/** The second number subtype: what division, powers and over-long numerals give. Also an i64. */
export const FLOAT: u32 = 4;
/** A function of the core: its index in the table of functions. */
export const BUILTIN: u32 = 5;
export const STRING: u32 = 6;
export const TABLE: u32 = 7;
/** A Lua function with its upvalues. */
export const CLOSURE: u32 = 8;
/** A function of the core with values of its own. */
export const BUILTIN_CLOSURE: u32 = 9;
export const USERDATA: u32 = 10;
// Kinds of objects that are never values.
export const PROTOTYPE: u32 = 11;
export const UPVALUE: u32 = 12;
/** What `argTag` gives for an argument that isn't there. */
export const NONE: u32 = 0xffffffff;

// Every object begins with: next object (u32) at 0, kind (tag, u8) at 4, mark (u8) at 5, two bytes of its own.
export const OBJECT_NEXT: usize = 0;
export const OBJECT_KIND: usize = 4;
export const OBJECT_MARK: usize = 5;
/** Strings: number of the reserved word that it is; long ones: 1 when the hash is known. Tables: see FLAGS. */
export const OBJECT_EXTRA: usize = 6;

// String: bytes with a NUL after them.
export const STRING_HASH: usize = 8;
export const STRING_LENGTH: usize = 12;
/** Next string of the same bucket. */
export const STRING_CHAIN: usize = 16;
export const STRING_BYTES: usize = 20;

// Table: array part for 1..size, and nodes.
/** u8 of bits at OBJECT_EXTRA: metamethods that this table, as a metatable, is known not to have. */
export const TABLE_ABSENT: usize = 6;
export const TABLE_ARRAY: usize = 8;
export const TABLE_ARRAY_SIZE: usize = 12;
export const TABLE_NODES: usize = 16;
/** Number of nodes less one; the number is a power of 2. The shared empty node has mask 0. */
export const TABLE_MASK: usize = 20;
/** Nodes from here on are taken. */
export const TABLE_FREE: usize = 24;
export const TABLE_META: usize = 28;
export const TABLE_SIZE: usize = 32;

// Node: value, distance in bytes to the next node of the chain (i32, 0: none), key.
export const NODE_TAG: usize = 8;
export const NODE_NEXT: usize = 12;
export const NODE_KEY: usize = 16;
export const NODE_KEY_TAG: usize = 24;
export const NODE_SIZE: usize = 32;

// Closure: prototype, or the function's index, then upvalues (u32 each), or values (16 bytes each).
export const CLOSURE_CODE: usize = 8;
export const CLOSURE_COUNT: usize = 12;
export const CLOSURE_UPVALUES: usize = 16;

// Upvalue: address of its value; the value itself once the function that had it as a local is left.
export const UPVALUE_AT: usize = 8;
/** Next open upvalue, further down the stack. */
export const UPVALUE_LINK: usize = 12;
export const UPVALUE_OWN: usize = 16;
export const UPVALUE_SIZE: usize = 32;

// Userdata: metatable, size, bytes.
export const USERDATA_META: usize = 8;
export const USERDATA_LENGTH: usize = 12;
export const USERDATA_BYTES: usize = 16;

// @ts-ignore: decorator
@inline
export function tagOf(value: usize): u32 {
  return load<u32>(value, 8);
}

// @ts-ignore: decorator
@inline
export function setTag(value: usize, tag: u32): void {
  store<u32>(value, tag, 8);
}

// @ts-ignore: decorator
@inline
export function integerOf(value: usize): i64 {
  return load<i64>(value);
}

/** The object of a value with a tag from STRING on. */
// @ts-ignore: decorator
@inline
export function objectOf(value: usize): usize {
  return <usize>load<u32>(value);
}

// @ts-ignore: decorator
@inline
export function setInteger(value: usize, integer: i64): void {
  store<i64>(value, integer);
  store<u32>(value, INTEGER, 8);
}

// @ts-ignore: decorator
@inline
export function setFloat(value: usize, integer: i64): void {
  store<i64>(value, integer);
  store<u32>(value, FLOAT, 8);
}

// @ts-ignore: decorator
@inline
export function setObject(value: usize, object: usize, tag: u32): void {
  store<i64>(value, <i64>object);
  store<u32>(value, tag, 8);
}

// @ts-ignore: decorator
@inline
export function setBoolean(value: usize, truth: bool): void {
  store<u32>(value, FALSE + <u32>truth, 8);
}

/** Copies a value; leaves the 4 bytes after the tag alone. */
// @ts-ignore: decorator
@inline
export function copyValue(to: usize, from: usize): void {
  store<i64>(to, load<i64>(from));
  store<u32>(to, load<u32>(from, 8), 8);
}

// @ts-ignore: decorator
@inline
export function isFalsy(value: usize): bool {
  return load<u32>(value, 8) <= FALSE;
}

// @ts-ignore: decorator
@inline
export function isNumberTag(tag: u32): bool {
  return tag == INTEGER || tag == FLOAT;
}

// @ts-ignore: decorator
@inline
export function isFunctionTag(tag: u32): bool {
  return tag == CLOSURE || tag == BUILTIN || tag == BUILTIN_CLOSURE;
}

/** The name that `type` gives; "no value" for NONE. */
export function typeName(tag: u32): string {
  switch (tag) {
    case NIL:
      return "nil";
    case FALSE:
    case TRUE:
      return "boolean";
    case INTEGER:
    case FLOAT:
      return "number";
    case STRING:
      return "string";
    case TABLE:
      return "table";
    case CLOSURE:
    case BUILTIN:
    case BUILTIN_CLOSURE:
      return "function";
    case USERDATA:
      return "userdata";
    default:
      return "no value";
  }
}
