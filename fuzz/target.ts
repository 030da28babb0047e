// What a target of fuzzing is: good bases, and what is done with inputs made of them.

import type { SparseDisk } from "../test/support/sparse_disk.js";
import type { FuzzDisk } from "./disk.js";
import type { Input } from "./input.js";
import type { Session } from "./session.js";

/** A module of the core, by its file's name; `unchecked` is the one for inspections that takes every checksum for right. */
export type ModuleName = "simp" | "4th" | "lua" | "inspect" | "inspect_unchecked";

/** A module that isn't optimized, so that its functions have names and its heap red zones (heap.ts). */
export type NamedName = `${ModuleName}_named`;

/** Something good. */
export interface Base {
  disks: readonly SparseDisk[];
  /** For targets that are about a text: a good one. */
  text?: string;
}

/** One target. */
export interface Target {
  name: string;
  module: ModuleName;
  /** By their names; one that turns out not to be the target's is undefined. */
  bases: Readonly<Record<string, () => Base | undefined | Promise<Base | undefined>>>;
  /** So many bases that they are looked at once each, not closely. */
  many?: boolean;
  /** What texts of inputs, or numbers of images, are made of. */
  words?: readonly (string | Uint8Array)[];
  /** Makes checksums right after disks were changed. */
  seal?(disks: readonly FuzzDisk[]): void;
  session(disks: readonly FuzzDisk[], text: Uint8Array | undefined, input: Input): Session;
}
