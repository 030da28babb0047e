// The examples of README.md, docs/hosting.md and docs/pool.md work as they stand.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { inRepository } from "../support/repository.js";

function node(args: string[], input = "") {
  return spawnSync(process.execPath, args, { cwd: inRepository(""), encoding: "utf8", input, timeout: 60_000 });
}

test("README.md: the example boots the guest", () => {
  const [, code] = /```js\n(.*?)```/s.exec(readFileSync(inRepository("README.md"), "utf8")) ?? [];
  const { stdout, stderr, status } = node(["--input-type=module"], `${code}\nconsole.log(image.length > 0)`);
  expect(stderr).toBe("");
  expect(status).toBe(0);
  expect(stdout).toMatch(
    /^exec amd64 0xffffffff80\w+\n\/boot\/kernel\/kernel 0x200000 \d+\n\/boot\/kernel\/ubdemo.ko .*\n\/boot\/notes.txt .*\ntrue\n$/,
  );
});

test("docs/hosting.md: the example gives a file, or says why there is none", () => {
  const [, code] = /```js\n(.*?)```/s.exec(readFileSync(inRepository("docs/hosting.md"), "utf8")) ?? [];
  const boots = ["images/amd64-ufs2-gpt.img.gz", "package.json", "nowhere.img"].map(
    (image) => `console.log((await bootCustomer("${image}", console.log))?.subarray(1, 4).toString());`,
  );
  const { stdout, stderr, status } = node(["--input-type=module"], [code, ...boots].join("\n"));
  expect(stderr).toBe("");
  expect(status).toBe(0);
  expect(stdout).toMatch(
    /^69,76,70\n(.*\n)*disk0: .*no partition table\n(.*\n)*undefined\nnowhere\.img: no such file\nundefined\n$/,
  );
});

test("docs/pool.md: the example boots for tenants, and its process ends", () => {
  const [, code] = /```js\n(.*?)```/s.exec(readFileSync(inRepository("docs/pool.md"), "utf8")) ?? [];
  const boots = 'Promise.all(["a", "b", "a"].map((tenant) => bootFor(tenant, "images/amd64-ufs2-gpt.img.gz")))';
  const late = 'await bootFor("a", "images/amd64-ufs2-gpt.img.gz")';
  const program = `${code}\nfor (const { reason } of await ${boots}) console.log(reason);\nawait end();\nconsole.log(${late});`;
  const { stdout, stderr, status } = node(["--input-type=module"], program);
  expect(stderr).toBe("");
  expect(status).toBe(0);
  expect(stdout).toBe("exec\nexec\nexec\nundefined\n");
});
