// Guests that are files: the project's own (images/), and those of the recordings, where there are recordings.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { findRecordings } from "../conformance/recordings.js";
import { inRepository } from "./repository.js";

/** The project's own guests, by architecture. */
export const GUESTS = { amd64: "amd64-ufs2-gpt", i386: "i386-ufs1-mbr" } as const;
/** Those whose scripts read loader.conf and draw a menu. */
export const MENU_GUESTS = ["amd64-menu", "i386-menu"] as const;
export type Guest = (typeof GUESTS)[keyof typeof GUESTS] | (typeof MENU_GUESTS)[number];

const unpacked = (path: string): Uint8Array => gunzipSync(readFileSync(path));

/** The disk of one of the project's own guests. */
export const guestImage = (name: Guest): Uint8Array => unpacked(inRepository(`images/${name}.img.gz`));

/** The directory of the recordings; undefined without them. */
export const recordings = findRecordings(inRepository(""));

/** Disk `disk` of a guest of the recordings; undefined when there is none. */
export function recordedImage(guest: string, disk = 0): Uint8Array | undefined {
  if (recordings === undefined) return undefined;
  const path = join(recordings, "boot", "guests", guest, `image${disk === 0 ? "" : disk}.img.gz`);
  return existsSync(path) ? unpacked(path) : undefined;
}

/** Options for boots of the project's own guests that are to give the same wherever they run. */
export const SAME_EVERYWHERE = {
  start: "simp",
  interfaceVersion: 4,
  clock: "virtual",
  env: ["boot_serial=1"],
  digests: true,
} as const;
