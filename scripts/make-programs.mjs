// Makes the package's programs of its compiled modules, each one file: the command line, and the processes of sessions. A program
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
  userboot: "cli/userboot.js",
  boot_process: "process/entry.js",
  inspect_process: "process/inspect_entry.js",
};
const fileOf = (name) => join(PROGRAMS, `${name}.cjs`);

/** The programs' files. */
export const programs = Object.keys(SOURCES).map(fileOf);

/** Makes them. */
export async function makePrograms() {
  const { rolldown } = await import("rolldown");
  rmSync(PROGRAMS, { recursive: true, force: true });
  for (const [name, source] of Object.entries(SOURCES)) {
    const made = await rolldown({ input: join(HOST, source), platform: "node", external, plugins: [inPlace] });
    // What is only loaded when it is needed is in files of its own.
    await made.write({
      dir: PROGRAMS,
      format: "cjs",
      entryFileNames: `${name}.cjs`,
      chunkFileNames: `${name}-[name].cjs`,
    });
    await made.close();
  }
  // What of a package is in them has its licence beside it.
  copyFileSync(join(root, "node_modules", "commander", "LICENSE"), join(PROGRAMS, "commander.LICENSE"));
  chmodSync(fileOf("userboot"), 0o755);
}
