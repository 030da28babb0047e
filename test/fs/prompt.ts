// Types commands at the loader's prompt and gives what each printed.

import { type BootResult, boot, type DiskSource, KeysConsole } from "userboot-wasm";

/** The progress spinner: a character and a backspace. */
const SPINNER = /[|/\\-]\x08(?! \x08)/g;

export interface Prompt {
  result: BootResult;
  /** What each command printed, its echo and the next prompt left out, lines ended by \n. */
  output: string[];
  /** All that was printed. */
  text: string;
  /** Damage reported. */
  diagnostics: string[];
}

export async function prompt(
  disks: readonly DiskSource[],
  commands: readonly string[],
  { fuel = 400_000_000, interfaceVersion = 4 as 4 | 5 } = {},
): Promise<Prompt> {
  const all = ["set prompt=\x01", "set LINES=1000000", ...commands];
  const console = new KeysConsole(all.map((command) => `${command}\r`));
  const result = await boot({
    disks,
    console,
    start: "simp",
    interfaceVersion,
    env: ["autoboot_delay=NO"],
    clock: "virtual",
    isolation: "none",
    memory: 64 * 1024 * 1024,
    limits: { fuel },
  });
  const text = console.text.replace(SPINNER, "").replaceAll("\r\n", "\n");
  const output = text
    .split("\x01 ")
    .slice(2)
    .map((part) => part.slice(part.indexOf("\n") + 1));
  return { result, output: output.slice(0, commands.length), text, diagnostics: result.diagnostics };
}
