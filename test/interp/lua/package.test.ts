// require, package and load, as the Lua 5.3 Reference Manual (6.1 and 6.3) has them.

import { describe, expect, it } from "vitest";
import { scripted } from "./guest.js";

const printed = async (script: string, files: Record<string, string> = {}) => {
  const run = await scripted(script, files);
  expect(run.result.error?.name).toBe("InputEndedError");
  return run.printed;
};

describe("require", () => {
  it("finds modules by package.path, once, and gives them their name and file", async () => {
    const text = await printed(
      `print(require("m.n"))
       print(require("m.n") == package.loaded["m.n"])
       package.path = "/other/?/init.lua;" .. package.path
       print(require("o"))`,
      {
        "boot/lua/m/n.lua": "print('loading', ...) return {}",
        "other/o/init.lua": "print(...)",
      },
    );
    expect(text).toMatch(
      /^loading\tm.n\t\/boot\/lua\/m\/n.lua\ntable: 0x[0-9a-f]+\ntrue\no\t\/other\/o\/init.lua\ntrue\n$/,
    );
  });

  it("asks preload, then each searcher, and tells all that was tried", async () => {
    const text = await printed(`
      package.preload.p = function(...) print(...) return "preloaded" end
      print(require("p"))
      table_of = package.searchers
      table_of[#table_of + 1] = function(n) if n == "own" then return function(...) print(...) return 5 end, "extra" end return "\\n\\tnot mine" end
      print(require("own"))
      print(pcall(require, "none"))`);
    expect(text).toBe(
      "p\tnil\npreloaded\nown\textra\n5\nfalse\tmodule 'none' not found:\n\tno field package.preload['none']\n" +
        "\tno file '/boot/lua/none.lua'\n\tno file '/boot/lua/5.3/lib/none.so'\n\tno file '/boot/lua/5.3/lib/loadall.so'\n" +
        "\tno file './none.so'\n\tnot mine\n",
    );
  });

  it("a module's own package.loaded counts, false is asked for again", async () => {
    const text = await printed(`print(require("a"), require("b"), require("b"), require("c"))`, {
      "boot/lua/a.lua": "package.loaded[...] = 'own'",
      "boot/lua/b.lua": "n = (n or 0) + 1 print(n) return false",
      "boot/lua/c.lua": "return nil",
    });
    expect(text).toBe("1\n2\nown\tfalse\tfalse\ttrue\n");
  });

  it("errors in modules, and package gone wrong", async () => {
    const text = await printed(
      `print(pcall(require, "bad"))
       print(pcall(require, "fails"))
       package.path = 5 print(pcall(require, "x"))
       package.path = {} print(pcall(require, "x"))
       package.searchers = nil print(pcall(require, "x"))
       print(pcall(require)) print(package.searchpath("a.b", "/x/?.lua;/y/?"))
       print(package.searchpath("bad", "/boot/?/?;/boot/lua/?.lua"))
       print(package.searchpath("b-d", "/boot/lua/?.lua", "-", "a"))`,
      { "boot/lua/bad.lua": "x =", "boot/lua/fails.lua": "error('no')" },
    );
    expect(text).toContain(
      "false\terror loading module 'bad' from file '/boot/lua/bad.lua':\n\t/boot/lua/bad.lua:1: unexpected symbol near <eof>\n",
    );
    expect(text).toContain("false\t/boot/lua/fails.lua:1: no\n");
    expect(text).toContain("'package.path' must be a string\n");
    expect(text).toContain("'package.searchers' must be a table\n");
    expect(text).toContain("nil\t\n\tno file '/x/a/b.lua'\n\tno file '/y/a/b'\n");
    expect(text).toContain("\n/boot/lua/bad.lua\n/boot/lua/bad.lua\n");
  });
});

