// A terminal, of 80 by 24 characters unless told otherwise, as far as the boot menus need one: what the screen shows after a text with the
// escape sequences for positions, erasing and colours. Colours are dropped; a sequence it doesn't know is an error.

import {
  type BootOptions,
  type BootResult,
  boot,
  type Clock,
  type ConsoleSize,
  type Keys,
  KeysConsole,
} from "userboot-wasm";
import { MIB } from "../support/prompt.js";
import { withoutSpinner } from "../support/spinner.js";
import { type Files, ufsDisk } from "../support/ufs_image.js";

const USUAL: ConsoleSize = { columns: 80, rows: 24 };

export class Screen {
  readonly #size: ConsoleSize;
  readonly #cells: string[][];
  #row = 0;
  #column = 0;

  constructor(size = USUAL) {
    this.#size = size;
    this.#cells = Array.from({ length: size.rows }, () => this.#blank());
  }

  write(text: string): void {
    for (let i = 0; i < text.length; i++) {
      if (text[i] !== "\x1b") {
        this.#put(text[i] as string);
        continue;
      }
      if (text[i + 1] === "c") {
        this.#reset();
        i++;
        continue;
      }
      const sequence = /^\[([0-9;]*)([A-Za-z])/.exec(text.slice(i + 1, i + 24));
      if (!sequence) throw new Error(`unknown escape sequence ${JSON.stringify(text.slice(i, i + 8))}`);
      this.#control(sequence[2] as string, (sequence[1] as string).split(";").map(Number));
      i += sequence[0].length;
    }
  }

  /** Its rows without the blanks at their ends. */
  get rows(): string[] {
    return this.#cells.map((row) => row.join("").trimEnd());
  }

  /** Where the cursor is, from 0. */
  get cursor(): { row: number; column: number } {
    return { row: this.#row, column: this.#column };
  }

  #blank(): string[] {
    return Array<string>(this.#size.columns).fill(" ");
  }

  #put(c: string): void {
    if (c === "\r") this.#column = 0;
    else if (c === "\n") this.#down();
    else if (c === "\b") this.#column = Math.max(this.#column - 1, 0);
    else {
      if (this.#column === this.#size.columns) {
        this.#column = 0;
        this.#down();
      }
      (this.#cells[this.#row] as string[])[this.#column++] = c;
    }
  }

  #reset(): void {
    for (const row of this.#cells) row.fill(" ");
    this.#row = 0;
    this.#column = 0;
  }

  #down(): void {
    if (this.#row < this.#size.rows - 1) {
      this.#row++;
      return;
    }
    this.#cells.push(this.#blank());
    this.#cells.shift();
  }

  #control(letter: string, numbers: number[]): void {
    switch (letter) {
      case "H":
        this.#row = Math.min(Math.max((numbers[0] || 1) - 1, 0), this.#size.rows - 1);
        this.#column = Math.min(Math.max((numbers[1] || 1) - 1, 0), this.#size.columns - 1);
        break;
      case "J":
        if (numbers[0] === 2) for (const row of this.#cells) row.fill(" ");
        else this.#eraseDown();
        break;
      case "K":
        (this.#cells[this.#row] as string[]).fill(" ", this.#column);
        break;
      case "m":
        break;
      default:
        throw new Error(`unknown control sequence ${letter}`);
    }
  }

  #eraseDown(): void {
    (this.#cells[this.#row] as string[]).fill(" ", this.#column);
    for (const row of this.#cells.slice(this.#row + 1)) row.fill(" ");
  }
}

export interface ScreenOptions {
  utf8?: boolean | undefined;
  size?: ConsoleSize | undefined;
  /** Whether the keys are a terminal's. */
  edits?: boolean | undefined;
}

/** Types prepared keys and keeps what the screen showed when each of them was read. */
export class ScreenConsole extends KeysConsole {
  /** For each key, in order: the screen before it was read. */
  readonly shown: { key: string; rows: string[] }[] = [];
  readonly size: ConsoleSize | undefined;
  readonly edits: boolean;
  readonly #screen: Screen;
  readonly #utf8: boolean;
  #drawn = 0;

  /** The screen takes bytes for characters, or decodes UTF-8. The guest is told of a size that is given. */
  constructor(entries: readonly Keys[], { utf8 = false, size, edits = false }: ScreenOptions = {}) {
    super(entries);
    this.#utf8 = utf8;
    this.edits = edits;
    this.size = size;
    this.#screen = new Screen(size);
  }

  override getc(clock: Clock): ReturnType<KeysConsole["getc"]> {
    const key = super.getc(clock);
    if (typeof key === "number") this.shown.push({ key: String.fromCharCode(key), rows: this.rows });
    return key;
  }

  /** The screen now. */
  get rows(): string[] {
    const { text } = this;
    const bytes = text.slice(this.#drawn);
    this.#screen.write(this.#utf8 ? Buffer.from(bytes, "latin1").toString() : bytes);
    this.#drawn = text.length;
    return this.#screen.rows;
  }
}

export interface Driven {
  result: BootResult;
  /** What the screen showed as each key was read. */
  shown: string[];
  /** All that was written, the progress spinner left out. */
  text: string;
  /** What the screen showed at the end. */
  last: string;
}

/** Boots a disk with `files` and types `keys`. The screen decodes UTF-8 when it's told to, and may have another size. */
export async function drive(
  files: Files,
  keys: readonly Keys[],
  { utf8, size, edits, ...more }: BootOptions & ScreenOptions = {},
): Promise<Driven> {
  const console = new ScreenConsole(keys, { utf8, size, edits });
  const result = await boot({
    disks: [ufsDisk(files)],
    memory: 64 * MIB,
    console,
    clock: "virtual",
    isolation: "none",
    ...more,
  });
  return {
    result,
    shown: console.shown.map(({ rows }) => rows.join("\n")),
    text: withoutSpinner(console.text),
    last: console.rows.join("\n"),
  };
}
