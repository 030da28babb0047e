// The pages about what guests' scripts have (docs/commands.md, forth.md, lua.md), compared with what a session at the
// prompt has.

import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { prompt } from "../support/prompt.js";
import { typed } from "./forth/guest.js";
import { scripted } from "./lua/guest.js";

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const page = (name: string) => read(`docs/${name}.md`);

/** The names in the first column of a page's tables, with the rest of their lines. */
function* rows(text: string): Generator<[name: string, rest: string]> {
  for (const [, first = "", rest = ""] of text.matchAll(/^\| (`.*?) +\|(.*)$/gm)) {
    for (const [, name = ""] of first.matchAll(/`([^`]+)`/g)) yield [name, rest];
  }
}

/** The words in a page's indented blocks. */
const blocks = (text: string) => [...text.matchAll(/^ {4}(.*)$/gm)].flatMap(([, line = ""]) => line.split(" "));

it("the page of the commands has those of the table, in its order, and `?` shows no other", async () => {
  const described = [...rows(page("commands"))].map(([name]) => name);
  const made = [...read("loader-wasm/conf.ts").matchAll(/new Command\("(.+?)"/g)].map(([, name]) => name);
  expect(described).toEqual(made);
  const { output } = await prompt([], ["?"]);
  const listed = [...(output[0] ?? "").matchAll(/^ {2}(\S+) /gm)].map(([, name]) => name);
  expect(listed.length).toBeGreaterThan(20);
  expect(described.filter((name) => listed.includes(name))).toEqual(listed);
});

it("the page of Forth has all words", async () => {
  const { text } = await typed(["words", "", ""]);
  const shown = text.slice(text.indexOf("\n") + 1, text.indexOf("Dictionary:"));
  const words = shown.replaceAll("--- Press Enter to continue ---", "").trim().split(/\s+/);
  const commands = [...rows(page("commands"))].map(([name]) => name);
  const described = new Set([...blocks(page("forth")), ...[...rows(page("forth"))].map(([name]) => name)]);
  expect(words).toHaveLength(360);
  expect(words.filter((word) => !described.has(word) && !commands.includes(word))).toEqual([]);
  // A word doesn't come twice, but for those that are commands, too.
  const missing = [...described].filter((word) => word !== "" && !words.includes(word));
  expect(missing).toEqual([]);
});

it("the page of Lua has all that scripts see, and what they don't", async () => {
  const entries = [...rows(page("lua"))].map(([text, rest]) => ({
    name: text.replace(/\(.*/, ""),
    isFunction: text.includes("("),
    isUnseen: rest.includes("*unseen*"),
  }));
  expect(entries.length).toBeGreaterThan(80);
  const libraries = [...page("lua").matchAll(/^## `(\w+)`$/gm)].map(([, name]) => name ?? "");
  const unseen = new Set(entries.filter(({ isUnseen }) => isUnseen).map(({ name }) => name));
  const seen = libraries.filter((name) => !unseen.has(name));
  const { printed } = await scripted(`
    for k in pairs(_G) do print(k) end
    for _, name in ipairs{${seen.filter((name) => name !== "errno").map((name) => `"${name}"`)}} do
      for k in pairs(_G[name]) do print(name .. "." .. k) end
    end
    for _, name in ipairs{${libraries.filter((name) => unseen.has(name)).map((name) => `"${name}"`)}} do
      for k in pairs(_G[name]) do print(name .. "." .. k) end
    end
  `);
  const described = entries.filter(({ isUnseen }) => !isUnseen).map(({ name }) => name);
  expect(printed.trim().split("\n").sort()).toEqual([...described, ...seen].sort());

  // What is unseen is found by its name.
  const asked = entries.filter(({ name }) => name.split(".").length <= 2);
  const { printed: types } = await scripted(asked.map(({ name }) => `print("${name}", type(${name}))`).join("\n"));
  for (const { name, isFunction } of asked) {
    const type = new RegExp(`^${name.replace(".", "\\.")}\t(.*)$`, "m").exec(types)?.[1];
    expect([name, type === "function", type !== undefined && type !== "nil"]).toEqual([name, isFunction, true]);
  }
  const sources = ["loader", "lfs", "newer", "gfx"].map((name) => read(`loader-wasm/interp/lua/lib/${name}.ts`)).join();
  const set = [...sources.matchAll(/\b(?:setFunction|set\w+Field|add)\(\w+, "(\w+)"/g)].map(([, name]) => name ?? "");
  const last = new Set([...entries.map(({ name }) => name.split(".").at(-1)), "next", "close", "__index", "__gc"]);
  expect(set.filter((name) => !last.has(name))).toEqual([]);
});
