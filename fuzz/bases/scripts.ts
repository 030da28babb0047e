// Targets that are texts: scripts, command lines, configuration files, requests to an inspection.

import { gzipSync } from "node:zlib";
import { ufsDisk } from "../../test/support/ufs_image.js";
import { booting, typedText } from "../booting.js";
import type { FuzzDisk } from "../disk.js";
import { inspecting } from "../inspecting.js";
import { askedFor } from "../look.js";
import type { Target } from "../target.js";

/** Scripts by what they are about. Those of `since` are run as guests of FreeBSD 15 run them. */
const LUA = {
  values: `local t = {3, 1, 2, x = "a", [7] = true}
for i, v in ipairs(t) do print(i, v) end
for k, v in pairs(t) do print(k, v) end
print(#t, -3 // 2, 7 % -3, 1 << 62, ~0 >> 3, "a" .. 1, 5 & 3 | 8 ~ 1, 2 ^ 10, 10 / 3, not nil == true)
print("10" + 5, "0x10" * 2, 1 < 2, "a" <= "b", 1 == "1", #"abc", rawlen(t), rawequal(t, t), next({}), select(-1, 1, 2))
local m = setmetatable({}, {__index = function(_, k) return k .. "!" end, __call = function(_, x) return x end,
  __lt = function() return true end, __concat = function() return "cat" end, __len = function() return 5 end,
  __newindex = function(s, k, v) rawset(s, k, v) end, __eq = function() return true end, __tostring = function() return "m" end})
print(m.foo, m(5), m < m, m .. 1, #m, m == setmetatable({}, getmetatable(m)), tostring(m)) m.x = 1
local w = setmetatable({}, {__mode = "kv"}) w[{}] = {} collectgarbage() collectgarbage("count") print(next(w))
`,
  calls: `local function f(a, b, ...) return a + b, select("#", ...), ... end
print(f(1, 2, 3, 4))
local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end
print(fib(8), (f(1, 2)))
local up = {} for i = 1, 3 do up[i] = function() i = i + 1 return i end end
print(up[1](), up[1](), up[2]())
print(pcall(error, {code = 1}), pcall(function() error("x", 2) end), xpcall(function() local x = nil return x.y end, function(e) return e end))
for i = 10, 1, -3 do if i == 4 then goto skip end print(i) ::skip:: end
local n = 0 while true do n = n + 1 if n > 5 then break end end repeat local k = n n = n - 1 until k < 3
print(load("return 1 + ...", "chunk")(2), load("x ="), tostring(nil), tonumber("0x10"), tonumber("zz", 36), type(print))
local function tail(k) if k == 0 then return "end" end return tail(k - 1) end print(tail(50))
print(assert(1, 2), pcall(assert, false, "why"), require, pcall(require, "nothing"), dofile and pcall(dofile, "/boot/lua/empty"))
`,
  strings: `print(string.format("%5d|%-8s|%x|%q|%%|%c|%.3s|%i|%#o", 42, "abc", 255, "x\\n", 65, "abcdef", 7, 8))
print(("hello world"):gsub("o", "0"), ("key=val"):match("(%w+)=(%w+)"), ("x"):rep(3, ","), ("abc"):reverse():upper())
print(("THE (quick) fox"):find("%((%a+)%)"), ("f(a(b)c)d"):match("%b()"), ("THE fox"):gsub("%f[%a]%a+", string.lower))
for w in string.gmatch("one two three", "%a+") do print(w) end
print(("abc"):gsub("%w", {a = "1", b = "2"}), ("abc"):gsub("", "-"), ("  trim "):match("^%s*(.-)%s*$"), ("x"):byte(-1))
print(string.byte("abc", 1, -1), string.char(65, 66), ("abc"):sub(-2), ("%d+"):len(), ("a,b,c"):find(",", 1, true))
print(string.pack("<i4 z s2 >I3 !4 xb Xi4", 7, "ab", "cd", 9, 1):byte(1, -1)) print(string.unpack("<i4z", "\\7\\0\\0\\0ab\\0"), string.packsize("i4i8"))
print(#string.dump(function() return 1 end), "\\x41\\65\\z  \\u{48}", [[long
text]], [==[a]]b]==]) -- comment
--[[ more ]] print(("()"):gsub("()", "%1"), ("abc"):gsub(".", "%0%0", 2), ("[x]"):match("^%[([^%]]*)%]$"))
`,
  libraries: `loader.setenv("a", "b") print(loader.getenv("a"), loader.perform("echo hi"), loader.command("set", "x=1"), loader.interpret and loader.interpret("show x"))
loader.unsetenv("a") print(loader.parse and loader.parse("echo 'a b' c"), loader.machine, loader.machine_arch, loader.time and loader.time())
local f = io.open("/boot/loader.conf") print(f and io.read(f, 10), f and io.close(f)) io.write("w", 1, "\\n") print(io.open("/none"))
for name, kind in lfs.dir("/boot") do print(name, kind) end print(lfs.attributes("/boot", "mode"), lfs.attributes("/none"))
print(package.path, package.loaded.string == string, package.searchpath("x", "/boot/?.lua"), pcall(package.loadlib, "a", "b"))
print(errno and errno.ENOENT, printc and printc("c"), loader.printc and loader.printc("d"), hash and pcall(hash.sha256.new))
`,
};
const SINCE = `print(loader.has_command and loader.has_command("boot"), loader.has_feature and loader.has_feature("x"), loader.version, loader.lua_path)
if pager then pager.open() pager.output("a\\nb\\n") pager.file("/boot/loader.conf") pager.close() end
if gfx then print(pcall(gfx.term_drawrect, 1, 2, 3, 4), pcall(gfx.fb_line, 1, 2, 3, 4, 5)) end if warn then warn("x") end
local x <const> = 5 local y <close> = setmetatable({}, {__close = function() print("closed") end}) print(x, collectgarbage("step"))
for k in pairs(loader) do print(k) end local t = {} for i = 1, 40 do t[i] = i end print(#t) print(collectgarbage("generational"))
`;
const TYPED = `1 + 1
print("a")
x =
= x, nil
loader.perform("lsdev")
ls /boot
error({})
error("a", 0)
for i = 1, 2 do print(i) end
local y = 1 return y
io.read(2)
`;
const LUA_WORDS = (
  "and break do else elseif end false for function goto if in local nil not or repeat return then true until while + - * / % ^ # & ~ | << >> // == ~= <= >= < > = ( ) { } [ ] :: ; : , . .. ... " +
  "string.format string.rep string.gsub string.gmatch string.find string.pack string.unpack string.byte string.char string.dump <const> <close> warn " +
  "setmetatable getmetatable __index __newindex __gc __mode __close __len __eq __lt __le __concat __call __tostring __name __metatable __unm __band __shl pcall error xpcall load select rawset rawget next pairs ipairs collectgarbage require dofile loadfile io.open io.write lfs.dir loader.perform loader.command loader.setenv loader.unsetenv loader.getenv package.preload _ENV _G " +
  "%d %s %q %a %w+ %b() %f[%a] %1 ^ $ [^%s] (.-) [[ ]] --[[ ]=] 0x1p4 1e308 '\\x41' '\\z' '\\u{7fffffff}' \"\\065\""
).split(" ");

