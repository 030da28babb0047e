// gzip and bzip2 files in place of missing ones: all kinds of deflate blocks, cut and damaged streams.

import { constants, deflateRawSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isoImage } from "../support/iso_image.js";
import { prompt } from "../support/prompt.js";
import { Scratch } from "../support/scratch.js";
import { describeWith, expectTree, imageAt, imageOf, noise, programs, run } from "../support/trees.js";

/** Text that compresses, but not too well: words of a small generator. */
function words(count: number): string {
  let state = 1;
  const next = (limit: number) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % limit;
  };
  const list = Array.from({ length: 300 }, () =>
    Array.from({ length: 1 + next(9) }, () => "abcdefgh"[next(8)]).join(""),
  );
  return `${Array.from({ length: count }, (_, i) => list[next(300)] + (i % 9 === 8 ? "\n" : " ")).join("")}\n`;
}

const TEXT = words(20_000);
const shown = (path: string, content: string) => `*** FILE ${path} BEGIN ***\n${content}*** FILE ${path} END ***\n`;

/** What `more /f` prints when `f.gz` or `f.bz2` has these bytes. */
async function more(suffix: "gz" | "bz2" | "zst" | "lz4", content: Uint8Array) {
  const { output, diagnostics, result } = await prompt([isoImage([{ name: `f.${suffix}`, content }])], ["more /f"]);
  expect(result.error?.name).toBe("InputEndedError");
  return { text: output[0] ?? "", diagnostics: diagnostics.join("\n") };
}

