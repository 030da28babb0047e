// Values and objects of the Lua VM as they lie in module memory (Lua 5.3 Reference Manual, 2.1, with FreeBSD's
// build of it, where the "float" subtype is a second kind of 64-bit integer). A value is an address of 16 bytes, on
// the stack, in a table, among constants; what is here reads and writes them. objects.ts has what they refer to.

/** Size of a value: payload (i64) at 0, tag (u32) at 8. Nodes of tables use the 4 bytes after the tag. */
export const VALUE_SIZE: i32 = 16;
/** Its logarithm. */
export const VALUE_SHIFT: i32 = 4;
const TAG: usize = 8;

/** Address of value `index` of those that lie in a row from `first` on. */
// @ts-ignore: decorator
@inline
export function nth(first: usize, index: usize): usize {
  return first + (index << VALUE_SHIFT);
}

// Tags. False and nil are below the others, objects that are collected above.
/** Has no payload, nor have the next two. */
export const NIL: u32 = 0;
/** The one boolean, */
export const FALSE: u32 = 1;
/** and the other. */
export const TRUE: u32 = 2;
/** A 64-bit integer. */
export const INTEGER: u32 = 3;
/** The second number subtype: what division, powers and over-long numerals give. Also an i64. */
export const FLOAT: u32 = 4;
/** A function of the core: its index in the table of functions. */
export const BUILTIN: u32 = 5;
/** A string; objects.ts has the layouts of this and what follows. */
export const STRING: u32 = 6;
/** A table, as values/table.ts lays it out. */
export const TABLE: u32 = 7;
/** A Lua function with its upvalues. */
export const CLOSURE: u32 = 8;
/** A function of the core with values of its own. */
export const BUILTIN_CLOSURE: u32 = 9;
/** What libraries keep for scripts: files, directories, digests. */
export const USERDATA: u32 = 10;
// Kinds of objects that are never values.
/** What closures are made of. */
export const PROTOTYPE: u32 = 11;
/** A variable that closures share. */
export const UPVALUE: u32 = 12;
/** What `argTag` gives for an argument that isn't there. */
export const NONE: u32 = 0xffffffff;

/** Tag of the value at `value`. */
// @ts-ignore: decorator
@inline
export function tagOf(value: usize): u32 {
  return load<u32>(value, TAG);
}

/** Sets the tag, which is all that nil and booleans are. */
// @ts-ignore: decorator
@inline
export function setTag(value: usize, tag: u32): void {
  store<u32>(value, tag, TAG);
}

/** The number of a value of either subtype. */
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

/** Makes it an integer. */
// @ts-ignore: decorator
@inline
export function setInteger(value: usize, integer: i64): void {
  store<i64>(value, integer);
  store<u32>(value, INTEGER, TAG);
}

/** Makes it a number of the second subtype. */
// @ts-ignore: decorator
@inline
export function setFloat(value: usize, integer: i64): void {
  store<i64>(value, integer);
  store<u32>(value, FLOAT, TAG);
}

/** Makes it an object of the tag's kind, or a function of the core. */
// @ts-ignore: decorator
@inline
export function setObject(value: usize, object: usize, tag: u32): void {
  store<i64>(value, <i64>object);
  store<u32>(value, tag, TAG);
}

/** Makes it a boolean. */
// @ts-ignore: decorator
@inline
export function setBoolean(value: usize, truth: bool): void {
  store<u32>(value, FALSE + <u32>truth, TAG);
}

/** Copies a value; leaves the 4 bytes after the tag alone. */
// @ts-ignore: decorator
@inline
export function copyValue(to: usize, from: usize): void {
  store<i64>(to, load<i64>(from));
  store<u32>(to, load<u32>(from, TAG), TAG);
}

/** Whether it is nil or false. */
// @ts-ignore: decorator
@inline
export function isFalsy(value: usize): bool {
  return load<u32>(value, TAG) <= FALSE;
}

/** Whether values with the tag are numbers. */
// @ts-ignore: decorator
@inline
export function isNumberTag(tag: u32): bool {
  return tag == INTEGER || tag == FLOAT;
}

/** Whether they are functions. */
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
