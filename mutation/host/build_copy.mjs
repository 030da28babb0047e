// Builds the host in StrykerJS' copy of the project, which is the current directory. A mutant is on where the environment
// names it, says StrykerJS' code; the environment of sessions is empty, so it reads a file beside the package instead
// (switch.ts writes it). The core is that of the project.

import { copyFileSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { filesBelow, root } from "../../scripts/core.mjs";

/** The project's own build: the copy lies in build/mutation/FOLDER/sandbox-.../ of it. */
const built = join(root, "..", "..", "..");
/** What StrykerJS writes, and what takes its place; the tests' own thread has its switch set already, or not yet. */
const FROM_ENVIRONMENT = /g\.process && g\.process\.env && g\.process\.env\.__STRYKER_ACTIVE_MUTANT__/;
const BY_ENVIRONMENT = /g\.process\.env\.__STRYKER_ACTIVE_MUTANT__/;
const file = JSON.stringify(join(root, "build", "active_mutant"));
const IN_SESSIONS = `!("hitLimit" in ns) && g.process && g.process.getBuiltinModule`;
const FROM_FILE = `g.process.getBuiltinModule("node:fs").readFileSync(${file}, "utf8")`;

const MUTANT = /stryMutAct_9fa48\("(\d+)"\)/g;

const anyThread = JSON.parse(process.env.MUTATION_ANY_THREAD);
const mutants = new Set();
let switches = 0;
for (const path of filesBelow("host").filter((name) => name.endsWith(".ts"))) {
  const text = readFileSync(join(root, path), "utf8");
  if (!FROM_ENVIRONMENT.test(text)) continue;
  switches++;
  if (anyThread.some((end) => path.endsWith(end))) for (const [, id] of text.matchAll(MUTANT)) mutants.add(id);
  writeFileSync(join(root, path), text.replace(FROM_ENVIRONMENT, IN_SESSIONS).replace(BY_ENVIRONMENT, FROM_FILE));
}
if (switches === 0) throw new Error("no switch of a mutant was found: StrykerJS writes another one than it did");

symlinkSync(join(built, "..", "node_modules"), join(root, "node_modules"));
mkdirSync(join(root, "build", "stamps"), { recursive: true });
for (const name of readdirSync(built).filter((entry) => entry.endsWith(".wasm")))
  copyFileSync(join(built, name), join(root, "build", name));
writeFileSync(join(root, "build", "active_mutant"), "");
writeFileSync(join(root, "build", "mutants.json"), JSON.stringify([...mutants]));
await import("../../scripts/build-host.mjs");
