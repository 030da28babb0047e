// Names of files are bytes. As texts they are the UTF-8 that they nearly always are; a byte that is none of it stands as one
// of the characters U+DC80 to U+DCFF, which no text has by itself, so that a name that was shown is found again.

const LOOSE_FIRST = 0xdc00;

/** The text of a byte string (one character a byte). */
export function textOf(bytes: string): string {
  if (/^[\x00-\x7f]*$/.test(bytes)) return bytes;
  const characters: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = sequenceSize(bytes.charCodeAt(at));
    const character = characterAt(bytes, at, size);
    characters.push(character ?? String.fromCharCode(LOOSE_FIRST + bytes.charCodeAt(at)));
    at += character === undefined ? 1 : size;
  }
  return characters.join("");
}

/** Bytes of a character of UTF-8 that begins with `first`; 0 when none does. */
const sequenceSize = (first: number): number =>
  first < 0x80 ? 1 : first < 0xc0 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf8 ? 4 : 0;

/** By bytes of a sequence: the first character that needs so many. */
const LEAST = [0, 0, 0x80, 0x800, 0x10000];

/**
 * The character of UTF-8 that is `size` bytes at `at`; undefined when they are none. Names may be made of such bytes, so that a
 * decoder that throws would take long.
 */
function characterAt(bytes: string, at: number, size: number): string | undefined {
  if (size === 0) return undefined;
  let code = bytes.charCodeAt(at) & (size === 1 ? 0x7f : 0x7f >> size);
  for (let i = 1; i < size; i++) {
    const next = bytes.charCodeAt(at + i);
    if ((next & 0xc0) !== 0x80) return undefined;
    code = (code << 6) | (next & 0x3f);
  }
  const isOne = code >= LEAST[size]! && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
  return isOne ? String.fromCodePoint(code) : undefined;
}

const encoder = new TextEncoder();

/** The byte string of a path or name: a text as `textOf` makes it, or bytes. */
export function byteString(name: string | Uint8Array): string {
  if (typeof name !== "string") return Array.from(name, (byte) => String.fromCharCode(byte)).join("");
  return name.replace(/[\ud800-\udbff][\udc00-\udfff]|[^\x00-\x7f]/g, (character) => {
    const code = character.charCodeAt(0);
    if (character.length === 1 && code >= LOOSE_FIRST + 0x80 && code <= LOOSE_FIRST + 0xff)
      return String.fromCharCode(code - LOOSE_FIRST);
    return Array.from(encoder.encode(character), (byte) => String.fromCharCode(byte)).join("");
  });
}

/** The bytes of a byte string. */
export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}
