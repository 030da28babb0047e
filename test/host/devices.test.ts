// Devices as disks: a loop device in every isolation, when there are rights for one; what FreeBSD and systems that tell
// nothing say, by stand-ins; disks that get lost.

import { execFileSync, spawnSync } from "node:child_process";
import fs, { closeSync, openSync, truncateSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { gzipSync } from "node:zlib";
import { boot, DiskError, FileDisk, KeysConsole, OptionError } from "userboot-wasm";
import { afterAll, describe, expect, it } from "vitest";
import { type DeviceSystem, deviceFacts } from "../../build/host/disks/device.js";
import { explain, sizeComplaint } from "../../build/host/disks/file.js";
import { describeSource } from "../../build/host/disks/source.js";
import { unpackImage } from "../../build/host/disks/unpack.js";
import { userboot } from "../support/cli.js";
import { GUESTS, guestImage } from "../support/guests.js";
import { inRepository } from "../support/repository.js";
import { Scratch } from "../support/scratch.js";
import { ISOLATIONS } from "../support/stand_ins.js";

const scratch = new Scratch();
const loops: string[] = [];
afterAll(() => {
  for (const loop of loops) execFileSync("losetup", ["-d", loop]);
  scratch[Symbol.dispose]();
});

const guest = scratch.file("guest.img", guestImage(GUESTS.amd64));

/** A loop device over `file`; undefined where nobody may make one. */
function loopDevice(file: string, ...options: string[]): string | undefined {
  try {
    const made = execFileSync("losetup", [...options, "-f", "--show", file], {
      encoding: "utf8",
      stdio: "pipe",
    }).trim();
    loops.push(made);
    return made;
  } catch {
    console.log("Loop devices: SKIPPED, none can be made (needs root and losetup)");
    return undefined;
  }
}

const BOOT = { clock: "virtual", memory: 64 << 20, digests: true } as const;

describe("a block device", () => {
  const device = loopDevice(guest, "-r");

  it.skipIf(device === undefined).each(ISOLATIONS)(
    "boots as its file does, with the isolation %s",
    async (isolation) => {
      const [file, block] = [
        await boot({ ...BOOT, isolation, disks: [guest] }),
        await boot({ ...BOOT, isolation, disks: [device!] }),
      ];
      expect([file.reason, block.reason]).toEqual(["exec", "exec"]);
      expect(block.memory).toEqual(file.memory);
      expect(block.disk).toEqual(file.disk);
      for (const one of [file, block]) one.release();
    },
  );

  it.skipIf(device === undefined)("has the size of its medium, and its sectors", () => {
    const large = loopDevice(scratch.file("large.img", Buffer.alloc(1 << 20)), "-r", "-b", "4096");
    const disks = [new FileDisk(device!), new FileDisk(large!), new FileDisk(large!, 512)];
    expect(disks.map(({ size, sectorSize }) => [size, sectorSize])).toEqual([
      [guestImage(GUESTS.amd64).length, 512],
      [1 << 20, 4096],
      [1 << 20, 512],
    ]);
    for (const disk of disks) disk.close();
  });

  it.skipIf(device === undefined)("tells the same to nobody but a reader", () => {
    const fd = openSync(device!, "r");
    const real = new FileDisk(device!);
    const silent = { platform: "other", text: () => undefined, diskinfo: () => undefined };
    const read = (_fd: number, target: Uint8Array, position: number) => real.read(position, target);
    expect(deviceFacts(fd, { rdev: 0 }, { ...silent, read })).toEqual({ size: real.size, sectorSize: 512 });
    real.close();
    closeSync(fd);
  });
});

/** A system with these answers. */
const system = (answers: Partial<DeviceSystem>): DeviceSystem => ({
  platform: "freebsd",
  text: () => undefined,
  diskinfo: () => undefined,
  read: () => {
    throw new Error("not to be read");
  },
  ...answers,
});

/** Reads of a character device of `size` bytes, which takes whole sectors only. */
const byteless =
  (size: number, sector: number): DeviceSystem["read"] =>
  (_fd, target, position) => {
    if (position % sector !== 0 || target.length % sector !== 0) throw new Error("EINVAL");
    return Math.max(0, Math.min(target.length, size - position));
  };

describe("the size of a device is asked of", () => {
  it("diskinfo, on FreeBSD", () => {
    const line = "/dev/fd/0\t4096\t107374182400\t26214400\t16384\t0\n";
    expect(deviceFacts(3, { rdev: 1 }, system({ diskinfo: () => line }))).toEqual({
      size: 107_374_182_400,
      sectorSize: 4096,
    });
  });

  it("/sys by the device's numbers, on Linux, where a partition has its disk's sectors", () => {
    const files: Record<string, string> = {
      "/sys/dev/block/259:1048579/size": "2048\n",
      "/sys/dev/block/259:1048579/../queue/logical_block_size": "4096\n",
    };
    // 259 and 2^20 + 3, as the system packs them.
    const rdev = Number((259n << 8n) | 3n | (0x1000n << 20n));
    expect(deviceFacts(3, { rdev }, system({ platform: "linux", text: (path) => files[path] }))).toEqual({
      size: 1 << 20,
      sectorSize: 4096,
    });
  });

  it.each([
    [0, 512],
    [512, 512],
    [1000 * 512, 512],
    [12_345 * 4096, 4096],
    [7 * 2 ** 40, 512],
  ])("the device itself when nobody tells: %i bytes, sectors of %i", (size, sectorSize) => {
    const facts = deviceFacts(3, { rdev: 1 }, system({ read: byteless(size, sectorSize) }));
    expect(facts).toEqual({ size, sectorSize });
  });
});

describe("what the system tells of a device", () => {
  const told = (answers: Partial<DeviceSystem>) =>
    deviceFacts(3, { rdev: 1 }, system({ read: byteless(512, 512), ...answers }));
  const LARGEST = 2 ** 53 - 4096;

  it.each([
    [String(LARGEST), LARGEST],
    [String(LARGEST + 1), 512],
    ["1e3", 512],
    ["-5", 512],
    ["", 512],
    ["77x", 512],
  ])("is taken when it is a size that a device can have: %j is %i bytes", (size, taken) => {
    expect(told({ diskinfo: () => `/dev/fd/0\t512\t${size}\t0\n` })).toEqual({ size: taken, sectorSize: 512 });
  });

  it("are sectors of 512 bytes unless they have 4096", () => {
    for (const [sector, taken] of [
      ["4096", 4096],
      ["512", 512],
      ["520", 512],
      ["", 512],
    ] as const)
      expect(told({ diskinfo: () => `x\t${sector}\t8192` })).toEqual({ size: 8192, sectorSize: taken });
  });
});

describe("an image", () => {
  const bytes = new Uint8Array(512);
  const described = (format: unknown) => describeSource({ image: bytes, format: format as "raw" }, "disks[0]");

  it.each(["raw", "qcow2", "vmdk", "vhd", "vhdx", "vdi"])("may be of the format %s", (format) => {
    expect(described(format)).toEqual({ image: bytes, files: [], format });
  });

  it.each(["gzip", "xz", "zstd", "bzip2"])("may be packed by %s", (compression) => {
    expect(described(compression)).toEqual({ image: bytes, files: [], compression });
  });

  it("may be of no other format", () => {
    expect(() => described("tar")).toThrow(
      new OptionError(
        'disks[0]: unknown image format "tar" (there are raw, qcow2, vmdk, vhd, vhdx, vdi, gzip, xz, zstd, bzip2)',
      ),
    );
  });

  it("that has nothing in it is told of by its name", async () => {
    const empty = gzipSync("");
    await expect(unpackImage(empty, "gzip", { limit: 10 })).rejects.toThrow(
      new DiskError("bytes", "there is nothing in it, by gzip"),
    );
    const path = scratch.file("empty.gz", empty);
    await expect(unpackImage(path, "gzip", { limit: 10 })).rejects.toThrow(
      new DiskError(path, "there is nothing in it, by gzip"),
    );
  });

  it.each([
    ["ENOENT", "no such file"],
    ["ENOTDIR", "no such file"],
    ["EACCES", "permission denied"],
    ["EPERM", "permission denied"],
    ["ENOMEDIUM", "there is no medium in it, or no such device"],
    ["ENXIO", "there is no medium in it, or no such device"],
    ["EMFILE", "cannot be opened (EMFILE)"],
  ])("that can't be opened for %s is told of in plain words", (code, words) => {
    expect(explain(Object.assign(new Error("from the system"), { code }))).toBe(words);
  });

  // A program that has none gets the first that it opens, and with it whoever types there may end it.
  it.skipIf(process.platform !== "linux" || spawnSync("python3", ["-V"]).error)(
    "that is a terminal is refused, and doesn't become the program's",
    () => {
      const library = JSON.stringify(inRepository("build/host/index.js"));
      const program = `import { fileDisk } from ${library};
        import { readFileSync } from "node:fs";
        const refused = await fileDisk(process.argv[1]).catch((error) => error.name);
        console.log(refused, readFileSync("/proc/self/stat", "latin1").split(") ")[1].split(" ")[4]);`;
      const starter = `import os, pty, subprocess, sys
_, terminal = pty.openpty()
subprocess.run(sys.argv[1:] + [os.ttyname(terminal)], start_new_session=True, stdin=subprocess.DEVNULL)`;
      const words = [process.execPath, "--input-type=module", "-e", program, "--"];
      const { stdout } = spawnSync("python3", ["-c", starter, ...words], { encoding: "utf8" });
      expect(stdout).toBe("DiskError 0\n");
    },
  );

  it("that can't be opened for no known reason is told of by that", () => {
    expect(explain("a text")).toBe("cannot be opened (a text)");
  });

  it.each([
    [0, "empty file, not a disk image"],
    [1, undefined],
    [2 ** 53 - 1, undefined],
    [2 ** 53, `${2 ** 53} bytes, more than a disk may have`],
  ])("of %i bytes: %s", (size, complaint) => expect(sizeComplaint(size)).toBe(complaint));

  it("with a format's word before its name is told how that is said", () => {
    expect(() => new FileDisk("qcow2:/no/such")).toThrow(
      new DiskError("qcow2:/no/such", 'no such file (its format is said apart from its name: format: "qcow2")'),
    );
    expect(() => new FileDisk("/no/such")).toThrow(new DiskError("/no/such", "no such file"));
    expect(() => new FileDisk(scratch.path)).toThrow(new DiskError(scratch.path, "is a directory, not a disk image"));
  });
});

describe("a disk that gets lost in the middle of a boot", () => {
  it("is a DiskError with the place", async () => {
    const path = scratch.file("shrinks.img", guestImage(GUESTS.amd64));
    const disk = new FileDisk(path);
    truncateSync(path, 8192);
    expect(() => disk.read(4096, new Uint8Array(8192))).toThrow(
      new DiskError(path, `ends at byte 8192, but had ${disk.size} when it was opened`),
    );
    const result = await boot({ ...BOOT, isolation: "none", disks: [disk] });
    expect(result.error).toMatchObject({ name: "DiskError", disk: path });
    expect(result.bootProblem).toEqual([{ kind: "disk", name: path, found: expect.stringMatching(/^ends at byte/) }]);
    disk.close();
  });

  it.each(["ENXIO", "ENODEV", "ENOMEDIUM"])("is one when the system says that it has gone (%s)", async (code) => {
    const path = scratch.file("gone.img", guestImage(GUESTS.amd64));
    using disk = withReads(path, (count) => {
      if (count > 3) throw Object.assign(new Error(code), { code });
    });
    const result = await boot({ ...BOOT, isolation: "none", disks: [disk.opened] });
    expect(result.error).toMatchObject({ name: "DiskError", disk: path, message: `${path}: has gone (${code})` });
    expect(result.bootProblem).toEqual([{ kind: "disk", name: path, found: `has gone (${code})` }]);
  });

  it("is a medium that fails, when it is only that: the guest goes on, and each place is said", async () => {
    const path = scratch.file("fails.img", guestImage(GUESTS.amd64));
    using disk = withReads(path, () => {
      throw Object.assign(new Error("EIO: i/o error, read"), { code: "EIO" });
    });
    const result = await boot({ ...BOOT, isolation: "none", disks: [disk.opened], console: new KeysConsole([]) });
    expect(result.error?.name).toBe("InputEndedError");
    expect(result.diagnostics[0]).toMatch(/^disk0 offset 0: read of \d+ bytes failed: EIO: i\/o error, read$/);
    expect(result.bootProblem).toContainEqual(
      expect.objectContaining({ kind: "disk", name: "disk0", found: expect.stringMatching(/can't be read$/) }),
    );
  });
});

/** An image as a disk, before each of whose reads `look` is told which one it is. */
function withReads(path: string, look: (count: number) => void): Disposable & { opened: FileDisk } {
  const opened = new FileDisk(path);
  const { readSync } = fs;
  let count = 0;
  fs.readSync = ((...args: Parameters<typeof readSync>) => {
    if (args[0] === opened.fd) look(++count);
    return readSync(...args);
  }) as typeof readSync;
  syncBuiltinESMExports();
  return {
    opened,
    [Symbol.dispose]() {
      fs.readSync = readSync;
      syncBuiltinESMExports();
      opened.close();
    },
  };
}

describe("what the command line says of a disk", () => {
  const prompt = ["--clock", "virtual", "-c", "none", "--json"];

  it("is sectors and ro, with commas in a name written twice", () => {
    const odd = scratch.file("a,b.img", guestImage(GUESTS.amd64));
    const said = userboot(["boot", "-d", `raw:${odd.replaceAll(",", ",,")},sectorsize=512,ro`, ...prompt]);
    expect(JSON.parse(said.stdout)).toMatchObject({ reason: "exec" });
    const wrong = userboot(["boot", "-d", odd, ...prompt]);
    expect([wrong.status, wrong.stderr]).toEqual([
      2,
      "userboot: 'b.img' is no option of a disk (there are ro, sectorsize=512 and sectorsize=4096; a comma in a name is written twice)\n",
    ]);
    const large = JSON.parse(userboot(["boot", "-d", `${guest},sectorsize=4096`, ...prompt]).stdout);
    expect(large.bootProblem).toContainEqual({
      kind: "damage",
      name: "disk0 offset 512",
      found: "GPT header where disks with sectors of 512 bytes have it, but these were said to be 4096",
    });
  });
});
