// What Node has: files, threads, processes. For the package's entry point and its own programs.

import { setCellMaker } from "./isolation/makers.js";
import { installNodeFiles } from "./node_files.js";

/** Says so. What is needed for a thread or a process is loaded when there is to be one. */
export function installNode(): void {
  installNodeFiles();
  setCellMaker("thread", async () => (await import("./worker/node_spawn.js")).spawnNodeThread());
  setCellMaker("process", async (options) => (await import("./process/spawn.js")).spawnProcess(options));
}
