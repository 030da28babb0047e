import { createHash } from "node:crypto";
import fc from "fast-check";
import { AutomationConsole, KeysConsole } from "userboot-wasm";
import { loadLuaPolicy } from "userboot-wasm/policy";
import { describe, expect, it } from "vitest";

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const policy = (text: string, more = {}) => loadLuaPolicy(Buffer.from(text), "p.lua", { sha256, ...more });
const file = { device: "disk0p2:", path: "/boot/kernel/kernel", size: 3, sha256: "ab", purpose: "kernel" } as const;

describe("a policy in Lua", () => {
  it("offers exactly the hooks that it defines", () => {
    expect(Object.keys(policy("function onFile(f) end"))).toEqual(["onFile"]);
    expect(policy("function onFile(f) end").onFile?.(file)).toBeUndefined();
  });

  it("denies with its file and line as the rule", () => {
    const hooks = policy(
      'function onFile(f)\n  if f.sha256 ~= "cd" then return deny("not listed: " .. f.path) end\nend',
    );
    expect(hooks.onFile?.(file)).toEqual({ deny: "not listed: /boot/kernel/kernel", rule: "p.lua:2" });
    expect(hooks.onFile?.({ ...file, sha256: "cd" })).toBeUndefined();
  });

  it("denies with its line, however far down that is, and from a function that it calls", () => {
    const lines = "\n".repeat(122);
    const hooks = policy(`local function no(why)\n  return deny(why)\nend${lines}function onFile(f) return deny("x") end
      function onKernel(k) local denial = no("y") return denial end`);
    expect(hooks.onFile?.(file)).toEqual({ deny: "x", rule: "p.lua:125" });
    expect(hooks.onKernel?.({ path: "/k", args: "" })).toEqual({ deny: "y", rule: "p.lua:2" });
  });

  it("has other names than text without harm", () => {
    expect(Object.keys(policy("_G[1] = 2 _G[true] = 3 onward = 4 x_onFile = 5 function onExec() end"))).toEqual([
      "onExec",
    ]);
  });

  it("changes the environment and variables", () => {
    const hooks = policy(`
      function onEnvironment(e) return { console = e.want, boot_verbose = false, n = 1 } end
      function onSetenv(k, v) if k == "a" then return { value = v .. "!" } end end`);
    expect(hooks.onEnvironment?.({ want: "comconsole" })).toEqual({
      console: "comconsole",
      boot_verbose: null,
      n: "1",
    });
    expect(hooks.onSetenv?.("a", "\xff")).toEqual({ value: "\xff!" });
    expect(hooks.onSetenv?.("b", "x")).toBeUndefined();
  });

  it("has helpers and no way out", () => {
    const lines: string[] = [];
    policy('log(sha256(""), load, dofile, require, io, os, package, debug, read("list"))', {
      log: (line: string) => lines.push(line),
      files: new Map([["list", Buffer.from("granted")]]),
    });
    expect(lines).toEqual([`${sha256(new Uint8Array())}\tnil\tnil\tnil\tnil\tnil\tnil\tnil\tgranted`]);
    expect(() => policy('read("/etc/passwd")')).toThrow(/'\/etc\/passwd' is not granted/);
  });

  it.each([
    ["function onFile(", /p\.lua:1: /],
    ["\nerror('no')", /p\.lua:2: no/],
    ["function onFille() end", /unknown hook 'onFille'; known: onEnvironment, /],
    ["onFile = 3", /'onFile' is not a function/],
    ["while true do end", /instruction limit/],
    ["x = ('x'):rep(16777217)", /p\.lua:1: a string of more than 16777216 bytes/],
    ["x = ('x'):rep(2^27, 'y')", /p\.lua:1: a string of more than 16777216 bytes/],
    ["x = ('x'):rep(8388609, 'y')", /a string of more than/],
    ["error(#('x'):rep(16777216) .. #('x'):rep(-1) .. ('ab'):rep(2, ','))", /167772160ab,ab$/],
  ])("refuses %j with one line", (text, message) => {
    expect(() => policy(text, { instructionLimit: 1_000_000 })).toThrow(message);
  });

  it.each([
    ["return 1", /onFile answered a number; it must answer nil, deny\(reason\)/],
    ["return {}", /it must answer/],
    ["error('x')", /p\.lua:1: x/],
    ["while true do end", /instruction limit/],
  ])("names a hook that does %j", (body, message) => {
    const hooks = policy(`function onFile() ${body} end`, { instructionLimit: 1_000_000 });
    expect(() => hooks.onFile?.(file)).toThrow(message);
  });
});

