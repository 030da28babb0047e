// Lines edited at the prompt with the keys of a terminal, tried against a plain model of a line: what is run, and what
// the screen shows while it is typed.

import fc from "fast-check";
import { boot, type Clock, type Console, type ConsoleSize, type Keys, KeysConsole, OptionError } from "userboot-wasm";
import { describe, expect, it } from "vitest";
import { Screen } from "../interp/screen.js";

/** Types on a terminal; `screens` has what it showed before each key. */
class Terminal extends KeysConsole {
  readonly edits = true;
  readonly shown: { line: string; column: number }[] = [];
  readonly #screen = new Screen();
  #drawn = 0;

  override getc(clock: Clock): ReturnType<KeysConsole["getc"]> {
    this.#screen.write(this.text.slice(this.#drawn));
    this.#drawn = this.text.length;
    const { row, column } = this.#screen.cursor;
    this.shown.push({ line: this.#screen.rows[row] as string, column });
    return super.getc(clock);
  }
}

interface Prompt {
  console?: KeysConsole;
  size?: ConsoleSize;
  loader?: "simp" | "4th";
}

/** What came behind the first prompt. */
async function typed(
  keys: readonly Keys[],
  { console = new Terminal(keys), size, loader = "simp" }: Prompt = {},
): Promise<string> {
  await boot({
    disks: [],
    env: ["autoboot_delay=NO"],
    clock: "virtual",
    isolation: "none",
    loader,
    console: Object.assign(console, { size }),
  });
  return console.text.slice(console.text.indexOf("OK "));
}

/** The lines that commands printed. */
const answers = async (...keys: Keys[]) =>
  (await typed(keys))
    .split("\r\n")
    .slice(1)
    .filter((line) => !line.startsWith("OK "));

const UP = "\x1b[A";
const DOWN = "\x1b[B";

/** Keys, and what they make of a line with the cursor at `at`. */
const EDITS: Record<string, (text: string, at: number) => [string, number]> = {
  "\x1b[D": (text, at) => [text, Math.max(at - 1, 0)],
  "\x02": (text, at) => [text, Math.max(at - 1, 0)],
  "\x1b[C": (text, at) => [text, Math.min(at + 1, text.length)],
  "\x1bOC": (text, at) => [text, Math.min(at + 1, text.length)],
  "\x06": (text, at) => [text, Math.min(at + 1, text.length)],
  "\x1b[H": (text) => [text, 0],
  "\x1bOH": (text) => [text, 0],
  "\x1b[1~": (text) => [text, 0],
  "\x1b[7~": (text) => [text, 0],
  "\x01": (text) => [text, 0],
  "\x1b[F": (text) => [text, text.length],
  "\x1bOF": (text) => [text, text.length],
  "\x1b[4~": (text) => [text, text.length],
  "\x1b[8~": (text) => [text, text.length],
  "\x05": (text) => [text, text.length],
  "\x1b[3~": (text, at) => [text.slice(0, at) + text.slice(at + 1), at],
  "\x04": (text, at) => [text.slice(0, at) + text.slice(at + 1), at],
  "\x7f": (text, at) => [text.slice(0, Math.max(at - 1, 0)) + text.slice(at), Math.max(at - 1, 0)],
  "\b": (text, at) => [text.slice(0, Math.max(at - 1, 0)) + text.slice(at), Math.max(at - 1, 0)],
  "\x0b": (text, at) => [text.slice(0, at), at],
  "\x15": (text, at) => [text.slice(at), 0],
  "\x17": (text, at) => {
    const left = text.slice(0, at).replace(/[^ ]* *$/, "");
    return [left + text.slice(at), left.length];
  },
  // No keys of a line: page up, F5, the answer of a terminal, tab, ^C.
  "\x1b[5~": (text, at) => [text, at],
  "\x1b[15~": (text, at) => [text, at],
  "\x1b[?1;2c": (text, at) => [text, at],
  "\t": (text, at) => [text, at],
  "\x03": (text, at) => [text, at],
};

const key = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(..."ab ") },
  { weight: 2, arbitrary: fc.constantFrom(...Object.keys(EDITS)) },
);

