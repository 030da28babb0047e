// Tries the mistakes of table.mjs, each in the same copy of the project, one after the other. ../main.mjs calls it.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { moduleOf, root } from "../../scripts/core.mjs";
import { copyProject, runIn, testsPass } from "../copy.mjs";
import { compiled } from "../core/compile.mjs";
import { FLAVOUR } from "../core/tables.mjs";
import { NAMED } from "./table.mjs";

/** Tests of a mutant that end this late have found that it never ends. */
const LIMIT_MS = 600_000;

const original = (file) => readFileSync(join(root, file), "utf8");

/** The text of a mutant's file with the mistake in it. */
export function mistaken({ file, was, becomes, name }) {
  const [before, after, ...more] = original(file).split(was);
  if (after === undefined || more.length > 0) throw new Error(`${file} has not one '${was}': ${name}`);
  return before + becomes + after;
}

/** Makes the copy's module of the core, or its host, from `text` in the place of `file`. */
async function build(copy, file, text) {
  writeFileSync(join(copy, file), text);
  if (file.startsWith("loader-wasm/")) {
    const bytes = await compiled(FLAVOUR, file, text);
    if (bytes === undefined) throw new Error(`${file} doesn't compile with the mistake in it`);
    writeFileSync(join(copy, moduleOf(FLAVOUR)), bytes);
    return;
  }
  const status = await runIn(copy, ["scripts/build-host.mjs"], { stdio: ["ignore", 2, 2] });
  if (status !== 0) throw new Error(`${file} doesn't compile with the mistake in it`);
}

/** Tries those whose names have `words` in them; the names of those that survived. */
export async function tryNamed(words, log) {
  const copy = copyProject("named");
  const chosen = NAMED.filter(({ name, file }) => `${file} ${name}`.includes(words));
  const good = new Set();
  const survivors = [];
  for (const mutant of chosen) {
    const { tests, only } = mutant;
    const run = () => testsPass(copy, tests, LIMIT_MS, only);
    const key = `${tests.join(" ")} ${only ?? ""}`;
    if (!good.has(key) && !(await run()).passed) throw new Error(`tests fail without a mistake: ${key}`);
    good.add(key);
    await build(copy, mutant.file, mistaken(mutant));
    const { passed } = await run();
    log(`${passed ? "SURVIVED" : "killed"} ${mutant.file}: ${mutant.name}`);
    if (passed) survivors.push(mutant.name);
    await build(copy, mutant.file, original(mutant.file));
  }
  return { tried: chosen.length, survivors };
}
