// Modules of WebAssembly, byte by byte (the core specification's binary format): what hostile ones are made of.

/** Types of values. */
export const TYPES = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c } as const;
/** One of them. */
export type WasmType = keyof typeof TYPES;

const FUNCTION = 0x60;

/** LEB128 of a number from 0 on. */
export function unsigned(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

/** LEB128 of a constant. */
export function signed(value: bigint): number[] {
  const low = Number(value & 0x7fn);
  const rest = value >> 7n;
  const isLast = rest === (low & 0x40 ? -1n : 0n);
  return isLast ? [low] : [low | 0x80, ...signed(rest)];
}

/** Items behind their number. */
export const vector = (items: readonly (readonly number[])[]): number[] => [...unsigned(items.length), ...items.flat()];
/** A name. */
export const text = (value: string): number[] => vector([...Buffer.from(value)].map((byte) => [byte]));
/** A part of a module. */
export const section = (id: number, body: readonly number[]): number[] => [id, ...unsigned(body.length), ...body];

/** The type of a function. */
export const functionType = (parameters: readonly WasmType[], results: readonly WasmType[]): number[] => [
  FUNCTION,
  ...vector(parameters.map((type) => [TYPES[type]])),
  ...vector(results.map((type) => [TYPES[type]])),
];

/** A module of its sections. */
export const moduleOf = (sections: readonly (readonly number[])[]): WebAssembly.Module =>
  new WebAssembly.Module(Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...sections.flat()]));
