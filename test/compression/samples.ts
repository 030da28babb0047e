// What samples of compressed data stand for: bytes that follow from their names, so that only the packed form is stored.

/** Numbers that look like chance, below `limit`. */
function chance(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % limit;
  };
}

/** Text of words from a small vocabulary. */
function words(size: number, seed: number): Buffer {
  const next = chance(seed);
  const word = () =>
    Array.from({ length: 1 + next(9) }, () => "etaoinshrdlucmfw"[Math.min(next(16), next(16))]).join("");
  const vocabulary = Array.from({ length: 120 }, word);
  let text = "";
  while (text.length < size) text += `${vocabulary[next(120)]}${next(9) === 0 ? "\n" : " "}`;
  return Buffer.from(text.slice(0, size));
}

/** Records of 24 bytes, whose fields count, repeat or jump. */
function records(count: number): Buffer {
  const next = chance(7);
  const bytes = Buffer.alloc(count * 24);
  for (let i = 0; i < count; i++) {
    bytes.writeUInt32LE(i * 16, i * 24);
    bytes.writeUInt32LE(next(4), i * 24 + 4);
    bytes.writeUInt16LE(next(65536), i * 24 + 8);
    bytes.writeUInt32LE(0x1000 + (i >> 3), i * 24 + 16);
  }
  return bytes;
}

/** Every byte value, the higher the less often. */
function skewed(size: number): Buffer {
  const next = chance(11);
  return Buffer.from(Array.from({ length: size }, () => Math.min(next(256), next(256), next(256))));
}

/** Blocks of text that come again, far apart, each time changed a little. */
function again(times: number): Buffer {
  const block = words(900, 3);
  const next = chance(5);
  const parts: Buffer[] = [];
  for (let i = 0; i < times; i++) {
    const copy = Buffer.from(block);
    copy[next(copy.length)] = next(256);
    parts.push(copy, Buffer.alloc(next(3) * 400, i));
  }
  return Buffer.concat(parts);
}

/** The contents by name. */
export const CONTENTS: Record<string, () => Buffer> = {
  nothing: () => Buffer.alloc(0),
  letter: () => Buffer.from("a"),
  zeros: () => Buffer.alloc(200_000),
  pattern: () => Buffer.from("abcabcd".repeat(30_000)),
  noise: () => Buffer.from(words(400, 9).map((byte, i) => (byte * 251 + i * i * 7919) >> 2)),
  text: () => words(1500, 1),
  records: () => records(120),
  skewed: () => skewed(1500),
  longer: () => words(6000, 21),
  few: () => Buffer.from(words(3000, 4).map((byte) => byte & 3)),
  again: () => again(300),
};
