// The scripts of adversarial.test.ts.

/** Never end in Lua 5.4; what they keep is small. */
export const ENDLESS_54: Readonly<Record<string, string>> = {
  "closing that loops": "do local x <close> = setmetatable({}, {__close = function() while true do end end}) end",
  "closing that fails": "while true do pcall(function() local x <close> = setmetatable({}, {__close = error}) end) end",
  "closing of generic loops":
    "local c = setmetatable({}, {__close = error}) while true do pcall(function() for i in next, {1}, nil, c do end end) end",
  "__call that leads to itself": "local m = {} local t = setmetatable({}, m) m.__call = t while true do pcall(t) end",
  "numeric loops": "while true do for i = 1, 0 do end for i = 1 << 62, 0, -1 do end end",
  "numeric loops of texts": 'while true do for i = "1", "0" do end end',
  "texts that add themselves":
    'local m = getmetatable("") m.__add = function(a, b) return a + b end while true do pcall(function() return "a" + 1 end) end',
};

/** Never end; what they keep is small. */
export const ENDLESS: Readonly<Record<string, string>> = {
  while: "while true do end",
  "repeat and pcall": "repeat pcall(error) until false",
  goto: "::a:: goto a",
  recursion: "local function f() return 1 + f() end while true do pcall(f) end",
  "tail calls": "local function f() return f() end f()",
  "calls of the core's functions": "local function f() pcall(f) pcall(f) end f()",
  "names of errors": "while true do pcall(string.rep) end",
  "handlers of errors": 'local function h(e) error(e) end while true do xpcall(error, h, "x") end',
  "handlers that loop": "xpcall(error, function() while true do end end)",
  "index functions":
    "local t = setmetatable({}, {}) getmetatable(t).__index = function(t, k) return t[k] end while true do pcall(function() return t.x end) end",
  "index chains":
    "local t = {} for i = 1, 1990 do t = setmetatable({}, {__index = t}) end while true do local a = t.x end",
  "newindex chains":
    "local t = {} for i = 1, 1990 do t = setmetatable({}, {__newindex = t}) end while true do t.x = nil end",
  comparisons:
    "local m = {} m.__lt = function(a, b) return b < a end local a, b = setmetatable({}, m), setmetatable({}, m) while true do pcall(function() return a < b end) end",
  equality:
    "local m = {__eq = function(a, b) while true do end end} local a = setmetatable({}, m) == setmetatable({}, m)",
  iterators: "for i in function(_, i) return (i or 0) + 1 end do end",
  "replacement functions": '("x"):rep(1000):gsub(".", function() while true do end end)',
  "copies of strings": 'while true do local s = ("x"):rep(500000) end',
  concatenation: 'local a = ("x"):rep(100000) while true do local s = a .. "y" end',
  "readers of load": 'while true do pcall(load, function() return " " end) end',
  "modules that need themselves":
    'package.preload.a = function() return require("a") end while true do pcall(require, "a") end',
  "scripts that run themselves": 'while true do pcall(dofile, "/boot/lua/loader.lua") end',
  "finalizers that make more":
    "local m = {} m.__gc = function() setmetatable({}, m) end setmetatable({}, m) while true do local t = {} end",
  "finalizers that collect":
    "local m = {} m.__gc = function() setmetatable({}, m) collectgarbage() end setmetatable({}, m) while true do collectgarbage() end",
  "finalizers that loop": "setmetatable({}, {__gc = function() while true do end end}) collectgarbage()",
  "finalizers that fail": "while true do pcall(function() setmetatable({}, {__gc = error}) collectgarbage() end) end",
  "pcall inside pcall": "local function f() return pcall(f) end while true do f() end",
  "xpcall inside xpcall": "local function f() return xpcall(f, f) end while true do f() end",
  "__tostring inside __tostring":
    "local m = {} m.__tostring = function(t) return tostring(t) end while true do pcall(tostring, setmetatable({}, m)) end",
  "__concat inside __concat":
    "local m = {} m.__concat = function(a, b) return a .. b end while true do pcall(function() return setmetatable({}, m) .. 1 end) end",
  "__call with more and more":
    "local m = {} local t = setmetatable({}, m) m.__call = function(self, ...) return self(self, ...) end while true do pcall(t) end",
  "many values through pcall":
    'local s = ("x"):rep(200000) while true do pcall(pcall, pcall, pcall, pcall, pcall, pcall, select, 1, s:byte(1, -1)) end',
  "many values to __call":
    'local t = setmetatable({}, {__call = select}) local s = ("x"):rep(100000) local function w(...) while true do pcall(t, ...) end end w(s:byte(1, -1))',
  "long strings that are nearly the same":
    'local a, b = ("x"):rep(5000000) .. "a", ("x"):rep(5000000) .. "b" while true do local c = a == b or a < b end',
  "long keys": 'local t = {} while true do local b = t[("x"):rep(1000000)] end',
  "numerals of blanks":
    'local s, l = (" "):rep(4000) .. "1", (" "):rep(1000000) .. "1" while true do local a = s + 1 tonumber(l, 10) end',
  "borders that are searched for":
    "local t = {1} for i = 1, 61 do t[1 << i] = 1 end while true do local a = #t + #t + #t + #t + #t + #t end",
  "next in a table of holes":
    'local t = {} for i = 1, 100000 do t["k" .. i] = 1 end for i = 1, 99999 do t["k" .. i] = nil end while true do local a = next(t) end',
  "next after keys that are gone":
    "local t, ks = {}, {} for i = 1, 50000 do local k = {} t[k] = 1 ks[i] = k end for k in pairs(t) do t[k] = nil end collectgarbage() while true do for i = 1, 10000 do next(t, ks[i]) end end",
  rehashing:
    'local t = {} for i = 1, 65536 do t["k" .. i] = i end local i = 65536 while true do t["k" .. i - 65535] = nil i = i + 1 t["k" .. i] = 1 end',
  "integers with the same hash":
    "local t = {} for i = 1, 20000 do t[i << 32 ~ i] = i end while true do for i = 1, 20000 do local a = t[i << 32 ~ i] end end",
  "collections of many": "local t = {} for i = 1, 100000 do t[i] = {} end while true do collectgarbage() end",
  "collections of much": 'local t = {} for i = 1, 500000 do t[i] = i end while true do collectgarbage("step") end',
  "collections with a deep stack":
    "local function f(n) if n == 0 then return 0 end return 1 + f(n - 1) end f(100000) while true do collectgarbage() end",
  "collections of a chain of weak keys":
    'local t = setmetatable({}, {__mode = "k"}) local k = {} local first = k for i = 1, 2000 do local n = {} t[k] = n k = n end while true do collectgarbage() end',
  "errors in long functions":
    'local f = load("goto x; do " .. ("a = 1 "):rep(200000) .. " end ::x:: z.y.x = 1") while true do pcall(f) end',
  "errors in chunks with long names": 'local f = load("error()", ("n"):rep(5000000)) while true do pcall(f) end',
  "errors with modules of many names":
    'package.loaded.big = {} for i = 1, 100000 do package.loaded.big["k" .. i] = i end while true do pcall(string.rep) end',
  "patterns that try everything": '("a"):rep(100):find(("a?"):rep(100) .. ("a"):rep(100))',
  "patterns in pcall": 'while true do pcall(string.find, ("a"):rep(5000), (".-"):rep(50) .. "b") end',
  "balance that is never found": 'while true do ("("):rep(100000):find("%b()") end',
  "comments without an end": 'local s = "--[[" .. ("x]"):rep(1000000) while true do load(s) end',
  "blank chunks": 'local s = (" "):rep(5000000) while true do load(s) end',
  "strings without an end": `local s = "x='" .. ("x"):rep(200000) .. "\\n" while true do load(s) end`,
  "long numerals": 'local s = "x=" .. ("1"):rep(1000000) while true do load(s) end',
  "gotos and labels":
    'local s = ("goto a "):rep(30000) for i = 1, 100 do s = s .. "::b" .. i .. ":: " end while true do load(s) end',
  "alternatives in a row":
    'local s = "if a then " .. ("elseif a then "):rep(50000) .. " end" while true do load(s) end',
  "conditions in a row": 'local s = "return " .. ("a and "):rep(50000) .. "a" while true do load(s) end',
  "globals in deep functions":
    'local s = "" for i = 1, 190 do s = s .. "local a" .. i .. " " end local f = "" for i = 1, 90 do f = f .. "return function() " .. s end f = f .. ("z=z "):rep(5000) while true do load(f) end',
};

