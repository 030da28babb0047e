// Disks that promise their bytes, on Node: threads and processes wait for them where the caller reads; the caller's own thread
// can't, unless its engine can suspend a module.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import {
  type BootOptions,
  type BootResult,
  boot,
  type Disk,
  DiskError,
  FileDisk,
  fileDisk,
  inspect,
  KeysConsole,
  type Limits,
  OptionError,
} from "userboot-wasm";
import { describe, expect, it } from "vitest";
import { BlobDisk } from "../../build/host/disks/blob.js";
import { fileDisk as pageFileDisk } from "../../build/host/disks/file_disk.js";
import { DiskServer, type ReadReply, SERVED_MAX, ServedDisk } from "../../build/host/disks/served.js";
import type { Cell } from "../../build/host/isolation/cell.js";
import { runIsolated } from "../../build/host/isolation/run.js";
import { sessionOptions } from "../../build/host/options.js";
import { canSuspend } from "../../build/host/suspension.js";
import { guestImage, SAME_EVERYWHERE as OPTIONS } from "../support/guests.js";
import { openFiles } from "../support/resources.js";
import { Scratch } from "../support/scratch.js";

const image = guestImage("amd64-ufs2-gpt");

/** The guest's disk, by promises; `before` each read something may happen. */
const promised = (before: (reads: number) => unknown = () => {}, more: Partial<Disk> = {}): Disk => {
  let reads = 0;
  return {
    sectorSize: 512,
    size: image.length,
    async read(offset, target) {
      await before(++reads);
      const part = image.subarray(offset, offset + target.length);
      target.set(part);
      return part.length;
    },
    ...more,
  };
};

const bootFrom = (disk: BootOptions["disks"] & object, more: Partial<BootOptions>): Promise<BootResult> =>
  boot({ ...OPTIONS, disks: disk, console: new KeysConsole(["\r"]), ...more });
const plain = await bootFrom([image], { isolation: "none" });
const seen = ({ calls, disk, environment, error, memory }: BootResult) => ({ calls, disk, environment, error, memory });

describe.each(["thread", "process"] as const)(
  "a disk that the caller reads for a %s",
  { timeout: 60_000 },
  (isolation) => {
    it("is what its bytes are", async () => {
      using scratch = new Scratch();
      const path = scratch.file("guest.img", image);
      const file = await fileDisk(path);
      const { buffer, byteOffset, byteLength } = image;
      const kinds = {
        promised: promised(),
        sooner: promised(() => {}, { promises: true }),
        blob: new Blob([image as Uint8Array<ArrayBuffer>]),
        buffer: buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer,
        file,
        path,
      };
      for (const [kind, disk] of Object.entries(kinds)) {
        expect(seen(await bootFrom([disk], { isolation })), kind).toEqual(seen(plain));
      }
      file.close();
    });

    it("can be looked into, together with others", async () => {
      const guest = await inspect({ disks: [image, promised()], isolation });
      expect(guest.disks).toHaveLength(2);
      const [one, other] = await Promise.all(
        ["disk0p2:/boot/kernel/kernel", "disk1p2:/boot/kernel/kernel"].map((path) => guest.hash(path)),
      );
      expect(other).toBe(one);
      await guest.close();
    });

    it("whose medium fails is one that fails, whatever it says", async () => {
      const failing = (read: Disk["read"]) => bootFrom([promised(undefined, { read })], { isolation });
      const dust = await failing(async () => Promise.reject(new Error("dust")));
      expect(dust.error?.name).toBe("InputEndedError");
      expect(dust.diagnostics.join()).toMatch(/disk0 offset 0: read of \d+ bytes failed: dust/);
      const nothing = await failing(async () => Promise.reject(undefined));
      expect(nothing.error?.name).toBe("InputEndedError");
      for (const lie of [-1, 1e9, Number.NaN, 0.5, undefined as never]) {
        const { diagnostics, error } = await failing(async () => lie);
        expect(error?.name).toBe("InputEndedError");
        expect(diagnostics.join()).toContain(`failed: it tells of ${lie} bytes`);
      }
      const gone = await failing(async () => Promise.reject(new DiskError("tape", "is torn")));
      expect(gone.error).toEqual({ name: "DiskError", message: "tape: is torn", disk: "tape" });
    });

    it("that never answers is waited for no longer than the session lasts", async () => {
      const stuck = promised((reads) => reads > 3 && new Promise(() => {}));
      const { error } = await bootFrom([stuck], { isolation, limits: { wallMs: 500 } });
      expect(error).toMatchObject({ name: "LimitError", limit: "wallMs" });
      const signal = AbortSignal.timeout(500);
      await expect(bootFrom([stuck], { isolation, signal })).rejects.toThrow("boot aborted");
    });

    it("counts as one that is read there", async () => {
      const { error } = await bootFrom([promised()], { isolation, limits: { diskBytes: 100_000 } });
      expect(error).toMatchObject({ name: "LimitError", limit: "diskBytes", allowed: 100_000 });
    });
  },
);

