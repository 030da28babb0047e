import { readFileSync } from "node:fs";
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

  const imports = (flavour: string) => {
    const module = new WebAssembly.Module(readFileSync(`build/userboot_${flavour}.wasm`));
    return WebAssembly.Module.imports(module).map((entry) => `${entry.module}.${entry.name}`);
  };
  const flavours = ["simp", "4th", "lua"];

  it.each(flavours)("flavour %s imports nothing else", (flavour) => {
    expect(imports(flavour).filter((name) => !list.has(name))).toEqual([]);
    expect(imports(flavour)).toContain("userboot.diskread");
  });

  it("lists nothing that no flavour imports", () => {
    const used = new Set(flavours.flatMap(imports));
    expect([...list].filter((name) => !used.has(name))).toEqual([]);
  });
});
