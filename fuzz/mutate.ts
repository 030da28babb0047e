// How inputs are changed: numbers of images where the core reads them, texts by their tokens and lines, and parts of two
// inputs put together.

import type { FuzzDisk, Place } from "./disk.js";
import type { Edit, Input } from "./input.js";
import type { Random } from "./random.js";

const EDITS_MAX = 24;
const TEXT_MAX = 4096;
/** Bytes that are looked at together, as somewhere where something is. */
const GRANULE = 16;
const NUMBERS = [
  0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 63, 64, 100, 127, 128, 255, 256, 511, 512, 513, 1023, 1024, 4095, 4096, 4097,
  32767, 32768, 65535, 65536, 0x100000, 0x7fffff, 0x1000000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff,
].map(BigInt);
const LARGE = [
  ...NUMBERS,
  1n << 32n,
  (1n << 40n) + 1n,
  1n << 55n,
  (1n << 63n) - 1n,
  1n << 63n,
  (1n << 64n) - 2n,
  (1n << 64n) - 1n,
];

/** What an input is changed with. */
export interface Material {
  disks: readonly FuzzDisk[];
  /** What the core read of the input that is changed. */
  places: readonly Place[];
  /** Where in a read something is. */
  filled(place: Place): readonly number[];
  /** Another input of the base. */
  other: Input;
  /** Words of the target. */
  words: readonly Uint8Array[];
  /** The base's own text, for targets of texts. */
  text: Uint8Array | undefined;
}

/** A changed `input`. */
export function mutate(random: Random, input: Input, material: Material): Input {
  let result = input;
  const text = input.text ?? material.text;
  if (text !== undefined && !(material.places.length > 0 && random.once(16)))
    return { ...input, text: mutateText(random, text, material) };
  for (let steps = random.small(6); steps > 0; steps--) result = mutateImage(random, result, material);
  return result;
}

function mutateImage(random: Random, input: Input, material: Material): Input {
  const { other } = material;
  const action = random.below(32);
  if (action === 0) {
    const size = material.disks[0]?.size ?? 0;
    const place = placeIn(random, material);
    return {
      ...input,
      cut: Math.max(1, random.once(2) ? place.at + random.below(place.size + 1) : random.below(size)),
    };
  }
  if (action <= 2 && input.edits.length > 0) return { ...input, edits: input.edits.filter(() => !random.once(3)) };
  if (action <= 4 && other.edits.length > 0)
    return { ...input, edits: limited([...input.edits, ...other.edits.filter(() => random.once(2))]) };
  if (action === 5 && input.cut !== undefined) return { ...input, cut: undefined };
  return { ...input, edits: limited([...input.edits, edit(random, input, material)]) };
}

/** Later edits win, so the first ones go. */
const limited = (edits: readonly Edit[]) => edits.slice(-EDITS_MAX);

/** Somewhere that the core has read, more often where something is. */
function placeIn(random: Random, { disks, filled, places }: Material): Place {
  const read = places.length > 0 ? random.of(places) : { disk: 0, at: 0, size: disks[0]?.size ?? 1 };
  if (read.size <= 64) return read;
  const granules = filled(read);
  const at = granules.length > 0 && !random.once(16) ? random.of(granules) : read.at + random.below(read.size);
  return { disk: read.disk, at, size: GRANULE };
}

/** The granules of a read that aren't zeros, of those that are alike the first one. */
export function filledGranules(disk: FuzzDisk, { at, size }: Place): number[] {
  const bytes = disk.bytes(at, size).toString("latin1");
  const seen = new Set<string>([bytes.slice(0, 0).padEnd(GRANULE, "\0")]);
  const found: number[] = [];
  for (let offset = 0; offset < bytes.length; offset += GRANULE) {
    const granule = bytes.slice(offset, offset + GRANULE);
    if (seen.has(granule)) continue;
    seen.add(granule);
    found.push(at + offset);
  }
  return found;
}

