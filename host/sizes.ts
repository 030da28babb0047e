// Sizes as people write them, on the command line and in a page's attributes, and as they are shown to people.

import { OptionError } from "./errors.js";

const MIB = 1024 * 1024;
/** Most memory of a guest: more than 46 bits address isn't built. */
const MEMORY_MAX = 2 ** 46;
const SUFFIXES: Readonly<Record<string, number>> = { k: 1, m: 2, g: 3, t: 4 };

/**
 * A size as bhyveload's -m, in bytes: a plain number below 1 MiB counts MiB; suffixes K M G T.
 * @throws OptionError
 */
export function parseMemory(text: string): number {
  const plain = /^(0x[0-9a-f]+|\d+)$/i.test(text) ? Number(text) : undefined;
  const size = plain !== undefined && plain < MIB ? plain * MIB : parseSize(text);
  if (size === undefined || size === 0) throw new OptionError(`bad memory size '${text}' (examples: 256M, 2G)`);
  if (size > MEMORY_MAX) throw new OptionError(`memory size '${text}' is more than any machine has (64T at most)`);
  return size;
}

/** A whole number with an optional suffix; undefined when it isn't one. */
export function parseSize(text: string): number | undefined {
  const match = /^(0x[0-9a-f]+|\d+)([kmgt]?)b?$/i.exec(text);
  if (match === null) return undefined;
  const size = Number(match[1]) * 1024 ** (SUFFIXES[match[2]!.toLowerCase()] ?? 0);
  return Number.isSafeInteger(size) ? size : undefined;
}

/** `bytes` of memory, at least 1 MiB, as `parseMemory` takes them: exactly, with the largest suffix that allows it. */
export function memoryText(bytes: number): string {
  const suffix = [..."tgmk"].find((suffix) => bytes % 1024 ** SUFFIXES[suffix]! === 0) ?? "";
  return `${bytes / 1024 ** (SUFFIXES[suffix] ?? 0)}${suffix.toUpperCase()}`;
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
/** From here on three digits are a thousand of a unit, or the next one. */
const FOUR_DIGITS = 999.5;

/** A size for people: three digits, or what it is exactly, and a unit. */
export function sizeText(bytes: number): string {
  const fits = UNITS.findIndex((_, power) => Math.round(bytes / 1024 ** power) < 1024);
  const unit = fits < 0 ? UNITS.length - 1 : fits;
  const value = bytes / 1024 ** unit;
  if (Number.isInteger(value)) return `${value} ${UNITS[unit]}`;
  return `${value < FOUR_DIGITS ? value.toPrecision(3) : Math.round(value)} ${UNITS[unit]}`;
}
