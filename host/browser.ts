// The package in browsers: modules are fetched from beside this file, disks are Blobs or bytes.

import { setModuleSource } from "./modules.js";
import { spawnBrowserWorker } from "./worker/browser_spawn.js";
import { setWorkerSpawner } from "./worker/run.js";

setModuleSource(async (file) => {
  const response = await fetch(new URL(`../${file}`, import.meta.url));
  return response.ok ? new Uint8Array(await response.arrayBuffer()) : undefined;
});
setWorkerSpawner(spawnBrowserWorker);

export * from "./api.js";
