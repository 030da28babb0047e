// How a session ends inside the core, and what it tells on the way: fuel, memory and internal faults end
// it with a typed error of the host; damage in guest data is reported and answered with an errno.

import { delay, FAULT_FUEL, FAULT_INTERNAL, FAULT_MEMORY, fault, report } from "../protocol";
import { allocString } from "./bytes";
import { setErrno } from "./errno";
import { flush } from "./output";

/** Fuel left: roughly, instructions of an interpreter, or steps of a loop over guest data. */
let fuel: i64 = i64.MAX_VALUE;
/** The host gets to look at its clock whenever this much is used, however little else it is asked for. */
const FUEL_BETWEEN_LOOKS: i64 = 1 << 20;
/** Below this, something is to be done. */
let nextLook: i64 = 0;

/** Sets the session's fuel. Exported to the host, which calls it before the session starts. */
export function grantFuel(amount: i64): void {
  fuel = amount;
  nextLook = max(fuel - FUEL_BETWEEN_LOOKS, 0);
}

/** Exported to the host: what is left. */
export function fuelLeft(): i64 {
  return fuel;
}

/** Uses up fuel; ends the session when it is gone. */
export function burn(amount: i64): void {
  fuel -= amount;
  if (fuel < nextLook) look();
}

function look(): void {
  if (fuel < 0) die(FAULT_FUEL, "fuel exhausted");
  nextLook = max(fuel - FUEL_BETWEEN_LOOKS, 0);
  // The host may end the session any moment now, and what was printed before tells how far it got.
  flush();
  delay(0);
}

/** A block of `size` bytes; ends the session when it can't be had. Release with `heap.free`. */
export function allocate(size: usize): usize {
  if (size > 0x40000000) die(FAULT_MEMORY, `allocation of ${size} bytes`);
  return heap.alloc(size);
}

/** Ends the session with a typed error; `kind` is one of protocol's FAULT_*. Does not return. */
export function die(kind: i32, text: string): void {
  // What was printed until then tells how far it got.
  flush();
  fault(kind, allocString(text), text.length);
  unreachable();
}

/**
 * Records damage in guest data (`where` names device and offset, `what` structure, field and value). Sets errno to
 * `code` and returns it, as every `damaged` of the core does.
 */
export function damaged(where: string, what: string, code: i32): i32 {
  setErrno(code);
  const text = where.length > 0 ? `${where}: ${what}` : what;
  // Looking for other names of a file comes across the same damage again.
  if (text == lastDamage) return code;
  lastDamage = text;
  if (damages.includes(text)) return code;
  if (damages.length < DAMAGES_MAX) damages.push(text);
  if (hushed) return code;
  const block = allocString(text);
  report(block, text.length);
  heap.free(block);
  return code;
}
let lastDamage: string = "";

/** Reports that are kept, the first ones, for whoever explains what came of them. */
export const damages: string[] = [];
const DAMAGES_MAX: i32 = 64;
/** Whether the host isn't told any more. */
let hushed: bool = false;

/** Damage is kept from now on, and not reported. */
export function hushDamage(): void {
  hushed = true;
}

/** A new account of damage begins: what is met again is reported again. */
export function forgetDamage(): void {
  hushed = false;
  lastDamage = "";
  damages.length = 0;
}

/** `value`, which the caller knows to be there; ends the session when it isn't. */
export function present<T>(value: T | null): T {
  return value!;
}

/** `value` as the class `T`, or null when it is of another one. */
export function narrowed<T, F>(value: F): T | null {
  return value instanceof T ? changetype<T>(value) : null;
}

/** Target of AssemblyScript's own checks (bounds, allocation, stack): a broken invariant of the core. */
export function onAbort(message: string | null, file: string | null, line: u32, column: u32): void {
  const what = message === null ? "abort" : message;
  const where = file === null ? "?" : file;
  die(FAULT_INTERNAL, `${what} at ${where}:${line}:${column}`);
}
