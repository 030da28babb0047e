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

describe("the heap of allocate", () => {
  /** Blocks that hold their number at both ends, so that one that lies in another shows. */
  const DEFINITIONS = [
    "create at 24 cells allot create size 24 cells allot",
    ": nth cells at + ; : nth# cells size + ;",
    ": mark { i -- } i i nth @ ! i i nth @ i nth# @ + 8 - ! ;",
    ": make { n i -- } n allocate throw i nth ! n i nth# ! i mark ;",
    ": drop-it { i -- } i nth @ free throw 0 i nth ! ;",
    ': change { n i -- } i nth @ n resize throw i nth ! i nth @ @ i <> if ." lost " then n i nth# ! i mark ;',
    ': look { i -- } i nth @ if i nth @ @ i <> i nth @ i nth# @ + 8 - @ i <> or if ." mixed " then then ;',
    ": look-all 12 0 do i look loop ;",
  ];

  it("gives blocks that don't overlap and keep what is in them, whatever is made, changed and freed", async () => {
    const step = fc.record({ i: fc.nat(11), n: fc.integer({ min: 2, max: 50_000 }), change: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), async (steps) => {
        const made = new Set<number>();
        const lines = steps.map(({ i, n, change }) => {
          if (!made.has(i)) {
            made.add(i);
            return `${n * 8} ${i} make look-all`;
          }
          if (change) return `${n * 8} ${i} change look-all`;
          made.delete(i);
          return `${i} drop-it look-all`;
        });
        const { text, result } = await typed([...DEFINITIONS, ...lines, ".( through )"]);
        expect(text).not.toMatch(/Error|mixed (?!")|lost (?!")|not found/);
        expect(text).toMatch(/through OK $/);
        expect(result.error?.name).toBe(NOTHING_LEFT);
      }),
      { numRuns: 20 },
    );
  });

  it("ends in an error of ALLOCATE when it's full, and what lies beside it can't be written", async () => {
    const { text } = await typed([
      "400 allocate drop 8 - 7 swap ! .( not reached )",
      "4000000 allocate . drop 4000000 allocate . drop 4000000 allocate . drop 5000000 allocate . drop",
      "600000 allocate . 600000 + 7 swap ! .( not reached )",
    ]);
    expect(text).toMatch(/\n0 1 1 1 OK/);
    expect(text).not.toContain("not reached OK");
    expect(text.match(/invalid address/g)).toHaveLength(2);
  });

  it("makes a small block of a size of -1, and changes one into that", async () => {
    const { text } = await typed([
      "create at 1 cells allot 40 allocate throw at ! 123 at @ !",
      ...[-1, -2, -15, -16].map((size) => `at @ ${size} resize . at ! at @ @ .`),
      "-17 allocate . drop at @ -17 resize . drop at @ @ .",
    ]);
    expect(text.match(/\n0 123 OK/g)).toHaveLength(4);
    expect(text).toMatch(/\n1 1 123 OK $/);
  });

  // Scripts of FreeBSD up to 8 see by its address that a list of file names is a new one.
  it("doesn't give out again at once what was freed, unless nothing else is left", async () => {
    const { text } = await typed([
      ": renewed ( old -- new flag ) dup free throw 40 allocate throw tuck <> ;",
      "48 allocate throw renewed . renewed . renewed . free . ",
      ": churn 0 do 3000000 allocate throw free throw loop ; 1000 churn .( kept up )",
      "2500000 allocate throw 2500000 allocate throw 2500000 allocate . drop free throw 2500000 allocate . drop",
    ]);
    expect(text).toMatch(/\n-1 -1 -1 0 OK/);
    expect(text).toMatch(/kept up OK/);
    expect(text).toMatch(/\n1 0 OK $/);
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
