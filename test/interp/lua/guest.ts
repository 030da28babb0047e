// A guest for tests of the Lua flavour: files given as texts, lines typed at the prompt, what came back.

import type { BootOptions } from "userboot-wasm";
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
