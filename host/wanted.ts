// Whether what a caller gives is what is wanted: tables of options, each with what it must be in words and as a question.
// options.ts, inspect/options.ts and boot.ts have the tables. These are for mistakes of callers, whose JavaScript no compiler
// has seen; what makes sense of what is right is said where the option is taken.

import { OptionError } from "./errors.js";

/** What a value must be. */
export interface Wanted {
  /** In words: `a number`. */
  readonly what: string;
  readonly is: (value: unknown) => boolean;
  /** What is in it, when it is an array. */
  readonly items?: Wanted;
  /** What is in it, when it is an object with names of ours. */
  readonly fields?: Table;
  /** Which other names in it are mistakes; all unless said. */
  readonly mistaken?: (name: string) => boolean;
}

/** What each name stands for. */
export type Table = Readonly<Record<string, Wanted>>;

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

/** Whether `value` is an object and no array. */
export const isPlain = (value: unknown): value is object => isObject(value) && !Array.isArray(value);

/** Whether `value` is an object with these methods. */
export const hasMethods = (value: unknown, ...names: string[]): boolean =>
  isObject(value) && names.every((name) => typeof Reflect.get(value, name) === "function");

/** True or false. */
export const FLAG: Wanted = { what: "true or false", is: (value) => typeof value === "boolean" };
/** Any number; whether it makes sense is looked at later. */
export const NUMBER: Wanted = { what: "a number", is: (value) => typeof value === "number" };
/** Any string. */
export const TEXT: Wanted = { what: "a string", is: (value) => typeof value === "string" };
/** What is called back. */
export const FUNCTION: Wanted = { what: "a function", is: (value) => typeof value === "function" };
/** An object; what is in it is looked at where its names are known. */
export const OBJECT: Wanted = { what: "an object", is: isPlain };
/** What can end it. */
export const SIGNAL: Wanted = {
  what: "an AbortSignal",
  is: (value) => hasMethods(value, "addEventListener") && "aborted" in (value as object),
};

/** An array of what `items` says. */
export function listOf(what: string, items?: Wanted): Wanted {
  return { what: `an array of ${what}`, is: Array.isArray, ...(items && { items }) };
}

/**
 * Holds what `of` is given to `table`.
 * @throws OptionError for the first thing that is wrong
 */
export function checkOptions(of: string, given: unknown, table: Table): void {
  checkValue("options", given, OBJECT);
  checkFields(given as object, table, of, "");
}

/** Holds `value`, called `name`, to what is `wanted`. */
export function checkValue(name: string, value: unknown, { what, is, items, fields, mistaken }: Wanted): void {
  if (!is(value)) throw new OptionError(`${name} must be ${what}, not ${shown(value)}`);
  if (items) {
    for (const [i, item] of (value as unknown[]).entries()) checkValue(`${name}[${i}]`, item, items);
  }
  if (fields) checkFields(value as object, fields, name, `${name}.`, mistaken);
}

function checkFields(
  given: object,
  table: Table,
  of: string,
  prefix: string,
  mistaken = (_name: string) => true,
): void {
  for (const [name, value] of Object.entries(given)) {
    if (Object.hasOwn(table, name)) {
      if (value !== undefined) checkValue(prefix + name, value, table[name]!);
    } else if (mistaken(name)) {
      throw new OptionError(`unknown option "${name}" of ${of} (${suggestion(name, Object.keys(table))})`);
    }
  }
}

/** What may have been meant by `name`, which begins alike, or all that there is. */
function suggestion(name: string, known: readonly string[]): string {
  const start = name.slice(0, ALIKE).toLowerCase();
  const near = known.find((other) => other.toLowerCase().startsWith(start));
  return near === undefined ? `there are ${known.join(", ")}` : `did you mean "${near}"?`;
}

/** Letters by which words are alike. */
const ALIKE = 3;
/** Characters of a text that are shown. */
const SHOWN_MAX = 40;

/** `value` in a message: itself, or what kind of object it is. Not every value can be made a text. */
export function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, SHOWN_MAX));
  if (typeof value !== "function" && !isObject(value)) return String(value);
  return Object.prototype.toString.call(value);
}
