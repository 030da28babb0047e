// What the editor says of texts: lines of loader.conf, names that it knows, bytes of files, the environment before and after, and
// whether a guest will boot.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { variablesOf } from "../../build/host/editor/changes.js";
import { hexLines, plainText } from "../../build/host/editor/hex.js";
import { completions, explain, KNOWN_KEYS } from "../../build/host/editor/known_keys.js";
import { checkLines, nameAt, reportedLines } from "../../build/host/editor/loader_conf.js";
import { verdictOn } from "../../build/host/editor/verdict.js";

const QUOTED = "has to be in double quotes, and nothing but a comment follows it";
const CONF = "/boot/loader.conf";

describe("loader.conf", () => {
  it.each([
    ["", []],
    ["# a comment\n\n  \t# another\n", []],
    ['a="b"\nc = "d e" # f\nkern.hz=100\nhint.uart.0.at="isa"\nempty=""', []],
    ["bare=", [{ line: 1, text: 'a value is missing: "" is the empty one' }]],
    ["path=/boot/x", [{ line: 1, text: `a value that isn't one plain word ${QUOTED}` }]],
    ['a="b\\"c"', []],
    ["nothing", [{ line: 1, text: 'no assignment: name="value"' }]],
    ['a="b"\nc="d', [{ line: 2, text: "a quote isn't closed" }]],
    ["a b=c", [{ line: 1, text: "a name has letters, digits, dots, dashes and underscores only" }]],
    ["a=b c", [{ line: 1, text: `a value that isn't one plain word ${QUOTED}` }]],
  ])("%j", (text, problems) => {
    expect(checkLines(text)).toEqual(problems);
  });

  it("are looked at up to a bound", () => {
    expect(checkLines("a\n".repeat(100_000))).toHaveLength(4000);
    const said = "Malformed line (4001):\n\t'a'\nMalformed line (4000):\n\t'a'\n";
    expect(reportedLines(said, "a\n".repeat(100_000), CONF).map(({ line }) => line)).toEqual([4000]);
  });

  it("finds the lines that a guest's loader refuses, in Lua and in Forth, and no others", () => {
    const text = 'a="b"\nwrong here\nc="d"\nalso wrong';
    const reported = (console: string, text: string) =>
      reportedLines(console, text, CONF).map(({ line, text, last }) => [line, text, ...(last ? ["last"] : [])]);
    const lua = "Malformed line (2):\r\n\t'wrong here'\r\nMalformed line (3):\r\n\t'of another file'\r\n";
    const malformed = "the guest's loader calls it malformed";
    expect(reported(lua, text)).toEqual([[2, malformed]]);
    expect(reported("Malformed line (2):\r\n\t'wrong here'\r\n", "# a comment\n\n\nwrong here\n")).toEqual([
      [4, malformed],
    ]);
    // Those of FreeBSD don't count empty lines; a line that is there twice is the one that they mean.
    const twice = "Malformed line (1):\r\n\t'wrong'\r\nMalformed line (2):\r\n\t'wrong'\r\n";
    expect(reported(twice, "\nwrong\nwrong\n")).toEqual([
      [2, malformed],
      [3, malformed],
    ]);
    expect(reported("Malformed line (3):\r\n\t'wrong'\r\n", 'a="b"\n\nwrong')).toEqual([[3, malformed]]);
    // A line of another file may have the same text.
    const files = `Loading /boot/device.hints\r\nMalformed line (1):\r\n\t'wrong'\r\nLoading ${CONF}\r\n`;
    expect(reported(files, "wrong")).toEqual([]);
    expect(reported(`${files}Malformed line (1):\r\n\t'wrong'\r\n`, "wrong")).toEqual([[1, malformed]]);
    // What is printed is bytes.
    const bytes = Buffer.from("Malformed line (1):\r\n\t'ü=ß'\r\n").toString("latin1");
    expect(reported(bytes, "ü=ß")).toEqual([[1, malformed]]);
    const forth = `Warning: syntax error on file ${CONF}\r\nalso wrong\r\n     ^\r\n`;
    const syntax = "the guest's loader reports a syntax error, and reads no further";
    expect(reported(forth, text)).toEqual([[4, syntax, "last"]]);
    expect(reported(forth.replace(CONF, "/boot/device.hints"), text)).toEqual([]);
    expect(reported(forth.replace("also wrong", "  "), '\na="b"\n  \n')).toEqual([[3, syntax, "last"]]);
    const definition = `Warning: bad definition on file ${CONF}\r\na="b$"\r\n`;
    expect(reported(definition, 'a="b$"')).toEqual([[1, syntax.replace("syntax error", "bad definition"), "last"]]);
    expect(reported("Booting...", text)).toEqual([]);
  });

  it("finds the lines of variables, commands and modules of which a guest's loader speaks", () => {
    const text =
      'a.b="x$"\na.b="y"\naxb="$"\nexec="go (now)"\nfoo_load="YES"\nbar_load="YES"\nbar_name="foo.ko"\nfoo_loaded="1"';
    const lines = (console: string) => reportedLines(console, text, CONF).map(({ line }) => line);
    expect(lines("Failed to parse variable 'a.b': Unescaped $ at end of line\r\n")).toEqual([1]);
    expect(lines("Failed to exec 'go (now)'\r\n")).toEqual([4]);
    expect(lines("can't find 'foo'\r\n")).toEqual([5]);
    expect(lines("can't find 'foo.ko'\r\n")).toEqual([7]);
    expect(lines("can't find '/boot/entropy'\r\n")).toEqual([]);
    fc.assert(
      fc.property(fc.string(), fc.string(), (name, text) => void reportedLines(`can't find '${name}'`, text, CONF)),
    );
  });

  it("knows the name at the caret", () => {
    const text = 'a="b"\nboot_ver="YES"';
    expect(nameAt(text, 9)).toEqual({ start: 6, name: "boo", whole: "boot_ver" });
    expect(nameAt(text, text.length).name).toBe("boot_ver");
    expect(nameAt("", 0)).toEqual({ start: 0, name: "", whole: "" });
  });

  it("takes every example of a name that it knows, and explains those of modules and hints", () => {
    expect(checkLines(KNOWN_KEYS.map(({ example, name }) => `${name}="${example}"`).join("\n"))).toEqual([]);
    expect(new Set(KNOWN_KEYS.map(({ name }) => name)).size).toBe(KNOWN_KEYS.length);
    expect(explain("boot_verbose")).toContain("says more");
    expect(explain("if_em_load")).toContain("loads the module");
    expect(explain("hint.foo.0.irq")).toContain("hint");
    expect(explain("my.own")).toBeUndefined();
    expect(completions("boot_v", 5).map(({ name }) => name)).toEqual(["boot_verbose"]);
    expect(completions("vfs.root", 1)).toHaveLength(1);
  });
});

