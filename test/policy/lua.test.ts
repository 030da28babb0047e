import { createHash } from "node:crypto";
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

describe("console automation", () => {
  const clock = { now: () => 0, sleep: () => {} };
  const drive = (rules: ConstructorParameters<typeof AutomationConsole>[1], output: string): string => {
    const console = new AutomationConsole(new KeysConsole([]), rules);
    console.write(Buffer.from(output, "latin1"));
    let keys = "";
    while (console.poll(clock)) keys += String.fromCharCode(console.getc(clock)!);
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
