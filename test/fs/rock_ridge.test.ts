// Rock Ridge as xorriso writes it: symbolic links, names over several entries, continuation areas; and damage.

import fc from "fast-check";
import { expect, it } from "vitest";
import { prompt } from "../support/prompt.js";
import { contentOf, describeWith, expectTree, imageOf, readTree, run, type Tree, usualTree } from "../support/trees.js";

/** A volume with `tree`, made by xorriso with these further options. */
const isoImage = (tree: Tree, ...options: string[]): Buffer =>
  imageOf(tree, (root, image) => run("xorriso", "-as", "mkisofs", "-quiet", "-R", ...options, "-o", image, root));

const LONG = "a name that has 255 bytes ".padEnd(255, "x");
const TREE: Tree = new Map<string, Buffer | { link: string }>([
  ...usualTree(600_000, true),
  ["/deep/in/here/up", { link: "../../../boot/kernel" }],
  ["/deep/in/here/top", { link: "/deep/../deep/in/./here/file" }],
  ["/deep/in/here/file", Buffer.from("found\n")],
  ["/far", { link: `deep/${"in/../".repeat(130)}in/here/file` }],
  ["/chain", { link: "deep/in/here/top" }],
]);

describeWith(["xorriso"], "Rock Ridge", () => {
  // `disk0s0a:` is what the loader calls a volume's only partition.
  const device = "disk0s0a:";

  it("links to files and directories lead there", async () => {
    const { diagnostics } = await expectTree(isoImage(TREE), TREE, { device });
    expect(diagnostics).toEqual([]);
  });

  it("names have several entries", async () => {
    const image = isoImage(
      new Map<string, Buffer | { link: string }>([
        [`/${LONG}`, Buffer.from("long\n")],
        ["/link", { link: LONG }],
      ]),
    );
    const more = ["more /$", "{n}", LONG.slice(200)].join("");
    const commands = [`set n="${LONG.slice(0, 200)}"`, `${more.replace("/", '"/')}"`, "more /link"];
    const { output } = await prompt([image], commands);
    expect(output[2]).toContain("BEGIN ***\nlong\n");
    // What is printed around it is cut to a line.
    expect(output[1]).toMatch(/xxxlong\n/);
  });

  /** Nine levels of directories, of which xorriso puts the last ones elsewhere. */
  const deep: Tree = new Map<string, Buffer | { link: string }>([
    ["/1/2/3/4/5/6/7/8/9/10/11/file", Buffer.from("deep\n")],
    ["/1/2/3/4/5/6/7/8/beside", Buffer.from("less deep\n")],
    ["/1/2/3/4/5/6/7/8/9/up", { link: "../beside" }],
    ["/1/2/3/4/5/6/7/top", { link: "8/9/../../../../../../../../other/file" }],
    ["/other/file", Buffer.from("other\n")],
  ]);

  it("directories that lie too deep are seen in their places, and only there", async () => {
    const image = isoImage(deep, "-rr_reloc_dir", "/moved");
    for (const entry of ["CL\x0c\x01", "RE\x04\x01"]) expect(image.includes(entry, 0, "latin1"), entry).toBe(true);
    const { diagnostics } = await expectTree(image, deep, { device });
    expect(diagnostics).toEqual([]);
  });

  it.each<[string, RegExp, number]>([
    ["beyond the end", /Rock Ridge: directory that was moved: beyond the end of the disk/, 0xffffff],
    ["in a file", /Rock Ridge: directory that was moved: no directory/, 16],
  ])("a directory that was moved %s is named", async (_name, message, block) => {
    const image = isoImage(deep, "-rr_reloc_dir", "/moved");
    image.writeUInt32LE(block, image.indexOf("CL\x0c\x01", 0, "latin1") + 4);
    const { output, diagnostics } = await prompt([image], ["more /1/2/3/4/5/6/7/8/9/10/11/file"]);
    expect(output[0]).toContain("input/output error");
    expect(diagnostics.join()).toMatch(message);
  });

  it("a directory that was moved to where only the record of another one is, is named", async () => {
    const image = isoImage(deep, "-rr_reloc_dir", "/moved");
    const root = image.readUInt32LE(32768 + 156 + 2) * 2048;
    // The first block of a file, which becomes what the root directory begins with.
    const block = image.indexOf("other\n") / 2048;
    image.copy(image, block * 2048, root, root + image.readUInt8(root));
    image.writeUInt32LE(block, image.indexOf("CL\x0c\x01", 0, "latin1") + 4);
    const { output, diagnostics } = await prompt([image], ["more /1/2/3/4/5/6/7/8/other/file"]);
    expect(output[0]).toContain("input/output error");
    expect(diagnostics.join()).toMatch(/Rock Ridge: directory that was moved: no directory/);
  });

  it("a directory that is said to be moved into one of its parents is that", async () => {
    const image = isoImage(deep, "-rr_reloc_dir", "/moved");
    const root = image.readUInt32LE(32768 + 156 + 2);
    image.writeUInt32LE(root, image.indexOf("CL\x0c\x01", 0, "latin1") + 4);
    const { output } = await prompt(
      [image],
      ["/8", "/8/1/2/3/4/5/6/7/8"].map((path) => `more /1/2/3/4/5/6/7${path}/other/file`),
    );
    for (const text of output) expect(text).toContain("BEGIN ***\nother\n");
  });

  it("a part of a link that is longer than its entry is named, and leads nowhere", async () => {
    const image = isoImage(new Map<string, Buffer | { link: string }>([["/a", { link: "target" }]]));
    const part = image.indexOf("target") - 1;
    expect(image.readUInt8(part)).toBe(6);
    const long = Buffer.from(image);
    long.writeUInt8(200, part);
    const { output, diagnostics } = await prompt([long], ["more /a", "ls"]);
    expect(output[0]).toBe("*** FILE /a BEGIN ***\n*** FILE /a END ***\n");
    expect(output[1]).toMatch(/^ +a$/m);
    expect(diagnostics).toEqual([
      expect.stringMatching(/Rock Ridge: symbolic link with a part of 200 bytes, longer than its entry$/),
    ]);
  });

  it("a loop of links is named", async () => {
    const image = isoImage(
      new Map([
        ["/a", { link: "b" }],
        ["/b", { link: "/a" }],
      ]),
    );
    const { output, diagnostics } = await prompt([image], ["more /a"]);
    expect(output[0]).toContain("no such file or directory");
    expect(diagnostics.join()).toMatch(/Rock Ridge: more than 32 symbolic links on the way through '\/a'/);
  });

  it("a link without an end is named", async () => {
    const image = isoImage(new Map([["/a", { link: "b" }]]));
    const at = image.indexOf(Buffer.from("SL\x08\x01\0\0\x01b", "latin1"));
    image.writeUInt8(1, at + 4);
    const { diagnostics } = await prompt([image], ["more /a"]);
    expect(diagnostics.join()).toMatch(/Rock Ridge: symbolic link 'b' has no end/);
  });

  it("whatever is changed in directories, the session goes on", async () => {
    const small: Tree = new Map([...TREE].filter(([path]) => /^\/(deep|far|chain|long-link|README|boot)/.test(path)));
    const good = isoImage(small);
    const isData = (at: number) =>
      good.subarray(at - (at % 2048), at - (at % 2048) + 64).equals(contentOf(small, "/boot/kernel").subarray(0, 64));
    const end = [...good.keys()].find((at) => at % 2048 === 0 && at > 32768 && isData(at)) ?? 0;
    const metadata = [...good.subarray(0, end).keys()].filter((at) => at > 32768 && good[at] !== 0);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 12 }), async (changes) => {
        const image = Buffer.from(good);
        for (const [at, value] of changes) image[metadata[at % metadata.length] ?? 0] = value;
        const { result } = await readTree(image, small, { device });
        expect(["exec", "LimitError"]).toContain(result.error?.name ?? result.reason);
      }),
      { numRuns: 40, seed: 1 },
    );
  });
});
