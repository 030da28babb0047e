// What the loader lists: `?`, WORDS, Lua's globals. Guests' scripts measure themselves by these lists, and recordings of
// the reference hold them, which aren't part of a clone. So here they are again, as files in listings/ that are equal to
// the recordings and never change: what the reference doesn't have is unlisted (docs/adding.md).

import { readFileSync } from "node:fs";
import { boot, KeysConsole } from "userboot-wasm";
import { describe, expect, it } from "vitest";
import { prompt } from "../support/prompt.js";
import { typed } from "./forth/guest.js";
import { scripted } from "./lua/guest.js";

const listing = (name: string) => readFileSync(new URL(`listings/${name}.txt`, import.meta.url), "utf8");

/** What `line`, which ends with WORDS, prints at the prompt of Forth; Enter is typed for each of its pages, too. */
async function words(line: string, pages = 0) {
  const { text } = await typed([line, ...Array<string>(pages).fill("")]);
  const shown = text.slice(text.indexOf("\n") + 1, text.lastIndexOf("OK ", text.lastIndexOf("total\n") + 20));
  return shown.replaceAll(/\r|--- Press Enter to continue ---/g, "").replaceAll(/ +$/gm, "");
}

describe("listed are", () => {
  it("the commands of the reference", async () => {
    expect((await prompt([], ["?"])).output[0]).toBe(listing("commands"));
  });

  it.each([
    ["forth", "words", 2],
    ["builtins", "also builtins words"],
    ["prefixes", "<prefixes> >search words"],
  ] as const)("its words of Forth: %s", async (list, line, pages?: number) => {
    expect(await words(line, pages)).toBe(listing(list));
  });

  it("what it has for Lua", async () => {
    const { printed } = await scripted(`
      local function list(name, t) for k, v in pairs(t) do print(name .. tostring(k) .. " " .. type(v)) end end
      list("", _G)
      for _, name in ipairs{"errno", "io", "lfs", "loader", "package", "string"} do list(name .. ".", _G[name]) end
      list("package.loaded.", package.loaded)
      list("package.searchers.", package.searchers)
      local directory = getmetatable(select(2, lfs.dir("/")))
      list("DIRECTORY:", directory)
      list("DIRECTORY.", directory.__index)
      list("STRING:", getmetatable(""))
    `);
    expect(`${printed.trim().split("\n").sort().join("\n")}\n`).toBe(listing("lua"));
  });
});

describe("help", () => {
  const FILE = [
    "# Thelp Dshows this",
    "the first page",
    "of help",
    "####",
    "# Tthing Da thing",
    "about things",
    "####",
    "# Tthing Spart Da part of it",
    "\tabout the part",
    "####",
    "# Tlonely Sonly",
    "",
  ].join("\n");

  /** What `help` says where `/boot/loader.help` is `file`. */
  async function answers(file: string | undefined, lines: readonly string[]) {
    const console = new KeysConsole(lines.map((line) => `${line}\r`));
    const tree: Record<string, Uint8Array> = file === undefined ? {} : { "boot/loader.help": Buffer.from(file) };
    const env = ["autoboot_delay=NO", "prompt=\x01"];
    await boot({ hostTrees: [tree], env, console, clock: "virtual", start: "simp", isolation: "none" });
    const text = console.text.replaceAll("\r\n", "\n").replaceAll(/[|/\\-]\x08/g, "");
    const parts = text.split("\x01 ").slice(1, lines.length + 1);
    return parts.map((part) => part.slice(part.indexOf("\n") + 1));
  }

  it("is what the guest's file says", async () => {
    const lines = ["help", "help thing", "help thing part", "help thing other", "help lonely", "help index"];
    expect(await answers(FILE, lines)).toEqual([
      "the first page\nof help\n",
      "about things\n    thing part                     a part of it\n",
      "\tabout the part\n",
      "",
      "    lonely only\n",
      "    help                           shows this\n    thing                          a thing\n" +
        "    thing part                     a part of it\n    lonely only\n",
    ]);
  });

  it("says when there is none", async () => {
    expect(await answers(FILE, ["help absent", "help a b c"])).toEqual([
      "help: no help available for 'absent'\n",
      "help: usage is 'help <topic> [<subtopic>]\n",
    ]);
    expect(await answers(undefined, ["help"])).toEqual(["Verbose help not available, use '?' to list commands\n"]);
  });
});
