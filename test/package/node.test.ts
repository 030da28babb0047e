// The packed package on Node: as an ES module and by `require`, and its types in the settings that there are.

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Projects } from "../support/installed.js";
import { inRepository } from "../support/repository.js";

const GUEST = inRepository("images/amd64-ufs2-gpt.img.gz");
const BOOT = `
async function main() {
  const disks = [${JSON.stringify(GUEST)}];
  const results = [];
  for (const isolation of ["none", "thread", "process"]) {
    const { reason, arch, flavour } = await boot({ disks, isolation, start: "lua", interfaceVersion: 4, clock: "virtual" });
    results.push([reason, arch, flavour]);
  }
  const inspection = await inspect({ disks });
  results.push(inspection.device);
  await inspection.close();
  const console = new KeysConsole(["more host0:/note\\r", "quit\\r"]);
  const note = new TextEncoder().encode("granted");
  await boot({ start: "simp", clock: "virtual", env: ["autoboot_delay=NO"], console, hostTrees: [{ note }] });
  results.push(console.text.includes("granted"));
  const refused = await boot({ start: "lua", assets: { modules: { lua: new URL("file:///nowhere/lua.wasm") } } }).catch((e) => e);
  results.push(refused instanceof AssetError && refused.message);
  results.push(typeof FileDisk, typeof loadLuaPolicy, url.protocol);
  process.stdout.write(JSON.stringify(results));
}
main();`;
const WORKS = [
  ...Array.from({ length: 3 }, () => ["exec", "amd64", "lua"]),
  ...["disk0p2:", true, "file:///nowhere/lua.wasm: no such file", "function", "function", "file:"],
];

/** Whether this Node can \`require\` what is an ES module. */
const REQUIRES = process.features.require_module === true;
if (!REQUIRES) console.warn("skipped: this Node can't require ES modules");

/** A program that uses what is exported, in the types' own words. */
const PROGRAM = `
const options: BootOptions = { memory: 256 * 2 ** 20, assets: { modules: { lua: url } }, limits: { wallMs: 1000 } };
export async function run(): Promise<string | undefined> {
  const result: BootResult = await boot(options);
  const said: string | undefined = result.error?.message ?? result.registers?.rip;
  if (result.reason === "error") return \`\${result.error.name}: \${result.error.message}\`;
  if (result.reason === "exit") return String(2 * result.exitCode);
  // @ts-expect-error: it was entered
  result.error.message;
  // @ts-expect-error: what the architecture decides comes after asking for it
  result.registers.cr3.length + result.gdt.hex.length;
  const entry: string = result.arch === "amd64" ? result.registers.cr3 : result.gdt.gpa;
  const selector: number = result.registers.cs;
  const memory: Uint8Array<ArrayBuffer> = result.guestMemory.read(Number(result.registers.rsp), selector + entry.length);
  const file = new Blob([memory, pack(result)]);
  const image: Uint8Array<ArrayBuffer> = pack(result, "pvh");
  const inspection: Inspection = await inspect({ disks: [image, file] });
  await inspection.close();
  return said ?? result.bootOnce;
}`;
const NAMES = "boot, inspect, pack, type BootOptions, type BootResult, type Inspection";
const IMPORTS = `import { ${NAMES} } from "userboot-wasm";\nimport { url } from "userboot-wasm/wasm/lua";\n`;
const REQUIRED = `import userboot = require("userboot-wasm");\nimport lua = require("userboot-wasm/wasm/lua");
import type { BootOptions, BootResult, Inspection } from "userboot-wasm";
const { boot, inspect, pack } = userboot;\nconst { url } = lua;\n`;
const NODE = `import { FileDisk } from "userboot-wasm/node";\nimport { loadLuaPolicy } from "userboot-wasm/policy";\n`;
const USES = "\nexport const used = [FileDisk, loadLuaPolicy];\n";

const SETTINGS = {
  node16: { file: "main.ts", text: IMPORTS + PROGRAM, options: { module: "node16" } },
  nodenext: { file: "main.ts", text: IMPORTS + PROGRAM, options: { module: "nodenext" } },
  bundler: { file: "main.ts", text: IMPORTS + PROGRAM, options: { module: "esnext", moduleResolution: "bundler" } },
  CommonJS: { file: "main.cts", text: REQUIRED + PROGRAM, options: { module: "nodenext" } },
  "Node's own": { file: "main.ts", text: IMPORTS + NODE + PROGRAM + USES, options: { module: "nodenext" } },
} as const;

