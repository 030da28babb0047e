// Decoder of LZMA (LZMA specification): bits of an adaptive range coder, which say literals, and what is repeated of earlier
// output. A chunk of LZMA2 is decoded at once, from memory to memory; state and probabilities stay from chunk to chunk.

import { allocate, burn } from "../../lib/fault";
import { repeat } from "../copies";

/** Probabilities, 11 bits of them in 16: what they begin with, and how fast they follow what they see. */
const PROBABILITY_BITS: u32 = 11;
const HALF: u64 = 0x0400040004000400;
const RATE: u32 = 5;
/** Below this, the coder takes the next byte. */
const RANGE_MIN: u32 = 1 << 24;
/** Bytes that a chunk's coder begins with, of which the first is 0. */
const CODER_HEAD: usize = 5;

/** Offsets of the groups of probabilities, two bytes each, by what was decoded last (12 states) and where it is (16 places). */
const STATES: usize = 12;
const PLACES: usize = 16;
const IS_MATCH: usize = 0;
const IS_REPEATED: usize = IS_MATCH + 2 * STATES * PLACES;
const IS_OLDER: usize = IS_REPEATED + 2 * STATES;
const IS_THIRD: usize = IS_OLDER + 2 * STATES;
const IS_FOURTH: usize = IS_THIRD + 2 * STATES;
const IS_LONG: usize = IS_FOURTH + 2 * STATES;
const SLOTS: usize = IS_LONG + 2 * STATES * PLACES;
const SLOT_BITS: u32 = 6;
const NEAR: usize = SLOTS + 2 * 4 * 64;
const ALIGNED: usize = NEAR + 2 * 128;
const ALIGNED_BITS: u32 = 4;
/** Lengths: two choices, then those from 2, from 10 (both by place), and from 18. */
const MATCH_LENGTHS: usize = ALIGNED + 2 * 16;
const LOW: usize = 4;
const MIDDLE: usize = LOW + 2 * 8 * PLACES;
const HIGH: usize = MIDDLE + 2 * 8 * PLACES;
const LENGTHS_SIZE: usize = HIGH + 2 * 256;
const REPEATED_LENGTHS: usize = MATCH_LENGTHS + LENGTHS_SIZE;
const LITERALS: usize = REPEATED_LENGTHS + LENGTHS_SIZE;
/** Bytes of a literal's, and in how many bits of what is around it they can differ. */
const LITERAL_SIZE: usize = 2 * 0x300;
const LITERAL_BITS_MAX: u32 = 4;
const SIZE: usize = LITERALS + (LITERAL_SIZE << LITERAL_BITS_MAX);

/** States below this were literals. */
const LITERAL_STATES: u32 = 7;
/** Slots of distances: those that are distances themselves, those whose lower bits have probabilities, each its own. */
const SLOT_DIRECT: u32 = 4;
const SLOT_NEAR: u32 = 14;
const LENGTH_MIN: u32 = 2;
/** Properties are (place bits * 5 + literal place bits) * 9 + literal bits. */
const PROPERTIES_MAX: u32 = 225;

/** The coder of the chunk that is decoded, and where its next byte is. */
let range: u32 = 0;
let code: u32 = 0;
let next: usize = 0;

/** The bit that has the probability at `at`. */
function bit(at: usize): u32 {
  if (range < RANGE_MIN) fill();
  const probability = <u32>load<u16>(at);
  const bound = (range >> PROBABILITY_BITS) * probability;
  if (code < bound) {
    range = bound;
    store<u16>(at, probability + (((1 << PROBABILITY_BITS) - probability) >> RATE));
    return 0;
  }
  range -= bound;
  code -= bound;
  store<u16>(at, probability - (probability >> RATE));
  return 1;
}

function fill(): void {
  range <<= 8;
  code = (code << 8) | <u32>load<u8>(next++);
}

/** A number of `count` bits, the upper one first, by a tree of probabilities at `tree`. */
function number(tree: usize, count: u32): u32 {
  let node: u32 = 1;
  for (let i: u32 = 0; i < count; i++) node = (node << 1) | bit(tree + ((<usize>node) << 1));
  return node - (1 << count);
}

/** The same, the lower one first. */
function reversed(tree: usize, count: u32): u32 {
  let node: u32 = 1;
  let value: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const one = bit(tree + ((<usize>node) << 1));
    node = (node << 1) | one;
    value |= one << i;
  }
  return value;
}

/** A number of `count` bits, each as likely as not. */
function plain(count: u32): u32 {
  let value: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    if (range < RANGE_MIN) fill();
    range >>= 1;
    const one: u32 = code >= range ? 1 : 0;
    if (one) code -= range;
    value = (value << 1) | one;
  }
  return value;
}

/** The length of a match, by the probabilities at `group`. */
function lengthOf(group: usize, place: u32): u32 {
  const low = (<usize>place) << 4;
  if (!bit(group)) return LENGTH_MIN + number(group + LOW + low, 3);
  if (!bit(group + 2)) return LENGTH_MIN + 8 + number(group + MIDDLE + low, 3);
  return LENGTH_MIN + 16 + number(group + HIGH, 8);
}

/** The state of a stream. */
export class LzmaDecoder {
  private readonly probabilities: usize = allocate(SIZE);
  private state: u32 = 0;
  /** The last four distances, less 1. */
  private distance: u32 = 0;
  private distance2: u32 = 0;
  private distance3: u32 = 0;
  private distance4: u32 = 0;
  /** How many bits of the last byte choose a literal's probabilities, how many of its place, and masks of the place. */
  private lastBits: u32 = 0;
  private literalMask: u32 = 0;
  private placeMask: u32 = 0;

