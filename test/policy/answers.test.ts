// What hooks may answer, each kind of answer with what is just not one, and what they are told.

import { type BootHooks, boot, PolicyError, PolicyFileError } from "userboot-wasm";
import { loadLuaPolicy } from "userboot-wasm/policy";
import { describe, expect, it } from "vitest";
import { askHook, DirectAsker, enforce, permittedEnvironment } from "../../build/host/policy/asker.js";
import { Content } from "../../build/host/policy/content.js";
import type { HookName } from "../../build/host/policy/hooks.js";
import { guestImage } from "../support/guests.js";

const asked = (hook: HookName, answer: unknown) => askHook({ [hook]: () => answer } as BootHooks, hook, []);
const refused = (hook: HookName, answer: unknown) => {
  try {
    return asked(hook, answer);
  } catch (error) {
    expect(error).toBeInstanceOf(PolicyFileError);
    return (error as Error).message;
  }
};

describe("an answer", () => {
  it.each<[HookName, unknown]>([
    ["onSetenv", { value: "" }],
    ["onSetenv", { value: "\x00\xff" }],
    ["onKernel", { args: "-s" }],
    ["onFile", { replace: Uint8Array.of(1, 2) }],
    ["onExec", { deny: "" }],
    ["onFile", { deny: "no", rule: "r" }],
  ])("of %s may be %j", (hook, answer) => expect(asked(hook, answer)).toEqual(answer));

  it.each(["onSetenv", "onFile", "onKernel", "onExec"] as const)("of %s may be none", (hook) => {
    expect(asked(hook, undefined)).toBeUndefined();
    expect(asked(hook, null)).toBeUndefined();
  });

  it.each<[HookName, unknown, string]>([
    ["onSetenv", { value: "\u0100" }, "an object with value; it must answer nothing, { deny } or { value }"],
    ["onSetenv", { value: 1 }, "an object with value; it must answer nothing, { deny } or { value }"],
    ["onSetenv", { args: "x" }, "an object with args; it must answer nothing, { deny } or { value }"],
    ["onKernel", {}, "an object with nothing; it must answer nothing, { deny } or { args }"],
    ["onFile", { replace: "text" }, "an object with replace; it must answer nothing, { deny } or { replace }"],
    ["onExec", { value: "x", other: 1 }, "an object with value, other; it must answer nothing, { deny }"],
    ["onExec", "no", "string; it must answer nothing, { deny }"],
    ["onExec", { deny: 1 }, "an object with deny; it must answer nothing, { deny }"],
    ["onExec", Object.assign(() => {}, { deny: "no" }), "function; it must answer nothing, { deny }"],
  ])("of %s may not be %j", (hook, answer, message) =>
    expect(refused(hook, answer)).toBe(`hook ${hook} answered ${message}`),
  );

  it("that is thrown is named, and ours goes through", () => {
    const throws = (error: unknown) => () => {
      throw error;
    };
    expect(() => askHook({ onFile: throws(new Error("oops")) }, "onFile", [])).toThrow("hook onFile failed: oops");
    expect(() => askHook({ onFile: throws("a text") }, "onFile", [])).toThrow("hook onFile failed: a text");
    const own = new PolicyFileError("own");
    expect(() => askHook({ onFile: throws(own) }, "onFile", [])).toThrow(own);
  });

  it("that denies names the rule, or the hook without one", () => {
    const denied = (answer: { deny: string; rule?: string }) => () => enforce(answer, "onFile", "file x");
    expect(denied({ deny: "no", rule: "r7" })).toThrow(PolicyError);
    expect(denied({ deny: "no", rule: "r7" })).toThrow(expect.objectContaining({ rule: "r7", subject: "file x" }));
    expect(denied({ deny: "no" })).toThrow(expect.objectContaining({ rule: "onFile", subject: "file x" }));
    expect(enforce(undefined, "onFile", "file x")).toBeUndefined();
    expect(enforce({ value: "v" }, "onSetenv", "x")).toEqual({ value: "v" });
  });

  it("is wanted of the hooks that there are", () => {
    const asker = new DirectAsker({ onKernel: () => ({ args: "-v" }) });
    expect([...asker.wants]).toEqual(["onKernel"]);
    expect(asker.ask("onKernel", { path: "/k", args: "" })).toEqual({ args: "-v" });
  });
});

