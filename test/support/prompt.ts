// The harness of all tests that type at the loader's prompt, whatever it boots from and whichever flavour runs: a
// session with prepared keys, in this thread unless told otherwise, whose clock needs no time.

import { type BootOptions, type BootResult, boot, type DiskSource, type Keys, KeysConsole } from "userboot-wasm";
import { withoutSpinner } from "./spinner.js";
import { type Files, ufsDisk } from "./ufs_image.js";

export const MIB = 1024 * 1024;

/** What becomes of keys. */
export interface Typed {
  result: BootResult;
  /** All that was printed, without the spinner, lines ended by \n. */
  text: string;
  /** The same from the first prompt on. */
  prompted: string;
}

/** Boots and types `keys`. Without further options it is a guest that has no disks. */
export async function typeKeys(keys: readonly Keys[], options: BootOptions): Promise<Typed> {
  const console = new KeysConsole(keys);
  const result = await boot({
    disks: [],
    env: ["autoboot_delay=NO"],
    clock: "virtual",
    isolation: "none",
    ...options,
    console,
  });
  const text = withoutSpinner(console.text).replaceAll("\r\n", "\n");
  return { result, text, prompted: text.slice(Math.max(text.indexOf("OK "), 0)) };
}

/** The same with whole lines. */
export const typeLines = (lines: readonly string[], options: BootOptions): Promise<Typed> =>
  typeKeys(
    lines.map((line) => `${line}\r`),
    options,
  );

/** What becomes of commands. */
export interface Prompt extends Typed {
  /** What each command printed, its echo and the next prompt left out. */
  output: string[];
  /** Damage reported. */
  diagnostics: string[];
}

/**
 * Boots from disks, or from a disk with these files, and types `commands` at the simple interpreter's prompt, until the
 * kernel is entered or there are no more.
 */
export async function prompt(
  guest: readonly DiskSource[] | Files,
  commands: readonly string[],
  options: BootOptions = {},
): Promise<Prompt> {
  const typed = await typeLines(["set prompt=\x01", "set LINES=1000000", ...commands], {
    disks: isFiles(guest) ? [ufsDisk(guest)] : guest,
    start: "simp",
    interfaceVersion: 4,
    memory: 64 * MIB,
    limits: { fuel: 400_000_000 },
    ...options,
  });
  const output = typed.text
    .split("\x01 ")
    .slice(2, commands.length + 2)
    .map((part) => part.slice(part.indexOf("\n") + 1));
  return { ...typed, output, diagnostics: typed.result.diagnostics };
}

const isFiles = (guest: readonly DiskSource[] | Files): guest is Files => !Array.isArray(guest);

/** Bytes of guest memory. */
export function guestBytes(result: BootResult, at: number, size: number): Buffer {
  return Buffer.from(result.guestMemory.read(at, size));
}
