// What FICL does at the edges of its words: nothing on the stack, items that aren't there, definitions and scripts that
// aren't finished. Scripts don't mean it, but go on from there.

import { describe, expect, it } from "vitest";
import { typed } from "./guest.js";

/** What each line printed, its echo and the prompt left out. */
async function printed(lines: readonly string[], files: Readonly<Record<string, string>> = {}): Promise<string[]> {
  const tree = Object.fromEntries(Object.entries(files).map(([path, text]) => [path, Buffer.from(text)]));
  const { text } = await typed(lines, { hostTrees: [tree] });
  let at = text.indexOf("OK ") + 3;
  return lines.map((line) => {
    at = text.indexOf(line, at) + line.length + 1;
    const end = text.indexOf("OK ", at);
    const output = text.slice(at, end);
    at = end + 3;
    return output;
  });
}

describe("Forth at its edges", () => {
  it.each([
    ["chars", ""],
    ["roll", "Error: stack underflow\n"],
    ["0 roll", "Error: stack underflow\n"],
    ["1 2 3 2 roll .s", "2 3 1 "],
    ["1 2 3 4294967298 roll .s", "2 3 1 "],
    ["1 2 3 -7 roll .s", "1 2 3 "],
    ["1 2 3 4294967298 -roll .s", "3 1 2 "],
    ["1 2 3 3 -roll", "Error: stack underflow\n"],
    ["10 20 4294967297 pick .s", "10 20 10 "],
    ["10 20 9223372036854775807 pick .s", "10 20 9223372036854775807 "],
    ["10 20 30 40 2drop -2 pick .s", "10 20 40 "],
    ["10 20 2 pick", "Error: stack underflow\n"],
    ["10 20 -2147483648 pick", "Error: stack underflow\n"],
    ["65 emit 0 emit 66 emit", "AB"],
    ["hash", "Error: invalid address\n"],
    ["37 base ! 100 .", "1369 "],
    [": r repeat ;", 'Error -- unmatched control structure "target"\n'],
    [": r 1 recurse ; r", "Error: stack overflow\n"],
    ["see if", "if is a primitive\nimmediate\ncompile-only\n"],
    ["see boot", "boot is a primitive\nimmediate\n"],
    ["see dup", "dup is a primitive\n"],
  ])("%s", async (line, output) => {
    expect(await printed([line])).toEqual([output]);
  });

  it("leaves what is printed in PAD, until something is thrown", async () => {
    const shown = await printed([
      "12345 . pad 6 type",
      "255 x. pad 3 type",
      "65 emit pad 1 type",
      "77 u. pad 3 type",
      "1 2 .s pad 2 type",
      ".( shown) pad 5 type",
      "space pad 1 type",
      "123 0 <# #s #> type pad count type",
      "char | word text|2drop pad count type",
      "99 . nonsense",
      "pad 3 type",
    ]);
    expect(shown).toEqual([
      "12345 12345 ",
      "FF FF ",
      "AA",
      "77 77 ",
      "1 2 2",
      "shownshown",
      "  ",
      "123123",
      "text",
      "99 nonsense not found\n",
      "",
    ]);
  });

  it("gives a variable the cell that a failed definition left behind", async () => {
    // A name that is a cell longer: the variable's cell is where the number was.
    const lines = [": f 1234567 nonsense", "variable abcdefghijklmno", "abcdefghijklmno @ ."];
    expect((await printed(lines))[2]).toBe("1234567 ");
  });

  it("shows no word before it is finished", async () => {
    const enter = new Array<string>(8).fill("");
    const { text } = await typed([": unfinished [ words ] ;", ...enter, "words", ...enter]);
    const [, compiling, finished] = text.split("Dictionary: ").map((_, i, parts) => parts.slice(0, i).join(""));
    expect(compiling!.match(/unfinished/g)).toHaveLength(1);
    expect(finished!.match(/unfinished/g)).toHaveLength(2);
  });

  it("ends what included a script with an open [if], and the stack is empty", async () => {
    const files = { "boot/open.4th": ".( begun )\n0 [if]\n.( skipped )\n" };
    const lines = ["1 2 include /boot/open.4th", ".s", ".( goes on )"];
    expect(await printed(lines, files)).toEqual(["begun Aborted!\n", "(Stack Empty) ", "goes on "]);
  });

  it("cuts names' values at a NUL before the kernel could see what follows", async () => {
    const lines = ["create v char a c, 0 c, char b c,", 'v 3 s" cut" setenv', "show cut", 's" cut" getenv . drop'];
    expect((await printed(lines)).slice(2)).toEqual(["a\n", "1 "]);
  });

  it("lets a command run whose number of arguments isn't on the stack", async () => {
    const { result } = await typed([": leave-it quit ; ' leave-it catch ."]);
    expect(result).toMatchObject({ reason: "exit", exitCode: 1 });
  });
});