describe("in the caller's thread", () => {
  it.skipIf(canSuspend())("a disk that promises is refused before the boot", async () => {
    for (const disk of [promised(), promised(undefined, { promises: true }), new Blob(["x".repeat(512)])]) {
      const refused = await bootFrom([image, disk], { isolation: "none" }).catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(OptionError);
      expect((refused as Error).message).toMatch(/^disk 1 promises its bytes, .* give it with the isolation "thread"$/);
      await expect(inspect({ disks: [disk], isolation: "none" })).rejects.toThrow(/^disk 0 promises its bytes/);
    }
  });

  it.skipIf(canSuspend())("what is refused leaves no file open, and no rejection behind", async () => {
    using scratch = new Scratch();
    const path = scratch.file("guest.img", image);
    const unhandled: unknown[] = [];
    const hear = (error: unknown) => unhandled.push(error);
    process.on("unhandledRejection", hear);
    try {
      const failing: Disk = { ...promised(), read: () => Promise.reject(new Error("dust")) };
      for (let round = 0, open = 0; round < 2; round++, open = openFiles()) {
        await expect(boot({ disks: [path, failing], isolation: "none" })).rejects.toThrow(/^disk 1 promises its bytes/);
        if (round > 0) expect(openFiles()).toBe(open);
      }
      await new Promise((done) => setImmediate(done));
    } finally {
      process.off("unhandledRejection", hear);
    }
    expect(unhandled).toEqual([]);
  });

  it.skipIf(canSuspend())("one that hid it ends the session when it does", async () => {
    const hidden: Disk = {
      ...promised(),
      read: (_, target) => (target.length === 0 ? 0 : Promise.resolve(0)),
    };
    const { error } = await bootFrom([hidden], { isolation: "none" });
    expect(error).toMatchObject({ name: "OptionError" });
    expect(error?.message).toContain("promises what it can't be waited for here");
  });

  it("one that fails at once promises nothing: what the guest reads of it fails", async () => {
    const { promises: _, ...failing } = promised();
    const read = () => {
      throw new Error("dust");
    };
    const { diagnostics } = await bootFrom([{ ...failing, read }], { isolation: "none" });
    expect(diagnostics[0]).toMatch(/^disk0 offset 0: read of \d+ bytes failed: dust$/);
  });

  it.runIf(canSuspend())("a disk that promises is what its bytes are", async () => {
    expect(seen(await bootFrom([promised()], { isolation: "none" }))).toEqual(seen(plain));
  });

  it.each([-1, 1.5, Number.NaN, 1e9, undefined])("a disk that tells of %s bytes is one that fails", async (told) => {
    const lying: Disk = { sectorSize: 512, size: 1_000_000, promises: false, read: () => told as number };
    const { diagnostics, reason } = await bootFrom([lying], { isolation: "none" });
    expect(reason).toBe("error");
    expect(diagnostics[0]).toMatch(
      new RegExp(`^disk0 offset 0: read of \\d+ bytes failed: it tells of ${told} bytes$`),
    );
  });

  it("a file that becomes shorter isn't read any more", async () => {
    using scratch = new Scratch();
    const path = scratch.file("guest.img", image);
    for (const isolation of ["none", "thread", "process"] as const) {
      writeFileSync(path, image);
      const disk = new FileDisk(path);
      writeFileSync(path, image.subarray(0, 4096));
      const { error } = await bootFrom([disk], { isolation });
      expect(error, isolation).toMatchObject({ name: "DiskError", disk: path });
      disk.close();
    }
    expect(join(path, "..")).toBe(scratch.path);
  });

  it("a disk that nobody waited for is said to be a promise", async () => {
    await expect(boot({ disks: [Promise.resolve(image) as never] })).rejects.toThrow(
      "disks[0] is a promise: `await` it first",
    );
  });
});

