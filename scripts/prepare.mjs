// What a fresh clone lacks: installs the packages when they are missing and builds what is out of date, the core and
// the host side by side. Used by start, test, dev and bench; needs nothing but Node itself.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));

/** What start and tests take: any current build here, release builds in CI. */
const TARGET = process.env.CI === "true" ? "release" : "any";

/** Runs a program of this project to its end; what it prints goes to stderr, away from results. */
export function run(program, args) {
  execFileSync(program, args, { cwd: root, stdio: ["ignore", 2, 2], shell: process.platform === "win32" });
}

/** Installs and builds what is missing or out of date; the core for `target` (build-core.mjs). */
export function prepare(target = TARGET) {
  if (!existsSync(join(root, "node_modules"))) {
    process.stderr.write("installing packages (once)\n");
    run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
  }
  try {
    run(process.execPath, ["scripts/build.mjs", "--target", target]);
  } catch {
    process.exit(1); // The compilers have said why.
  }
}
