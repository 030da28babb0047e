// Compiles the core: build/userboot_FLAVOUR.wasm, for those flavours of which something changed, side by side.
//
//   node scripts/build-core.mjs [FLAVOUR...] [--target release|debug|any]
//
// A release build is optimized and is what bench, CI and the package take. A debug build has names and source maps and
// is made in a second. `any` makes debug builds of what is out of date and leaves current release builds alone.
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import {
  compilerArguments,
  currentStamp,
  describe,
  FUZZED,
  forget,
  inputsOf,
  MODULES,
  moduleOf,
  root,
  TARGETS,
  writeStamp,
} from "./core.mjs";
import { joinSegments } from "./segments.mjs";

const COMPILER = join(root, "node_modules", "assemblyscript", "bin", "asc.js");
const USAGE_STATUS = 2;

/** Compiles one flavour in a process of its own; says whether that went well. */
async function compile(flavour, target) {
  const inputs = inputsOf(flavour, target);
  forget(flavour);
  const child = spawn(process.execPath, [COMPILER, ...compilerArguments(flavour, target)], {
    cwd: root,
    stdio: ["ignore", 2, 2],
  });
  const status = await new Promise((resolve, reject) => child.once("error", reject).once("close", resolve));
  if (status !== 0) return false;
  // A debug build keeps its source map, which counts bytes.
  if (target === "release") {
    const path = join(root, moduleOf(flavour));
    writeFileSync(path, joinSegments(readFileSync(path)));
  }
  // A file saved meanwhile may be in the module or not: without a stamp it is made again.
  if (inputs === inputsOf(flavour, target)) writeStamp(flavour, target, inputs);
  return true;
}

const { values, positionals } = parseArgs({
  options: { target: { type: "string", default: "release" } },
  allowPositionals: true,
});
const known = [...MODULES, ...FUZZED];
const unknown = positionals.find((name) => !known.includes(name));
if (unknown !== undefined || ![...TARGETS, "any"].includes(values.target)) {
  const what = unknown === undefined ? `target '${values.target}'` : `flavour '${unknown}'`;
  console.error(`build-core: no ${what}; there are ${MODULES.join(", ")} and --target ${TARGETS.join(", ")}, any`);
  process.exit(USAGE_STATUS);
}
const wanted = values.target === "any" ? undefined : values.target;
const asked = positionals.length > 0 ? positionals : MODULES;
const waiting = asked.filter((flavour) => currentStamp(flavour, wanted) === undefined);
if (waiting.length > 0) {
  const target = wanted ?? "debug";
  console.error(`compiling the core, ${target} build: ${waiting.join(", ")}`);
  mkdirSync(join(root, "build", "fuzz"), { recursive: true });
  const worker = async () => {
    for (let flavour = waiting.shift(); flavour !== undefined; flavour = waiting.shift())
      if (!(await compile(flavour, target))) process.exitCode = 1;
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
}
if (!process.exitCode) console.error(`core: ${describe(asked)}`);