const HELP = `# Ttopic Dwhat it is
\tfirst line
# Ttopic Ssub Danother
\tsecond line
# Tother Ssub
# Tx what else Dthe rest
# D none
`;

const PACKED = gzipSync("0123456789".repeat(8000));

/** A disk with little on it. */
const disk = () => [
  ufsDisk({
    "/boot/lua/empty": "",
    "/boot/loader.conf": 'a="b"\n',
    "/boot/commands": "echo one\n@echo two\n",
    "/boot/packed.gz": PACKED,
    "/boot/loader.help": HELP,
    "/boot/loader.help.userboot": HELP,
  }),
];

/** Texts for Forth, by what they are about. */
const FORTH = {
  stack: `1 2 3 dup swap over rot drop nip tuck pick . . . depth . 5 0 do i . loop 10 0 do i 3 +loop
: fact dup 1 > if dup 1- recurse * else drop 1 then ; 5 fact . 6 fact .
: count begin dup while 1- repeat drop ; 4 count : until-zero begin 1- dup 0= until ; 3 until-zero
variable x 5 x ! x @ . x +! 3 constant three three . create array 1 , 2 , 3 c, align here array - .
: twice create , does> @ 2 * ; 4 twice eight eight . ' fact execute >r r> r@ 1 2 2dup 2drop 2swap
-7 2 / -7 2 mod -7 2 /mod 3 4 */ u. hex ff . decimal 1 2 < 1 2 > = <> and or xor invert lshift rshift`,
  texts: `s" hello" type cr ." text" cr char A emit [char] B emit bl emit 3 spaces
s" 1 2 + ." evaluate : greet s" hi" type ; greet see greet s" abc" drop c@ .
parse-word foo type s" x" s" x" compare . 10 allocate throw dup 10 0 fill free throw
: c1 case 1 of ." one" endof 2 of ." two" endof dup . endcase ; 1 c1 2 c1 3 c1
: thrower 5 throw ; ' thrower catch . : loc { a b -- } a b + ; 1 2 loc .
s" loader_conf" getenv dup -1 = if drop ." none" else type then s" v=1" s" set" type s" echo hi" evaluate
1 if 2 then [if] 3 [else] 4 [then] words marker m m immediate postpone literal exit leave unloop
 comment
( comment ) : w word count type ; 32 w abc >number source >in @ . parse`,
  files: `s" /boot/loader.conf" 0 fopen dup . dup here 10 fread . dup fkey . 0 0 fseek . fclose
: each s" /boot" 0 fopen dup freaddir . . fclose ; each fload /boot/none include /boot/none
isvirtualized? . ms 1 seconds . key? . 10 20 at-xy page s" a=b" s" setenv" 2drop
environment? s" arch-i386" environment? . unset x set y=1 show y boot-conf try-include lsdev
outb inb pnpdevices pnphandlers uuid-from-string uuid-to-string bcachestat ls /boot more /boot/loader.conf`,
};
/** Words of newer loaders, and of illumos'. */
const FORTH_SINCE = {
  since: `1 2 3 4 5 6 s" /boot/a.png" fb-putimage . 1 2 3 4 5 s" /boot/a.png" term-putimage .
1 2 3 4 term-drawrect depth . 1 2 3 4 5 fb-line 1 2 3 4 5 fb-drawrect 1 2 3 4 5 6 7 fb-bezier 1 2 fb-setpixel
isvirtualized? . 1 2 3 4 5 6 7 8 fb-putimage fb-putimage framebuffer? . words
`,
  illumos: `$2500 . 0b101 . 0o17 . 0xff . 0b2 0o9 $zz
1 . \\this is no word
2 . //nor this
: said "one text" type ; said "another" type "never closed
s" /boot" fopendir . dup freaddir . type space dup freaddir . . . fclosedir
s" /none" fopendir . 99 freaddir . 99 fclosedir s" /boot/loader.conf" fopendir .
1 2 3 4 5 s" /boot/a.png" fb-putimage . 1 2 3 4 term-drawrect depth . framebuffer? .
s" ISADIR" getenv type s" screen-#rows" getenv . include /boot/commands
`,
};
const ILLUMOS = {
  "/boot/loader.rc": Buffer.from("include /boot/forth/loader.4th\n"),
  "/boot/forth/loader.4th": Buffer.from(": from-file ;\n"),
};
const FORTH_WORDS =
  ': ; if else then begin while repeat until again do ?do loop +loop leave unloop i j exit recurse case of endof endcase create does> variable constant value to allot , c, @ ! c@ c! +! dup drop swap over rot pick roll >r r> r@ depth execute \' [\'] postpone immediate literal compile, state [ ] s" ." char [char] type emit cr . u. .s hex decimal base evaluate catch throw allocate free resize fill move cmove here align find word count parse source >in >number fopen fclose fread fwrite fseek fkey freaddir getenv setenv ms seconds key key? see forget marker words user sp@ sp! rp@ rp! dict-empty -1 0 1 { -- } 2literal 2constant search-wordlist wordlist set-order definitions only also previous get-current include fload bye quit abort abort"'.split(
    " ",
  );

