// Commands with less than they want, as the reference answers them; those that it dies of have an answer here.

import { describe, expect, it } from "vitest";
import { linkedFile } from "../support/elf_image.js";
import { prompt, typeLines } from "../support/prompt.js";

describe("commands with less than they want", () => {
  it.each([
    ["set console", ""],
    ["load -k", "can't find '(null)'\n"],
    ["load -d", "no filename specified\n"],
    ["set twiddle_divisor", "invalid twiddle_divisor ''\nset: "],
    ["set currdev", "set: invalid argument\n"],
    ["include disk7p1:/x", "can't open 'disk7p1:/x': input/output error\n"],
    ["include host0:", ""],
  ])("%s", async (line, output) => {
    const { output: printed } = await prompt({ "/f": "" }, [line]);
    expect(printed[0]).toContain(output);
    if (output === "") expect(printed[0]).toBe("");
  });

  it("blames no disk that isn't there, and none for a device without a file system", async () => {
    const forth = await typeLines(["include host0:", "1 ."], { start: "4th" });
    expect(forth.prompted).toBe("OK include host0:\nOK 1 .\n1 OK ");
    const lua = await typeLines(["include disk7p1:/x"], { start: "lua" });
    expect(lua.prompted).toBe("OK include disk7p1:/x\nno error message\nOK ");
  });
});

describe("of later loaders", () => {
  it("14 has readtest, which reads a file", async () => {
    const files = { "/f": "x".repeat(100_000) };
    const lines = ["readtest /f", "readtest /g", "readtest"];
    const { output } = await prompt(files, lines, { profile: 14 });
    expect(output).toEqual([
      "Received 100000 bytes during 0 seconds\n",
      "readtest: can't open '/g'\n",
      "readtest: Usage: readtest <filename>\n",
    ]);
  });

  it.each([
    [13, "old help"],
    [14, "new help"],
  ] as const)("%d has its own help file", async (profile, text) => {
    const files = {
      "/boot/loader.help": "# Thelp Dold\nold help\n",
      "/boot/loader.help.userboot": "# Thelp Dnew\nnew help\n",
    };
    const { output } = await prompt(files, ["help"], { profile });
    expect(output[0]).toBe(`${text}\n`);
  });

  it.each([
    [13, "1"],
    [14, "16"],
  ] as const)("%d turns the spinner in its own way, unless it is told another", async (profile, divisor) => {
    const { output } = await prompt({ "/f": "" }, ["show twiddle_divisor"], { profile });
    expect(output[0]).toBe(`${divisor}\n`);
    const { output: told } = await prompt({ "/f": "" }, ["show twiddle_divisor"], {
      ...{ profile, env: ["autoboot_delay=NO", "twiddle_divisor=7"] },
    });
    expect(told[0]).toBe("7\n");
  });

  it("15 calls a console that isn't there unavailable, and lists those that are when none is", async () => {
    const said = async (profile: 14 | 15, value: string) =>
      (await prompt({}, [`set console=${value}`], { profile })).output[0];
    const list = "Available consoles:\n    userboot\n    comconsole\n";
    expect(await said(14, "comconsole,moon")).toBe(`console moon is invalid!\n${list}`);
    expect(await said(15, "comconsole,moon")).toBe("console moon is unavailable\n");
    expect(await said(15, "moon")).toBe(`console moon is unavailable\nno valid consoles!\n${list}`);
  });

  it("15 has wider lists of commands", async () => {
    const first = async (profile: 14 | 15) => (await prompt({}, ["?"], { profile })).output[0]!.split("\n")[1];
    expect(await first(14)).toBe("  bcachestat       get disk block cache stats");
    expect(await first(15)).toBe("  bcachestat            get disk block cache stats");
  });

  it("14 doesn't mind files that more can't show", async () => {
    const said = async (profile: 13 | 14) => (await prompt({}, ["more /none"], { profile })).output[0];
    expect(await said(13)).toContain("more: error showing /none\n");
    expect(await said(14)).toBe((await said(13))!.replace("more: error showing /none\n", ""));
  });

  it("14 takes lines that begin with a backslash for comments", async () => {
    const said = async (profile: 13 | 14) =>
      (await prompt({ "/s": "@echo a\n\\echo b\n\\ echo c\n@echo d\n" }, ["include /s"], { profile })).output[0];
    expect(await said(14)).toBe("a\nd\n");
    expect(await said(13)).not.toBe("a\nd\n");
  });

  it.each([
    [14, "no filename specified\n"],
    [15, "illegal option -- d\n"],
  ] as const)("%d takes its options of load", async (profile, text) => {
    const { output } = await prompt({}, ["load -d"], { profile });
    expect(output[0]).toContain(text);
  });

  it.each([
    [13, "No module matches pci\n"],
    [14, "No module matches x on bus pci\n"],
  ] as const)("%d says in its own way that a device has no module", async (profile, text) => {
    const { output } = await prompt({}, ["pnpmatch pci x"], { profile });
    expect(output[0]).toContain(text);
  });

  it.each([
    [13, [2, 1]],
    [14, [3, 2, 1]],
  ] as const)("%d counts down in its own way", async (profile, seconds) => {
    const kernel = linkedFile({ bits: 64, segments: [{ size: 100 }] }).bytes;
    const { text } = await prompt({ "/boot/kernel/kernel": kernel }, ["autoboot 3"], { profile });
    const shown = seconds.map(
      (left) => `\rBooting [/boot/kernel/kernel] in ${left} second${left === 1 ? "" : "s"}... `,
    );
    expect(text).toContain(`command prompt.\n${shown.join("")}\rBooting [/boot/kernel/kernel]...  `);
  });

  it("15 has a variable for the first script of Lua", async () => {
    const tree = (name: string) =>
      [`boot/lua/${name}.lua`, new Uint8Array(Buffer.from(`print("by ${name}")`))] as const;
    const hostTrees = [Object.fromEntries([tree("loader"), tree("other")])];
    const env = ["autoboot_delay=NO", "loader_lua=/boot/lua/other.lua"];
    for (const [profile, script] of [
      [14, "loader"],
      [15, "other"],
    ] as const) {
      const { text } = await typeLines([], { hostTrees, env, profile, start: "lua" });
      expect(text).toContain(`by ${script}\n`);
    }
  });

  it("Forth draws nothing, and knows its release", async () => {
    const said = async (profile: 12 | 13 | 15, ...lines: string[]) =>
      (await typeLines(lines, { start: "4th", profile })).prompted;
    const picture = await said(13, '0 1 2 3 4 s" /boot/logo.png" term-putimage . 1 2 3 4 5 fb-line .s');
    expect(picture).toContain("\n0 (Stack Empty)");
    const version = 's" FreeBSD_version" environment? . . s" loader_version" environment? . .';
    expect(await said(12, version)).toContain("-1 1201000 -1 12 ");
    expect(await said(13, version)).toContain("-1 1300000 -1 1002 ");
    expect(await said(15, `${version} isvirtualized? .`)).toContain("-1 1500000 -1 3000 0 ");
  });
});
