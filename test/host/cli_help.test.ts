import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { userboot } from "../support/cli.js";
import { inRepository } from "../support/repository.js";

const run = (...args: string[]) => userboot(args, { encoding: "utf8" });

it("tells its version", () => {
  const { version } = JSON.parse(readFileSync(inRepository("package.json"), "utf8")) as { version: string };
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
