// npm run bench -- --against DIR: warm boots by this checkout and by another one (DIR, built), in turn, in processes of
// their own, so that both meet the same machine. Prints the lower quartile of each row's times (what else the machine does makes
// times longer, never shorter) and their ratio; with --check a row that is slower by more than the tolerance fails.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { ownScripts as forthScripts } from "./forth.mjs";
import { makeGuest } from "./guest.mjs";
import { ownScripts as luaScripts } from "./lua.mjs";
import { scriptedGuests } from "./scripted.mjs";

/** Part by which a row may be slower, and a module larger. */
const SLOWER_MAX = 0.03;
const LARGER_MAX = 0.02;
/** Processes of each side, and boots of one row in each, the first of which only warm it up: the engine compiles in steps. */
const ROUNDS = 16;
const BOOTS = 220;
const WARM_UP = 160;

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** What one process does: prints the median time of its boots of each guest, as JSON. */
const program = (root, guests) => `
  const { boot, preload, KeysConsole, ReleasedError } = await import(${JSON.stringify(pathToFileURL(join(root, "build", "host", "index.js")).href)});
  await preload();
  // The option's old name, too, for versions that don't refuse what they don't know.
  const here = { isolation: "none", ...(ReleasedError === undefined && { worker: false }) };
  const times = {};
  for (const [name, { path, options }] of Object.entries(${JSON.stringify(guests)})) {
    const all = [];
    for (let i = 0; i < ${BOOTS}; i++) {
      const began = performance.now();
      const result = await boot({ ...options, ...here, disks: [path], clock: "virtual" });
      all.push(performance.now() - began);
      if (result.reason !== "exec") throw new Error(name + ": " + JSON.stringify(result.error));
      result.release();
    }
    times[name] = all.slice(${WARM_UP}).sort((a, b) => a - b)[${(BOOTS - WARM_UP) >> 1}];
  }
  console.log(JSON.stringify(times));`;

/** Compares with the checkout in `other`; gives whether nothing got worse than it may. */
export function against(other, directory) {
  const guests = { "warm boot": { path: makeGuest(directory).path, options: { start: "simp", interfaceVersion: 4 } } };
  for (const [flavour, scripts] of [
    ["4th", forthScripts],
    ["lua", luaScripts],
  ]) {
    for (const [name, guest] of scriptedGuests({ directory, leftOut() {} }, flavour, scripts, () => [])) {
      guests[`${flavour}: warm boot, ${name}`] = { path: guest.path, options: { start: flavour, interfaceVersion: 4 } };
    }
  }
  const sides = [resolve(other), ROOT];
  const times = sides.map(() => []);
  for (let round = 0; round < ROUNDS; round++) {
    sides.forEach((root, side) => {
      const { status, stdout, stderr } = spawnSync(
        process.execPath,
        ["--input-type=module", "-e", program(root, guests)],
        {
          encoding: "utf8",
        },
      );
      if (status !== 0) throw new Error(`${root}: ${stderr}`);
      times[side].push(JSON.parse(stdout));
    });
  }
  const quartile = (side, name) => times[side].map((row) => row[name]).sort((a, b) => a - b)[ROUNDS >> 2];
  let good = true;
  const show = (name, before, now, unit, most) => {
    const change = now / before - 1;
    const missed = change > most;
    good &&= !missed;
    const numbers = [before, now].map((value) => value.toFixed(2).padStart(10)).join("");
    console.log(
      `${name.padEnd(46)}${numbers} ${unit} ${(change * 100).toFixed(1).padStart(6)} %${missed ? "  WORSE" : ""}`,
    );
  };
  console.log(`${"".padEnd(46)}     other      this`);
  for (const name of Object.keys(guests)) show(name, quartile(0, name), quartile(1, name), "ms", SLOWER_MAX);
  for (const file of readdirSync(join(ROOT, "build")).filter((name) => name.endsWith(".wasm"))) {
    const [before, now] = sides.map((root) => join(root, "build", file));
    if (existsSync(before)) show(file, statSync(before).size / 1000, statSync(now).size / 1000, "KB", LARGER_MAX);
  }
  return good;
}
