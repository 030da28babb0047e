// What of the guest's output a terminal is given: frames of code page 437 as characters, colours that end.

import { PassThrough } from "node:stream";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { takesUtf8 } from "../../build/host/cli/charset.js";
import { Terminal } from "../../build/host/cli/terminal.js";
import { Utf8Drawing } from "../../build/host/console/charset.js";

const text = (...parts: Uint8Array[]) => Buffer.concat(parts).toString("utf8");
const drawn = (...pieces: number[][]) => {
  const drawing = new Utf8Drawing();
  return text(...pieces.map((piece) => drawing.draw(Uint8Array.from(piece))), drawing.end());
};

describe("frames on a terminal that takes UTF-8", () => {
  it("draws single and double ones", () => {
    expect(drawn([0xda, 0xc4, 0xc4, 0xbf], [0xb3, 0x41, 0xb3], [0xc0, 0xc4, 0xc4, 0xd9])).toBe("┌──┐│A│└──┘");
    expect(drawn([0xc9, 0xcd, 0xcd, 0xbb], [0xba, 0x20, 0xba], [0xc8, 0xcd, 0xcd, 0xbc])).toBe("╔══╗║ ║╚══╝");
  });

  it("leaves UTF-8 as it is, however it is cut", () => {
    const frame = "┌─┐ é ü 日本 😀 \x1b[31m";
    const bytes = [...Buffer.from(frame)];
    fc.assert(
      fc.property(fc.nat(bytes.length), fc.nat(bytes.length), (a, b) => {
        const [first, second] = a < b ? [a, b] : [b, a];
        expect(drawn(bytes.slice(0, first), bytes.slice(first, second), bytes.slice(second))).toBe(frame);
      }),
    );
  });

  it("makes something of any bytes: one character each at the most, none lost", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 12 }), { maxLength: 4 }), (pieces) => {
        const shown = drawn(...pieces.map((piece) => [...piece]));
        const size = pieces.reduce((sum, { length }) => sum + length, 0);
        expect(shown).not.toContain("\ufffd");
        expect([...shown].length).toBeLessThanOrEqual(size);
        expect(shown === "").toBe(size === 0);
      }),
    );
  });

  it("knows characters from what only begins like some", () => {
    const decoder = new TextDecoder("utf-8", { fatal: true });
    const isText = (bytes: number[]) => {
      try {
        return decoder.decode(Uint8Array.from(bytes)) !== "";
      } catch {
        return false;
      }
    };
    for (let lead = 0xe0; lead < 0xf8; lead++) {
      for (let second = 0x80; second < 0xc0; second++) {
        const bytes = [lead, second, 0x80, 0x80].slice(0, lead < 0xf0 ? 3 : 4);
        expect([...drawn(bytes)].length === 1).toBe(isText(bytes));
        expect(drawn(bytes)).not.toContain("\ufffd");
      }
    }
  });

  it("is told by the terminal's environment", () => {
    const tty = { isTTY: true };
    expect(takesUtf8(tty, { LANG: "en_US.UTF-8" })).toBe(true);
    expect(takesUtf8(tty, { LC_ALL: "C", LANG: "en_US.UTF-8" })).toBe(false);
    expect(takesUtf8(tty, { LC_CTYPE: "C.utf8" })).toBe(true);
    expect(takesUtf8(tty, {})).toBe(false);
    expect(takesUtf8({}, { LANG: "en_US.UTF-8" })).toBe(false);
  });
});

describe("the terminal", () => {
  const shown = (isTTY: boolean, charset: "utf-8" | "raw", ...pieces: string[]) => {
    const output = Object.assign(new PassThrough(), { isTTY }) as unknown as NodeJS.WriteStream & PassThrough;
    const terminal = new Terminal(output, { signals: false, charset, tellsSize: true });
    for (const piece of pieces) terminal.write(Buffer.from(piece, "latin1"));
    terminal.restore();
    terminal.restore();
    return (output.read() as Buffer).toString("latin1");
  };

  it("ends the guest's colours, once, and only on a terminal", () => {
    expect(shown(true, "raw", "\x1b[31mred", " more")).toBe("\x1b[31mred more\x1b[0m");
    expect(shown(true, "raw", "plain")).toBe("plain");
    expect(shown(false, "raw", "\x1b[31mred")).toBe("\x1b[31mred");
  });

  it("tells its size, if it knows one and is asked for it", () => {
    const size = (facts: object, tellsSize = true) =>
      new Terminal(Object.assign(new PassThrough(), facts) as unknown as NodeJS.WriteStream, {
        signals: false,
        charset: "raw",
        tellsSize,
      }).size;
    expect(size({ isTTY: true, columns: 120, rows: 40 })).toEqual({ columns: 120, rows: 40 });
    expect(size({ isTTY: true, columns: 120, rows: 40 }, false)).toBeUndefined();
    expect(size({ isTTY: true, columns: 0, rows: 0 })).toBeUndefined();
    expect(size({})).toBeUndefined();
  });

  it("draws frames, and what a piece ended in", () => {
    expect(Buffer.from(shown(true, "utf-8", "\xc9\xcd", "\xe0"), "latin1").toString("utf8")).toBe("╔═α");
    expect(shown(false, "raw", "\xc9\xcd")).toBe("\xc9\xcd");
  });
});
