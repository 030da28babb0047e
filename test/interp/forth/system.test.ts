// Words on the system itself: the debugger, parse steps and prefixes, the dictionary's growth, what CATCH brings back,
// and the limits that a script can run into with them.

import { describe, expect, it } from "vitest";
import { NOTHING_LEFT, typed } from "./guest.js";

/** The answers to typed lines, echo and prompt left out. */
const answers = async (lines: string[]) => {
  const { text, result } = await typed(["set prompt=\x01", ...lines]);
  expect(result.error?.name).toBe(NOTHING_LEFT);
  return text
    .split("\x01 ")
    .slice(1)
    .map((part) => part.slice(part.indexOf("\n") + 1))
    .slice(0, lines.length);
};

describe("the debugger", () => {
  it("steps over words and into them, and shows the stack before each", async () => {
    const out = await answers([": double dup + ; : both double 1+ ;", "3 debug both", "o", "o", "g"]);
    expect(out[1]).toContain("S: 3 \nnext: double\ndbg> ");
    expect(out[2]).toContain("S: 6 \nnext: 1+\ndbg> ");
    expect(out[3]).toContain("S: 7 \nnext: (;)\ndbg> ");
    const into = await answers([": double dup + ; : both double 1+ ;", "3 debug both", "i", "i", "i", "i", "g", ".s"]);
    expect(into[2]).toContain("next: dup");
    expect(into[4]).toContain("S: 6 \nnext: (;)");
    expect(into[5]).toContain("next: 1+");
    expect(into[7]).toContain("7 ");
  });

  it("goes through loops and what EXECUTE runs", async () => {
    const steps = (word: string, count: number) => answers([word, "debug t", ...Array<string>(count).fill("i"), "g"]);
    const loop = await steps(": t 2 0 do i drop loop ;", 12);
    expect(loop.join("").match(/next: i\n/g)).toHaveLength(2);
    const run = await steps(": u 5 ; : t ['] u execute drop ;", 4);
    expect(run.join("")).toMatch(/next: execute\n/);
    expect(run.join("")).toMatch(/next: \(;\)\n/);
  });

  it("is left where CATCH catches that it waits for a command", async () => {
    const out = await answers([": u 5 throw ; : t ['] u catch ;", "debug t", "i", "i", ". 1 2 + ."]);
    expect(out[3]).toMatch(/next: \(literal\)\ndbg> $/);
    expect(out[4]).toBe("-258 3 ");
  });

  it("executes words of the line, shows the code with its place, and gives up", async () => {
    const out = await answers([": t 1 2 + drop ;", "debug t", "o", "x 7 . .s", "l", "q", "1 ."]);
    expect(out[3]).toContain("7 1 ");
    expect(out[4]).toMatch(/\n> {2}2 {3}literal 2/);
    expect(out[5]).toContain("Aborted!");
    expect(out[6]).toContain("1 ");
  });

  it("doesn't stop in what comes after a word that threw", async () => {
    const out = await answers([": t 1 throw ;", "debug t", "i", "i", "1 2 + . : u 5 ; u ."]);
    expect(out[4]).toBe("3 5 ");
  });
});

describe("parse steps", () => {
  it("are asked for what is no word", async () => {
    const out = await answers([
      ': hash? over c@ [char] # = if 1 /string ." tag " type true else 2drop false then ;',
      ": /string >r swap r@ + swap r> - ;",
      ': hash? over c@ [char] # = if 1 /string ." tag " type true else 2drop false then ;',
      "' hash? add-parse-step",
      "#one 5 . #two",
      "neither",
    ]);
    expect(out[0]).toContain("/string not found");
    expect(out[4]).toBe("tag one5 tag two");
    expect(out[5]).toContain("neither not found");
  });

  it("are eight at the most", async () => {
    const out = await answers([
      ": no 2drop 0 ;",
      ...Array<string>(9).fill("' no add-parse-step"),
      "parse-order",
      "5 .",
    ]);
    expect(out[10]?.match(/no\n/g)).toHaveLength(6);
    expect(out[11]).toBe("5 ");
  });

  it("know prefixes that scripts add", async () => {
    const out = await answers([
      "<prefixes> set-current : b% 2 __tempbase ; forth-wordlist set-current",
      "b%101 . 5 .",
      "b%2",
    ]);
    expect(out[1]).toBe("5 5 ");
    expect(out[2]).toContain("2 not recognized");
  });
});

