// docs/since-12.1.md, the list of all that loaders have from 12.1 on: each generation's commands, Lua members, Forth words
// and records for the kernel, compared with what a session of that generation has.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { linkedFile, objectFile } from "../support/elf_image.js";
import { prompt } from "../support/prompt.js";
import { typed } from "./forth/guest.js";
import { scripted } from "./lua/guest.js";

const GENERATIONS = [12, 13, 14, 15] as const;
type Generation = (typeof GENERATIONS)[number];

interface Row {
  names: string[];
  loaders: Generation[];
  here: "same" | "unseen" | "not there";
}

/** The tables of the page, by their headings. */
function tables(): Map<string, Row[]> {
  const page = readFileSync(new URL("../../docs/since-12.1.md", import.meta.url), "utf8");
  const found = new Map<string, Row[]>();
  for (const section of page.split("\n## ").slice(1)) {
    const heading = section.slice(0, section.indexOf("\n"));
    const rows = [...section.matchAll(/^\| (`.*?) \| (.*?) \| (same|unseen|not there)\b(.*) \|$/gm)].map(
      ([, names = "", loaders = "", here = "", reason = ""]): Row => {
        // What isn't the same says why.
        expect([names, here === "same" || reason !== ""]).toEqual([names, true]);
        return {
          names: [...names.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name),
          loaders: GENERATIONS.filter((generation) => loaders.split(" ").includes(String(generation))),
          here: here as Row["here"],
        };
      },
    );
    const lines = section.match(/^\| `/gm)?.length ?? 0;
    expect([heading, rows.length]).toEqual([heading, lines]);
    if (rows.length > 0) found.set(heading, rows);
  }
  return found;
}

const page = tables();
const rows = (heading: string) => page.get(heading) ?? [];
/** The names that guests of `generation` see, by the page. */
const seen = (heading: string, generation: Generation) =>
  rows(heading)
    .filter(({ here, loaders }) => here === "same" && loaders.includes(generation))
    .flatMap(({ names }) => names)
    .sort();
/** Those of any loader that nobody sees here. */
const others = (heading: string, here: Row["here"]) =>
  rows(heading)
    .filter((row) => row.here === here)
    .flatMap(({ names }) => names);

it("the page has four tables, with all that the text is about", () => {
  expect([...page.keys()]).toEqual(["Commands", "Lua", "Forth", "Records for the kernel"]);
  const all = [...page.values()].flat();
  expect(all.flatMap(({ names }) => names).length).toBeGreaterThan(150);
  expect(all.filter(({ here, loaders }) => here === "same" && loaders.length === 0)).toEqual([]);
});

describe.each(GENERATIONS)("generation %d", (generation) => {
  it("has the commands of the page, and no other", async () => {
    const { output } = await prompt([], ["?"], { profile: generation });
    const listed = [...(output[0] ?? "").matchAll(/^ {2}(\S+) /gm)].map(([, name]) => name);
    expect(listed.sort()).toEqual(seen("Commands", generation));
    const missing = [
      ...others("Commands", "not there"),
      ...seen("Commands", 15).filter((name) => !listed.includes(name)),
    ];
    const { output: answers } = await prompt([], missing, { profile: generation });
    expect(answers).toEqual(missing.map((name) => `${name}: unknown command\n`));
  });

  it("has the members of Lua's libraries of the page, and no other", async () => {
    const absent = others("Lua", "not there");
    const unseen = [
      ...others("Lua", "unseen"),
      ...GENERATIONS.flatMap((other) => seen("Lua", other)).filter((name) => !seen("Lua", generation).includes(name)),
    ];
    const { printed } = await scripted(
      `
      for name, value in pairs(_G) do
        if name ~= "_G" then print(name) end
        if type(value) == "table" and name ~= "_G" and name ~= "errno" then
          for member in pairs(value) do print(name .. "." .. tostring(member)) end
        end
      end
      print("unseen", ${unseen.map((name) => `type(${name})`).join(", ")})
      print("absent", ${absent.map((name) => `type(${name})`).join(", ")})
      print("last", errno.ELAST)
      `,
      {},
      "",
      { profile: generation },
    );
    const lines = printed.trim().split("\n");
    const named = (line: string) => /^(unseen|absent|last)\t/.test(line);
    expect(lines.filter((line) => !named(line)).sort()).toEqual(
      seen("Lua", generation).filter((name) => name !== "_G"),
    );
    const [unseenTypes, absentTypes, last] = lines.filter(named).map((line) => line.split("\t").slice(1));
    // What other generations' scripts ask for is found.
    expect(unseen.filter((_, i) => unseenTypes![i] === "nil")).toEqual([]);
    expect(new Set(absentTypes)).toEqual(new Set(["nil"]));
    expect(last).toEqual([generation === 12 ? "96" : "97"]);
  });

  it("has the words of Forth of 12.1 and of the page, and no other", async () => {
    const words = async (profile: Generation) => {
      const { text } = await typed(["set LINES=1000", "words", ...Array<string>(20).fill("")], { profile });
      const shown = text.slice(text.indexOf("\n", text.indexOf("OK words")) + 1, text.indexOf("Dictionary:"));
      return shown.replaceAll("--- Press Enter to continue ---", "").trim().split(/\s+/);
    };
    const before = await words(12);
    expect(before).toHaveLength(360);
    const now = await words(generation);
    expect(before.filter((word) => !now.includes(word))).toEqual([]);
    const commands = seen("Commands", generation);
    const added = now.filter((word) => !before.includes(word) && !commands.includes(word));
    expect(added.sort()).toEqual(seen("Forth", generation));
    expect(now.filter((word) => others("Forth", "not there").includes(word))).toEqual([]);
    // Commands are words as well.
    expect(commands.filter((name) => !now.includes(name))).toEqual([]);
  });

  it("gives kernels the records of the page, and no other", async () => {
    const segments = [{ size: 8000 }, { size: 3000, bss: 500, writable: true }];
    const names = new Set<string>();
    for (const bits of [64, 32] as const) {
      const kernel = linkedFile({ bits, segments, versions: [{ name: "kernel", version: 1 }], constructors: true });
      const files = { "/boot/kernel/kernel": kernel.bytes, "/boot/kernel/a.ko": objectFile({}) };
      const lines = ["load kernel", ...(bits === 64 ? ["load a"] : []), "boot"];
      const { result } = await prompt(files, lines, { profile: generation });
      expect(result.reason).toBe("exec");
      expect(result.modules).toHaveLength(bits === 64 ? 2 : 1);
      for (const { metadata } of result.modules) for (const { name } of metadata) names.add(name);
    }
    expect([...names].sort()).toEqual(seen("Records for the kernel", generation));
  });
});
