// Makes docs/menu.svg: the boot menu that FreeBSD's own Lua scripts draw, as a terminal shows it. The project's guest is
// booted with the scripts of a FreeBSD source tree laid over its own; they are no part of this repository.
//
//     node scripts/menu-picture.mjs SOURCES [OUTPUT]     (SOURCES has stand/lua; the picture in README.md is of 12.1)

import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gunzipSync } from "node:zlib";
import { boot, KeysConsole } from "userboot-wasm";
import { Utf8Drawing } from "../build/host/console/charset.js";
import { root } from "./core.mjs";

const COLUMNS = 80;
const ROWS = 24;
/** A character's place, in the picture's units. */
const WIDTH = 8.4;
const HEIGHT = 16;
const MARGIN = 14;
/** A terminal's colours: plain, then bright. */
const COLOURS = ["#1b1d23", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#c8ccd4"];
const BRIGHT = ["#5c6370", "#ff8b94", "#b5e890", "#ffd98f", "#8cc8ff", "#e09cf5", "#7fdbe6", "#ffffff"];
const PLAIN = { colour: 7, bright: false };

/** How the guest is set up: its menu has a frame in lines, and no logo, which is FreeBSD's. */
const SETTINGS = `autoboot_delay="10"
loader_color="YES"
loader_logo="none"
loader_brand="none"
`;

/** What a terminal shows: rows of cells with a character and how it is drawn. */
export class Screen {
  rows = Array.from({ length: ROWS }, () => this.#blank());
  #row = 0;
  #column = 0;
  #pen = PLAIN;

  /** Takes a text with the sequences for positions, erasing and colours. */
  write(text) {
    for (const [whole, numbers, letter] of text.matchAll(/\x1b\[([\d;]*)([A-Za-z])|./gsu)) {
      if (letter !== undefined) this.#control(letter, numbers.split(";").map(Number));
      else this.#put(whole);
    }
  }

  #blank() {
    return Array.from({ length: COLUMNS }, () => ({ text: " ", ...PLAIN }));
  }

  #put(text) {
    if (text === "\r") this.#column = 0;
    else if (text === "\b") this.#column = Math.max(this.#column - 1, 0);
    else if (text === "\n") this.#down();
    else {
      if (this.#column === COLUMNS) {
        this.#column = 0;
        this.#down();
      }
      this.rows[this.#row][this.#column++] = { text, ...this.#pen };
    }
  }

  #down() {
    if (this.#row < ROWS - 1) this.#row++;
    else this.rows = [...this.rows.slice(1), this.#blank()];
  }

  #control(letter, numbers) {
    const within = (value, end) => Math.min(Math.max((value || 1) - 1, 0), end - 1);
    if (letter === "H") {
      this.#row = within(numbers[0], ROWS);
      this.#column = within(numbers[1], COLUMNS);
    } else if (letter === "J") {
      const from = numbers[0] === 2 ? 0 : this.#row + 1;
      if (from > 0) this.#eraseLine();
      for (let row = from; row < ROWS; row++) this.rows[row] = this.#blank();
    } else if (letter === "K") this.#eraseLine();
    else if (letter === "m") for (const number of numbers) this.#paint(number);
    else throw new Error(`unknown control sequence ${letter}`);
  }

  #eraseLine() {
    this.rows[this.#row].splice(this.#column, COLUMNS, ...this.#blank().slice(this.#column));
  }

  #paint(number) {
    if (number === 0) this.#pen = PLAIN;
    else if (number === 1 || number === 22) this.#pen = { ...this.#pen, bright: number === 1 };
    else if (number >= 30 && number <= 37) this.#pen = { ...this.#pen, colour: number - 30 };
    else if (number === 39) this.#pen = { ...this.#pen, colour: PLAIN.colour };
  }
}

const escaped = (text) => text.replace(/[<>&]/g, (c) => `&#${c.charCodeAt(0)};`);
const place = (value) => String(Math.round(value * 10) / 10);

/** A row's text, one piece for each run of cells that look alike; blanks between words that lie far apart are left out. */
function drawRow(cells, row) {
  const pieces = [];
  for (let at = 0; at < cells.length; ) {
    const { colour, bright } = cells[at];
    let end = at + 1;
    while (end < cells.length && cells[end].colour === colour && cells[end].bright === bright) end++;
    const run = cells
      .slice(at, end)
      .map(({ text }) => text)
      .join("");
    for (const { 0: text, index } of run.matchAll(/\S+(?: \S+)*/g)) {
      const fill = (bright ? BRIGHT : COLOURS)[colour];
      const x = place(MARGIN + (at + index) * WIDTH);
      const length = place([...text].length * WIDTH);
      const y = MARGIN + row * HEIGHT + 12;
      const style = `fill="${fill}"${bright ? ' font-weight="bold"' : ""}`;
      pieces.push(`<text x="${x}" y="${y}" textLength="${length}" ${style}>${escaped(text)}</text>`);
    }
    at = end;
  }
  return pieces;
}

/** The picture of a screen, and what is said of it; rows that have nothing, at both ends, are left out. */
export function drawScreen({ rows }, title, description) {
  const shown = rows.map((cells) => cells.some(({ text }) => text !== " "));
  const used = rows.slice(shown.indexOf(true), shown.lastIndexOf(true) + 1);
  const width = place(2 * MARGIN + COLUMNS * WIDTH);
  const height = 2 * MARGIN + used.length * HEIGHT;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<desc>${escaped(description)}</desc>`,
    `<rect width="100%" height="100%" rx="8" fill="#121317"/>`,
    `<g font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14" xml:space="preserve">`,
    ...used.flatMap(drawRow),
    "</g>",
    "</svg>",
    "",
  ].join("\n");
}

