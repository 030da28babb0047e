// Makes Lua programs from a row of numbers, for comparing one Lua with another. A program prints what it does
// and ends by itself: loops and functions count their turns. Values mostly have the type that is wanted where
// they are; where they don't, the error's message is part of what is compared.

/** Things that every program begins with: the count, what keeps texts short, and metatables with every event. */
const PRELUDE = `local turns = 0
local function tick() turns = turns + 1 if turns > 1500 then error("turns", 0) end end
local function kind(v) if type(v) == "table" then return "T" end return type(v) == "function" and "F" or tostring(v) end
local function shown(v) if type(v) == "table" and getmetatable(v) then return tostring(v) end return kind(v) end
local function cut(v) if type(v) == "string" then return v:sub(1, 200) end return v end
local function maker(name) return function(a, b) tick() return name .. "(" .. kind(a) .. "," .. kind(b) .. ")" end end
local meta = {__index = function(t, k) tick() return k end, __call = function(self, ...) tick() return select("#", ...), ... end,
  __len = function() return 7 end, __unm = function() return -5 end, __bnot = function() return 6 end, __concat = maker("cat"),
  __newindex = function(t, k, v) tick() rawset(t, k, v) end, __eq = function(a, b) tick() return true end,
  __lt = function(a, b) tick() return kind(a) == "T" end, __tostring = function() return "M" end}
for _, n in ipairs{"add", "sub", "mul", "idiv", "mod", "band", "bor", "bxor", "shl", "shr"} do meta["__" .. n] = maker(n) end
local other = {__index = {x = 11, s = "deep", f = function(...) return ... end}, __newindex = {}, __le = function(a, b) return nil end,
  __eq = function() return false end, __concat = function(a, b) return a end, __tostring = function() return "O" end}
local function new(t) return setmetatable(t, meta) end
local function derive(t) return setmetatable(t, other) end
local fs = {}
local function tryall() for i = 1, #fs do print(i, pcall(fs[i], i, "q")) end end
`;

const STRINGS = ['""', '"a"', '"10"', '"0x1f"', '"hello"', '" 7 "', '"a,b,,c"', `"${"long ".repeat(12)}"`, '"x\\0y"'];
const PATTERNS = [".", "%a+", "(%w)(%w)", "[^,]*", "()", "l-", "%d+", "a?", "^h", "o$", "%f[%w]%w"];
const FIELDS = ["x", "y", "s", "f", "aVeryLongFieldNameThatIsMoreThanFortyBytesLong"];
const ARITHMETIC = ["+", "-", "*", "//", "%"];
const BITS = ["&", "|", "~"];
const COMPARISONS = ["==", "~=", "<", "<=", ">", ">="];

type Type = "i" | "s" | "t" | "f";
const TYPES: readonly Type[] = ["i", "s", "t", "f"];

export interface Kind {
  /** Numbers may need all of 64 bits, and lengths are asked of tables with holes. */
  wide: boolean;
}

/** A program as the numbers `tape` (from 0) decide; where they end, the simplest choice is taken. */
export function programOf(tape: readonly number[], kind: Kind): string {
  return new Writer(tape, kind).program();
}

class Writer {
  private at = 0;
  private serial = 0;
  private loops = 0;
  private vararg = true;
  /** Variables that can be seen, by their type. */
  private scopes: Record<Type, string[]>[] = [];

  constructor(
    private readonly tape: readonly number[],
    private readonly kind: Kind,
  ) {}

  program(): string {
    this.open();
    const lines = [PRELUDE];
    while (this.at < this.tape.length) lines.push(this.statement(3));
    lines.push("tryall()");
    return lines.join("\n");
  }

  private choose(count: number): number {
    return (this.tape[this.at++] ?? 0) % count;
  }

  private one<T>(items: readonly T[]): T {
    return items[this.choose(items.length)]!;
  }

  private open(): void {
    this.scopes.push({ i: [], s: [], t: [], f: [] });
  }

  /** A name that nothing else has. */
  private fresh(type: string): string {
    return `${type}${++this.serial}`;
  }

  private declare(type: Type, name = this.fresh(type)): string {
    this.scopes.at(-1)![type].push(name);
    return name;
  }

  private variable(type: Type): string | undefined {
    const names = this.scopes.flatMap((scope) => scope[type]);
    return names.length === 0 ? undefined : names[names.length - 1 - this.choose(Math.min(names.length, 6))];
  }

  /** Statements in a scope of their own. */
  private block(depth: number, before: () => string = () => ""): string {
    this.open();
    const lines = [before()];
    for (let count = 1 + this.choose(4); count > 0; count--) lines.push(this.statement(depth - 1));
    this.scopes.pop();
    return lines.join("\n");
  }

  // ---- expressions ---------------------------------------------------------------------------------------

