// Disks without their zeros, as images/pools/ and bench/pools/ keep them: a line of JSON that says how long each disk is
// and which pages of 4 KiB aren't zeros (first page and number of each run), then those pages, all in Brotli. A gzip'd image
// spends 65 KB a disk on zeros, and metadata lies on disks several times, too far apart for gzip.

import { closeSync, ftruncateSync, openSync, writeSync } from "node:fs";
import { brotliCompressSync, brotliDecompressSync, constants } from "node:zlib";

/** The granule. */
export const PAGE = 4096;
const ZEROS = Buffer.alloc(PAGE);

/**
 * Whether a page, or what the end of a disk leaves of one, is zeros.
 * @param {Buffer} page
 */
export const isZero = (page) => page.equals(ZEROS.subarray(0, page.length));

/**
 * Packs disks, whole pages long.
 * @param {readonly Buffer[]} disks
 */
export function packDisks(disks) {
  /** @type {Buffer[]} */
  const pages = [];
  const header = disks.map((bytes) => {
    /** @type {[number, number][]} */
    const runs = [];
    for (let at = 0; at < bytes.length; at += PAGE) {
      const page = bytes.subarray(at, at + PAGE);
      if (isZero(page)) continue;
      pages.push(page);
      const last = runs[runs.length - 1];
      if (last !== undefined && last[0] + last[1] === at / PAGE) last[1]++;
      else runs.push([at / PAGE, 1]);
    }
    return { size: bytes.length, runs };
  });
  const all = Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), ...pages]);
  const params = { [constants.BROTLI_PARAM_LGWIN]: 24, [constants.BROTLI_PARAM_SIZE_HINT]: all.length };
  return brotliCompressSync(all, { params });
}

/**
 * What was packed: the size of each disk, and the bytes that aren't zeros.
 * @param {Uint8Array} packed
 * @returns {{ size: number, runs: { offset: number, bytes: Buffer }[] }[]}
 */
export function unpackDisks(packed) {
  const all = brotliDecompressSync(packed);
  let from = all.indexOf("\n") + 1;
  /** @type {{ size: number, runs: [number, number][] }[]} */
  const header = JSON.parse(all.toString("latin1", 0, from));
  return header.map(({ size, runs }) => ({
    size,
    runs: runs.map(([first, count]) => {
      const bytes = all.subarray(from, from + count * PAGE);
      from += bytes.length;
      return { offset: first * PAGE, bytes };
    }),
  }));
}

/**
 * Writes a disk as a sparse file.
 * @param {string} path
 * @param {{ size: number, runs: { offset: number, bytes: Buffer }[] }} disk
 */
export function writeDisk(path, { size, runs }) {
  const file = openSync(path, "w");
  for (const { offset, bytes } of runs) writeSync(file, bytes, 0, bytes.length, offset);
  ftruncateSync(file, size);
  closeSync(file);
}
