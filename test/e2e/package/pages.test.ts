// The packed package in pages, as bundlers, Vite's server and a server of plain files give it to a browser: under a strict
// policy, cross-origin isolated and not, it boots the sample guest, fetches no more than it needs, and its errors have
// their names, however its text is minified.

import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { nodeResolve } from "@rollup/plugin-node-resolve";
import * as esbuild from "esbuild";
import type { Browser, Page } from "playwright-core";
import { rollup } from "rollup";
import * as vite from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import webpack from "webpack";
import { CHROMIUM, ISOLATING, launchChromium, serveFiles } from "../../support/chromium.js";
import { guestImage } from "../../support/guests.js";
import { Projects } from "../../support/installed.js";
import { inRepository } from "../../support/repository.js";

const POLICY = "script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'";
/** What is told of a file that the server doesn't have. */
const ABSENT = { status: 404, message: expect.stringMatching(/asset: the server answers 404/) };
/** Bytes of scripts for a first boot, as gzip packs them. Without a bundler nothing leaves out what a page doesn't use. */
const SCRIPT_MAX = 35 * 1024;
const UNBUNDLED_MAX = 40 * 1024;
/** The console's own script, as gzip packs it: xterm.js most of it. */
const CONSOLE_MAX = 90 * 1024;
/** The editor's own script. */
const EDITOR_MAX = 30 * 1024;
/** Of a flavour's module, as gzip packs it. */
const MODULE_MAX = 130 * 1000;
/** Debug builds, which have names, are larger. CI's are none. */
const IS_RELEASE = (() => {
  const module = new WebAssembly.Module(readFileSync(inRepository("build/userboot_lua_small.wasm")));
  return WebAssembly.Module.customSections(module, "name").length === 0;
})();
if (!IS_RELEASE) console.warn("not measured: the module that a first boot downloads, as it is a debug build");

const PAGE = `<!doctype html><title>test</title><link rel="icon" href="data:,"><script type="module" src="/main.js"></script>`;
/** A page that has the console and nothing else; `known` is whether its errors are the package's. */
const CONSOLE_PROGRAM = `import { UserbootConsole } from "userboot-wasm/console";
import { OptionError } from "userboot-wasm";
const element = new UserbootConsole();
document.body.append(element);
globalThis.consumer = {
  async first() {
    let known = false;
    element.addEventListener("error", ({ detail }) => { known = detail instanceof OptionError; }, { once: true });
    element.disks = [new Blob([])];
    await element.boot();
    element.disks = [await (await fetch("/guest.img")).blob()];
    element.options = { clock: "virtual" };
    const { reason, flavour } = await element.boot();
    return { reason, flavour, known };
  },
};
`;
/** A page that has the editor and nothing else. */
const EDITOR_PROGRAM = `import { UserbootEditor } from "userboot-wasm/editor";
const editor = new UserbootEditor();
document.body.append(editor);
const told = (type) => new Promise((done) => editor.addEventListener(type, ({ detail }) => done(detail), { once: true }));
globalThis.consumer = {
  async first() {
    const opened = told("opened");
    await editor.open([new File([await (await fetch("/guest.img")).blob()], "guest.img")]);
    const { boots } = await opened;
    const booted = told("booted");
    await editor.boot();
    const { reason } = await booted;
    return { boots, reason };
  },
};
`;
const IMPORTS = JSON.stringify({
  imports: {
    "userboot-wasm": "/node_modules/userboot-wasm/build/browser.js",
    "userboot-wasm/policy": "/node_modules/userboot-wasm/build/policy.js",
  },
});

/** What is served of a project: files, and what the policy has to allow besides. */
interface Site {
  directory: string;
  index?: string;
  scripts?: string;
}

/** What a bundler that knows no assets leaves to be copied beside its output. */
function copyAssets(project: string): void {
  const build = join(project, "node_modules/userboot-wasm/build");
  for (const name of readdirSync(build)) {
    if (/^worker.*\.js$|\.wasm$/.test(name)) copyFileSync(join(build, name), join(project, "dist", name));
  }
}

/** Has esbuild copy a file and give its place. */
const loadFile = ({ path }: esbuild.OnLoadArgs) => ({ contents: readFileSync(path), loader: "file" as const });

