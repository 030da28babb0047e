// What hostile arguments are made of: numbers at every border that somebody may have forgotten, and values of any kind.

import fc from "fast-check";
import type { ValueType } from "./trampoline.js";

const BORDERS = [0, 1, 4, 8, 20, 24, 32, 64, 4095, 4096, 65_528, 65_532, 65_535, 65_536, 0x10_0000, 0x7fff_ffff]
  .flatMap((value) => [value, -value, value - 1, value + 1])
  .concat([0x8000_0000, 0xffff_fff0, 0xffff_fffc, 0xffff_ffff]);

/** Numbers that mean something to some import. */
const WORDS = [0x4004_6480, 0x4008_6481, 0x4018_64f0, 0xc000_0080, -2];

const int32 = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 6 }) },
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 65_535 }) },
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 600 }) },
  { weight: 3, arbitrary: fc.constantFrom(...BORDERS) },
  { weight: 1, arbitrary: fc.constantFrom(...WORDS) },
  { weight: 1, arbitrary: fc.integer() },
);

const int64 = fc.oneof(
  { weight: 5, arbitrary: int32.map((value) => BigInt(value >>> 0)) },
  { weight: 2, arbitrary: fc.constantFrom(31n, 32n, 53n, 63n, 64n).chain((bits) => near(1n << bits)) },
  { weight: 1, arbitrary: fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }) },
);

function near(value: bigint): fc.Arbitrary<bigint> {
  return fc.integer({ min: -4200, max: 4200 }).map((more) => value + BigInt(more));
}

/** An argument as a module hands it over. */
export function argument(type: ValueType): fc.Arbitrary<number | bigint> {
  return type === "i64" ? int64.map((value) => BigInt.asIntN(64, value)) : int32.map((value) => value | 0);
}

/** Keys that mean something to JavaScript, and others. */
export const key: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom("__proto__", "constructor", "prototype", "toString", "valueOf", "length", "then", "toJSON", "0", ""),
  fc.string({ maxLength: 12 }),
);

/** Texts that somebody may take for something else. */
export const text: fc.Arbitrary<string> = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.string({ maxLength: 20, unit: "binary" }),
  fc.constantFrom(
    "",
    "\0",
    "../..",
    "/etc/passwd",
    "file:///etc/passwd",
    "\u001b[2J",
    "\ud800",
    "a=b",
    "disk0p2:",
    "0x0",
  ),
  key,
);

/** A number of any kind. */
export const number: fc.Arbitrary<number> = fc.oneof(
  fc.constantFrom(...BORDERS, ...[0.5, -0, NaN, Infinity, -Infinity, 2 ** 53, 2 ** 53 - 1, -(2 ** 53), 1e300, 5e-324]),
  fc.integer({ min: -2, max: 70 }),
  fc.double(),
);

/** A value of JSON. */
export const json: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom<unknown>(null, true, false),
    number.map((value) => (Number.isFinite(value) ? value : null)),
    text,
    fc.array(tie("value"), { maxLength: 4 }),
    fc.array(fc.tuple(key, tie("value")), { maxLength: 4 }).map(own),
  ),
})).value;

/** An object with these keys of its own, also with those that an assignment would give to somebody else. */
export function own(entries: readonly (readonly [string, unknown])[]): Record<string, unknown> {
  const made: Record<string, unknown> = {};
  for (const [name, value] of entries)
    Object.defineProperty(made, name, { value, enumerable: true, writable: true, configurable: true });
  return made;
}

/** What a careless caller may hand over in the place of anything. */
export const anything: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: json },
  { weight: 1, arbitrary: number },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom<() => unknown>(
        () => undefined,
        () => Symbol("s"),
        () => 5n,
        () => () => {
          throw new Error("called");
        },
        () => new Date(Number.NaN),
        () => new Map([["a", 1]]),
        () => new Set([1]),
        () => new Uint8Array(5),
        () => new ArrayBuffer(5),
        () => new SharedArrayBuffer(5),
        () => Object.create(null),
        () => Object.assign([], { length: 5 }),
        () => new Proxy({}, {}),
        () => Promise.resolve(1),
        () => ({
          get a() {
            throw new Error("asked");
          },
        }),
        () => ({ toString: 1, valueOf: 1 }),
        () => new Error("an error"),
        () => /x/,
      )
      .map((make) => make()),
  },
);

/** `value` with a part somewhere in it replaced, left out, or added: the parts of a good one that get past the first look. */
export function changed(value: unknown, replacement: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc
    .array(fc.tuple(fc.array(fc.nat({ max: 30 }), { maxLength: 6 }), fc.nat({ max: 9 }), key, replacement), {
      minLength: 1,
      maxLength: 4,
    })
    .map((changes) => changes.reduce((now, [path, how, name, by]) => changedAt(now, path, how, name, by), value));
}

function changedAt(value: unknown, path: readonly number[], how: number, name: string, by: unknown): unknown {
  const isList = Array.isArray(value);
  const isPlain = typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
  if (!(isList || isPlain) || Object.values(Object.getOwnPropertyDescriptors(value)).some(({ get }) => get)) return by;
  const entries: [string, unknown][] = Object.entries(value);
  const [first = 0, ...rest] = path;
  if (how === 0 && path.length <= 1) return by;
  if (path.length === 0 || entries.length === 0) entries.push([name, by]);
  else {
    const at = first % entries.length;
    const [known, part] = entries[at]!;
    if (how === 1 && rest.length === 0) entries.splice(at, 1);
    else if (how === 2 && rest.length === 0) entries[at] = [name, part];
    else entries[at] = [known, rest.length === 0 ? by : changedAt(part, rest, how, name, by)];
  }
  return isList ? entries.map(([, part]) => part) : own(entries);
}
