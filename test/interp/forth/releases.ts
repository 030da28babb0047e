// What the Forth scripts of a FreeBSD release are like, told from the scripts. real_scripts.test.ts drives them by it.

import type { Files } from "../../support/ufs_image.js";
import { type Source, scripts } from "../sources.js";

/**
 * What a release's menu offers. `list`: FreeBSD 5 to 8, numbered lines and nothing else. `options`: 9.0, options beside
 * them. `submenu`: 9.1 and 9.2, options in a menu of their own. `kernels`: since then, kernels can be chosen as well.
 */
export type Menu = "list" | "options" | "submenu" | "kernels";

export interface Release {
  name: string;
  files: Files;
  menu: Menu;
  /** Whom the menu welcomes one to. */
  system: string;
  /** Whether its frames are in UTF-8 (since FreeBSD 13) rather than in the character set of the PC. */
  utf8: boolean;
  /** Whether a password is asked for when the countdown is stopped. */
  asks: boolean;
  /** The setting that turns colours on. */
  colours: string;
}

export function releaseOf({ name, path }: Source): Release {
  const files = scripts(path, "forth");
  const text = (file: string) => (files[`/boot/${file}`] ?? "") as string;
  const menu = menuOf(text);
  const title = /^loader_menu_title="(.*)"/m.exec(text("defaults/loader.conf"))?.[1];
  const system = /Welcome to (\w+)/.exec(title ?? text(menu === "list" ? "beastie.4th" : "menu.4th"))?.[1];
  if (!system) throw new Error(`the menu of ${path} welcomes nobody`);
  const utf8 = /\b0x2554 constant/i.test(text("frames.4th"));
  // FreeBSD 9 and 10 boot first without having loaded a kernel, from a path that their own settings leave it out of.
  const asks = menu === "list" || /\bload_kernel\b/.test(text("check-password.4th"));
  // FreeBSD 12.2 and 12.3 leave an address on the stack when colours are asked for, and take a length for the other one.
  const leaves = /\sdrop\s+\\ It is enabled\.\s+TRUE\s/.test(text("color.4th"));
  return { name, files, menu, system, utf8, asks, colours: leaves ? "" : 'loader_color="YES"\n' };
}

function menuOf(text: (file: string) => string): Menu {
  const rc = text("menu.rc");
  if (rc === "") return "list";
  if (!rc.includes("optionsmenu")) return "options";
  return text("menu.4th").includes("parse-kernels") ? "kernels" : "submenu";
}
