// What docs/inspect.md shows: its example works as it stands, and its screen is what the command prints.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { userboot } from "../support/cli.js";
import { inRepository } from "../support/repository.js";

const page = readFileSync(inRepository("docs/inspect.md"), "utf8");

it("docs/inspect.md: the screen is what is shown", () => {
  const [, screen = ""] = /\n\n((?: {4}(?!userboot).*\n)+)/.exec(page) ?? [];
  const { status, stdout } = userboot(["inspect", "-d", inRepository("images/amd64-menu.img.gz")]);
  expect([status, stdout]).toEqual([0, screen.replace(/^ {4}/gm, "")]);
});

it("docs/inspect.md: the example looks into the guest", () => {
  const [, code] = /```js\n(.*?)```/s.exec(page) ?? [];
  const disk = `
    import { readFileSync } from "node:fs";
    import { gunzipSync } from "node:zlib";
    const disk = gunzipSync(readFileSync("images/amd64-ufs2-gpt.img.gz"));
  `;
  const { status, stderr, stdout } = spawnSync(process.execPath, ["--input-type=module"], {
    cwd: inRepository(""),
    encoding: "utf8",
    input: disk + code,
    timeout: 60_000,
  });
  expect([status, stderr]).toEqual([0, ""]);
  expect(stdout).toContain("disk0 GPT []\n");
  expect(stdout).toContain("disk0p2: ufs true\n");
  expect(stdout).toContain("boots /boot/kernel/kernel by simp, root ufs:/dev/vtbd0p2\n");
  expect(stdout).toContain("directory kernel\n");
  expect(stdout).toMatch(/^[0-9a-f]{64} \/boot\/loader\.rc$/m);
});
