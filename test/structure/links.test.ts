// Links in the pages of this repository lead somewhere: to a file or folder, and to a heading that is there.

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { headingsOf, linksOf } from "../support/links.js";
import { inRepository } from "../support/repository.js";

const read = (path: string) => readFileSync(inRepository(path), "utf8");
const listed = execFileSync("git", ["ls-files", "-z", "*.md"], { cwd: inRepository(""), encoding: "utf8" });
const pages = listed.split("\0").filter((path) => path !== "" && existsSync(inRepository(path)));

describe("links", () => {
  it.each(pages)("%s", (path) => {
    const broken = linksOf(path, read(path)).filter(({ file, heading }) => {
      if (!existsSync(inRepository(file))) return true;
      return heading !== undefined && file.endsWith(".md") && !headingsOf(read(file)).has(heading);
    });
    expect(broken.map(({ text }) => text)).toEqual([]);
  });

  it("are known by what Markdown takes for one", () => {
    const page = "[a](b.md#c-d) `[x](y)` [e](https://f) ![g](../h.svg)\n```\n[i](j)\n```\n[`k`](#l)";
    expect(linksOf("docs/page.md", page)).toEqual([
      { text: "b.md#c-d", file: "docs/b.md", heading: "c-d" },
      { text: "../h.svg", file: "h.svg", heading: undefined },
      { text: "#l", file: "docs/page.md", heading: "l" },
    ]);
    expect([...headingsOf("# A `b`: c\n## d_e\n### d_e\n")]).toEqual(["a-b-c", "d_e", "d_e-1"]);
  });
});