describe("gzip", () => {
  const options = { chunkSize: 1 << 20 };
  const raw = (strategy: number) => deflateRawSync(TEXT, { ...options, strategy });
  /** A member with all optional header fields. */
  const member = (body: Uint8Array) =>
    Buffer.concat([
      Buffer.from([0x1f, 0x8b, 8, 0x1e, 0, 0, 0, 0, 0, 3, 2, 0, 7, 7]),
      Buffer.from("name\0comment\0cc"),
      body,
      Buffer.alloc(8),
    ]);

  it.each<[string, Buffer]>([
    ["best", gzipSync(TEXT, { level: 9 })],
    ["fastest", gzipSync(TEXT, { level: 1 })],
    ["stored", gzipSync(TEXT, { level: 0 })],
    ["fixed codes, all header fields", member(raw(constants.Z_FIXED))],
    ["codes only", member(raw(constants.Z_HUFFMAN_ONLY))],
    ["run lengths", member(raw(constants.Z_RLE))],
    ["small window", gzipSync(TEXT, { windowBits: 9, memLevel: 1 })],
  ])("%s", async (_name, bytes) => {
    expect((await more("gz", bytes)).text).toBe(shown("/f", TEXT));
  });

  it("long runs, and nothing at all", async () => {
    const runs = `${"a".repeat(70_000)}\n${"ab".repeat(40_000)}\n`;
    expect((await more("gz", gzipSync(runs))).text).toBe(shown("/f", runs));
    expect((await more("gz", gzipSync(""))).text).toBe(shown("/f", ""));
  });

  it("the file itself comes first, a suffix is not added twice, sizes are not known", async () => {
    const image = isoImage([
      { name: "a", content: "plain\n" },
      { name: "a.gz", content: gzipSync("packed\n") },
      { name: "b.gz", content: gzipSync("packed\n") },
      { name: "c.gz.gz", content: gzipSync("packed\n") },
    ]);
    const { output } = await prompt([image], ["more /a", "more /b", "more /c.gz", "ls -l /b"]);
    expect(output[0]).toBe(shown("/a", "plain\n"));
    expect(output[1]).toBe(shown("/b", "packed\n"));
    expect(output[2]).toContain("no such file or directory");
    expect(output[3]).toBe("         -1 /b\n");
  });

  // A walk that finds nothing says whether longer names were there; where they weren't, none is looked for.
  it.each(["UFS", "ext"])("is found wherever it may be (%s)", async (system) => {
    if (system === "ext" && !programs("mkfs.ext4")) return;
    const packed = gzipSync("packed\n");
    const tree = new Map<string, Buffer | { link: string }>([
      ["/a.gz", packed],
      ["/many/b.c.gz", packed],
      ["/dangling", { link: "gone/away" }],
      ["/dangling.gz", packed],
      ["/leads", { link: "many/b.c" }],
      ["/on", { link: "many" }],
      ["/many/other", Buffer.from("plain\n")],
      ["/many/ab", Buffer.from("plain\n")],
    ]);
    const made = (root: string, image: string) =>
      system === "UFS"
        ? run("makefs", "-t", "ffs", "-o", "version=2", "-s", "4m", image, root)
        : run("mkfs.ext4", "-q", "-d", root, image, "8M");
    const found = ["/a", "/many/b.c", "/dangling", "/on/b.c"];
    const missing = ["/leads", "/many/b", "/many/a", "/gone/a", "/a/b"];
    const { output } = await prompt(
      [imageOf(tree, made)],
      [...found, ...missing].map((path) => `more ${path}`),
    );
    found.forEach((path, i) => {
      expect(output[i]).toBe(shown(path, "packed\n"));
    });
    missing.forEach((path, i) => {
      expect(output[found.length + i], path).toContain("no such file or directory");
    });
  });

  it("says where a stream ends too early", async () => {
    const { text, diagnostics } = await more("gz", gzipSync(TEXT).subarray(0, 9000));
    expect(text).toContain("zf_read: unexpected EOF\n");
    expect(text).toContain("more: error showing /f\n");
    expect(diagnostics).toBe("disk0s0a:/f.gz: gzip stream: unexpected EOF");
  });

  it("names a checksum that is wrong, and goes on as the reference does", async () => {
    const bytes = gzipSync(TEXT);
    bytes[bytes.length - 6] = (bytes.at(-6) ?? 0) ^ 1;
    const { text, diagnostics } = await more("gz", bytes);
    expect(text).toBe(shown("/f", TEXT));
    expect(diagnostics).toBe("disk0s0a:/f.gz: gzip stream: checksum");
  });

  it.each<[string, number[], string]>([
    ["block type", [0x07], "invalid block type"],
    ["stored lengths", [0x01, 1, 0, 0, 0], "invalid stored block lengths"],
    ["distance", [0x03, 0x02, 0x00], "invalid distance too far back"],
    ["too many symbols", [0xfd, 0xff], "too many length or distance symbols"],
    ["code lengths", [0x05, 0, 0, 0, 0, 0], "invalid code lengths set"],
  ])("names what is wrong: %s", async (_name, body, message) => {
    const { text, diagnostics } = await more("gz", member(Buffer.from(body)));
    expect(text).toContain(`inflate: ${message}\n`);
    expect(diagnostics).toBe(`disk0s0a:/f.gz: gzip stream: ${message}`);
  });

  it("a header that is none is a file of the wrong type", async () => {
    const { text, diagnostics } = await more("gz", Buffer.from("not gzip at all"));
    expect(text).toContain("no such file or directory");
    expect(diagnostics).toMatch(/f\.gz: gzip header: not recognised/);
  });

  it("whatever is changed, the session goes on", async () => {
    const bytes = gzipSync(TEXT.slice(0, 20_000));
    const change = fc.tuple(fc.nat(bytes.length - 1), fc.integer({ min: 0, max: 255 }));
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 8 }), async (changes) => {
        const harmed = Uint8Array.from(bytes);
        for (const [at, value] of changes) harmed[at] = value;
        await more("gz", harmed);
      }),
      { numRuns: 100, seed: 1 },
    );
  });
});

