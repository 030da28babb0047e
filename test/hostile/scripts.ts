// Hostile scripts and command lines: of the simple interpreter, Forth, Lua; loader.conf; what asks for keys, for another
// interpreter, for more than there is.

import type { Flavour, Limits } from "userboot-wasm";
import { linkedFile } from "../support/elf_image.js";
import { type Files, ufsDisk } from "../support/ufs_image.js";
import type { Family, Guest, Outcome, Row } from "./case.js";

const KERNEL = linkedFile({
  bits: 64,
  segments: [{ size: 4096 }],
  versions: [{ name: "kernel", version: 1201000 }],
}).bytes;
const SMALL: Partial<Limits> = { fuel: 3_000_000, moduleMemory: 24 << 20 };

const guest = (
  start: Flavour,
  files: Files,
  lines: readonly string[] = [],
  limits: Partial<Limits> = SMALL,
): Guest => ({
  disks: [ufsDisk({ "/boot/kernel/kernel": KERNEL, ...files })],
  lines,
  options: { start, limits },
});
const typed = (...lines: string[]) => guest("simp", {}, lines);
const script = (text: string, files: Files = {}) => guest("simp", { "/boot/loader.rc": text, ...files });
const forth = (text: string, limits = SMALL) => guest("4th", { "/boot/loader.rc": text }, [], limits);
const lua = (text: string, files: Files = {}, limits = SMALL) =>
  guest("lua", { "/boot/lua/loader.lua": text, ...files }, [], limits);
const prints = (...parts: string[]): Outcome => ({ prints: parts });
const ends = (limit: keyof Limits): Outcome => ({ end: "LimitError", message: `limit ${limit} exceeded` });

const lineRows: Row[] = [
  ["command line of 100,000 characters", () => typed(`echo ${"x".repeat(100_000)}`), prints("x".repeat(200))],
  [
    "command line of a hundred thousand words",
    () => typed(`echo ${"x ".repeat(100_000)}`),
    prints("fail at line 133", "parse error"),
  ],
  ["command line of a quote that isn't closed", () => typed('echo "never'), prints("fail at line 180", "parse error")],
  [
    "command line of a brace that isn't closed",
    () => typed("echo $" + "{never"),
    prints("fail at line 159", "parse error"),
  ],
  ["command line that ends in a dollar", () => typed("echo a $"), prints("\na\n")],
  ["command line that ends in a backslash", () => typed("echo a \\"), prints("\na \\\n")],
  ["command line of nothing but backslashes", () => typed("\\".repeat(200)), prints("unknown command")],
  [
    "command line of all bytes that aren't keys",
    () => typed(`echo ${String.fromCharCode(...Array.from({ length: 95 }, (_, i) => 0xa0 + i))}`),
    prints("\n\u00a0\u00a1\u00a2"),
  ],
  ["command that there isn't", () => typed("x".repeat(200)), prints(": unknown command")],
  [
    "command line whose variable is its own value",
    () => typed("set a=$" + "{a}$" + "{a}", "echo [$" + "{a}]"),
    prints("[]"),
  ],
  [
    "variable that doubles until a line has no room for it",
    () =>
      typed("set a=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", ...Array(8).fill("set a=$" + "{a}$" + "{a}"), "echo $" + "{a}"),
    prints("x".repeat(200)),
  ],
  [
    "variable whose name clears the screen",
    () => typed("set \\x1b[2J=1", "show"),
    { prints: ["x1b[2J=1\n"], hides: ["\x1b[2J"] },
  ],
  ["variable with a new line in its name", () => typed("set a\\nb=1", "show"), prints("twiddle_divisor")],
  [
    "variable without a name",
    () => typed("set =1", "set", "unset"),
    prints("set: wrong number of arguments", "unset: wrong number of arguments"),
  ],
  [
    "countdown of 2^63 seconds",
    () => typed("autoboot 9223372036854775807", " "),
    prints("Hit [Enter] to boot immediately"),
  ],
  ["countdown of less than no seconds", () => typed("autoboot -1", " "), prints("Hit [Enter] to boot immediately")],
  ["path of 100,000 directories", () => typed(`ls ${"/a".repeat(100_000)}`), prints("ls: open '/a/a")],
  ["path of a hundred parents", () => typed(`more ${"/..".repeat(100)}/etc/passwd`), { hides: ["root:"] }],
  [
    "path on a device that there isn't",
    () => typed("ls disk4294967295:/", "ls disk-1:/", "ls host99:/", "ls zfs::/"),
    prints("ls: ", "ls: ", "ls: open 'host99:/' failed: no such file or directory", "ls: bad path 'zfs::/'"),
  ],
  [
    "path on a slice of 4 billion: a disk without a table is all of it",
    () => typed("ls disk0s4294967295:/", "ls disk0p99999999999999999999:/"),
    prints(" d  boot", " d  boot"),
  ],
  [
    "boot of a kernel with arguments of 10,000 characters",
    () => typed(`boot /boot/kernel/kernel ${"-v ".repeat(3000)}`),
    prints("fail at line 133", "parse error"),
  ],
  [
    "load of a kernel twice",
    () => typed("load /boot/kernel/kernel", "load /boot/kernel/kernel"),
    prints("OK load /boot/kernel/kernel\nOK "),
  ],
  [
    "load of a file as a type of 200 characters",
    () => typed("load /boot/kernel/kernel", `load -t ${"x".repeat(200)} /boot/kernel/kernel`, "lsmod"),
    prints("/boot/kernel/kernel size=0x11a8", " 0x200000: /boot/kernel/kernel (elf kernel"),
  ],
  [
    "read of a key with a time of 2^31 seconds",
    () => typed("read -t 2147483647 v", "value", "show v"),
    prints("\nvalue\n"),
  ],
  ["read of a key without keys", () => ({ ...typed(), lines: [] }), prints("OK ")],
];

