// The package on Node.

import { setCellMaker } from "./isolation/makers.js";
import { installNodeFiles } from "./node_files.js";
import { spawnProcess } from "./process/spawn.js";
import { setDirectoryCopier } from "./wasi/tree.js";
import { spawnNodeThread } from "./worker/node_spawn.js";

installNodeFiles();
setDirectoryCopier(async (path, options) => (await import("./wasi/directory.js")).copyDirectory(path, options));
setCellMaker("thread", () => spawnNodeThread());
setCellMaker("process", (options) => spawnProcess(options));

export * from "./api.js";
export { FileDisk } from "./disks/file.js";
