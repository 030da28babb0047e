import fc from "fast-check";
import type { BootOptions } from "userboot-wasm";
import { beforeAll, describe, expect, it } from "vitest";
import { typeLines } from "../../support/prompt.js";

/** Types lines at the prompt of a guest without disks; what was printed, and how it ended. */
const typed = (lines: string[], limits: BootOptions["limits"] = {}) => typeLines(lines, { start: "lua", limits });

/** Prints what an expression gives, or its error, after a mark. */
const EVALUATE = 'function e(s) print("=",pcall(load("return "..s,"=x"))) end';
const evaluation = (expression: string) => `e[====[${expression}]====]`;

/** Expressions, and their values as `print` shows them; errors begin with an exclamation mark. */
const CASES: Record<string, [expression: string, values: string][]> = {
  "positions count from both ends": [
    ['("hello"):sub(-3,-2)', "ll"],
    ['("hello"):sub(-9223372036854775807-1,9223372036854775807)', "hello"],
    ['("hello"):byte(-2,99)', "108\t111"],
    ['("hello"):find("l",-2)', "4\t4"],
    ['("hello"):find("",7)', "nil"],
    ['("a.b"):find(".",2,true)', "2\t2"],
    ['("aXXa"):find("a",2,true)', "4\t4"],
  ],
  "copies and cases": [
    ['("ab"):rep(3,",")', "ab,ab,ab"],
    ['#("abc"):rep(100000,"--")', "499998"],
    ['("abc"):rep(1000,"--"):sub(-8)', "abc--abc"],
    ['("x"):rep(1<<62)', "!resulting string too large"],
    ['("x"):rep(0x7fffffff)', "!not enough memory"],
    ['(""):rep(1<<62)', ""],
    ['("aZ9\\233"):upper():lower():byte(1,-1)', "97\t122\t57\t233"],
    ['("a\\0b"):reverse():byte(1,-1)', "98\t0\t97"],
    ["string.char(72,105)", "Hi"],
    ["string.char(1,256)", "!bad argument #2 to 'char' (value out of range)"],
    ["#{('x'):rep(70000):byte(1,-1)}", "70000"],
    ["('x'):rep(2000000):byte(1,-1)", "!stack overflow (string slice too long)"],
  ],
  "sets and classes": [
    ['("a]b"):find("[]]")', "2\t2"],
    ['("a-]b"):match("[]-]+")', "-]"],
    ['("a^b"):match("[b^]+")', "^b"],
    ['("x-y"):match("[a%-y]+",2)', "-y"],
    ['("AbC1"):gsub("%u","<%0>")', "<A>b<C>1\t2"],
    ['("a\\0b"):find("%z")', "2\t2"],
    ['("a.b!"):gsub("%P","")', ".!\t2"],
    ['("\\233"):find("%a")', "nil"],
    ['("a"):find("[a")', "!malformed pattern (missing ']')"],
    ['("a"):find("[a%")', "!malformed pattern (missing ']')"],
    ['("a"):find("[^")', "!malformed pattern (missing ']')"],
    ['("b"):find("a[")', "nil"],
    ['("a"):find("a%")', "!malformed pattern (ends with '%')"],
  ],
  "repetition takes most, fewest, or one": [
    ['("<a><b>"):match("<.*>")', "<a><b>"],
    ['("<a><b>"):match("<.->")', "<a>"],
    ['("aaab"):match("a?a?a?a?b")', "aaab"],
    ['("*a"):match("*a")', "*a"],
    ['("a$"):match("a$$")', "a$"],
    ['("a^b"):match("a^b")', "a^b"],
    ['("baab"):match("^a+")', "nil"],
  ],
  captures: [
    ['("hello"):match("()ll()")', "3\t5"],
    ['("abab"):match("(ab)%1")', "ab"],
    ['("abcabc"):find("(.-)%1$")', "1\t6\tabc"],
    ['("x"):match("()%1")', "nil"],
    ['("x"):match("%1")', "!invalid capture index %1"],
    ['("x"):match("(x%1)")', "!invalid capture index %1"],
    ['("x"):match("x)")', "!invalid pattern capture"],
    ['("x"):match("(x")', "!unfinished capture"],
    ['("x"):gsub("(x","y")', "y\t1"],
    ['select("#",("a"):rep(32):match(("(a)"):rep(32)))', "32"],
    ['("a"):rep(33):match(("(a)"):rep(33))', "!too many captures"],
  ],
  "balance and frontiers": [
    ['("f(a(b)c)d)"):match("%b()")', "(a(b)c)"],
    ['("((a)"):match("%b()")', "(a)"],
    ['("x"):match("%b(")', "!malformed pattern (missing arguments to '%b')"],
    ['("THE END"):gsub("%f[%a]%a+",string.lower)', "the end\t2"],
    ['("a"):find("%f[%z]")', "2\t1"],
    ['("a"):find("%fa")', "!missing '[' after '%f' in pattern"],
  ],
  "depth is limited": [
    ['("a"):rep(300):match(("a?"):rep(199))==("a"):rep(199)', "true"],
    ['("a"):rep(300):match(("a?"):rep(200))', "!pattern too complex"],
    ['("a"):rep(300):find(("(a)"):rep(20)..("a?"):rep(160))', "!pattern too complex"],
  ],
  "gsub replaces": [
    ['("hello"):gsub("","-")', "-h-e-l-l-o-\t6"],
    ['("abc"):gsub("b*","-")', "-a-c-\t3"],
    ['("abc"):gsub("^a","x")', "xbc\t1"],
    ['("abc"):gsub("%w","%%%0",2)', "%a%bc\t2"],
    ['("abc"):gsub("()b","%1")', "a2c\t1"],
    ['("abc"):gsub("b",{b=7})', "a7c\t1"],
    ['("abc"):gsub("b",{b=false})', "abc\t1"],
    ['("ab"):gsub(".",setmetatable({},{__index=function(_,k) return k..k end}))', "aabb\t2"],
    ['("a,b"):gsub("%a",function(c) return (c:gsub(".","%0%0")) end)', "aa,bb\t2"],
    ['("ab"):gsub("(a)(b)",function(...) return select("#",...) end)', "2\t1"],
    ['("abc"):gsub("b",function() return {} end)', "!invalid replacement value (a table)"],
    ['("abc"):gsub("b",function() error("no",0) end)', "!no"],
    ['("abc"):gsub("b","%2")', "!invalid capture index %2"],
    ['("abc"):gsub("b","%x")', "!invalid use of '%' in replacement string"],
    ['string.gsub("abc","b")', "!bad argument #3 to 'gsub' (string/function/table expected)"],
  ],
  "gmatch goes on where it was": [
    ['(function() local t="" for k,v in ("a=1, b=2"):gmatch("(%w+)=(%w+)") do t=t..k..v end return t end)()', "a1b2"],
    ['(function() local n=0 for _ in ("abc"):gmatch("") do n=n+1 end return n end)()', "4"],
    ['(function() local t="" for w in ("ab c"):gmatch("%a+") do t=t..w:gsub("%a","%0.") end return t end)()', "a.b.c."],
    ['("a^b"):gmatch("^b")()', "^b"],
    ['("a"):gmatch("(")()', "!unfinished capture"],
  ],
  "format as the loader's printf has it": [
    ['("%5d|%-5d|%05d|%+d"):format(42,42,-42,42)', "   42|42   |-0042|42"],
    ['("%.3d|%8.3d|%05.3d"):format(7,-7,7)', "007|    -007|00007"],
    ['("%x|%X|%#x|%#X|%#o|%o"):format(255,255,255,255,8,-1)', "ff|FF|0xff|0xFF|010|1777777777777777777777"],
    ['("%#x|%.0d|%u"):format(0,0,-1)', "0|0|18446744073709551615"],
    ['("% d|%g|%5.2f|% s"):format(1,1,1,"x")', "% lld|%g|%5.2f|% s"],
    ['("%5c|%c"):format(65,256+66)', "A|B"],
    ['("%5s|%-5s|%05s|%-05s|%.2s"):format("ab","ab","ab","ab","abc")', "   ab|ab   |000ab|ab000|ab"],
    ['("%5s|%s"):format(nil,true)', "  nil|true"],
    ['#("%99d%-99d"):format(1,2)', "198"],
    ['#("%5s"):format(("x"):rep(200))', "200"],
    ['("%5s"):format("a\\0b")', "!bad argument #1 to 'format' (string contains zeros)"],
    ['("%s%s"):format(1)', "!bad argument #2 to 'format' (no value)"],
    ['("%d"):format("1x")', "!bad argument #1 to 'format' (number expected, got string)"],
    ['("%100d"):format(1)', "!invalid format (width or precision too long)"],
    ['("%------d"):format(1)', "!invalid format (repeated flags)"],
    ['("%5%"):format(1)', "!invalid option '%%' to 'format'"],
    ['("%"):format(1)', "!invalid option '%<\\0>' to 'format'"],
    ['("%q"):format("a\\0001\\r\\"\\\\\\127z")', '"a\\0001\\13\\"\\\\\\127z"'],
    ['("%q"):format(-9223372036854775807-1)', "0x8000000000000000"],
    ['("%q"):format(print)', "!bad argument #1 to 'format' (value has no literal form)"],
    ['("%s"):format(setmetatable({},{__tostring=function() return "T" end}))', "T"],
    ['("%5s|%d"):format(setmetatable({},{__tostring=function() return ("%-3d"):format(7) end}),8)', "  7  |8"],
    ['("%s"):format(setmetatable({},{__tostring=function() return {} end}))', "!'__tostring' must return a string"],
  ],
  "pack, packsize and unpack": [
    ['("<i3>i3"):pack(-2,258):byte(1,-1)', "254\t255\t255\t0\t1\t2"],
    ['("<i16"):unpack(("<i16"):pack(-3))', "-3\t17"],
    ['("<I16"):unpack(("<i16"):pack(-3))', "!16-byte integer does not fit into Lua Integer"],
    ['("b"):pack(128)', "!bad argument #1 to 'pack' (integer overflow)"],
    ['("B"):pack(-1)', "!bad argument #1 to 'pack' (unsigned overflow)"],
    ['("!4 b i"):pack(1,2):byte(1,-1)', "1\t0\t0\t0\t2\t0\t0\t0"],
    ['("!8 b Xi8"):packsize()', "8"],
    ['("X"):packsize()', "!calling 'packsize' on bad self (invalid next option for option 'X')"],
    ['string.packsize("s")', "!bad argument #1 to 'packsize' (variable-length format)"],
    ['string.packsize("c2147483639c9")', "!bad argument #1 to 'packsize' (format result too large)"],
    ['string.pack("c")', "!missing size for format option 'c'"],
    ['string.pack("i17",1)', "!integral size (17) out of limits [1,16]"],
    ['string.pack("!3 i4",1)', "!bad argument #1 to 'pack' (format asks for alignment not power of 2)"],
    ['string.unpack("z s1 c2","ab\\0\\2xyzw")', "ab\txy\tzw\t9"],
    ['string.unpack("s8",("\\255"):rep(8))', "!bad argument #2 to 'unpack' (data string too short)"],
    ['string.unpack("b","",2)', "!bad argument #3 to 'unpack' (initial position out of string)"],
    ['string.unpack("b","ab",-1)', "98\t3"],
    ['string.unpack(">n",string.pack(">n",-5))', "-5\t9"],
    ['string.pack("i4")', "!bad argument #2 to 'pack' (number expected, got nil)"],
    ['string.pack("d",1)', "!invalid format option 'd'"],
    ['select("#",string.unpack(("b"):rep(5000),("x"):rep(5000)))', "5001"],
  ],
  "no chunks are made": [
    ["string.dump(function() end)", "!unable to dump given function"],
    ["string.dump(1)", "!bad argument #1 to 'dump' (function expected, got number)"],
  ],
};

