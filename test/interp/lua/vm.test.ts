import type { BootOptions } from "userboot-wasm";
import { describe, expect, it } from "vitest";
import { scripted } from "./guest.js";

/** What `script` prints, and that the session went on after it. */
const printed = async (script: string) => {
  const run = await scripted(script);
  expect(run.result.error?.name).toBe("InputEndedError");
  return run.printed;
};

describe("positions and names in messages", () => {
  it.each([
    ['pcall(error, "m", 100000)', "false\tm"],
    ['pcall(error, "m", 1 << 62)', "false\tm"],
    [
      "pcall(load\"return -'x'\")",
      `false\t[string "return -'x'"]:1: attempt to perform arithmetic on a string value (constant 'x')`,
    ],
    [
      "pcall(load\"return 1 + 'x'\")",
      `false\t[string "return 1 + 'x'"]:1: attempt to perform arithmetic on a string value`,
    ],
    ['pcall(load("local t = {} t.x.y = 1", "=c"))', "false\tc:1: attempt to index a nil value (field 'x')"],
    [
      'pcall(load("local t = {} return t[\'a\\\\0b\'].c", "=c"))',
      "false\tc:1: attempt to index a nil value (field 'a')",
    ],
    ['load("x = ", "=" .. ("n"):rep(80))', `nil\t${"n".repeat(59)}:1: unexpected symbol near <eof>`],
    ['load("x = ", "@" .. ("n"):rep(80))', `nil\t...${"n".repeat(56)}:1: unexpected symbol near <eof>`],
    ['load("x = ", ("n"):rep(80))', `nil\t[string "${"n".repeat(45)}..."]:1: unexpected symbol near <eof>`],
    ['load("x = ", "a\\nb")', 'nil\t[string "a..."]:1: unexpected symbol near <eof>'],
  ])("%s", async (call, shown) => {
    expect(await printed(`print(${call})`)).toBe(`${shown}\n`);
  });

  it("know long names, too", async () => {
    const name = "n".repeat(60);
    const text = await printed(`
      print(pcall(load("local t = {} t:${name}()", "=c")))
      print(pcall(load("local t = {} t.${name}()", "=c")))
      print(pcall(load("${name}()", "=c")))`);
    const message = (kind: string) => `false\tc:1: attempt to call a nil value (${kind} '${name}')\n`;
    expect(text).toBe(message("method") + message("field") + message("global"));
  });

  it("show long tokens in full, without taking the square of their length", async () => {
    const text = await printed(`local ok, m = load("x = 'a" .. ("b"):rep(1000000) .. "\\n") print(ok, #m)`);
    // The chunk's first line, the message and the token.
    expect(text).toMatch(/^nil\t10000\d\d\n$/);
  });
});

describe("calls", () => {
  it("go to functions only, also by `__call`", async () => {
    const text = await printed(`
      local t = setmetatable({}, {})
      getmetatable(t).__call = t
      print(pcall(t))
      getmetatable(t).__call = function(self, ...) return self == t, ... end
      print(t(1, nil, 3))`);
    expect(text).toBe("false\tattempt to call a table value\ntrue\t1\tnil\t3\n");
  });
});

describe("jumps back out of a block", () => {
  it("leave closures the variables they have", async () => {
    const text = await printed(`
      local n, fs = 0, {}
      do
        ::again::
        local x = n
        fs[#fs + 1] = function() x = x + 10 return x end
        n = n + 1
        do if n < 3 then goto again end end
      end
      print(fs[1](), fs[2](), fs[3](), fs[1]())`);
    expect(text).toBe("10\t11\t12\t20\n");
  });
});

