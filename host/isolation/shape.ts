// Checks of what came from somewhere that nobody trusts: whether a value has the shape that is promised. check.ts has those of
// boots, inspect/check.ts those of inspections.

/** Whether a value is what it should be. */
export type Check = (value: unknown) => boolean;

/** Any string. */
export const text: Check = (value) => typeof value === "string";
/** A number that is one. */
export const number: Check = (value) => Number.isFinite(value);
/** A whole number, exactly. */
export const whole: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
/** A number of 64 bits, as results write it. */
export const hex: Check = (value) => typeof value === "string" && /^0x[0-9a-f]{1,16}$/.test(value);
/** True or false. */
export const flag: Check = (value) => typeof value === "boolean";
/** A buffer that nobody else has, and that platforms take: not all do one that can be resized. */
export const isBuffer = (value: unknown): value is ArrayBuffer => value instanceof ArrayBuffer && !value.resizable;
/** An array of bytes, in such a buffer. */
export const bytes: Check = (value) => value instanceof Uint8Array && isBuffer(value.buffer);
/** One of these texts. */
export const one =
  (...values: string[]): Check =>
  (value) =>
    values.includes(value as string);
/** What one of the checks takes. */
export const either =
  (...checks: Check[]): Check =>
  (value) =>
    checks.some((check) => check(value));
/** A list of what `check` takes. */
export const list =
  (check: Check): Check =>
  (value) => {
    if (!Array.isArray(value)) return false;
    // One by one, holes too: an array can be said to be of any length.
    for (const item of value) if (!check(item)) return false;
    return true;
  };
/** A list of so many, each with a check of its own. */
export const tuple =
  (...checks: Check[]): Check =>
  (value) =>
    Array.isArray(value) && value.length === checks.length && checks.every((check, i) => check(value[i]));
/** Whether it is a plain object: some platforms send instances of their own classes, too. */
export const isObject = (value: unknown): value is Record<string, unknown> => {
  if (Object.prototype.toString.call(value) !== "[object Object]") return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
};
/** An object whose values `check` takes, whatever they are called. */
export const dictionary =
  (check: Check): Check =>
  (value) =>
    isObject(value) && Object.values(value).every(check);
/** An object with all of `fields`, perhaps some of `more`, and nothing else. */
export const object =
  (fields: Record<string, Check>, more: Record<string, Check> = {}): Check =>
  (value) =>
    isObject(value) &&
    Object.entries(fields).every(([name, check]) => check(value[name])) &&
    Object.entries(value).every(
      ([name, field]) =>
        Object.hasOwn(fields, name) || field === undefined || (Object.hasOwn(more, name) && more[name]!(field)),
    );

/** Most values in what comes out of a cell: a result has fewer. */
export const VALUES_MAX = 2_000_000;

/** Whether `value` has no more than VALUES_MAX in it: threads can tell of one list many times, and each time it is looked at. */
export function isModest(value: unknown): boolean {
  const open = [value];
  for (let values = 0; open.length > 0; ) {
    const next = open.pop();
    if (!Array.isArray(next) && !isObject(next)) continue;
    const inside = Object.values(next);
    values += inside.length;
    if (values > VALUES_MAX) return false;
    for (const one of inside) if (typeof one === "object") open.push(one);
  }
  return true;
}

/** What a session asks for of a disk that its caller has. */
export const readRequest = object({ type: text, disk: whole, offset: whole, size: whole });

/** Characters of an error's text: a path may be there twice. */
export const ERROR_TEXT_MAX = 256 * 1024;
const line: Check = (value) => text(value) && (value as string).length <= ERROR_TEXT_MAX;

/** An error as it crosses a border. */
export const plainError = object(
  { name: line, message: line },
  {
    limit: line,
    allowed: number,
    used: number,
    disk: line,
    tree: line,
    rule: line,
    subject: line,
    path: line,
    code: line,
    url: line,
    status: number,
    refused: text,
  },
);
