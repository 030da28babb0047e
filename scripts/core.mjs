// What the build knows of the core: its flavours, the files that each is made of, and the stamps that say what
// build/userboot_FLAVOUR.wasm was made from. A module is current when its stamp holds the digest of everything that
// made it, the target among it: neither times nor a build by other means can pass an old or a debug module off.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));
export const TARGETS = ["debug", "release"];

/** More options of the release build: interpreters are many small functions, which gain a sixth and more by being inlined. */
const RELEASE_OPTIONS = { "4th": ["--shrinkLevel", "0"], lua: ["--shrinkLevel", "0"] };
/** What the small module of a flavour is called behind it (loader-wasm/lib/variant.ts), and how it is made. */
const SMALL = "_small";
const SMALL_OPTIONS = ["--use", "SMALL=1"];
/** One that is for fuzzing only: no checksum counts in it. */
const UNCHECKED = "_unchecked";
const UNCHECKED_OPTIONS = ["--use", "UNCHECKED=1"];
/** One whose functions stand each for itself, by their names, and are the same in every flavour: never optimized. */
const NAMED = "_named";
/** Imports and re-exports by relative path; the compiler knows no other files of ours. */
const IMPORT = /^\s*(?:(?:import|export)\b[^"';]*?\bfrom\s*|import\s*)"(\.[^"]+)"/gm;

/** The flavours that pages begin small with. */
const BEGIN_SMALL = ["4th", "lua", "simp"];

/** The modules: one for each loader-wasm/userboot_NAME.ts, and the small ones. All are built alike. */
export const MODULES = readdirSync(join(root, "loader-wasm"))
  .map((name) => /^userboot_(\w+)\.ts$/.exec(name)?.[1])
  .filter((name) => name !== undefined)
  .flatMap((name) => (BEGIN_SMALL.includes(name) ? [name, name + SMALL] : [name]));

/** Modules that are built when they are asked for, and aren't part of the package. */
export const FUZZED = [
  `inspect${UNCHECKED}`,
  ...["simp", "4th", "lua", "inspect", `inspect${UNCHECKED}`].map((name) => name + NAMED),
];

const isSmall = (module) => module.endsWith(SMALL);
const isUnchecked = (module) => module.includes(UNCHECKED);
const isNamed = (module) => module.endsWith(NAMED);
export const entryOf = (module) =>
  join("loader-wasm", `userboot_${[SMALL, UNCHECKED, NAMED].reduce((name, end) => name.replace(end, ""), module)}.ts`);
export const moduleOf = (flavour) => join("build", FUZZED.includes(flavour) ? "fuzz" : "", `userboot_${flavour}.wasm`);
export const stampOf = (name) => join(root, "build", "stamps", `${name}.json`);

/** The compiler's arguments. */
export function compilerArguments(flavour, target) {
  const own = isSmall(flavour) ? SMALL_OPTIONS : isUnchecked(flavour) ? UNCHECKED_OPTIONS : [];
  const more = target === "release" ? [...own, ...(RELEASE_OPTIONS[flavour] ?? [])] : own;
  return [entryOf(flavour), "--target", isNamed(flavour) ? "debug" : target, "--outFile", moduleOf(flavour), ...more];
}

/** Every file of the core that a flavour imports, from its entry on, as sorted paths from the root. */
export function sourcesOf(flavour) {
  const found = new Set();
  const visit = (path) => {
    if (found.has(path)) return;
    found.add(path);
    for (const [, name] of readFileSync(join(root, path), "utf8").matchAll(IMPORT)) {
      const target = join(dirname(path), name);
      const file = [`${target}.ts`, join(target, "index.ts")].find((candidate) => existsSync(join(root, candidate)));
      // The compiler says it better when there is none.
      if (file !== undefined) visit(file);
    }
  };
  visit(entryOf(flavour));
  return [...found].sort();
}

/** A digest of words and of files, by their contents. */
export function digest(words, files) {
  const hash = createHash("sha256").update(JSON.stringify(words));
  for (const path of files) hash.update(`\0${path}\0`).update(readFileSync(join(root, path)));
  return hash.digest("hex");
}

/** A digest of all that makes a flavour's module. */
export function inputsOf(flavour, target) {
  return digest(
    [compilerVersion(), ...compilerArguments(flavour, target)],
    ["asconfig.json", "scripts/segments.mjs", ...sourcesOf(flavour)],
  );
}

/** Says in the flavour's stamp what its module was made from. */
export function writeStamp(flavour, target, inputs) {
  mkdirSync(dirname(stampOf(flavour)), { recursive: true });
  writeFileSync(stampOf(flavour), JSON.stringify({ target, inputs, module: digest([], [moduleOf(flavour)]) }));
}

/** Forgets a module before it is made anew, with what only a debug build leaves. */
export function forget(flavour) {
  rmSync(stampOf(flavour), { force: true });
  rmSync(join(root, `${moduleOf(flavour)}.map`), { force: true });
}

/** The stamp of a current module, undefined when there is none: for `target`, or for any when none is named. */
export function currentStamp(flavour, target) {
  const stamp = readStamp(flavour);
  if (stamp === undefined || !existsSync(join(root, moduleOf(flavour)))) return undefined;
  if (target !== undefined && stamp.target !== target) return undefined;
  if (stamp.module !== digest([], [moduleOf(flavour)])) return undefined;
  return stamp.inputs === inputsOf(flavour, stamp.target) ? stamp : undefined;
}

/** What a stamp says; undefined when there is none that can be read. */
export function readStamp(name) {
  try {
    return JSON.parse(readFileSync(stampOf(name), "utf8"));
  } catch {
    return undefined;
  }
}

/** "simp 134 KB (release), ...", for people. */
export function describe(flavours = MODULES) {
  const sizes = flavours.map((flavour) => {
    const { size } = statSync(join(root, moduleOf(flavour)));
    return `${flavour} ${Math.round(size / 1000)} KB (${readStamp(flavour)?.target})`;
  });
  return sizes.join(", ");
}

function compilerVersion() {
  return JSON.parse(readFileSync(join(root, "node_modules", "assemblyscript", "package.json"), "utf8")).version;
}

/** All files below directories, as sorted paths from the root. */
export function filesBelow(...directories) {
  return directories
    .flatMap((directory) => readdirSync(join(root, directory), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath ?? entry.path, entry.name)))
    .sort();
}
