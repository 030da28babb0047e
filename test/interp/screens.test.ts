// What a person sees of a menu, key by key, kept as text in screens/ (`npx vitest run -u` writes it anew): a menu of our
// own, which places itself by the console's size, and that of FreeBSD's newest scripts, where there are some
// (./sources.ts), without their pictures.

import type { ConsoleSize, Keys } from "userboot-wasm";
import { describe, expect, it } from "vitest";
import { Utf8Drawing } from "../../build/host/console/charset.js";
import type { Files } from "../support/ufs_image.js";
import { type Driven, drive } from "./screen.js";
import { BOOTABLE, driveLua, findSources, scriptText } from "./sources.js";

const SIZES: ConsoleSize[] = [
  { columns: 80, rows: 24 },
  { columns: 120, rows: 40 },
];

/** What the newest scripts are set up for: no pictures, two kernels, environments on a pool. */
const PLAIN = `loader_logo="none"
loader_brand="none"
loader_color="NO"
loader_menu_title="Welcome"
autoboot_delay="5"
kernels="kernel kernel.old"
`;
const ENVIRONMENTS = `
require("core").isZFSBoot = function() return true end
loader.setenv("zfs_be_active", "zfs:pool/ROOT/default")
loader.setenv("bootenvs_count", "2")
loader.setenv("bootenvs[0]", "zfs:pool/ROOT/default")
loader.setenv("bootenvs[1]", "zfs:pool/ROOT/older")
`;

/** A frame in the middle of the screen, of code page 437, and options that keys switch. */
const OWN_MENU = `
local rows, columns = tonumber(loader.getenv("LINES")), tonumber(loader.getenv("COLUMNS"))
local width, height = 40, 9
local left, top = (columns - width) // 2, (rows - height) // 2
local function at(x, y, text) printc("\\027[" .. y .. ";" .. x .. "H" .. text) end
local options = { { key = "v", name = "Verbose", variable = "boot_verbose" }, { key = "s", name = "Single user", variable = "boot_single" } }
local function draw()
  printc("\\027[H\\027[J\\027[36m")
  at(left, top, "\\xc9" .. string.rep("\\xcd", width) .. "\\xbb")
  for y = 1, height do at(left, top + y, "\\xba" .. string.rep(" ", width) .. "\\xba") end
  at(left, top + height, "\\xc8" .. string.rep("\\xcd", width) .. "\\xbc")
  printc("\\027[0m")
  at(left + 2, top + 1, "Our own menu, " .. columns .. " by " .. rows)
  at(left + 2, top + 3, "Enter  boot")
  for i, option in ipairs(options) do
    at(left + 2, top + 3 + i, option.key .. "      " .. option.name .. ": " .. (loader.getenv(option.variable) or "no"))
  end
  at(left + 2, top + 6, "Esc    prompt")
  at(1, rows, "")
end
loader.setenv("autoboot_delay", "NO")
function cli_execute(...) return loader.command(...) end
while true do
  draw()
  local key = string.char(io.getchar())
  if key == "\\r" then loader.perform("boot /boot/kernel/kernel") elseif key == "\\027" then break end
  for _, option in ipairs(options) do
    if key ~= option.key then
    elseif loader.getenv(option.variable) then loader.unsetenv(option.variable)
    else loader.setenv(option.variable, "YES") end
  end
end
`;
const OWN: Files = { ...BOOTABLE, "/boot/loader": "$Interpreter:lua\0", "/boot/lua/loader.lua": OWN_MENU };

const ESCAPE = "\x1b";
const UP = "\x1b[A";
/** How a key is called in the files. */
const NAMES: Readonly<Record<string, string>> = {
  " ": "Space",
  "\r": "Enter",
  [ESCAPE]: "Esc",
  "\x7f": "Backspace",
  "\x15": "^U",
  [UP]: "Up",
};

/** A pause before each key, so that what the one before made is on the screen. */
const slowly = (keys: readonly string[]): Keys[] => keys.flatMap((key) => [{ waitS: 1 }, key]);

/** A screen's rows, without the blank ones around them, and what a kernel's sections are like: no menu changes that. */
function drawn(screen: string): string {
  const text = Buffer.from(new Utf8Drawing().draw(Buffer.from(screen, "latin1"))).toString();
  const rows = text
    .trimEnd()
    .replaceAll(/ text=0x.*/g, " ...")
    .split("\n");
  const first = rows.findIndex((row) => row !== "");
  return `, row ${first + 1}\n${rows.slice(first).join("\n")}`;
}

