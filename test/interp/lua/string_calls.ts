// Makes Lua programs of calls to the string library from a row of numbers, for comparing one Lua with another
// (programs.ts makes those about the language). Each call is printed with what it gives, errors included; what `gsub` and
// `gmatch` hand to functions is part of that.

const ALPHABETS = ["ab", "aB1 ", "a,;b", "%a[]^$", "()-+*?", "\\0\\1\\255x", "abcxyz019_ \\n\\t", "<>=!hilsz"];
const ATOMS = [
  "a",
  "b",
  ".",
  "%a",
  "%d",
  "%w",
  "%s",
  "%p",
  "%A",
  "%x",
  "%c",
  "%u",
  "%%",
  "%.",
  "[ab]",
  "[^a]",
  "[a-c%d]",
];
const MORE_ATOMS = [
  "[]]",
  "[^]]",
  "[a-]",
  "[%]]",
  "%b()",
  "%bab",
  "%f[%w]",
  "%f[^%a]",
  "%1",
  "%2",
  "[%a_]",
  "%g",
  "x",
  " ",
];
const BROKEN = ["[a", "%", "(", ")", "(a", "%f", "%b", "%bx", "[%", "[^", "%3", "[]", "(()"];
const REPEATS = ["", "", "", "*", "+", "-", "?"];
const CLASSES = ["d", "i", "x", "X", "o", "c", "s", "q", "%"];
const PACKED = [
  "b",
  "B",
  "h",
  "H",
  "i",
  "I",
  "l",
  "L",
  "j",
  "J",
  "T",
  "i3",
  "I5",
  "i8",
  "s1",
  "s2",
  "z",
  "x",
  "Xi4",
  "!4",
  "<",
  ">",
  "=",
  " ",
];
const INTEGERS = ["0", "1", "-1", "2", "-2", "7", "100", "-100", "255", "256", "65535", "0x7fffffff", "-0x80000000"];
const WIDE = ["0x7fffffffffffffff", "-0x7fffffffffffffff-1", "0xffffffff", "1<<32", "1<<62"];

const PRELUDE = `local function shown(v) if type(v) == "string" then return (v:gsub("[^ -~]", function(c) return "<" .. c:byte() .. ">" end)) end
  if type(v) == "table" then return "T" end return tostring(v) end
local function all(...) local s = "" for i = 1, select("#", ...) do s = s .. "\\t" .. shown((select(i, ...))) end return s end
local function cut(ok, ...) if ok then return all(...) end return "! " .. tostring((...)):gsub("^.-:%d+: ", "") end
local function try(f, ...) print((cut(pcall(f, ...)))) end
local function keep(t, v) t[#t + 1] = v end
local function rows(s, p, init) local n = 0 for a, b, c in s:gmatch(p) do n = n + 1 if n > 20 then break end print("", shown(a), shown(b), shown(c)) end end
`;

/** A program of `calls` calls, as the numbers `tape` decide. */
export function stringCallsOf(tape: readonly number[], calls: number): string {
  const writer = new Writer(tape);
  return PRELUDE + Array.from({ length: calls }, () => writer.call()).join("\n");
}

class Writer {
  private at = 0;

  constructor(private readonly tape: readonly number[]) {}

  private choose(count: number): number {
    return (this.tape[this.at++] ?? 0) % count;
  }

  private one<T>(items: readonly T[]): T {
    return items[this.choose(items.length)]!;
  }

  private times<T>(count: number, make: () => T): T[] {
    return Array.from({ length: count }, make);
  }

  /** Characters of a source text: escapes are one. */
  private text(most = 12): string {
    const letters = this.one(ALPHABETS).match(/\\\d+|\\.|./g)!;
    return `"${this.times(this.choose(most), () => this.one(letters)).join("")}"`;
  }

  private pattern(): string {
    const pieces = this.times(1 + this.choose(4), () => {
      const piece = this.one(this.choose(3) === 0 ? MORE_ATOMS : ATOMS) + this.one(REPEATS);
      return this.choose(4) === 0 ? `(${piece})` : this.choose(9) === 0 ? `()${piece}` : piece;
    });
    if (this.choose(12) === 0) pieces.push(this.one(BROKEN));
    return `"${this.one(["", "", "", "^"])}${pieces.join("")}${this.one(["", "", "", "$"])}"`;
  }

