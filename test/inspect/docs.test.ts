// The example in docs/inspect.md works as it stands.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { inRepository } from "../support/repository.js";

it("docs/inspect.md: the example looks into the guest", () => {
  const [, code] = /```js\n(.*?)```/s.exec(readFileSync(inRepository("docs/inspect.md"), "utf8")) ?? [];
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