const simpRows: Row[] = [
  [
    "script that includes itself",
    () => script("include /boot/loader.rc\n"),
    prints("'/boot/loader.rc': includes nested too deeply"),
  ],
  [
    "scripts that include each other",
    () => script("include /boot/b\n", { "/boot/b": "include /boot/loader.rc\n" }),
    prints("includes nested too deeply"),
  ],
  ["script of 2 MiB", () => script("@echo x\n".repeat(300_000)), ends("moduleMemory")],
  ["script of a line of a MiB", () => script("x".repeat(1 << 20)), prints(": unknown command")],
  ["script of NULs", () => script("\0".repeat(1000)), prints("OK ")],
  [
    "script that is a kernel",
    () => guest("simp", { "/boot/loader.rc": KERNEL }),
    prints("\u007fELF", "unknown command"),
  ],
  [
    "script that ends in the middle of a quote",
    () => script('echo "never'),
    prints("/boot/loader.rc line 1: parse error"),
  ],
  ["script that includes a directory", () => script("include /boot\n"), prints("> include /boot", "unknown command")],
  ["script that boots over and over", () => script("-boot /none\n".repeat(1000)), prints("boot: can't find '/none'")],
  [
    "script that prints for ever",
    () => script("-include /boot/b\n".repeat(3000), { "/boot/b": `@echo ${"x".repeat(200)}\n`.repeat(100) }),
    ends("consoleBytes"),
  ],
  [
    "script that takes the prompt's colours, and its end",
    () => script("set prompt=\\x1b[2J\\x1b[H\nset console=none\n"),
    prints("Available consoles:"),
  ],
  ["script that leaves", () => script("quit\n"), { end: "exit" }],
  ["script that wants another start", () => script("reboot\n"), { end: "exit" }],
];

