// `userboot run --dry-run` and `--print-json`: how QEMU would be started, without a boot.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { quoted } from "../../build/host/handoff/words.js";
import { userboot } from "../support/cli.js";
import { Scratch } from "../support/scratch.js";

const scratch = new Scratch();
afterAll(() => scratch[Symbol.dispose]());
const disk = scratch.file("it's a disk.img", "x".repeat(512));
const words = ["run", "-d", disk, "-m", "64M", "--accel", "tcg"];

/** The words that a shell makes of a line. */
function shellWords(line: string): string[] {
  const { stdout } = spawnSync("sh", ["-c", `printf '%s\\0' ${line}`], { encoding: "utf8" });
  return stdout.split("\0").slice(0, -1);
}

describe("a machine that isn't run", () => {
  test("--dry-run: a line that a shell takes apart into the words of --print-json", () => {
    const more = ["--image", join(scratch.path, "a guest"), "--", "-name", "$(id)"];
    const { stdout, stderr, status } = userboot([...words, "--dry-run", ...more]);
    expect([stderr, status]).toEqual(["", 0]);
    expect(stdout).toMatch(/^[^\n]+\n$/);
    const json = userboot([...words, "--print-json", ...more]);
    const told = JSON.parse(json.stdout);
    expect(shellWords(stdout.trimEnd())).toEqual([told.program, ...told.arguments]);
    expect(told).toMatchObject({
      program: "qemu-system-x86_64",
      image: { path: join(scratch.path, "a guest"), format: "multiboot", map: "qemu" },
      memory: 64 * 1024 * 1024,
      disks: [disk],
    });
    expect(told.arguments).toContain(`file=${disk},if=virtio,format=raw`);
    expect(told.arguments.slice(-2)).toEqual(["-name", "$(id)"]);
    // Nothing that only we can give it, and nothing was made.
    expect(told.arguments).not.toContain("-S");
    expect(stdout).not.toContain("fd=3");
    expect(existsSync(join(scratch.path, "a guest"))).toBe(false);
  });

  test("microvm: the guest is packed otherwise", () => {
    const told = JSON.parse(userboot([...words, "--vmm", "microvm", "--print-json"]).stdout);
    expect(told.image).toEqual({ path: "guest.elf", format: "pvh", map: "qemu" });
    expect(told.arguments).toContain("microvm");
  });

  test("a compressed disk is refused, as no machine reads one", () => {
    const { stderr, status } = userboot(["run", "-d", `${disk}.gz`, "--dry-run"]);
    expect(stderr).toMatch(/^userboot: .*unpacked disks only\n$/);
    expect(status).toBe(2);
  });

  test("a name can't act on who reads the line: JSON escapes it", () => {
    const odd = scratch.file("a\x1b[31m\u009b\u202eb.img", "x".repeat(512));
    const guest = ["run", "-d", odd, "-m", "64M", "--accel", "tcg"];
    const line = userboot([...guest, "--dry-run"]);
    expect(line).toMatchObject({ stdout: "", status: 2 });
    expect(line.stderr).toMatch(
      /^userboot: --dry-run: file=\S*a\?\[31m\?\?b\.img\S* has characters that can't be shown/,
    );
    const { stdout } = userboot([...guest, "--print-json"]);
    expect(stdout).not.toMatch(/[\x1b\u009b\u202e]/);
    expect(JSON.parse(stdout).disks).toEqual([odd]);
    const { stdout: configured } = userboot([...guest.slice(0, -2), "--vmm", "firecracker", "--print-config"]);
    expect(configured).not.toMatch(/[\x1b\u009b\u202e]/);
    expect(JSON.parse(configured).drives[0].path_on_host).toBe(odd);
  });

  test.each([
    ["nbd:127.0.0.1:1", "./nbd:127.0.0.1:1"],
    ["json:{,}", "./json:{,,}"],
    ["a/b:c", "a/b:c"],
    ["/a:b", "/a:b"],
  ])("a file is one, whatever its name is: %s", (name, file) => {
    for (const vmm of ["qemu", "microvm"]) {
      const guest = ["-d", name.replaceAll(",", ",,"), "--vmm", vmm, "--accel", "tcg"];
      const { stdout } = userboot(["run", ...guest, "--print-json"], { cwd: scratch.path });
      expect(JSON.parse(stdout).arguments.join(" ")).toContain(`file=${file},if=`);
    }
  });

  test("any word comes out of a shell as it went in", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.string().map((text) => text.replaceAll("\0", "")),
          { minLength: 1, maxLength: 5 },
        ),
        (list) => {
          expect(shellWords(list.map(quoted).join(" "))).toEqual(list);
        },
      ),
      { numRuns: 50 },
    );
  });
});
