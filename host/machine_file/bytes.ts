// Text and bytes of `machine.json`: text is UTF-8 to the guest, and bytes that aren't are written in Base64.

import { latin1 } from "../text.js";
import { PART, type Parts } from "./parts.js";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const encoder = new TextEncoder();
/** No character that has more than one byte. */
const ASCII = /^[\x00-\x7f]*$/;

/** `text` as the guest has it: UTF-8, one character a byte. */
export function byteText(text: string): string {
  return ASCII.test(text) ? text : latin1(encoder.encode(text));
}

/** Bytes of `text` in UTF-8. */
export function byteLength(text: string): number {
  return ASCII.test(text) ? text.length : encoder.encode(text).length;
}

/** The text that `bytes` are in UTF-8; undefined when they are none. */
export function textOf(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Bytes that `text` has in Base64; undefined when it isn't that. No pattern goes over a long text character by character. */
export function* base64Size(text: string): Parts<number | undefined> {
  if (text.length % 4 !== 0) return undefined;
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  const end = text.length - padding;
  for (let at = 0; at < end; at += PART) {
    if (at > 0) yield;
    if (text.slice(at, Math.min(at + PART, end)).search(/[^A-Za-z0-9+/]/) >= 0) return undefined;
  }
  return (text.length / 4) * 3 - padding;
}

/** What `base64` stands for, which is Base64 of `size` bytes. */
export function* fromBase64(base64: string, size: number): Parts<Uint8Array> {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < base64.length; at += PART) {
    if (at > 0) yield;
    const chars = atob(base64.slice(at, at + PART));
    const start = (at / 4) * 3;
    for (let i = 0; i < chars.length; i++) bytes[start + i] = chars.charCodeAt(i);
  }
  return bytes;
}

/** `bytes` in Base64. Newer browsers have a way of their own, which is faster. */
export function toBase64(bytes: Uint8Array): string {
  return (bytes as { toBase64?(): string }).toBase64?.() ?? btoa(latin1(bytes));
}