describe("the library string", () => {
  const all = Object.values(CASES).flat();
  const answers = new Map<string, string>();
  beforeAll(async () => {
    const { text } = await typed([EVALUATE, ...all.map(([expression]) => evaluation(expression))]);
    const printed = [...text.matchAll(/^=\t(true|false)\t?(.*)$/gm)];
    expect(printed.length).toBe(all.length);
    printed.forEach(([, isFine, values], i) => {
      answers.set(all[i]![0], isFine === "true" ? values! : `!${values!.replace(/^x:1: /, "")}`);
    });
  });

  it.each(Object.keys(CASES))("%s", (group) => {
    for (const [expression, values] of CASES[group]!) expect(answers.get(expression), expression).toBe(values);
  });
});

describe("exhaustion by strings", () => {
  it.each([
    ["backtracking", '("a"):rep(3000):find((".-"):rep(100).."b")'],
    ["balance", '("("):rep(200000):find("%b()")'],
    ["a search for what is nearly there", 's=("a"):rep(500000) s:find(s:sub(1,250000).."b",1,true)'],
    ["replacements without end", 'while true do ("abc"):gsub("b",function(c) return c end) end'],
  ])("%s ends by fuel", async (_, line) => {
    const { result } = await typed([line], { fuel: 20_000_000 });
    expect(result.error).toMatchObject({ name: "LimitError", limit: "fuel" });
  });

  it.each([
    's="x" while true do s=s:gsub(".","%0%0") end',
    's="x" while true do s=s:rep(2) end',
    's="x" while true do s=s.format("%s%s",s,s) end',
    's="x" while true do s=string.pack("s8s8",s,s) end',
    'string.pack("c2147483639","")',
  ])("%s ends in an error, and the session goes on", async (line) => {
    const { text } = await typed([`print(pcall(function() ${line} end))`, "s=nil print(3+4)"]);
    expect(text).toMatch(/not enough memory|resulting string too large/);
    expect(text).toMatch(/^7$/m);
  });

  it("keeps what a match found while a replacement function matches", async () => {
    const { text } = await typed([
      'print(("a1 b2"):gsub("(%a)(%d)",function(a,d) return (a..d):gsub("(%a)(%d)","%2%1").."" end))',
      'getmetatable("").__tostring=function(s) return (("<>"):gsub(">",function() return "!" end))..#s end',
      'r=("ab"):gsub("(a)(b)","%2%1") getmetatable("").__tostring=nil print(r)',
    ]);
    expect(text).toContain("\n1a 2b\t2\n");
    expect(text).toContain("\n<!1<!1\n");
  });
});

describe("any pattern, format or packed data", () => {
  const PIECES =
    "a b . %a %d %W [a-c] [^%s] [ ] ( ) () %1 %2 %b() %f[a] * + - ? ^ $ % %% \\0 i4 s1 z !8 X c3 > %5d %-9.3s %q";
  it("ends with the prompt or a named error", async () => {
    const text = fc.array(fc.constantFrom(...PIECES.split(" ")), { maxLength: 7 }).map((pieces) => pieces.join(""));
    const call = fc.record({
      name: fc.constantFrom("find", "match", "gsub", "format", "pack", "packsize", "unpack"),
      texts: fc.array(text, { minLength: 1, maxLength: 4 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(call, { maxLength: 30 }), async (calls) => {
        const lines = calls.map(({ name, texts }) => `pcall(string.${name},"${texts.join('","')}")`);
        const { result } = await typed([...lines, "print(3+4)"], { fuel: 5_000_000 });
        expect(result.error?.name).toBe("InputEndedError");
      }),
      { numRuns: 40 },
    );
  });
});
