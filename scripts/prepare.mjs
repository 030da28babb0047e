// What a fresh clone lacks: installs the packages when they are missing and builds what is older than its
// sources. Used by start, test and bench; needs nothing but Node itself.
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));

/** Runs a program of this project to its end; what it prints goes to stderr, away from results. */
export function run(program, args) {
  execFileSync(program, args, { cwd: root, stdio: ["ignore", 2, 2], shell: process.platform === "win32" });
}

/** Installs and builds what is missing or out of date. */
export function prepare() {
  if (!existsSync(join(root, "node_modules"))) {
    process.stderr.write("installing packages (once)\n");
    run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
  }
  const core = newest("loader-wasm", "asconfig.json", "scripts/build-core.mjs");
  if (core > oldest(modules())) {
    process.stderr.write("compiling the core\n");
    run(process.execPath, ["scripts/build-core.mjs"]);
  }
  if (newest("host", "tsconfig.json") > oldest([join("build", "host", "index.js")])) {
    process.stderr.write("compiling the host\n");
    run(process.execPath, [join("node_modules", "typescript", "bin", "tsc"), "-p", "tsconfig.json"]);
    run(process.execPath, ["scripts/copy-libraries.mjs"]);
  }
}

/** The modules that the core's sources make. */
function modules() {
  return ["simp", "4th", "lua"]
    .filter((flavour) => existsSync(join(root, "loader-wasm", `userboot_${flavour}.ts`)))
    .map((flavour) => join("build", `userboot_${flavour}.wasm`));
}

/** Latest change of files and everything in directories. */
function newest(...paths) {
  let latest = 0;
  for (const path of paths) {
    const status = statSync(join(root, path));
    latest = Math.max(latest, status.mtimeMs);
    if (status.isDirectory())
      latest = Math.max(latest, newest(...readdirSync(join(root, path)).map((n) => join(path, n))));
  }
  return latest;
}

/** Earliest change of files; 0 when one is missing. */
function oldest(paths) {
  return Math.min(...paths.map((path) => (existsSync(join(root, path)) ? statSync(join(root, path)).mtimeMs : 0)));
}
