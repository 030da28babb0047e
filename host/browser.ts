// The package in pages, whose bundle (scripts/bundle-page.mjs) has what it fetches beside it.

import { setUnpacker } from "./disks/unpacked.js";
import { fetchModule } from "./fetched.js";
import { setCellMaker } from "./isolation/makers.js";
import { setModuleSource } from "./modules.js";
import { pagePlace } from "./page_assets.js";
import { spawnBrowserThread } from "./worker/browser_spawn.js";
import { canServeThreads } from "./worker/channel.js";

setModuleSource({ small: true, place: pagePlace, read: fetchModule });
setCellMaker("thread", spawnBrowserThread, () => ({ blobs: true, served: canServeThreads(), images: true }));
setUnpacker(async (image, compression, options) => {
  const { unpackBlob } = await import("./disks/unpack_blob.js");
  return { image: await unpackBlob(image, compression, options), close() {} };
});

export * from "./api.js";
export { fileDisk } from "./disks/file_disk.js";
