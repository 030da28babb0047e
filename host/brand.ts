// Values of other realms, as of a page's frame or of Node's `vm`: they are no instances of the classes here, but have the same
// brand.

const brandOf = Object.prototype.toString;

/** Whether the platform calls `value` so: `Blob`, `Uint8Array`. */
function has(value: unknown, brand: string): boolean {
  return typeof value === "object" && value !== null && brandOf.call(value) === `[object ${brand}]`;
}

/** Whether `value` is one, or a File. */
export function isBlob(value: unknown): value is Blob {
  return has(value, "Blob") || has(value, "File");
}

/** Whether `value` is an ArrayBuffer, not a shared one. */
export function isBuffer(value: unknown): value is ArrayBuffer {
  return has(value, "ArrayBuffer");
}

/** Whether `value` is a URL, as an object. */
export function isUrl(value: unknown): value is URL {
  return has(value, "URL");
}

/** Whether `value` is a compiled module. */
export function isModule(value: unknown): value is WebAssembly.Module {
  return has(value, "WebAssembly.Module");
}

/** Whether `value` is a Map, not an object of names. */
export function isMap<T extends ReadonlyMap<string, unknown>>(
  value: T | Readonly<Record<string, unknown>>,
): value is T {
  return has(value, "Map");
}

/** `value` as a Uint8Array of this realm, on the same memory; undefined when it is none. */
export function ownBytes(value: unknown): Uint8Array | undefined {
  if (value instanceof Uint8Array) return value;
  if (!ArrayBuffer.isView(value) || !has(value, "Uint8Array")) return undefined;
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}
