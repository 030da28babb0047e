// UFS1 and UFS2: every block size and superblock place, holes, indirect blocks, links, long names, and how
// few disk reads it takes.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { GUID, gpt } from "../support/partition_tables.mjs";
import { prompt } from "../support/prompt.js";
import type { SparseDisk } from "../support/sparse_disk.js";
import { MODE_FILE, UfsImage, type UfsOptions } from "../support/ufs_image.js";

const DEFAULT: UfsOptions = { version: 2, blockSize: 32768, fragmentSize: 4096, superblockAt: 65536 };
const KIB = 1024;

/** Lines that name their own number, `size` bytes of them. */
function numbered(size: number): string {
  let text = "";
  for (let i = 0; text.length < size; i++) text += `line ${i}\n`;
  return `${text.slice(0, size - 1)}\n`;
}

/** What `more` prints of a file. */
const shown = (path: string, content: string) => `*** FILE ${path} BEGIN ***\n${content}*** FILE ${path} END ***\n`;

describe("layouts", () => {
  const layouts: UfsOptions[] = [];
  for (const version of [1, 2] as const) {
    for (const [blockSize, fragmentSize] of [
      [4096, 512],
      [4096, 4096],
      [8192, 1024],
      [32768, 4096],
      [65536, 8192],
    ] as const) {
      const places = version === 1 ? [8192, 0] : [65536, 8192, 0, 262144];
      for (const superblockAt of places) layouts.push({ version, blockSize, fragmentSize, superblockAt });
    }
  }

  it.each(layouts)("UFS$version, $blockSize/$fragmentSize, superblock at $superblockAt", async (options) => {
    const image = new UfsImage(options);
    const text = numbered(200 * KIB);
    const directory = image.directory(image.root, "dir");
    image.file(directory, "long.txt", text);
    image.file(image.root, "empty", "");
    const { output, diagnostics } = await prompt([image.finish()], ["ls -l", "more /dir/long.txt", "more /empty"]);
    expect(output).toEqual([
      `/\n d      512 dir\n${" ".repeat(10)}0 empty\n`,
      shown("/dir/long.txt", text),
      shown("/empty", ""),
    ]);
    expect(diagnostics).toEqual([]);
  });

  it("a UFS1 superblock further in than 8192 is not one", async () => {
    const image = new UfsImage({ ...DEFAULT, version: 1 });
    const { output } = await prompt([image.finish()], ["ls"]);
    expect(output).toEqual(["ls: open '/' failed: no such file or directory\n"]);
  });
});

describe("a superblock of UFS2 that says that it is elsewhere", () => {
  const places = [65536, 8192, 0, 262144];

  it.each(places.flatMap((at) => places.map((said) => [at, said])))("at %i, by its word at %i", async (at, said) => {
    const image = new UfsImage({ ...DEFAULT, superblockAt: at });
    image.file(image.root, "file", "text");
    const disk = image.finish();
    const word = Buffer.alloc(8);
    word.writeBigInt64LE(BigInt(said));
    disk.write(image.superblockOffset + 1000, word);
    const { output } = await prompt([disk], ["more /file"]);
    if (at === said) expect(output[0]).toBe(shown("/file", "text"));
    else expect(output[0]).toContain("can't open '/file': no such file or directory");
  });
});

