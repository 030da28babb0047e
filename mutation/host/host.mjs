// Mutates the host with StrykerJS and its runner for Vitest. The tests use what is built, so the mutants are built with
// it, all at once in a copy of the project, and switched on one at a time; in a session's thread or process, too
// (build_copy.mjs). ../main.mjs calls it.

import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { Stryker } from "@stryker-mutator/core";
import { Instrumenter } from "@stryker-mutator/instrumenter";
import { root } from "../../scripts/core.mjs";
import { drawn } from "../sample.mjs";
import { NAME, silent } from "./all_ran.mjs";
import { FOLDERS, sourcesOf } from "./tables.mjs";

/** Outcomes in which a test has seen the mutant, and those in which none has. Others (a copy that can't be built) don't count. */
const KILLED = ["Killed", "Timeout"];
const SURVIVED = ["Survived", "NoCoverage"];
/** StrykerJS takes a mutant by its place, with all that lies inside it: drawn are those that have few others inside. */
const INSIDE_MAX = 3;
const INSTRUMENTED = { plugins: [], excludedMutations: [], ignorers: [] };
/** What no test of the host needs a copy of. */
const NOT_COPIED = ["/build", "/out", "/web", "/bench", "/fuzz/findings", "*.log"];
/** Beyond the time that the tests took without a mutant. */
const MORE_MS = 20_000;
const TIME_FACTOR = 2;

/** All mutants of the sources, as StrykerJS makes them. */
async function mutantsOf(paths) {
  const quiet = () => undefined;
  const logger = { debug: quiet, info: quiet, warn: quiet, isDebugEnabled: () => false };
  const files = paths.map((path) => ({ name: path, mutate: true, content: readFileSync(join(root, path), "utf8") }));
  return (await new Instrumenter(logger).instrument(files, INSTRUMENTED)).mutants;
}

const isBefore = (one, other) => one.line < other.line || (one.line === other.line && one.column <= other.column);
const isInside = (inner, outer) =>
  inner.fileName === outer.fileName &&
  isBefore(outer.location.start, inner.location.start) &&
  isBefore(inner.location.end, outer.location.end);

/** StrykerJS' words for what it is to mutate: whole files, or the places of `count` mutants (or a few more). */
async function placesOf(folder, count, seed) {
  const paths = sourcesOf(folder);
  if (count === undefined) return paths;
  const all = await mutantsOf(paths);
  const inside = (mutant) => all.filter((other) => isInside(other, mutant));
  // A mutant is inside itself, as are the others of its place.
  const small = all.filter((mutant) => inside(mutant).length <= INSIDE_MAX + 1);
  const taken = new Set();
  const places = [];
  for (const mutant of drawn(small, seed)) {
    if (taken.size >= count) break;
    if (taken.has(mutant)) continue;
    for (const other of inside(mutant)) taken.add(other);
    const { start, end } = mutant.location;
    places.push(`${mutant.fileName}:${start.line + 1}:${start.column}-${end.line + 1}:${end.column}`);
  }
  return places;
}

/** Tries mutants of a folder: how many tests killed, and those that survived. */
export async function mutateHost(folder, { sample, seed }) {
  const { tests, anyThread = false } = FOLDERS[folder];
  const scratch = join(root, "build", "mutation", `host-${folder === "." ? "root" : folder}`);
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(scratch, { recursive: true });
  process.env.MUTATION_TESTS = JSON.stringify(tests);
  process.env.MUTATION_ANY_THREAD = JSON.stringify(Array.isArray(anyThread) ? anyThread : anyThread ? [""] : []);
  const results = await new Stryker({
    mutate: await placesOf(folder, sample, seed),
    testRunner: "vitest",
    vitest: { configFile: "mutation/host/vitest.config.ts", related: false },
    plugins: ["@stryker-mutator/vitest-runner", fileURLToPath(new URL("./all_ran.mjs", import.meta.url))],
    coverageAnalysis: "perTest",
    buildCommand: "node mutation/host/build_copy.mjs",
    tempDirName: relative(root, scratch),
    symlinkNodeModules: false,
    disableTypeChecks: "host/**/*.ts",
    ignorePatterns: NOT_COPIED,
    // One at a time: the copy has one switch.
    concurrency: 1,
    timeoutMS: MORE_MS,
    timeoutFactor: TIME_FACTOR,
    reporters: ["clear-text", NAME],
    clearTextReporter: { allowColor: false, reportTests: false, reportScoreTable: false },
    logLevel: "warn",
    allowConsoleColors: false,
    packageManager: "npm",
  }).runMutationTest();
  if (silent.length > 0) throw new Error(`no test ran of ${silent.join(", ")}: it can't be loaded in the copy`);
  const killed = results.filter(({ status }) => KILLED.includes(status)).length;
  const timedOut = results.filter(({ status }) => status === "Timeout").length;
  const survivors = results
    .filter(({ status }) => SURVIVED.includes(status))
    .map(({ fileName, location, mutatorName, replacement }) => ({
      place: `${relative(root, fileName)}:${location.start.line}:${location.start.column}`,
      operator: mutatorName,
      replacement,
    }));
  return { folder: `host/${folder}`, killed, timedOut, survivors };
}
