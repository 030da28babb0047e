// Names of files are bytes. As texts they are the UTF-8 that they nearly always are; a byte that is none of it stands as one
// of the characters U+DC80 to U+DCFF, which no text has by itself, so that a name that was shown is found again.

const LOOSE_FIRST = 0xdc00;

/** The text of a byte string (one character a byte). */
export function textOf(bytes: string): string {
  if (/^[\x00-\x7f]*$/.test(bytes)) return bytes;
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const size = sequenceAt(bytes, at);
    if (size === 0) text += String.fromCharCode(LOOSE_FIRST + bytes.charCodeAt(at));
    else text += decode(bytes.slice(at, at + size));
    at += Math.max(size, 1);
  }
  return text;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decode(bytes: string): string {
  return utf8.decode(bytesOf(bytes));
}

/** Bytes of the character of UTF-8 that begins at `at`; 0 when none does. */
function sequenceAt(bytes: string, at: number): number {
  const first = bytes.charCodeAt(at);
  const size = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (size < 2) return size;
  try {
    decode(bytes.slice(at, at + size));
    return size;
  } catch {
    return 0;
  }
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
  return Uint8Array.from(text, (byte) => byte.charCodeAt(0));
}
