// ISO 9660 with and without Rock Ridge names, and damage.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isoImage } from "../support/iso_image.js";
import { prompt } from "../support/prompt.js";
import { expectTree } from "../support/trees.js";

const shown = (path: string, content: string) => `*** FILE ${path} BEGIN ***\n${content}*** FILE ${path} END ***\n`;
const LONG = "numbers: ".concat(Array.from({ length: 3000 }, (_, i) => i).join(" "), "\n");

const plain = () =>
  isoImage([
    { name: "README.TXT;1", content: LONG },
    { name: "EMPTY.;1", content: "" },
  ]);
const rockRidge = () =>
  isoImage([
    { name: "README.TXT;1", content: LONG, rockRidge: "ReadMe.text" },
    ...Array.from({ length: 100 }, (_, i) => ({
      name: `F${i}.;1`,
      content: `${i}\n`,
      rockRidge: `a rather long name for file number ${i}`,
    })),
  ]);

describe("names", () => {
  it("are as recorded without Rock Ridge", async () => {
    const { output, diagnostics } = await prompt(
      [plain()],
      ["ls -l", "more /README.TXT;1", "more /readme.txt;1", "more /README.TXT", "show currdev", "ls -l /README.TXT;1"],
    );
    // `ls -l /` asks for `//README.TXT;1`, which the reference doesn't find either.
    expect(output[0]).toBe("/\n          0 README.TXT;1\n          0 EMPTY.;1\n");
    expect(output[5]).toBe(`${String(LONG.length).padStart(11)} /README.TXT;1\n`);
    expect(output[1]).toBe(shown("/README.TXT;1", LONG));
    expect(output[2]).toContain("no such file");
    expect(output[3]).toContain("no such file");
    expect(output[4]).toBe("disk0s0a:\n");
    expect(diagnostics).toEqual([]);
  });

  it("are Rock Ridge's where there are such, capitals also in small letters", async () => {
    const { output, diagnostics } = await prompt(
      [rockRidge()],
      ["ls", "more /readme.text", "more /README.text", 'more "/a rather long name for file number 99"'],
    );
    expect(output[0]?.split("\n")).toHaveLength(103);
    expect(output[1]).toBe(shown("/readme.text", LONG));
    expect(output[2]).toContain("no such file");
    expect(output[3]).toContain("99\n");
    expect(diagnostics).toEqual([]);
  });
});

describe("a file of several extents", () => {
  const content = Buffer.from(Array.from({ length: 50_000 }, (_, i) => i % 251));
  const files = (extents = 4096) => [
    { name: "BEFORE.;1", content: "before\n", rockRidge: "before" },
    { name: "LARGE.;1", content, rockRidge: "large", extents },
    { name: "BEHIND.;1", content: "behind\n", rockRidge: "behind" },
  ];

  it.each(["with", "without"])("is one file %s Rock Ridge", async (kind) => {
    const named = kind === "with";
    const image = isoImage(files().map(({ rockRidge, ...file }) => (named ? { ...file, rockRidge } : file)));
    const [before, large, behind] = named ? ["before", "large", "behind"] : ["BEFORE.;1", "LARGE.;1", "BEHIND.;1"];
    const read = await prompt([image], ["ls", `more /${behind}`, `ls -l /${large}`]);
    expect(read.output[0]).toBe(`/\n${[before, large, behind].map((name) => `    ${name}\n`).join("")}`);
    expect(read.output[1]).toContain("BEGIN ***\nbehind\n");
    expect(read.output[2]).toContain("      50000 ");
    expect(read.diagnostics).toEqual([]);
  });

  it("goes to guest memory in all its parts", async () => {
    const tree = new Map([
      ["/large", content],
      ["/behind", Buffer.from("behind\n")],
    ]);
    await expectTree(isoImage(files()), tree, { device: "disk0s0a:", listed: false });
  });

  it("whose last part is missing is named, and so is one of too many", async () => {
    const image = isoImage(files());
    const last = image.lastIndexOf("LARGE.;1");
    image[last - 33 + 25] = 0x80;
    const lost = await prompt([image], ["more /large"]);
    expect(lost.output[0]).toContain("input/output error");
    expect(lost.diagnostics.join()).toMatch(/ISO 9660 file: its last extent is missing/);
    const many = await prompt([isoImage([{ name: "MANY", content: Buffer.alloc(300 * 2048), extents: 2048 }])], ["ls"]);
    expect(many.diagnostics.join()).toMatch(/ISO 9660 file: more than 256 extents/);
  });
});