  private integer(): string {
    return this.one(this.choose(5) === 0 ? WIDE : INTEGERS);
  }

  private position(): string {
    return this.choose(6) === 0 ? this.integer() : String(this.choose(12) - 5);
  }

  private replacement(): string {
    return this.one([
      () => this.text(5),
      () => `"${this.one(["<%0>", "%1", "%1%1", "%%", "[%2]", "%9", "%x", "%"])}"`,
      () => '{a = "A", b = false, [""] = "E", ["1"] = 1}',
      () => 'function(a, b) print("", shown(a), shown(b)) return b or a end',
      () => "function() return nil end",
      () => "function() return {} end",
    ])();
  }

  private conversion(): { format: string; value: string } {
    const letter = this.one(CLASSES);
    if (letter === "%") return { format: "%%", value: "" };
    if (letter === "q") return { format: "%q", value: this.one([this.text(), this.integer()]) };
    const isText = letter === "s";
    // The loader's printf knows no sign flags, no width of a character, and takes precision and zeros its own way (docs/lua.md).
    const flags = letter === "c" ? "" : this.one(isText ? ["", "-"] : ["", "", "-", "0"]);
    const width = letter === "c" ? "" : this.one(["", "", "5", "12"]);
    const precision = letter === "c" || flags === "0" ? "" : this.one(["", "", isText ? ".0" : ".1", ".3", ".10"]);
    const value = isText ? this.one([this.text(), this.text(), "nil", "true", this.integer()]) : this.integer();
    return { format: `%${flags}${width}${precision}${letter}`, value: letter === "c" ? `${this.choose(256)}` : value };
  }

  private formatted(): string {
    const parts = this.times(1 + this.choose(3), () => this.conversion());
    const values = parts.map(({ value }) => value).filter((value) => value !== "");
    if (this.choose(15) === 0) values.pop();
    return `try(string.format, ${[`"${parts.map(({ format }) => format).join("|")}"`, ...values].join(", ")})`;
  }

  private packed(): string {
    const options = this.times(1 + this.choose(4), () => this.one(PACKED));
    const values = options
      .filter((option) => !/^[x<>=! X]/.test(option))
      .map((option) => (/^[sz]/.test(option) ? this.text() : this.integer()));
    return `try(string.pack, ${[`"${options.join("")}"`, ...values].join(", ")})`;
  }

  call(): string {
    switch (this.choose(16)) {
      case 0:
      case 1:
        return `try(string.find, ${this.text()}, ${this.pattern()}${this.one([() => "", () => `, ${this.position()}`, () => `, ${this.position()}, true`])()})`;
      case 2:
      case 3:
        return `try(string.match, ${this.text()}, ${this.pattern()}${this.one([() => "", () => `, ${this.position()}`])()})`;
      case 4:
      case 5:
        return `try(string.gsub, ${this.text()}, ${this.pattern()}, ${this.replacement()}${this.one([() => "", () => `, ${this.position()}`])()})`;
      case 6:
        return `try(rows, ${this.text()}, ${this.pattern()})`;
      case 7:
      case 8:
        return this.formatted();
      case 9:
        return `try(string.sub, ${this.text()}, ${this.position()}, ${this.position()})`;
      case 10:
        return `try(string.byte, ${this.text()}, ${this.position()}, ${this.position()})`;
      case 11: {
        // Lua itself counts all the way to 2^62 where there is nothing to repeat.
        const [text, times] = this.one([
          () => [this.text(), this.one(["0", "1", "3", "-1", "7"])],
          () => ['"a"', "1<<62"],
        ])();
        return `try(string.rep, ${text}, ${times}, ${this.text(3)})`;
      }
      case 12:
        return this.packed();
      case 13:
        return `try(string.unpack, "${this.times(1 + this.choose(3), () => this.one(PACKED)).join("")}", ${this.text()}, ${this.position()})`;
      case 14:
        return `try(tonumber, "${this.one(["", " ", "-", "0x", "- "])}${this.times(this.choose(8), () => this.one([..."0127f "])).join("")}"${this.one(["", ", 2", ", 16", ", 36", ", 8"])})`;
      default:
        return `try(string.${this.one(["char", "reverse", "upper", "len"])}, ${this.one([this.text(), this.integer(), "nil", "65, 66, 300"])})`;
    }
  }
}