const colon = (body: string) => `: x ${body} ; x\n`;
const forthRows: Row[] = [
  ["Forth loop without an end", () => forth(colon("begin again")), ends("fuel")],
  ["Forth word that calls itself", () => forth(colon("recurse")), prints("Error: return stack overflow")],
  ["Forth stack without a bottom", () => forth("drop drop drop\n"), prints("Error: stack underflow")],
  ["Forth stack without an end", () => forth(colon("begin 1 again")), prints("Error: stack overflow")],
  ["Forth return stack without a bottom", () => forth("r> r> r>\n"), prints("Error: Compile only!")],
  [
    "Forth that returns to a number",
    () => forth(colon("123456789 >r")),
    prints("Error: execution left the dictionary"),
  ],
  ["Forth that executes a number", () => forth("123456789 execute\n"), prints("Error: not an execution token")],
  ["Forth that executes 0", () => forth("0 execute\n"), prints("Error: not an execution token")],
  ["Forth that reads at the last address", () => forth("-1 @ . -1 c@ .\n"), prints("Error: invalid address")],
  ["Forth that writes at address 0", () => forth("1 0 ! 1 0 c!\n"), prints("Error: invalid address")],
  [
    "Forth that writes over its dictionary",
    () => forth("here 1000000 - 2000000 0 fill\n"),
    prints("Error: invalid address"),
  ],
  ["Forth that fills 2^63 bytes", () => forth("here -1 1 rshift 0 fill\n"), prints("Error: invalid address")],
  [
    "Forth that moves a text onto itself: no copies in a pattern",
    () => forth("create b 64 allot char a b c! b b 1+ 40 move b 41 type cr\n"),
    { prints: ["aa"], hides: ["aaa"] },
  ],
  ["Forth that moves 2^64 - 1 bytes", () => forth("here here 1+ -1 move\n"), {}],
  ["Forth that takes all memory", () => forth("2000000000 allot\n"), prints("Error: dictionary full")],
  [
    "Forth that gives back more than it took",
    () => forth("-2000000000 allot\n"),
    prints("Error: dictionary underflow"),
  ],
  ["Forth that frees what it didn't take", () => forth("123456 free . here free .\n"), prints("0 0 ")],
  ["Forth that takes blocks for ever", () => forth(colon("begin 100000 allocate drop drop again")), ends("fuel")],
  ["Forth that divides by nothing", () => forth("1 0 / .\n"), prints("Error: division by zero")],
  ["Forth that divides the least number by -1", () => forth("1 63 lshift -1 / .\n"), prints("-9223372036854775808 ")],
  ["Forth of a base that there isn't", () => forth("99 base ! 12345 .\n"), prints("98030003 ")],
  ["Forth of a definition without an end", () => ({ ...forth(": x 1 2 3\n"), lines: [";"] }), {}],
  [
    "Forth of control words out of order",
    () => forth(": x then else if loop ;\n"),
    prints('Error -- unmatched control structure "origin"'),
  ],
  ["Forth of a name of 10,000 characters", () => forth(`: ${"n".repeat(10_000)} 1 ;\n`), {}],
  [
    "Forth that evaluates itself",
    () => forth(': x s" x" evaluate ; x\n'),
    prints("Error: interpreters nested too deeply"),
  ],
  ["Forth that throws out of nowhere", () => forth("12345 throw\n"), {}],
  ["Forth of a text without an end", () => forth('s" never\n'), {}],
  ["Forth that asks for a key without keys", () => ({ ...forth(colon("begin key? until")), lines: [] }), {}],
  ["Forth that waits for 2^63 milliseconds", () => forth("-1 1 rshift ms\n"), {}],
  ["Forth that opens a path of 4 GiB", () => forth("here -1 0 fopen .\n"), prints("-1 ")],
];