/** Makes a site of a project. */
const CONSUMERS: Readonly<Record<string, (project: string) => Promise<Site>>> = {
  async "plain files"(directory) {
    const digest = createHash("sha256").update(IMPORTS).digest("base64");
    const index = PAGE.replace("<script", `<script type="importmap">${IMPORTS}</script>$&`);
    return { directory, index, scripts: `'sha256-${digest}'` };
  },

  async esbuild(project) {
    await esbuild.build({
      absWorkingDir: project,
      entryPoints: ["main.js"],
      bundle: true,
      minify: true,
      format: "esm",
      splitting: true,
      outdir: "dist",
      logLevel: "error",
    });
    copyAssets(project);
    return { directory: join(project, "dist"), index: PAGE };
  },

  async Rollup(project) {
    const bundle = await rollup({
      input: join(project, "main.js"),
      plugins: [nodeResolve({ browser: true })],
      onLog: (_level, log) => expect.fail(log.message),
    });
    await bundle.write({ dir: join(project, "dist"), format: "es" });
    copyAssets(project);
    return { directory: join(project, "dist"), index: PAGE };
  },

  async "Vite's build"(project) {
    await vite.build({ root: project, logLevel: "error" });
    return { directory: join(project, "dist") };
  },

  async webpack(project) {
    const compiler = webpack({
      context: project,
      mode: "production",
      entry: "./main.js",
      output: { path: join(project, "dist") },
      performance: { hints: false },
    });
    const stats = await new Promise<webpack.Stats | undefined>((resolve, reject) =>
      compiler.run((error, stats) => (error ? reject(error) : resolve(stats))),
    );
    expect(stats?.toJson({ all: false, errors: true, warnings: true })).toMatchObject({ errors: [], warnings: [] });
    return { directory: join(project, "dist"), index: PAGE };
  },
};