describeWith(["zstd"], "zstd", () => {
  /** What `zstd` makes of `content`, from a file, whose size it knows. */
  function packed(content: Uint8Array | string, ...options: string[]): Buffer {
    using scratch = new Scratch();
    const file = scratch.file("f", content);
    run("zstd", "-q", ...options, file, "-o", `${file}.zst`);
    return Buffer.from(imageAt(`${file}.zst`));
  }
  /** The same from a pipe. */
  function piped(content: string, ...options: string[]): Buffer {
    using scratch = new Scratch();
    const file = scratch.file("f", content);
    run("sh", "-c", 'in="$0"; shift; zstd -q "$@" < "$in" > "$in.zst"', file, "-", ...options);
    return Buffer.from(imageAt(`${file}.zst`));
  }
  const skippable = Buffer.concat([Buffer.from([0x53, 0x2a, 0x4d, 0x18, 9, 0, 0, 0]), Buffer.alloc(9, 1)]);

  it.each<[string, () => Buffer, string]>([
    ["fastest", () => packed(TEXT, "-1"), TEXT],
    ["usual", () => packed(TEXT), TEXT],
    ["best", () => packed(TEXT, "--ultra", "-22"), TEXT],
    ["without a checksum", () => packed(TEXT, "--no-check"), TEXT],
    ["of unknown size", () => piped(TEXT), TEXT],
    ["nothing", () => packed(""), ""],
    [
      "several frames, and one to be skipped",
      () => Buffer.concat([skippable, packed(TEXT), skippable, packed("more\n")]),
      `${TEXT}more\n`,
    ],
  ])("%s", async (_name, bytes, text) => {
    expect(await more("zst", bytes())).toEqual({ text: shown("/f", text), diagnostics: "" });
  });

  it("more than its window, and runs", async () => {
    const bytes = Buffer.concat([noise("z", 3_000_000), Buffer.alloc(2_000_000, 7), noise("z", 3_000_000)]);
    for (const options of [["-1", "--zstd=wlog=12"], ["-19"], ["--long=24"]]) {
      const image = isoImage([{ name: "f.zst", content: packed(bytes, ...options) }]);
      // What it is called isn't there, so it isn't listed.
      await expectTree(image, new Map([["/f", bytes]]), { device: "disk0s0a:", listed: false });
    }
  });

  it("a window that is too large is refused", async () => {
    const { text, diagnostics } = await more("zst", piped(TEXT, "--long=27"));
    expect(text).toContain("zstd_read: window of 134217728 bytes\n");
    expect(diagnostics).toBe("disk0s0a:/f.zst: zstd stream: window of 134217728 bytes");
  });

  it("says where a stream ends too early, and what is wrong", async () => {
    const bytes = packed(TEXT);
    expect((await more("zst", bytes.subarray(0, 9000))).diagnostics).toBe(
      "disk0s0a:/f.zst: zstd stream: unexpected EOF",
    );
    const harmed = Buffer.from(bytes);
    harmed.writeUInt8(harmed.readUInt8(harmed.length - 1) ^ 1, harmed.length - 1);
    expect((await more("zst", harmed)).diagnostics).toBe("disk0s0a:/f.zst: zstd stream: checksum");
    expect((await more("zst", Buffer.concat([bytes, Buffer.from("rest")]))).diagnostics).toMatch(/magic \d+$/);
    expect((await more("zst", Buffer.from("not zstd"))).diagnostics).toMatch(/f\.zst: zstd header: not recognised/);
  });

  it("whatever is changed, what is read without an error is what was packed", async () => {
    const text = TEXT.slice(0, 20_000);
    const bytes = packed(text);
    const change = fc.tuple(fc.nat(bytes.length - 1), fc.integer({ min: 0, max: 255 }));
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 8 }), async (changes) => {
        const harmed = Uint8Array.from(bytes);
        for (const [at, value] of changes) harmed[at] = value;
        // The flag that says that there is a checksum is not covered by it.
        harmed[4] = bytes[4] ?? 0;
        const read = await more("zst", harmed);
        if (read.diagnostics === "") expect(read.text).toBe(shown("/f", text));
      }),
      { numRuns: 100, seed: 1 },
    );
  });
});

