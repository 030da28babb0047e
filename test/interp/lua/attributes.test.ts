// Attributes of local variables, which Lua has from 5.4 on (Lua 5.4 Reference Manual,
// 3.3.7 and 3.3.8).

import { describe, expect, it } from "vitest";
import { scripted } from "./guest.js";

const printed = async (script: string) => {
  const run = await scripted(
    `local say = printc
  local function printc(...) for i = 1, select("#", ...) do say(tostring((select(i, ...)))) end end
  local function new(n)
    return setmetatable({}, {__close = function(self, e) printc(n, e == nil and "" or "!" .. tostring(e), " ") end})
  end
  local print = function(...) printc(...) printc("\\n") end
  ${script}`,
    {},
    "",
    { profile: 14 },
  );
  expect(run.result.error?.name).toBe("InputEndedError");
  return run.printed;
};

describe("const", () => {
  it.each([
    ["local x <const> = 1 x = 2", "'x'"],
    ["local x <const>, y = 1 function x() end", "'x'"],
    ["local x <const> = 1 return function() return function() x = 2 end end", "'x'"],
    ["local x <close> = nil x = 2", "'x'"],
    ["local x <const> = 1 local y y, x = 1, 2", "'x'"],
  ])("%s is refused", async (source, name) => {
    expect(await printed(`print(load("${source}", "=c"))`)).toContain(
      `c:1: attempt to assign to const variable ${name}`,
    );
  });

  it("is a variable like others, and can be declared again", async () => {
    expect(
      await printed(`local x <const>, y, z <const> = 1, 2, 3 y = x + z
        local f = function() return x + y end local x = 5 x = x + 1 printc(x, " ", f())`),
    ).toBe("6 5");
  });

  it.each([
    ["local x <constant> = 1", "unknown attribute 'constant'"],
    ["local x <close>, y <close> = nil, nil", "multiple to-be-closed variables in local list"],
    ["local x < = 1", "<name> expected near '='"],
    ["local x <const = 1", "'>' expected near '='"],
    ["x <const> = 1", "syntax error near '<'"],
  ])("%s: %s", async (source, message) => {
    expect(await printed(`print(load("${source}", "=c"))`)).toContain(`c:1: ${message}`);
  });
});

describe("close", () => {
  it.each([
    [
      "at the end of a block, the last first",
      "do local a <close> = new(1) local b <close> = new(2) printc('in ') end",
      "in 2 1 ",
    ],
    ["in each turn of a loop", "for i = 1, 3 do local a <close> = new(i) printc('in ') end", "in 1 in 2 in 3 "],
    ["by break", "while true do local a <close> = new(1) do local b <close> = new(2) break end end", "2 1 "],
    ["by goto", "do local n = 0 ::top:: local a <close> = new(n) n = n + 1 if n < 3 then goto top end end", "0 1 2 "],
    [
      "by goto on",
      "for i = 1, 2 do local a <close> = new(i) if i == 1 then goto on end printc('in ') ::on:: end",
      "1 in 2 ",
    ],
    ["by repeat", "local n = 0 repeat local a <close> = new(n) n = n + 1 until n == 3 or not a", "0 1 2 "],
    [
      "by return, which has its values then",
      "local function f() local a <close> = new(1) return 'x', 'y' end printc(f())",
      "1 xy",
    ],
    ["by a return of a call", "local function f() local a <close> = new(1) return tostring(7) end printc(f())", "1 7"],
    ["by an error, which is told", "pcall(function() local a <close> = new(1) error('e', 0) end)", "1!e "],
    ["not for nil and false", "local a <close> = nil local b <close> = false printc('in')", "in"],
    [
      "when the chunk ends",
      "load('local new, printc = ... local a <close> = new(1) printc(\"in \")')(new, printc)",
      "in 1 ",
    ],
  ])("%s", async (_, script, shown) => {
    expect((await printed(`do ${script} end`)).trimEnd()).toBe(shown.trimEnd());
  });

  it("an error of __close is the one that counts from then on", async () => {
    const text = await printed(`
      local function failing(n) return setmetatable({}, {__close = function(_, e) printc(n, ":", tostring(e), " ") error(n, 0) end}) end
      print(pcall(function() local a <close> = new("a") local b <close> = failing("b") local c <close> = failing("c") error("e", 0) end))
      print(pcall(function() local a <close> = new("a") local b <close> = failing("b") end))`);
    expect(text).toBe("c:e b:c a!b falseb\nb:nil a!b falseb\n");
  });

  it("closures keep the variable", async () => {
    expect(
      await printed("local f do local a <close> = new(1) f = function() return a ~= nil end end printc(tostring(f()))"),
    ).toBe("1 true");
  });

  it("wants a value that can be closed", async () => {
    expect(await printed('print(pcall(load("local a <close> = 5", "=c")))')).toBe(
      "falsec:1: variable 'a' got a non-closable value\n",
    );
  });

  it("is done in the order of nested calls when an error passes them", async () => {
    const text = await printed(`
      local function f(n) local a <close> = new(n) if n == 3 then error("e", 0) end return (f(n + 1)) end
      print(pcall(f, 1))`);
    expect(text).toBe("3!e 2!e 1!e falsee\n");
  });

  it("works where the stack grows and garbage is collected meanwhile", async () => {
    const text = await printed(`
      local function deep(n) if n == 0 then collectgarbage() return 0 end return 1 + deep(n - 1) end
      local m = {__close = function(self) printc(self.n + deep(5000), " ") end}
      local function f(...) local a <close> = setmetatable({n = 1}, m) local b <close> = setmetatable({n = 2}, m) return ... end
      printc(f("x", "y", "z"))`);
    expect(text).toBe("5002 5001 xyz");
  });
});