describe("the environment", () => {
  const changed = (onEnvironment: unknown, entries: string[]) =>
    permittedEnvironment({ onEnvironment } as BootHooks, entries);
  const ENTRIES = ["a=1", "b=x=y", "bare"];

  it("is asked for with names up to the first =, and stays in its order", () => {
    let seen: unknown;
    const answer = changed(
      (environment: unknown) => {
        seen = environment;
        return { b: null, new: "n", a: "2" };
      },
      [...ENTRIES],
    );
    expect(seen).toEqual({ a: "1", b: "x=y", bare: "" });
    expect(answer).toEqual(["a=2", "bare=", "new=n"]);
  });

  it("stays as it is without an answer, and without a hook", () => {
    for (const none of [undefined, null]) expect(changed(() => none, ENTRIES)).toBe(ENTRIES);
    expect(permittedEnvironment(undefined, ENTRIES)).toBe(ENTRIES);
    expect(permittedEnvironment({}, ENTRIES)).toBe(ENTRIES);
  });

  it.each([
    [3, "hook onEnvironment answered number; it must answer nothing or changes"],
    ["a=1", "hook onEnvironment answered string; it must answer nothing or changes"],
    [{ a: 1 }, "hook onEnvironment: 'a' must be a text or null"],
    [{ a: "\u0100" }, "hook onEnvironment: 'a' must be a text or null"],
  ])("may not be changed by %j", (answer, message) => {
    expect(() => changed(() => answer, ENTRIES)).toThrow(new PolicyFileError(message));
  });

  it("can't be had from a hook that fails", () => {
    const fails = () => {
      throw new Error("oops");
    };
    expect(() => changed(fails, ENTRIES)).toThrow(new PolicyFileError("hook onEnvironment failed: oops"));
  });
});

it("the last hook is told of every module that the kernel gets, and its variables", async () => {
  let told: Parameters<NonNullable<BootHooks["onExec"]>>[0] | undefined;
  const onExec: BootHooks["onExec"] = (machine) => {
    told = machine;
    return undefined;
  };
  const disks = [guestImage("amd64-ufs2-gpt")];
  const result = await boot({ disks, start: "simp", clock: "virtual", isolation: "none", hooks: { onExec } });
  expect(result.reason).toBe("exec");
  expect(told?.modules.length).toBeGreaterThan(1);
  expect(told?.modules).toEqual(result.modules.map(({ name, type, size }) => ({ name, type, size: Number(size) })));
  expect(told?.environment).toEqual(result.environment);
});

describe("the bytes of a file", () => {
  const bytes = Uint8Array.from({ length: 5000 }, (_, at) => at);

  it.each([0, 1, 5000, 5001, 9096, 9097])("are there with room for %i expected", (expected) => {
    const content = new Content(expected);
    for (let at = 0; at < 5000; at += 700) content.append(bytes.subarray(at, at + 700));
    content.finish();
    expect(content.size).toBe(5000);
    expect(content.slice(0, 6000)).toEqual(bytes);
    expect(content.slice(4999, 6000)).toEqual(bytes.subarray(4999));
    expect(content.slice(5000, 1)).toHaveLength(0);
    expect(content.slice(7000, 1)).toHaveLength(0);
    expect(content.slice(10, 5)).toEqual(bytes.subarray(10, 15));
  });

  it.each([
    [0, 4096, 4096],
    [0, 4097, 0],
    [100, 4196, 4196],
    [100, 4197, 100],
  ])("of %i in room for %i keep %i", (size, expected, kept) => {
    const content = new Content(expected);
    content.append(bytes.subarray(0, size));
    content.finish();
    expect(content.slice(0, size).buffer.byteLength).toBe(kept);
  });
});

