// What Node has: files, threads, processes. For the package's entry point and its own programs.

import { setCellMaker } from "./isolation/makers.js";
import { installNodeFiles } from "./node_files.js";

/** Neither threads nor processes can read Blobs at once, and both can wait for who reads them. */
const waysOut = () => ({ blobs: false, served: true });

/** Says so. What is needed for a thread or a process is loaded when there is to be one. */
export function installNode(): void {
  installNodeFiles();
  setCellMaker(
    "thread",
    async ({ inspects }) => {
      const { INSPECT_PROGRAM, PROGRAM, spawnNodeThread } = await import("./worker/node_spawn.js");
      return spawnNodeThread(inspects ? INSPECT_PROGRAM : PROGRAM);
    },
    waysOut,
  );
  setCellMaker(
    "process",
    async ({ confine, inspects }) => {
      const [{ spawnProcess }, { INSPECT_PROGRAM, PROGRAM }] = await Promise.all([
        import("./process/spawn.js"),
        import("./process/start.js"),
      ]);
      return spawnProcess({ confine }, inspects ? INSPECT_PROGRAM : PROGRAM);
    },
    waysOut,
  );
}