const COMMANDS = {
  usual: `lsdev -v
ls -l /boot
ls /boot/laid
more /boot/laid/over
set a=b c="d e"
show a
echo $a \${a} "q $a" 'r' \\x41
unset a
load -t text /boot/loader.conf
lsmod -v
unload
include /boot/commands
more /boot/loader.conf
help
?
boot -v kernel
read -t 1 -p prompt v
load /boot/none
pnpmatch
lszfs p
bcachestat
reloadbe
autoboot 1 p
load_geli a b
reboot -x
`,
};
/** Keys of a terminal: arrows, both ends, deletions, lines typed before. */
const EDITED = `echo one two
\x1b[A\x1b[A\x1b[B\x1b[B\x1b[A\x1b[D\x1b[D\x1b[C\x1b[3~x\x1b[H\x1b[F\x01\x05\x02\x06\x04\x0b
echo three four\x17\x17five\x15echo six\x0c\xe9\x10\x0e\x7f\x08\x12
\x1b[1~a\x1b[4~b\x1bOA\x1bOH\x1b[9;5u\x1b
`;
const COMMAND_WORDS =
  "lsdev ls set show unset echo load lsmod unload include more help ? boot read autoboot quit reboot bcachestat lszfs reloadbe load_geli pnpmatch pnpload pnpautoload nvstore readtest -v -l -t -p -s -a $ $v { } \" ' \\ @ # ; / .. . /boot disk0 disk0: zfs: host0: host: currdev loaddev rootdev prompt LINES COLUMNS kernel module_path console twiddle_divisor autoboot_delay boot_verbose = , * %s \t \x1b[A \x08 \x15 \x03".split(
    " ",
  );