describe("the package on Node", () => {
  let projects: Projects;
  beforeAll(() => {
    projects = new Projects();
  });
  afterAll(() => projects?.[Symbol.dispose]());

  const run = (...args: string[]) => spawnSync(process.execPath, args, { encoding: "utf8" });

  it("is an ES module", () => {
    const names = "{ AssetError, boot, FileDisk, inspect, KeysConsole }";
    const from = [`${names} from "userboot-wasm"`, '{ loadLuaPolicy } from "userboot-wasm/policy"'];
    const imports = [...from, '{ url } from "userboot-wasm/wasm/lua"'].map((text) => `import ${text};`);
    const directory = projects.add("esm", { "main.js": imports.join("\n") + BOOT });
    const { stdout, stderr } = run(join(directory, "main.js"));
    expect(stderr).toBe("");
    expect(JSON.parse(stdout)).toEqual(WORKS);
  });

  it.skipIf(!REQUIRES)("can be required", () => {
    const names = "{ AssetError, boot, FileDisk, inspect, KeysConsole }";
    const requires = `const ${names} = require("userboot-wasm");
const { loadLuaPolicy } = require("userboot-wasm/policy");
const { url } = require("userboot-wasm/wasm/lua");`;
    const directory = projects.add("cjs", {
      "package.json": '{"private":true,"type":"commonjs"}',
      "main.js": requires + BOOT,
    });
    const { stdout } = run(join(directory, "main.js"));
    expect(JSON.parse(stdout)).toEqual(WORKS);
  });

  it("may read wherever a Node looks for a library of its own", () => {
    // Until 20.20 and in early 22 what is denied there ends the search: also below a node_modules in a node_modules.
    const text = `import { dirname, join } from "node:path";
      import { readingRights } from "./node_modules/userboot-wasm/build/host/worker/node_rights.js";
      const flag = "--allow-fs-read=";
      const allowed = readingRights().filter((right) => right.startsWith(flag)).map((right) => right.slice(flag.length, -1));
      const program = join(import.meta.dirname, "node_modules/userboot-wasm/build/host/wasi/wasmer.js");
      for (let at = dirname(program); at !== dirname(at); at = dirname(at)) {
        const place = join(at, "node_modules/@wasmer/wasi");
        if (!allowed.some((directory) => place.startsWith(directory))) console.log(place);
      }`;
    const { stdout, stderr } = run(join(projects.add("rights", { "main.js": text }), "main.js"));
    expect([stdout, stderr]).toEqual(["", ""]);
  });

  it("says where its files are", () => {
    const names = ["worker", "worker-boot", "wasm/lua.wasm", "wasm/inspect.wasm", "package.json"];
    const text = `for (const name of ${JSON.stringify(names)}) {
      const place = new URL(import.meta.resolve("userboot-wasm/" + name));
      if (!(await import("node:fs")).existsSync(place)) console.log(name);
    }`;
    const { stdout, stderr } = run(join(projects.add("places", { "main.js": text }), "main.js"));
    expect([stdout, stderr]).toEqual(["", ""]);
  });

  it.each(Object.entries(SETTINGS))("has types: %s", (name, { file, text, options }) => {
    const needsNode = name === "Node's own";
    const configuration = {
      compilerOptions: {
        ...options,
        target: "es2022",
        lib: ["ES2022", "DOM"],
        strict: true,
        exactOptionalPropertyTypes: true,
        skipLibCheck: false,
        // The compiler's own are not in question.
        skipDefaultLibCheck: true,
        noEmit: true,
        typeRoots: [inRepository("node_modules/@types")],
        types: needsNode ? ["node"] : [],
      },
      files: [file],
    };
    const directory = projects.add(`types-${name.replace(/\W/g, "")}`, {
      [file]: text,
      "tsconfig.json": JSON.stringify(configuration),
    });
    const { stdout } = run(inRepository("node_modules/typescript/bin/tsc"), "-p", directory);
    expect(stdout).toBe("");
  });
});
