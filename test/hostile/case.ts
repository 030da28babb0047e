// What the hostile corpus is made of: cases, each one idea, made by code from a good base, with what must come of it. Families of
// them are the tables beside this file, corpus.ts has all, and docs/fuzzing.md says how to add one.

import type { BootOptions, DiskSource } from "userboot-wasm";
import { SparseDisk } from "../support/sparse_disk.js";

/** What a case boots from, and what is typed then. */
export interface Guest {
  disks: readonly DiskSource[];
  /** Commands at the loader's prompt, or scripts of the flavour. */
  lines?: readonly string[];
  options?: Omit<BootOptions, "disks" | "console" | "isolation">;
}

/** What must come of it. */
export interface Outcome {
  /**
   * How the session ends: `exec`, `exit`, or the name of the error. Without it the loader is at its prompt when there are no
   * more keys, and has done what was typed last.
   */
  end?: string;
  /** Part of the error's message. */
  message?: string;
  /** The damage reported: a part of each report, in their order, and no others. */
  reports?: readonly string[];
  /** Parts of what is printed, in their order. */
  prints?: readonly string[];
  /** What must not be printed. */
  hides?: readonly string[];
}

/** A case as the tables have it; a text is the one report there must be, before the loader goes on at its prompt. */
export type Row = readonly [idea: string, make: () => Guest | Promise<Guest>, outcome: Outcome | string];

/** Cases about one thing. */
export interface Family {
  name: string;
  rows: readonly Row[];
}

export interface Case {
  name: string;
  make: () => Guest | Promise<Guest>;
  outcome: Outcome;
}

/** The cases of a family. */
export const casesOf = ({ name, rows }: Family): Case[] =>
  rows.map(([idea, make, outcome]) => ({
    name: `${name}: ${idea}`,
    make,
    outcome: typeof outcome === "string" ? { reports: [outcome] } : outcome,
  }));

/** A number as bytes, the low one first. */
export function le(value: number | bigint, size: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)));
  return bytes.subarray(0, size);
}

/** The same, the high one first. */
export const be = (value: number | bigint, size: number): Buffer => Buffer.from(le(value, size)).reverse();

/** Bytes that replace others. */
export type Edit = readonly [at: number, bytes: Uint8Array | string];

/** Replaces bytes of an image or a file. */
export function edited(image: Uint8Array, ...edits: readonly Edit[]): Buffer {
  const copy = Buffer.from(image);
  for (const [at, bytes] of edits) copy.set(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes, at);
  return copy;
}

/** A disk of these parts, by byte offset. */
export function diskOf(size: number, parts: readonly Edit[], sectorSize = 512): SparseDisk {
  const disk = new SparseDisk(0, sectorSize);
  for (const [at, bytes] of parts) disk.write(at, typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
  disk.size = size;
  return disk;
}

/** Bytes of a disk. */
export function bytesAt(disk: SparseDisk, at: number, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  disk.read(at, bytes);
  return bytes;
}

/** Replaces bytes of a disk. */
export function harmed(disk: SparseDisk, ...edits: readonly Edit[]): SparseDisk {
  for (const [at, bytes] of edits) disk.write(at, typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
  return disk;
}

/** Cuts a disk off. */
export function cut(disk: SparseDisk, size: number): SparseDisk {
  disk.size = size;
  return disk;
}
