// Writers of compressed data: blocks of LZ4, LZJB and ZLE from steps that a test makes up, frames of zstd around blocks.

/** A step of an LZ4 or LZJB block: bytes, then a repetition of `length` bytes from `distance` before; ZLE's are zeros. */
export interface Step {
  plain: Uint8Array;
  distance: number;
  length: number;
}

/** A block, and what it stands for. */
export interface Packed {
  packed: Buffer;
  plain: Buffer;
}

/** Collects output of steps. */
class Output {
  readonly bytes: number[] = [];

  add({ plain, distance, length }: Step): void {
    this.bytes.push(...plain);
    for (let i = 0; i < length; i++) this.bytes.push(this.bytes.at(-distance) ?? 0);
  }

  /** The nearest distance to this one that there is output for, at most `most`; 0 for none. */
  reachable(distance: number, ahead: number, most: number): number {
    return Math.min(distance, this.bytes.length + ahead, most);
  }
}

const LENGTH_MORE = 15;
const extended = (length: number): number[] => {
  if (length < LENGTH_MORE) return [];
  const rest = length - LENGTH_MORE;
  return [...new Array<number>(Math.floor(rest / 255)).fill(255), rest % 255];
};

/** An LZ4 block. It ends with bytes, as the format wants. */
export function lz4Block(steps: readonly Step[], end: Uint8Array): Packed {
  const output = new Output();
  const packed: number[] = [];
  const head = (plain: Uint8Array, match: number) => {
    packed.push((Math.min(plain.length, LENGTH_MORE) << 4) | Math.min(match, LENGTH_MORE));
    packed.push(...extended(plain.length), ...plain);
  };
  for (const step of steps) {
    const distance = output.reachable(step.distance, step.plain.length, 65535);
    if (distance === 0) continue;
    const length = Math.max(step.length, 4);
    head(step.plain, length - 4);
    packed.push(distance & 255, distance >> 8, ...extended(length - 4));
    output.add({ plain: step.plain, distance, length });
  }
  head(end, 0);
  output.bytes.push(...end);
  return { packed: Buffer.from(packed), plain: Buffer.from(output.bytes) };
}

/** An LZJB block. */
export function lzjbBlock(steps: readonly Step[]): Packed {
  const output = new Output();
  const items: number[][] = [];
  for (const step of steps) {
    const distance = output.reachable(step.distance, step.plain.length, 1023);
    for (const byte of step.plain) items.push([byte]);
    const length = distance === 0 ? 0 : Math.min(Math.max(step.length, 3), 66);
    if (length > 0) items.push([((length - 3) << 2) | (distance >> 8), distance & 255]);
    output.add({ plain: step.plain, distance, length });
  }
  const packed: number[] = [];
  for (let at = 0; at < items.length; at += 8) {
    const group = items.slice(at, at + 8);
    packed.push(group.reduce((map, item, bit) => map | (item.length === 2 ? 1 << bit : 0), 0));
    for (const item of group) packed.push(...item);
  }
  return { packed: Buffer.from(packed), plain: Buffer.from(output.bytes) };
}

/** A ZLE block. */
export function zleBlock(steps: readonly Step[]): Packed {
  const packed: number[] = [];
  const plain: number[] = [];
  for (const step of steps) {
    const bytes = step.plain.subarray(0, 64);
    if (bytes.length > 0) packed.push(bytes.length - 1, ...bytes);
    const zeros = Math.min(step.length, 192);
    if (zeros > 0) packed.push(63 + zeros);
    plain.push(...bytes, ...new Array<number>(zeros).fill(0));
  }
  return { packed: Buffer.from(packed), plain: Buffer.from(plain) };
}

/** Types of a zstd frame's blocks. */
export const RAW = 0;
export const RLE = 1;
export const COMPRESSED = 2;

/** A block of a zstd frame: `size` is what its header says. */
export function zstdBlock(type: number, size: number, bytes: Uint8Array, last = false): Buffer {
  const head = Buffer.alloc(3);
  head.writeUIntLE((size << 3) | (type << 1) | (last ? 1 : 0), 0, 3);
  return Buffer.concat([head, bytes]);
}

/** A zstd frame of these blocks: `head` are its flags and the fields behind them. */
export function zstdFrame(head: readonly number[], ...blocks: Buffer[]): Buffer {
  return Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd, ...head]), ...blocks]);
}
