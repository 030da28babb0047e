// A disk with the given files, booted with commands typed at the simple interpreter's prompt.

import { type BootOptions, type BootResult, boot, KeysConsole } from "userboot-wasm";
import { UfsImage } from "../fs/ufs_image.js";

export const MIB = 1024 * 1024;

/** The progress spinner: a character and a backspace. */
export const SPINNER = /[|/\\-]\x08(?! \x08)/g;

/** A file system with files at these paths. */
export function disk(files: Readonly<Record<string, Uint8Array | string>>) {
  const image = new UfsImage({ version: 2, blockSize: 16384, fragmentSize: 2048, superblockAt: 65536 });
  const directories = new Map([["", image.root]]);
  const directory = (path: string): number => {
    const known = directories.get(path);
    if (known !== undefined) return known;
    const slash = path.lastIndexOf("/");
    const made = image.directory(directory(path.slice(0, slash)), path.slice(slash + 1));
    directories.set(path, made);
    return made;
  };
  for (const [path, content] of Object.entries(files)) {
    const slash = path.lastIndexOf("/");
    image.file(directory(path.slice(0, slash)), path.slice(slash + 1), content);
  }
  return image.finish();
}

export interface Session {
  result: BootResult;
  /** What each command printed, its echo and the next prompt left out, lines ended by \n. */
  output: string[];
}

/** Boots `files` and types `commands`, until the kernel is entered or there are no more. */
export async function session(
  files: Readonly<Record<string, Uint8Array | string>>,
  commands: readonly string[],
  options: BootOptions = {},
): Promise<Session> {
  const all = ["set prompt=\x01", "set LINES=1000000", ...commands];
  const console = new KeysConsole(all.map((command) => `${command}\r`));
  const result = await boot({
    disks: [disk(files)],
    env: ["autoboot_delay=NO"],
    start: "simp",
    interfaceVersion: 4,
    clock: "virtual",
    isolation: "none",
    memory: 64 * MIB,
    ...options,
    console,
  });
  const text = console.text.replace(SPINNER, "").replaceAll("\r\n", "\n");
  const output = text
    .split("\x01 ")
    .slice(2)
    .map((part) => part.slice(part.indexOf("\n") + 1));
  return { result, output };
}

/** Bytes of guest memory. */
export function guestBytes(result: BootResult, at: number, size: number): Buffer {
  return Buffer.from(result.guestMemory.read(at, size));
}
