// Makes what pages load of the compiled host, in build/: browser.js, policy.js, machine.js, console.js and editor.js with what they share and what they load
// when it is wanted, the two worker programs, one file each, and wasmer-js' module. The core's modules lie there, too.
// Workers are classic scripts without imports: so they run whatever a bundler takes them for, minified again or not.
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { rolldown } from "rolldown";
import { root } from "./core.mjs";

const host = join(root, "build", "host");
const dir = join(root, "build");
const LIBRARY = join(root, "node_modules", "@wasmer", "wasi", "dist", "Library.esm.js");

/** wasmer-js has its module as text in its program, and a fallback that bundlers look for in vain. */
const MODULE_TEXT = /"data:application\/wasm;base64,([\w+/=]+)"/;
const FALLBACK = "new URL('wasmer_wasi_js_bg.wasm', import.meta.url)";
const library = readFileSync(LIBRARY, "utf8");
const [text, base64] = MODULE_TEXT.exec(library) ?? [];
if (base64 === undefined || !library.includes(FALLBACK)) throw new Error("@wasmer/wasi isn't made as it was");
const glue = library.replace(text, '""').replace(FALLBACK, "undefined");

/** wasmer-js without its module, which is passed to it. */
const wasmer = {
  name: "wasmer",
  resolveId: (source) => (source === "@wasmer/wasi" ? LIBRARY : undefined),
  load: (id) => (id === LIBRARY ? glue : undefined),
};

/**
 * xterm.js, which writes style sheets and `style` attributes into the page: a strict Content-Security-Policy forbids
 * both. It gets elements of ours in their place (host/element/sheets.ts), and sets styles the way that scripts may.
 */
const XTERM = join(root, "node_modules", "@xterm", "xterm", "lib", "xterm.mjs");
const STYLE_ELEMENT = /[\w.]+\.createElement\("style"\)/g;
const STYLE_ATTRIBUTE = /(\w+)\.setAttribute\("style",`\$\{\1\.getAttribute\("style"\)\|\|""\}\$\{(\w+)\};`\)/g;
const xterm = {
  name: "xterm",
  load(id) {
    if (id.endsWith("xterm.css")) {
      const css = readFileSync(id, "utf8").replace(/\/\*[\s\S]*?\*\//g, "");
      return { code: `export const css = ${JSON.stringify(css.replace(/\s+/g, " "))};`, moduleType: "js" };
    }
    if (id !== XTERM) return undefined;
    const program = readFileSync(id, "utf8");
    if (program.match(STYLE_ELEMENT)?.length !== 3 || program.match(STYLE_ATTRIBUTE)?.length !== 1)
      throw new Error("@xterm/xterm isn't made as it was");
    const sheets = JSON.stringify(join(host, "element", "sheets.js"));
    const patched = program
      .replace(STYLE_ELEMENT, "sheetElement()")
      .replace(STYLE_ATTRIBUTE, "$1.style.cssText+=$2+';'");
    return `import { sheetElement } from ${sheets};\n${patched}`;
  },
};

/** Nothing of what is loaded when it is needed: a module that is imported then is missing. */
const lean = {
  name: "lean",
  resolveId: (source) => (source === LEAN ? LEAN : undefined),
  load: (id) => (id === LEAN ? MISSING : undefined),
  transform: (code) =>
    DYNAMIC_IMPORT.test(code)
      ? `import { missing } from "${LEAN}";\n${code.replaceAll(DYNAMIC_IMPORT, "missing()")}`
      : undefined,
};
const LEAN = join(host, "lean.js");
const DYNAMIC_IMPORT = /\bimport\("[^"]+"\)/g;
const MISSING = `import { AssetError } from "./errors.js";
export async function missing() {
  throw new AssetError("assets.worker", "runs plain boots only: this takes userboot-wasm/worker");
}`;

/** Bundles the programs `input`. Without a `process`, as in pages, what fengari asks of Node goes. */
const bundle = (input, ...plugins) =>
  rolldown({
    cwd: root,
    input,
    plugins,
    platform: "browser",
    transform: { define: { "process.env.FENGARICONF": "undefined", process: "undefined" } },
    onLog(_level, { message }) {
      throw new Error(message);
    },
  });

/** The modules that a page loads at once. */
async function firstModules(bundle) {
  const { output } = await bundle.generate({ format: "esm" });
  const chunks = new Map(output.map((chunk) => [chunk.fileName, chunk]));
  const found = new Set();
  const visit = (name) => {
    const chunk = chunks.get(name);
    if (chunk === undefined || found.has(chunk)) return;
    found.add(chunk);
    chunk.imports.forEach(visit);
  };
  visit("browser.js");
  return new Set([...found].flatMap(({ moduleIds }) => moduleIds));
}

async function bundlePage() {
  const input = {
    browser: join(host, "browser.js"),
    policy: join(host, "policy", "index.js"),
    machine: join(host, "machine_file", "index.js"),
    console: join(host, "element", "index.js"),
    editor: join(host, "editor", "index.js"),
  };
  const page = await bundle(input, wasmer, xterm);
  const first = await firstModules(page);
  const { output } = await page.generate({
    format: "esm",
    minify: true,
    chunkFileNames: "userboot_[name]-[hash].js",
    // They are one file, since each costs a request and packs worse.
    codeSplitting: { groups: [{ name: "core", test: (id) => first.has(id) }] },
  });
  for (const { fileName, code } of output) writeFileSync(join(dir, fileName), code.replace(PLACE, 'new URL("$1",'));
}

/** The minifier's form of how assets are found, which not every bundler knows. */
const PLACE = /new URL\(`([^`$]+)`,(?=import\.meta\.url)/g;

async function bundleWorker(name, plugin) {
  const worker = await bundle({ [name]: join(host, "worker", "browser_entry.js") }, plugin);
  await worker.write({ dir, format: "iife", minify: true, codeSplitting: false });
}

for (const name of readdirSync(dir)) if (name.endsWith(".js")) rmSync(join(dir, name));
await Promise.all([bundlePage(), bundleWorker("worker", wasmer), bundleWorker("worker_boot", lean)]);
writeFileSync(join(dir, "wasmer_wasi.wasm"), Buffer.from(base64, "base64"));

/** Whose programs are bundled. */
const PACKAGES = ["@noble/hashes", "@wasmer/wasi", "@xterm/addon-fit", "@xterm/xterm", "fengari", "sprintf-js"];
const licenses = PACKAGES.map((name) => [name, readFileSync(join(root, "node_modules", name, "LICENSE"), "utf8")]);
writeFileSync(join(dir, "THIRD-PARTY.txt"), licenses.map((lines) => lines.join("\n\n")).join("\n\n"));