describeWith(["lz4"], "lz4", () => {
  function packed(content: Uint8Array | string, ...options: string[]): Buffer {
    using scratch = new Scratch();
    const file = scratch.file("f", content);
    run("lz4", "-q", ...options, file, `${file}.lz4`);
    return Buffer.from(imageAt(`${file}.lz4`));
  }
  const pieces = () => Buffer.concat([packed(TEXT), packed("more\n")]);

  it.each<[string, () => Buffer, string]>([
    ["usual", () => packed(TEXT), TEXT],
    ["best", () => packed(TEXT, "-12"), TEXT],
    ["blocks that repeat each other, with checksums", () => packed(TEXT, "-B4", "-BD", "-BX", "--content-size"), TEXT],
    ["without a checksum", () => packed(TEXT, "--no-frame-crc"), TEXT],
    ["nothing", () => packed(""), ""],
    ["several frames", pieces, `${TEXT}more\n`],
  ])("%s", async (_name, bytes, text) => {
    expect(await more("lz4", bytes())).toEqual({ text: shown("/f", text), diagnostics: "" });
  });

  it("large blocks, runs, and what can't be packed", async () => {
    const bytes = Buffer.concat([noise("z", 5_000_000), Buffer.alloc(6_000_000, 7), Buffer.from(TEXT.repeat(30))]);
    for (const options of [["-1"], ["-B4", "-BD"], ["-9", "-B7", "-BX"]]) {
      const image = isoImage([{ name: "f.lz4", content: packed(bytes, ...options) }]);
      await expectTree(image, new Map([["/f", bytes]]), { device: "disk0s0a:", listed: false });
    }
  });

  it("says where a stream ends too early, and what is wrong", async () => {
    const bytes = packed(TEXT);
    const said = async (content: Uint8Array) => (await more("lz4", content)).diagnostics;
    expect(await said(bytes.subarray(0, 9000))).toBe("disk0s0a:/f.lz4: lz4 stream: unexpected EOF");
    const harmed = Buffer.from(bytes);
    harmed.writeUInt8(harmed.readUInt8(harmed.length - 1) ^ 1, harmed.length - 1);
    expect(await said(harmed)).toBe("disk0s0a:/f.lz4: lz4 stream: checksum");
    expect(await said(Buffer.from(bytes).fill(0, 6, 7))).toBe("disk0s0a:/f.lz4: lz4 stream: header checksum");
    expect(await said(Buffer.from("not lz4"))).toMatch(/f\.lz4: lz4 header: not recognised/);
  });

  it("whatever is changed, what is read without an error is what was packed", async () => {
    const text = TEXT.slice(0, 20_000);
    const bytes = packed(text);
    const change = fc.tuple(fc.nat(bytes.length - 1), fc.integer({ min: 0, max: 255 }));
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 8 }), async (changes) => {
        const harmed = Uint8Array.from(bytes);
        for (const [at, value] of changes) harmed[at] = value;
        const read = await more("lz4", harmed);
        if (read.diagnostics === "") expect(read.text).toBe(shown("/f", text));
      }),
      { numRuns: 100, seed: 1 },
    );
  });
});

