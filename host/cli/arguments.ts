// Values of command-line options: sizes, keys, limits. Each either parses or throws an OptionError that
// says in one line what is wrong.

import type { Keys } from "../console/keys.js";
import { OptionError } from "../errors.js";
import { GENERATIONS, type Generation } from "../profile.js";
import { parseSize } from "../sizes.js";

/** What a guest gets whose memory nobody speaks of. */
export const DEFAULT_MEMORY = "256M";

/** The release of --profile. */
export const parseProfile = (text: string): Generation | "auto" =>
  GENERATIONS.find((one) => String(one) === text) ?? "auto";

/** The number of --hash-seed; the rest of the check is `boot`'s. */
export function parseSeed(text: string): number {
  if (!/^(0x[0-9a-f]+|\d+)$/i.test(text)) throw new OptionError(`bad hash seed '${text}' (a number below 2^32)`);
  return Number(text);
}

/** A whole number that `option` has. */
export function parseCount(option: string, text: string): number {
  const count = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(count)) throw new OptionError(`${option}: bad number '${text}' (example: 16)`);
  return count;
}

/** The `NAME=VALUE`s of --limit and its like; `known` has the names. A later one wins. */
export function parseLimits<T extends object>(texts: string[], known: Readonly<T>, example: string): Partial<T> {
  const limits: Record<string, number> = {};
  for (const text of texts) {
    const equals = text.indexOf("=");
    const name = text.slice(0, equals);
    const value = parseSize(text.slice(equals + 1));
    if (equals < 0 || value === undefined) throw new OptionError(`bad limit '${text}' (example: ${example})`);
    if (!Object.hasOwn(known, name)) {
      throw new OptionError(`unknown limit '${name}' (there are ${Object.keys(known).join(", ")})`);
    }
    limits[name] = value;
  }
  return limits as Partial<T>;
}

/** A text of the command line as the guest has texts: one character a byte. */
export function asBytes(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

/** `NAME=VALUE` of --env, as bytes. */
export function parseEnvironment(text: string): string {
  if (!/^[^=]+=/.test(text)) throw new OptionError(`bad environment entry '${text}' (example: boot_verbose=YES)`);
  return asBytes(text);
}

const ESCAPES: Readonly<Record<string, string>> = { r: "\r", n: "\n", e: "\x1b", b: "\b", t: "\t", "\\": "\\" };

/** Keys of --input: bytes with \r \n \e \b \t \\ \xHH, and \w{N} for a pause of N seconds. */
export function parseKeys(text: string): Keys[] {
  const keys: Keys[] = [];
  let typed = "";
  for (let i = 0; i < text.length; i++) {
    if (text[i] !== "\\") {
      typed += text[i];
      continue;
    }
    const rest = text.slice(i + 1);
    const wait = /^w\{(\d+(?:\.\d+)?)\}/.exec(rest);
    const byte = /^x([0-9a-f]{2})/i.exec(rest);
    const simple = ESCAPES[rest[0] ?? ""];
    if (wait) {
      if (typed !== "") keys.push(typed);
      typed = "";
      keys.push({ waitS: Number(wait[1]) });
      i += wait[0].length;
    } else if (byte) {
      typed += String.fromCharCode(Number.parseInt(byte[1]!, 16));
      i += byte[0].length;
    } else if (simple !== undefined) {
      typed += simple;
      i++;
    } else {
      throw new OptionError(
        `unknown escape '\\${rest[0] ?? ""}' in the input (there are \\r \\n \\e \\b \\t \\\\ \\xHH \\w{N})`,
      );
    }
  }
  if (typed !== "") keys.push(typed);
  return keys;
}
