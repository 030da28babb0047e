// What holds an inspection: nothing that an image does is anything but an error of ours, nothing of it is left when it ends,
// however it ends, and nothing that comes out of its cell is believed that isn't what it should be.

import { spawnSync } from "node:child_process";
import { truncateSync } from "node:fs";
import fc from "fast-check";
import { checkReleased, type Inspection, type InspectOptions, inspect, UserbootError } from "userboot-wasm";
import { describe, expect, it } from "vitest";
import { guestImage } from "../support/guests.js";
import { inspectorOf, Liar, NOTHING, ours } from "../support/liar.js";
import { inRepository } from "../support/repository.js";
import { collect, openFiles, processes, threads } from "../support/resources.js";
import { Scratch } from "../support/scratch.js";
import { UfsImage } from "../support/ufs_image.js";

const image = new Uint8Array(guestImage("amd64-ufs2-gpt"));
const ISOLATIONS = ["none", "thread", "process"] as const;

/** Asks for everything that there is to ask; what comes of it is an error of ours or nothing. */
async function askAll(options: InspectOptions): Promise<void> {
  let guest: Inspection | undefined;
  try {
    guest = await inspect(options);
    await guest.system().catch(ours);
    for (const { device } of guest.volumes) {
      try {
        for await (const { path, type } of guest.find(device, {
          details: true,
          onProblem: (_, error) => ours(error),
        })) {
          await guest.stat(path).catch(ours);
          if (type === "file") await guest.hash(path).catch(ours);
        }
      } catch (error) {
        ours(error);
      }
    }
  } catch (error) {
    ours(error);
  } finally {
    await guest?.close();
  }
}

/** All files together have a second: an image can be damaged so that each of them takes as long as it may. */
const LIMITS = { requestFuel: 20_000_000, requestMs: 500, wallMs: 1000 };

describe("an image that is damaged", () => {
  it("is read as far as it goes, or an error says why not", { timeout: 120_000 }, async () => {
    const damage = fc.array(fc.tuple(fc.nat(image.length - 1), fc.nat(255)), { minLength: 1, maxLength: 40 });
    const anywhere = fc.asyncProperty(damage, async (changes) => {
      const bytes = image.slice();
      for (const [at, value] of changes) bytes[at] = value;
      await askAll({ disks: [bytes], isolation: "none", limits: LIMITS });
    });
    await fc.assert(anywhere, { numRuns: 60 });
    // Where partition table, superblock and inodes are.
    const where = fc.oneof(fc.nat(2048), fc.integer({ min: 86_016 + 65_536, max: 86_016 + 65_536 + 200_000 }));
    const structures = fc.array(fc.tuple(where, fc.nat(255)), { minLength: 1, maxLength: 40 });
    const there = fc.asyncProperty(structures, async (changes) => {
      const bytes = image.slice();
      for (const [at, value] of changes) bytes[at] = value;
      await askAll({ disks: [bytes], isolation: "none", limits: LIMITS });
    });
    await fc.assert(there, { numRuns: 60 });
  });
});

/** An image whose file `endless` is a hole of a terabyte. */
function endless(): Uint8Array {
  const ufs = new UfsImage({ version: 2, blockSize: 4096, fragmentSize: 512, superblockAt: 65536 });
  const inode = ufs.sparse(ufs.root, "endless", 4096, []);
  const disk = ufs.finish();
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(1n << 37n);
  disk.write(ufs.inodeOffset(inode) + 16, size);
  const bytes = new Uint8Array(disk.size);
  disk.read(0, bytes);
  return bytes;
}