const luaRows: Row[] = [
  ["Lua loop without an end", () => lua("while true do end"), ends("fuel")],
  [
    "Lua function that calls itself",
    () => lua("local function f() return 1 + f() end f()"),
    prints("LUA ERROR: not enough memory."),
  ],
  [
    "Lua function that is its own error handler",
    () => lua("local function f(e) return f(f) end print(xpcall(error, f, 1))"),
    ends("fuel"),
  ],
  [
    "Lua text that doubles",
    () => lua("local s = 'x' while true do s = s .. s end"),
    prints("LUA ERROR: not enough memory."),
  ],
  [
    "Lua text of 2^62 bytes",
    () => lua("print(pcall(string.rep, 'x', 1 << 62))"),
    prints("false\tresulting string too large"),
  ],
  [
    "Lua pattern that goes back for ever",
    () => lua("('a'):rep(100):find(('a?'):rep(100) .. ('a'):rep(100))"),
    ends("fuel"),
  ],
  [
    "Lua pattern of 1,000 captures",
    () => lua("print(pcall(string.find, 'a', ('()'):rep(1000)))"),
    prints("false\ttoo many captures"),
  ],
  [
    "Lua pattern without its end",
    () =>
      lua(
        "print(pcall(string.find, 'a', '[a')) print(pcall(string.find, 'a', '%')) print(pcall(string.find, 'a', '%b'))",
      ),
    prints("malformed pattern", "malformed pattern", "malformed pattern"),
  ],
  [
    "Lua pattern that puts a capture in the copy that there isn't",
    () => lua("print(pcall(string.gsub, 'a', 'a', '%9'))"),
    prints("false\tinvalid capture index %9"),
  ],
  [
    "Lua copy that grows by a pattern",
    () => lua("local s = 'a' for i = 1, 60 do s = s:gsub('a', 'aa') end"),
    ends("fuel"),
  ],
  [
    "Lua format of a width of 10,000",
    () => lua("print(pcall(string.format, '%10000d', 1))"),
    prints("false\tinvalid format (width or precision too long)"),
  ],
  [
    "Lua format of what there isn't",
    () => lua("print(pcall(string.format, '%d'))"),
    prints("false\tbad argument #2 to 'string.format' (no value)"),
  ],
  [
    "Lua string.pack of 2^31 bytes",
    () => lua("print(pcall(string.pack, 'i2147483648', 1))"),
    prints("false\tintegral size (214748364) out of limits [1,16]"),
  ],
  [
    "Lua string.unpack beyond its text",
    () => lua("print(pcall(string.unpack, '<i8', 'abc')) print(pcall(string.unpack, 's4', '\\255\\255\\255\\255'))"),
    prints("data string too short", "data string too short"),
  ],
  [
    "Lua brackets within brackets",
    () => lua(`return ${"(".repeat(10_000)}`),
    prints("too many C levels (limit is 200) in main function near '('."),
  ],
  [
    "Lua of 300 local variables",
    () => lua(Array.from({ length: 300 }, (_, i) => `local v${i} = ${i}`).join("\n")),
    prints("too many local variables"),
  ],
  [
    "Lua of 20,000 constants",
    () => lua(`local s = { ${Array.from({ length: 20_000 }, (_, i) => `"${i}"`).join(",")} } print(#s)`),
    prints("20000"),
  ],
  ["Lua of a goto into a block", () => lua("goto x do ::x:: end"), prints("no visible label 'x'")],
  [
    "Lua of compiled code",
    () => lua("print(load('\\27Lua' .. ('x'):rep(100)))"),
    prints("nil\tbinary string: version mismatch in precompiled chunk"),
  ],
  [
    "Lua script that is compiled code",
    () => lua(`\x1bLua${"\0".repeat(100)}`),
    prints("version mismatch in precompiled chunk."),
  ],
  [
    "Lua collector that makes garbage",
    () =>
      lua(
        "local m = {} m.__gc = function() setmetatable({}, m) end setmetatable({}, m) while true do local x = {} end",
      ),
    ends("fuel"),
  ],
  [
    "Lua metatable that is its own __index",
    () =>
      lua(
        "local t = {} setmetatable(t, { __index = t }) t = setmetatable({}, t) local u = {} setmetatable(u, { __index = u }) getmetatable(u).__index = u print(pcall(function() return u.x end))",
      ),
    prints("'__index' chain too long; possible loop"),
  ],
  [
    "Lua __index in a ring",
    () =>
      lua(
        "local a, b = {}, {} setmetatable(a, { __index = b }) setmetatable(b, { __index = a }) print(pcall(function() return a.x end))",
      ),
    prints("'__index' chain too long; possible loop"),
  ],
  [
    "Lua io of a path out of the root",
    () => lua("print(io.open('/../../../etc/passwd')) print(io.open('host:/etc/passwd'))"),
    prints("nil", "nil"),
  ],
  [
    "Lua io of 2^62 bytes",
    () => lua("local f = io.open('/boot/kernel/kernel') print(pcall(io.read, f, 1 << 62))"),
    prints("ELF"),
  ],
  ["Lua dofile of itself", () => lua("dofile('/boot/lua/loader.lua')"), prints("too many C levels (limit is 200)")],
  [
    "Lua require of a path out of its directory",
    () => lua("print(pcall(require, '../../../etc/passwd'))"),
    { prints: ["false\tmodule '../../../etc/passwd' not found"], hides: ["no file '/etc/passwd"] },
  ],
  [
    "Lua loader.perform of a line of a MiB",
    () => lua("print(pcall(loader.perform, ('x '):rep(500000)))"),
    prints("fail at line 133", "true\t1"),
  ],
  [
    "Lua loader.setenv of a name with an equals sign",
    () => lua("print(pcall(loader.setenv, 'a=b', 'c', true))"),
    prints("true\t0"),
  ],
  ["Lua poll for keys without an end", () => lua("while not io.ischar() do end"), {}],
  ["Lua wait of 2^63 microseconds", () => lua("print(pcall(loader.delay, 0x7fffffffffffffff))"), prints("true")],
  ["Lua output of 2 MiB", () => lua("while true do printc(('x'):rep(1000)) end"), ends("consoleBytes")],
];

