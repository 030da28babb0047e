// The baseline: figures of an earlier run that mean the same on every machine (ratios of two times measured in one run,
// counts, sizes), and by how much each kind may grow. Times themselves are in no baseline.
import { readFileSync, writeFileSync } from "node:fs";

const FILE = new URL("baseline.json", import.meta.url);
/** Depends on the version of Node. */
const NOT_KEPT = /^peak resident/;

/** The rows that a baseline has, by name; an indented row belongs to the last one that isn't. */
function keptRows(rows, units) {
  const kept = new Map();
  let of = "";
  for (const row of rows) {
    const indented = row.name.startsWith(" ");
    if (!indented) of = row.name;
    if (row.leftOut || !Object.hasOwn(units, row.unit) || NOT_KEPT.test(row.name)) continue;
    kept.set(indented ? `${of}: ${row.name.trim()}` : row.name, row);
  }
  return kept;
}

/** Gives each row that the baseline has its `change` (0.1: a tenth more), and `worse` when that is more than tolerated. */
export function compare(rows) {
  const { tolerances, figures } = read();
  for (const [name, row] of keptRows(rows, tolerances)) {
    const before = figures[name];
    if (before === undefined) continue;
    row.change = before === 0 ? row.value : row.value / before - 1;
    row.worse = row.change > tolerances[row.unit];
  }
}

/** Takes these rows for the baseline. Figures of rows that were left out stay. */
export function update(rows) {
  const { tolerances, figures } = read();
  for (const [name, { value }] of keptRows(rows, tolerances)) {
    figures[name] = Number.isInteger(value) ? value : Number(value.toPrecision(4));
  }
  writeFileSync(FILE, `${JSON.stringify({ tolerances, figures }, undefined, 2)}\n`);
}

function read() {
  return JSON.parse(readFileSync(FILE, "utf8"));
}
