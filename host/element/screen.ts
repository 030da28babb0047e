// The terminal of a `<userboot-console>`: xterm.js in its shadow root. Output is the guest's and untrusted: it can draw, and
// nothing else (no links that open, no more of it in memory than a bound).

import { FitAddon } from "@xterm/addon-fit";
import { type ITheme, Terminal } from "@xterm/xterm";
import { css } from "@xterm/xterm/css/xterm.css";
import { Utf8Drawing } from "../console/charset.js";
import type { Console, KeyInput } from "../console/console.js";
import { printable } from "../text.js";

/** What FreeBSD's scripts draw for: the least that there is. */
const COLUMNS = 80;
const ROWS = 24;
const FONT_SIZE = 15;
/** Below this nobody reads. The terminal scrolls sideways then. */
const FONT_SIZE_LEAST = 6;
/** Bytes that may wait to be drawn. xterm.js refuses more at some point; of what a guest prints beyond them only the end is kept. */
const PENDING_MAX = 4 * 1024 * 1024;
const END_MAX = 64 * 1024;

/** Bytes that xterm.js gets at once: between two pieces it lets the page do other things, within one it doesn't. */
const PIECE = 4096;

const VARIABLE = "--userboot-console-";
/** Colours by the names of their variables. */
const COLOURS: Readonly<Record<string, Exclude<keyof ITheme, "extendedAnsi">>> = {
  background: "background",
  foreground: "foreground",
  cursor: "cursor",
  selection: "selectionBackground",
  black: "black",
  red: "red",
  green: "green",
  yellow: "yellow",
  blue: "blue",
  magenta: "magenta",
  cyan: "cyan",
  white: "white",
  "bright-black": "brightBlack",
  "bright-red": "brightRed",
  "bright-green": "brightGreen",
  "bright-yellow": "brightYellow",
  "bright-blue": "brightBlue",
  "bright-magenta": "brightMagenta",
  "bright-cyan": "brightCyan",
  "bright-white": "brightWhite",
};

const OWN_CSS = `
:host { display: block; block-size: 27rem; overflow: auto; background: var(${VARIABLE}background, #000); }
:host([hidden]) { display: none; }
:host(:focus-within) { outline: 2px solid var(${VARIABLE}focus, Highlight); outline-offset: 1px; }
.place { block-size: 100%; }
`;

const encoder = new TextEncoder();

/** xterm.js in `root`, whose host decides how large it is and how it looks. */
export class Screen {
  readonly #terminal: Terminal;
  readonly #fit = new FitAddon();
  readonly #place: HTMLElement;
  readonly #stop = new AbortController();
  readonly #sizes = new ResizeObserver(() => this.fit());
  #fontSize = FONT_SIZE;
  #pending = 0;
  /** The end of what there was no room for. */
  #end: Uint8Array | undefined;

  constructor(private readonly root: ShadowRoot) {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css + OWN_CSS);
    root.adoptedStyleSheets = [sheet];
    this.#place = root.ownerDocument.createElement("div");
    this.#place.className = "place";
    root.append(this.#place);
    this.#terminal = new Terminal({ cols: COLUMNS, rows: ROWS, linkHandler: { activate: () => {} } });
    this.#terminal.loadAddon(this.#fit);
    this.#terminal.attachCustomKeyEventHandler((event) => this.#isGuests(event));
    this.#terminal.open(this.#place);
    this.restyle();
    this.#sizes.observe(root.host);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", () => this.restyle(), { signal: this.#stop.signal });
  }

