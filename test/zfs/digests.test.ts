// The core's digests against other implementations and published examples.

import { createHash } from "node:crypto";
import { blake3 } from "@noble/hashes/blake3";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { type CorePart, compilePart, startPart } from "../support/core_part.js";

let part: CorePart;
/** The same on a host that makes digests of SHA-256 itself, and how many those were. */
let helped: CorePart;
let made = 0;
beforeAll(async () => {
  const module = await compilePart(`
    export { blake3 } from "./lib/digests/blake3";
    export { edonr512 } from "./lib/digests/edonr";
    export { sha512t256 } from "./lib/digests/sha512";
    export { skein512x256 } from "./lib/digests/skein";
    export { xxh64 } from "./lib/digests/xxh64";
    import { checksum, sum } from "./zfs/checksum";
    export function blockChecksum(kind: u32, src: usize, size: u32, dst: usize): bool {
      const known = checksum(kind, src, size, 0);
      memory.copy(dst, sum, 32);
      return known;
    }
    import { finishSha256, startSha256, updateSha256 } from "./lib/digests/sha256";
    export function sha256(src: usize, size: u32, first: u32, context: usize): void {
      startSha256(context);
      updateSha256(context, src, first);
      updateSha256(context, src + first, size - first);
      finishSha256(context);
    }
    export { sha256Of } from "./lib/digests/sha256";
    export { sha256Lanes } from "./lib/digests/sha256_lanes";`);
  part = await startPart(module);
  helped = await startPart(module, (memory, src, size, dst) => {
    made++;
    memory.set(
      createHash("sha256")
        .update(memory.subarray(src, src + size))
        .digest(),
      dst,
    );
    return 0;
  });
});

/** What a function of the part writes as its last argument, `size` bytes, for `data` and the arguments between. */
function digest(name: string, size: number, data: Uint8Array, ...between: number[]): string {
  return digestBy(part, name, size, data, ...between);
}

function digestBy(part: CorePart, name: string, size: number, data: Uint8Array, ...between: number[]): string {
  return part.borrow(data, 0xa5, (src) =>
    part.borrow(new Uint8Array(size), 0x5a, (dst) => {
      part.call(name, src, data.length, ...between, dst);
      return part.read(dst, size).toString("hex");
    }),
  );
}

/** Sizes around those of blocks and chunks, and anything else. */
const data = fc
  .oneof(
    fc.nat(300),
    fc.constantFrom(511, 512, 1023, 1024, 1025, 3072, 4095, 4096, 4097, 5120, 8192, 16384, 31744, 131072),
    fc.nat(20_000),
  )
  .chain((size) =>
    fc.integer().map((seed) => {
      const bytes = Buffer.alloc(size);
      let state = seed | 1;
      for (let i = 0; i < size; i++) {
        state = Math.imul(state, 1664525) + 1013904223;
        bytes[i] = state >>> 24;
      }
      return bytes;
    }),
  );
const wrapped = (sums: bigint[]) => sums.map((sum) => BigInt.asUintN(64, sum));

/** Sums, and sums of sums, as they are defined. */
function fletcher4(bytes: Buffer): bigint[] {
  let [a, b, c, d] = [0n, 0n, 0n, 0n];
  for (let at = 0; at < bytes.length; at += 4) {
    a += BigInt(bytes.readUInt32LE(at));
    b += a;
    c += b;
    d += c;
  }
  return wrapped([a, b, c, d]);
}

function fletcher2(bytes: Buffer): bigint[] {
  let [a0, a1, b0, b1] = [0n, 0n, 0n, 0n];
  for (let at = 0; at < bytes.length; at += 16) {
    a0 += bytes.readBigUInt64LE(at);
    a1 += bytes.readBigUInt64LE(at + 8);
    b0 += a0;
    b1 += a1;
  }
  return wrapped([a0, a1, b0, b1]);
}

const OPTIONS = { numRuns: 150, seed: 1 };

