// Rows on the flavour lua: programs beside Debian's lua5.3 and fengari, and whole boots with Lua scripts: the
// project's own and, where their directory is given, FreeBSD's, whose script part is run by all three.
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fengari from "fengari";
import { makeGuest } from "./guest.mjs";
import { bootRows, STAND_NAME, scriptedGuests, series, warmBoots } from "./scripted.mjs";

const STUB = fileURLToPath(new URL("stub_loader.lua", import.meta.url));
/** Times that a peer runs FreeBSD's scripts in one process. */
const SCRIPT_RUNS = 30;

/** Programs that all three understand alike, and print something. */
const PROGRAMS = {
  "loop of 10 million additions": "local s = 0 for i = 1, 10000000 do s = s + i % 8 end print(s)",
  "calls: fib(27)":
    "local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end print(fib(27))",
  "methods through a metatable":
    "local C = {} C.__index = C function C:add() self.n = self.n + 1 end " +
    "local o = setmetatable({ n = 0 }, C) for i = 1, 1000000 do o:add() end print(o.n)",
  "closures made and called":
    "local n = 0 for i = 1, 500000 do local f = function() return i end n = n + f() % 8 end print(n)",
  "tables: 300,000 integer keys":
    "local t = {} for i = 1, 300000 do t[i] = i end local s = 0 for i = 1, #t do s = s + t[i] % 8 end print(s)",
  "tables: 100,000 string keys":
    "local t = {} for i = 1, 100000 do t['k' .. i] = 1 end local s = 0 for k, v in pairs(t) do s = s + v end print(s)",
  "strings: 10,000 times one byte more": "local s = '' for i = 1, 10000 do s = s .. 'x' end print(#s)",
  "strings: find, match, gsub":
    "local s = ('name=\"value\" # comment\\n'):rep(3000) local n = 0 " +
    "for k, v in s:gmatch('(%w+)=\"(%w+)\"') do n = n + #k + #v end print(n, #s:gsub('%s+', ' '))",
  "strings: format": "local n = 0 for i = 1, 50000 do n = n + #string.format('%d %s %x', i, 'abc', i) end print(n)",
};

export async function luaRows(bench) {
  const { directory, row, leftOut, median } = bench;
  const { boot, KeysConsole } = await import("userboot-wasm");
  const options = { start: "lua", interfaceVersion: 4, isolation: "none", clock: "virtual" };

  const tree = join(directory, "lua-programs");
  mkdirSync(join(tree, "boot", "lua"), { recursive: true });
  const program = async (source, expected) => {
    writeFileSync(join(tree, "boot", "lua", "loader.lua"), source);
    const console = new KeysConsole([]);
    const began = performance.now();
    await boot({ ...options, hostTrees: [tree], disks: [], env: ["autoboot_delay=NO"], console });
    const ms = performance.now() - began;
    if (!console.text.includes(expected)) throw new Error(`lua says ${console.text.slice(-200)}`);
    return ms;
  };
  const hasNative = spawnSync("lua5.3", ["-v"]).status === 0;
  if (!hasNative) leftOut("lua: programs in lua5.3", "lua5.3 isn't installed");
  await series(9, () => program("print('ready')", "ready"));
  const idle = await series(9, () => program("print('ready')", "ready"));
  row("lua: session that starts, and ends at the prompt", idle, "ms");
  for (const [name, source] of Object.entries(PROGRAMS)) {
    const expected = viaFengari(source).text;
    const ours = (await series(5, () => program(source, expected.trim()))) - idle;
    row(`lua: ${name}`, ours, "ms");
    if (hasNative) {
      const native = median(5, () => nativeMs(source));
      row("  lua5.3", native, "ms");
      row("  ratio", ours / native, "x");
    }
    const { ms } = viaFengari(source);
    row("  fengari", ms, "ms");
    row("  ratio to fengari", ours / ms, "x");
  }

  for (const [name, guest] of scriptedGuests(bench, "lua", ownScripts, standScripts)) {
    const { ms } = await bootRows(bench, "lua", name, guest, options, name === STAND_NAME ? 15 : undefined);
    if (name !== STAND_NAME) continue;
    // The same without scripts: what is left is theirs.
    const bare = makeGuest(directory, "lua-bare", bareScript);
    const scriptPart = ms - (await warmBoots(bare, options)).ms;
    row("  script part: more than a boot with three lines of Lua", scriptPart, "ms");
    const peers = join(directory, "peers.lua");
    writeFileSync(peers, peerSource(guest.tree));
    if (hasNative) {
      const native = median(5, () =>
        nativeMs(`dofile(${JSON.stringify(peers)}) for i = 1, ${SCRIPT_RUNS} do run() end`),
      );
      row("  the same scripts in lua5.3", native / SCRIPT_RUNS, "ms");
      row("  ratio", scriptPart / (native / SCRIPT_RUNS), "x", 4);
    }
    const { cold, warm } = scriptsInFengari(readFileSync(peers, "utf8"));
    row("  in fengari, first time", cold, "ms");
    row("  in fengari, warm", warm, "ms");
    rmSync(peers);
  }
}

