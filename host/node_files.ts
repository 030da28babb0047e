// Where Node finds what other platforms fetch: the core's modules beside this package, images in files.

import { closeSync, readFileSync } from "node:fs";
import type { ModuleName } from "./assets.js";
import { FileDisk, whenUnused } from "./disks/file.js";
import { setFileOpener } from "./disks/source.js";
import { setUnpacker } from "./disks/unpacked.js";
import { AssetError, OptionError } from "./errors.js";
import { fetchModule } from "./fetched.js";
import { setHasher } from "./hash.js";
import { setBytesEqual } from "./memory/pool.js";
import { compileBytes, setModuleSource } from "./modules.js";
import { loadNodeHasher, nodeSha256 } from "./node_hash.js";
import { setSha256 } from "./protocol/digests.js";

const FILES: Record<ModuleName, string> = {
  simp: "../userboot_simp.wasm",
  "4th": "../userboot_4th.wasm",
  lua: "../userboot_lua.wasm",
  simp_small: "../userboot_simp_small.wasm",
  "4th_small": "../userboot_4th_small.wasm",
  lua_small: "../userboot_lua_small.wasm",
  inspect: "../userboot_inspect.wasm",
  wasi: "../wasmer_wasi.wasm",
};

/** For the package's own programs: the entry point, a session's thread, a session's process. */
export function installNodeFiles(): void {
  setModuleSource({ small: false, place: (name) => new URL(FILES[name], import.meta.url), read: readModule });
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
    return { image: typeof image === "string" ? image : "bytes", fd, close: () => whenUnused(fd, () => closeSync(fd)) };
  });
}

/** A module in a file, or of a server when a caller says so. */
async function readModule(place: URL): Promise<WebAssembly.Module> {
  if (place.protocol !== "file:") return fetchModule(place);
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    // In one go: there is nothing else to do meanwhile, and to say so takes longer.
    bytes = new Uint8Array(readFileSync(place));
  } catch (error) {
    throw new AssetError(
      place.href,
      (error as NodeJS.ErrnoException).code === "ENOENT" ? "no such file" : String(error),
    );
  }
  return compileBytes(bytes, place.href);
}
