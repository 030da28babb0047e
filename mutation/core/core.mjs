// Mutates the core: one mutant at a time is compiled into a copy of the project, where the tests that fit run. What doesn't
// compile, or makes the same module, doesn't count. ../main.mjs calls it.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { moduleOf, root, sourcesOf } from "../../scripts/core.mjs";
import { copyProject, testsPass } from "../copy.mjs";
import { drawn } from "../sample.mjs";
import { compiled } from "./compile.mjs";
import { mutantsOf } from "./operators.mjs";
import { FLAVOUR, flavoursOf, testsOf } from "./tables.mjs";

/** As long as a mutant's tests may take, beside what they take without one. */
const TIME_FACTOR = 2;
const MORE_MS = 30_000;

const read = (path) => readFileSync(join(root, path), "utf8");

/** The mutants of a folder, as far as the flavour is made of it. */
function mutantsBelow(folder) {
  const paths = sourcesOf(FLAVOUR).filter((path) => path.startsWith(`loader-wasm/${folder}/`));
  return paths.flatMap((path) => mutantsOf(read(path)).map((mutant) => ({ path, ...mutant })));
}

/** The modules of the copy, one for each flavour that tests run. */
class Modules {
  #good = new Map();

  constructor(copy) {
    this.copy = copy;
  }

  #write(flavour, bytes) {
    writeFileSync(join(this.copy, moduleOf(flavour)), bytes);
  }

  /** Makes those of `flavours` without a mutant. */
  async restore(flavours) {
    for (const flavour of flavours) {
      if (!this.#good.has(flavour)) this.#good.set(flavour, await compiled(flavour));
      this.#write(flavour, this.#good.get(flavour));
    }
  }

  /** Makes them with `text` in the place of the source `path`. False when it doesn't compile, or makes the same modules. */
  async change(flavours, path, text) {
    await this.restore(flavours);
    let changed = false;
    for (const flavour of flavours) {
      const bytes = await compiled(flavour, path, text);
      if (bytes === undefined) return false;
      changed ||= Buffer.compare(bytes, this.#good.get(flavour)) !== 0;
      this.#write(flavour, bytes);
    }
    return changed;
  }
}

/** Times of tests without a mutant, measured when they are first needed. */
class Times {
  #known = new Map();

  constructor(copy, modules) {
    this.copy = copy;
    this.modules = modules;
  }

  async limit(tests) {
    const known = this.#known.get(tests);
    if (known !== undefined) return known;
    await this.modules.restore(flavoursOf(tests));
    const { passed, ms } = await testsPass(this.copy, tests);
    if (!passed) throw new Error(`tests fail without a mutant: ${tests.join(" ")}`);
    const limit = ms * TIME_FACTOR + MORE_MS;
    this.#known.set(tests, limit);
    return limit;
  }
}

/** Tries `sample` mutants of a folder that count, all without one: how many tests killed, and those that survived. */
export async function mutateCore(folder, { sample = Number.POSITIVE_INFINITY, seed, log }) {
  const copy = copyProject(`core-${folder}`);
  const modules = new Modules(copy);
  const times = new Times(copy, modules);
  let killed = 0;
  let timedOut = 0;
  const survivors = [];
  for (const { path, from, to, line, column, operator, was, replacement } of drawn(mutantsBelow(folder), seed)) {
    if (killed + survivors.length >= sample) break;
    const text = read(path);
    const mutant = text.slice(0, from) + replacement + text.slice(to);
    const tests = testsOf(path);
    const limit = await times.limit(tests);
    if (!(await modules.change(flavoursOf(tests), path, mutant))) continue;
    // Some tests compile parts of the core themselves.
    writeFileSync(join(copy, path), mutant);
    const { passed, late } = await testsPass(copy, tests, limit);
    writeFileSync(join(copy, path), text);
    if (late) timedOut++;
    const place = `${path}:${line}:${column}`;
    log(`${passed ? "SURVIVED" : "killed"} ${place} ${operator}: ${was} -> ${replacement}`);
    if (passed) survivors.push({ place, operator, was, replacement });
    else killed++;
  }
  return { folder: `loader-wasm/${folder}`, killed, timedOut, survivors };
}