describe("bytes of a guest's choice, UTF-8 or not (5)", () => {
  const bytes = fc
    .array(fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0x1b, 0x25, 0x9b, 0xc3, 0xe2, 0xed, 0xff)))
    .map((codes) => String.fromCharCode(...codes));

  it("pass through all that a policy does with texts", () => {
    const lines: string[] = [];
    const hooks = policy(
      `function onSetenv(n, v)
         log(n, v)
         log(n:upper(), n:lower(), n:reverse(), n:rep(2, v), n:sub(2), #n, n:byte(1, -1))
         log(n:gsub(".", "%0%0"), n:find(v, 1, true), n:match("[^a]*"), tonumber(n), tonumber(n, 36), n < v)
         log(string.format("%q %s %-9s|%5.2s|%%|%d", n, n, n, n, 3), string.pack("z", "x") .. n, table.concat({n, v}, n))
         log(sha256(n), select("#", n), tostring(n), pcall(error, n), pcall(read, n))
         return { value = v .. n }
       end`,
      { log: (line: string) => lines.push(line) },
    );
    fc.assert(
      fc.property(bytes, bytes, (name, value) => {
        lines.length = 0;
        expect(hooks.onSetenv?.(name, value)).toEqual({ value: value + name });
        expect(lines[0]).toBe(`${name}\t${value}`);
        expect(lines[3]).toContain(` ${name} ${name.padEnd(9)}|${name.slice(0, 2).padStart(5)}|%|3`);
      }),
    );
  });

  it("are the file, the reason and the message of a policy that refuses or fails over them", () => {
    fc.assert(
      fc.property(bytes, (path) => {
        const hooks = (text: string) => policy(`function onFile(f) ${text} end`);
        expect(hooks("return deny(f.path)").onFile?.({ ...file, path })).toEqual({ deny: path, rule: "p.lua:1" });
        expect(() => hooks("error(f.path, 0)").onFile?.({ ...file, path })).toThrow(
          expect.objectContaining({ name: "PolicyFileError", message: path }),
        );
        expect(() => hooks("read(f.path)").onFile?.({ ...file, path })).toThrow(
          expect.objectContaining({ name: "PolicyFileError" }),
        );
      }),
    );
  });

  it("give a replacement byte by byte, and sizes beyond 32 bits as they are", () => {
    const hooks = policy('function onFile(f) if f.size > 2 ^ 32 then return { replace = "\\xff\\0\\xc3(" } end end');
    expect(hooks.onFile?.({ ...file, size: 2 ** 33 })).toEqual({ replace: Uint8Array.of(0xff, 0, 0xc3, 0x28) });
    expect(hooks.onFile?.(file)).toBeUndefined();
  });

  it("don't meet a format that means something else", () => {
    const line = (text: string) => {
      let last = "";
      policy(`log(${text})`, { log: (logged: string) => (last = logged) });
      return last;
    };
    expect(line('string.format("%5s|%-5s|%.1s|%5.1s|%s|%%s", "ab", "ab", "ab", "ab", "ab")')).toBe(
      "   ab|ab   |a|    a|ab|%s",
    );
    expect(line('("%5d|%05.1f|%x|%c|%5s"):format(7, 1.25, 255, 65, nil)')).toBe("    7|001.3|ff|A|  nil");
    expect(() => line('string.format("%5s")')).toThrow("bad argument #2 to 'format' (no value)");
    expect(() => line('string.format("%123s", 1)')).toThrow("invalid format");
  });

  it("reach a policy whose own name and files have names in UTF-8", () => {
    const lines: string[] = [];
    const files = new Map([["schl\u00fcssel", Buffer.from("granted")]]);
    policy('log(read("schl\u00fcssel"))', { log: (line: string) => lines.push(line), files });
    expect(lines).toEqual(["granted"]);
  });
});

describe("console automation", () => {
  const clock = { now: () => 0, sleep: () => {} };
  const drive = (rules: ConstructorParameters<typeof AutomationConsole>[1], output: string): string => {
    const console = new AutomationConsole(new KeysConsole([]), rules);
    console.write(Buffer.from(output, "latin1"));
    let keys = "";
    while (console.poll(clock)) keys += String.fromCharCode(console.getc(clock) as number);
    return keys;
  };

  it("answers an expected text, in order and once", () => {
    const rules = [
      { expect: "OK ", send: "ls\r" },
      { expect: "more", send: "q" },
    ];
    expect(drive(rules, "more OK ")).toBe("ls\r");
    expect(drive(rules, "OK then more")).toBe("ls\rq");
  });

  it("finds a menu entry drawn with cursor movement and colours", () => {
    const menu = "\x1b[10;5H\x1b[1m1\x1b[m. Boot Multi user\x1b[11;5H2. Boot \x1b[1mS\x1b[mingle user";
    expect(drive([{ menu: "single USER" }], menu)).toBe("2");
    expect(drive([{ menu: "Rescue" }], menu)).toBe("");
  });
});
