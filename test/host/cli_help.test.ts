import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const CLI = fileURLToPath(new URL("../../build/host/cli/userboot.js", import.meta.url));
const PACKAGE = new URL("../../package.json", import.meta.url);
const run = (...args: string[]) => spawnSync(process.execPath, [CLI, ...args], { encoding: "utf8" });

it("tells its version", () => {
  const { version } = JSON.parse(readFileSync(PACKAGE, "utf8")) as { version: string };
  expect(run("--version")).toMatchObject({ status: 0, stdout: `${version}\n`, stderr: "" });
});

it("helps with a command as the command itself does", () => {
  for (const command of ["boot", "run", "pack"]) {
    const { status, stdout } = run("help", command);
    expect(status).toBe(0);
    expect(stdout).toContain(`Usage: userboot ${command}`);
    expect(stdout).toBe(run(command, "--help").stdout);
  }
  expect(run("help").stdout).toBe(run("--help").stdout);
});

it("names a command that there isn't", () => {
  expect(run("help", "bout")).toMatchObject({ status: 2, stdout: "", stderr: "userboot: unknown command 'bout'\n" });
});
