// What is different in Lua 5.3 and 5.4, each as the loaders of FreeBSD build it: scripts with what real ones print, built
// with the loader's settings; the last ones are where both do the same, and this one once didn't. (Where those can't tell, as their printf is another or they die, there is no script.)

import { describe, expect, it } from "vitest";
import cases from "./dialects.json" with { type: "json" };
import { guest, scripted } from "./guest.js";

/** Runs scripts as files of a guest, each with globals of its own, and gives what each printed and returned. */
async function printed(scripts: readonly string[], profile: 12 | 13 | 14 | 15): Promise<string[]> {
  const files = Object.fromEntries(scripts.map((script, i) => [`p${i}`, script]));
  const run = `local function shown(...)
      local text = ""
      for i = 1, select("#", ...) do text = text .. (i > 1 and "\\t" or "") .. tostring((select(i, ...))) end
      return text
    end
    for i = 0, ${scripts.length - 1} do
      printc("<<<")
      local f, e = loadfile(string.format("/p%d", i), "t", setmetatable({}, {__index = _G}))
      if f then print("= " .. shown(pcall(f))) else print("! " .. tostring(e)) end
      printc(">>>")
    end`;
  const { text, result } = await guest({ ...files, "boot/lua/loader.lua": run }, "", { profile });
  expect(result.error?.name).toBe("InputEndedError");
  return [...text.matchAll(/<<<(.*?)>>>/gs)].map(([, one = ""]) =>
    one.replaceAll(/\/p\d+:/g, "p:").replaceAll(/0x[0-9a-f]{6,}/g, "0xP"),
  );
}

describe.each([
  [12, "lua53"],
  [13, "lua53"],
  [14, "lua54"],
  [15, "lua54"],
] as const)("the Lua of a loader of FreeBSD %i", (profile, version) => {
  // A script may replace what others share (the metatable of strings), so each that does is at the end of its own list.
  const shares = (script: string) => /getmetatable\(""\)/.test(script);
  const alone = cases.filter(({ script }) => shares(script));
  const together = cases.filter(({ script }) => !shares(script));

  it("prints what the real one prints", async () => {
    const outputs = await printed(
      together.map(({ script }) => script),
      profile,
    );
    expect(together.map(({ script }, i) => [script, outputs[i]])).toEqual(
      together.map((one) => [one.script, one[version]]),
    );
    for (const one of alone)
      expect([one.script, ...(await printed([one.script], profile))]).toEqual([one.script, one[version]]);
  });
});

describe("a start-up script that fails", () => {
  const run = async (profile: 12 | 13 | 14 | 15, files: Record<string, string>, env: string[] = []) =>
    (await guest(files, "", { profile, env })).text;
  const broken = { "boot/lua/loader.lua": 'error("no good")' };

  it("lets loaders up to 12 go on, and later ones wait at the prompt", async () => {
    expect(await run(12, broken)).toContain(
      "Startup error in /boot/lua/loader.lua:\nLUA ERROR: /boot/lua/loader.lua:1: no good.\n\n",
    );
    expect(await run(12, broken)).toContain("can't load 'kernel'");
    for (const profile of [13, 14, 15] as const) {
      const text = await run(profile, broken);
      expect(text).toContain("ERROR: /boot/lua/loader.lua:1: no good.\n\n");
      expect(text).not.toMatch(/Startup error|can't load/);
      expect(
        (await scripted('loader.setenv("autoboot_delay", "5") error("x")', {}, "show autoboot_delay\r", { profile }))
          .text,
      ).toContain("show autoboot_delay\nNO\n");
    }
  });

  it("may be missing, or have an error that is no text", async () => {
    expect(await run(13, {})).toContain("ERROR: cannot open /boot/lua/loader.lua: no such file or directory.\n");
    expect(await run(14, { "boot/lua/loader.lua": "error({})" })).toContain("ERROR: unknown.\n");
    expect(await run(14, { "boot/lua/loader.lua": "error(5 / 2)" })).toContain("ERROR: 2.0.\n");
    expect(await run(13, { "boot/lua/loader.lua": "error(5 / 2)" })).toContain("ERROR: 2.\n");
  });
});
