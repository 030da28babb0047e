// Whatever the loader's libraries are called with, the session goes on or ends with a named error; and however
// long a script uses them, the memory it takes stays small.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { guest, scripted } from "./guest.js";

const FUNCTIONS = [
  ..."command perform parse interpret getenv setenv unsetenv has_command has_feature command_error time printc"
    .split(" ")
    .map((name) => `loader.${name}`),
  ..."open read write close ischar".split(" ").map((name) => `io.${name}`),
  ..."dir attributes".split(" ").map((name) => `lfs.${name}`),
  ..."term_putimage fb_putimage fb_line fb_setpixel term_drawrect fb_bezier".split(" ").map((name) => `gfx.${name}`),
  ..."output file close".split(" ").map((name) => `pager.${name}`),
  "hash.sha256",
  "file_close",
];
const VALUES = [
  ..."nil true false 0 1 -1 1<<31 1<<40 math_min {} print loader io lfs file directory digest co".split(" "),
  ..."'' 'x' '/data' '/data/a' '/absent' 'r' 'r+' 'mode' 'size' 'host0:' 'disk0:' '\\0' '$x' '${' '12'".split(" "),
  "('x'):rep(5000)",
  "('a '):rep(5000)",
  "setmetatable({}, {__tostring = function() return 'shown' end, __name = 'named'})",
];

describe("any call", () => {
  it("leaves the session usable", async () => {
    const call = fc.tuple(fc.constantFrom(...FUNCTIONS), fc.array(fc.constantFrom(...VALUES), { maxLength: 7 }));
    await fc.assert(
      fc.asyncProperty(fc.array(call, { minLength: 1, maxLength: 12 }), async (calls) => {
        const lines = calls.map(
          ([name, values]) =>
            `pcall(${name === "file_close" ? "directory.close" : name}, ${values.join(", ") || "nil"})`,
        );
        const script = [
          'file = io.open("/data/a") _, directory = lfs.dir("/data") digest = hash.sha256() math_min = 1 << 63',
          ...lines,
          'collectgarbage() print("alive", io.close(file) ~= nil)',
        ].join("\n");
        const { printed, result } = await scripted(script, { "data/a": "content\n" }, "q".repeat(40));
        expect(printed).toMatch(/alive\ttrue\n$/);
        expect(result.error?.name).toBe("InputEndedError");
      }),
      { numRuns: 150 },
    );
  });
});

describe("a long script", () => {
  it.each([
    'loader.setenv("a", "value " .. i) loader.getenv("a")',
    'lfs.attributes("/data/a") lfs.attributes("/absent", "mode")',
    'for name in lfs.dir("/data") do end',
    'local f = io.open("/data/a") io.read(f) io.close(f)',
    'loader.perform("set b=" .. i)',
    'loader.interpret("b = 1")',
    "pcall(function() local x = nil + 1 end)",
    'dofile("/data/a.lua")',
    'if i == 1 then pcall(function() for j = 1, 20000 do lfs.attributes("/absent") pcall(lfs.attributes) end end) end',
  ])("%s needs no more memory the longer it runs", async (body) => {
    const files = { "data/a": "x".repeat(3000), "data/a.lua": "return 1\n" };
    const limits = { moduleMemory: 16 * 2 ** 20 };
    const { prompted, result } = await guest(files, `for i = 1, 20000 do ${body} end print("al".."ive")\r`, { limits });
    expect(prompted).toContain("\nalive\n");
    expect(result.error?.name).toBe("InputEndedError");
  });
});
