// What the families of image formats share: the disk that is in the images, and how they end.

import type { ImageFormat } from "../../build/host/disks/source.js";
import { linkedFile } from "../support/elf_image.js";
import { bytesOf } from "../support/sparse_disk.js";
import { ufsDisk } from "../support/ufs_image.js";
import type { Guest, Outcome } from "./case.js";

/** In every image: a file system with a small file, and a kernel that is loaded straight into guest memory. */
export const CONTENT = bytesOf(
  ufsDisk({
    "/file": "what is inside\n",
    "/kernel": linkedFile({ bits: 64, segments: [{ size: 70_000 }, { size: 3000, bss: 5000, writable: true }] }).bytes,
  }),
);
/** Where its superblock is: all that is read of it comes after that. */
export const SUPERBLOCK = 65_536;

/** Reads both files of an image of a format; `files` are those granted with it. */
export const reading = (format: ImageFormat, image: Uint8Array, files: readonly Uint8Array[] = []): Guest => ({
  disks: [{ image, format, files }],
  lines: ["more /file", "load /kernel", "boot"],
});

/** It can't be used at all. */
export const refused = (message: string): Outcome => ({ end: "DiskError", message });

/** It is read, and the damage is met: nothing of its content is taken for good. */
export const damaged = (...reports: string[]): Outcome => ({ reports, hides: ["what is inside\n"] });

/** All of it is read, and the kernel entered. */
export const read = (...reports: string[]): Outcome => ({ end: "exec", reports, prints: ["what is inside\n"] });
