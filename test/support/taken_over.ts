// The command line with an inspecting process that somebody has taken over: a copy of the programs, in which that process is
// test/inspect/liar.cjs. It is started and confined as any other.

import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inRepository } from "./repository.js";
import type { Scratch } from "./scratch.js";

/** Puts the programs into `scratch`; the liar's is given back. */
export function installLiar(scratch: Scratch, lie: string): string {
  const programs = join(scratch.path, "build", "host", "programs");
  cpSync(inRepository("build/host/programs"), programs, { recursive: true });
  cpSync(inRepository("package.json"), join(scratch.path, "package.json"));
  const program = join(programs, "inspect_process.cjs");
  const source = readFileSync(inRepository("test/inspect/liar.cjs"), "utf8");
  writeFileSync(program, `const LIE = ${JSON.stringify(lie)};\n${source}`);
  return program;
}

/** Runs `command` on a disk of zeros, of which an inspecting process tells `lie`; what came of it. */
export function userbootWith(scratch: Scratch, lie: string, command: readonly string[]): SpawnSyncReturns<string> {
  installLiar(scratch, lie);
  const image = scratch.file("zeros.img", new Uint8Array(1024 * 1024));
  const [name = "", ...rest] = command;
  const cli = join(scratch.path, "build", "host", "programs", "userboot.cjs");
  const options = { encoding: "latin1", input: "", timeout: 50_000, maxBuffer: 256 * 1024 * 1024 } as const;
  return spawnSync(process.execPath, [cli, name, "-d", image, ...rest], options);
}
