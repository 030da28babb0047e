// The loader's environment: variables sorted by name, some with hooks that check or veto a change. The
// interpreters read and write it, and the kernel gets a copy (boot/bootinfo.ts).

import { compareBytes, compareBytesAt, stringAt } from "../lib/bytes";
import { ENOENT, EPERM, setErrno } from "../lib/errno";
import { HOOK_SETENV } from "../protocol";
import { permittedValue, wants } from "./policy";

/** Called instead of a plain assignment; it stores with `assign` if it agrees. Returns an errno or a command result. */
export type SetHook = (variable: Variable, value: string) => i32;

/** Called before removal; a non-zero errno keeps the variable. */
export type UnsetHook = (variable: Variable) => i32;

export class Variable {
  value: string = "";
  constructor(
    readonly name: string,
    readonly setHook: SetHook | null,
    readonly unsetHook: UnsetHook | null,
  ) {}

  /** Sets the value past any hook. */
  assign(value: string): void {
    this.value = value;
    changes++;
  }
}

/** All variables, in strcmp order of their names. */
export const environment: Variable[] = [];

/** Moves `count` variables; what they come to lie on is dropped, or is stored elsewhere by the caller. */
function move(to: i32, from: i32, count: i32): void {
  const cells = environment.dataStart;
  memory.copy(cells + ((<usize>to) << REFERENCE), cells + ((<usize>from) << REFERENCE), (<usize>count) << REFERENCE);
}
/** Bytes of a reference, as a shift. */
const REFERENCE: usize = alignof<usize>();

/** Counts what is done to variables, for those who want to know whether anything was. */
export let changes: u64 = 0;

/** Index of `name`, or `-1 - (where it belongs)`. */
function locate(name: string): i32 {
  let low = 0;
  let high = environment.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const order = compareBytes(unchecked(environment[middle]).name, name);
    if (order == 0) return middle;
    if (order < 0) low = middle + 1;
    else high = middle - 1;
  }
  return -1 - low;
}

/** The same for the name of `size` bytes at `name`. */
function locateAt(name: usize, size: i32): i32 {
  let low = 0;
  let high = environment.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const order = compareBytesAt(unchecked(environment[middle]).name, name, size);
    if (order == 0) return middle;
    if (order < 0) low = middle + 1;
    else high = middle - 1;
  }
  return -1 - low;
}

/** The value of the variable whose name is the `size` bytes at `name`, or null when it is not set. */
export function getenvAt(name: usize, size: i32): string | null {
  const index = locateAt(name, size);
  return index < 0 ? null : environment[index].value;
}

/** The value of `name`, or null when it is not set. */
export function getenv(name: string): string | null {
  const index = locate(name);
  return index < 0 ? null : environment[index].value;
}

/** Sets `name` as the operator permits, through its hook if it has one. Returns what the hook returns, else 0. */
export function setenv(name: string, value: string): i32 {
  return defineVariable(name, permittedValue(name, value), null, null);
}

/** The same for the name of `size` bytes at `name`. */
export function setenvAt(name: usize, size: i32, value: string): i32 {
  const index = locateAt(name, size);
  if (index < 0 || wants(HOOK_SETENV)) return setenv(stringAt(name, size), value);
  return change(environment[index], value);
}

/** Sets an existing variable. */
function change(variable: Variable, value: string): i32 {
  const hook = variable.setHook;
  if (hook !== null) return hook(variable, value);
  variable.assign(value);
  return 0;
}

/** `setenv` unless the variable exists. */
export function setDefault(name: string, value: string): void {
  if (locate(name) < 0) defineVariable(name, value, null, null);
}

/** Sets `name`; the hooks take effect only when that creates it. Returns what an existing hook returns, else 0. */
export function defineVariable(name: string, value: string, setHook: SetHook | null, unsetHook: UnsetHook | null): i32 {
  const index = locate(name);
  if (index >= 0) return change(environment[index], value);
  const variable = new Variable(name, setHook, unsetHook);
  variable.assign(value);
  const at = -1 - index;
  environment.push(variable);
  move(at + 1, at, environment.length - 1 - at);
  environment[at] = variable;
  return 0;
}

/** Sets from `name=value`; without `=` the value is empty. */
export function putenv(assignment: string): i32 {
  const equals = assignment.indexOf("=");
  return equals < 0
    ? setenv(assignment, "")
    : setenv(assignment.substring(0, equals), assignment.substring(equals + 1));
}

/** The same for the `size` bytes at `assignment`. */
export function putenvAt(assignment: usize, size: i32): i32 {
  let equals = 0;
  while (equals < size && load<u8>(assignment + <usize>equals) != 0x3d) equals++;
  const value = equals < size ? stringAt(assignment + <usize>equals + 1, size - equals - 1) : "";
  return setenvAt(assignment, equals, value);
}

/** Removes the variable whose name is the `size` bytes at `name`. Returns 0 or an errno, which is also in `errno`. */
export function unsetenvAt(name: usize, size: i32): i32 {
  return remove(locateAt(name, size));
}

/** Removes `name`. Returns 0 or an errno, which is also in `errno`. */
export function unsetenv(name: string): i32 {
  return remove(locate(name));
}

/** Removes a variable by what `locate` said. */
function remove(index: i32): i32 {
  if (index < 0) {
    setErrno(ENOENT);
    return ENOENT;
  }
  const hook = environment[index].unsetHook;
  if (hook !== null) {
    const error = hook(environment[index]);
    if (error != 0) {
      setErrno(error);
      return error;
    }
  }
  move(index, index + 1, environment.length - 1 - index);
  environment.pop();
  changes++;
  return 0;
}

/** Hooks of variables that scripts may read only. */
export function refuseSet(_variable: Variable, _value: string): i32 {
  return EPERM;
}

export function refuseUnset(_variable: Variable): i32 {
  return EPERM;
}
