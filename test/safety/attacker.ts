// What the replays of other loaders' vulnerabilities share (replays.test.ts, replays_lua.test.ts).

import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { userboot } from "../support/cli.js";

/** What lies beside everything that is granted, and must never be seen. */
export const CANARY = "canary-of-the-host";

/** Commands of a shell and programs in what hosts are written in: each would make a file PROOF, or open one. */
export const COMMANDS = [
  "touch PROOF",
  "$(touch PROOF)",
  "`touch PROOF`",
  "; touch PROOF",
  "| touch PROOF",
  "!touch PROOF",
  "\x24{process.mainModule.require('fs').writeFileSync('PROOF','')}",
  "os.execute('touch PROOF')",
  "require('child_process').execSync('touch PROOF')",
  "-drive file=/etc/passwd,format=raw",
];

/** `value` as a number of a file system: little-endian, of `size` bytes. */
export function number(value: bigint, size: 4 | 8): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, value));
  return bytes.subarray(0, size);
}

/**
 * Boots `image` by the command line in a new folder `home`: its script, which shows `shown`, tries in all ways to make
 * a file PROOF there. None is made, nor anything else but the result.
 */
export function provesNothing(home: string, image: Uint8Array, shown: string): void {
  mkdirSync(home);
  writeFileSync(join(home, "disk.img"), image);
  const args = ["boot", "-d", "disk.img", "--clock", "virtual", "-m", "64", "--out", "out", "--input", "\\r"];
  const { stderr, stdout } = userboot(args, { cwd: home });
  expect(stderr).toMatch(/waits for input/);
  expect(stdout).toContain(shown);
  expect(existsSync(join(home, "PROOF"))).toBe(false);
  expect(readdirSync(home).sort()).toEqual(["disk.img", "out"]);
}