describe("a line typed on a terminal", () => {
  it("is what its keys make of it, and looks so at each of them", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(key, { maxLength: 40 }), async (keys) => {
        const console = new Terminal([keys.join(""), "\r"]);
        let text = "";
        let at = 0;
        const expected: { line: string; column: number }[] = [];
        const look = () => expected.push({ line: `OK ${text}`.trimEnd(), column: 3 + at });
        look();
        for (const one of keys) {
          const edit = EDITS[one];
          [text, at] = edit ? edit(text, at) : [text.slice(0, at) + one + text.slice(at), at + 1];
          look();
        }
        await typed([], { console });
        // Keys of several bytes are looked at once for each byte; of the same screen one is enough.
        const distinct = (screens: typeof expected) =>
          screens.filter((one, i) => JSON.stringify(one) !== JSON.stringify(screens[i - 1]));
        const from = console.shown.findIndex(({ line }) => line.startsWith("OK"));
        expect(distinct(console.shown.slice(from)).slice(0, distinct(expected).length)).toEqual(distinct(expected));
      }),
      { numRuns: 60 },
    );
  });

  it("comes back, changed or not, and an empty one behind the last", async () => {
    expect(await answers("echo one\r", "echo two\r", UP, UP, "\r")).toEqual(["one", "two", "one"]);
    expect(await answers("echo one\r", UP, "\x7f\x7f\x7fother\r", UP, UP, "\r")).toEqual(["one", "other", "one"]);
    expect(await answers("echo one\r", UP, DOWN, "echo two\r")).toEqual(["one", "two"]);
    expect(await answers("echo one\r", UP, UP, UP, DOWN, DOWN, DOWN, UP, "\r")).toEqual(["one", "one"]);
  });

  it("comes back only from the prompt, not into what a command reads or from there", async () => {
    const secret = ["read -p word secret\r", `${UP}known\r`, "show secret\r"];
    expect(await answers(...secret, UP, UP, "\r", "again\r", "show secret\r")).toEqual([
      "wordknown",
      "known",
      "wordagain",
      "again",
    ]);
  });

  it("has text beyond ASCII, whose bytes are no control keys with a bit more", async () => {
    // In UTF-8: c, n, r and z with carons and accents, OE; the masked bytes are ^M, ^H, ^U, ^Z, ^R.
    const text = "\xc4\x8d\xc5\x88\xc5\x95\xc5\xba\xc5\x92";
    expect(await answers(`echo ${text} x\r`, UP, "\x1b[D\x1b[D\x7f\r")).toEqual([
      `${text} x`,
      `${text.slice(0, -1)} x`,
    ]);
    const all = Array.from({ length: 128 }, (_, i) => String.fromCharCode(128 + i)).join("");
    expect(await answers(`echo ${all}\r`)).toEqual([all]);
  });

  it("isn't disturbed by the escape key, by itself or before others", async () => {
    expect(await answers("echo a\x1b", { waitS: 1 }, "b\x1bc\r")).toEqual(["abc"]);
    expect(await answers("echo a\x1b", { waitS: 1 }, "[A\r")).toEqual(["a[A"]);
    expect(await answers("echo ab\x1b\x1b[Dc\r")).toEqual(["acb"]);
    const long = `[${"1".repeat(40)}D`;
    expect(await answers(`echo ab\x1b${long}c\r`)).toEqual([`ab${long}c`]);
  });

  it.each(["thread", "process"] as const)(
    "is edited in a %s as well, by keys that come meanwhile",
    async (isolation) => {
      let text = "";
      const console: Console = {
        write: (bytes) => {
          text += Buffer.from(bytes).toString("latin1");
        },
        connect: (input) => {
          input.push(Buffer.from("echo ac\x1b[Db\recho next\r"));
          input.end();
          return () => {};
        },
      };
      const result = await boot({ disks: [], env: ["autoboot_delay=NO"], isolation, loader: "simp", console });
      expect(text).toContain("\r\nabc\r\n");
      expect(result.error?.name).toBe("InputEndedError");
      // Unless the console says that it is no terminal.
      text = "";
      const plain = { ...console, edits: false };
      await boot({ disks: [], env: ["autoboot_delay=NO"], isolation, loader: "simp", console: plain });
      expect(text).toContain("\r\nac\x1b[Db\r\n");
    },
  );

  it("has the backspace that menus and passwords wait for, whatever the terminal sends", async () => {
    const keys = ["key . key .\r", "\x7f", "\b"];
    expect(await typed(keys, { loader: "4th" })).toContain("\r\n8 8 OK ");
    const prepared = new KeysConsole(keys);
    expect(await typed([], { console: prepared, loader: "4th" })).toContain("\r\n127 8 OK ");
  });

  it("takes bytes for keys where a console gives more", async () => {
    const console = Object.assign(new KeysConsole(["echo a\u0141\r"]), {});
    const given = console.getc.bind(console);
    console.getc = (clock) => {
      const key = given(clock);
      return typeof key === "number" ? key + 0x100 : undefined;
    };
    expect(await typed([], { console })).toContain("\r\naA\r\n");
  });

  it("is text with all its bytes where keys are prepared", async () => {
    const console = new KeysConsole(["echo a\x1b[Db\r"]);
    expect(await typed([], { console })).toContain("OK echo a\x1b[Db\r\na\x1b[Db\r\n");
  });
});

describe("a terminal's size", () => {
  it("is what the guest finds in LINES and COLUMNS", async () => {
    const keys = ["show LINES\rshow COLUMNS\r"];
    expect(await typed(keys, { size: { columns: 120, rows: 40 } })).toMatch(/\n40\r\nOK show COLUMNS\r\n120\r\n/);
    expect(await typed(keys)).toMatch(/\n24\r\nOK show COLUMNS\r\nshow: variable 'COLUMNS' not found\r\n/);
  });

  it.each([0, -1, 1.5, Number.NaN, 10_000])("is refused when it is %s", async (rows) => {
    await expect(typed([], { size: { columns: 80, rows } })).rejects.toThrow(OptionError);
  });
});
