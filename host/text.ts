// Guests have a say in many texts: names of files, variables and modules, damage, errors. Whatever of that is shown
// to an operator goes through here first, so that a guest can show a character but do nothing to a terminal, a log
// or a reader.

/** `value` as results write addresses and registers: `0x`, lower case, no leading zeros. */
export function hex(value: bigint | number): string {
  return `0x${value.toString(16)}`;
}

/** What somebody else's code has thrown: anything, and not of all of it can a text be made. */
export function thrownText(thrown: unknown): string {
  try {
    const said = (thrown as { message?: unknown } | null | undefined)?.message ?? thrown;
    return said === Object(said) ? Object.prototype.toString.call(said) : String(said);
  } catch {
    return "something that has no text";
  }
}

/** One character a byte. */
export function latin1(bytes: Uint8Array): string {
  let result = "";
  for (let i = 0; i < bytes.length; i += 8192)
    result += String.fromCharCode.apply(null, bytes.subarray(i, i + 8192) as never);
  return result;
}

/** One byte a character, of which none has more. */
export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Two lower-case digits a byte. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Characters that act instead of being shown: controls, directions of writing, line breaks, halves of pairs. */
export const ACTING = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * `text` on one line, with a `?` in the place of every character that would act on a terminal. Texts of bytes, one
 * character a byte as guests' are, are shown as the UTF-8 that they are, or else character by character.
 */
export function printable(text: string): string {
  return inert(decoded(text));
}

/** The same of a text that is no text of bytes, whatever characters it has. */
export function inert(text: string): string {
  return text.replace(ACTING, "?");
}

/** Whether nothing in `text` acts on a terminal. */
export function isPrintable(text: string): boolean {
  return text.search(ACTING) < 0;
}

function decoded(text: string): string {
  if (/[^\x00-\xff]/.test(text)) return text;
  try {
    return utf8.decode(bytesOf(text));
  } catch {
    return text;
  }
}
