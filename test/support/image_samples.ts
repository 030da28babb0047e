// What the tests on image formats make images of, and one image of every kind that is built here.

import { type BuiltImage, qcow2Image, vdiImage, vhdImage, vhdxImage, vmdkImage } from "./image_formats.js";
import type { GivenFile } from "./image_reader.js";

export const KIB = 1024;
export const MIB = 1024 * KIB;

/** Bytes that look like nothing else. */
export function noise(size: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(size);
  let x = seed;
  for (let i = 0; i + 4 <= size; i += 4) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    bytes.writeInt32LE(x, i);
  }
  return bytes;
}

/** A disk of noise, text and zeros in runs of many lengths, that ends in the middle of everything but a sector. */
export function someDisk(size: number): Buffer {
  const disk = Buffer.alloc(size);
  let at = 0;
  for (let i = 0; at < size; i++) {
    const length = Math.min([512, 4096, 70 * KIB, 1536, 200 * KIB, 8192, 130 * KIB][i % 7]!, size - at);
    if (i % 3 === 0) noise(length, i + 1).copy(disk, at);
    if (i % 3 === 1) disk.fill(`text ${i} `, at, at + length);
    at += length;
  }
  return disk;
}

/** Three MiB and a bit. */
export const DISK = someDisk(3 * MIB + 5 * 512);
/** Images of our own: small structures, so that all of them are in the way. */
export const SMALL = someDisk(700 * KIB + 512);
/** Name, format, image, and the files granted with it. */
export const BUILT: [name: string, format: string, image: () => BuiltImage, more?: () => GivenFile[]][] = [
  ["qcow2 as mkimg's", "qcow2", () => qcow2Image(SMALL, { version: 2, clusterBits: 16 })],
  ["qcow2 of small clusters", "qcow2", () => qcow2Image(SMALL, { clusterBits: 9 })],
  ["qcow2, compressed", "qcow2", () => qcow2Image(SMALL, { clusterBits: 12, compress: true })],
  ["qcow2 of subclusters", "qcow2", () => qcow2Image(SMALL, { clusterBits: 14, extended: true })],
  [
    "qcow2 with a file behind it",
    "qcow2",
    () => qcow2Image(SMALL, { backing: true }),
    () => [{ bytes: noise(SMALL.length) }],
  ],
  ["vmdk as mkimg's", "vmdk", () => vmdkImage(SMALL)],
  ["vmdk as a stream", "vmdk", () => vmdkImage(SMALL, { stream: true, grainSectors: 16 })],
  ["vhd as mkimg's", "vhd", () => vhdImage(SMALL, 2 * MIB)],
  ["vhd of small blocks", "vhd", () => vhdImage(SMALL, 4096)],
  ["vhd, fixed, as mkimg's", "vhd", () => vhdImage(SMALL)],
  ["vhdx", "vhdx", () => vhdxImage(DISK)],
  ["vdi", "vdi", () => vdiImage(SMALL)],
];
/** The disk that those of a format are made of. */
export const diskOf = (format: string) => (format === "vhdx" ? DISK : SMALL);

/** A copy of `image` with `bytes` at `place`. */
export function changed(image: Uint8Array, place: number, bytes: Uint8Array): Buffer {
  const copy = Buffer.from(image);
  copy.set(bytes, place);
  return copy;
}
/** Numbers as bytes, the high one first. */
export const big32 = (value: number) => Buffer.from([value >>> 24, value >>> 16, value >>> 8, value]);
/** The same of 64 bits. */
export const big64 = (value: bigint) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
};
/** And the low one first. */
export const little = (value: bigint, size: number) => big64(value).reverse().subarray(0, size);
