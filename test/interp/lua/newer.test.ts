// What loaders newer than 12.1 offer to their guests' scripts: found when asked for, not listed.

import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { guest, scripted } from "./guest.js";

describe("newer members", () => {
  it("are there, and don't show", async () => {
    const { printed } = await scripted(`
      print(loader.has_command("boot"), loader.has_command("nonsense"))
      print(loader.has_feature("EARLY_ACPI"), next(loader.features))
      print(loader.CMD_OK, loader.CMD_WARN, loader.CMD_ERROR, loader.CMD_CRIT, loader.CMD_FATAL)
      print(loader.lua_path, loader.version >= 3000, lfs.DT_DIR, lfs.DT_REG, lfs.DT_LNK)
      print(type(gfx), type(pager), type(hash), require("hash") == hash)
      for _, t in ipairs{_G, loader, lfs, package.loaded} do
        local seen = getmetatable(t) ~= nil
        for k in pairs(t) do
          if k == "gfx" or k == "pager" or k == "hash" or k == "has_command" or k == "DT_DIR" then seen = true end
        end
        printc(tostring(seen) .. " ")
      end
      print(rawget(_G, "gfx"), rawget(loader, "version"))
    `);
    expect(printed).toBe(
      "true\tnil\tBuiltin command not found\nnil\tEARLY_ACPI\tLoader probes ACPI in early startup\n0\t1\t2\t3\t4\n/boot/lua\ttrue\t4\t8\t10\n" +
        "table\ttable\ttable\ttrue\nfalse false false false nil\tnil\n",
    );
  });

  it("can be replaced by the guest", async () => {
    const { printed } = await scripted(`
      gfx = nil print(type(gfx))
      gfx = {own = true} print(gfx.own, rawget(_G, "gfx").own)
      loader.version = 1 print(loader.version)
      setmetatable(_G, {__index = function(_, name) return "no " .. name end})
      print(pager, absent)
    `);
    expect(printed).toBe("table\ntrue\ttrue\n1\nno pager\tno absent\n");
  });

  it("give the types of directory entries to those who take them", async () => {
    const { printed } = await scripted(
      `
      for name, kind in lfs.dir("/data") do
        if kind == lfs.DT_DIR then printc("d:") elseif kind == lfs.DT_REG then printc("f:") end
        printc(name .. " ")
      end
      print()
      `,
      { "data/file": "x", "data/sub/deep": "" },
    );
    expect(printed).toBe("d:. d:.. f:file d:sub \n");
  });

  it("end the session with a code", async () => {
    const { result } = await scripted("loader.exit(2)");
    expect(result).toMatchObject({ reason: "exit", exitCode: 2 });
  });
});

describe("the newer Lua", () => {
  it("looks for matches from a place on", async () => {
    const { printed } = await scripted(`
      local function found(...)
        for place, word in string.gmatch(...) do printc(place .. word .. " ") end
        print()
      end
      found("one two", "()(%a+)", 3) found("one two", "()(%a+)", -3) found("one two", "()(%a+)", -30)
      found("one", "()(%a*)", 4) found("one", "()(%a*)", 5) found("one", "()(%a*)", 1 << 62) found("one", "()(%a*)", {})
    `);
    expect(printed).toBe("3e 5two \n5two \n1one 5two \n4 \n\n\n1one \n");
  });

  it("warns nobody", async () => {
    const { printed } = await scripted(`
      print(select("#", warn("@on")), warn("a", 1)) print(pcall(warn)) print(pcall(warn, "a", {}))
      print(rawget(_G, "warn"), pcall(require, "warn"))
    `);
    expect(printed).toMatch(/^0\nfalse\t.*#1 .*no value\)\nfalse\t.*#2 .*got table\)\nnil\tfalse\t.*'warn' not found/);
  });

  it("changes the collector's mode, which tells the one before", async () => {
    const { printed } = await scripted(`
      print(collectgarbage("generational"), collectgarbage("incremental"), collectgarbage("incremental"))
      print(pcall(collectgarbage, "other"))
    `);
    expect(printed).toMatch(/^incremental\tgenerational\tincremental\nfalse\t.*invalid option 'other'/);
  });
});

describe("the library gfx", () => {
  it("draws nothing, as on any text console", async () => {
    const { printed } = await scripted(`
      print(gfx.term_putimage("/boot/images/logo.png", 1, 1, 0, 7, 0), gfx.fb_putimage())
      print(gfx.fb_line(1, 2, 3, 4, 5), select("#", gfx.term_drawrect(1, 2, 3, 4)), gfx.fb_setpixel())
      print(loader.term_drawrect == gfx.term_drawrect, pcall(gfx.fb_setpixel, 1, "x"))
    `);
    expect(printed).toMatch(
      /^false\tfalse\nnil\t0\tnil\ntrue\tfalse\tbad argument #2 .*number expected, got string\)\n$/,
    );
  });
});

describe("the library pager", () => {
  const LINES = 'for i = 1, 40 do pager.output("line " .. i, "\\n") end';

  it("stops where the screen is full", async () => {
    const { prompted } = await guest({ "p.lua": `pager.open() ${LINES} pager.close()` }, "dofile('/p.lua')\r \r");
    expect(prompted).toContain("line 23\n --more--");
    expect(prompted).toContain("line 40\n");
  });

  it("shows files, and numbers", async () => {
    const { printed } = await scripted(
      'pager.open() print(select("#", pager.file("/note"))) pager.output(12, "\\n") pager.file("/absent") pager.close()',
      { note: "a note\n" },
    );
    expect(printed).toBe("a note\n0\n12\ncan't open '/absent': no such file or directory\n");
  });
});

describe("the library hash", () => {
  const sha256 = (text: string) => createHash("sha256").update(text, "latin1").digest("hex");

  it.each([0, 1, 3, 55, 56, 63, 64, 65, 119, 120, 1000, 100_000])("digests %i bytes, in any pieces", async (size) => {
    const { printed } = await scripted(`
      local text = ("x"):rep(${size})
      print(hash.sha256(text):hexdigest())
      local h = hash.sha256()
      local at = 1
      for _, piece in ipairs{1, 62, 2, 64, 7, 100, ${size}} do
        h:update(text:sub(at, at + piece - 1))
        at = at + piece
      end
      print(h:hexdigest())
    `);
    expect(printed).toBe(`${sha256("x".repeat(size))}\n`.repeat(2));
  });

  it("gives bytes, begins anew, and takes only its own objects", async () => {
    const { printed } = await scripted(`
      local h = hash.sha256("abc")
      local d = h:update("def"):digest()
      print(#d, d:byte(1), h:update("abc"):hexdigest())
      print(hash.sha256(1, 2), pcall(h.update, io.open("/boot/lua/loader.lua"), "x"))
    `);
    const first = parseInt(sha256("abcdef").slice(0, 2), 16);
    expect(printed).toMatch(
      new RegExp(`^32\\t${first}\\t${sha256("abc")}\\nnil\\tfalse\\tbad argument #1 .*SHA256.* expected`),
    );
  });
});
