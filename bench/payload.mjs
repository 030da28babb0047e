// What the benchmarks of file systems load: the project's own amd64 guest and one file of 28.8 MB, which repeats after
// 384 KiB so that images of it can be kept, and looks like code to what compresses records of 128 KiB and more. The same
// tree is on the UFS disk that makefs writes when the benchmarks run, and in bench/pools/. By hand:
// node payload.mjs DIR writes the tree.

import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const PAYLOAD_SIZE = 28_800_000;
const PERIOD = 384 * 1024;
/** Of how many different words of 8 bytes it is made, and how often one is like no other. */
const WORDS = 512;
const NEW = 0.1;

/** The bytes of the file. */
export function payload() {
  let x = 0x2545f491;
  const random = () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return x >>> 0;
  };
  const words = Uint32Array.from({ length: WORDS * 2 }, random);
  const piece = new Uint32Array(PERIOD / 4);
  for (let at = 0; at < piece.length; at += 2) {
    const isNew = random() < NEW * 2 ** 32;
    const word = (random() % (1 + (random() % WORDS))) * 2;
    piece[at] = isNew ? random() : words[word];
    piece[at + 1] = isNew ? random() : words[word + 1];
  }
  const bytes = Buffer.alloc(PAYLOAD_SIZE);
  for (let at = 0; at < bytes.length; at += PERIOD) Buffer.from(piece.buffer).copy(bytes, at);
  return bytes;
}

/** Writes the tree into `folder`. */
export function payloadTree(folder) {
  const images = fileURLToPath(new URL("../images/", import.meta.url));
  const build = mkdtempSync(join(tmpdir(), "userboot-payload-"));
  execFileSync("make", ["-s", "-C", images, `OUT=${build}`]);
  mkdirSync(join(folder, "boot", "kernel"), { recursive: true });
  cpSync(join(build, "amd64", "kernel"), join(folder, "boot", "kernel", "kernel"));
  rmSync(build, { recursive: true });
  writeFileSync(join(folder, "boot", "payload"), payload());
  const lines = ["load /boot/kernel/kernel", "load -t payload /boot/payload", "set autoboot_delay=NO", "boot", ""];
  writeFileSync(join(folder, "boot", "loader.rc"), lines.join("\n"));
  writeFileSync(join(folder, "boot", "loader"), "$Interpreter:simp\0\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) payloadTree(process.argv[2]);
