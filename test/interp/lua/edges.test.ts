// What the loader's Lua does with odd arguments: scripts don't mean it, but go on from there.

import { describe, expect, it } from "vitest";
import { guest, scripted } from "./guest.js";

describe("Lua at its edges", () => {
  it.each([
    // Texts aren't integers, so they divide as the other kind of number does: towards zero.
    ["-100 // '7'", "-14"],
    ["'-100' // 7", "-14"],
    ["-100 // ('7' + 0)", "-14"],
    ["-100 // 7", "-15"],
    ["-100 % '7'", "5"],
    ["pcall(next, {}, 5)", "false\tinvalid key to 'next'"],
    ["pcall(function() return (next({}, 5)) end)", "false\tinvalid key to 'next'"],
    ["pcall(error, 'e', 4294967296)", "false\te"],
    [
      "pcall(function() error('e', 4294967297) end)",
      "false\t[string \"print(pcall(function() error('e', 4294967297)...\"]:1: e",
    ],
    ["collectgarbage('setpause', 4294967297), collectgarbage('setpause', 0)", "200\t1"],
    ["collectgarbage('setstepmul', 1), collectgarbage('setstepmul', 0)", "200\t40"],
    ["pcall(collectgarbage, 'x', 'y')", "false\tbad argument #1 to 'collectgarbage' (invalid option 'x')"],
    ["pcall(loader.printc)", "false\tbad argument #1 to 'loader.printc' (string expected, got no value)"],
    ["pcall(1 // 1, 1 / 1)", "false\tattempt to call a number value"],
    ["pcall(load('return 1/0'))", 'false\t[string "return 1/0"]:1: attempt to divide by zero'],
    ["io.read(io.open('/f'), -1)", "x\t1"],
    ["loadfile()", "nil\tcannot read stdin: no error"],
  ])("print(%s)", async (expression, output) => {
    const { prompted } = await guest({}, `io.read(io.open("/f"))\rprint(${expression})\r`, {
      hostTrees: [{ f: Buffer.from("x"), "boot/lua/loader.lua": Buffer.from("") }],
    });
    expect(prompted.split("\n").at(-2)).toBe(output);
  });

  it("says of a compiled chunk what is wrong with its header, and runs none", async () => {
    const header =
      "\\x1bLua\\x53\\0\\x19\\x93\\r\\n\\x1a\\n\\x04\\x08\\x04\\x08\\x08\\x78\\x56\\0\\0\\0\\0\\0\\0\\x72\\x01\\0\\0\\0\\0\\0\\0";
    const { printed } = await scripted(`
      local header = "${header}"
      local function say(size, changed, name)
        local text = header:sub(1, size)
        if changed then text = text:sub(1, changed - 1) .. "?" .. text:sub(changed + 1) end
        print((select(2, load(text, name or "=c"))))
      end
      for _, at in pairs({2, 5, 6, 7, 13, 14, 15, 16, 17, 18, 26}) do say(33, at) end
      say(3) say(32) say(33) say(2, 2, "text") say(4, nil, "@file") say(5, 5, header)
    `);
    expect(printed.trim().split("\n")).toEqual([
      "c: not a precompiled chunk",
      "c: version mismatch in precompiled chunk",
      "c: format mismatch in precompiled chunk",
      "c: corrupted precompiled chunk",
      "c: int size mismatch in precompiled chunk",
      "c: size_t size mismatch in precompiled chunk",
      "c: Instruction size mismatch in precompiled chunk",
      "c: lua_Integer size mismatch in precompiled chunk",
      "c: lua_Number size mismatch in precompiled chunk",
      "c: endianness mismatch in precompiled chunk",
      "c: float format mismatch in precompiled chunk",
      "c: truncated precompiled chunk",
      "c: truncated precompiled chunk",
      "c: version mismatch in precompiled chunk",
      "text: truncated precompiled chunk",
      "file: truncated precompiled chunk",
      "binary string: version mismatch in precompiled chunk",
    ]);
  });

  it("takes the first value a chunk left behind for the hook's result, in 32 bits", async () => {
    const hook = "function cli_execute() end";
    const typed = (value: string) => guest({ "boot/lua/loader.lua": hook }, `return ${value}\rnonsense {\r`);
    expect((await typed("1 << 53")).prompted).not.toContain("unknown command");
    expect((await typed("1 << 31")).prompted).toContain("unknown command");
  });

  it("finds nothing in a device that is opened as such, and in a file", async () => {
    const { printed } = await scripted(
      'for _, path in pairs({"", "host0:", "/f"}) do local n = 0 for _ in lfs.dir(path) do n = n + 1 end print(n) end',
      { f: "x".repeat(512) },
    );
    expect(printed).toBe("0\n0\n0\n");
  });
});
