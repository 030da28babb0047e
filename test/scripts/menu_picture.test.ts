// The picture in README.md is what the loader draws: the script that makes it, and the picture itself.

import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { digestOf, drawScreen, menuPicture, Screen } from "../../scripts/menu-picture.mjs";
import { findSources } from "../interp/sources.js";
import { inRepository } from "../support/repository.js";
import { Scratch } from "../support/scratch.js";

const PICTURE = readFileSync(inRepository("docs/menu.svg"), "utf8");

/** Texts of a picture, with their colours. */
const texts = (picture: string) =>
  [...picture.matchAll(/<text [^>]*fill="(#\w+)"[^>]*>([^<]*)</g)].map(([, colour, text]) => [colour, text]);

it("draws what a terminal shows: places, colours, what is erased", () => {
  const screen = new Screen();
  screen.write("gone\x1b[2J\x1b[2;3H\x1b[32mgreen\x1b[0m & <plain>\r\n\x1b[1mbold\x1b[22mxx\b\b\x1b[K\x1b[5;80Hab");
  const picture = drawScreen(screen, "title", "description");
  expect(texts(picture)).toEqual([
    ["#98c379", "green"],
    ["#c8ccd4", "&#38; &#60;plain&#62;"],
    ["#ffffff", "bold"],
    ["#c8ccd4", "a"],
    ["#c8ccd4", "b"],
  ]);
  expect(() => screen.write("\x1b[3q")).toThrow("unknown control sequence q");
});

it("boots the guest with the scripts that it is given", async () => {
  using scratch = new Scratch();
  for (const name of ["lua", "defaults"]) mkdirSync(join(scratch.path, "stand", name), { recursive: true });
  scratch.file("stand/defaults/loader.conf", "");
  scratch.file(
    "stand/lua/loader.lua",
    String.raw`loader.printc("\027[2J\027[1;1H\201\205\187 \027[31mA menu\027[0m")
    io.getchar()
    loader.perform("load /boot/kernel/kernel")
    loader.perform("boot")`,
  );
  expect(texts(await menuPicture(scratch.path))).toEqual([
    ["#c8ccd4", "╔═╗"],
    ["#e06c75", "A menu"],
  ]);
});

const drawn = findSources("lua").filter(({ path }) => PICTURE.includes(digestOf(path)));
if (drawn.length === 0) console.warn("SKIPPED: docs/menu.svg, which is of FreeBSD 12.1's scripts");
it.each(drawn)("docs/menu.svg is what the scripts of $name draw", async ({ path }) => {
  expect(await menuPicture(path)).toBe(PICTURE);
});
