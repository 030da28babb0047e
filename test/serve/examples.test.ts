// The files of examples/serve are what they seem, as far as that can be seen without the systems that they are for.

import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { SERVE_LIMITS } from "../../build/host/serve/limits.js";
import { userboot } from "../support/cli.js";
import { inRepository } from "../support/repository.js";

const DIRECTORY = "examples/serve";
const textOf = (path: string) => readFileSync(inRepository(path), "utf8");
const files = readdirSync(inRepository(DIRECTORY));
const help = userboot(["serve", "--help"]).stdout;
const known = new Set(help.match(/--[a-z-]+/g));
/** Options of other programs in these files. */
const OTHERS = /--(system|no-create-home|now|rm|from-file|no-install-recommends|global|force)\b/g;

describe.each(files)("%s", (name) => {
  const text = textOf(`${DIRECTORY}/${name}`);

  it("gives the service options that it has", () => {
    const options = text.replace(OTHERS, "").match(/(?<![\w-])--[a-z][a-z-]+/g) ?? [];
    expect(options.filter((option) => !known.has(option))).toEqual([]);
  });

  it("has lines of a length that can be read", () => {
    expect(text.split("\n").filter((line) => line.length > 140)).toEqual([]);
  });
});

it("the script for rc.d is one that a shell reads", () => {
  expect(spawnSync("sh", ["-n", inRepository(`${DIRECTORY}/userboot.rc`)]).status).toBe(0);
});

it("the page has all options, limits and their values, and files", () => {
  const page = textOf("docs/serve.md");
  for (const option of known) if (option !== "--help") expect(page).toContain(option);
  for (const name of files) expect(page).toContain(`(../examples/serve/${name})`);
  const MIB = 1024 * 1024;
  const shown = (name: string, value: number) => {
    if (!name.endsWith("Bytes")) return String(value);
    return value < 1024 * MIB ? `${value / MIB}M` : `${value / MIB / 1024}G`;
  };
  for (const [name, value] of Object.entries(SERVE_LIMITS))
    expect(page.replaceAll(/[`,;]/g, "")).toMatch(new RegExp(`\\b${name} ${shown(name, value)}\\b`));
});