describe("damage is named", () => {
  const ROOT = 18 * 2048;
  it.each<[string, RegExp, (image: Buffer) => void]>([
    [
      "block size",
      /offset 32768: ISO 9660 volume descriptor: block size 512/,
      (i) => i.writeUInt16LE(512, 32768 + 128),
    ],
    ["record", /offset 36932: ISO 9660 directory record: length 9, name 12/, (i) => (i[ROOT + 68] = 9)],
    ["name", /offset 36932: ISO 9660 directory record: length \d+, name 200/, (i) => (i[ROOT + 68 + 32] = 200)],
    ["directory's place", /ISO 9660 directory: beyond the end/, (i) => i.writeUInt32LE(0xffffff, 32768 + 158)],
    ["file's place", /ISO 9660 file: data is beyond the end/, (i) => i.writeUInt32LE(0xffffff, ROOT + 68 + 2)],
  ])("%s", async (_name, message, harm) => {
    const image = plain();
    harm(image);
    const { diagnostics } = await prompt([image], ["ls", "more /README.TXT;1"]);
    expect(diagnostics.join("\n")).toMatch(message);
  });

  it("a continuation area that continues in itself", async () => {
    const image = isoImage([{ name: "A", content: "a", rockRidge: "x".repeat(40) }]);
    // The name becomes a continuation entry that points to where it is itself.
    const at = image.indexOf("NM\x2d", ROOT);
    image.write("CE\x1c\x01", at, "latin1");
    [18, at - ROOT, 28].forEach((value, i) => {
      image.writeUInt32LE(value, at + 4 + 8 * i);
    });
    const { output, diagnostics } = await prompt([image], ["ls"]);
    expect(output[0]).toBe("/\n    A\n");
    expect(diagnostics.join()).toMatch(/SUSP: more than 16 continuation areas/);
  });

  it.each([
    [2000, 49],
    [0, 2049],
    [0xffffffff, 2],
  ])("a continuation area at %d of %d bytes, more than its block has", async (offset, size) => {
    const image = isoImage([{ name: "A", content: "a", rockRidge: "x".repeat(40) }]);
    const at = image.indexOf("NM\x2d", ROOT);
    image.write("CE\x1c\x01", at, "latin1");
    [18, offset, size].forEach((value, i) => {
      image.writeUInt32LE(value, at + 4 + 8 * i);
    });
    const { output, diagnostics } = await prompt([image], ["ls"]);
    expect(output[0]).toBe("/\n    A\n");
    const said = `disk0 offset ${ROOT}: SUSP continuation area: ${size} bytes at ${offset}`;
    expect(diagnostics).toEqual([said]);
  });

  it("whatever is changed, the session goes on", async () => {
    const sources = [plain(), rockRidge()];
    const change = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }));
    await fc.assert(
      fc.asyncProperty(
        fc.nat(1),
        fc.array(change, { minLength: 1, maxLength: 10 }),
        fc.nat(),
        async (which, changes, cut) => {
          const source = sources[which] ?? plain();
          const image = Buffer.from(source.subarray(0, cut % 5 === 0 ? (cut % source.length) + 1 : source.length));
          const used = [...image.keys()].filter((i) => image[i] !== 0);
          for (const [at, value] of changes) if (used.length > 0) image[used[at % used.length] ?? 0] = value;
          const { result } = await prompt([image], ["ls -l", "more /ReadMe.text", "more /README.TXT;1"], {
            limits: { fuel: 50_000_000 },
          });
          expect(["InputEndedError", "LimitError"]).toContain(result.error?.name);
        },
      ),
      { numRuns: 100, seed: 1 },
    );
  });
});