describe("bzip2", () => {
  // Made with bzip2 1.0.8.
  const RUNS_BZ2 = Buffer.from(
    "QlpoOTFBWSZTWZEJMs0AHVJRgMgQBAAgAABwAAggAHIgyYgKVT1NMTc+FSpzQqVPDfNCRQ4KlTLohZgojlWTs9EL8XckU4UJCRCTLNA=",
    "base64",
  );
  const RUNS = `${"aaaaaaa\n".repeat(3000)}${"x".repeat(100_000)}\n${"yyyyz\n".repeat(5)}`;
  const LINES_BZ2 = Buffer.from(
    "QlpoMTFBWSZTWdicYW8AB7FJAAAQf+A/wFAFHAAAeQAABTJiZBkYUyYmQZGFMmJkGRgmpVUA/9VT/VQAFJVRgAmJ9x8Kr4j5D5j6D6j7Dh9x/h4ZItVZIsMkWGSLDJFhkiwyRYZIsMkWGil4eHqrw8PDw8PDw4cOHVXDhw4cOHDhw4dVcOHDhw4cOHDh1Vw4cOHDhw4cOHVXDhw4cOHDhw4dVcOHDhw4cOHDh1Vw+vDh8Bw4cOHDh1V1Vw4cOHDhw4cOHVXDhw4cOHDhw4cOHDhw4cOHDhw4cOHDhw4eHtIoYYaKWGilqrJSw0UsNFLDRSw0UsNFLDRSwwpYYSsMJWGiVqrRKwwlYYSsMJWGErDCVhqisNUqw1SrDEGq1QYNUGqwhqsIarCGqwhqtENVophlDDVDDVDDVDVWqGGUMMoYZQw0hhpJhpJhlJhlJhlJhlJqrKTDSTDSTDEmGIsMRYaRYaRYaRYaRYaRaq0iwxFhqFhkVhiVhiVhiVhiVhiVhiVhiVqrErDIbDDQYahhqGGoYahhqGGoYahhqGqtQ1VoWGRYZFhkWGRYZFhkWGRYZFhkWGhqrQw0MNDDQw0MNDDQw0MNDDDDDDDDDDDDDDDDDDDJS/EoEX5lAi/UoEX7lAi/koEX9lAi/0oEX/MUFZJlNZrTQuWwAWBckAABB/4D/AUAUcAAAAAACmTEyDIwpkxMgyMKZMTIMjBNSqk0Z/qp6oD1CmTEyDIz6HsPsPcfeq/A+B8jh9D0PBkiwyRYaoWGpFqrUiwyRYZIsMkWGSLDRS+PB4PB4PceVXg8Hg8HDhw4cOHVXDhw4cOHDhw4dVcOHDhw4cOHDh1Vw4cOHDhw4cOHVXVXDhw4cOHDhw4dVcOHDhw4cOHDh1Vw4cOHDhw4cOHVXDhw4cOHDhw4cOHDhw4cOHDhw4cOHDhw4cOquHDhw4cPCSHgw0UsNFLDKSwyUsMlLVWSlhopYaKWGilhopYYSsMJWGkVholYaJWGiVqrRKwwlYYSsMJWGqVYapVhiVYYVWGFVhhVYYVWqsKrDVKsNUqwyhhlDDST1lXsNUMNUMNUMNUMNUNVaoYZQw0kw0kw1Ewykwykwykwykwykwyk1VlJqrSLDEWGQsNIsNIsNIsNIsNIsNIsNIsMStVYlYaFYYlYYlYYlYYlYYlYYlYYlYahhqGqtBhqGGoYahhqGGoYahhqGGRYZFhoWqsiwyLDIsMiwyLDIsMiw0MNDDBhoYaGGhhoYaGGhhoYYYYYaqwwwwwwwwwwww0Uv1KBF+5QIv5KBF/ZQIv9KBF6lAi+VQIv+YoKyTKayjrgeQgDU15IAACD/wH+AoAm8AAAAAAKZMTIMjCmTEyDIwpkxMgyMKZMTIMjApKqjRp/6pqmgz1H2H3HtH4H5HuP1HD0PkeRkLDEWGQtGQsMRYaRYahaNQsNIsNSng8jweDyPB4PB5Hg4cOjhw6OHDh0dHDh0cOHRw4cOHRw4dHDh0cOHDh0cOHRw4dHDhw4dHDh0cOHRw4cOHRw4dHDh0cOHDh0cOHRw4cOHDhw6OHDo6OHDhw4cOjhw4dHDhw6OHDo4cOHRw4cOjhw6PXhKDDDJTRqUwyUwyU0alMNKmGpTDUpoxUwxUwyJhqJo0JhkTDUTRiTDUTDUTDEmjUTRojDUjDRGjRGGpGGKNGSMNSMMUYakYaBoyDDQMNA0ZBhiGGQaMgwxDDUGGisMlaMKw0VhkrRqVhkrDJWjUrDUrDQsMiwwWjBYZFhqLRoWGRYai0ZFhomGSYYTDCaNEw1JhomjRMNSYaDYYaDDIYYGGBhoNGQw0GGg0ZDDQYaLDJYYWGFhosMlowsNFhktGFowYZGGDDBhgwyMMGjBhkYYMMNGjDDDDDDRowwww0aNSn7FRF8Coi/gqIv6KiL/Coi/4qIvlFKp75QX0LuSKcKEg/ousUg",
    "base64",
  );
  const LINES = Array.from({ length: 5000 }, (_, i) => `${i % 10}\n${"abcdefgh".repeat(i % 13)}\n`).join("");

  it("runs", async () => {
    expect((await more("bz2", RUNS_BZ2)).text).toBe(shown("/f", RUNS));
  });

  it("several blocks", async () => {
    const numbers = await more("bz2", LINES_BZ2);
    expect(numbers.text.length).toBe(shown("/f", LINES).length);
    expect(numbers.text === shown("/f", LINES)).toBe(true);
  });

  it("a damaged block gives libbz2's error, a cut stream its end", async () => {
    const harmed = Buffer.from(RUNS_BZ2);
    harmed[40] = (harmed[40] ?? 0) ^ 0x10;
    expect((await more("bz2", harmed)).text).toContain("bzf_read: BZ2_bzDecompress returned -4\n");
    const { text, diagnostics } = await more("bz2", LINES_BZ2.subarray(0, LINES_BZ2.length / 2));
    expect(text).toContain("bzf_read: unexpected EOF\n");
    expect(diagnostics).toBe("disk0s0a:/f.bz2: bzip2 stream: unexpected EOF");
  });

  it("whatever is changed, the session goes on", async () => {
    const change = fc.tuple(fc.nat(RUNS_BZ2.length - 1), fc.integer({ min: 0, max: 255 }));
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        const harmed = Uint8Array.from(RUNS_BZ2);
        for (const [at, value] of changes) harmed[at] = value;
        await more("bz2", harmed);
      }),
      { numRuns: 100, seed: 1 },
    );
  });
});