/** Guests that wish for an interpreter. */
const marked = (mark: string, more: Files = {}): Guest => ({
  disks: [ufsDisk({ "/boot/loader": mark, "/boot/kernel/kernel": KERNEL, ...more })],
  options: { start: "simp", interfaceVersion: 5 },
});
const wishes = (name: string): Outcome => ({
  end: "InterpreterError",
  message: `guest wants interpreter "${name}"; available`,
});
const swapRows: Row[] = [
  ["guest that wishes for an interpreter that there isn't", () => marked("$Interpreter:sh\0"), wishes("sh")],
  [
    "guest that wishes for a file of the host's as interpreter",
    () => marked("$Interpreter:../../etc/passwd\0"),
    wishes("../../etc/passwd"),
  ],
  ["guest that wishes for an interpreter without a name", () => marked("$Interpreter:\0"), wishes("")],
  [
    "guest that wishes for an interpreter of 10,000 characters",
    () => marked(`$Interpreter:${"x".repeat(10_000)}\0`),
    { end: "InterpreterError", message: `guest wants interpreter "${"x".repeat(64)}..."` },
  ],
  ["guest whose wish has no end", () => marked("$Interpreter:simp"), wishes("simp\xfe")],
  ["guest whose wish has an escape for the terminal", () => marked("$Interpreter:\x1b[2J\0"), wishes("\\u001b[2J")],
  [
    "guest that wishes for two interpreters: the first counts",
    () => marked("$Interpreter:simp\0$Interpreter:lua\0"),
    { hides: ["lua"] },
  ],
  [
    "guest whose loader is a MiB of nearly a wish",
    () => marked("$Interprete".repeat(100_000)),
    prints("User boot 4th"),
  ],
  [
    "guest whose loader is a directory",
    () => ({ disks: [ufsDisk({ "/boot/loader/x": "x" })], options: { interfaceVersion: 5 } }),
    prints("User boot 4th"),
  ],
];

export const scripts: Family = { name: "scripts", rows: [...lineRows, ...simpRows, ...swapRows] };
export const forthFamily: Family = { name: "forth", rows: forthRows };
export const luaFamily: Family = { name: "lua", rows: luaRows };
