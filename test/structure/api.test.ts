// What callers lean on changes on purpose only: the reports of what is exported (api/) are what the sources say, everything in
// them is documented, and they name whatever they use.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeReports } from "../../scripts/api.mjs";
import { inRepository } from "../support/repository.js";
import { Scratch } from "../support/scratch.js";

/** Members of a report, by the class or interface they are in: whether each is documented. */
type Members = Map<string, { bases: string[]; documented: Map<string, boolean> }>;

const HEAD = /^(?:export )?(?:declare )?(?:abstract )?(?:class|interface) (?<name>\w+)(?<rest>.*) \{$/;
const MEMBER = /^ {4}(?:readonly |get |set |protected |static )*(?<name>[\w[\].]+)/;

/** What is said of the members in `report`; exports that are no class or interface are their own only member. */
function membersOf(report: string): Members {
  const found: Members = new Map();
  let current: string | undefined;
  let undocumented = false;
  // The extractor tells ours from the platform's things of that name by a number.
  for (const line of report.replace(/\b([A-Z]\w*)_\d+\b/g, "$1").split("\n")) {
    const { name, rest = "" } = HEAD.exec(line)?.groups ?? {};
    const exported = name ?? /^export (?:declare |async )*(?:const|function|type) (\w+)/.exec(line)?.[1];
    if (exported !== undefined) {
      const bases = [...rest.matchAll(/\b[A-Z]\w*/g)].map(([base]) => base);
      found.set(exported, { bases, documented: new Map([["", !undocumented]]) });
      current = exported;
    } else if (line.includes("(undocumented)")) {
      undocumented = true;
      continue;
    } else if (current !== undefined && !line.trim().startsWith("//")) {
      const member = MEMBER.exec(line)?.groups?.name;
      if (member !== undefined) found.get(current)?.documented.set(member, !undocumented);
    }
    if (!line.trim().startsWith("//")) undocumented = false;
  }
  return found;
}

/** What no comment tells of, neither its own nor that of what it implements. */
function untold(members: Members): string[] {
  const told = (name: string, member: string): boolean => {
    const { bases = [], documented } = members.get(name) ?? {};
    return documented?.get(member) === true || (member !== "" && bases.some((base) => told(base, member)));
  };
  return [...members].flatMap(([name, { documented }]) =>
    [...documented.keys()].filter((member) => !told(name, member)).map((member) => `${name}.${member}`),
  );
}

describe("the reports of what is exported", () => {
  const scratch = new Scratch();
  let complaints: string[];
  beforeAll(() => {
    complaints = writeReports(scratch.path);
  }, 120_000);
  afterAll(() => scratch[Symbol.dispose]());
  const committed = (name: string) => readFileSync(inRepository(join("api", name)), "utf8");

  it("are there, one for each entry point", () => {
    expect(readdirSync(inRepository("api")).sort()).toEqual(readdirSync(scratch.path).sort());
  });

  it.each(readdirSync(inRepository("api")))("%s is what the sources say (`npm run api` writes it)", (name) => {
    expect(readFileSync(join(scratch.path, name), "utf8")).toBe(committed(name));
  });

  it("name what they use, in comments that tools can read", () => {
    expect(complaints).toEqual([]);
  });

  it.each(readdirSync(inRepository("api")))("%s: everything is documented", (name) => {
    const members = membersOf(committed(name));
    expect(members.size).toBeGreaterThan(0);
    expect(untold(members)).toEqual([]);
  });

  it("hold for pages, too, which have little of their own", () => {
    const source = readFileSync(inRepository("host/browser.ts"), "utf8");
    expect(source.match(/^export .*$/gm)).toEqual([
      'export * from "./api.js";',
      'export { fileDisk } from "./disks/file_disk.js";',
    ]);
  });
});

describe("a report is judged", () => {
  const report = `
// @public (undocumented)
export type Bare = string;

// @public
export interface Shape {
    area(): number;
    // (undocumented)
    sides: number;
}

// @public
export class Square implements Shape {
    // (undocumented)
    area(): number;
    // (undocumented)
    readonly length: number;
    // Warning: of another kind
    get width(): number;
}
`;
  it("by its own comments, and those of what it implements", () => {
    expect(untold(membersOf(report))).toEqual(["Bare.", "Shape.sides", "Square.length"]);
  });
});
