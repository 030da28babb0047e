// What Node has: files, threads, processes. For the package's entry point and its own programs.

import { setCellMaker } from "./isolation/makers.js";
import { installNodeFiles } from "./node_files.js";
import { setDirectoryCopier } from "./wasi/tree.js";

/** Neither threads nor processes can read Blobs at once, and both can wait for who reads them. */
const waysOut = () => ({ blobs: false, served: true, images: true });

/** Says so. What is needed for a thread or a process is loaded when there is to be one. */
export function installNode(): void {
  installNodeFiles();
  setDirectoryCopier(async (path, options) => (await import("./wasi/directory.js")).copyDirectory(path, options));
  setCellMaker(
    "thread",
    async ({ ahead, inspects }) => {
      const { INSPECT_PROGRAM, PROGRAM, spawnNodeThread } = await import("./worker/node_spawn.js");
      return spawnNodeThread(inspects ? INSPECT_PROGRAM : PROGRAM, ahead !== undefined);
    },
    waysOut,
  );
  setCellMaker(
    "process",
    async ({ confine, inspects, ahead }) => {
      const [{ spawnProcess }, { INSPECT_PROGRAM, PROGRAM }] = await Promise.all([
        import("./process/spawn.js"),
        import("./process/start.js"),
      ]);
      return spawnProcess({ confine, ahead }, inspects ? INSPECT_PROGRAM : PROGRAM);
    },
    waysOut,
  );
}