/** Keeps the screen as it was when the first prepared key was read. */
class MenuConsole extends KeysConsole {
  menu;

  getc(clock) {
    this.menu ??= this.text;
    return super.getc(clock);
  }
}

/** The scripts of the source tree, where a guest has them. */
function scriptsOf(sources) {
  const read = (path) => readFileSync(join(sources, "stand", path));
  const names = readdirSync(join(sources, "stand", "lua")).filter((name) => name.endsWith(".lua"));
  return {
    "/boot/defaults/loader.conf": read("defaults/loader.conf"),
    "/boot/loader.conf": Buffer.from(SETTINGS),
    ...Object.fromEntries(names.map((name) => [`/boot/lua/${name}`, read(`lua/${name}`)])),
  };
}

/** What tells the scripts of one release from those of another; it is in the picture. */
export function digestOf(sources) {
  const hash = createHash("sha256");
  for (const [path, content] of Object.entries(scriptsOf(sources)).sort()) hash.update(path).update(content);
  return hash.digest("hex");
}

/** Boots the project's guest with the scripts of `sources`; its menu as a picture. */
export async function menuPicture(sources) {
  const console = new MenuConsole([{ waitS: 2 }, "\r"]);
  const disk = gunzipSync(readFileSync(join(root, "images/amd64-ufs2-gpt.img.gz")));
  const options = { start: "lua", interfaceVersion: 4, clock: "virtual", isolation: "none" };
  const result = await boot({ ...options, disks: [disk], overlay: scriptsOf(sources), console });
  if (result.reason !== "exec") throw new Error(`the menu didn't boot: ${result.error?.message ?? console.text}`);
  const screen = new Screen();
  screen.write(Buffer.from(new Utf8Drawing().draw(Buffer.from(console.menu, "latin1"))).toString());
  return drawScreen(
    screen,
    "FreeBSD's boot menu",
    `scripts/menu-picture.mjs made it with scripts of ${digestOf(sources)}`,
  );
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const [, , sources, output = join(root, "docs/menu.svg")] = process.argv;
  if (sources === undefined) {
    console.error("usage: node scripts/menu-picture.mjs SOURCES [OUTPUT]");
    process.exitCode = 2;
  } else writeFileSync(output, await menuPicture(sources));
}
