// Compiles the host when something of it changed: host/**/*.ts to build/host, and what browsers load of it to
// build/. The compiler keeps what it knows in build/host, so that a small change takes a second or two.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { digest, filesBelow, readStamp, root, stampOf } from "./core.mjs";
import { makePrograms, programs } from "./make-programs.mjs";

const STAMP = "host";
const run = (...args) => execFileSync(process.execPath, args, { cwd: root, stdio: ["ignore", 2, 2] });
const version = (name) => JSON.parse(readFileSync(join(root, "node_modules", name, "package.json"), "utf8")).version;

const sources = filesBelow("host");
const scripts = ["build-host", "bundle-page", "make-programs"].map((name) => `scripts/${name}.mjs`);
const configuration = ["tsconfig.json", ...scripts];
const inputs = digest(["typescript", "@wasmer/wasi", "rolldown", "@xterm/xterm", "@xterm/addon-fit"].map(version), [
  ...configuration,
  ...sources,
]);
const outputs = sources
  .filter((path) => path.endsWith(".ts") && !path.endsWith(".d.ts"))
  .map((path) => join("build", path.replace(/ts$/, "js")));
const last = readStamp(STAMP);
const complete = [...outputs.map((path) => join(root, path)), ...programs].every((path) => existsSync(path));

if (!complete || last?.inputs !== inputs) {
  console.error("compiling the host");
  rmSync(stampOf(STAMP), { force: true });
  // The compiler deletes nothing and makes nothing twice: when files came or went, it begins anew.
  if (!complete || last?.outputs?.join() !== outputs.join())
    rmSync(join(root, "build", "host"), { recursive: true, force: true });
  try {
    run(join("node_modules", "typescript", "bin", "tsc"), "-p", "tsconfig.json");
  } catch {
    process.exit(1); // The compiler has said why.
  }
  run("scripts/bundle-page.mjs");
  await makePrograms();
  mkdirSync(dirname(stampOf(STAMP)), { recursive: true });
  writeFileSync(stampOf(STAMP), JSON.stringify({ inputs, outputs }));
}