describe("files", () => {
  it("are shown as bytes", () => {
    const lines = hexLines(new TextEncoder().encode("sixteen bytes!!\n and"), 0x20).split("\n");
    expect(lines[0]).toBe("00000020  73 69 78 74 65 65 6e 20  62 79 74 65 73 21 21 0a  |sixteen bytes!!.|");
    expect(lines[1]).toMatch(/^00000030 {2}20 61 6e 64 +\| and\|$/);
  });

  it("are text only when they are, and nothing in it acts", () => {
    expect(plainText(new Uint8Array([104, 105, 10]))).toBe("hi\n");
    expect(plainText(new Uint8Array([104, 0]))).toBeUndefined();
    expect(plainText(new Uint8Array([0xff, 0xfe]))).toBeUndefined();
    expect(plainText(new TextEncoder().encode("a\x1b[2J\u202eb\r\n\tc"))).toBe("a?[2J?b\n\tc");
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(plainText(new TextEncoder().encode(text)) ?? "").not.toMatch(/[^\P{C}\n\t\p{Cn}\p{Co}]/u);
      }),
    );
  });
});

it("tells what of the environment is whose, and what is other than before", () => {
  const given = ["a=1", "b=2", "b=3"];
  const after = { a: "1", b: "4", c: "5" };
  expect(variablesOf(after, given, undefined)).toEqual([
    { name: "a", value: "1", from: "set-up" },
    { name: "b", value: "4", from: "changed by the guest" },
    { name: "c", value: "5", from: "guest" },
  ]);
  expect(variablesOf(after, given, { a: "1", b: "2", d: "6" })).toEqual([
    { name: "a", value: "1", from: "set-up" },
    { name: "b", value: "4", from: "changed by the guest", before: "2" },
    { name: "c", value: "5", from: "guest", before: null },
    { name: "d", value: undefined, from: "guest", before: "6" },
  ]);
});

it("says in a sentence whether a guest will boot", () => {
  const system = {
    ...{
      device: "disk0p2:",
      kernels: [],
      loaderConf: [],
      fstab: [],
      rcConf: [],
      problems: ["odd"],
      architecture: "amd64",
    },
    ...{
      release: { value: "14.1-RELEASE", file: "" },
      interpreter: { value: "lua", file: "" },
      kernel: { value: "kernel", file: "" },
    },
    root: { value: "zfs:zroot", file: "" },
  };
  expect(verdictOn(system, undefined)).toEqual({
    boots: true,
    sentence:
      "It will boot FreeBSD 14.1-RELEASE for amd64: its Lua loader on disk0p2: loads kernel, which mounts zfs:zroot as its root.",
    details: ["odd"],
  });
  expect(verdictOn({ ...system, missing: "no kernel" }, undefined).sentence).toBe("It won't boot: no kernel.");
  const looked = [{ kind: "disk" as const, name: "disk0", found: "nothing" }];
  expect(verdictOn(undefined, looked)).toMatchObject({ boots: false, details: ["disk0: nothing"] });
});
