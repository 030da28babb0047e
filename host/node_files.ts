// Where Node finds what other platforms fetch: the core's modules beside this package, images in files.

import { closeSync, readFileSync } from "node:fs";
import { FileDisk } from "./disks/file.js";
import { setFileOpener } from "./disks/source.js";
import { setUnpacker } from "./disks/unpacked.js";
import { OptionError } from "./errors.js";
import { setHasher } from "./hash.js";
import { setBytesEqual } from "./memory/pool.js";
import { setModuleSource } from "./modules.js";
import { loadNodeHasher, nodeSha256 } from "./node_hash.js";
import { setSha256 } from "./protocol/digests.js";

/** For the package's own programs: the entry point, a session's thread, a session's process. */
export function installNodeFiles(): void {
  setModuleSource(async (file) => {
    try {
      // In one go: there is nothing else to do meanwhile, and to say so takes longer.
      return new Uint8Array(readFileSync(new URL(`../${file}`, import.meta.url)));
    } catch {
      return undefined;
    }
  });
  setHasher(loadNodeHasher);
  setSha256(nodeSha256);
  setBytesEqual((a, b) => Buffer.compare(a, b) === 0);
  setFileOpener(
    (path, { sectorSize, fd, size }) => new FileDisk(path, sectorSize, fd === undefined ? fd : { fd, size }),
  );
  setUnpacker(async (image, compression, options) => {
    if (image instanceof Blob) throw new OptionError("a compressed image must be a path or bytes, not a Blob");
    const { unpackImage } = await import("./disks/unpack.js");
    const fd = await unpackImage(image, compression, options);
    return { image: typeof image === "string" ? image : "bytes", fd, close: () => closeSync(fd) };
  });
}
