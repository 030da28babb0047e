// The committed images come from the committed sources: builds them again where the same tools are
// installed and compares the bytes.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, expect, test } from "vitest";
import { IMAGES, rootPath } from "./guest.js";

const directory = mkdtempSync(join(tmpdir(), "userboot-test-"));
afterAll(() => rmSync(directory, { recursive: true }));

/** Why the images can't be rebuilt here, or undefined. */
function missing(): string | undefined {
  for (const program of ["gcc", "ld", "make", "makefs", "gzip"]) {
    if (spawnSync("sh", ["-c", `command -v ${program} || test -x /usr/sbin/${program}`]).status !== 0) {
      return `${program} is not installed`;
    }
  }
  const versions = ["gcc", "ld"].map((program) => spawnSync(program, ["--version"]).stdout.toString().split("\n")[0]);
  if (`${versions.join("\n")}\n` !== readFileSync(rootPath("images/TOOLCHAIN"), "utf8"))
    return "other compiler or linker";
  const probe = spawnSync("gcc", ["-m32", "-ffreestanding", "-x", "c", "-c", "-o", "/dev/null", "-"], { input: "" });
  return probe.status === 0 ? undefined : "gcc can't build for i386";
}

const reason = missing();
if (reason !== undefined) console.warn(`skipped: the guests can't be rebuilt: ${reason}`);

test.skipIf(reason !== undefined)(
  "images are what their recipe makes",
  () => {
    const built = spawnSync("sh", [rootPath("images/build.sh"), directory], {
      encoding: "utf8",
      env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
    });
    expect(built.stderr).toBe("");
    expect(built.status).toBe(0);
    for (const name of Object.values(IMAGES)) {
      const bytes = (path: string) => gunzipSync(readFileSync(path));
      expect(bytes(join(directory, `${name}.img.gz`)).equals(bytes(rootPath(`images/${name}.img.gz`)))).toBe(true);
    }
  },
  60_000,
);