function edit(random: Random, input: Input, material: Material): Edit {
  const place = placeIn(random, material);
  const kind = random.below(16);
  const width = random.of([1, 1, 2, 4, 4, 8]);
  const at = place.at + (random.below(Math.max(place.size, 1)) & -(random.once(8) ? 1 : width));
  const here = edited(input, place.disk, at, material.disks[place.disk]!.bytes(at, width));
  if (kind === 0) return { disk: place.disk, at, bytes: random.bytes(random.small(16)) };
  if (kind === 1) return { disk: place.disk, at, bytes: new Uint8Array(random.small(64)).fill(random.of([0, 0xff])) };
  if (kind <= 3) {
    // What is somewhere else.
    const from = placeIn(random, material);
    const size = random.of([2, 4, 8, 16, 32, 128, random.small(512)]);
    return { disk: place.disk, at, bytes: material.disks[from.disk]!.bytes(from.at, size) };
  }
  if (kind === 4 && material.words.length > 0) return { disk: place.disk, at, bytes: random.of(material.words) };
  if (kind <= 7) {
    const bytes = Uint8Array.from(here);
    const bit = random.below(width * 8);
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    return { disk: place.disk, at, bytes };
  }
  const big = random.once(3);
  const old = numberOf(here, big);
  const change = BigInt(random.small(random.once(2) ? 4 : 70)) * (random.once(2) ? 1n : -1n);
  const value =
    kind <= 10
      ? old + change
      : kind === 11
        ? old * BigInt(random.of([2, 3, 256]))
        : random.of(width === 8 ? LARGE : NUMBERS);
  return { disk: place.disk, at, bytes: bytesOf(value, width, big) };
}

/** `bytes` of a disk as the input's own edits have them. */
function edited(input: Input, disk: number, at: number, bytes: Uint8Array): Uint8Array {
  for (const known of input.edits) {
    if (known.disk !== disk) continue;
    for (let i = 0; i < bytes.length; i++) {
      const byte = known.bytes[at + i - known.at];
      if (byte !== undefined) bytes[i] = byte;
    }
  }
  return bytes;
}

function numberOf(bytes: Uint8Array, big: boolean): bigint {
  const order = big ? bytes : Uint8Array.from(bytes).reverse();
  return order.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}

function bytesOf(value: bigint, width: number, big: boolean): Uint8Array {
  const bytes = Uint8Array.from({ length: width }, (_, i) => Number(BigInt.asUintN(8, value >> BigInt(8 * i))));
  return big ? bytes.reverse() : bytes;
}

/** A text that is like `text`. */
function mutateText(random: Random, text: Uint8Array, material: Material): Uint8Array {
  let bytes: Uint8Array = text;
  for (let steps = random.small(8); steps > 0; steps--) bytes = changeText(random, bytes, material);
  return bytes.subarray(0, TEXT_MAX);
}

function changeText(random: Random, text: Uint8Array, { other, words, text: first }: Material): Uint8Array {
  const from = random.below(text.length + 1);
  const to = Math.min(text.length, from + random.small(random.once(4) ? 200 : 12));
  const part = text.subarray(from, to);
  const join = (...parts: Uint8Array[]) => Buffer.concat([text.subarray(0, from), ...parts, text.subarray(to)]);
  const word = (): Uint8Array => (words.length > 0 ? random.of(words) : random.bytes(1));
  switch (random.below(12)) {
    case 0:
      return join();
    case 1:
      return join(part, part);
    case 2:
      return join(part, ...new Array<Uint8Array>(random.small(64)).fill(part.subarray(0, 16)));
    case 3:
    case 4:
      return join(word());
    case 5:
      return join(part, word(), Uint8Array.of(32), word());
    case 6:
      return join(Buffer.from(String(BigInt.asIntN(64, random.of(LARGE) * (random.once(3) ? -1n : 1n)))));
    case 7:
      return join(random.bytes(random.small(4)));
    case 8: {
      // A line of another one, or of the first.
      const lines = Buffer.from(other.text ?? first ?? text)
        .toString("latin1")
        .split("\n");
      const start = random.below(lines.length);
      return join(Buffer.from(`\n${lines.slice(start, start + random.small(6)).join("\n")}\n`, "latin1"));
    }
    case 9: {
      const start = random.below(text.length + 1);
      return join(text.subarray(start, start + random.small(100)));
    }
    case 10:
      return replaceToken(random, text, words);
    default: {
      const bytes = Uint8Array.from(text);
      if (bytes.length > 0) bytes[random.below(bytes.length)]! ^= 1 << random.below(8);
      return bytes;
    }
  }
}

/** Puts a word or a number in the place of one. */
function replaceToken(random: Random, text: Uint8Array, words: readonly Uint8Array[]): Uint8Array {
  const latin = Buffer.from(text).toString("latin1");
  const tokens = [...latin.matchAll(/\w+|[^\s\w]/g)];
  if (tokens.length === 0) return text;
  const { 0: token, index } = random.of(tokens);
  const isNumber = /^\d/.test(token);
  const value =
    isNumber || words.length === 0
      ? String(random.of(LARGE))
      : random.once(3)
        ? random.of(tokens)[0]
        : Buffer.from(random.of(words)).toString("latin1");
  return Buffer.from(latin.slice(0, index) + value + latin.slice(index + token.length), "latin1");
}
