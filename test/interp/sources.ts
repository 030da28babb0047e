// FreeBSD's own scripts on a disk, and a boot of it. They are not part of this repository: the sources are looked for
// where USERBOOT_FREEBSD_SOURCES says (checkouts or trees with an installed /boot, separated like PATH), or in
// `freebsd-src` beside this checkout or above.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, delimiter, dirname, join, parse } from "node:path";
import { fileURLToPath } from "node:url";
import type { BootOptions, BootResult, Keys } from "userboot-wasm";
import { linkedFile, objectFile } from "../support/elf_image.js";
import type { Files } from "../support/ufs_image.js";
import { drive, type ScreenOptions } from "./screen.js";

const VARIABLE = "USERBOOT_FREEBSD_SOURCES";
/** Where checkouts keep the files of /boot: since FreeBSD 12, before, in trees that keep that in src; and a /boot. */
const LAYOUTS = [
  { forth: "stand/forth", lua: "stand/lua", machine: "stand/i386/loader", defaults: "stand/defaults/loader.conf" },
  {
    forth: "sys/boot/forth",
    lua: "sys/boot/lua",
    machine: "sys/boot/i386/loader",
    defaults: "sys/boot/forth/loader.conf",
  },
  {
    forth: "src/sys/boot/forth",
    lua: "src/sys/boot/lua",
    machine: "src/sys/boot/i386/loader",
    defaults: "src/sys/boot/forth/loader.conf",
  },
  { forth: "boot", lua: "boot/lua", machine: "boot", defaults: "boot/defaults/loader.conf" },
];

export type Language = "forth" | "lua";

export interface Source {
  name: string;
  path: string;
}

function checkouts(): string[] {
  const given = process.env[VARIABLE];
  if (given) return given.split(delimiter);
  let at = dirname(fileURLToPath(import.meta.url));
  while (at !== parse(at).root) {
    const found = join(at, "freebsd-src");
    if (existsSync(found)) return [found];
    at = dirname(at);
  }
  return [];
}

const layout = (path: string, language: Language) => LAYOUTS.find((one) => existsSync(join(path, one[language])));

/** The checkouts that have one of `files`, and which. */
export function findWith(what: string, files: readonly string[]): { name: string; path: string; file: string }[] {
  const found = checkouts().flatMap((path) => {
    const file = files.find((one) => existsSync(join(path, one)));
    return file === undefined ? [] : [{ name: basename(path), path, file }];
  });
  if (found.length === 0) console.warn(`SKIPPED: ${what}; ${VARIABLE} names no checkout of them and none is known.`);
  return found;
}

/** The checkouts with scripts in `language`. What can't be tested is said. */
export function findSources(language: Language): Source[] {
  const all = checkouts();
  const name = { forth: "Forth", lua: "Lua" }[language];
  if (all.length === 0) {
    console.warn(`SKIPPED: FreeBSD's own ${name} scripts; ${VARIABLE} names no checkout of them and none is known.`);
  }
  return all
    .filter((path) => {
      if (layout(path, language)) return true;
      console.warn(`SKIPPED: ${path} has none of ${LAYOUTS.map((one) => one[language]).join(", ")}.`);
      return false;
    })
    .map((path) => ({ name: basename(path), path }));
}

/** The files of /boot that the release's makefiles install for the interpreter of `language`. */
export function scripts(path: string, language: Language): Files {
  const at = layout(path, language);
  if (!at) throw new Error(`${path} has no scripts in ${language}`);
  const read = (file: string) => readFileSync(join(path, file), "latin1");
  const files: Record<string, string> = { "/boot/defaults/loader.conf": read(at.defaults) };
  const [ending, target] = language === "forth" ? [".4th", "/boot"] : [".lua", "/boot/lua"];
  for (const name of readdirSync(join(path, at[language]))) {
    if (name.endsWith(ending)) files[`${target}/${name}`] = read(join(at[language], name));
  }
  if (language === "forth") {
    for (const name of ["loader.rc", "menu.rc"]) {
      // Only FreeBSD 9 and newer have menu.rc.
      const file = [at.machine, at.forth].map((dir) => join(dir, name)).find((one) => existsSync(join(path, one)));
      if (file) files[`/boot/${name}`] = read(file);
    }
  }
  return files;
}

/** A script in Lua: what it has tells what its release can do. */
export function scriptText(path: string, name: string): string {
  return scripts(path, "lua")[`/boot/lua/${name}.lua`] as string;
}

const KERNEL = linkedFile({ bits: 64, segments: [{ size: 9000 }, { size: 900, bss: 5000, writable: true }] }).bytes;
const MODULE = objectFile({});

/** What the scripts are set up to boot. */
export const BOOTABLE: Files = {
  "/boot/kernel/kernel": KERNEL,
  "/boot/kernel/inside.ko": MODULE,
  "/boot/kernel.old/kernel": KERNEL,
  "/boot/modules/outside.ko": MODULE,
  "/etc/fstab": "/dev/ada0p2\t/\tufs\trw\t1\t1\n",
};

/** Boots what BOOTABLE has with the Lua scripts of the checkout at `path`, and `settings` as /boot/loader.conf. */
export function driveLua(
  path: string,
  settings: string,
  files: Files = {},
  keys: readonly Keys[] = [],
  options: BootOptions & ScreenOptions = {},
) {
  const guest = { "/boot/loader.conf": settings, "/boot/loader": "$Interpreter:lua\0", ...files };
  return drive({ ...scripts(path, "lua"), ...BOOTABLE, ...guest }, keys, options);
}

/** The names of what was loaded, in order. */
export const loaded = (result: BootResult) => result.modules.map(({ name }) => name);