/** Each screen that a key made, and how it ended. Screens are those at each byte that was read. */
function album(keys: readonly string[], { result, shown, last }: Driven): string {
  let read = 0;
  let before = drawn(shown[0] ?? last);
  let text = `== start${before}\n`;
  for (const key of keys) {
    read += key.length;
    const now = drawn(shown[read] ?? last);
    text += `== ${NAMES[key] ?? key.replaceAll("\r", "")}${now === before ? ", the same" : now}\n`;
    before = now;
  }
  return `${text}== ${result.reason}\n`;
}

/** The newest scripts have kernels under a heading and pictures of two kinds; systems with a menu of their own are others. */
const newest = findSources("lua").filter(
  ({ path }) =>
    scriptText(path, "menu").includes('name = "Kernel:"') && scriptText(path, "drawer").includes("adapt_fb_shim"),
);
if (newest.length === 0) console.warn("SKIPPED: screens of FreeBSD's newest menu; no scripts of FreeBSD 15 are known.");

/** Every key of the main menu and its two submenus; what ends the menu comes last. */
const NEWEST_KEYS = [
  [" ", "k", "k", "c", "c", "c", "c", "x", UP, "o", "a", "m", "s", "v", "d", "\x7f", "e", "a", "b", "\x7f", "b"],
  ["K", "C", "O", "V", "1", "E", "A", "1", "S"],
  ["2"],
  ["\r"],
  ["6", "7", "5", "1", "8", "2", "1", ESCAPE, "echo here\r", "menu\r", "1"],
  ["3", "echo there\r", "boot\r"],
  ["r"],
  ["4"],
];

describe.each(SIZES)("on a screen of $columns by $rows,", (size) => {
  const file = (name: string) => `screens/${name}-${size.columns}x${size.rows}.txt`;

  it("our own menu stands in the middle, and takes its keys", async () => {
    const keys = ["v", "s", "s", "x", UP, ESCAPE, "show boot_verbose\r", UP, "\x15", "boot /boot/kernel/kernel\r"];
    const driven = await drive(OWN, slowly(keys), { size, edits: true });
    expect(driven.result.reason).toBe("exec");
    await expect(album(keys, driven)).toMatchFileSnapshot(file("own"));
  });

  it.each(['"comconsole,vidconsole"', '"efi comconsole userboot"'])(
    "our own menu is as clear on consoles %s",
    async (consoles) => {
      const turns = `for c in string.gmatch(${consoles}, "%w+") do loader.setenv("console", c) draw() end`;
      const menu = OWN_MENU.replace("\n  draw()\n", `\n  ${turns} loader.setenv("console", ${consoles})\n`);
      const keys = ["v", "s", ESCAPE, "show boot_single\r", "boot /boot/kernel/kernel\r"];
      const [one, several] = [OWN, { ...OWN, "/boot/lua/loader.lua": menu }];
      const plain = await drive(one, slowly(keys), { size, profile: 13 });
      expect(menu).not.toBe(OWN_MENU);
      expect(album(keys, await drive(several, slowly(keys), { size, profile: 13 }))).toBe(album(keys, plain));
    },
  );

  describe.skipIf(newest.length === 0)("the menu of FreeBSD's newest scripts", () => {
    it.each(newest)("has these screens ($name)", async ({ path }) => {
      const files = { "/boot/lua/local.lua": ENVIRONMENTS };
      const screens: string[] = [];
      for (const keys of NEWEST_KEYS) {
        const driven = await driveLua(path, PLAIN, files, slowly(keys), { size, edits: true });
        screens.push(album(keys, driven));
      }
      await expect(screens.join("\n")).toMatchFileSnapshot(file("newest"));
    });

    it.each(newest)("is as clear on consoles that are a PC's ($name)", async ({ path }) => {
      const keys = [" ", "k", "o", ESCAPE];
      const screens = async (consoles: string) =>
        album(keys, await driveLua(path, `${PLAIN}console="${consoles}"\n`, {}, slowly(keys), { size }));
      expect(await screens("comconsole,vidconsole")).toBe(await screens("comconsole"));
      expect(await screens("efi,comconsole")).toBe(await screens("comconsole"));
    });
  });
});
