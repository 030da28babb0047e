// The README's example and the programs in examples/ work as they stand.

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

test("examples/node.mjs: boots, and explains a missing image", () => {
  const { stdout, status } = node(["examples/node.mjs"]);
  expect(stdout).toMatch(/kernel entered at 0xffffffff80\w+\n0x200000 \/boot\/kernel\/kernel/);
  expect(status).toBe(0);
  expect(node(["examples/node.mjs", "/nonexistent.img"])).toMatchObject({
    status: 2,
    stderr: "/nonexistent.img: no such file\n",
  });
});

test("examples/print-calls.mjs: hands over memory, registers and descriptors", () => {
  const lines = node(["examples/print-calls.mjs"]).stdout.trim().split("\n");
  expect(lines[0]).toBe("create(memory 268435456)");
  expect(lines).toContain("write(0x3000, 32 bytes)");
  expect(lines).toContain("setRegister(rsp, 0x1fdc)");
  expect(lines).toContain("setDescriptor(gdtr, 0x3000, 31, 0)");
  expect(lines.at(-1)).toBe("run()");
});
