// What examining files costs the host: nothing is kept that is only measured, what is kept has a limit, and so has
// what hooks are told.

import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { type BootHooks, type BootOptions, DEFAULT_LIMITS } from "userboot-wasm";
import { describe, expect, it } from "vitest";
import { loadHasher, setHasher } from "../../build/host/hash.js";
import { loadNodeHasher } from "../../build/host/node_hash.js";
import { DirectAsker } from "../../build/host/policy/asker.js";
import { PolicyBudget } from "../../build/host/policy/budget.js";
import { FileVault } from "../../build/host/policy/vault.js";
import { linkedFile } from "../support/elf_image.js";
import { MEASURED } from "../support/measured.js";
import { MIB, prompt, typeKeys } from "../support/prompt.js";
import { UfsImage, ufsDisk } from "../support/ufs_image.js";

const KERNEL = "/boot/kernel/kernel";
const makeHasher = await loadNodeHasher();

function vault(hooks: BootHooks | undefined, limits = {}) {
  const budget = new PolicyBudget({ ...DEFAULT_LIMITS, ...limits });
  return new FileVault(hooks && new DirectAsker(hooks), budget, makeHasher);
}
const sha256 = (bytes: Uint8Array | string) => createHash("sha256").update(bytes).digest("hex");

/** Eight files of 120 MiB that take no room on the disk. */
function sparse() {
  const image = new UfsImage({ version: 2, blockSize: 16384, fragmentSize: 2048, superblockAt: 65536 });
  const lua = image.directory(image.directory(image.root, "boot"), "lua");
  image.file(lua, "loader.lua", `for i = 1, 8 do print(i, io.open("/f" .. i) ~= nil) end`);
  for (let i = 1; i <= 8; i++) image.sparse(image.root, `f${i}`, 120 * MIB, []);
  return image.finish();
}

const run = (options: BootOptions) => typeKeys([], { start: "lua", interfaceVersion: 4, ...options });

describe("measuring", () => {
  it("keeps nothing of what it hashes", { ...MEASURED, timeout: 120_000 }, async () => {
    const before = process.memoryUsage();
    let most = 0;
    const timer = { now: () => 0, sleep() {} };
    const result = (await run({ disks: [sparse()], measure: true, clock: timer })).result;
    most = process.memoryUsage().arrayBuffers - before.arrayBuffers;
    expect(result.measurements?.files.filter(({ size }) => size === 120 * MIB)).toHaveLength(8);
    expect(result.measurements?.files.find(({ path }) => path === "/f1")?.sha256).toBe(sha256(Buffer.alloc(120 * MIB)));
    expect(process.resourceUsage().maxRSS * 1024).toBeLessThan(before.rss + 400 * MIB);
    expect(most).toBeLessThan(350 * MIB);
  });

  it("gives the same machine as without, plain and compressed", async () => {
    const kernel = linkedFile({ bits: 64, segments: [{ size: 200_000 }, { size: 9000, writable: true }] });
    const text = "x=1\n".repeat(50_000);
    for (const files of [
      { [KERNEL]: kernel.bytes, "/t": text },
      { [`${KERNEL}.gz`]: gzipSync(kernel.bytes), "/t.gz": gzipSync(text) },
    ]) {
      const commands = [`load ${KERNEL}`, "load -t raw /t", "boot"];
      const plain = await prompt(files, commands);
      const measured = await prompt(files, commands, { measure: true });
      const hooked = await prompt(files, commands, { hooks: { onFile: () => undefined } });
      for (const { result } of [measured, hooked]) {
        expect(result.reason).toBe("exec");
        expect(result.memory).toEqual(plain.result.memory);
        for (const { gpa, length } of result.memory) {
          const [ours, wanted] = [result, plain.result].map((r) =>
            Buffer.from(r.guestMemory.read(Number(gpa), length)),
          );
          expect(ours!.equals(wanted!)).toBe(true);
        }
      }
      const listed = measured.result.measurements?.files ?? [];
      expect(listed.map(({ path, sha256 }) => [path, sha256])).toEqual([
        [KERNEL, sha256(kernel.bytes)],
        ["/t", sha256(text)],
      ]);
    }
  });

  it("lists a file once for each purpose, however often it is used", async () => {
    const code = `for i = 1, 50 do io.close(io.open("/s")); dofile("/s") end`;
    const { result } = await run({ disks: [ufsDisk({ "/boot/lua/loader.lua": code, "/s": "x = 1" })], measure: true });
    const uses = result.measurements?.files.filter(({ path }) => path === "/s").map(({ purpose }) => purpose);
    expect(uses).toEqual(["data", "script"]);
  });

  it("makes the same digests with the library's hash as with Node's", async () => {
    const disks = [ufsDisk({ "/boot/lua/loader.lua": "print(1)" })];
    const { result } = await run({ disks, measure: true });
    const bytes = Buffer.from("some bytes");
    try {
      // What browsers have.
      setHasher(async () => {
        const { sha256: noble } = await import("@noble/hashes/sha2");
        const { bytesToHex } = await import("@noble/hashes/utils");
        return () => {
          const hash = noble.create();
          return { update: (more) => void hash.update(more), hex: () => bytesToHex(hash.digest()) };
        };
      });
      const hash = (await loadHasher())();
      hash.update(bytes);
      expect(hash.hex()).toBe(sha256(bytes));
      expect((await run({ disks, measure: true })).result.measurements).toEqual(result.measurements);
    } finally {
      setHasher(loadNodeHasher);
    }
  });
});

