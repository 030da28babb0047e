// docs/adding.md, tried: its examples go into a copy of the core as their first lines say, and what they add is there,
// but in no list that scripts know from the reference. Traps of a debug build are named after the core's functions.

import { spawnSync } from "node:child_process";
import { appendFileSync, cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { BytesDisk } from "userboot-wasm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FLAVOURS, setModuleSource } from "../../build/host/modules.js";
import { typed } from "../interp/forth/guest.js";
import { scripted } from "../interp/lua/guest.js";
import { prompt } from "../support/prompt.js";
import { Scratch } from "../support/scratch.js";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const COPIED = ["scripts", "asconfig.json", "package.json", "loader-wasm"];
const scratch = new Scratch();
afterAll(() => scratch[Symbol.dispose]());
const inCopy = (path: string) => join(scratch.path, path);

/** An example of the page: what goes to the end of a file, or into it behind a text. */
interface Example {
  path: string;
  behind: string | undefined;
  lines: string;
}
const page = readFileSync(join(ROOT, "docs/adding.md"), "utf8");
const examples: Example[] = [...page.matchAll(/^```ts\n\/\/ ([^\s,]+)(?:, behind: (.*))?\n([\s\S]*?)^```$/gm)].map(
  ([, path = "", behind, lines = ""]) => ({ path, behind, lines }),
);

/** The example that makes what is exported by this name. */
const makerOf = (name: string) =>
  examples.find(({ lines }) => new RegExp(`^export (class|function) ${name}\\b`, "m").test(lines));

/** The imports that `lines` need in the file `path`: of what examples make in other files. */
function importsFor(lines: string, path: string): string {
  const imports = [...new Set(lines.match(/\w+/g))].map((name) => {
    const maker = makerOf(name)?.path;
    if (maker === undefined || maker === path) return "";
    const from = posix.relative(posix.dirname(path), maker).replace(/\.ts$/, "");
    return `import { ${name} } from "${from.startsWith(".") ? from : `./${from}`}";\n`;
  });
  return imports.join("");
}

function apply({ path, behind, lines }: Example): void {
  const file = inCopy(path);
  if (behind === undefined) {
    mkdirSync(dirname(file), { recursive: true });
    appendFileSync(file, lines);
    return;
  }
  const text = readFileSync(file, "utf8");
  expect(text.split(behind)).toHaveLength(2);
  writeFileSync(file, importsFor(lines, path) + text.replace(behind, () => `${behind}\n${lines}`));
}

/** A disk with Sun's label: its partition `a` is a volume with a note. */
function noteDisk(): BytesDisk {
  const disk = Buffer.alloc(1 << 20);
  const [heads, sectors, start, size] = [2, 16, 4, 640];
  disk.writeUInt16BE(heads, 436);
  disk.writeUInt16BE(sectors, 438);
  disk.writeUInt32BE(start, 444);
  disk.writeUInt32BE(size, 448);
  disk.writeUInt16BE(0xdabe, 508);
  let sum = 0;
  for (let at = 0; at < 510; at += 2) sum ^= disk.readUInt16BE(at);
  disk.writeUInt16BE(sum, 510);
  disk.write("NOTE\x06hello\n", start * heads * sectors * 512, "latin1");
  return new BytesDisk(disk);
}

beforeAll(() => {
  for (const name of COPIED) cpSync(join(ROOT, name), inCopy(name), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), inCopy("node_modules"));
  for (const example of examples) apply(example);
  apply({
    path: "loader-wasm/boot/device_commands.ts",
    behind: undefined,
    lines: "export function commandTrap(_argv: string[]): i32 { return load<i32>(0xfffffff0); }\n",
  });
  apply({
    path: "loader-wasm/conf.ts",
    behind: "useCommands([",
    lines: 'new Command("trap", "", (argv) => commandTrap(argv)).unlisted(),\n',
  });
  appendFileSync(inCopy("loader-wasm/conf.ts"), 'import { commandTrap } from "./boot/device_commands";\n');
  const args = [inCopy("scripts/build-core.mjs"), "--target", "debug", ...FLAVOURS];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`the examples of docs/adding.md don't compile:\n${stderr}`);
  setModuleSource({
    small: false,
    place: (name) =>
      pathToFileURL(name === "wasi" ? join(ROOT, "build/wasmer_wasi.wasm") : inCopy(`build/userboot_${name}.wasm`)),
    read: (place) => WebAssembly.compile(readFileSync(place)),
  });
}, 120_000);

it("the page has an example of each, for files that are there or new", () => {
  expect(examples.length).toBe(10);
  const old = examples.filter(({ path }) => existsSync(join(ROOT, path))).map(({ path }) => path);
  expect(examples.filter(({ path }) => !old.includes(path))).toHaveLength(3);
});

describe("what the page adds", () => {
  it("is a partition scheme, a file system and a command", async () => {
    const { output, diagnostics } = await prompt(
      [noteDisk()],
      ["lsdev -v", "more disk0a:/note", "ls -l disk0a:/note", "sectors 0", "sectors 1", "sectors"],
    );
    expect(output[0]).toContain("    disk0:   Guest drive image\n      disk0a: Unknown\t 320KB\n");
    expect(output.slice(1)).toEqual([
      "*** FILE disk0a:/note BEGIN ***\nhello\n*** FILE disk0a:/note END ***\n",
      "          6 disk0a:/note\n",
      "2048\n",
      "sectors: no such disk\n",
      "sectors: the number of a disk is wanted\n",
    ]);
    expect(diagnostics).toEqual([]);
  });

  it("reports damage", async () => {
    const disk = noteDisk();
    disk.image[436] = 1;
    expect((await prompt([disk], ["lsdev"])).diagnostics).toEqual(["disk0 offset 0: Sun label: checksum"]);
  });

  it("has errors of its own, which no compressed file hides that isn't there", async () => {
    const { output } = await prompt([noteDisk()], ["more disk0a:/note/x", "more disk0a:/none"]);
    expect(output[0]).toContain("can't open 'disk0a:/note/x': not a directory\n");
    expect(output[1]).toContain("can't open 'disk0a:/none': no such file or directory\n");
  });

  it("is a function of Lua and a word of Forth", async () => {
    const { printed } = await scripted('print(loader.disks(), loader.has_command("sectors"), rawget(loader, "disks"))');
    expect(printed).toBe("0\ttrue\tnil\n");
    const { text } = await typed(["disks .", "sectors 7", ': t s" 7" 1 sectors ; t', "see sectors"]);
    expect(text).toContain("OK disks .\n0 OK ");
    expect(text.match(/no such disk/g)).toHaveLength(2);
  });
});

const listing = (name: string) => readFileSync(join(ROOT, `test/interp/listings/${name}.txt`), "utf8");

it("what is unlisted is in no list, and in no count", async () => {
  expect((await prompt([], ["?"])).output[0]).toBe(listing("commands"));
  for (const [list, line, ...pages] of [
    ["forth", "words", "", ""],
    ["builtins", "also builtins words"],
  ] as const) {
    const { text } = await typed([line, ...pages]);
    const lines = text.replaceAll(/\r|--- Press Enter to continue ---/g, "").replaceAll(/ +$/gm, "");
    expect(lines).toContain(`\n${listing(list)}OK`);
  }
});

it("a trap is named after the core's functions", async () => {
  const { result } = await prompt([], ["trap"]);
  expect(result.error?.name).toBe("InternalError");
  expect(result.error?.message).toMatch(
    /^trap in the core: memory access out of bounds in \S+\/commandTrap, called by .*performCommand/,
  );
});
