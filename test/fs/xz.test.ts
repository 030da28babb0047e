// .xz files in place of missing ones, as `xz` writes them with all its kinds of checks and blocks; cut and damaged ones.

import fc from "fast-check";
import { expect, it } from "vitest";
import { changed } from "../support/image_samples.js";
import { isoImage } from "../support/iso_image.js";
import { prompt, typeKeys } from "../support/prompt.js";
import { Scratch } from "../support/scratch.js";
import { describeWith, expectTree, imageAt, noise, readTree, run } from "../support/trees.js";
import { ufsDisk } from "../support/ufs_image.js";

const TEXT = Array.from({ length: 3000 }, (_, i) => `line ${i * 37} of ${"text".repeat(i % 5)}\n`).join("");
const shown = (content: string) => `*** FILE /f BEGIN ***\n${content}*** FILE /f END ***\n`;

/** What `xz` makes of `content`. */
function packed(content: Uint8Array | string, ...options: string[]): Buffer {
  using scratch = new Scratch();
  const file = scratch.file("f", content);
  run("xz", "-k", ...options, file);
  return Buffer.from(imageAt(`${file}.xz`));
}

/** What `more /f` prints when `f.xz` has these bytes. */
async function more(content: Uint8Array) {
  const { output, diagnostics, result } = await prompt([isoImage([{ name: "f.xz", content }])], ["more /f"]);
  expect(result.error?.name).toBe("InputEndedError");
  return { text: output[0] ?? "", diagnostics: diagnostics.join("\n").replaceAll("disk0s0a:/f.xz: ", "") };
}

const crc32 = (bytes: Uint8Array): number => {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let i = 0; i < 8; i++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
};

/** `bytes` with one of the first block's header set, and its checksum put right. */
function withBlockHead(bytes: Uint8Array, at: number, value: number): Buffer {
  const made = Buffer.from(bytes);
  const size = (made.readUInt8(12) + 1) * 4;
  made.writeUInt8(value, 12 + at);
  made.writeUInt32LE(crc32(made.subarray(12, 12 + size - 4)), 12 + size - 4);
  return made;
}

