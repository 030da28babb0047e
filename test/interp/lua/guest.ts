// A guest for tests of the Lua flavour: files given as texts, lines typed at the prompt, what came back.

import type { BootOptions } from "userboot-wasm";
import { expect } from "vitest";
import { typeKeys } from "../../support/prompt.js";

const bytes = (content: string) => new Uint8Array(Buffer.from(content, "latin1"));

/** Files by path, one character a byte. */
export type Files = Readonly<Record<string, string>>;

/** Boots a tree of `files`, types `keys`, and returns the result and the console, all and from the first prompt on. */
export function guest(files: Files, keys: string, more: BootOptions = {}) {
  const tree = Object.fromEntries(Object.entries(files).map(([path, content]) => [path, bytes(content)]));
  return typeKeys([keys], { hostTrees: [tree], start: "lua", ...more });
}

/** What running `script` as the guest's start-up script prints. */
export async function scripted(script: string, files: Files = {}, keys = "", more: BootOptions = {}) {
  const marked = `printc("<<<")\n${script}\nprintc(">>>")\n`;
  const { result, text } = await guest({ "boot/lua/loader.lua": marked, ...files }, keys, more);
  const from = text.indexOf("<<<");
  const to = text.lastIndexOf(">>>");
  return { result, text, printed: text.slice(from + 3, to < from ? undefined : to) };
}

/** What the guest's Lua prints for each of some programs. */
export async function byGuest(programs: readonly string[], more: BootOptions = {}): Promise<string[]> {
  const files = Object.fromEntries(programs.map((program, i) => [`p${i}`, program]));
  const { text, result } = await guest(
    {
      ...files,
      "boot/lua/loader.lua": `for i = 0, ${programs.length - 1} do
        print("<<<")
        local f, e = loadfile("/p" .. i, "t", setmetatable({}, {__index = _G}))
        if f then f, e = pcall(f) end
        if not f then print("! " .. tostring(e)) end
        print(">>>")
      end`,
    },
    "",
    more,
  );
  expect(result.error?.name).toBe("InputEndedError");
  return [...text.matchAll(/^<<<\n(.*?)^>>>$/gms)].map(([, printed]) => printed!);
}