describe("large programs", () => {
  it.each([
    ["alternatives", '"if a then " .. ("elseif a.b then "):rep(5000) .. "end"'],
    ["items of a table", '"return {" .. ("a.b, x = c.d, [e] = {f.g}, "):rep(5000) .. "}"'],
    ["names in a function's name", '"function a" .. (".b"):rep(5000) .. "() end"'],
    ["operands", '"return " .. ("a.b + "):rep(5000) .. "1"'],
    ["calls of results", '"return a" .. ("(b.c)"):rep(5000)'],
    ["values in registers", '"return " .. ("a,"):rep(253) .. "a"'],
    ["local variables", '("local a "):rep(200)'],
  ])("have many %s", async (_, source) => {
    expect(await printed(`print(type(load(${source})))`)).toBe("function\n");
  });

  it.each([
    ["values in registers", '"return " .. ("a,"):rep(254) .. "a"', "function or expression needs too many registers"],
    ["local variables", '("local a "):rep(201)', "too many local variables (limit is 200) in main function"],
    [
      "upvalues",
      `(function()
        local s = "" for j = 1, 3 do s = s .. " return function() local a1" for i = 2, 100 do s = s .. ",b" .. j .. "_" .. i end end
        s = s .. " return function() " for j = 1, 3 do for i = 2, 100 do s = s .. "x = b" .. j .. "_" .. i .. " " end end
        return s .. "end" .. (" end"):rep(3)
      end)()`,
      "too many upvalues (limit is 255) in function at line 1",
    ],
  ])("don't have too many %s", async (_, source, message) => {
    expect(await printed(`print(load(${source}, "=c"))`)).toContain(`nil\tc:1: ${message} near`);
  });

  it("have more constants than fit into instructions", async () => {
    const text = await printed(`
      local n = 0
      local f = load(function()
        n = n + 1
        if n == 1 then return "local t = {} " end
        if n <= 70001 then return "t.k" .. n .. " = 'v" .. n .. "' " end
        if n == 70002 then return "k80000 = {k80001 = 6} return t.k2, t.k70001, k80000.k80001, t.k80002, pcall(function() t:k80003() end)" end
      end, "=c")
      print(f())`);
    expect(text).toBe("v2\tv70001\t6\tnil\tfalse\tc:1: attempt to call a nil value (method 'k80003')\n");
  });
});

describe("lengths of tables with holes", () => {
  it("are those of the reference, whose constructors round sizes up", async () => {
    const text = await printed(`
      for _, n in ipairs{7, 16, 17, 18, 33, 128, 260, 5000} do
        printc(#load("return {" .. ("nil,"):rep(n - 1) .. "1}")() .. " ")
      end`);
    expect(text).toBe("7 16 0 18 0 128 0 0 ");
  });
});

describe("a full stack", () => {
  it("is an error that can be caught, time and again, in the memory of a usual session", async () => {
    const text = await printed(`
      local function f(a, b, c) return 1 + f(a, b, c) end
      local function g(...) return 1 + g(1, ...) end
      for i = 1, 3 do print(pcall(f)) print(pcall(g)) end
      print(pcall(string.byte, ("x"):rep(1000000), 1, -1))
      print(xpcall(f, function(e) return "seen " .. e end))
      print((select("#", ("x"):rep(200000):byte(1, -1))))`);
    const turn = "false\t/boot/lua/loader.lua:3: stack overflow\nfalse\t/boot/lua/loader.lua:4: stack overflow\n";
    expect(text).toBe(
      `${turn}${turn}${turn}false\tstack overflow (string slice too long)\nfalse\tseen /boot/lua/loader.lua:3: stack overflow\n200000\n`,
    );
  });
});

describe("garbage", () => {
  it("a chunk's default name outlives what its reader makes", async () => {
    const text = await printed(`
      local given
      print(load(function()
        for i = 1, 50 do collectgarbage() local junk = ("j"):rep(6) .. i end
        if given then return nil end
        given = true
        return "x ="
      end))`);
    expect(text).toBe("nil\t(load):1: unexpected symbol near <eof>\n");
  });

  it("finalizers run one after another, also when they collect", async () => {
    const text = await printed(`
      local deepest, depth = 0, 0
      local meta meta = {__gc = function()
        depth = depth + 1
        if depth > deepest then deepest = depth end
        collectgarbage()
        depth = depth - 1
      end}
      for i = 1, 300 do setmetatable({}, meta) end
      print(pcall(collectgarbage))
      print(deepest)`);
    expect(text).toBe("true\t0\n1\n");
  });
});

describe("the order of string keys", () => {
  const script = `local t, all = {}, {} for c in ("abcdefghijklmnop"):gmatch(".") do t[c .. c] = 1 end
    for k in pairs(t) do all[#all + 1] = k end for i = 1, #all do printc(all[i] .. " ") end`;
  const order = async (more: BootOptions) => (await scripted(script, {}, "", more)).printed;
  it("is fixed, and the seed's", async () => {
    const fixed = await order({});
    expect(fixed.split(" ").length).toBe(17);
    expect(await order({ hashSeed: 0 })).toBe(fixed);
    const orders = new Set([fixed]);
    for (const hashSeed of [1, 2, 0xffffffff]) {
      const one = await order({ hashSeed });
      expect(await order({ hashSeed, isolation: "thread" })).toBe(one);
      orders.add(one);
    }
    expect(orders.size).toBe(4);
  });
});
