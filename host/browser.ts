// The package in browsers: modules are fetched from beside this file, disks are Blobs or bytes.

import { setUnpacker } from "./disks/unpacked.js";
import { setCellMaker } from "./isolation/makers.js";
import { setModuleSource } from "./modules.js";
import { spawnBrowserThread } from "./worker/browser_spawn.js";

setModuleSource(async (file, wanted) => {
  const response = await fetch(new URL(`../${file}`, import.meta.url));
  if (!response.ok) return undefined;
  // Servers that don't know the type of such files have them compiled a little later.
  const streams = wanted && response.headers.get("content-type") === "application/wasm";
  return streams ? WebAssembly.compileStreaming(response) : new Uint8Array(await response.arrayBuffer());
});
setCellMaker("thread", spawnBrowserThread);
setUnpacker(async (image, compression, options) => {
  const { unpackBlob } = await import("./disks/unpack_blob.js");
  return { image: await unpackBlob(image, compression, options), close() {} };
});

export * from "./api.js";
