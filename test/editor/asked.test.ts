// "Ask the guest's loader" with FreeBSD's own scripts: which lines of loader.conf are said to be refused, against what became of
// them in the boot. The scripts aren't part of this repository (test/interp/sources.ts).

import { BufferConsole, boot } from "userboot-wasm";
import { describe, expect, it } from "vitest";
import { checkLines, reportedLines } from "../../build/host/editor/loader_conf.js";
import { BOOTABLE, findSources, type Language, scripts } from "../interp/sources.js";
import { ufsDisk } from "../support/ufs_image.js";

const PATH = "/boot/loader.conf";
/** Lines that some or all scripts refuse, and some that none does. */
const LINES = [
  ...['fine="x"', "number=100", "negative=-1", 'after="x" # why', '  early = "x"', "\ttab=yes"],
  ...["nothing here", "   ", 'open="x', 'more="x" y', "bare=", "bare= # why", "path=/boot/x", "dot=a.b", "quoted='x'"],
  ...['half="a"b"', 'escaped="a\\"b"', 'dollar="a$"', 'brace="${b"', '9nine="x"', 'co:lon="x"', 'double=="x"'],
  ...[
    'umlaut="ü"',
    'ümlaut="x"',
    "  set a=b",
    "; no comment",
    "[section]",
    'back="x\\\\"',
    'dash-ed="x"',
    "=x",
    '"q"="x"',
  ],
];

async function asked(path: string, language: Language, text: string) {
  const console = new BufferConsole();
  const disk = ufsDisk({
    ...scripts(path, language),
    ...BOOTABLE,
    [PATH]: new TextEncoder().encode(text),
    "/boot/loader": `$Interpreter:${language === "lua" ? "lua" : "4th"}\0`,
  });
  const result = await boot({ disks: [disk], console, clock: "virtual", isolation: "none" });
  const { environment } = result;
  result.release();
  return { environment, reported: reportedLines(console.text, text, PATH) };
}

it("nothing that all scripts take is marked without asking", () => {
  for (const line of LINES.slice(0, 6)) expect(checkLines(line)).toEqual([]);
});

for (const language of ["lua", "forth"] as const) {
  describe.each(findSources(language))(`FreeBSD's scripts in ${language} of $name`, ({ path }) => {
    it.each(LINES)("%j is refused by the editor when it was in the boot", async (line) => {
      const text = `# a file\nabove="1"\n\n${line}\nbelow="1"\n`;
      const { environment, reported } = await asked(path, language, text);
      expect(environment).toMatchObject({ above: "1" });
      const name = /^\s*(\S+?)\s*=/.exec(line)?.[1];
      if (language === "lua") {
        expect(environment).toMatchObject({ below: "1" });
        // Lines without a name set nothing in any case: there it is what the scripts print that counts.
        const refused = line.trim() === "" ? false : name === undefined || environment[latin1(name)] === undefined;
        expect(reported.map((one) => one.line)).toEqual(refused && !setsOther(line, environment) ? [4] : []);
      } else {
        // They read no further.
        const refused = environment.below === undefined;
        expect(reported).toMatchObject(refused ? [{ line: 4, last: true }] : []);
        expect(reported).toHaveLength(refused ? 1 : 0);
      }
    });

    it("commands and modules that aren't there", async () => {
      const modules = 'nosuch_load="YES"\nother_load="YES"\nother_name="/boot/none.ko" # why\ninside_load="YES"\n';
      const { reported } = await asked(path, language, modules);
      const text = "the guest's loader doesn't find this module";
      // Those in Forth give up after the first one.
      const both = [
        { line: 1, text },
        { line: 3, text },
      ];
      expect(both).toEqual(expect.arrayContaining(reported));
      expect(reported.length).toBeGreaterThan(0);
      if (language === "forth") return;
      expect(reported).toEqual(both);
      const command = await asked(path, language, 'exec="no.such thing"\n');
      expect(command.reported).toEqual([{ line: 1, text: "the guest's loader can't do that" }]);
    });

    it("the same wrong line twice", async () => {
      const { reported } = await asked(path, language, '\n\nwrong\nwrong\nfine="x"\n\nwrong\n');
      expect(reported.map(({ line }) => line)).toEqual(language === "lua" ? [3, 4, 7] : [3]);
    });
  });
}

/** A name as the loader has it: a character for each byte. */
const latin1 = (name: string) => Buffer.from(name).toString("latin1");

/** Scripts that take signs into names set a variable of another name. */
const setsOther = (line: string, environment: Readonly<Record<string, string>>) =>
  ["co:lon", "double=", "double", '"q"'].some((name) => line.includes(name) && environment[name] !== undefined);
