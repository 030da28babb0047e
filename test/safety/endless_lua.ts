// Guests whose Lua would go on for ever, or take more and more: the language, what it can do with the loader, and
// file systems that lead it in rings. test/interp/lua has many more that need no disk.

import type { Disk } from "userboot-wasm";
import type { SparseDisk } from "../support/sparse_disk.js";
import type { UfsImage } from "../support/ufs_image.js";
import { bootInItself, endlessHole, guest, loopOfIndirectBlocks } from "./endless_guests.js";

const SCRIPT = "/boot/lua/loader.lua";

/** Adds the start script to a guest; `more` adds to its /boot, and `harm` damages it when it is written. */
const lua =
  (
    script: string,
    more: (image: UfsImage, boot: number, scripts: number) => void = () => {},
    harm?: (disk: SparseDisk, image: UfsImage) => void,
  ) =>
  (): Disk =>
    guest(
      undefined,
      (image, boot) => {
        const scripts = image.directory(boot, "lua");
        image.file(scripts, "loader.lua", `${script}\n`);
        more(image, boot, scripts);
      },
      harm,
    );

/** /boot/a and /boot/b are links to each other. */
function ringOfLinks(image: UfsImage, boot: number): void {
  image.link(boot, "a", "b");
  image.link(boot, "b", "/boot/a");
}

export const ENDLESS_LUA: Record<string, () => Disk> = {
  "an empty loop": lua("while true do end"),
  "a loop of 2^63 turns": lua("for i = 1, 0x7fffffffffffffff do end"),
  "a function that calls itself": lua("local function f() return 1 + f() end f()"),
  "errors caught for ever": lua("while true do pcall(error, 'x') end"),
  "a text that doubles": lua("local s = 'xxxxxxxx' while true do s = s .. s end"),
  "a table that grows": lua("local t = {} while true do t[#t + 1] = #t end"),
  "tables in tables": lua("local t = {} while true do t = { t, t } end"),
  "garbage without end": lua("while true do local t = { {}, {}, 'a' .. tostring({}) } end"),
  "a pattern that goes back for ever": lua("('a'):rep(100):find(('a?'):rep(100) .. ('a'):rep(100))"),
  "text compiled for ever": lua("while true do load(('return '):rep(2000)) end"),
  "brackets within brackets": lua(`return ${"(".repeat(100_000)}`),
  "a collector that is called by itself": lua(
    "setmetatable({}, { __gc = function(o) setmetatable({}, getmetatable(o)) end }) while true do local x = {} end",
  ),
  "output without end": lua("while true do printc('x') end"),
  "looking for a key for ever": lua("while true do io.ischar() end"),
  "a wait of sixty years": lua("while true do loader.delay(2000000000) end"),
  "the loader's commands, over and over": lua("while true do loader.perform('ls /boot') end"),
  "ever more variables": lua("local i = 0 while true do i = i + 1 loader.setenv('v' .. i, ('x'):rep(200)) end"),
  "a script that runs itself": lua(`dofile('${SCRIPT}')`),
  "a script that runs itself, over and over": lua(`while true do pcall(dofile, '${SCRIPT}') end`),
  "a script that the loader includes from itself": lua(`loader.perform('include ${SCRIPT}')`),
  "a script that the loader includes from itself, over and over": lua(
    `while true do loader.perform('include ${SCRIPT}') end`,
  ),
  "modules that require each other, over and over": lua(
    "while true do pcall(require, 'a') package.loaded.a, package.loaded.b = nil, nil end",
    (image, _, scripts) => {
      image.file(scripts, "a.lua", "package.loaded.b = nil require('b')");
      image.file(scripts, "b.lua", "package.loaded.a = nil require('a')");
    },
  ),
  "symbolic links in a ring": lua(
    `for i = 1, 50 do
       assert(io.open('/boot/a') == nil and lfs.attributes('/boot/a') == nil)
     end
     while true do dofile('/boot/b') end`,
    ringOfLinks,
  ),
  "symbolic links in a ring, over and over": lua("while true do io.open('/boot/a') end", ringOfLinks),
  "a start script that is a link to itself": () =>
    guest(undefined, (image, boot) => image.link(image.directory(boot, "lua"), "loader.lua", "loader.lua")),
  "a directory that is in itself": lua(
    `local function walk(path)
       for name in lfs.dir(path) do
         if lfs.attributes(path .. '/' .. name, 'mode') == 'directory' and name ~= '.' then walk(path .. '/' .. name) end
       end
     end
     while true do pcall(walk, '/boot') end`,
    undefined,
    bootInItself,
  ),
  "a directory of 4 EiB": () =>
    endlessHole((image, boot) => {
      image.file(image.directory(boot, "lua"), "loader.lua", "for name in lfs.dir('/boot/big') do end\n");
      return image.directory(boot, "big");
    }),
  "a start script of 4 EiB": () =>
    endlessHole((image, boot) => image.file(image.directory(boot, "lua"), "loader.lua", "local x = 1\n")),
  "indirect blocks that are themselves": () =>
    loopOfIndirectBlocks("big", undefined, undefined, (image, boot) =>
      image.file(
        image.directory(boot, "lua"),
        "loader.lua",
        "local f = io.open('/boot/big') while #io.read(f, 65536) > 0 do end\n",
      ),
    ),
  "indirect blocks that are themselves, run as a script": () =>
    loopOfIndirectBlocks("big", undefined, undefined, (image, boot) =>
      image.file(image.directory(boot, "lua"), "loader.lua", "dofile('/boot/big')\n"),
    ),
};
