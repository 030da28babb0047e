// scripts/release.mjs refuses a release whose tree, version and changelog don't agree.

import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { inRepository } from "../support/repository.js";
import { Scratch } from "../support/scratch.js";

const AGREES = {
  "package.json": { version: "1.2.3" },
  "package-lock.json": { version: "1.2.3", packages: { "": { version: "1.2.3" } } },
  "examples/one/package.json": { dependencies: { "userboot-wasm": "^1.2.3" } },
  "examples/README.md": "# Examples\n",
  "CHANGELOG.md": "# Changelog\n\n## 1.2.3 (2031-01-02)\n\n- One.\n\n## 1.2.2 (2030-01-02)\n",
};

/** What the script says of a repository with these files. `after` is done once they are committed. */
function check(files: Record<string, unknown>, after: (directory: string) => void = () => {}, ...args: string[]) {
  using scratch = new Scratch();
  const directory = scratch.path;
  for (const [path, content] of Object.entries({ ...AGREES, ...files })) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), typeof content === "string" ? content : JSON.stringify(content));
  }
  mkdirSync(join(directory, "scripts"));
  copyFileSync(inRepository("scripts/release.mjs"), join(directory, "scripts/release.mjs"));
  const git = (...words: string[]) => execFileSync("git", words, { cwd: directory });
  git("init", "-q");
  git("add", ".");
  git("-c", "user.name=test", "-c", "user.email=test@localhost", "commit", "-qm", "all");
  after(directory);
  const script = join(directory, "scripts/release.mjs");
  const { status, stderr } = spawnSync(process.execPath, [script, ...(args.length > 0 ? args : ["--check"])], {
    encoding: "utf8",
  });
  return { status, lines: stderr.split("\n").filter((line) => line !== "") };
}

it("has nothing to say when all agree", () => {
  expect(check({})).toEqual({ status: 0, lines: [] });
});

it.each([
  [
    "a version that isn't locked",
    { "package-lock.json": { version: "1.2.2", packages: { "": { version: "1.2.3" } } } },
    /package-lock\.json has version 1\.2\.2/,
  ],
  [
    "a version that the changelog doesn't have",
    { "CHANGELOG.md": "# Changelog\n\n## 1.2.2 (2030-01-02)\n" },
    /CHANGELOG\.md begins with "1\.2\.2 \(2030-01-02\)", package\.json has version 1\.2\.3/,
  ],
  ["a changelog of nothing", { "CHANGELOG.md": "" }, /CHANGELOG\.md begins with "nothing"/],
  ["a version without a date", { "CHANGELOG.md": "## 1.2.3 (unreleased)\n" }, /has no date/],
  [
    "an example with another version",
    { "examples/one/package.json": { dependencies: { "userboot-wasm": "^1.0.0" } } },
    /examples\/one\/package\.json wants \^1\.0\.0/,
  ],
] as const)("refuses %s", (_, files, message) => {
  const { status, lines } = check(files);
  expect(lines).toEqual([expect.stringMatching(message)]);
  expect(status).toBe(1);
});

it("refuses a tree that isn't clean, and a version that is a tag", () => {
  const touched = check({}, (directory) => writeFileSync(join(directory, "new"), ""));
  expect(touched).toEqual({ status: 1, lines: [expect.stringMatching(/the tree isn't clean: 1 files/)] });
  const tagged = check({}, (directory) => execFileSync("git", ["tag", "v1.2.3"], { cwd: directory }));
  expect(tagged).toEqual({ status: 1, lines: [expect.stringMatching(/v1\.2\.3 is a tag already/)] });
});

it("refuses before anything is built, and options that it doesn't know", () => {
  expect(check({ "CHANGELOG.md": "" }, undefined, "--check", "x").status).toBe(2);
  expect(check({}, undefined, "--publish")).toEqual({ status: 2, lines: ["usage: npm run release [-- --check]"] });
});

it("the changelog of this version is there", () => {
  const { version } = JSON.parse(readFileSync(inRepository("package.json"), "utf8"));
  const [first] = readFileSync(inRepository("CHANGELOG.md"), "utf8").match(/^## .*$/m) ?? [];
  expect(first).toMatch(new RegExp(`^## ${version.replaceAll(".", "\\.")} \\(.*\\)$`));
});
