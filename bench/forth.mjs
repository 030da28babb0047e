// Rows on the flavour 4th: a tight loop beside a native Forth's, and whole boots with Forth scripts, the project's
// own and, where their directory is given, FreeBSD's.
import { spawnSync } from "node:child_process";
import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bootRows, scriptedGuests, series } from "./scripted.mjs";

const TURNS = 10_000_000;
const LOOP = `: t ${TURNS} 0 do 1+ loop ;`;
const SCRIPTS = fileURLToPath(new URL("scripts/", import.meta.url));

export async function forthRows(bench) {
  const { row, leftOut, median } = bench;
  if (!existsSync(new URL("../build/userboot_4th.wasm", import.meta.url))) return;
  const { boot, KeysConsole } = await import("userboot-wasm");
  const options = { start: "4th", interfaceVersion: 4, isolation: "none", clock: "virtual" };

  /** Times a session that types `lines` and checks that `expected` comes back. */
  const typed = async (lines, expected) => {
    const console = new KeysConsole([lines.map((line) => `${line}\r`).join("")]);
    const began = performance.now();
    await boot({ ...options, disks: [], env: ["autoboot_delay=NO"], console });
    const ms = performance.now() - began;
    if (!console.text.includes(expected)) throw new Error(`4th says ${console.text.slice(-200)}`);
    return ms;
  };
  const program = [LOOP, "0 t ."];
  await series(5, () => typed(program, `${TURNS} `));
  const idle = await series(9, () => typed(["7 ."], "7 "));
  const loop = (await series(9, () => typed(program, `${TURNS} `))) - idle;
  row("4th: session that starts, and ends at the prompt", idle, "ms");
  row("4th: loop of 10 million 1+", loop, "ms");
  const native = median(9, nativeLoop);
  if (Number.isNaN(native)) leftOut("  ratio to a native Forth", "gforth isn't installed");
  else {
    row("  the same in gforth", native, "ms");
    row("  ratio", loop / native, "x", 3);
  }

  for (const [name, guest] of scriptedGuests(bench, "4th", ownScripts, standScripts)) {
    const { text } = await bootRows(bench, "4th", name, guest, options, 20);
    if (!/\d seconds/.test(text)) throw new Error(`${name} don't count down: ${text}`);
  }
}

/** Milliseconds that gforth takes for the loop, start-up not counted; NaN without gforth. */
function nativeLoop() {
  const source = `${LOOP} utime 0 t drop utime 2swap d- d. bye`;
  const { status, stdout } = spawnSync("gforth", ["-e", source], { encoding: "utf8" });
  return status === 0 ? Number(stdout) / 1000 : Number.NaN;
}

export function ownScripts(boot) {
  cpSync(SCRIPTS, boot, { recursive: true });
  return ["notes.txt"];
}

/** What the Makefiles of FreeBSD's stand/forth and stand/defaults install on amd64. */
function standScripts(stand, boot) {
  const forth = join(stand, "forth");
  for (const file of readdirSync(forth)) {
    if (file.endsWith(".4th")) copyFileSync(join(forth, file), join(boot, file));
  }
  // A machine's own start-up scripts go before the general ones; amd64 has i386's.
  for (const file of ["loader.rc", "menu.rc"]) {
    const own = join(stand, "i386", "loader", file);
    copyFileSync(existsSync(own) ? own : join(forth, file), join(boot, file));
  }
  mkdirSync(join(boot, "defaults"));
  copyFileSync(join(stand, "defaults", "loader.conf"), join(boot, "defaults", "loader.conf"));
  return [];
}