// Bundlers take their time on a busy machine.
describe.skipIf(CHROMIUM === undefined)("the package in pages", { timeout: 180_000 }, () => {
  let projects: Projects;
  let browser: Browser;
  const image = guestImage("amd64-ufs2-gpt");
  beforeAll(async () => {
    projects = new Projects();
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser?.close();
    projects?.[Symbol.dispose]();
  });

  const addProject = (name: string, program: string, more = {}) => {
    const main = readFileSync(inRepository(`test/e2e/package/${program}`), "utf8");
    return projects.add(name.replace(/\W/g, ""), { "main.js": main, "index.html": PAGE, ...more });
  };
  const call = (page: Page, name: string) => page.evaluate(`consumer.${name}()`);

  /** Opens a page, and collects what it complains of. */
  async function open(url: string): Promise<{ page: Page; complaints: string[] }> {
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
    await page.goto(url);
    await page.waitForFunction("globalThis.consumer !== undefined");
    return { page, complaints };
  }

  /** What every consumer gets, wherever its files are. */
  async function works(page: Page, isolated: boolean, absent = ABSENT): Promise<void> {
    expect(await page.evaluate("consumer.isolated")).toBe(isolated);
    expect(await call(page, "first")).toMatchObject({
      ...{ reason: "exec", arch: "amd64", flavour: "lua", swaps: [] },
      text: expect.stringContaining("Booting"),
      packed: [expect.any(Number), expect.any(Number)],
    });
    expect(await call(page, "swap")).toEqual({ flavour: "simp", swaps: ["simp"] });
    expect(await call(page, "trees")).toContain("granted\r\n");
    expect(await call(page, "inspect")).toBe("disk0p2:");
    expect(await call(page, "policy")).toMatchObject({
      error: "PolicyError",
      broken: { name: "PolicyFileError", known: true },
    });
    const url = expect.stringMatching(/^http:.*\/nowhere\/asset$/);
    const missing = { name: "AssetError", known: true, url, ...absent };
    expect(await call(page, "errors")).toMatchObject({
      limit: { name: "LimitError", limit: "fuel", allowed: 1000 },
      option: { name: "OptionError", known: true, message: /low memory/ },
      module: missing,
      bytes: { name: "AssetError", known: true, url: "assets.modules.4th" },
      worker: missing,
      swapped: { name: "AssetError", url, ...absent },
      limitError: "LimitError",
    });
  }

  const served = ({ directory, index, scripts }: Site, isolated: boolean) =>
    serveFiles(
      directory,
      {
        "content-security-policy": scripts ? POLICY.replace("'self'", `'self' ${scripts}`) : POLICY,
        ...(isolated ? ISOLATING : {}),
      },
      { "/guest.img": image, ...(index === undefined ? {} : { "/index.html": index }) },
    );

  it.each(Object.entries(CONSUMERS))("%s", async (name, build) => {
    const site = await build(addProject(name, "page.js"));
    for (const isolated of [true, false]) {
      const server = await served(site, isolated);
      try {
        const { page } = await open(`${server.origin}/`);
        await works(page, isolated);
        await page.close();
      } finally {
        server.close();
      }
    }
  });

  it.each([true, false])("Vite's server (isolated page: %s)", async (isolated) => {
    const project = addProject(`Vite's server ${isolated}`, "page.js");
    mkdirSync(join(project, "public"));
    writeFileSync(join(project, "public", "guest.img"), image);
    const headers = { "content-security-policy": POLICY, ...(isolated ? ISOLATING : {}) };
    const server = await vite.createServer({
      root: project,
      logLevel: "error",
      server: { host: "127.0.0.1", port: 0, headers },
    });
    try {
      await server.listen();
      const { page } = await open(server.resolvedUrls!.local[0]!);
      // What it doesn't have is its page.
      await works(page, isolated, { status: 200, message: expect.stringMatching(/asset: .*text\/html/) });
      await page.close();
    } finally {
      await server.close();
    }
  });

  it("takes what it is given, in a script that is no module", async () => {
    const project = addProject("given", "given.js");
    await esbuild.build({
      absWorkingDir: project,
      entryPoints: ["main.js"],
      bundle: true,
      minify: true,
      format: "iife",
      outdir: "dist",
      publicPath: "/",
      loader: { ".wasm": "file" },
      plugins: [{ name: "files", setup: ({ onLoad }) => onLoad({ filter: /worker\.js$/ }, loadFile) }],
      logLevel: "error",
    });
    const index = PAGE.replace(' type="module"', " defer");
    const server = await served({ directory: join(project, "dist"), index }, false);
    try {
      const { page } = await open(`${server.origin}/`);
      expect(await call(page, "given")).toEqual(["exec", "exec", "exec", "exec"]);
      const needed = "is needed: this bundle is no ES module and doesn't know where it is";
      expect(await call(page, "missing")).toEqual([`assets.modules.lua: ${needed}`, `assets.worker: ${needed}`]);
      await page.close();
    } finally {
      server.close();
    }
  });

  it.each(["plain files", "esbuild", "Rollup", "Vite's build", "webpack"])(
    "has <userboot-editor>: %s",
    async (name) => {
      const plain = name === "plain files";
      const from = plain ? "/node_modules/userboot-wasm/build/editor.js" : "userboot-wasm/editor";
      const site = await CONSUMERS[name]!(
        projects.add(`editor${name.replace(/\W/g, "")}`, {
          "main.js": EDITOR_PROGRAM.replace("userboot-wasm/editor", from),
          "index.html": PAGE,
        }),
      );
      const server = await served(site, false);
      try {
        const { page, complaints } = await open(`${server.origin}/`);
        if (plain) {
          const bytes = readFileSync(join(site.directory, from));
          expect(gzipSync(bytes, { level: 9 }).length).toBeLessThan(EDITOR_MAX);
        } else expect(server.transferred(".js")).toBeLessThan(SCRIPT_MAX + EDITOR_MAX);
        expect(await call(page, "first")).toEqual({ boots: true, reason: "exec" });
        expect(complaints).toEqual([]);
        await page.close();
      } finally {
        server.close();
      }
    },
  );

  it.each(["plain files", "esbuild", "Rollup", "Vite's build", "webpack"])(
    "has <userboot-console>: %s",
    async (name) => {
      const plain = name === "plain files";
      const from = plain ? "/node_modules/userboot-wasm/build/console.js" : "userboot-wasm/console";
      const site = await CONSUMERS[name]!(
        projects.add(`console${name.replace(/\W/g, "")}`, {
          "main.js": CONSOLE_PROGRAM.replace("userboot-wasm/console", from),
          "index.html": PAGE,
        }),
      );
      const server = await served(site, false);
      try {
        const { page, complaints } = await open(`${server.origin}/`);
        expect(await call(page, "first")).toEqual({ reason: "exec", flavour: "simp", known: true });
        if (plain) {
          const bytes = readFileSync(join(site.directory, from));
          expect(gzipSync(bytes, { level: 9 }).length).toBeLessThan(CONSOLE_MAX);
        } else expect(server.transferred(".js")).toBeLessThan(SCRIPT_MAX + CONSOLE_MAX);
        expect(complaints).toEqual([]);
        await page.close();
      } finally {
        server.close();
      }
    },
  );

  it.each([
    ["plain files", UNBUNDLED_MAX],
    ["esbuild", SCRIPT_MAX],
    ["Vite's build", SCRIPT_MAX],
    ["webpack", SCRIPT_MAX],
  ] as const)("a first boot downloads little: %s", async (name, most) => {
    const site = await CONSUMERS[name]!(addProject(`first ${name}`, "first.js"));
    const server = await served(site, false);
    try {
      const { page, complaints } = await open(`${server.origin}/`);
      expect(await call(page, "first")).toEqual({ reason: "exec", flavour: "lua" });
      // The guest's flavour and no other one.
      expect(server.requests.filter((path) => path.endsWith(".wasm"))).toHaveLength(1);
      expect(server.transferred(".js")).toBeLessThan(most);
      if (IS_RELEASE) expect(server.transferred(".wasm")).toBeLessThan(MODULE_MAX);
      expect(complaints).toEqual([]);
      await page.close();
    } finally {
      server.close();
    }
  });
});