describe("the dictionary", () => {
  const GROW = "256 dictthreshold ! 2048 dictincrease !";

  it("goes on in another block when scripts ask for it", async () => {
    const out = await answers([
      GROW,
      ": first 11 ; : fill 11500 0 do i , loop ; fill",
      "heap? .",
      ": second first 1+ ; second . heap? 1500 > .",
      "create data 7 , data @ .  forget second  first .",
    ]);
    expect(Number(out[2])).toBeLessThan(256);
    expect(out[3]).toBe("12 -1 ");
    expect(out[4]).toBe("7 11 ");
  });

  it("can't go on for ever", async () => {
    const more = Array<string>(80).fill("create x 1200 cells allot");
    const { text, result } = await typed([GROW, ...more, "3 4 + ."]);
    expect(text).toMatch(/dictionary full/);
    expect(text).toMatch(/7 OK $/);
    expect(result.error?.name).toBe(NOTHING_LEFT);
  });

  it.each(["-1 dictincrease ! -1 dictthreshold ! : x ;", "1 62 lshift dictincrease ! -1 dictthreshold ! create x"])(
    "%s",
    async (line) => {
      expect((await answers([line]))[0]).toContain("Error: dictionary full");
    },
  );

  it("finds long names by their beginning and length", async () => {
    const long = "a".repeat(40);
    const out = await answers([`: ${long} 1 ;`, `${long.slice(0, 35)}bbbbb .`, `${long}a`]);
    expect(out[1]).toBe("1 ");
    expect(out[2]).toContain("not found");
  });

  it("lists words in pages", async () => {
    const { text } = await typed(["words", "", "", "5 ."]);
    expect(text).toContain("--- Press Enter to continue ---");
    expect(text).toMatch(/Dictionary: 360 words, 3285 cells used of 15000 total/);
    expect(text).toMatch(/5 OK $/);
  });

  it("brings back search order and definitions with a marker", async () => {
    const out = await answers([
      "vocabulary v also v definitions marker m : w 1 ; only forth definitions",
      "also v w . m w",
      "get-current forth-wordlist = .",
    ]);
    expect(out[1]).toContain("1 w not found");
    expect(out[2]).toBe("-1 ");
  });
});

describe("catch", () => {
  it("brings back base, state, the place in the line and user variables", async () => {
    const out = await answers([
      "user u 3 u !",
      ": t hex 9 u ! 5 throw ; ' t catch . 10 . u @ .",
      ": skip 0 parse 2drop 5 throw ; ' skip catch . .( after)",
    ]);
    expect(out[1]).toBe("5 10 3 ");
    expect(out[2]).toBe("5 after");
  });

  it("takes EXIT-INNER for a good end, and a wish for text for what was thrown", async () => {
    const out = await answers([": t 1 exit-inner 2 ; ' t catch . .", ": w refill ; ' w catch .", "6 ."]);
    expect(out[0]).toBe("0 1 ");
    expect(out[1]).toBe("-258 ");
    expect(out[2]).toBe("6 ");
  });
});

describe("words that don't look what they take", () => {
  it.each([
    "throw",
    "2literal",
    "free",
    "hash",
    "?object",
    "to bl",
    "um/mod",
    "sprintf",
    "set-order",
    "lookup",
    ": t ; see-xt",
  ])("%s leaves an error at the latest for the next word", async (line) => {
    const { text, result } = await typed([line, "1", "empty", "3 4 + ."]);
    expect(text).toMatch(/7 OK $/);
    expect(result.error?.name).toBe(NOTHING_LEFT);
  });

  it.each([
    ": t begin throw again ; t",
    ": t begin 2literal again ; t",
    ": t begin ?object drop again ; t",
    ": t (toLocal) ; t",
  ])("%s doesn't take beyond what there is room for", async (line) => {
    const { text, result } = await typed([line, "empty", "3 4 + ."], { limits: { fuel: 20_000_000 } });
    expect(text).toMatch(/7 OK $/);
    expect(result.error?.name).toBe(NOTHING_LEFT);
  });

  it.each([
    ": t { a b } a ; -1 ' t 32 + cell+ ! 1 2 t",
    ": t { a b } a ; 1 61 lshift ' t 32 + cell+ ! 1 2 t",
    ": t -1 >r (unlink) r> ; t",
    ": t (link) [ 120 , ] (unlink) recurse ; t",
    "0 1 - 99 wordlist wid-set-name order",
    "' order wordlist swap wid-set-name order",
  ])("%s", async (line) => {
    const { text, result } = await typed([line, "empty", "3 4 + ."], { limits: { fuel: 20_000_000 } });
    expect(text).toMatch(/7 OK $/);
    expect(result.error?.name).toBe(NOTHING_LEFT);
  });
});