  private any(depth: number): string {
    return this.expression(this.one(TYPES), depth);
  }

  private expression(type: Type, depth: number): string {
    // Now and then something else than what is wanted.
    const wanted = this.choose(40) === 39 ? this.one(TYPES) : type;
    switch (wanted) {
      case "i":
        return this.integer(depth);
      case "s":
        return this.text(depth);
      case "t":
        return this.table(depth);
      case "f":
        return this.callable(depth);
    }
  }

  private integer(depth: number): string {
    const name = this.variable("i");
    if (depth <= 0) return name ?? String(this.choose(20));
    const sub = () => this.expression("i", depth - 1);
    switch (this.choose(15)) {
      case 0:
        return name ?? "1";
      case 1:
        return this.kind.wide
          ? this.one(["0x7fffffffffffffff", "-9223372036854775807-1", "70000", "1<<33", "32768"])
          : this.one(["70000", "255", "32768", "-32769"]);
      case 2:
      case 3:
        // What narrow integers could not hold is cut off.
        return this.kind.wide
          ? `(${sub()} ${this.one(ARITHMETIC)} ${sub()})`
          : `((${sub()} % 1000) ${this.one(ARITHMETIC)} (${sub()} % 1000))`;
      case 4:
        return `(${sub()} ${this.one(["+", "-"])} ${this.choose(9)})`;
      case 5:
        return this.kind.wide
          ? `(${sub()} ${this.one([...BITS, "<<", ">>"])} ${sub()})`
          : `(${sub()} ${this.one(BITS)} ${sub()})`;
      case 6:
        return `${this.one(["-", "~", "- -"])}${sub()}`;
      case 7:
        return `#${this.one([() => this.text(depth - 1), () => (this.kind.wide ? this.table(depth - 1) : "new{}")])()}`;
      case 8:
        return `(${this.condition(depth - 1)} and ${sub()} or ${sub()})`;
      case 9:
        return `(select("#", ${this.list(depth - 1)}))`;
      case 10:
        return `${this.prefix("t", depth)}.${this.one(FIELDS)}`;
      case 11:
        return `${this.prefix("t", depth)}[${this.any(depth - 1)}]`;
      case 12:
        return `(${this.prefix("f", depth)}(${this.list(depth - 1)}))`;
      case 13:
        return `tonumber(${this.text(depth - 1)})`;
      default:
        return `(${this.text(depth - 1)}):${this.one(["len()", "byte()", 'find("l")'])}`;
    }
  }

  private text(depth: number): string {
    const name = this.variable("s");
    if (depth <= 0) return name ?? this.one(STRINGS);
    const sub = () => this.expression("s", depth - 1);
    switch (this.choose(11)) {
      case 0:
        return this.one(STRINGS);
      case 1:
        return name ?? '"b"';
      case 2:
        return `cut(${sub()} .. ${sub()})`;
      case 3:
        return `cut(${sub()} .. ${this.integer(depth - 1)} .. ${sub()})`;
      case 4:
        return `(${sub()}):${this.one(["upper", "reverse", "lower"])}()`;
      case 5:
        return `(${sub()}):sub(${this.choose(9) - 4}, ${this.choose(9) - 4})`;
      case 6:
        return `((${sub()}):gsub("${this.one(PATTERNS)}", ${this.one(['"<%0>"', "{a = 1, h = false}", "function(c) tick() return c end"])}))`;
      case 7:
        return `shown(${this.any(depth - 1)})`;
      case 8:
        return `(${sub()}):rep(${this.choose(5)}, ${this.one(STRINGS)}):sub(1, 60)`;
      case 9:
        return `("%${this.one(["", "5", "-4"])}d|%${this.one(["", "8", ".2"])}s"):format(${this.integer(depth - 1)}, shown(${sub()}))`;
      default:
        return `type(${this.any(depth - 1)})`;
    }
  }

  private table(depth: number): string {
    const name = this.variable("t");
    if (depth <= 0) return name ?? "{}";
    switch (this.choose(7)) {
      case 0:
        return name ?? "{3, 2, 1}";
      case 1:
        return `{${this.list(depth - 1)}}`;
      case 2:
        return `{${this.any(depth - 1)}, ${this.one(FIELDS)} = ${this.any(depth - 1)}; [${this.integer(depth - 1)}] = ${this.any(depth - 1)}, ${this.list(depth - 1)}}`;
      case 3:
        return `new{${this.list(depth - 1)}}`;
      case 4:
        return `derive{y = ${this.any(depth - 1)}}`;
      case 5:
        return `(${this.condition(depth - 1)} and ${this.table(depth - 1)} or {x = 5})`;
      default:
        return `{x = {y = {${this.any(depth - 1)}}}, f = ${this.callable(depth - 1)}, s = ${this.text(depth - 1)}}`;
    }
  }