describe("load", () => {
  it.each([
    ['load("return ...", "n", "t", {})(1, nil, 3)', "1\tnil\t3"],
    ['load("x = 5 return x, _ENV.x", "n", "t", {})()', "5\t5"],
    ['load("return print", "n", "t", {})()', "nil"],
    ['load("return _ENV", "n", "t", nil)()', "nil"],
    ['pcall(load("return x", "=n", "t", nil))', "false\tn:1: attempt to index a nil value (upvalue '_ENV')"],
    ['load("return _ENV == _G")()', "true"],
    ['load("x", "=n", "b")', "nil\tattempt to load a text chunk (mode is 'b')"],
    ['load("x", "=n", "")', "nil\tattempt to load a text chunk (mode is '')"],
    ['load("\\27Lua", "=n")', "nil\tn: truncated precompiled chunk"],
    ['load("\\27Lua", "=n", "t")', "nil\tattempt to load a binary chunk (mode is 't')"],
    ["load(function() return nil end)()", ""],
    ["load(function() return {} end)", "nil\t/boot/lua/loader.lua:2: reader function must return a string"],
    ["pcall(load, function() error('r', 0) end)", "true\tnil\tr"],
    [
      "load((function() local n = 0 return function() n = n + 1 return ({'re', 'turn', ' 7', ''})[n] end end)())()",
      "7",
    ],
    [
      "load((function() local n = 0 return function() n = n + 1 if n < 3 then return n end end end)(), '=n')",
      "nil\tn:1: unexpected symbol near '12'",
    ],
    ["pcall(load)", "false\tbad argument #1 to 'load' (function expected, got no value)"],
    ["pcall(load, nil)", "false\tbad argument #1 to 'load' (function expected, got nil)"],
    ["select('#', load(''))", "1"],
  ])("%s", async (call, shown) => {
    expect(await printed(`print(${call})`)).toBe(`${shown}\n`);
  });
});

describe("readers that fail", () => {
  it("end the load, and nothing else", async () => {
    const text = await printed(`
      local function fails() error("r") end
      for i = 1, 3 do print(pcall(load, fails)) print(load(fails)) end
      print(xpcall(load, function(e) return "seen " .. e end, fails))
      local function deep(n) if n == 0 then return load(fails) end return (select(2, deep(n - 1))) end
      print(deep(1))`);
    const message = "/boot/lua/loader.lua:3: r";
    const turn = `true\tnil\t${message}\nnil\t${message}\n`;
    expect(text).toBe(`${turn}${turn}${turn}true\tnil\tseen ${message}\n${message}\n`);
  });
});

describe("loadfile and dofile", () => {
  it("take a mode and a table of globals", async () => {
    const text = await printed(
      `print(loadfile("/f.lua", "t", {y = 4})())
       print(loadfile("/f.lua", "b"))
       print(loadfile("/g.lua")) print(dofile("/f.lua")) print(pcall(dofile, "/g.lua")) print(loadfile("/none.lua"))`,
      { "f.lua": "#!/bin/x\nreturn y, ...", "g.lua": "# first\nx = = 1" },
    );
    expect(text).toContain("4\n");
    expect(text).toContain("nil\tattempt to load a text chunk (mode is 'b')\n");
    expect(text).toContain(
      "nil\t/g.lua:2: unexpected symbol near '='\nnil\nfalse\t/g.lua:2: unexpected symbol near '='\nnil\tcannot open /none.lua",
    );
  });
});

describe("names and paths that are long", () => {
  it("are put together whole", async () => {
    const text = await printed(`
      for _, n in ipairs({12, 13, 40, 1000}) do
        local name = ("m"):rep(n)
        local _, message = pcall(require, name)
        print(n, message == "module '" .. name .. "' not found:\\n\\tno field package.preload['" .. name .. "']" ..
          "\\n\\tno file '/boot/lua/" .. name .. ".lua'\\n\\tno file '/boot/lua/5.3/lib/" .. name .. ".so'" ..
          "\\n\\tno file '/boot/lua/5.3/lib/loadall.so'\\n\\tno file './" .. name .. ".so'")
      end
      local _, tried = package.searchpath("a.b", "?x?;???", ".", ("long"):rep(50))
      local part = "a" .. ("long"):rep(50) .. "b"
      print(tried == "\\n\\tno file '" .. part .. "x" .. part .. "'\\n\\tno file '" .. part:rep(3) .. "'")`);
    expect(text).toBe("12\ttrue\n13\ttrue\n40\ttrue\n1000\ttrue\ntrue\n");
  });

  it("and end where there is no memory for them", async () => {
    const text = await printed(`
      print(pcall(package.searchpath, ("m"):rep(100000), "?"))
      print(pcall(package.searchpath, ("m"):rep(1000), ("?"):rep(1000)))
      print(pcall(package.searchpath, ("."):rep(1000), "?", ".", ("m"):rep(1000)))
      package.path = ("?"):rep(1000) .. ";" print(pcall(require, ("m"):rep(1000)))`);
    expect(text).toBe("false\tnot enough memory\n".repeat(4));
  });
});