describeWith(["xz"], "xz", () => {
  it.each<[string, () => Buffer, string]>([
    ["fastest", () => packed(TEXT, "-0"), TEXT],
    ["usual", () => packed(TEXT), TEXT],
    ["best", () => packed(TEXT, "-9e"), TEXT],
    ["CRC32", () => packed(TEXT, "--check=crc32"), TEXT],
    ["SHA-256", () => packed(TEXT, "--check=sha256"), TEXT],
    ["without a check", () => packed(TEXT, "--check=none"), TEXT],
    ["several blocks with sizes", () => packed(TEXT, "--block-size=9999", "-T2"), TEXT],
    ["several blocks without", () => packed(TEXT, "--block-list=1000,50000,0"), TEXT],
    ["other literals and places", () => packed(TEXT, "--lzma2=lc=0,lp=4,pb=4"), TEXT],
    ["no places", () => packed(TEXT, "--lzma2=lc=4,lp=0,pb=0,dict=4096,mode=fast"), TEXT],
    ["nothing", () => packed(""), ""],
    [
      "several streams, with padding",
      () => Buffer.concat([packed(TEXT), Buffer.alloc(8), packed(""), packed("more\n"), Buffer.alloc(4)]),
      `${TEXT}more\n`,
    ],
  ])("%s", async (_name, bytes, text) => {
    expect(await more(bytes())).toEqual({ text: shown(text), diagnostics: "" });
  });

  it("more than its window, runs, and what can't be packed", async () => {
    const bytes = Buffer.concat([
      noise("z", 700_000),
      Buffer.alloc(3_000_000, 7),
      noise("z", 700_000),
      Buffer.from(TEXT.repeat(20)),
    ]);
    for (const options of [
      ["-0", "--lzma2=dict=4KiB"],
      ["-6"],
      ["--lzma2=dict=1MiB,nice=273"],
      ["--block-size=500KiB"],
    ]) {
      const image = isoImage([{ name: "f.xz", content: packed(bytes, ...options) }]);
      await expectTree(image, new Map([["/f", bytes]]), { device: "disk0s0a:", listed: false });
    }
  });

  it("what isn't read is refused by name", async () => {
    expect((await more(packed(TEXT, "--lzma2=dict=96MiB"))).diagnostics).toBe("xz stream: window of 100663296 bytes");
    expect((await more(packed(TEXT, "--x86", "--lzma2"))).diagnostics).toMatch(
      /^xz stream: filter 4, which is not read: pack it without \(xz --lzma2\)$/,
    );
    const check = packed(TEXT);
    check.writeUInt8(7, 7);
    check.writeUInt32LE(crc32(check.subarray(6, 8)), 8);
    expect((await more(check)).diagnostics).toBe("xz stream: check of kind 7");
  });

  it("wherever it ends too early, that is said", async () => {
    const bytes = packed(TEXT.slice(0, 2000), "--block-size=900");
    for (let end = 6; end < bytes.length; end += 7) {
      const { text, diagnostics } = await more(bytes.subarray(0, end));
      expect(text).toContain("error showing /f");
      expect(diagnostics).toBe("xz stream: unexpected EOF");
    }
    expect((await more(bytes.subarray(0, 3))).diagnostics).toMatch(/xz header: not recognised/);
    expect((await more(Buffer.concat([bytes, Buffer.alloc(2)]))).diagnostics).toBe("xz stream: unexpected EOF");
    expect((await more(Buffer.concat([bytes, Buffer.from("rest")]))).diagnostics).toMatch(/^xz stream: magic \d+$/);
  });

  it.each<[string, RegExp, (bytes: Buffer) => Buffer]>([
    ["stream flags", /header flags/, (b) => b.fill(1, 6, 7)],
    ["checksum of the stream's header", /header checksum/, (b) => b.fill(0, 8, 9)],
    ["checksum of the block's header", /block header checksum/, (b) => b.fill(0xee, 13, 14)],
    ["block flags", /block flags 4/, (b) => withBlockHead(b, 1, 4)],
    ["filter's number", /filter 5/, (b) => withBlockHead(b, 2, 5)],
    ["size of properties", /filter 33/, (b) => withBlockHead(b, 3, 2)],
    ["window", /window of/, (b) => withBlockHead(b, 4, 41)],
    ["chunk", /chunk of kind 3/, (b) => b.fill(3, 24, 25)],
    ["first chunk", /first chunk/, (b) => b.fill(0x80, 24, 25)],
    ["properties", /LZMA properties 255/, (b) => b.fill(0xff, 29, 30)],
    ["first byte of the coder", /xz stream: chunk$/, (b) => b.fill(1, 30, 31)],
    ["check", /xz stream: checksum/, (b) => b.fill(0x5a, b.length - 32, b.length - 28)],
    ["number of blocks in the index", /index/, (b) => b.fill(2, b.length - 23, b.length - 22)],
    ["end", /footer/, (b) => b.fill(0, b.length - 2)],
  ])("a wrong %s is named", async (_name, message, harm) => {
    const { diagnostics } = await more(harm(packed(TEXT)));
    expect(diagnostics).toMatch(message);
  });

  it("a size that is too small is found out before what is too much is read", async () => {
    const bytes = packed(Buffer.alloc(9_000_000), "-T2");
    // Packed size, size of four bytes.
    const sizeAt = bytes.indexOf(Buffer.from([0xc0, 0xa8, 0xa5, 0x04])) - 12;
    const { diagnostics } = await more(withBlockHead(bytes, sizeAt + 3, 0x01));
    expect(diagnostics).toBe("xz stream: block is larger than it says");
  });

  it("what unfolds without end meets the fuel", async () => {
    const bomb = packed(Buffer.alloc(16 << 20));
    const image = isoImage([{ name: "f.xz", content: Buffer.concat(Array.from({ length: 40 }, () => bomb)) }]);
    const tree = new Map([["/f", Buffer.alloc(1)]]);
    const { result } = await readTree(image, tree, { device: "disk0s0a:", limits: { fuel: 10_000_000 } });
    expect(result.error?.message).toContain("fuel");
  });

  it("a stream that failed isn't gone on with, however often a script reads", async () => {
    const lines = Array.from({ length: 30_000 }, (_, i) => `line ${i} of ${Math.imul(i, 2654435761).toString(36)}\n`);
    const bytes = packed(lines.join(""), "-1");
    const script = `local f = io.open("/f") for i = 1, 20 do pcall(io.read, f, 70000) end print("read on")`;
    for (let at = 1000; at < 30_000; at += 1000) {
      const disk = ufsDisk({ "/boot/lua/loader.lua": script, "/f.xz": changed(bytes, at, Buffer.of(bytes[at]! ^ 1)) });
      const { result, text } = await typeKeys([], { disks: [disk], start: "lua" });
      expect(result.error?.name).toBe("InputEndedError");
      expect(text).toContain("read on");
    }
  });

  it("whatever is changed, what is read without an error is what was packed", async () => {
    const text = TEXT.slice(0, 20_000);
    const sources = [packed(text), packed(text, "--check=sha256", "--block-size=5000")];
    await fc.assert(
      fc.asyncProperty(
        fc.nat(1),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 8 }),
        async (which, changes) => {
          const harmed = Buffer.from(sources[which]!);
          for (const [at, value] of changes) harmed[at % harmed.length] = value;
          const read = await more(harmed);
          if (read.diagnostics === "") expect(read.text).toBe(shown(text));
        },
      ),
      { numRuns: 150, seed: 1 },
    );
  });
});
