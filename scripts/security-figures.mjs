// Makes docs/security-figures.md of the figures that the last runs of the fuzzer and of the mutations left: fuzz/figures/ and
// mutation/scores.json. A test holds that it is current.
//
//     node scripts/security-figures.mjs

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { root } from "./core.mjs";

const PLACE = "docs/security-figures.md";

const HEAD = `# Security in figures

What was tried against this package, how often, and what came of it. Made by \`node scripts/security-figures.mjs\` of what the runs
themselves wrote down; a test holds that it is current. [fuzzing.md](fuzzing.md) says what a target is and what counts as a finding,
[SECURITY.md](../SECURITY.md) what is promised.
`;

/** The figures in a file of the repository; undefined without it. */
function figures(path) {
  const place = join(root, path);
  return existsSync(place) ? JSON.parse(readFileSync(place, "utf8")) : undefined;
}

const number = (value) => value.toLocaleString("en-US");
const percent = (part, whole) => `${((100 * part) / whole).toFixed(1)} %`;
const sum = (rows, of) => rows.reduce((all, row) => all + of(row), 0);
const hours = (seconds) => (seconds / 3600).toFixed(2);
const cell = (value) => String(value).replaceAll("|", "\\|");
const table = (heads, rows) =>
  [heads, heads.map((_, i) => (i === 0 ? "---" : "---:")), ...rows]
    .map((row) => `| ${row.map(cell).join(" | ")} |`)
    .join("\n");

/** Searches: `title` of what is in `path`, by the command `how`. */
function searches(title, how, path) {
  const kept = figures(path);
  if (kept === undefined) return "";
  const { date, targets } = kept;
  const seconds = sum(targets, (row) => row.seconds);
  const executions = sum(targets, (row) => row.executions);
  const found = sum(targets, (row) => row.findings.length);
  const withEdges = targets.some((row) => row.edges !== undefined);
  const heads = ["target", "executions", "a second", ...(withEdges ? ["edges", "of"] : []), "findings"];
  const rows = targets.map((row) => [
    row.target,
    number(row.executions),
    number(Math.round(row.executions / Math.max(row.seconds, 1))),
    ...(withEdges ? [number(row.edges), number(row.allEdges)] : []),
    row.findings.length,
  ]);
  return `
## ${title}

\`${how}\`, ${date}: ${targets.length} targets, ${number(executions)} executions in ${hours(seconds)} hours of a processor, ${found} findings.

${table(heads, rows)}
`;
}

/** What the corpora reach of the core. */
function coverage() {
  const kept = figures("fuzz/figures/coverage.json");
  if (kept === undefined) return "";
  const { core, all, date, flavours, folders, missed } = kept;
  const row = (name, { taken, edges }) => [name, number(taken), number(edges), percent(taken, edges)];
  return `
## What the corpora reach

\`npm run fuzz -- coverage\`, ${date}: **${percent(core.taken, core.edges)}** of the core's edges (${percent(all.taken, all.edges)} with what
the compiler adds). Of all its functions ${missed.length} are reached by nothing; each has its reason in \`fuzz/uncovered.txt\`.

${table(
  ["folder", "reached", "edges", "share"],
  Object.entries(folders).map(([name, share]) => row(name, share)),
)}

One module alone: ${Object.entries(flavours)
    .map(([name, { taken, edges }]) => `${name} ${percent(taken, edges)}`)
    .join(", ")}.
`;
}

/** Flipped bits of metadata. */
function flips() {
  const kept = figures("fuzz/figures/flips.json");
  if (kept === undefined) return "";
  const { date, samples } = kept;
  const KINDS = ["right", "error", "changed", "wrong"];
  return `
## Flipped bits

\`npm run fuzz -- flips\`, ${date}: single bits of the metadata of good images, after which all is read. *Changed*: as the changed metadata say, of
file systems without checksums; *wrong*: other bytes, taken for good.

${table(
  ["sample", "bits", "step", "runs", ...KINDS],
  samples.map((row) => [
    row.sample,
    number(row.bits),
    row.step,
    number(row.runs),
    ...KINDS.map((kind) => number(row[kind])),
  ]),
)}
`;
}

/** Scores of the tests against mistakes in the code. */
function mutations() {
  const rows = figures("mutation/scores.json");
  if (rows === undefined) return "";
  const whole = (row) => (row.whole ? "all" : `seed ${row.seed}`);
  const isMissed = ({ reason }) => reason === "no test yet" || reason.startsWith("killed since");
  const harmless = ({ survivors }) => survivors.filter((survivor) => !isMissed(survivor)).length;
  return `
## Tests with teeth

\`npm run mutate\`: single mistakes put into the code, and how many of them the tests notice. A sample is chosen by its seed; the reasons of those
that survived stand in \`mutation/scores.json\`; those that change nothing that can be seen are counted as not noticed, too.
Mistakes that an attacker would like, by name: \`npm run mutate -- named\`.

${table(
  ["folder", "mutants", "of", "noticed", "change nothing", "score"],
  rows.map((row) => [row.folder, row.mutants, whole(row), row.killed, harmless(row), percent(row.killed, row.mutants)]),
)}
`;
}

/** What was found, and where its test is. */
function found() {
  const rows = figures("fuzz/figures/found.json");
  return `
## Found and mended

What fuzzing, the hostile corpus, flips and comparisons with other programs found on main. Each has a test that failed before.

| what | by | test |
| --- | --- | --- |
${rows.map((row) => `| ${cell(row.what)} | ${row.by} | \`${row.test}\` |`).join("\n")}
`;
}

/** The page. */
export function securityFigures() {
  return [
    HEAD,
    searches("Searches in the core", "npm run fuzz -- all", "fuzz/figures/search.json"),
    searches("Searches in the host", "npm run fuzz -- host/all", "fuzz/figures/host.json"),
    coverage(),
    flips(),
    mutations(),
    found(),
  ].join("");
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) writeFileSync(join(root, PLACE), securityFigures());
