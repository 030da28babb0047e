// npm run dev: waits for files to be saved, builds what they change (debug builds of the core) and runs the tests that
// they concern (affected.mjs). Timed tests only run when they are changed themselves. Ctrl-C ends it.
import { spawnSync } from "node:child_process";
import { watch } from "node:fs";
import { dirname, join, sep } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { ALL, affectedTests } from "./affected.mjs";
import { prepare, root } from "./prepare.mjs";

prepare();
const { filesBelow } = await import("./core.mjs");

const WATCHED = ["loader-wasm", "host", "test", "scripts"];
const SOURCE = /^[^.].*\.(ts|mjs|js|json|lua|4th)$/;
/** Editors save in several steps, tools change many files: ms without a change before anything is done. */
const SETTLE_MS = 150;
const VITEST = join(root, "node_modules", "vitest", "vitest.mjs");

const changed = new Set();
let wake = () => {};
const watching = new Map();

/** Watches all folders, each by itself: that outlives files that are replaced, on every system. */
function watchFolders() {
  const files = filesBelow(...WATCHED);
  for (const folder of new Set([...WATCHED, ...files.map((path) => dirname(path))])) {
    if (watching.has(folder)) continue;
    const watcher = watch(join(root, folder), (_event, name) => {
      if (name === null || !SOURCE.test(name)) return;
      changed.add(join(folder, name).split(sep).join("/"));
      wake();
    });
    // A folder that was removed.
    watcher.once("error", () => {
      watcher.close();
      watching.delete(folder);
    });
    watching.set(folder, watcher);
  }
  return files;
}

const node = (...args) => spawnSync(process.execPath, args, { cwd: root, stdio: "inherit" }).status === 0;

watchFolders();
console.log(`watching ${WATCHED.join(", ")}`);
for (;;) {
  if (changed.size === 0)
    await new Promise((resolve) => {
      wake = resolve;
    });
  for (let seen = -1; seen !== changed.size; ) {
    seen = changed.size;
    await delay(SETTLE_MS);
  }
  const paths = [...changed];
  changed.clear();
  const began = performance.now();
  const tests = watchFolders()
    .map((path) => path.split(sep).join("/"))
    .filter((path) => path.endsWith(".test.ts"));
  const affected = affectedTests(paths, tests);
  console.log(`\n${paths.join(", ")}: ${affected === ALL ? "all tests" : affected.join(", ") || "no tests"}`);
  if (!node("scripts/build.mjs", "--target", "any")) continue;
  if (affected.length > 0) node(VITEST, "run", ...(affected === ALL ? ["--project", "tests"] : affected));
  console.log(`${((performance.now() - began) / 1000).toFixed(1)} s`);
}
