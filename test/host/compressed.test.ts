// Images that are compressed as a whole: by all four compressions, in the API as on the command line, damaged and too large,
// with nothing left behind.

import { execFileSync, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  watch,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type BootOptions, boot, DiskError, FileDisk, type Progress } from "userboot-wasm";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { unpackImage } from "../../build/host/disks/unpack.js";
import { CLI, userboot } from "../support/cli.js";
import { GUESTS, guestImage } from "../support/guests.js";
import { openFiles } from "../support/resources.js";
import { Scratch } from "../support/scratch.js";
import { bytesOf } from "../support/sparse_disk.js";

const scratch = new Scratch();
/** Where what is unpacked goes; nothing of it may stay. */
const temporary = join(scratch.path, "tmp");
mkdirSync(temporary);
const before = process.env.TMPDIR;
beforeAll(() => {
  process.env.TMPDIR = temporary;
});
afterAll(() => {
  if (before === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = before;
  scratch[Symbol.dispose]();
});

/** Whether this system has files without a name (Linux, most file systems). */
function hasNameless(): boolean {
  if (process.platform !== "linux") return false;
  try {
    closeSync(openSync(temporary, 0o20000000 | constants.O_DIRECTORY | constants.O_RDWR, 0o600));
    return true;
  } catch {
    return false;
  }
}

const PROGRAMS = { gzip: "gz", xz: "xz", zstd: "zst", bzip2: "bz2" } as const;
type Name = keyof typeof PROGRAMS;
const NAMES = Object.keys(PROGRAMS) as Name[];

/** Bytes packed by a program of the system's. */
function packed(program: Name, content: Uint8Array): Buffer {
  return execFileSync(program, ["-c"], { input: content, maxBuffer: 1 << 30, stdio: ["pipe", "pipe", "ignore"] });
}

const image = guestImage(GUESTS.amd64);
const plain = scratch.file("plain.img", image);
const options = { clock: "virtual", isolation: "none", memory: 64 << 20, digests: true } as const satisfies BootOptions;

describe.each(NAMES)("an image packed by %s", (name) => {
  const bytes = packed(name, image);
  const path = scratch.file(`guest.img.${PROGRAMS[name]}`, bytes);
  const nameless = scratch.file(`nameless-${name}`, bytes);

  it.each(["none", "thread", "process"] as const)(
    "boots as the plain one does, with the isolation %s",
    async (isolation) => {
      const wanted = await boot({ ...options, isolation, disks: [plain] });
      expect(wanted.reason).toBe("exec");
      const files = openFiles();
      for (const disk of [path, { image: nameless, format: name }, { image: bytes, format: name }]) {
        const result = await boot({ ...options, isolation, disks: [disk] });
        expect(result.reason).toBe("exec");
        expect(result.memory).toEqual(wanted.memory);
        result.release();
      }
      expect(openFiles()).toBe(files);
      expect(readdirSync(temporary)).toEqual([]);
      wanted.release();
    },
  );

  it("is unpacked by the word or the name, and refused with one line without", () => {
    const line = ["--clock", "virtual", "-c", "none", "--json"];
    for (const disk of [path, `${name}:${nameless}`]) {
      expect(JSON.parse(userboot(["boot", "-d", disk, ...line]).stdout).reason).toBe("exec");
    }
    const { status, stderr } = userboot(["boot", "-d", nameless, "--clock", "virtual", "-c", "none"]);
    expect(status).toBe(2);
    expect(stderr).toMatch(
      new RegExp(`^userboot: ${nameless}: looks like a.? ${name} file: say so \\(${name}:FILE.*\n$`),
    );
  });

  it("is unpacked to what it was, piece by piece", async () => {
    const content = Buffer.concat([Buffer.alloc(300_000), randomBytes(1_500_000), Buffer.alloc(300_001)]);
    for (const source of [packed(name, content), scratch.file("pieces", packed(name, content))]) {
      const fd = await unpackImage(source, name, { limit: content.length });
      const disk = new FileDisk("unpacked", 512, { fd });
      expect(Buffer.from(bytesOf(disk)).equals(content)).toBe(true);
      closeSync(fd);
    }
  });

  it("may consist of several", async () => {
    const half = image.length >> 1;
    const parts = [packed(name, image.subarray(0, half)), packed(name, image.subarray(half))];
    const result = await boot({ ...options, disks: [{ image: Buffer.concat(parts), format: name }] });
    expect(result.reason).toBe("exec");
  });

  it("is a DiskError when it is cut off, damaged or another thing, and leaves nothing", async () => {
    const damaged = Buffer.from(bytes);
    damaged.writeUInt32LE(~damaged.readUInt32LE(bytes.length >> 1) >>> 0, bytes.length >> 1);
    const bad = [bytes.subarray(0, bytes.length >> 1), bytes.subarray(0, bytes.length - 3), damaged, Buffer.from("no")];
    const files = openFiles();
    for (const one of bad) {
      const made = boot({ ...options, disks: [{ image: one, format: name }] });
      await expect(made).rejects.toMatchObject({
        name: "DiskError",
        // In words, not in a number of the package's.
        message: expect.stringMatching(new RegExp(`${name} file, or damaged \\((?!.*code \\d)`)),
      });
    }
    expect(openFiles()).toBe(files);
    expect(readdirSync(temporary)).toEqual([]);
  });

  it("that holds more than it may is a LimitError", async () => {
    const bomb = packed(name, Buffer.alloc(16 << 20));
    expect(bomb.length).toBeLessThan(100_000);
    const made = boot({ ...options, limits: { unpackedBytes: 8 << 20 }, disks: [{ image: bomb, format: name }] });
    await expect(made).rejects.toMatchObject({ name: "LimitError", limit: "unpackedBytes", allowed: 8 << 20 });
  });
});

describe("unpacking", () => {
  it("of a bzip2 file that is cut off behind a block, or the header of another stream, is a DiskError", async () => {
    const bytes = execFileSync("bzip2", ["-1c"], { input: randomBytes(150_000) });
    const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0")).join("");
    const second = bits.lastIndexOf((0x314159265359).toString(2).padStart(48, "0"));
    expect(second).toBeGreaterThan(100);
    const cut = bytes.subarray(0, Math.ceil(second / 8));
    for (const bad of [cut, Buffer.concat([bytes, bytes.subarray(0, 4)])])
      await expect(unpackImage(bad, "bzip2", { limit: 1 << 20 })).rejects.toThrow(/damaged \(ends early\)/);
  });

  it("makes no room for a window of zstd that the program wouldn't read either", async () => {
    const head = (window: number) => Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, window, 9, 0, 0, 1]);
    const skipped = Buffer.from([0x5f, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 7]);
    const single = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0, 0x60, 9, 0, 0, 1]);
    const large = head(20 << 3);
    for (const bad of [large, Buffer.concat([packed("zstd", image), skipped, head(0), large]), single])
      await expect(unpackImage(bad, "zstd", { limit: 1 << 26 })).rejects.toThrow(DiskError);
    const good = Buffer.concat([skipped, head(17 << 3), skipped]);
    closeSync(await unpackImage(good, "zstd", { limit: 1 }));
  });

  it("has all frames of a file of zstd, wherever they begin", async () => {
    const [one, two] = [image.subarray(0, 3000), image.subarray(3000)];
    const skipped = Buffer.from([0x5f, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 7]);
    const frames = [
      skipped,
      packed("zstd", one),
      skipped,
      packed("zstd", Buffer.alloc(0)),
      packed("zstd", two),
      skipped,
    ];
    const fd = await unpackImage(Buffer.concat(frames), "zstd", { limit: image.length });
    expect(Buffer.from(bytesOf(new FileDisk("unpacked", 512, { fd }))).equals(image)).toBe(true);
    closeSync(fd);
    const cut = Buffer.concat([...frames, packed("zstd", one).subarray(0, -3)]);
    await expect(unpackImage(cut, "zstd", { limit: 2 * image.length })).rejects.toThrow(DiskError);
  });

  it("makes holes where there are zeros", async () => {
    const content = Buffer.alloc(64 << 20);
    content.set(image, 0);
    content.set(image, 48 << 20);
    const fd = await unpackImage(packed("zstd", content), "zstd", { limit: content.length });
    const { size, blocks } = fstatSync(fd);
    const disk = new FileDisk("unpacked", 512, { fd });
    expect(Buffer.from(bytesOf(disk)).equals(content)).toBe(true);
    closeSync(fd);
    expect(size).toBe(content.length);
    expect(blocks * 512).toBeLessThanOrEqual(2 * image.length + (1 << 20));
  });

  it("tells how far it is", async () => {
    const seen: Progress[] = [];
    const noise = randomBytes(2 << 20);
    const path = scratch.file("noise.bz2", packed("bzip2", noise));
    const made = await boot({ ...options, start: "simp", disks: [path], onProgress: (now) => seen.push(now) });
    expect(made.bootProblem?.[0]).toMatchObject({ kind: "disk", name: "disk0" });
    const told = seen.filter(({ unpackedSize }) => unpackedSize === statSync(path).size);
    expect(told.length).toBeGreaterThan(0);
    expect(told.map(({ unpackedDone = 0 }) => unpackedDone)).toEqual(
      told.map(({ unpackedDone = 0 }) => unpackedDone).sort((a, b) => a - b),
    );
  });

  it.each(NAMES)("ends when the caller gives up, %s", async (name) => {
    const image = Buffer.concat(Array(64).fill(packed(name, Buffer.alloc(64 << 20))));
    const path = { image: scratch.file(`large.${name}`, image), format: name };
    const made = boot({ ...options, isolation: "thread", disks: [path], signal: AbortSignal.timeout(200) });
    await expect(made).rejects.toMatchObject({ name: "AbortedError" });
    expect(readdirSync(temporary)).toEqual([]);
  });

  it.each(NAMES)("doesn't begin when the caller has given up already, %s", async (name) => {
    const made = unpackImage(packed(name, image), name, { limit: image.length, signal: AbortSignal.abort() });
    await expect(made).rejects.toMatchObject({ name: "AbortedError" });
  });

  it.runIf(hasNameless())("gives its file no name at any time, so that none can be left", async () => {
    const seen: (string | null)[] = [];
    const watcher = watch(temporary, (_, name) => seen.push(name));
    try {
      closeSync(await unpackImage(packed("gzip", image), "gzip", { limit: image.length }));
      // What is told of comes in turn.
      writeFileSync(join(temporary, "last"), "");
      await vi.waitFor(() => expect(seen).toContain("last"));
    } finally {
      watcher.close();
      rmSync(join(temporary, "last"), { force: true });
    }
    // Of a file without a name the number is told.
    expect([...new Set(seen)].filter((name) => !/^#\d+$/.test(name ?? ""))).toEqual(["last"]);
  });

  it("leaves nothing when the program is killed", async () => {
    const path = scratch.file("long.bz2", Buffer.concat(Array(64).fill(packed("bzip2", Buffer.alloc(64 << 20, "x")))));
    const env = { ...process.env, TMPDIR: temporary };
    const child = spawn(process.execPath, [CLI, "boot", "-d", path], { env, stdio: "ignore" });
    // It has its file when it is there twice among what it has open: the packed one, and what is made of it.
    for (let open = ""; !open.includes("(deleted)"); ) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      // One that is closed meanwhile makes it fail, after it has told of the others.
      open = spawnSync("ls", ["-l", `/proc/${child.pid}/fd`], { encoding: "utf8" }).stdout;
      if (child.exitCode !== null) throw new Error("it has ended");
    }
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(readdirSync(temporary)).toEqual([]);
  });

  it("of a packed image of another format needs its word, too", async () => {
    const made = await boot({
      ...options,
      disks: [{ image: packed("gzip", Buffer.from("QFI\xfb", "latin1")), format: "gzip" }],
    });
    expect(made.error).toMatchObject({
      name: "DiskError",
      message: expect.stringContaining("looks like a qcow2 file"),
    });
  });

  it("is left out when a packed file is said to be raw", async () => {
    const path = scratch.file("as-it-is.gz", readFileSync(plain));
    expect((await boot({ ...options, disks: [{ image: path, format: "raw" }] })).reason).toBe("exec");
  });
});
