// The package on Node.

import { installNode } from "./node.js";
import { setDirectoryCopier } from "./wasi/tree.js";

installNode();
setDirectoryCopier(async (path, options) => (await import("./wasi/directory.js")).copyDirectory(path, options));

export * from "./api.js";
export { FileDisk, fileDisk, type OpenFile } from "./disks/file.js";
