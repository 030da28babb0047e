import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NOTHING_LEFT, typed } from "./guest.js";

describe("the Forth interpreter", () => {
  it("computes, compiles and loops", async () => {
    const { text } = await typed([": sum 0 swap 1+ 0 do i + loop ; 100 sum .", "hex ff decimal ."]);
    expect(text).toContain("5050 ");
    expect(text).toContain("255 ");
  });

  it("catches what is thrown, with the stack as it was", async () => {
    const { text } = await typed([": t drop drop 7 throw ; 1 2 ' t catch . . ."]);
    expect(text).toContain("7 2 1 ");
  });

  it("calls the loader's commands typed and compiled", async () => {
    const { text } = await typed(["set a=typed", 's" show a" evaluate', ': t s" a=compiled" 1 set ; t show a']);
    expect(text).toContain("\ntyped\n");
    expect(text).toContain("\ncompiled\n");
  });

  it("waits for the rest of a conditional on the next lines", async () => {
    const { text } = await typed(["0 [if]", ".( one )", "[else] .( two )", "[then] .( end )"]);
    expect(text).not.toContain("\none ");
    expect(text).toContain("two ");
    expect(text).toContain("end ");
  });
});

describe("exhaustion in Forth", () => {
  it.each([
    [": r recurse ; r", /return stack overflow/],
    [": p begin 1 again ; p", /stack overflow/],
    ["100000 cells allot", /dictionary full/],
    [': n s" n" evaluate ; n', /nested too deeply/],
    ["1 0 /", /division by zero/],
    ["12345678901234 @ .", /invalid address/],
    ["5 1000 !", /invalid address/],
    ["1000 execute", /not an execution token/],
  ])("%s ends in an error of its own, and the session goes on", async (line, message) => {
    const { result, text } = await typed([line, "3 4 + ."]);
    expect(text).toMatch(message);
    expect(text).toMatch(/7 OK $/);
    expect(result.error?.name).toBe(NOTHING_LEFT);
  });

  it("finds a dictionary that was filled up full ever after, and answers", async () => {
    const { result, text } = await typed([": c begin 1 , again ; c", "3 4 + .", ".( still here)"]);
    expect(text.match(/Error: dictionary full/g)).toHaveLength(3);
    expect(result.error?.name).toBe(NOTHING_LEFT);
  });

  it("ends an endless loop by the session's fuel", async () => {
    const { result } = await typed([": e begin again ; e"], { limits: { fuel: 2_000_000 } });
    expect(result.error).toMatchObject({ name: "LimitError", limit: "fuel" });
  });
});

describe("code and headers that scripts change", () => {
  it.each([
    [": go >r ; 0 go", /execution left the dictionary/],
    [": go >r ; -1 go", /execution left the dictionary/],
    [": go >r ; 12345678901234 go", /execution left the dictionary/],
    [": go >r ; here 8 + go", /not an execution token/],
    // The last cells that scripts have: nothing to run, and a literal without its value.
    ["user u : go >r ; u 15 cells + go", /not an execution token/],
    ["user u : l 7 ; : go >r ; ' l 32 + @ u 15 cells + ! u 15 cells + go", /not an execution token/],
    [": w ; : go w ; 63 ' w 24 + ! go", /not an execution token/],
    [": w ; : go w ; -1 ' w 24 + ! go", /not an execution token/],
    [": w ; : go w ; ' w 4 + ' go 32 + ! go", /not an execution token/],
    [": w ; : go w ; ' w 1 32 lshift + ' go 32 + ! go", /not an execution token/],
    [": go begin again ; -1000000000 ' go 40 + ! go", /execution left the dictionary/],
    [": go 0 if then ; 1 61 lshift ' go 56 + ! go", /not an execution token/],
    [": go r> drop r> drop r> drop r> drop ; go", /return stack underflow|left the dictionary/],
    [": go unloop unloop i j k leave ; go", /return stack underflow/],
    [": mark create does> drop ; mark w -1 ' w 32 + ! w", /execution left the dictionary/],
  ])("%s", async (line, message) => {
    const { result, text } = await typed([line, "3 4 + ."]);
    expect(text).toMatch(message);
    expect(text).toMatch(/7 OK $/);
    expect(result.error?.name).toBe(NOTHING_LEFT);
  });
});

describe("any text", () => {
  const WORDS =
    "dup drop swap ! @ c! c@ + - * / mod : ; if else then begin until while repeat do loop +loop i j leave >r r> " +
    "r@ exit recurse create does> variable constant allot here , execute ' ['] catch throw evaluate s\" \" find " +
    "literal postpone immediate [ ] move fill type . .s 0 1 -1 8 100000 9999999999 case of endof endcase " +
    "{ a -- } locals| x | to marker m forget also previous only definitions words parse word count allocate free " +
    // Words that take what they need without a look, and the system's inner ones.
    "2literal sliteral um/mod dnegate pick roll -roll resize strlen hash sprintf search-wordlist set-order >search " +
    "wid-set-name wid-get-name wid-set-super set-current see-xt debug-xt step-break on-step debug o g x q ?object " +
    "lookup ?prefix ?number (parse-step) add-parse-step parse-order __tempbase 0x 0d (local) (2local) {{ }} 2: b " +
    "(link) (unlink) (@local0) (toLocal1) (to2Local) (@2local) end-locals doLocal exit-inner (do) (?do) (loop) " +
    '(branch) (branch0) (of) (;) (literal) (2literal) (.") (c") (does>) ;) >in base state dictthreshold dictincrease ' +
    "accept expect refill source user nUser [if] [else] [then] environment? env-constant env-2constant .env see " +
    "ficl-wordlist vocabulary v wordlist hide hidden builtins uuid-from-string compare sfind >name body> >body " +
    'last-word latest compile-only abort" abort quit 2>r 2r> fallthrough again unloop k setenv getenv fopen fread ' +
    "fkey fload echo set show builtin: load include % $ copyin copyout";

  const token = fc.oneof(fc.constantFrom(...WORDS.split(" ")), fc.string({ maxLength: 6 }));
  const tokens = fc.array(token, { maxLength: 12 }).map((words) => words.join(" ").replace(/[^ -~]/g, ""));
  /** As they are, or compiled, with something on the stack when they run. */
  const line = fc.oneof(
    tokens,
    tokens.map((text) => `: m ${text} ; here 40 allot 5 1 m`),
    fc.tuple(tokens, tokens).map(([a, b]) => `: n ${a} ; : m ${b} n ; ' n dup here 7 0 -1 ' m catch`),
  );

  it("ends with the prompt or a named error", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 6 }), async (lines) => {
        const { result } = await typed(lines, { limits: { fuel: 3_000_000, consoleBytes: 2_000_000 } });
        expect(result.error?.name ?? result.reason).not.toBe("InternalError");
      }),
      { numRuns: 250 },
    );
  });
});
