// The loader's environment: variables sorted by name, some with hooks that check or veto a change. The
// interpreters read and write it, and the kernel gets a copy (boot/bootinfo.ts).

import { Ascii } from "../lib/ascii";
import { compareBytes, compareBytesAt, stringAt } from "../lib/bytes";
import { ENOENT, EPERM, setErrno } from "../lib/errno";
import { burn } from "../lib/fault";
import { HOOK_SETENV } from "../protocol";
import { permittedValue, wants } from "./questions";

/** Called instead of a plain assignment; it stores with `assign` if it agrees. Returns an errno or a command result. */
export type SetHook = (variable: Variable, value: string) => i32;

/** Called before removal; a non-zero errno keeps the variable. */
export type UnsetHook = (variable: Variable) => i32;

/** A variable. It stands in `environment` once, as long as it is set. */
export class Variable {
  value: string = "";
  /** That of the name, and the next one in the chain for it. */
  readonly hash: u32;
  next: Variable | null = null;
  constructor(
    readonly name: string,
    readonly setHook: SetHook | null,
    readonly unsetHook: UnsetHook | null,
  ) {
    this.hash = hashOf(name);
  }

  /** Sets the value past any hook; it ends at a NUL. */
  assign(value: string): void {
    const end = value.indexOf("\0");
    this.value = end < 0 ? value : value.substring(0, end);
    changes++;
  }
}

/** All variables, in strcmp order of their names. */
export const environment: Variable[] = [];

/** Moves `count` variables; what they come to lie on is dropped, or is stored elsewhere by the caller. */
function move(to: i32, from: i32, count: i32): void {
  burn(<i64>(count >> MOVED_SHIFT));
  const cells = environment.dataStart;
  memory.copy(cells + ((<usize>to) << REFERENCE), cells + ((<usize>from) << REFERENCE), (<usize>count) << REFERENCE);
}
/** Variables that are moved for one unit of fuel, and bytes of a reference, as shifts. */
const MOVED_SHIFT: i32 = 4;
const REFERENCE: usize = alignof<usize>();

/** Counts what is done to variables, for those who want to know whether anything was. */
export let changes: u64 = 0;

/** The same by the hashes of their names: chains, at least one for two variables. */
let chains = new StaticArray<Variable | null>(256);
/** Variables looked at for one step of fuel. */
const VARIABLES_PER_FUEL: i32 = 16;

/** FNV-1a, of a name that is bytes and of one that is a string. */
function hashAt(name: usize, size: i32): u32 {
  let hash: u32 = 0x811c9dc5;
  for (let i: usize = 0; i < <usize>size; i++) hash = (hash ^ load<u8>(name + i)) * 0x01000193;
  return hash;
}
function hashOf(name: string): u32 {
  const bytes = changetype<usize>(name);
  let hash: u32 = 0x811c9dc5;
  for (let i: usize = 0; i < <usize>name.length; i++) hash = (hash ^ load<u16>(bytes + (i << 1))) * 0x01000193;
  return hash;
}

function chainOf(hash: u32): i32 {
  return <i32>(hash & <u32>(chains.length - 1));
}

/** The variable `name`, or null. */
function find(name: string): Variable | null {
  let looked = 0;
  let variable = chains[chainOf(hashOf(name))];
  while (variable !== null && variable.name != name) {
    variable = variable.next;
    if (++looked % VARIABLES_PER_FUEL == 0) burn(1);
  }
  return variable;
}

/** The variable whose name is the `size` bytes at `name`, or null. */
function findAt(name: usize, size: i32): Variable | null {
  let looked = 0;
  let variable = chains[chainOf(hashAt(name, size))];
  while (variable !== null && compareBytesAt(variable.name, name, size) != 0) {
    variable = variable.next;
    if (++looked % VARIABLES_PER_FUEL == 0) burn(1);
  }
  return variable;
}

function link(variable: Variable): void {
  const chain = chainOf(variable.hash);
  variable.next = chains[chain];
  chains[chain] = variable;
}

function unlink(variable: Variable): void {
  const chain = chainOf(variable.hash);
  let before = chains[chain];
  if (before === variable) {
    chains[chain] = variable.next;
    return;
  }
  while (before !== null && before.next !== variable) before = before.next;
  if (before !== null) before.next = variable.next;
}

