// Makes the package's programs of its compiled modules, each one file: the command line, and the processes and threads of sessions. A program
// starts in a third of the time when it isn't put together from a hundred files first, and as CommonJS, which Node loads
// without its loader of modules. Part of the host's build.
import { chmodSync, copyFileSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { root } from "./core.mjs";

const HOST = join(root, "build", "host");
const PROGRAMS = join(HOST, "programs");
/** Packages that few need, which are loaded when they are. */
const external = [/^@wasmer\//, /^@noble\//, /^fengari/, /^fzstd/, /^seek-bzip/, /^xz-decompress/];

/** Modules find what is beside them as if they were still where they are. */
const inPlace = {
  name: "in-place",
  transform(code, id) {
    if (!id.startsWith(HOST) || !code.includes("import.meta.url")) return;
    const place = JSON.stringify(relative(PROGRAMS, id).replaceAll("\\", "/"));
    const own = code.replaceAll("import.meta.url", `new URL(${place}, urlOfFile(__filename)).href`);
    return `${own}\nimport { pathToFileURL as urlOfFile } from "node:url";\n`;
  },
};

const SOURCES = {
  userboot: "cli/main.js",
  boot_process: "process/entry.js",
  boot_thread: "worker/node_entry.js",
  launch_thread: "worker/node_launch.js",
  inspect_process: "process/inspect_entry.js",
  inspect_thread: "worker/node_inspect_entry.js",
};
const fileOf = (name) => join(PROGRAMS, `${name}.cjs`);

/** The programs' files. */
export const programs = Object.keys(SOURCES).map(fileOf);

/** Tells which modules are run with `entry`, not those that it loads later. */
async function startsWith(made, entry) {
  const { output } = await made.generate({ format: "cjs" });
  const chunks = new Map(output.map((chunk) => [chunk.fileName, chunk]));
  const found = new Set();
  const take = (chunk) => {
    for (const id of chunk.moduleIds) if (id !== entry) found.add(id);
    for (const name of chunk.imports) if (chunks.has(name)) take(chunks.get(name));
  };
  take(output.find((chunk) => chunk.isEntry));
  return (id) => found.has(id);
}

/** Makes them. */
export async function makePrograms() {
  const { rolldown } = await import("rolldown");
  rmSync(PROGRAMS, { recursive: true, force: true });
  for (const [name, source] of Object.entries(SOURCES)) {
    const input = join(HOST, source);
    const made = await rolldown({ input, platform: "node", external, plugins: [inPlace] });
    // What is only loaded when it is needed is in files of its own. What the command line runs first is in one: it starts
    // a process, which is waited for. Node reads over what it doesn't run, so that comments and blanks have their price.
    const groups = name === "userboot" ? [{ name: "first", test: await startsWith(made, input) }] : [];
    await made.write({
      dir: PROGRAMS,
      format: "cjs",
      entryFileNames: `${name}.cjs`,
      chunkFileNames: `${name}-[name].cjs`,
      minify: { compress: false, mangle: false, codegen: { removeWhitespace: true } },
      codeSplitting: { groups },
    });
    await made.close();
  }
  // What of a package is in them has its licence beside it.
  copyFileSync(join(root, "node_modules", "commander", "LICENSE"), join(PROGRAMS, "commander.LICENSE"));
  chmodSync(fileOf("userboot"), 0o755);
}
