// The package on Node.

import { readFile } from "node:fs/promises";
import { FileDisk } from "./disks/file.js";
import { setFileOpener } from "./disks/source.js";
import { setHasher } from "./hash.js";
import { setModuleSource } from "./modules.js";
import { loadNodeHasher } from "./node_hash.js";
import { setDirectoryCopier } from "./wasi/tree.js";
import { spawnNodeWorker } from "./worker/node_spawn.js";
import { setWorkerSpawner } from "./worker/run.js";

setModuleSource(async (file) => {
  try {
    return new Uint8Array(await readFile(new URL(`../${file}`, import.meta.url)));
  } catch {
    return undefined;
  }
});
setFileOpener((path, sectorSize) => new FileDisk(path, sectorSize));
setHasher(loadNodeHasher);
setDirectoryCopier(async (path, limits) => (await import("./wasi/directory.js")).copyDirectory(path, limits));
setWorkerSpawner(spawnNodeWorker);

export * from "./api.js";
export { FileDisk } from "./disks/file.js";