  private callable(depth: number): string {
    const name = this.variable("f");
    if (depth <= 0) return name ?? "kind";
    switch (this.choose(5)) {
      case 0:
        return name ?? "select";
      case 1:
        return this.one(["shown", "type", "string.len", "pcall", "rawlen", "error", "new"]);
      default:
        return `function${this.body(depth - 1, this.choose(3))}`;
    }
  }

  /** Parameters, body and `end`. */
  private body(depth: number, parameters: number, isMethod = false): string {
    const outer = { vararg: this.vararg, loops: this.loops };
    this.vararg = this.choose(2) === 1;
    this.loops = 0;
    this.open();
    const names = Array.from({ length: parameters }, () => this.declare(this.one(TYPES)));
    if (isMethod) this.declare("t", "self");
    if (this.vararg) names.push("...");
    const lines = [`(${names.join(", ")}) tick()`];
    for (let count = this.choose(3); count > 0; count--) lines.push(this.statement(depth - 1));
    if (this.choose(3) !== 0) lines.push(`return ${this.list(depth)}`);
    this.scopes.pop();
    ({ vararg: this.vararg, loops: this.loops } = outer);
    return `${lines.join("\n")}\nend`;
  }

  private condition(depth: number): string {
    if (depth <= 0) return this.one(["true", "false", "nil"]);
    const sub = () => this.condition(depth - 1);
    switch (this.choose(8)) {
      case 0:
        return `${this.integer(depth - 1)} ${this.one(COMPARISONS)} ${this.integer(depth - 1)}`;
      case 1:
        return `${this.integer(depth - 1)} ${this.one(COMPARISONS)} ${this.choose(12)}`;
      case 2:
        return `${this.text(depth - 1)} ${this.one(COMPARISONS)} ${this.text(depth - 1)}`;
      case 3:
        return `${this.table(depth - 1)} ${this.one(COMPARISONS)} ${this.table(depth - 1)}`;
      case 4:
        return `not (${sub()})`;
      case 5:
        return `(${sub()} ${this.one(["and", "or"])} ${sub()})`;
      case 6:
        return `${this.any(depth - 1)} ${this.one(["==", "~="])} ${this.one(["nil", "true", "10", '"a"'])}`;
      default:
        return this.any(depth - 1);
    }
  }

  /** Values with commas; the last may be many. */
  private list(depth: number): string {
    const items = Array.from({ length: this.choose(3) }, () => this.any(depth));
    const last = this.choose(5);
    if (last === 1 && this.vararg) items.push("...");
    else if (last === 2) items.push(`${this.prefix("f", depth)}(${depth > 0 ? this.list(depth - 1) : ""})`);
    else if (last === 3) items.push("select(2, 1, nil, 3)");
    else items.push(this.any(depth));
    return items.join(", ");
  }

  /** Something that can be indexed or called. */
  private prefix(type: Type, depth: number): string {
    return this.variable(type) ?? `(${this.expression(type, depth - 1)})`;
  }

  // ---- statements ----------------------------------------------------------------------------------------

  private statement(depth: number): string {
    if (depth <= 0) return `print(${this.list(1)})`;
    switch (this.choose(20)) {
      case 0:
        return `print(${this.list(2)})`;
      case 1:
      case 2:
        return this.local(depth);
      case 3:
      case 4:
        return this.assignment(depth);
      case 5:
        return this.conditional(depth);
      case 6:
        return this.whileLoop(depth);
      case 7:
        return this.repeatLoop(depth);
      case 8:
        return this.countingLoop(depth);
      case 9:
        return this.listingLoop(depth);
      case 10:
        return `do\n${this.block(depth)}\nend`;
      case 11:
        return this.jumps(depth);
      case 12: {
        const name = this.declare("f");
        return `local function ${name}${this.body(depth - 1, this.choose(3))}`;
      }
      case 13: {
        const table = this.variable("t");
        if (table === undefined) return `print(#${this.text(1)})`;
        return `function ${table}${this.one([":", "."])}m${this.body(depth - 1, this.choose(2), true)}\nprint(${table}:m(${this.list(1)}))`;
      }
      case 14:
        return `print(pcall(function${this.body(depth - 1, 1)}, ${this.list(1)}))`;
      case 15:
        return `print(xpcall(function${this.body(depth - 1, 1)}, function(e) tick() return "handled " .. shown(e) end, ${this.list(1)}))`;
      case 16:
        return `fs[#fs + 1] = function${this.body(depth - 1, 2)}`;
      case 17:
        return this.loops > 0 && this.choose(2) === 1
          ? `if ${this.condition(1)} then break end`
          : `collectgarbage(${this.one(["", '"step"', '"count"'])})`;
      case 18:
        return `print(pcall(error, ${this.any(1)}, ${this.choose(3)}))`;
      default:
        return `print(pcall(load("local a = ... return a ${this.one(ARITHMETIC)} 3, ...", "=inner"), ${this.any(1)}))`;
    }
  }

