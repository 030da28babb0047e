// npm run release: checks all that a release needs and packs it to out/release/. It publishes nothing and makes no tag: it
// says what a person does then. With --check only what takes no time is looked at.

import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const OUTPUT = "out/release";
const read = (path) => readFileSync(join(root, path), "utf8");
const git = (...args) => execFileSync("git", args, { cwd: root, encoding: "utf8" }).trim();

/** What takes long, in order. The tests build, and with CI set a suite that has to be left out is a failure. */
const STEPS = [
  ["the build", "npm", "run", "build"],
  ["the linter and the compiler", "npm", "run", "lint"],
  ["the tests and the recordings", "npm", "test"],
  ["what sessions leave behind", "npm", "run", "soak"],
  ["the packed package", "sh", "scripts/check-package.sh"],
];

/** What is wrong with the tree, its version and what is said of it, a line each. */
function complaints() {
  const { version } = JSON.parse(read("package.json"));
  const found = [];
  const changed = git("status", "--porcelain");
  if (changed !== "")
    found.push(`the tree isn't clean: ${changed.split("\n").length} files differ from the last commit`);
  if (git("tag", "--list", `v${version}`) !== "") {
    found.push(`v${version} is a tag already: package.json needs a new version (npm version --no-git-tag-version)`);
  }
  const locked = JSON.parse(read("package-lock.json"));
  for (const lock of [locked.version, locked.packages[""].version]) {
    if (lock !== version) found.push(`package-lock.json has version ${lock}, package.json ${version}: npm install`);
  }
  const [, heading = "nothing"] = /^## (.*)$/m.exec(read("CHANGELOG.md")) ?? [];
  const [, last, date] = /^(\d+\.\d+\.\d+) \((.*)\)$/.exec(heading) ?? [];
  if (last !== version) found.push(`CHANGELOG.md begins with "${heading}", package.json has version ${version}`);
  else if (!/^\d{4}-\d\d-\d\d$/.test(date)) found.push(`CHANGELOG.md: "${heading}" has no date (YYYY-MM-DD)`);
  for (const name of existsSync(join(root, "examples")) ? readdirSync(join(root, "examples")) : []) {
    const file = `examples/${name}/package.json`;
    const wanted = existsSync(join(root, file)) && JSON.parse(read(file)).dependencies["userboot-wasm"];
    if (wanted && wanted !== `^${version}`) found.push(`${file} wants ${wanted} of this package, not ^${version}`);
  }
  return found;
}

/** Packs what was checked, and tells of it. */
function pack() {
  const directory = join(root, OUTPUT);
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  // Built and checked it is: what prepack does would only be done twice.
  const args = ["pack", "--ignore-scripts", "--json", "--pack-destination", OUTPUT];
  const [{ filename, size, entryCount, version }] = JSON.parse(
    execFileSync("npm", args, { cwd: root, encoding: "utf8" }),
  );
  const digest = createHash("sha256")
    .update(readFileSync(join(directory, filename)))
    .digest("hex");
  console.log(`\n${OUTPUT}/${filename}: ${entryCount} files, ${size} bytes, SHA-256 ${digest}`);
  console.log(`Nothing is published. To do that:\n
    git tag v${version} && git push --tags
    npm publish ${OUTPUT}/${filename}`);
}

/** Does everything; the exit status. */
function release(checksOnly) {
  const found = complaints();
  for (const line of found) console.error(`release: ${line}`);
  if (found.length > 0) return 1;
  if (checksOnly) return 0;
  for (const [what, program, ...args] of STEPS) {
    console.log(`\n== ${what}`);
    const { status } = spawnSync(program, args, { cwd: root, stdio: "inherit", env: { ...process.env, CI: "true" } });
    if (status !== 0) {
      console.error(`release: ${what}: ${program} ${args.join(" ")} failed`);
      return 1;
    }
  }
  // Tests that wrote into the tree, and files that somebody changed meanwhile.
  const late = complaints();
  for (const line of late) console.error(`release: after the tests: ${line}`);
  if (late.length > 0) return 1;
  pack();
  return 0;
}

const [option, ...more] = process.argv.slice(2);
if (more.length > 0 || (option !== undefined && option !== "--check")) {
  console.error("usage: npm run release [-- --check]");
  process.exitCode = 2;
} else process.exitCode = release(option === "--check");
