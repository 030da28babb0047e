// The libraries `io` and `lfs`: files, directories, keys.

import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { guest, scripted } from "./guest.js";

const latin1 = (data: Uint8Array) => Buffer.from(data).toString("latin1");
const FILES = { "data/text": "first line\nsecond line\n", "data/empty": "", "data/sub/deep": "x" };

describe("the library io", () => {
  it("reads files in pieces and whole", async () => {
    const { printed } = await scripted(
      `
      local f = io.open("/data/text")
      print(io.read(f, 5)) print(io.read(f, "6")) print(io.read(f)) print(io.read(f)) print(io.read(f, 10))
      print(io.close(f), io.close(f), io.read(f))
      f = io.open("/data/empty", "r")
      print(io.read(f)) print(io.close(f))
      `,
      FILES,
    );
    expect(printed).toBe("first\t5\n line\n\t6\nsecond line\n\t12\n\t0\n\t0\ntrue\tfalse\tnil\t0\n\t0\ntrue\n");
  });

  it("reads large files into strings, also ones that don't tell their size", async () => {
    const large = Array.from({ length: 100_000 }, (_, i) => `line ${i}\n`).join("");
    const { printed, result } = await scripted(
      `
      for _, name in ipairs{"/large", "/packed"} do
        for i = 1, 20 do
          local f = io.open(name)
          local all, size = io.read(f)
          io.close(f)
          if i == 20 then print(size == #all, #all, all:sub(-11)) end
        end
      end
      local f = io.open("/packed")
      print(#io.read(f, 100000), #io.read(f, 10), io.read(f, 3)) io.close(f)
      `,
      { large, "packed.gz": latin1(gzipSync(large)) },
    );
    const end = `true\t${large.length}\tline 99999\n\n`;
    expect(printed).toBe(`${end}${end}100000\t10\t${large.slice(100_010, 100_013)}\t3\n`);
    expect(result.error?.name).toBe("InputEndedError");
  });

  it("caps what scripts ask for", async () => {
    const { printed, result } = await scripted(
      `
      local f = io.open("/data/text")
      print(io.read(f, 1 << 40)) print(io.read(f, -1)) print(io.read(f, math_huge))
      `,
      FILES,
    );
    expect(printed).toBe("first line\nsecond line\n\t23\n\t0\n\t0\n");
    expect(result.error?.name).toBe("InputEndedError");
  });

  it("has at most 64 open files, and closes them only when told", async () => {
    const { printed } = await scripted(
      `
      local open = {}
      for i = 1, 100 do open[i] = io.open("/data/text") if open[i] == nil then break end end
      print(#open <= 64, io.open("/data/text"))
      for i = 1, #open do io.close(open[i]) end
      print(io.open("/data/text") ~= nil)
      `,
      FILES,
    );
    expect(printed).toBe("true\tnil\ntrue\n");
  });

  it("writes nothing", async () => {
    const { printed } = await scripted(
      `
      local f = io.open("/data/text", "r+")
      print(io.write(f, "a", 1)) print(io.write(f)) print(io.write(f, {})) print(io.write(f, "")) print(io.close(f))
      f = io.open("/data/text") print(io.write(f, "a")) print(io.write(nil, "a"))
      `,
      FILES,
    );
    expect(printed).toBe(
      "nil\tread-only filesystem\t30\nnil\tinvalid argument\t22\nnil\tinvalid argument\t22\n0\ntrue\n" +
        "nil\tbad file descriptor\t9\nnil\tinvalid argument\t22\n",
    );
  });

  it("takes nothing else for a file", async () => {
    const { printed } = await scripted(
      `
      local _, directory = lfs.dir("/data")
      for _, value in ipairs{directory, "text", 5, true, {}, print} do print(io.read(value), io.close(value)) end
      print(pcall(directory.close, io.open("/data/text")))
      print(pcall(io.read, io.open("/data")))
      `,
      FILES,
    );
    expect(printed).toMatch(
      /^(nil\tfalse\n){6}false\tbad argument #1 .*directory iterator metatable expected.*\nfalse\t.*\n$/,
    );
  });

  it("reads keys and lines", async () => {
    const keys = "kab\x08c\r\x1bend\r";
    const { printed } = await scripted(
      "print(io.getchar()) print(io.gets()) print(io.getchar(), io.gets(), io.ischar())",
      {},
      keys,
    );
    expect(printed).toContain("107\n");
    expect(printed).toContain("\nac\n");
    expect(printed).toContain("27\tend\tfalse\n");
  });
});

describe("the library lfs", () => {
  it("lists directories", async () => {
    const { printed } = await scripted(
      `
      for name in lfs.dir("/data") do printc(name .. " ") end
      print(lfs.dir("/absent"), lfs.dir())
      local next, state = lfs.dir("/data/sub")
      print(next(state)) print(state:next()) state:close() print(pcall(next, state))
      `,
      FILES,
    );
    expect(printed).toMatch(
      /^\. \.\. empty sub text nil\tnil\n\.\n\.\.\nfalse\tbad argument #1 .*\(closed directory\)\n$/,
    );
  });

  it("closes directories that are forgotten", async () => {
    const { printed } = await scripted(
      `
      for round = 1, 10 do
        for i = 1, 30 do lfs.dir("/data") end
        collectgarbage()
      end
      print(lfs.dir("/data") ~= nil)
      `,
      FILES,
    );
    expect(printed).toBe("true\n");
  });

  it("describes files", async () => {
    const { printed } = await scripted(
      `
      print(lfs.attributes("/data/text", "mode"), lfs.attributes("/data/text", "size"), lfs.attributes("/data", "mode"))
      local all = lfs.attributes("/data/text")
      print(all.mode, all.size, all.permissions, all.uid)
      local mine = {own = 1}
      print(lfs.attributes("/data/text", mine) == mine, mine.size, mine.own)
      print(lfs.attributes("/absent", "mode"))
      print(pcall(lfs.attributes, "/data/text", "colour"))
      `,
      FILES,
    );
    expect(printed).toBe(
      "file\t23\tdirectory\nfile\t23\t644\t0\ntrue\t23\t1\n" +
        "nil\tcannot obtain information from file '/absent': no such file or directory\t2\n" +
        "false\tinvalid attribute name 'colour'\n",
    );
  });

  it("runs on the prompt's names", async () => {
    const { prompted } = await guest(FILES, "for n in lfs.dir('/data/sub') do print('<'..n..'>') end\r");
    expect(prompted).toContain("<.>\n<..>\n<deep>\n");
  });
});