/** Take more and more. */
export const GREEDY: Readonly<Record<string, string>> = {
  "doubled strings": 'local s = "x" while true do s = s .. s end',
  "repeated strings": 'local s = "x" while true do s = s:rep(10) end',
  "tables that grow": "local t, i = {}, 0 while true do i = i + 1 t[i] = i end",
  "tables with odd keys": "local t, i = {}, 0 while true do i = i + 1 t[-i] = i end",
  "tables in tables": "local t = {} while true do t = {t} end",
  closures: "local f while true do local g = f f = function() return g end end",
  "small strings": 'local t, i = {}, 0 while true do i = i + 1 t[i] = "s" .. i end',
  "metatables in a row": "local t while true do t = setmetatable({}, {__index = t}) end",
  "formatted strings": 'local s = "x" while true do s = ("%s%s"):format(s, s) end',
  "widths of formats": 'local s = "x" while true do s = ("%99d"):rep(1000):format(s:rep(1000):byte(1, -1)) .. s end',
  replacements: 'local s = "xx" while true do s = s:gsub(".", "%0%0") end',
  "packed strings": 'local s = "x" while true do s = string.pack("s8s8", s, s) end',
  "huge chunks": 'load(("a=1 "):rep(4000000))',
  "chunks from endless readers": 'assert(load(function() return "a=1 " end))',
  "argument lists": "local function f(...) return 1, f(1, 2, 3, ...) end f()",
  captures:
    'local t, s = {}, ("x"):rep(1000) while true do for a, b in s:gmatch("()(.+)") do t[#t + 1] = b .. #t end end',
  "slices of strings": 'local s = ("x"):rep(100000) local t = {} while true do t[#t + 1] = {s:byte(1, -1)} end',
};

