// A guest for tests of the Lua flavour: files given as texts, lines typed at the prompt, what came back.

import { type BootOptions, boot, KeysConsole } from "userboot-wasm";

const bytes = (content: string) => new Uint8Array(Buffer.from(content, "latin1"));

/** Files by path, one character a byte. */
export type Files = Readonly<Record<string, string>>;

/** Boots a tree of `files`, types `keys`, and returns the result and the console from the first prompt on. */
export async function guest(files: Files, keys: string, more: BootOptions = {}) {
  const console = new KeysConsole([keys]);
  const tree = Object.fromEntries(Object.entries(files).map(([path, content]) => [path, bytes(content)]));
  const result = await boot({
    hostTrees: [tree],
    env: ["autoboot_delay=NO"],
    console,
    clock: "virtual",
    start: "lua",
    isolation: "none",
    ...more,
  });
  // Progress is shown by characters that the next one overwrites.
  const text = console.text.replaceAll("\r\n", "\n").replace(/[|/\\-]\x08/g, "");
  return { result, text, typed: text.slice(Math.max(text.indexOf("OK "), 0)) };
}

/** What running `script` as the guest's start-up script prints. */
export async function scripted(script: string, files: Files = {}, keys = "", more: BootOptions = {}) {
  const marked = `printc("<<<")\n${script}\nprintc(">>>")\n`;
  const { result, text } = await guest({ "boot/lua/loader.lua": marked, ...files }, keys, more);
  const from = text.indexOf("<<<");
  const to = text.lastIndexOf(">>>");
  return { result, text, printed: text.slice(from + 3, to < from ? undefined : to) };
}