  private local(depth: number): string {
    const types = Array.from({ length: 1 + this.choose(3) }, () => this.one(TYPES));
    const values = types.map((type) => this.expression(type, depth - 1));
    if (this.choose(8) === 7) values.push(this.any(1));
    if (this.choose(8) === 7) values.pop();
    const names = types.map((type) => this.declare(type));
    return `local ${names.join(", ")}${values.length > 0 ? ` = ${values.join(", ")}` : ""}`;
  }

  private assignment(depth: number): string {
    const types = Array.from({ length: 1 + this.choose(3) }, () => this.one(TYPES));
    const targets = types.map((type) => this.target(type));
    const values = types.map((type) => this.expression(type, depth - 1));
    return `${targets.join(", ")} = ${values.join(", ")}`;
  }

  private target(type: Type): string {
    const table = this.variable("t");
    const name = this.variable(type);
    switch (this.choose(5)) {
      case 0:
      case 1:
        return name ?? `global_${type}`;
      case 2:
        return table === undefined ? `global_${type}` : `${table}.${this.one(FIELDS)}`;
      case 3:
        return table === undefined ? `global_${type}` : `${table}[${this.any(1)}]`;
      default:
        return `global_${type}`;
    }
  }

  private conditional(depth: number): string {
    let text = `if ${this.condition(2)} then\n${this.block(depth)}\n`;
    for (let count = this.choose(3); count > 0; count--)
      text += `elseif ${this.condition(2)} then\n${this.block(depth)}\n`;
    if (this.choose(2) === 1) text += `else\n${this.block(depth)}\n`;
    return `${text}end`;
  }

  private loop(text: () => string): string {
    this.loops++;
    const made = text();
    this.loops--;
    return made;
  }

  private whileLoop(depth: number): string {
    const counter = this.fresh("n");
    const body = this.loop(() => this.block(depth));
    return `local ${counter} = 0\nwhile ${this.condition(1)} do\n${counter} = ${counter} + 1 tick() if ${counter} > 3 then break end\n${body}\nend`;
  }

  private repeatLoop(depth: number): string {
    const counter = this.fresh("n");
    const body = this.loop(() => this.block(depth));
    const done = this.fresh("d");
    return `local ${counter} = 0\nrepeat tick() ${counter} = ${counter} + 1\nlocal ${done} = ${counter} > ${this.choose(4)}\nfs[#fs + 1] = function() return ${done} end\ndo ${body} end\nuntil ${done} or ${this.condition(1)}`;
  }

  private countingLoop(depth: number): string {
    const name = this.fresh("i");
    const head = `for ${name} = ${this.choose(7) - 3}, ${this.choose(9) - 4}${this.one(["", ", 1", ", -1", ", 2", ", -3"])} do`;
    const body = this.loop(() =>
      this.block(depth, () => {
        this.declare("i", name);
        return this.choose(2) === 0 ? "tick()" : `fs[#fs + 1] = function() ${name} = ${name} + 1 return ${name} end`;
      }),
    );
    return `${head}\n${body}\nend`;
  }

  private listingLoop(depth: number): string {
    const key = this.fresh("i");
    const value = this.fresh("i");
    const table = this.table(2);
    const over = this.one([
      `ipairs(${table})`,
      `(${this.text(1)}):gmatch("${this.one(PATTERNS)}")`,
      `function(s, c) tick() if c < s then return c + 1, c end end, ${this.choose(5)}, 0`,
      "next, {x = 1}",
    ]);
    const body = this.loop(() =>
      this.block(depth, () => {
        this.declare("i", key);
        this.declare("i", value);
        return "tick()";
      }),
    );
    return `for ${key}, ${value} in ${over} do\n${body}\nend`;
  }

  private jumps(depth: number): string {
    const counter = this.fresh("n");
    const label = this.fresh("L");
    const inside = this.fresh("i");
    const body = this.block(depth);
    if (this.choose(2) === 0) {
      // Back, out of a block, past a variable that a closure has.
      return `do local ${counter} = 0\n::${label}::\nlocal ${inside} = ${counter}\nfs[#fs + 1] = function() ${inside} = ${inside} + 1 return ${inside} end\ndo ${counter} = ${counter} + 1 tick()\n${body}\nif ${counter} < 3 then goto ${label} end end\nprint(${inside}, ${counter}) end`;
    }
    // On with the next turn.
    return `for ${counter} = 1, 3 do tick()\nlocal ${inside} = ${counter}\nif ${this.condition(1)} then goto ${label} end\nfs[#fs + 1] = function() return ${inside} end\ndo ${body} end\n::${label}::\nend`;
  }
}
