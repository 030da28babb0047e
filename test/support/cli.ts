// The command line as a program of its own.

import { type SpawnSyncOptions, type SpawnSyncReturns, spawnSync } from "node:child_process";
import { inRepository } from "./repository.js";

/** The program, for Node. */
export const CLI = inRepository("build/host/programs/userboot.cjs");

/** Runs `userboot` with nothing on its standard input; what it printed, one character a byte. */
export function userboot(
  args: readonly string[],
  options: Omit<SpawnSyncOptions, "encoding" | "shell"> & { encoding?: BufferEncoding } = {},
): SpawnSyncReturns<string> {
  return spawnSync(process.execPath, [CLI, ...args], { encoding: "latin1", input: "", timeout: 30_000, ...options });
}
