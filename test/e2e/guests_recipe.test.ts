// The committed images come from the committed sources: builds them again where the same tools are
// installed and compares the bytes.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, expect, test } from "vitest";
import { GUESTS, guestImage, MENU_GUESTS } from "../support/guests.js";
import { inRepository } from "../support/repository.js";
import { Scratch } from "../support/scratch.js";

const scratch = new Scratch();
afterAll(() => scratch[Symbol.dispose]());

/** Why the images can't be rebuilt here, or undefined. */
function missing(): string | undefined {
  for (const program of ["gcc", "ld", "make", "makefs", "gzip"]) {
    if (spawnSync("sh", ["-c", `command -v ${program} || test -x /usr/sbin/${program}`]).status !== 0) {
      return `${program} is not installed`;
    }
  }
  const versions = ["gcc", "ld"].map((program) => spawnSync(program, ["--version"]).stdout.toString().split("\n")[0]);
  if (`${versions.join("\n")}\n` !== readFileSync(inRepository("images/TOOLCHAIN"), "utf8"))
    return "other compiler or linker";
  const probe = spawnSync("gcc", ["-m32", "-ffreestanding", "-x", "c", "-c", "-o", "/dev/null", "-"], { input: "" });
  return probe.status === 0 ? undefined : "gcc can't build for i386";
}

const reason = missing();
if (reason !== undefined) console.warn(`skipped: the guests can't be rebuilt: ${reason}`);

test.skipIf(reason !== undefined)(
  "images are what their recipe makes",
  () => {
    const built = spawnSync("sh", [inRepository("images/build.sh"), scratch.path], {
      encoding: "utf8",
      env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
    });
    expect(built.stderr).toBe("");
    expect(built.status).toBe(0);
    for (const name of [...Object.values(GUESTS), ...MENU_GUESTS]) {
      const made = gunzipSync(readFileSync(join(scratch.path, `${name}.img.gz`)));
      expect(made.equals(guestImage(name))).toBe(true);
    }
  },
  60_000,
);