/** Makes the variable `name`, which must not be there, and puts it where it belongs. */
function create(name: string, value: string, setHook: SetHook | null, unsetHook: UnsetHook | null): void {
  const variable = new Variable(name, setHook, unsetHook);
  variable.assign(value);
  const at = placeOf(name);
  environment.push(variable);
  move(at + 1, at, environment.length - 1 - at);
  environment[at] = variable;
  if (environment.length <= 2 * chains.length) {
    link(variable);
    return;
  }
  chains = new StaticArray<Variable | null>(2 * chains.length);
  for (let i = 0; i < environment.length; i++) link(environment[i]);
}

/** Index of the first variable whose name isn't less than `name`. */
function placeOf(name: string): i32 {
  let low = 0;
  let high = environment.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareBytes(unchecked(environment[middle]).name, name) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The value of the variable whose name is the `size` bytes at `name`, or null when it is not set. */
export function getenvAt(name: usize, size: i32): string | null {
  const variable = findAt(name, size);
  return variable === null ? null : variable.value;
}

/** The value of `name`, or null when it is not set. */
export function getenv(name: string): string | null {
  const variable = find(name);
  return variable === null ? null : variable.value;
}

/** Sets `name` as the operator permits, through its hook if it has one. Returns what the hook returns, else 0. */
export function setenv(name: string, value: string): i32 {
  return defineVariable(name, permittedValue(name, value), null, null);
}

/** The same for the name of `size` bytes at `name`. */
export function setenvAt(name: usize, size: i32, value: string): i32 {
  if (wants(HOOK_SETENV)) return setenv(stringAt(name, size), value);
  const variable = findAt(name, size);
  if (variable !== null) return change(variable, value);
  create(stringAt(name, size), value, null, null);
  return 0;
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
  if (find(name) === null) defineVariable(name, value, null, null);
}

/** Sets `name`; the hooks take effect only when that creates it. Returns what an existing hook returns, else 0. */
export function defineVariable(name: string, value: string, setHook: SetHook | null, unsetHook: UnsetHook | null): i32 {
  const existing = find(name);
  if (existing !== null) return change(existing, value);
  create(name, value, setHook, unsetHook);
  return 0;
}

/** Whether what is being set has a value; without one it is as if it were empty, but for the hook that looks. */
export let valued: bool = true;

/** Sets from `name=value`; without `=` there is no value. */
export function putenv(assignment: string): i32 {
  const equals = assignment.indexOf("=");
  if (equals >= 0) return setenv(assignment.substring(0, equals), assignment.substring(equals + 1));
  valued = false;
  const result = setenv(assignment, "");
  valued = true;
  return result;
}

/** The same for the `size` bytes at `assignment`. */
export function putenvAt(assignment: usize, size: i32): i32 {
  let equals = 0;
  while (equals < size && load<u8>(assignment + <usize>equals) != Ascii.EQUALS) equals++;
  if (equals == size) return putenv(stringAt(assignment, size));
  return setenvAt(assignment, equals, stringAt(assignment + <usize>equals + 1, size - equals - 1));
}

/** Removes the variable whose name is the `size` bytes at `name`. Returns 0 or an errno, which is also in `errno`. */
export function unsetenvAt(name: usize, size: i32): i32 {
  return remove(findAt(name, size));
}

/** Removes `name`. Returns 0 or an errno, which is also in `errno`. */
export function unsetenv(name: string): i32 {
  return remove(find(name));
}

function remove(variable: Variable | null): i32 {
  if (variable === null) {
    setErrno(ENOENT);
    return ENOENT;
  }
  const hook = variable.unsetHook;
  if (hook !== null) {
    const error = hook(variable);
    if (error != 0) {
      setErrno(error);
      return error;
    }
  }
  const index = placeOf(variable.name);
  move(index, index + 1, environment.length - 1 - index);
  environment.pop();
  unlink(variable);
  changes++;
  return 0;
}

/** Set hook of variables that scripts may read only. */
export function refuseSet(_variable: Variable, _value: string): i32 {
  return EPERM;
}

/** Hook of variables that can't be removed. */
export function refuseUnset(_variable: Variable): i32 {
  return EPERM;
}