  /** Takes fonts and colours from the variables, anew. */
  restyle(): void {
    const style = getComputedStyle(this.root.host);
    const value = (name: string) => style.getPropertyValue(VARIABLE + name).trim();
    const size = Number.parseFloat(value("font-size"));
    this.#fontSize = size >= FONT_SIZE_LEAST ? size : FONT_SIZE;
    this.#terminal.options.fontFamily = value("font-family") || "monospace";
    this.#terminal.options.theme = Object.fromEntries(
      Object.entries(COLOURS).flatMap(([name, key]) => (value(name) ? [[key, value(name)]] : [])),
    );
    this.fit();
  }

  /** Fills the host's box: a smaller font where 80 columns don't fit, else as many columns as do. */
  fit(): void {
    const { options } = this.#terminal;
    options.fontSize = this.#fontSize;
    let fitting = this.#fit.proposeDimensions();
    if (fitting && fitting.cols < COLUMNS) {
      options.fontSize = Math.max(FONT_SIZE_LEAST, Math.floor((2 * this.#fontSize * fitting.cols) / COLUMNS) / 2);
      fitting = this.#fit.proposeDimensions();
    }
    // Nothing is known of a box that isn't shown.
    if (fitting?.cols && fitting.rows)
      this.#terminal.resize(Math.max(fitting.cols, COLUMNS), Math.max(fitting.rows, ROWS));
  }

  /** What a screen reader calls it, and whether what is drawn is read out. */
  describe(label: string, reads: boolean): void {
    this.#terminal.textarea?.setAttribute("aria-label", label);
    this.#terminal.options.screenReaderMode = reads;
  }

  /** Empties it. */
  clear(): void {
    this.#end = undefined;
    this.#terminal.reset();
  }

  /** Says something of ours, on a line of its own. */
  say(text: string): void {
    this.#terminal.write(`\x1b[0m\r\n${printable(text)}\r\n`);
  }

  /** What is on it: its rows, without the blanks behind them. */
  get text(): string {
    const { active } = this.#terminal.buffer;
    const rows = Array.from({ length: this.#terminal.rows }, (_, row) => {
      return (
        active
          .getLine(active.baseY + row)
          ?.translateToString()
          .trimEnd() ?? ""
      );
    });
    return rows.join("\n").trimEnd();
  }

  /** A console for one boot, until `signal`; `onOutput` is told of output, `onQueued` that no key can be typed. */
  console(signal: AbortSignal, onOutput: () => void, onQueued: () => void): Console {
    const drawing = new Utf8Drawing();
    return {
      size: { columns: this.#terminal.cols, rows: this.#terminal.rows },
      write: (bytes) => {
        if (signal.aborted) return;
        onOutput();
        this.#write(drawing.draw(bytes));
      },
      connect: (input) => {
        if (input.keys === "queued") onQueued();
        const stop = this.#connect(input);
        return () => {
          stop();
          if (!signal.aborted) this.#write(drawing.end());
        };
      },
    };
  }

  #write(bytes: Uint8Array): void {
    if (this.#end !== undefined || this.#pending > PENDING_MAX) {
      this.#end = endOf(this.#end, bytes);
      return;
    }
    this.#pending += bytes.length;
    for (let at = 0; at < bytes.length; at += PIECE) {
      const piece = bytes.subarray(at, at + PIECE);
      this.#terminal.write(piece, () => this.#drawn(piece.length));
    }
  }

  #drawn(bytes: number): void {
    this.#pending -= bytes;
    if (this.#end === undefined || this.#pending > 0) return;
    const end = this.#end;
    this.#end = undefined;
    this.say("(output faster than it can be drawn: some is left out)");
    this.#write(end);
  }

  #connect(input: KeyInput): () => void {
    const typed = this.#terminal.onData((text) => input.push(encoder.encode(text)));
    return () => typed.dispose();
  }

  /** Tab leaves the console; what copies and pastes is the browser's. */
  #isGuests({ key, ctrlKey, altKey, shiftKey }: KeyboardEvent): boolean {
    if (key === "Tab") return false;
    if (ctrlKey && !altKey && key.toLowerCase() === "c") return !this.#terminal.hasSelection();
    return !(ctrlKey && !altKey && key.toLowerCase() === "v") && !(shiftKey && key === "Insert");
  }

  /** Takes all of it away. */
  dispose(): void {
    this.#stop.abort();
    this.#sizes.disconnect();
    this.#terminal.dispose();
    this.#place.remove();
    this.root.adoptedStyleSheets = [];
  }
}

/** What is kept of `bytes` after `before`: the end, from the start of a line on. */
function endOf(before: Uint8Array | undefined, bytes: Uint8Array): Uint8Array {
  const all = new Uint8Array((before?.length ?? 0) + bytes.length);
  if (before !== undefined) all.set(before);
  all.set(bytes, before?.length ?? 0);
  if (all.length <= END_MAX) return all;
  const cut = all.length - END_MAX;
  return all.slice(Math.max(cut, all.indexOf(NEWLINE, cut) + 1));
}

const NEWLINE = 10;