describe("digests", () => {
  // Of whole words: four of 32 bits for Fletcher's four sums, pairs of 64 for his two.
  it.each([
    [7, 4],
    [6, 16],
  ])("Fletcher's sums, number %i", (kind, unit) =>
    fc.assert(
      fc.property(data, (bytes) => {
        const whole = bytes.subarray(0, bytes.length - (bytes.length % unit));
        const ours = part.borrow(whole, 1, (src) =>
          part.borrow(new Uint8Array(32), 2, (dst) => {
            part.call("blockChecksum", kind, src, whole.length, dst);
            const found = part.read(dst, 32);
            return [0, 8, 16, 24].map((at) => found.readBigUInt64LE(at));
          }),
        );
        expect(ours).toEqual(kind === 7 ? fletcher4(whole) : fletcher2(whole));
      }),
      OPTIONS,
    ),
  );

  it("SHA-512/256", () =>
    fc.assert(
      fc.property(data, (bytes) => {
        expect(digest("sha512t256", 32, bytes)).toBe(createHash("sha512-256").update(bytes).digest("hex"));
      }),
      OPTIONS,
    ));

  it("SHA-256 in two pieces", () =>
    fc.assert(
      fc.property(data, fc.nat(), (bytes, cut) => {
        const first = cut % (bytes.length + 1);
        const words = Buffer.from(digest("sha256", 104, bytes, first), "hex")
          .subarray(0, 32)
          .swap32();
        expect(words.toString("hex")).toBe(createHash("sha256").update(bytes).digest("hex"));
      }),
      OPTIONS,
    ));

  it("BLAKE3 with a key", () =>
    fc.assert(
      fc.property(data, fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes, key) => {
        const ours = part.borrow(key, 1, (at) => digest("blake3", 32, bytes, at));
        expect(ours).toBe(Buffer.from(blake3(bytes, { key: Uint8Array.from(key) })).toString("hex"));
      }),
      OPTIONS,
    ));

  // Of BLAKE3's test vectors: bytes 0 to 250 again and again.
  it.each([
    [0, "92b2b75604ed3c761f9d6f62392c8a9227ad0ea3f09573e783f1498a4ed60d26"],
    [1, "6d7878dfff2f485635d39013278ae14f1454b8c0a3a2d34bc1ab38228a80c95b"],
    [1024, "75c46f6f3d9eb4f55ecaaee480db732e6c2105546f1e675003687c31719c7ba4"],
    [1025, "357dc55de0c7e382c900fd6e320acc04146be01db6a8ce7210b7189bd664ea69"],
  ])("BLAKE3 of %i bytes", (size, expected) => {
    const key = Buffer.from("whats the Elvish word for friend");
    const bytes = Uint8Array.from({ length: size }, (_, i) => i % 251);
    expect(part.borrow(key, 1, (at) => digest("blake3", 32, bytes, at))).toBe(expected);
  });

  // Of the Skein family's paper and its users; with a key, pools say (test/zfs/).
  it.each([
    ["", "39ccc4554a8b31853b9de7a1fe638a24cce6b35a55f2431009e18780335d2621"],
    ["The quick brown fox jumps over the lazy dog", "b3250457e05d3060b1a4bbc1428bc75a3f525ca389aeab96cfa34638d96e492a"],
  ])("Skein-512-256 of '%s'", (text, expected) => {
    expect(digest("skein512x256", 32, Buffer.from(text), 0, 0)).toBe(expected);
  });

  const edonr = (bytes: Uint8Array, before: number) =>
    part.borrow(bytes, 1, (src) =>
      part.borrow(new Uint8Array(64), 2, (dst) => {
        part.call("edonr512", before > 0 ? src : 0, src + before, bytes.length - before, dst);
        return part.read(dst, 64).toString("hex");
      }),
    );

  it("SHA-256 of a block, by the core and by a host that can", () => {
    const before = made;
    fc.assert(
      fc.property(data, (bytes) => {
        const expected = createHash("sha256").update(bytes).digest("hex");
        expect(digestBy(part, "sha256Of", 32, bytes)).toBe(expected);
        expect(digestBy(helped, "sha256Of", 32, bytes)).toBe(expected);
      }),
      OPTIONS,
    );
    expect(made).toBeGreaterThan(before);
  });

  it.each([
    ["by the core", () => part],
    ["by a host that can", () => helped],
  ])("SHA-256 of four messages side by side, %s", (_, find) => {
    const part = find();
    fc.assert(
      fc.property(fc.tuple(data, data, data, data), (messages) => {
        const sizes = Buffer.from(Uint32Array.from(messages, ({ length }) => length).buffer);
        const all = Buffer.concat(messages);
        const found = part.borrow(all, 0xa5, (src) => {
          const starts = messages.map(
            (_, i) => src + messages.slice(0, i).reduce((sum, { length }) => sum + length, 0),
          );
          return part.borrow(Buffer.from(Uint32Array.from(starts).buffer), 0, (sources) =>
            part.borrow(sizes, 0, (lengths) =>
              part.borrow(new Uint8Array(128), 0x5a, (dst) => {
                part.call("sha256Lanes", sources, lengths, dst);
                return part.read(dst, 128);
              }),
            ),
          );
        });
        const expected = messages.map((message) => createHash("sha256").update(message).digest());
        expect(Buffer.from(found).equals(Buffer.concat(expected))).toBe(true);
      }),
      OPTIONS,
    );
  });

  // FIPS 180's messages, as OpenZFS tests itself with them: there is no published example of this form.
  it.each([
    [
      "abc",
      "1b14db155f1d406594b8cef70a4362ec6b5de6a5daf50ec999e987c19d3049e2" +
        "de5977bb05b1bb220050a1ea5b46a9f1740acafbf6b45032adc90c628372c22b",
    ],
    [
      "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
      "5351070dc51c3b2baca5a60d0252ccb4e4921a96fe5a69e76dad48fd21a0845a" +
        "d57f880b3e4a907bc503151842bb949e1cba7439a6409a34b8436cb46921583c",
    ],
  ])("Edon-R-512 of '%s'", (text, expected) => {
    expect(edonr(Buffer.from(text), 0)).toBe(expected);
  });

  it("Edon-R takes a block before its data as if it were a part of it", () =>
    fc.assert(
      fc.property(
        data.filter(({ length }) => length >= 128),
        (bytes) => {
          expect(edonr(bytes, 128)).toBe(edonr(bytes, 0));
        },
      ),
      OPTIONS,
    ));

  // Of xxHash's own checks.
  it.each([
    ["", 0xef46db3751d8e999n],
    ["a", 0xd24ec4f1a98c6e5bn],
    ["abc", 0x44bc2cf5ad770999n],
    ["message digest", 0x066ed728fceeb3ben],
    ["abcdefghijklmnopqrstuvwxyz0123456789", 0x64f23ecf1609b766n],
  ])("XXH64 of '%s'", (text, expected) => {
    const found = part.borrow(Buffer.from(text), 0, (at) => part.call("xxh64", at, text.length));
    expect(BigInt.asUintN(64, BigInt(found))).toBe(expected);
  });
});
