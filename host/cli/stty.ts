// The settings of terminals, by the system's own program: Node knows raw mode only, and not what was there before.

import { spawnSync } from "node:child_process";

/** What `stty` prints, with these arguments, for the terminal that is open as `fd`; undefined where it fails. */
export function stty(fd: number, ...words: string[]): string | undefined {
  const { status, stdout } = spawnSync("stty", words, { stdio: [fd, "pipe", "ignore"], encoding: "utf8" });
  return status === 0 ? stdout.trim() : undefined;
}
