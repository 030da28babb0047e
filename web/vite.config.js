// The production build of the page: `npm run web` leaves it in build/web/, to be served from anywhere as plain files.

import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));

/** Some servers send those who ask for index.html on to its directory: what was sent on can't be the answer to a navigation. */
const addressOf = (name) => (name === "index.html" ? "./" : `./${name}`);

/** Writes the service worker, with the names of all files and a digest of them: a changed one makes a new store. */
const offline = {
  name: "offline",
  apply: "build",
  writeBundle({ dir: outDir }) {
    const names = readdirSync(outDir, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name !== "sw.js")
      .map((entry) => join(entry.parentPath, entry.name).slice(outDir.length + 1))
      .sort();
    const hash = createHash("sha256");
    for (const name of names) hash.update(name).update(readFileSync(join(outDir, name)));
    const program = readFileSync(join(here, "sw.js"), "utf8")
      .replace("__VERSION__", hash.digest("hex").slice(0, 16))
      .replace("__FILES__", JSON.stringify(names.map(addressOf)));
    writeFileSync(join(outDir, "sw.js"), program);
  },
};

/**
 * v86 starts a worker of its own text, which the policy forbids: it gets a file in its place (tick.js). What it would want of Node
 * isn't there.
 */
const OWN_WORKER =
  /URL\.createObjectURL\(new Blob\(\["\("\+\w+\.toString\(\)\+"\)\(\)"\],\{type:"text\/javascript"\}\)\)(?=;this\.worker=)/g;
const NODES = ["crypto", "fs", "node:crypto", "node:fs/promises", "perf_hooks"];
const emulator = {
  name: "emulator",
  enforce: "pre",
  resolveId: (name, importer) => (NODES.includes(name) && importer?.endsWith("libv86.mjs") ? "\0nothing" : undefined),
  load: (id) => (id === "\0nothing" ? "export default undefined;" : undefined),
  transform(program, id) {
    if (!id.endsWith("/libv86.mjs")) return undefined;
    if (program.match(OWN_WORKER)?.length !== 1) throw new Error("v86 isn't made as it was");
    const place = JSON.stringify(`${join(here, "tick.js")}?url`);
    return { code: `import tick from ${place};\n${program.replace(OWN_WORKER, "tick")}`, map: null };
  },
};

/** Images keep their names, by which people and set-ups know them. */
const placeOf = ({ names: [name = ""] }) =>
  name.endsWith(".img.gz") ? "images/[name][extname]" : "assets/[name]-[hash][extname]";

export default {
  root: here,
  base: "./",
  plugins: [emulator, offline],
  build: {
    outDir: fileURLToPath(new URL("../build/web", import.meta.url)),
    emptyOutDir: true,
    target: "es2022",
    // Nothing is put into scripts and sheets as data: the policy forbids it.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: { output: { assetFileNames: placeOf } },
  },
  server: { fs: { allow: [fileURLToPath(new URL("..", import.meta.url))] } },
};