/** Milliseconds of processor time that lua5.3 takes for `source`, start-up not counted. */
function nativeMs(source) {
  const measured = `local began = os.clock() ${source} io.stderr:write((os.clock() - began) * 1000)`;
  // Scripts may replace what the measurement uses.
  const kept = `local write, clock = io.stderr, os.clock local began = clock() ${source} write:write((clock() - began) * 1000)`;
  const { status, stderr } = spawnSync("lua5.3", ["-e", measured.includes("dofile") ? kept : measured], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`lua5.3: ${stderr}`);
  return Number(stderr.match(/[\d.]+$/)[0]);
}

/** What fengari prints for `source`, and its milliseconds. */
function viaFengari(source) {
  const { lua, lauxlib, lualib, to_jsstring: toText, to_luastring: toLua } = fengari;
  const L = lauxlib.luaL_newstate();
  lualib.luaL_openlibs(L);
  const texts = [];
  lua.lua_pushcfunction(L, (state) => {
    const count = lua.lua_gettop(state);
    const parts = Array.from({ length: count }, (_, i) => toText(lauxlib.luaL_tolstring(state, i + 1)));
    texts.push(parts.join("\t"));
    return 0;
  });
  lua.lua_setglobal(L, toLua("print"));
  const began = performance.now();
  if (lauxlib.luaL_dostring(L, toLua(source)) !== lua.LUA_OK) throw new Error(toText(lua.lua_tostring(L, -1)));
  return { ms: performance.now() - began, text: texts.join("\n") };
}

function scriptsInFengari(source) {
  const { lua, lauxlib, lualib, to_jsstring: toText, to_luastring: toLua } = fengari;
  const L = lauxlib.luaL_newstate();
  lualib.luaL_openlibs(L);
  const run = (text) => {
    if (lauxlib.luaL_dostring(L, toLua(text)) !== lua.LUA_OK) throw new Error(toText(lua.lua_tostring(L, -1)));
  };
  run(source);
  const times = Array.from({ length: 10 }, () => {
    const began = performance.now();
    run("run()");
    return performance.now() - began;
  });
  return { cold: times[0], warm: times.slice(1).sort((a, b) => a - b)[4] };
}

/** A Lua program with the guest's files and the stub of the loader. */
function peerSource(tree) {
  const quote = (text) =>
    `"${text.replace(/[\\"\n\r\0]/g, (c) => `\\${c.charCodeAt(0).toString().padStart(3, "0")}`)}"`;
  const files = [];
  const add = (path) => files.push(`["/${path}"] = ${quote(readFileSync(join(tree, path), "latin1"))}`);
  for (const name of readdirSync(join(tree, "boot", "lua"))) add(`boot/lua/${name}`);
  add("boot/defaults/loader.conf");
  files.push('["/boot/kernel/kernel"] = ""');
  return `FILES = { ${files.join(",\n")} }\n${readFileSync(STUB, "utf8")}`;
}

export function ownScripts(boot) {
  mkdirSync(join(boot, "lua"));
  copyFileSync(new URL("scripts/loader.lua", import.meta.url), join(boot, "lua", "loader.lua"));
  return ["notes.txt"];
}

function bareScript(boot) {
  mkdirSync(join(boot, "lua"));
  writeFileSync(
    join(boot, "lua", "loader.lua"),
    [
      'loader.perform("load /boot/kernel/kernel")',
      'loader.setenv("autoboot_delay", "NO")',
      'loader.perform("boot")',
    ].join("\n"),
  );
  return [];
}

/** What the Makefiles of FreeBSD's stand/lua and stand/defaults install. */
function standScripts(stand, boot) {
  mkdirSync(join(boot, "lua"));
  for (const file of readdirSync(join(stand, "lua"))) {
    if (file.endsWith(".lua")) copyFileSync(join(stand, "lua", file), join(boot, "lua", file));
  }
  mkdirSync(join(boot, "defaults"));
  copyFileSync(join(stand, "defaults", "loader.conf"), join(boot, "defaults", "loader.conf"));
  return [];
}
