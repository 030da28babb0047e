// Hostile loader.conf, in the place of the one of the project's guest with a menu, whose script in Lua reads it.

import { guestImage } from "../support/guests.js";
import type { Family, Guest, Outcome, Row } from "./case.js";

const image = guestImage("amd64-menu");
const ESCAPE = "\x1b";
/** Leaves the menu by a key: Escape, or 1 to boot. */
const conf = (text: string, key = ESCAPE, lines: readonly string[] = []): Guest => ({
  disks: [image],
  lines: [key, ...lines],
  options: {
    start: "lua",
    overlay: { "/boot/loader.conf": Buffer.from(text, "latin1") },
    limits: { fuel: 5_000_000 },
  },
});
const prints = (...parts: string[]): Outcome => ({ prints: parts });
const shown = (name: string) => [`print(loader.getenv("${name}"))`];

const rows: Row[] = [
  ["kernel that is a path out of the root", () => conf('kernel="../../../etc/passwd"\n', "1"), prints("failed: load")],
  [
    "kernel of a path of 10,000 characters",
    () => conf(`kernel="/${"k".repeat(10_000)}"\n`, "1"),
    prints("failed: load"),
  ],
  ["kernel with a second command behind it", () => conf('kernel="/boot/x; quit"\n', "1"), prints("failed: load")],
  [
    "kernel on a device that there isn't",
    () => conf('kernel="disk9:/boot/kernel/kernel"\n', "1"),
    prints("failed: load"),
  ],
  [
    "module_path of nothing but separators",
    () => conf('demo_load="YES"\nmodule_path=";;;;;;;;"\n', "1"),
    prints("failed: load ubdemo"),
  ],
  [
    "module_path of a thousand directories out of the root",
    () => conf(`demo_load="YES"\nmodule_path="${"/..;".repeat(1000)}"\n`, "1"),
    prints("failed: load ubdemo"),
  ],
  [
    "currdev that there isn't is taken, and leads nowhere",
    () => conf('currdev="disk9:"\n', ESCAPE, shown("currdev")),
    prints("disk9:"),
  ],
  ["value that names itself", () => conf('a="$' + "{a}$" + '{a}"\n', ESCAPE, shown("a")), prints("$" + "{a}$" + "{a}")],
  ["autoboot_delay of 2^70 seconds", () => conf('autoboot_delay="1180591620717411303424"\n'), {}],
  ["autoboot_delay of less than no seconds: it boots", () => conf('autoboot_delay="-1"\n'), {}],
  ["menu_title of 60,000 characters", () => conf(`menu_title="${"t".repeat(60_000)}"\n`), {}],
  ["menu_title that takes the screen over", () => conf('menu_title="\x1b[2J\x1b]0;owned\x07"\n'), {}],
  ["line of 65,536 characters", () => conf("x".repeat(65_536)), prints("Malformed line (1)")],
  ["file of NULs", () => conf("\0".repeat(1000)), prints("Malformed line (1)")],
  ["file of 20,000 bad lines", () => conf("=\n".repeat(20_000)), prints("Malformed line (20000)")],
  [
    "file of 5,000 variables",
    () => conf(Array.from({ length: 5000 }, (_, i) => `v${i}="${i}"\n`).join(""), ESCAPE, shown("v4999")),
    prints("\n4999\n"),
  ],
  ["console that there isn't", () => conf('console="none"\nLINES="-1"\n'), prints("Available consoles:")],
  ["file that ends in the middle of a quote", () => conf('a="never'), prints("Malformed line (1)")],
];

export const confFamily: Family = { name: "loader.conf", rows };