const CONF = {
  usual: `# comment
autoboot_delay="3"
kernel="kernel" # more
module_load="YES"
module_name="/boot/x.ko"
loader_conf_files="/boot/loader.conf.local /boot/device.hints"
loader_conf_dirs="/boot/loader.conf.d"
vfs.root.mountfrom="ufs:/dev/vtbd0p2"
exec="echo hi"
hint.uart.0.at="isa"
beastie_disable = 'x'
bad line
x=\${y} y=1
`,
};
const CONF_WORDS = [
  "_load=",
  "YES",
  '"',
  "'",
  "\\",
  "#",
  "=",
  "loader_conf_files",
  "kernel=",
  "exec=",
  "/boot/loader.conf",
  "${",
  "}",
  "%",
  "\r",
  "\t",
  "\0",
];
/** Where the disk has its text, and room for it. */
const CONF_ROOM = 4096;

const REQUESTS = {
  usual: `open\tdisk0:/\t0
list\t0\t10
open\tdisk0:/boot/loader.conf\t1
read\t1\t0
read\t1\t5
release\t1
open\t/boot\t2
open\tdisk0:/../boot/./lua//empty\t0
open\tzfs:x:/y\t0
open\tdisk9:/\t0
system\tdisk0:
system\tdisk0p1:
list\t5\t0
release\t7
read\t0\t100000000000
`,
};

export const scriptTargets: Target[] = [
  {
    name: "lua",
    module: "lua",
    bases: {
      ...texts(LUA),
      since: () => ({ disks: disk(), text: SINCE }),
      typed: () => ({ disks: disk(), text: TYPED }),
      typed_since: () => ({ disks: disk(), text: TYPED }),
    },
    words: LUA_WORDS,
    session: (disks, text, { base }) =>
      booting(disks, {
        flavour: "lua",
        ...(base.endsWith("since") && { profile: 15 }),
        // Typed: a mistake ends a line, but not what follows at the prompt.
        ...(base.startsWith("typed")
          ? { keys: [typedText(text)] }
          : { overlay: { "/boot/lua/loader.lua": text ?? new Uint8Array() } }),
      }),
  },
  {
    name: "forth",
    module: "4th",
    bases: texts({ ...FORTH, ...FORTH_SINCE }),
    words: FORTH_WORDS,
    session: (disks, text, { base }) =>
      // Typed: a mistake ends a file, but not what follows at the prompt.
      booting(disks, {
        flavour: "4th",
        keys: [typedText(text)],
        ...(base === "since" && { profile: 14 }),
        ...(base === "illumos" && { overlay: ILLUMOS }),
      }),
  },
  {
    name: "commands",
    module: "simp",
    bases: texts({ ...COMMANDS, old: COMMANDS.usual, edited: EDITED }),
    words: COMMAND_WORDS,
    session: (disks, text, { base }) =>
      booting(disks, {
        flavour: "simp",
        edits: base === "edited",
        ...(base !== "old" && { profile: 14 }),
        keys: [typedText(text)],
        overlay: { "/boot/laid/over": Buffer.from("laid over\n"), "/boot/loader.conf": Buffer.from("c=d\n") },
      }),
  },
  {
    name: "loader_conf",
    module: "inspect",
    bases: Object.fromEntries(
      Object.entries(CONF).map(([name, text]) => [
        name,
        () => ({
          disks: [
            ufsDisk({
              "/boot/loader.conf": MARK.padEnd(CONF_ROOM),
              "/boot/loader.conf.local": 'z="1"\n',
              "/etc/rc.conf": 'hostname="h"\n',
            }),
          ],
          text,
        }),
      ]),
    ),
    words: CONF_WORDS,
    session: (disks, text) => {
      const [first] = disks;
      const padded = Buffer.alloc(CONF_ROOM, "\n");
      padded.set((text ?? padded).subarray(0, CONF_ROOM));
      first?.write(placeOf(first), padded);
      return inspecting(disks, () => askedFor("system\tdisk0:"));
    },
  },
  {
    name: "requests",
    module: "inspect",
    bases: texts(REQUESTS),
    words: [
      "open\t",
      "list\t",
      "read\t",
      "release\t",
      "system\t",
      "disk0:",
      "zfs:",
      "host0:",
      "/",
      "..",
      "\t",
      "\n",
      "disk0p1:",
      "a".repeat(300),
    ],
    session: (disks, text) => inspecting(disks, () => askedFor(Buffer.from(text ?? []).toString("latin1"))),
  },
];

/** What a file begins with whose place is looked for. */
const MARK = "the place of the text";
let place: number | undefined;

/** Where the disk has the file. */
function placeOf(first: FuzzDisk): number {
  place ??= first.bytes(0, first.size).indexOf(MARK);
  return place;
}

/** Bases that are texts, on a disk with little on it. */
function texts(by: Readonly<Record<string, string>>): Target["bases"] {
  return Object.fromEntries(Object.entries(by).map(([name, text]) => [name, () => ({ disks: disk(), text })]));
}
