// How the system's own words come into the dictionary.

import { allocString } from "../../lib/bytes";
import { Op } from "./codes";
import { appendCell, appendWord, latest } from "./dictionary";
import { BODY, FLAG_COMPILE_ONLY, FLAG_IMMEDIATE, setFlag } from "./header";
import { interpretText } from "./outer";
import { LOOSENESS } from "./stacks";
import { addPrimitive } from "./vm/primitives";
import { current } from "./wordlists";

/** A word in AssemblyScript: what it needs on the stack, what it leaves there at the most. */
export function primitive(name: string, takes: i32, gives: i32, run: () => void, compileOnly: bool = false): void {
  appendWord(current, name, addPrimitive(takes, gives, run), compileOnly ? FLAG_COMPILE_ONLY : 0);
}

/** A word that takes what it needs from the stack whether it is there or not, as some do in the reference. */
export function loose(name: string, takes: i32, gives: i32, run: () => void, compileOnly: bool = false): void {
  primitive(name, takes - LOOSENESS, gives - LOOSENESS, run, compileOnly);
}

/** A word that is executed when it is compiled. */
export function immediate(name: string, takes: i32, gives: i32, run: () => void, compileOnly: bool = false): void {
  primitive(name, takes, gives, run, compileOnly);
  setFlag(latest, FLAG_IMMEDIATE);
}

/** A word of compiled code that the inner interpreter knows itself. */
export function hot(name: string, code: i32): void {
  appendWord(current, name, code, FLAG_COMPILE_ONLY);
}

/** A word that it knows, but that is executed anywhere. */
export function fast(name: string, code: i32): void {
  appendWord(current, name, code, 0);
}

/** A word that gives `value`. */
export function constant(name: string, value: i64): void {
  appendWord(current, name, Op.CONSTANT, 0);
  appendCell(value);
}

/** A word of the same kind as those that scripts define: it shows how they run. */
export function sample(name: string, code: i32): void {
  appendWord(current, name, code, FLAG_COMPILE_ONLY);
  appendCell(0);
}

/** A variable; returns the address of its cell. */
export function variableAt(name: string): usize {
  const xt = appendWord(current, name, Op.VARIABLE, 0);
  appendCell(0);
  return xt + BODY;
}

/** A word in Forth. */
export function colon(name: string, body: string): void {
  forth(`: ${name} ${body} ;`);
}

/** Interprets a line of the system's own. */
export function forth(line: string): void {
  const text = allocString(line);
  interpretText(text, line.length);
  heap.free(text);
}