describe.each(ISOLATIONS)("isolation %s", (isolation) => {
  it("a file that never ends uses up what there is to use", { timeout: 60_000 }, async () => {
    await using guest = await inspect({ disks: [endless()], isolation, limits: { wallMs: 700 } });
    await expect(guest.hash("/endless")).rejects.toThrow("limit wallMs exceeded");
    await expect(guest.list("/")).rejects.toThrow("limit wallMs exceeded");
    await using other = await inspect({ disks: [endless()], isolation });
    await expect(other.readFile("/endless", { limit: 1000 })).rejects.toThrow("limit fileBytes exceeded");
    expect((await other.stat("/endless")).size).toBe(2 ** 37);
  });

  it("has a time for each request", async () => {
    await expect(inspect({ disks: [image], isolation, limits: { requestMs: 0 } })).rejects.toThrow("limit requestMs");
  });

  it("says so when an image becomes shorter than it was", async () => {
    using scratch = new Scratch();
    const path = scratch.file("guest.img", image);
    await using guest = await inspect({ disks: [path], isolation });
    truncateSync(path, 1000);
    // What is in the cache still is.
    await expect(guest.hash("/boot/kernel/kernel")).rejects.toThrow(/ends at byte|disk0 offset/);
    await expect(guest.hash("/boot/kernel/kernel")).rejects.toThrow(UserbootError);
  });

  it("leaves nothing behind", async () => {
    await (await inspect({ disks: [image], isolation })).close();
    collect();
    const before = [threads(), processes(), openFiles()];
    checkReleased(true);
    try {
      for (let i = 0; i < 3; i++) {
        await using guest = await inspect({ disks: [image], isolation });
        await guest.readFile("/boot/kernel/kernel");
        await expect(guest.list("/nothing")).rejects.toThrow();
        if (i === 1) void guest.readFile("/boot/kernel/kernel").catch(() => {});
      }
      await expect(inspect({ disks: [image], isolation, limits: { requestFuel: 1000 } })).rejects.toThrow(
        "requestFuel",
      );
    } finally {
      checkReleased(false);
    }
    collect();
    expect([threads(), processes(), openFiles()]).toEqual(before);
  });

  it("doesn't keep a program that forgets it", { timeout: 60_000 }, () => {
    using scratch = new Scratch();
    const path = scratch.file("guest.img", image);
    const program = `
      import { inspect } from ${JSON.stringify(inRepository("build/host/index.js"))};
      const guest = await inspect({ disks: [${JSON.stringify(path)}], isolation: "${isolation}" });
      console.log((await guest.list("/boot")).length > 0);
    `;
    const { status, stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
      encoding: "utf8",
      timeout: 40_000,
    });
    expect([status, stdout]).toEqual([0, "true\n"]);
  });
});

describe.each(["thread", "process"] as const)("a %s", (isolation) => {
  it("is ended in the middle of a request", { timeout: 60_000 }, async () => {
    const controller = new AbortController();
    const guest = await inspect({ disks: [endless()], isolation, signal: controller.signal });
    const asked = guest.hash("/endless");
    setTimeout(() => controller.abort("enough"), 300);
    await expect(asked).rejects.toThrow("inspection aborted (enough)");
    await guest.close();
  });

  it("answers one request after the other", async () => {
    await using guest = await inspect({ disks: [image], isolation });
    const [names, status, digest, again] = await Promise.all([
      guest.list("/boot"),
      guest.stat("/boot/loader"),
      guest.hash("/boot/loader"),
      guest.hash("/boot/loader"),
    ]);
    expect([names.length > 3, status.size, digest]).toEqual([true, 87, again]);
  });
});

/** The caller's side of a cell that gives these answers. */
function inspector(first: unknown, ...answers: unknown[]) {
  return inspectorOf(new Liar(() => answers.shift(), [first]), { requestMs: 2000 });
}

describe("a cell that lies", () => {
  it("is one that failed", async () => {
    const nothing = fc.asyncProperty(fc.anything(), async (answer) => {
      const one = inspector(answer);
      await expect(one.describe()).rejects.toThrow(UserbootError);
      await one.close();
    });
    await fc.assert(nothing, { numRuns: 200 });
  });

  it.each([
    ["no handle", { type: "value", value: { type: "file" } }],
    ["a number that is none", { type: "value", value: { handle: 0, type: "file", size: Number.NaN } }],
    ["a kind that there isn't", { type: "value", value: { handle: 0, type: "door" } }],
    ["more than there is", { type: "value", value: { handle: 0, type: "file", more: 1 } }],
    ["content where none was asked for", { type: "content", bytes: new Uint8Array(1), runs: [] }],
    ["an error that is none", { type: "failed", error: { name: 1, message: "x" } }],
    ["nothing", undefined],
  ])("%s", async (_, answer) => {
    const one = inspector(NOTHING, answer, NOTHING);
    await one.describe();
    await expect(one.ask({ op: "open", path: "/", flags: 0 })).rejects.toThrow("the inspection's process failed");
    await expect(one.ask({ op: "open", path: "/", flags: 0 })).rejects.toThrow("the inspection's process failed");
  });

  it("an error keeps its class and says what it is about", async () => {
    const error = { name: "FileError", message: "/x: no such file or directory", path: "/x", code: "ENOENT" };
    const one = inspector(NOTHING, { type: "failed", error });
    await one.describe();
    await expect(one.ask({ op: "open", path: "/x", flags: 0 })).rejects.toMatchObject(error);
  });
});