/** How a session ends whose thread somebody else has taken over, who says what he likes, at first and when he is given bytes. */
function taken(says: (hear: (message: unknown) => void) => void, limits: Partial<Limits> = {}, disk?: Disk) {
  let hear: (message: unknown) => void = () => {};
  const nothing = () => {};
  const cell: Cell = {
    facts: { level: "thread" },
    keys: { keys: "live", push: () => true, onRoom: nothing, end: nothing },
    onMessage: (handler) => {
      hear = handler;
    },
    start() {
      hear({ type: "began" });
      says(hear);
    },
    serve: () => says(hear),
    ...{ onFailure: nothing, answer: nothing, ask: nothing, hold: nothing, terminate: async () => {} },
  };
  const options = sessionOptions({ limits });
  const start = { options, modules: new Map(), disks: [], trees: [], clock: "virtual" } as const;
  return runIsolated(cell, start, {}, new Map(disk && [[0, disk]]));
}

describe("what is read for a session", () => {
  const bytes = Uint8Array.from({ length: 10_000 }, (_, at) => at % 251);
  const disk: Disk = {
    sectorSize: 512,
    size: bytes.length,
    async read(offset, target) {
      const part = bytes.subarray(offset, offset + target.length);
      target.set(part);
      return part.length;
    },
  };

  it("is what the disk has, whatever is asked", async () => {
    const server = new DiskServer(new Map([[0, disk]]));
    const served = new ServedDisk(
      0,
      disk.size,
      512,
      async (request) => ((await server.read(request)) as ReadReply & { bytes: Uint8Array }).bytes,
    );
    const same = fc.asyncProperty(fc.nat(bytes.length), fc.nat(3 * bytes.length), async (offset, size) => {
      const target = new Uint8Array(size).fill(0xee);
      const got = await served.read(offset, target);
      expect(got).toBe(Math.min(size, bytes.length - offset));
      expect(Buffer.compare(target.subarray(0, got), bytes.subarray(offset, offset + got))).toBe(0);
      expect(target.subarray(got).every((byte) => byte === 0xee)).toBe(true);
    });
    await fc.assert(same);
  });

  it.each([
    ["another image", { disk: 1, offset: 0, size: 1 }, /reads image 1, which is none of these/],
    ["too much at once", { disk: 0, offset: 0, size: SERVED_MAX + 1 }, /reads 4194305 bytes at 0/],
    ["what is behind it", { disk: 0, offset: 10_001, size: 1 }, /reads 1 bytes at 10001/],
  ])("is never %s", async (_, request, message) => {
    await expect(new DiskServer(new Map([[0, disk]])).read(request)).rejects.toThrow(message);
  });

  it("is never two things at once", async () => {
    const server = new DiskServer(new Map([[0, disk]]));
    const request = { disk: 0, offset: 0, size: 1 };
    const first = server.read(request);
    await expect(server.read(request)).rejects.toThrow(/reads before it has got what it read/);
    expect(await first).toEqual({ bytes: bytes.slice(0, 1) });
  });

  it.each([
    [{ disk: 1, offset: 0, size: 1 }, "it reads image 1, which is none of these"],
    [{ disk: 0, offset: 0, size: 2 ** 40 }, "it reads 1099511627776 bytes at 0"],
    [{ disk: 0, offset: -1, size: 1 }, 'it sent a wrong message "read"'],
    [{ disk: 0, offset: 0, size: 1e300 }, 'it sent a wrong message "read"'],
    [{ disk: "0", offset: 0, size: 1 }, 'it sent a wrong message "read"'],
  ])("ends a session that somebody else has taken over: %j", async (request, why) => {
    const { error } = await taken((hear) => hear({ type: "read", ...request }), {}, disk);
    expect(error).toEqual({ name: "IsolationError", message: `the session's thread failed: ${why}` });
  });

  it("has an end, whatever the session does", async () => {
    const size = SERVED_MAX;
    const large: Disk = { sectorSize: 512, size, read: (_, { length }) => length };
    const reads = (hear: (message: unknown) => void) => hear({ type: "read", disk: 0, offset: 0, size });
    const { error } = await taken(reads, { diskBytes: 1_000_000 }, large);
    expect(error).toMatchObject({ name: "LimitError", limit: "diskBytes", allowed: 1_000_000 });
  });

  it("is no module, where a session finds its own", async () => {
    const { error } = await taken((hear) => hear({ type: "module", name: "lua" }));
    expect(error?.message).toBe("the session's thread failed: it asks for a module that it was to find by itself");
  });

  it("is no more than was asked for", async () => {
    for (const more of [0, 1, 512]) {
      const target = new Uint8Array(2048);
      const reader = ({ size }: { size: number }) => new Uint8Array(size + more).fill(7);
      const part = target.subarray(512, 1024);
      expect(new ServedDisk(0, 4096, 512, reader).read(0, part)).toBe(512);
      expect(await new ServedDisk(0, 4096, 512, async (request) => reader(request)).read(0, part)).toBe(512);
      expect([target[511], target[512], target[1023], target[1024]]).toEqual([0, 7, 7, 0]);
    }
  });

  it("is a page's file, or a handle of one", async () => {
    const file = new Blob([new Uint8Array(1024).fill(7)]);
    const handle = { kind: "file", name: "guest.img", getFile: async () => file } as unknown as FileSystemFileHandle;
    for (const given of [file, handle]) {
      const disk = await pageFileDisk(given, { sectorSize: 4096 });
      expect([disk.size, disk.sectorSize]).toEqual([1024, 4096]);
    }
    for (const wrong of ["guest.img", undefined, { kind: "directory", getFile: async () => file }, new Uint8Array(1)]) {
      const refused = pageFileDisk(wrong as never);
      await expect(refused).rejects.toThrow(OptionError);
      await expect(refused).rejects.toThrow("fileDisk: a Blob, a File or the handle of a file is needed");
    }
  });

  it("is a Blob with bytes in it, as long as it can be read", async () => {
    expect(() => new BlobDisk(new Blob())).toThrow(DiskError);
    const blob = new Blob(["x".repeat(512)]);
    blob.slice = () => {
      throw new DOMException("it has changed", "NotReadableError");
    };
    const refused = await bootFrom([new BlobDisk(blob)], { isolation: "thread" });
    expect(refused.error).toMatchObject({
      name: "DiskError",
      message: "Blob: can't be read any more (NotReadableError)",
    });
    // A file has a name.
    expect(() => new BlobDisk(new File([], "guest.img"))).toThrow("guest.img: empty, not a disk image");
  });

  it.each([Number.NaN, -1, 1.5, Number.POSITIVE_INFINITY])("is a disk with a size: %d is none", async (size) => {
    await expect(boot({ disks: [{ ...disk, size }] })).rejects.toThrow(
      `disks[0]: a Disk's size ${size} is no number of bytes`,
    );
  });
});