describe("files", () => {
  // The interpreter check reads all of /boot/loader, so it tells where in a file a text is found.
  it.each([
    [1, 0, 4096],
    [1, 1, 4096],
    [1, 2, 4096],
    [2, 0, 65536],
    [2, 1, 8192],
    [2, 2, 4096],
    [2, 3, 4096],
  ] as const)(
    "UFS%i: holes before a block of indirection level %i, blocks of %i",
    async (version, level, blockSize) => {
      const image = new UfsImage({ version, blockSize, fragmentSize: blockSize / 8, superblockAt: 8192 });
      const perBlock = blockSize / (version === 2 ? 8 : 4);
      let block = 0;
      for (let i = 0; i < level; i++) block += i === 0 ? 12 : perBlock ** i;
      const name = `l${level}`;
      const boot = image.directory(image.root, "boot");
      const mark = Buffer.from(`$Interpreter:${name}\0`);
      image.sparse(boot, "loader", (block + 3) * blockSize, [[block * blockSize + 77, mark]]);
      const { result } = await prompt([image.finish()], [], { interfaceVersion: 5, limits: { fuel: 2_000_000_000 } });
      expect(result.swapRequests.map((request) => request.name)).toEqual([name]);
    },
  );

  it("lie anywhere on a disk above 4 GiB", async () => {
    const start = 5 * KIB ** 3;
    const image = new UfsImage({ ...DEFAULT, at: start });
    image.gap(200_000);
    image.file(image.root, "far", "far away\n");
    const disk = image.finish();
    const sectors = Math.ceil(disk.size / 512) + 2000;
    const entries = [
      { type: GUID.boot, first: 2048, last: 4095 },
      { type: GUID.ufs, first: start / 512, last: sectors - 1000 },
    ];
    for (const [offset, bytes] of gpt({ sectors, entries })) disk.write(offset, bytes);
    const { output } = await prompt([disk], ["show currdev", "more /far"]);
    expect(output).toEqual(["disk0p2:\n", shown("/far", "far away\n")]);
  });

  it("reads what is next to each other on the disk in one piece", async () => {
    const image = new UfsImage(DEFAULT);
    image.file(image.root, "big", new Uint8Array(4 << 20).fill(0x61));
    const disk = image.finish();
    const small = await prompt([disk], ["ls /"]);
    const before = { calls: disk.calls, bytes: disk.bytes };
    await prompt([disk], ["ls /", "load -t raw /big"]);
    expect(disk.calls - 2 * before.calls).toBeLessThanOrEqual(4);
    expect(disk.bytes - 2 * before.bytes).toBeLessThanOrEqual((4 << 20) + 64 * KIB);
    expect(small.diagnostics).toEqual([]);
  });
});

describe("directories", () => {
  it("have any size and names of 255 bytes", async () => {
    const image = new UfsImage({ ...DEFAULT, blockSize: 4096, fragmentSize: 512 });
    const names = Array.from({ length: 2000 }, (_, i) => `${"n".repeat(i % 120)}${i}`);
    const longest = "L".repeat(255);
    const more = (rest: string) => ["more /many/$", "{n}", rest].join("");
    const many = image.directory(image.root, "many");
    for (const name of names) image.file(many, name, "");
    image.file(many, longest, "found\n");
    const { output } = await prompt(
      [image.finish()],
      // The prompt takes lines of 255 bytes only.
      ["ls /many", `set n=${longest.slice(0, 200)}`, more(longest.slice(200)), more(`${longest.slice(200)}L`)],
    );
    expect(output[0]?.split("\n").filter((line) => line.startsWith("    n")).length).toBeGreaterThan(1900);
    expect(output[2]).toContain("found\n");
    expect(output[3]).toContain("no such file or directory");
  });
});

describe("symbolic links", () => {
  it.each([1, 2] as const)("UFS%i: short and long, relative and absolute", async (version) => {
    const image = new UfsImage({ ...DEFAULT, version, superblockAt: 8192 });
    const sub = image.directory(image.root, "sub");
    image.file(sub, "file", "here\n");
    const inner = image.directory(sub, "inner");
    const links: Record<string, string> = {
      relative: "sub/file",
      absolute: "/sub/file",
      long: `sub/${"./".repeat(100)}file`,
      longAbsolute: `/${"/".repeat(200)}sub/file`,
      chain: "relative",
      directory: "sub",
    };
    for (const [name, target] of Object.entries(links)) image.link(image.root, name, target);
    image.link(inner, "up", "../file");
    const paths = ["/relative", "/absolute", "/long", "/longAbsolute", "/chain", "/directory/file", "/sub/inner/up"];
    const { output } = await prompt(
      [image.finish()],
      paths.map((path) => `more ${path}`),
    );
    expect(output).toEqual(paths.map((path) => shown(path, "here\n")));
  });

  it("a loop is named, and the file not found", async () => {
    const image = new UfsImage(DEFAULT);
    image.link(image.root, "a", "b");
    image.link(image.root, "b", "/a");
    const { output, diagnostics } = await prompt([image.finish()], ["more /a"]);
    expect(output[0]).toContain("no such file or directory");
    expect(diagnostics.join()).toMatch(/UFS inode \d+: symbolic link: more than 32/);
  });
});

