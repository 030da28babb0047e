// Joins the data segments of a module. The compiler makes one of every text and table, thousands of them, and an
// engine takes its time for each whenever the module is instantiated; gaps of zeros between neighbours cost less, and
// pack better. The binary format: WebAssembly core specification, 5.5.

const PREAMBLE = 8;
const DATA_SECTION = 11;
const DATA_COUNT_SECTION = 12;
/** An active segment of memory 0, and the instructions of its offset. */
const ACTIVE = 0;
const I32_CONST = 0x41;
const END = 0x0b;
/** Zeros that a segment may hold between what were two. */
const GAP_MAX = 32;

/** Reads the numbers of a module, one after the other. */
class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }
  get ended() {
    return this.at >= this.bytes.length;
  }
  byte() {
    return this.bytes[this.at++];
  }
  unsigned() {
    return this.#number()[0] >>> 0;
  }
  signed() {
    const [value, bits, last] = this.#number();
    return bits < 32 && last & 0x40 ? value | (-1 << bits) : value;
  }
  take(count) {
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }
  /** A number in LEB128, its width in bits, and its last byte. */
  #number() {
    let value = 0;
    for (let bits = 0; ; ) {
      const byte = this.byte();
      value |= (byte & 0x7f) << bits;
      bits += 7;
      if (byte < 0x80) return [value, bits, byte];
    }
  }
}

function unsigned(value) {
  const bytes = [];
  for (; value >= 0x80; value >>>= 7) bytes.push((value & 0x7f) | 0x80);
  return Buffer.from([...bytes, value]);
}

function signed(value) {
  const bytes = [];
  for (; value < -0x40 || value >= 0x40; value >>= 7) bytes.push((value & 0x7f) | 0x80);
  return Buffer.from([...bytes, value & 0x7f]);
}

/** The segments of a data section, as `{ start, end, parts }`, by their places. Undefined if there are others than plain ones. */
function readSegments(body) {
  const reader = new Reader(body);
  const segments = [];
  for (let count = reader.unsigned(); count > 0; count--) {
    if (reader.byte() !== ACTIVE || reader.byte() !== I32_CONST) return undefined;
    const start = reader.signed();
    if (reader.byte() !== END) return undefined;
    const content = reader.take(reader.unsigned());
    segments.push({ start, end: start + content.length, parts: [content] });
  }
  return segments.sort((a, b) => a.start - b.start);
}

function joined(segments) {
  const all = [];
  for (const segment of segments) {
    const last = all.at(-1);
    const gap = segment.start - (last?.end ?? Number.NEGATIVE_INFINITY);
    // Of two that overlap the later one counts; the compiler makes none.
    if (gap < 0) return undefined;
    if (gap > GAP_MAX) all.push(segment);
    else {
      last.parts.push(Buffer.alloc(gap), ...segment.parts);
      last.end = segment.end;
    }
  }
  return all;
}

/** `module` with as few data segments as make sense; what instances find in their memory is the same. */
export function joinSegments(module) {
  const reader = new Reader(module);
  const preamble = reader.take(PREAMBLE);
  const sections = [];
  while (!reader.ended) sections.push({ id: reader.byte(), body: reader.take(reader.unsigned()) });
  const data = sections.find(({ id }) => id === DATA_SECTION);
  const segments = data && readSegments(data.body);
  const fewer = segments && joined(segments);
  if (fewer === undefined) return module;
  data.body = Buffer.concat([
    unsigned(fewer.length),
    ...fewer.flatMap(({ start, end, parts }) => [
      Buffer.from([ACTIVE, I32_CONST]),
      signed(start),
      Buffer.from([END]),
      unsigned(end - start),
      ...parts,
    ]),
  ]);
  const counted = sections.find(({ id }) => id === DATA_COUNT_SECTION);
  if (counted) counted.body = unsigned(fewer.length);
  return Buffer.concat([
    preamble,
    ...sections.flatMap(({ id, body }) => [Buffer.from([id]), unsigned(body.length), body]),
  ]);
}
