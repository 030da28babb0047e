// npm run mutate -- host|core [FOLDER...] [--sample N] [--seed S] [--json FILE], or: named [WORDS]. Tries single mistakes in the
// sources and says which of them no test finds; docs/mutation.md tells of it.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { root } from "../scripts/core.mjs";
import { mutateCore } from "./core/core.mjs";
import { FOLDERS as CORE } from "./core/tables.mjs";
import { mutateHost } from "./host/host.mjs";
import { FOLDERS as HOST } from "./host/tables.mjs";
import { tryNamed } from "./named/named.mjs";

const USAGE_STATUS = 2;
const KINDS = { host: { folders: Object.keys(HOST), mutate: mutateHost }, core: { folders: CORE, mutate: mutateCore } };

function usage(problem) {
  console.error(
    `mutate: ${problem}; npm run mutate -- host|core [FOLDER...] [--sample N] [--seed S], or named [WORDS]`,
  );
  process.exit(USAGE_STATUS);
}

function parsed() {
  try {
    return parseArgs({
      options: { sample: { type: "string" }, seed: { type: "string", default: "1" }, json: { type: "string" } },
      allowPositionals: true,
    });
  } catch (error) {
    return usage(error.message);
  }
}

function wholeNumber(name, text) {
  if (!/^[1-9]\d{0,8}$/.test(text)) usage(`--${name} '${text}' is no whole number above 0`);
  return Number(text);
}

const { values, positionals } = parsed();
const [kind, ...names] = positionals;
const log = (line) => console.log(line);

/** Percent, rounded down: a score isn't better than it is. */
const scoreOf = (killed, mutants) => Math.floor((1000 * killed) / Math.max(mutants, 1)) / 10;

/** Why survivors are let be: by file, operator, what was put in the place, and a text of their line, where the file has several; lines move. */
const REASONS = JSON.parse(readFileSync(new URL("./reasons.json", import.meta.url), "utf8"));

function explained({ place, operator, replacement }) {
  const [file, line] = place.split(":");
  const text = readFileSync(join(root, file), "utf8").split("\n")[line - 1] ?? "";
  const known = REASONS.find(
    (one) =>
      one.file === file &&
      one.operator === operator &&
      one.replacement === replacement &&
      (one.line === undefined || text.includes(one.line)),
  );
  return { place, operator, replacement, reason: known?.reason ?? "no test yet" };
}

/** Puts the row of a folder into the file, in the place of the one that was there. */
function keep(file, row) {
  const others = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : [];
  const rows = [...others.filter(({ folder }) => folder !== row.folder), row];
  rows.sort((one, other) => (one.folder < other.folder ? -1 : 1));
  writeFileSync(file, `${JSON.stringify(rows, null, 2)}\n`);
}

if (kind === "named") {
  const { tried, survivors } = await tryNamed(names.join(" "), log);
  log(`named: ${tried} tried, ${tried - survivors.length} killed`);
  if (survivors.length > 0) process.exitCode = 1;
} else {
  const { folders, mutate } = KINDS[kind] ?? usage(`'${kind ?? ""}' is neither host, core nor named`);
  const unknown = names.find((name) => !folders.includes(name));
  if (unknown !== undefined) usage(`there is no folder '${unknown}' of the ${kind} (there are ${folders.join(", ")})`);
  const seed = wholeNumber("seed", values.seed);
  const sample = values.sample === undefined ? undefined : wholeNumber("sample", values.sample);
  for (const name of names.length > 0 ? names : folders) {
    const { folder, killed, timedOut, survivors } = await mutate(name, { sample, seed, log });
    const mutants = killed + survivors.length;
    const whole = sample === undefined;
    const row = {
      folder,
      mutants,
      killed,
      survived: survivors.length,
      score: scoreOf(killed, mutants),
      seed,
      whole,
      timedOut,
    };
    row.survivors = survivors.map(explained);
    if (values.json !== undefined) keep(values.json, row);
    for (const { place, operator, replacement, reason } of row.survivors)
      log(`survived: ${place} ${operator}: ${replacement} (${reason})`);
    log(`${folder}: ${row.score} % (${killed} of ${mutants} mutants${whole ? "" : `, drawn by seed ${seed}`})`);
  }
}