describe("damage is named", () => {
  /** A file system with a file of three levels, and how to damage it. */
  async function damaged(harm: (image: UfsImage, disk: SparseDisk) => void, command = "more /file") {
    const image = new UfsImage({ ...DEFAULT, blockSize: 4096, fragmentSize: 512, superblockAt: 8192 });
    image.file(image.root, "file", numbered(80 * KIB));
    const disk = image.finish();
    harm(image, disk);
    const { output, diagnostics, result } = await prompt([disk], [command]);
    expect(result.error?.name).not.toBe("InternalError");
    return { output: output[0], diagnostics: diagnostics.join("\n") };
  }
  const number = (value: bigint, bytes: number) => {
    const buffer = Buffer.alloc(8);
    buffer.writeBigUInt64LE(value);
    return buffer.subarray(0, bytes);
  };
  const FILE = 3;

  it.each<[string, RegExp, (image: UfsImage, disk: SparseDisk) => void]>([
    ["a fragment size", /UFS superblock: fragment size 3/, (i, d) => d.write(i.superblockOffset + 52, number(3n, 4))],
    ["a block size", /UFS superblock: .*block size 1/, (i, d) => d.write(i.superblockOffset + 48, number(1n, 4))],
    ["no inodes", /UFS superblock: no inodes/, (i, d) => d.write(i.superblockOffset + 184, number(0n, 4))],
    [
      "an unfinished one",
      /UFS superblock: .* not finished/,
      (i, d) => d.write(i.superblockOffset + 1372, number(0x19960408n, 4)),
    ],
    [
      "a direct block",
      /UFS inode 3: block address 18446744073709551615/,
      (i, d) => d.write(i.inodeOffset(FILE) + 112, number(2n ** 64n - 1n, 8)),
    ],
    [
      "a block past the end",
      /offset \d+: UFS inode 3: data is beyond the end of the disk/,
      (i, d) => d.write(i.inodeOffset(FILE) + 112, number(0x7fffffffn, 8)),
    ],
    [
      "an indirect block",
      /UFS inode 3: indirect block at 1048575 is beyond/,
      (i, d) => d.write(i.inodeOffset(FILE) + 208, number(0xfffffn, 8)),
    ],
    [
      "an indirect block that is its own entry",
      /UFS inode 3: block address \d+|^$/,
      (i, d) => d.write(i.inodeOffset(FILE) + 208, number(BigInt(i.superblockOffset / 512), 8)),
    ],
    [
      "an entry's length",
      /UFS inode 2: directory entry at 24: length 0/,
      (i, d) => {
        const root = Buffer.alloc(8);
        d.read(i.inodeOffset(2) + 112, root);
        d.write(Number(root.readBigUInt64LE()) * 512 + 24 + 4, number(0n, 2));
      },
    ],
    ["the image's end", /UFS inode 2: data is beyond the end of the disk/, (_, d) => (d.size -= 90 * KIB)],
  ])("%s", async (_name, message, harm) => {
    const { diagnostics } = await damaged(harm);
    expect(diagnostics).toMatch(message);
  });

  it("a size beyond all blocks ends with fuel or an error, never a hang", async () => {
    const image = new UfsImage(DEFAULT);
    const inode = image.sparse(image.root, "file", 0, []);
    const disk = image.finish();
    disk.write(image.inodeOffset(inode) + 16, number(2n ** 64n - 1n, 8));
    const { result } = await prompt([disk], ["more /file"], { limits: { fuel: 5_000_000 } });
    expect(result.error?.name).toBe("LimitError");
    expect(MODE_FILE).toBe(0o100644);
  });

  it("whatever is changed, the session ends in a named way", async () => {
    const image = new UfsImage({ ...DEFAULT, blockSize: 4096, fragmentSize: 512, superblockAt: 8192 });
    const directory = image.directory(image.root, "dir");
    image.file(directory, "file", numbered(80 * KIB));
    image.link(image.root, "link", "dir/file");
    const disk = image.finish();
    const clean = Buffer.alloc(disk.size);
    disk.read(0, clean);
    const used = [...clean.keys()].filter((i) => clean[i] !== 0 && i < 1200 * KIB);
    const change = fc.tuple(fc.integer({ min: 0, max: used.length - 1 }), fc.integer({ min: 0, max: 255 }));
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 20 }), async (changes) => {
        const image = Uint8Array.from(clean);
        for (const [at, value] of changes) image[used[at] ?? 0] = value;
        const { result } = await prompt([image], ["ls -l", "ls -l /dir", "more /link", "load -t raw /dir/file"], {
          limits: { fuel: 20_000_000 },
        });
        expect(["LimitError", "InputEndedError", undefined]).toContain(result.error?.name);
      }),
      { numRuns: 150, seed: 1 },
    );
  });
});