  /** Takes over properties, as a byte. False when they make no sense. */
  useProperties(properties: u32): bool {
    const lastBits = properties % 9;
    const literalBits = (properties / 9) % 5;
    if (properties >= PROPERTIES_MAX || lastBits + literalBits > LITERAL_BITS_MAX) return false;
    this.lastBits = lastBits;
    this.literalMask = (1 << literalBits) - 1;
    this.placeMask = (1 << (properties / 45)) - 1;
    return true;
  }

  /** Forgets all but the properties. */
  resetState(): void {
    this.state = 0;
    this.distance = this.distance2 = this.distance3 = this.distance4 = 0;
    for (let at: usize = 0; at < SIZE; at += 8) store<u64>(this.probabilities + at, HALF);
  }

  close(): void {
    heap.free(this.probabilities);
  }

  /**
   * Decodes `size` bytes to `dst`, where they have room up to `end`, from the chunk at `src` up to `srcEnd`, behind which a
   * few bytes can be read. What is repeated begins at `first` at the earliest, and not more than `window` bytes before: what
   * is kept of the output. `before` counts the stream's bytes before `dst`. False when the chunk is none.
   */
  decode(src: usize, srcEnd: usize, dst: usize, size: u32, end: usize, first: usize, window: usize, before: u32): bool {
    if (srcEnd - src < CODER_HEAD || load<u8>(src) != 0) return false;
    range = u32.MAX_VALUE;
    code = bswap<u32>(load<u32>(src, 1));
    next = src + CODER_HEAD;
    burn(<i64>(size >> 1));
    const stop = dst + <usize>size;
    let out = dst;
    while (out < stop) {
      // One symbol takes less than what can be read behind the chunk.
      if (next > srcEnd) return false;
      const position = before + <u32>(out - dst);
      const place = position & this.placeMask;
      if (!bit(this.probabilities + IS_MATCH + this.byPlace(place))) {
        this.literal(out++, first, position);
        continue;
      }
      const length = this.match(place);
      const distance = this.distance;
      // A short repetition is of one byte. No match goes beyond its chunk, or before the output that is there.
      if (<usize>distance >= min(out - first, window) || <usize>length > stop - out) return false;
      repeat(out, <usize>distance + 1, <usize>length, end);
      out += <usize>length;
    }
    if (range < RANGE_MIN) fill();
    return next == srcEnd && code == 0;
  }

  private byPlace(place: u32): usize {
    return (<usize>((this.state << 4) + place)) << 1;
  }

  /** Decodes a byte to `out`. Behind a match, its bits follow those of the byte that would have gone on with it. */
  private literal(out: usize, first: usize, position: u32): void {
    const last: u32 = out > first ? <u32>load<u8>(out - 1) : 0;
    const group = ((position & this.literalMask) << this.lastBits) + (last >> (8 - this.lastBits));
    const tree = this.probabilities + LITERALS + <usize>group * LITERAL_SIZE;
    let node: u32 = 1;
    if (this.state >= LITERAL_STATES) {
      // The distance of a match that was decoded: less than what is kept.
      let other = <u32>load<u8>(out - <usize>this.distance - 1);
      while (node < 0x100) {
        const expected = (other >> 7) & 1;
        other <<= 1;
        const one = bit(tree + ((<usize>(((1 + expected) << 8) + node)) << 1));
        node = (node << 1) | one;
        if (one != expected) break;
      }
    }
    while (node < 0x100) node = (node << 1) | bit(tree + ((<usize>node) << 1));
    store<u8>(out, <u8>node);
    this.state = this.state < 4 ? 0 : this.state < 10 ? this.state - 3 : this.state - 6;
  }

  /** Decodes a match: its length is returned, its distance comes first among the last ones. */
  private match(place: u32): u32 {
    const probabilities = this.probabilities;
    const byState = probabilities + ((<usize>this.state) << 1);
    const literals = this.state < LITERAL_STATES;
    if (!bit(byState + IS_REPEATED)) {
      this.distance4 = this.distance3;
      this.distance3 = this.distance2;
      this.distance2 = this.distance;
      const length = lengthOf(probabilities + MATCH_LENGTHS, place);
      this.distance = this.newDistance(length);
      this.state = literals ? 7 : 10;
      return length;
    }
    if (!bit(byState + IS_OLDER)) {
      if (!bit(probabilities + IS_LONG + this.byPlace(place))) {
        this.state = literals ? 9 : 11;
        return 1;
      }
    } else {
      let distance = this.distance2;
      if (bit(byState + IS_THIRD)) {
        distance = this.distance3;
        if (bit(byState + IS_FOURTH)) {
          distance = this.distance4;
          this.distance4 = this.distance3;
        }
        this.distance3 = this.distance2;
      }
      this.distance2 = this.distance;
      this.distance = distance;
    }
    this.state = literals ? 8 : 11;
    return lengthOf(probabilities + REPEATED_LENGTHS, place);
  }

  /** A distance, less 1, of a match of `length` bytes. */
  private newDistance(length: u32): u32 {
    const probabilities = this.probabilities;
    const slot = number(probabilities + SLOTS + ((<usize>min(length - LENGTH_MIN, 3)) << 7), SLOT_BITS);
    if (slot < SLOT_DIRECT) return slot;
    const lower = (slot >> 1) - 1;
    const distance = (2 | (slot & 1)) << lower;
    // The trees of near distances lie behind each other, each from its second node on.
    if (slot < SLOT_NEAR) return distance + reversed(probabilities + NEAR + ((<usize>(distance - slot)) << 1), lower);
    return distance + (plain(lower - ALIGNED_BITS) << ALIGNED_BITS) + reversed(probabilities + ALIGNED, ALIGNED_BITS);
  }
}
