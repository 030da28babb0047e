import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

/** The names that docs/imports.md lists, as `module.name`. */
function documented(): Set<string> {
  const names = new Set<string>();
  for (const line of readFileSync("docs/imports.md", "utf8").split("\n")) {
    const row = /^\| `(\w+)`.*\| (.*) \|$/.exec(line);
    for (const [, name] of row?.[2]?.matchAll(/`(\w+)`/g) ?? []) names.add(`${row![1]}.${name}`);
  }
  return names;
}

describe("the sandbox's surface", () => {
  const list = documented();

  it("is documented", () => {
    expect(list.size).toBeGreaterThan(10);
  });

  it.each(["simp", "4th", "lua"])("flavour %s imports nothing else", (flavour) => {
    const file = `build/userboot_${flavour}.wasm`;
    // A flavour that isn't built yet has no surface; the build makes every root file that exists.
    if (!existsSync(`loader-wasm/userboot_${flavour}.ts`)) return;
    const module = new WebAssembly.Module(readFileSync(file));
    const imports = WebAssembly.Module.imports(module).map((entry) => `${entry.module}.${entry.name}`);
    expect(imports.filter((name) => !list.has(name))).toEqual([]);
    expect(imports).toContain("userboot.diskread");
  });

  const flavours = ["simp", "4th", "lua"].filter((flavour) => existsSync(`build/userboot_${flavour}.wasm`));
  if (flavours.length < 3) console.warn(`SKIPPED until all flavours are built (there: ${flavours}): no unused entries`);
  it.runIf(flavours.length === 3)("lists nothing that no flavour imports", () => {
    const used = new Set<string>();
    for (const flavour of ["simp", "4th", "lua"]) {
      if (!existsSync(`build/userboot_${flavour}.wasm`)) continue;
      const module = new WebAssembly.Module(readFileSync(`build/userboot_${flavour}.wasm`));
      for (const entry of WebAssembly.Module.imports(module)) used.add(`${entry.module}.${entry.name}`);
    }
    expect([...list].filter((name) => !used.has(name))).toEqual([]);
  });
});