const nested = (before: string, after: string, count: number) =>
  `print(load(("${before}"):rep(${count}) .. "${after}"))`;
const LEVELS = /too many C levels|chunk has too many|overflow/;

/** Go deep; what they end with. */
export const NESTED: Readonly<Record<string, readonly [script: string, message: RegExp]>> = {
  "parentheses in parentheses": [`print(load("return " .. ("("):rep(100000)))`, LEVELS],
  tables: [`print(load("return " .. ("{"):rep(100000)))`, LEVELS],
  functions: [nested("function f() ", "", 100000), LEVELS],
  blocks: [nested("do ", "", 100000), LEVELS],
  loops: [nested("while a do ", "", 100000), LEVELS],
  "unary operators": [`print(load("return " .. ("- "):rep(100000) .. "1"))`, LEVELS],
  "right-associative operators": [`print(load("return " .. ("a.."):rep(100000) .. "a"))`, LEVELS],
  "assignments to many": [`print(load(("a,"):rep(100000) .. "a=1"))`, LEVELS],
  "calls of results": [`print(pcall(load("return f" .. ("()"):rep(100000))))`, /attempt to call a nil value/],
  "alternatives in a row": [`print(pcall(load("if a then " .. ("elseif a then "):rep(10000) .. "end")))`, /^true/],
  recursion: ["local function f() return 1 + f() end print(pcall(f))", /overflow|not enough memory/],
  "metamethods in metamethods": [
    "local m = {} m.__add = function(a, b) return a + b end print(pcall(function() return setmetatable({}, m) + 1 end))",
    /C stack overflow/,
  ],
  "pcall in pcall": ["local function f() return pcall(f) end print(f())", /C stack overflow/],
  "__tostring in __tostring": [
    "local m = {} m.__tostring = function(t) return tostring(t) end print(pcall(tostring, setmetatable({}, m)))",
    /C stack overflow/,
  ],
  "gsub in gsub": ['local function f() return (("x"):gsub(".", f)) end print(pcall(f))', /C stack overflow/],
  "load in load": ["local function f() return load(f) end print(pcall(f))", /C stack overflow|function/],
  "require in require": [
    'package.searchers[1] = function(n) return require(n .. "x") end print(pcall(require, "x"))',
    /C stack overflow/,
  ],
  "errors in handlers": ["print(xpcall(error, function(e) error(e) end))", /error in error handling|C stack overflow/],
  "a table that is its own __call": [
    "local t = setmetatable({}, {}) getmetatable(t).__call = t print(pcall(t))",
    /attempt to call a table value/,
  ],
  "a table that is its own __index": [
    "local t = {} setmetatable(t, t) t.__index = t print(pcall(function() return t.x end))",
    /'__index' chain too long; possible loop/,
  ],
  "a table that is its own __newindex": [
    "local t = {} setmetatable(t, t) t.__newindex = t print(pcall(function() t.x = 1 end))",
    /'__newindex' chain too long; possible loop/,
  ],
};
