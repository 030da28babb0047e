// Guests that have only a loader with a mark, and one whose mark changes.

import type { Disk } from "userboot-wasm";
import { bytesOf } from "../support/sparse_disk.js";
import { UfsImage } from "../support/ufs_image.js";

const UFS = { version: 2, blockSize: 32768, fragmentSize: 4096, superblockAt: 65536 } as const;

/** A guest with `content` as its /boot/loader, or without one. */
export function loaderGuest(content?: string | Uint8Array): Disk {
  const image = new UfsImage(UFS);
  const boot = image.directory(image.root, "boot");
  if (content !== undefined) image.file(boot, "loader", content);
  return image.finish();
}

/** A loader whose mark, `before` bytes from its start, names `name`. */
export const marked = (name: string, before = 100_000) =>
  Buffer.from(`${"x".repeat(before)}$Interpreter:${name}\0`, "latin1");

/** A guest whose mark names the next of `names` (of three letters) each time it is read, in turn. */
export function changingMark(names: readonly string[]): Disk {
  const guest = loaderGuest(marked("???"));
  const at = Buffer.from(bytesOf(guest).buffer).indexOf("$Interpreter:???") + "$Interpreter:".length;
  let looks = 0;
  return {
    sectorSize: 512,
    size: guest.size,
    read(offset, target) {
      const got = guest.read(offset, target) as number;
      // Every session begins with the first sector, after a look whether bytes are promised.
      if (offset === 0 && target.length > 0) looks++;
      if (offset <= at && at + 3 <= offset + got) {
        target.set(Buffer.from(names[(looks - 1) % names.length]!), at - offset);
      }
      return got;
    },
  };
}
