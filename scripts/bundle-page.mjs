// Makes what pages load of the compiled host, in build/: browser.js and policy.js with the chunks that they share or load
// when they are wanted, the two worker programs, one file each, and wasmer-js' module. The core's modules lie there, too.
// Workers are classic scripts without imports: so they run whatever a bundler takes them for, minified again or not.
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { root } from "./core.mjs";

const host = join(root, "build", "host");
const outdir = join(root, "build");
const LIBRARY = join(root, "node_modules", "@wasmer", "wasi", "dist", "Library.esm.js");

/** wasmer-js has its module as text in its program, and a fallback that bundlers look for in vain. */
const MODULE_TEXT = /"data:application\/wasm;base64,([\w+/=]+)"/;
const FALLBACK = "new URL('wasmer_wasi_js_bg.wasm', import.meta.url)";
const library = readFileSync(LIBRARY, "utf8");
const [text, base64] = MODULE_TEXT.exec(library) ?? [];
if (base64 === undefined || !library.includes(FALLBACK)) throw new Error("@wasmer/wasi isn't made as it was");
const glue = library.replace(text, '""').replace(FALLBACK, "undefined");
writeFileSync(join(outdir, "wasmer_wasi.wasm"), Buffer.from(base64, "base64"));

/** wasmer-js without its module, which is passed to it. */
const wasmer = {
  name: "wasmer",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^@wasmer\/wasi$/ }, () => ({ path: LIBRARY, namespace: "wasmer" }));
    onLoad({ filter: /./, namespace: "wasmer" }, () => ({ contents: glue }));
  },
};

/** Nothing of what is loaded when it is needed. */
const lean = {
  name: "lean",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /./ }, ({ kind, path }) =>
      kind === "dynamic-import" ? { path, namespace: "lean" } : undefined,
    );
    onLoad({ filter: /./, namespace: "lean" }, () => ({ contents: LEAN, resolveDir: host }));
  },
};
const LEAN = `import { AssetError } from "./errors.js";
throw new AssetError("assets.fullWorker", "is the program for plain boots: this takes userboot-wasm/worker-full");`;

// Without a `process`, of which there is none in pages, what fengari asks of Node goes.
const common = {
  bundle: true,
  minify: true,
  define: { process: "undefined" },
  target: "es2022",
  outdir,
  logLevel: "warning",
};
/** Whose programs are bundled. */
const PACKAGES = ["@noble/hashes", "@wasmer/wasi", "fengari", "sprintf-js"];
const licenses = PACKAGES.map((name) => [name, readFileSync(join(root, "node_modules", name, "LICENSE"), "utf8")]);
writeFileSync(join(outdir, "THIRD-PARTY.txt"), licenses.map((lines) => lines.join("\n\n")).join("\n\n"));

for (const name of readdirSync(outdir)) if (name.endsWith(".js")) rmSync(join(outdir, name));
await Promise.all([
  build({
    ...common,
    entryPoints: { browser: join(host, "browser.js"), policy: join(host, "policy", "index.js") },
    format: "esm",
    splitting: true,
    chunkNames: "userboot-[name]-[hash]",
    plugins: [wasmer],
  }),
  ...[
    ["worker", lean],
    ["worker_full", wasmer],
  ].map(([name, plugin]) =>
    build({
      ...common,
      entryPoints: { [name]: join(host, "worker", "browser_entry.js") },
      format: "iife",
      plugins: [plugin],
    }),
  ),
]);
