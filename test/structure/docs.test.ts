// Every declaration that a file exports says what it means, right above it. Constants that stand together share the
// comment of their first line.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const EXPORTED =
  /^export (?:declare |abstract |async )*(?:function\*?|class|const|let|interface|enum|namespace|type) (?<name>[\w$]+)/;
/** A constant, or a type, that is one line and can therefore be part of a run. */
const IN_RUN = /^(?:export )?(?:const|let|type) .*;(?: \/\/ .*)?$/;
/** What may stand between a comment and what it is about. */
const DECORATOR = /^(?:@|\/\/ @ts-ignore|\/\/ biome-ignore)/;

/** Paths of the sources below `directory`. */
function sources(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts") && !path.endsWith(".d.ts"))
    .map((path) => join(directory, path));
}

/** The words of a text; a name's parts count as words. */
function words(text: string): string[] {
  return (
    text
      .replace(/([a-z])([A-Z])/g, "$1 $2")
      .toLowerCase()
      .match(/[a-z0-9]+/g) ?? []
  );
}

/** Text of the doc comment that is about line `at`; undefined when there is none. */
function commentFor(lines: readonly string[], at: number): string | undefined {
  let end = at - 1;
  while (DECORATOR.test(lines[end] ?? "")) end--;
  const above = lines[end] ?? "";
  if (above.endsWith("*/")) {
    let start = end;
    while (start > 0 && !lines[start]!.includes("/*")) start--;
    return lines[start]!.startsWith("/**") ? lines.slice(start, end + 1).join("\n") : undefined;
  }
  return IN_RUN.test(lines[at]!) && IN_RUN.test(above) ? commentFor(lines, end) : undefined;
}

/** Exported declarations of `source` without a comment, or with one that says no more than the name. */
function undocumented(source: string): string[] {
  const lines = source.split("\n");
  return lines.flatMap((line, at) => {
    const name = EXPORTED.exec(line)?.groups?.name;
    // What comes after an overload is another form of the same, or what all of them do.
    if (name === undefined || lines[at - 1]?.match(/^export function (\w+).*;$/)?.[1] === name) return [];
    const known = new Set([...words(name), "a", "an", "the", "of"]);
    const told = words(commentFor(lines, at) ?? "").some((word) => !known.has(word));
    return told ? [] : [`${at + 1}: ${name}`];
  });
}

describe("doc comments", () => {
  it.each([...sources("host"), ...sources("loader-wasm")])("%s", (path) => {
    expect(undocumented(readFileSync(path, "utf8"))).toEqual([]);
  });

  it.each([
    ["a function without one", "export function f(): void {}", ["1: f"]],
    ["one that is somewhere above", "/** Text. */\n\nexport class A {}", ["3: A"]],
    ["one of two functions", "/** Text. */\nexport function f(): void {}\nexport function g(): void {}", ["3: g"]],
    ["a comment that is none", "/* Text. */\nexport interface A {}", ["2: A"]],
    ["a line comment", "// Text.\nexport const A = 1;", ["2: A"]],
    ["one that repeats the name", "/** The some thing. */\nexport const someThing = 1;", ["2: someThing"]],
    ["a constant after a gap", "/** Text. */\nexport const A = 1;\n\nexport const B = 2;", ["4: B"]],
    ["a long constant in a run", "/** Text. */\nexport const A = 1;\nexport const B = [\n  1,\n];", ["3: B"]],
    ["a run", "/** Text. */\nexport const A = 1;\nconst B = 2;\nexport const C = 3;", []],
    ["a decorated function", "/** Text. */\n// @ts-ignore: decorator\n@inline\nexport function f(): void {}", []],
    ["several lines", "/**\n * Text.\n * @throws Error always\n */\nexport abstract class A {}", []],
    ["what isn't exported", "function f(): void {}\nexport { f };\nexport type { A } from './a.js';", []],
  ])("judges %s", (_, source, found) => {
    expect(undocumented(source)).toEqual(found);
  });
});