describe("a policy in Lua", () => {
  const hooks = (text: string) => loadLuaPolicy(Buffer.from(text), "p.lua", { sha256: () => "" });

  it.each([
    ["error({})", "p.lua: error with a table as its message"],
    ["error()", "p.lua: error with a nil as its message"],
    ["error('x', 0)", "x"],
    ["return 1", "p.lua: onExec answered a number; it must answer nil or deny(reason)"],
    ["return {}", "p.lua: onExec answered a table; it must answer nil or deny(reason)"],
    ["return 'a', 2", "p.lua: onExec answered a string; it must answer nil or deny(reason)"],
  ])("that does %s is told so", (text, message) => {
    const machine = { modules: [], environment: {} } as never;
    expect(() => hooks(`function onExec(m) ${text} end`).onExec?.(machine)).toThrow(new PolicyFileError(message));
  });

  it("is told what it may answer", () => {
    const { onSetenv } = hooks("function onSetenv(n, v) return { args = v } end");
    const message = "p.lua: onSetenv answered a table; it must answer nil, deny(reason) or { value = ... }";
    expect(() => onSetenv?.("a", "b")).toThrow(new PolicyFileError(message));
  });

  it.each([
    ["return 3", "p.lua: onEnvironment answered a number; it must answer nil or a table of changes"],
    ["return 'a=b'", "p.lua: onEnvironment answered a string; it must answer nil or a table of changes"],
    [
      "return { x = true }",
      "p.lua: onEnvironment answered a boolean; it must answer a string, or false to leave it out, for 'x'",
    ],
    [
      "return { x = {} }",
      "p.lua: onEnvironment answered a table; it must answer a string, or false to leave it out, for 'x'",
    ],
    ["return { 'x' }", "it must answer a table with names as keys"],
  ])("that says %j of the environment is told so", (text, message) => {
    const { onEnvironment } = hooks(`function onEnvironment(e) ${text} end`);
    expect(() => onEnvironment?.({})).toThrow(PolicyFileError);
    expect(() => onEnvironment?.({})).toThrow(message);
  });

  it("may say nothing of the environment", () => {
    expect(hooks("function onEnvironment(e) end").onEnvironment?.({})).toBeUndefined();
    expect(hooks("function onEnvironment(e) return {} end").onEnvironment?.({})).toEqual({});
  });

  it("types by rules, in their order", () => {
    const { automation } = hooks("menu('Single \\xff') expect('OK ', 'boot -s\\r') menu('x')");
    expect(automation).toEqual([{ menu: "Single \xff" }, { expect: "OK ", send: "boot -s\r" }, { menu: "x" }]);
    expect(hooks("")).toEqual({});
  });

  it.each([
    ["expect('OK ')", "bad argument #2 to 'expect' (string expected, got no value)"],
    ["expect()", "bad argument #1 to 'expect' (string expected, got no value)"],
    ["menu({})", "bad argument #1 to 'menu' (string expected, got table)"],
    ["deny()", "bad argument #1 to 'deny' (string expected, got no value)"],
    ["read()", "bad argument #1 to 'read' (string expected, got no value)"],
    ["sha256(nil)", "bad argument #1 to 'sha256' (string expected, got nil)"],
  ])("that calls %s is told what that takes", (text, message) => {
    expect(() => hooks(text)).toThrow(new PolicyFileError(`p.lua:1: ${message}`));
  });

  it("is told of a machine in all its parts, and logs any value", () => {
    const lines: string[] = [];
    const text = `function onExec(m)
      log(#m.modules, m.modules[1].name, m.modules[2].size, m.modules[3], m.modules[0])
      print(m.environment.a, m.on, m.off, m.none, m.large, m.half)
      log()
    end`;
    const { onExec } = loadLuaPolicy(Buffer.from(text), "p.lua", {
      sha256: () => "",
      log: (line) => void lines.push(line),
    });
    const modules = [
      { name: "/k\xff", size: 1 },
      { name: "/m", size: -5 },
    ];
    const facts = { modules, environment: { a: "1" }, on: true, off: false, none: null, large: 2 ** 31, half: 0.5 };
    expect(onExec?.(facts as never)).toBeUndefined();
    expect(lines).toEqual(["2\t/k\xff\t-5\tnil\tnil", "1\ttrue\tfalse\tnil\t2147483648.0\t0.5", ""]);
  });

  it("has its instructions counted anew for each call", () => {
    const options = { sha256: () => "", instructionLimit: 200_000 };
    const text = `function onSetenv(n, v) for i = 1, tonumber(v) do end end`;
    const { onSetenv } = loadLuaPolicy(Buffer.from(text), "p.lua", options);
    // Each turn of the loop is one.
    for (let i = 0; i < 3; i++) expect(onSetenv?.("n", "150000")).toBeUndefined();
    expect(() => onSetenv?.("n", "350000")).toThrow(new PolicyFileError("p.lua:1: instruction limit reached"));
    expect(onSetenv?.("n", "150000")).toBeUndefined();
  });

  it.each([["%s"], ["%5s"], ["%-5s"], ["%.1s"], ["%%"], ["%d %s"]])("has %s of texts as Lua does", (format) => {
    let line = "";
    loadLuaPolicy(Buffer.from(`log(string.format("${format}|", 7, "\\xff\\0b"))`), "p.lua", {
      sha256: () => "",
      log: (logged) => {
        line = logged;
      },
    });
    const expected: Record<string, string> = { "%5s": "    7", "%-5s": "7    ", "%%": "%", "%d %s": "7 \xff\0b" };
    expect(line).toBe(`${expected[format] ?? "7"}|`);
  });
});
