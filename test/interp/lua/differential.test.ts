// The guest's Lua against fengari, which has another author: both run the same made-up programs and must print the
// same. Where fengari is known to differ, programs keep away from it or the difference is in the list below.

import fc from "fast-check";
import { lauxlib, lua, lualib, to_jsstring, to_luastring } from "fengari";
import { describe, expect, it } from "vitest";
import { byGuest } from "./guest.js";
import { programOf } from "./programs.js";

/** Known differences, and what is done about them. */
const DIFFERENCES: readonly { what: string; same?: (printed: string) => string }[] = [
  { what: "lengths of tables with holes: programs ask for none (`wide: false`)" },
  { what: "integers have 32 bits: programs cut numbers off (`wide: false`)" },
  { what: "division and powers are of real numbers: programs have neither" },
  { what: "`pairs` goes backwards: programs list nothing but tables of one entry" },
  { what: "no `__gc`, no weak tables: programs have neither; no `collectgarbage`: it is given one that does nothing" },
  {
    what: "strings in arithmetic give real numbers, shown with a fraction",
    same: (printed) => printed.replace(/(\d)\.0(?!\d)/g, "$1"),
  },
  {
    what: "addresses of objects",
    same: (printed) => printed.replace(/(table|function): (builtin: )?(0x)?[0-9a-f]+/g, "$1"),
  },
];

/** Where both go their own ways: real numbers made of strings that are no integers any more, and calls too deep for one. */
const PARTING = /no integer representation|\bnan\b|\binf\b|'n%%?0'|divide by zero|(C|JS) stack overflow/i;

const alike = (printed: string) => DIFFERENCES.reduce((text, { same }) => same?.(text) ?? text, printed);

const bytes = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));
const latin1 = (data: Uint8Array) => Array.from(data, (c) => String.fromCharCode(c)).join("");

/** What fengari prints for a program, errors at its end included. */
function byFengari(program: string, name: string): string {
  const state = lauxlib.luaL_newstate();
  lauxlib.luaL_requiref(state, to_luastring("_G"), lualib.luaopen_base, 1);
  lauxlib.luaL_requiref(state, to_luastring("string"), lualib.luaopen_string, 1);
  lua.lua_settop(state, 0);
  let printed = "";
  lua.lua_pushcfunction(state, (L) => {
    const shown: string[] = [];
    for (let i = 1, count = lua.lua_gettop(L); i <= count; i++) shown.push(latin1(lauxlib.luaL_tolstring(L, i)));
    printed += `${shown.join("\t")}\n`;
    return 0;
  });
  lua.lua_setglobal(state, to_luastring("print"));
  lua.lua_pushcfunction(state, () => 0);
  lua.lua_setglobal(state, to_luastring("collectgarbage"));
  const source = bytes(program);
  const failed =
    lauxlib.luaL_loadbufferx(state, source, source.length, to_luastring(`@${name}`), to_luastring("t")) !==
      lua.LUA_OK || lua.lua_pcall(state, 0, 0, 0) !== lua.LUA_OK;
  if (failed) printed += `! ${to_jsstring(lauxlib.luaL_tolstring(state, -1))}\n`;
  lua.lua_close(state);
  return printed;
}

describe("made-up programs", () => {
  const tape = fc.array(fc.nat({ max: 0xffff }), { minLength: 20, maxLength: 300, size: "max" });
  it("print what they print with fengari", async () => {
    let all = 0;
    let parted = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(tape, { minLength: 1, maxLength: 25, size: "max" }), async (tapes) => {
        const programs = tapes.map((numbers) => programOf(numbers, { wide: false }));
        const printed = await byGuest(programs);
        expect(printed.length).toBe(programs.length);
        printed.forEach((mine, i) => {
          const other = byFengari(programs[i]!, `/p${i}`);
          all++;
          if (PARTING.test(mine) || PARTING.test(other)) parted++;
          else expect(alike(mine), programs[i]).toBe(alike(other));
        });
      }),
      { numRuns: 20 },
    );
    expect(parted).toBeLessThan(all / 10);
  });
});