describe("limits", () => {
  const hooks: BootHooks = { onFile: () => undefined };

  it("content that hooks see: examinedBytes, before it is read", async () => {
    const { result, text } = await run({ disks: [sparse()], hooks });
    expect(result.error).toMatchObject({ name: "LimitError", limit: "examinedBytes", allowed: 256 * MIB });
    expect(result.error?.used).toBeGreaterThan(360 * MIB);
    expect(text).toContain("2\ttrue");
    expect(text).not.toContain("3\ttrue");
  });

  it("a compressed file, whose size nobody knows", async () => {
    const files = { "/boot/lua/loader.lua": `print(io.open("/z"))`, "/z.gz": gzipSync(Buffer.alloc(20 * MIB)) };
    const { result } = await run({ disks: [ufsDisk(files)], hooks, limits: { examinedBytes: 10 * MIB } });
    expect(result.error).toMatchObject({ name: "LimitError", limit: "examinedBytes" });
    expect(result.error?.used).toBeLessThan(11 * MIB);
    expect(
      (await run({ disks: [ufsDisk(files)], measure: true, limits: { examinedBytes: 0 } })).result.error?.name,
    ).toBe("InputEndedError");
  });

  it("many files, and many variables: hookBytes", async () => {
    const limits = { hookBytes: 100_000 };
    const files = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`/d/${i}`, "x"]));
    const opens = `for i = 0, 499 do io.close(io.open("/d/" .. i)) end`;
    for (const how of [{ measure: true }, { hooks }]) {
      const disks = [ufsDisk({ ...files, "/boot/lua/loader.lua": opens })];
      const { result } = await run({ disks, limits, ...how });
      expect(result.error).toMatchObject({ name: "LimitError", limit: "hookBytes", allowed: 100_000 });
    }
    const sets = `for i = 1, 1000000 do loader.setenv("v", "x" .. i) end`;
    const asked = { onSetenv: () => undefined };
    const { result } = await run({ disks: [ufsDisk({ "/boot/lua/loader.lua": sets })], limits, hooks: asked });
    expect(result.error).toMatchObject({ name: "LimitError", limit: "hookBytes" });
    expect(result.error?.used).toBeLessThan(101_000);
  });

  it("the same file again costs nothing", async () => {
    const code = `for i = 1, 5000 do io.close(io.open("/s")) end`;
    const disks = [ufsDisk({ "/boot/lua/loader.lua": code, "/s": "x".repeat(1000) })];
    const { result } = await run({ disks, hooks, limits: { hookBytes: 2000, examinedBytes: 5000 } });
    expect(result.error?.name).toBe("InputEndedError");
  });
});

describe("the vault", () => {
  it("refuses handles that there aren't, by name", () => {
    const files = vault({ onFile: () => undefined });
    for (const handle of [0, -1, 1, 7, 2 ** 31]) {
      expect(() => files.data(handle, new Uint8Array(1))).toThrow(/examined file -?\d+, which there isn't/);
      expect(() => files.end(handle)).toThrow(expect.objectContaining({ name: "InternalError" }));
      expect(() => files.slice(handle, 0, 1)).toThrow(expect.objectContaining({ name: "InternalError" }));
    }
    const handle = files.begin("disk0:", "/a", 0, 1);
    expect(() => files.slice(handle, 0, 1)).toThrow(/content isn't here/);
    files.end(handle);
    expect(() => files.data(handle, new Uint8Array(1))).toThrow(/has ended/);
  });

  it("gives what was examined, whatever was announced", () => {
    const files = vault({ onFile: () => undefined }, { examinedBytes: 100_000 });
    for (const announced of [undefined, 0, 5, 30_000]) {
      const handle = files.begin("disk0:", `/${announced}`, 0, announced);
      const parts = [Buffer.from("hello, "), Buffer.from("w"), Buffer.from("orld")];
      for (const part of parts) files.data(handle, part);
      expect(files.end(handle)).toBe(12);
      expect(Buffer.from(files.slice(handle, 3, 100)).toString()).toBe("lo, world");
      expect(files.slice(handle, 12, 1)).toHaveLength(0);
      expect(files.slice(handle, 2 ** 60, 2 ** 60)).toHaveLength(0);
    }
    // What was announced and didn't come is not counted any more.
    expect(() => files.begin("disk0:", "/more", 0, 99_000)).not.toThrow();
    expect(() => files.begin("disk0:", "/too-much", 0, 2000)).toThrow(/examinedBytes/);
  });

  it("counts a file once that could not be read to its end", () => {
    const files = vault({ onFile: () => undefined }, { examinedBytes: 1000 });
    for (let i = 0; i < 10; i++) expect(files.begin("disk0:", "/a", 0, 800)).toBe(i + 1);
  });

  it("uses the file itself when it is only measured", () => {
    const files = vault(undefined, { examinedBytes: 0 });
    const handle = files.begin("disk0:", "/a", 0, 2 ** 40);
    files.data(handle, Buffer.from("abc"));
    expect(files.end(handle)).toBeUndefined();
    expect(files.begin("disk0:", "/a", 0, 3)).toBe(-handle);
    expect(() => files.slice(handle, 0, 1)).toThrow(/content isn't here/);
    expect(files.files).toEqual([{ device: "disk0:", path: "/a", size: 3, sha256: sha256("abc"), purpose: "data" }]);
  });
});
