// Writes the log of a VHDX image (vhdxImage with `log`), entry by entry, so that each field can be wrong.

import { crc32c } from "./image_formats.js";

const MIB = 1024 * 1024;
const SECTOR = 4096;
const ENTRY_HEAD = 64;
const DESCRIPTOR = 32;
/** Where vhdxImage has the log, its bytes, and the byte of its identification. */
export const LOG_AT = MIB;
export const LOG_SIZE = MIB;
const LOG_ID = 0x11;

export interface LogEntry {
  /** Where in the log it begins; behind the end it goes on at the start. */
  at: number;
  sequence: number;
  /** Where the first entry is that belongs to it; itself when not said. */
  tail?: number;
  /** What is written: a sector, or so many zeros. */
  writes: readonly (readonly [place: number | bigint, bytes: Uint8Array | number])[];
  flushed?: number;
  last?: number | bigint;
  /** Changes it before its checksum is made, or behind that. */
  change?: (entry: Buffer) => void;
  harm?: (entry: Buffer) => void;
}

/** Bytes of an entry with so many writes, of which so many are of data. */
export const entrySize = (writes: number, data: number) =>
  Math.ceil((ENTRY_HEAD + writes * DESCRIPTOR) / SECTOR) * SECTOR + data * SECTOR;

/** `image` with these entries in its log. */
export function withLog(image: Uint8Array, entries: readonly LogEntry[]): Buffer {
  const made = Buffer.from(image);
  for (const one of entries) {
    const entry = entryOf(one, made.length);
    for (let i = 0; i < entry.length; i++) made[LOG_AT + ((one.at + i) % LOG_SIZE)] = entry[i]!;
  }
  return made;
}

function entryOf({ at, sequence, tail = at, writes, change, harm, ...sizes }: LogEntry, fileSize: number): Buffer {
  const { flushed = fileSize, last = fileSize } = sizes;
  const data = writes.filter(([, bytes]) => typeof bytes !== "number");
  const entry = Buffer.alloc(entrySize(writes.length, data.length));
  entry.write("loge");
  entry.writeUInt32LE(entry.length, 8);
  entry.writeUInt32LE(tail, 12);
  entry.writeBigUInt64LE(BigInt(sequence), 16);
  entry.writeUInt32LE(writes.length, 24);
  entry.fill(LOG_ID, 32, 48);
  entry.writeBigUInt64LE(BigInt(flushed), 48);
  entry.writeBigUInt64LE(BigInt(last), 56);
  let next = entrySize(writes.length, 0);
  for (const [i, [place, bytes]] of writes.entries()) {
    const descriptor = ENTRY_HEAD + i * DESCRIPTOR;
    entry.writeBigUInt64LE(BigInt(place), descriptor + 16);
    entry.writeBigUInt64LE(BigInt(sequence), descriptor + 24);
    if (typeof bytes === "number") {
      entry.write("zero", descriptor);
      entry.writeBigUInt64LE(BigInt(bytes), descriptor + 8);
      continue;
    }
    entry.write("desc", descriptor);
    entry.set(bytes.subarray(SECTOR - 4), descriptor + 4);
    entry.set(bytes.subarray(0, 8), descriptor + 8);
    entry.set(bytes, next);
    entry.write("data", next);
    entry.writeUInt32LE(Math.floor(sequence / 2 ** 32), next + 4);
    entry.writeUInt32LE(sequence % 2 ** 32, next + SECTOR - 4);
    next += SECTOR;
  }
  change?.(entry);
  entry.writeUInt32LE(0, 4);
  entry.writeUInt32LE(crc32c(entry), 4);
  harm?.(entry);
  return entry;
}
