// A copy of the project in build/mutation/, where something is changed and its tests run.

import { spawn } from "node:child_process";
import { cpSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { filesBelow, root } from "../scripts/core.mjs";

/** What tests read, and what was built. */
const COPIED = ["package.json", "asconfig.json", "tsconfig.json", "vitest.config.ts", "ARCHITECTURE.md", "SECURITY.md"]
  .concat("docs", "examples", "fuzz", "handoff", "host", "images", "loader-wasm", "mutation", "scripts", "test")
  .concat("build/host", "build/stamps");

/** Copies the project anew; where to. */
export function copyProject(name) {
  const copy = join(root, "build", "mutation", name);
  rmSync(copy, { recursive: true, force: true });
  for (const path of COPIED) cpSync(join(root, path), join(copy, path), { recursive: true });
  for (const path of filesBelow("build").filter((file) => /^build\/[^/]*\.(?:wasm|js)$/.test(file)))
    cpSync(join(root, path), join(copy, path));
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  return copy;
}

/** Runs a program of Node in the copy, with what it starts; its status, null when it was ended after `limit` milliseconds. */
export async function runIn(copy, args, { limit, env, stdio = "ignore" } = {}) {
  const child = spawn(process.execPath, args, { cwd: copy, env: { ...process.env, ...env }, stdio, detached: true });
  const timer = limit === undefined ? undefined : setTimeout(() => process.kill(-child.pid, "SIGKILL"), limit);
  try {
    return await new Promise((resolve, reject) => child.once("error", reject).once("close", resolve));
  } finally {
    clearTimeout(timer);
  }
}

/** Runs tests of the copy, as paths below test/, `only` those with that in their names, to the first that fails: whether all went well, and in how many milliseconds. */
export async function testsPass(copy, tests, limit, only) {
  const began = performance.now();
  const config = join("mutation", "vitest.config.ts");
  const args = [join(root, "node_modules", "vitest", "vitest.mjs"), "run", "--config", config];
  if (only !== undefined) args.push("-t", only);
  const status = await runIn(copy, args, { limit, env: { MUTATION_TESTS: JSON.stringify(tests) } });
  return { passed: status === 0, late: status === null, ms: performance.now() - began };
}
