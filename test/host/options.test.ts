import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { AbortedError, type BootOptions, boot, DiskError, OptionError } from "userboot-wasm";
import { describe, expect, it } from "vitest";
import { givenEnvironment, sessionOptions } from "../../build/host/options.js";
import { Images } from "../../build/host/serve/images.js";
import { Scratch } from "../support/scratch.js";

const MIB = 1024 * 1024;

describe("wrong options", () => {
  it.each([
    [{ memory: 0 }, /low memory of 0 bytes/],
    [{ memory: -5 }, /low memory of -5 bytes/],
    [{ memory: Number.NaN }, /low memory of NaN/],
    [{ memory: { low: 4096 * MIB, high: 0 } }, /low memory of 4294967296/],
    [{ memory: { low: MIB, high: -1 } }, /high memory: -1/],
    [{ map: [{ base: -1, length: 1, type: 1 }] }, /memory map entry: -1/],
    [{ map: [{ base: 2n ** 64n, length: 1, type: 1 }] }, /memory map entry/],
    [{ env: ["a=\u20ac"] }, /characters must be bytes/],
    [{ interfaceVersion: 6 as 5 }, /interface version 6 is not 3, 4 or 5/],
    [{ profile: 11 as 12 }, /unknown profile "11" \(there are 12, 13, 14, 15 and auto\)/],
    [{ hashSeed: 2 ** 32 }, /bad hash seed: 4294967296/],
    [{ hashSeed: 0.5 }, /bad hash seed: 0.5/],
    [
      { console: { write() {}, size: { columns: 80.5, rows: 24 } } },
      /console size 80\.5 by 24 is not between 1 and 9999/,
    ],
    [{ console: { write() {}, size: { columns: 80, rows: 10_000 } } }, /console size 80 by 10000 is not/],
    [{ start: "perl" as "lua" }, /unknown interpreter "perl"/],
    [{ loader: "__proto__" as "lua" }, /unknown interpreter/],
    [{ limits: { wallMs: -1 } }, /limit wallMs: -1/],
    [{ limits: { walMs: 1 } as object }, /unknown limit "walMs"/],
    [{ disks: new Array(33).fill(new Uint8Array(512)) }, /33 disks given, at most 32/],
    [{ disks: [new Uint8Array(1), 5 as never] }, /^disks\[1\] must be a path, bytes, .* or a Disk, not 5$/],
    [{ disks: "disk.img" as never }, /disks must be an array/],
    [
      { disks: [{ image: new Uint8Array(1), files: "base.img" as never }] },
      /disks\[0\]\.files must be an array of images, not "base.img"/,
    ],
    [{ disks: [{ image: new Uint8Array(1), sectorSize: 2048 as 512 }] }, /^disks\[0\]: sector size 2048/],
    [{ disks: [{ image: 5 as never }] }, /^disks\[0\]\.image must be a path, bytes, .*, not 5$/],
    [
      { disks: [{ image: new Uint8Array(1), format: "qed" as "raw" }] },
      /^disks\[0\]: unknown image format "qed" \(there are raw, qcow2, vmdk, vhd, vhdx, vdi, gzip, xz, zstd, bzip2\)/,
    ],
    [
      { disks: [{ image: new Uint8Array(1), files: [new Uint8Array(1), 5 as never] }] },
      /^disks\[0\]\.files\[1\] must be a path/,
    ],
    [
      { disks: [{ image: new Uint8Array(1), files: [{ read: () => 0, size: 512, sectorSize: 512 } as never] }] },
      /^disks\[0\]\.files\[0\] can't be a Disk$/,
    ],
    [
      { disks: new Array(32).fill({ image: new Uint8Array(1), files: [new Uint8Array(1), new Uint8Array(1)] }) },
      /96 disks and files of theirs given, at most 64/,
    ],
  ])("%# is refused", async (options, message) => {
    for (const isolation of ["thread", "process", "none"] as const) {
      const refused = boot({ ...options, isolation });
      await expect(refused).rejects.toThrow(OptionError);
      await expect(refused).rejects.toThrow(message);
    }
  });
});

describe("images with formats", () => {
  it.each(["thread", "process", "none"] as const)(
    "end a session by name when they can't be used (%s)",
    async (isolation) => {
      const image = new Uint8Array(4096);
      const [looks, wrong] = [Buffer.from(image), Buffer.from(image)];
      looks.write("QFI\xfb", "latin1");
      const said = await boot({ disks: [image, looks], isolation, clock: "virtual" });
      expect(said).toMatchObject({ reason: "error", error: { name: "DiskError", disk: "disk1" } });
      expect(said.error?.message).toMatch(/^disk1: looks like a qcow2 file: .*format: "qcow2"/);
      const overlay = { image: wrong, format: "vdi", files: [image] } as const;
      const { error } = await boot({ disks: [overlay], isolation, clock: "virtual" });
      expect(error).toMatchObject({ name: "DiskError", message: "disk0: offset 64: vdi header: is no vdi image" });
    },
  );
});

describe("bad images", () => {
  it.each(["thread", "process", "none"] as const)(
    "are refused with the path and the reason (isolation: %s)",
    async (isolation) => {
      using scratch = new Scratch();
      const empty = scratch.file("empty.img", "");
      const directory = join(scratch.path, "directory");
      mkdirSync(directory);
      const expectations: [string, string][] = [
        [join(scratch.path, "none"), "no such file"],
        [directory, "is a directory, not a disk image"],
        [empty, "empty file, not a disk image"],
        ["/dev/null", "not a regular file"],
        [join(empty, "x"), "no such file"],
        [`qcow2:${empty}`, 'no such file (its format is said apart from its name: format: "qcow2")'],
      ];
      if (process.getuid?.() !== 0) {
        const secret = scratch.file("secret.img", "x");
        chmodSync(secret, 0);
        expectations.push([secret, "permission denied"]);
      }
      for (const [path, reason] of expectations) {
        const refused = boot({ disks: [path], isolation });
        await expect(refused).rejects.toThrow(DiskError);
        await expect(refused).rejects.toThrow(`${path}: ${reason}`);
      }
    },
  );
});

/** A file system of memory has files with more bytes than a number can tell. */
const MEMORY = "/dev/shm";
/** One of them; undefined where there is none. */
function endless(): (Disposable & { path: string }) | undefined {
  const path = join(MEMORY, `userboot-test-${process.pid}.img`);
  const made = existsSync(MEMORY) && spawnSync("truncate", ["-s", "9007199254740994", path]).status === 0;
  return made ? { path, [Symbol.dispose]: () => rmSync(path) } : undefined;
}

it("a file of more bytes than a number can tell is none, however it is given", async () => {
  using file = endless();
  if (file === undefined) {
    console.warn("SKIPPED, no file system with files of 8 PiB");
    return;
  }
  const reason = `${file.path}: 9007199254740994 bytes, more than a disk may have`;
  for (const isolation of ["thread", "process", "none"] as const)
    await expect(boot({ disks: [file.path], isolation })).rejects.toThrow(reason);
  const images = new Images({ shared: [MEMORY], tenants: [] }, 8);
  await expect(images.openAll([basename(file.path)], "")).rejects.toThrow(/more than a disk may have$/);
  expect(images.open).toBe(0);
});

it("nobody is asked anything once the signal is aborted", async () => {
  let asked = 0;
  const hooks = { onEnvironment: () => void asked++ };
  await expect(boot({ hooks, signal: AbortSignal.abort() })).rejects.toThrow(AbortedError);
  expect(asked).toBe(0);
});

it("where a session runs is one of three places, and only a process is confined", async () => {
  await expect(boot({ isolation: "worker" as "thread" })).rejects.toThrow(/unknown isolation "worker"/);
  const misspelt = { isolation: "process", confine: "bwarp" as "bwrap" } as const;
  await expect(boot(misspelt)).rejects.toThrow(/unknown "confine": "bwarp"/);
  await expect(boot({ isolation: "none", confine: "bwrap" })).rejects.toThrow(/"confine" goes with/);
});

it("a console has 1 to 9999 columns and rows, which its guest is told", () => {
  const console = (columns: number, rows: number) => ({ write() {}, size: { columns, rows } });
  const env = ["a=b"];
  for (const [columns, rows] of [
    [1, 9999],
    [9999, 1],
  ] as const) {
    const told = givenEnvironment({ console: console(columns, rows), env });
    expect(told).toEqual([`LINES=${rows}`, `COLUMNS=${columns}`, "a=b"]);
  }
  expect(givenEnvironment({ console: { write() {} }, env })).toEqual(env);
  for (const wrong of [0, 10_000, 80.5, Number.NaN]) {
    const refusal = (columns: number, rows: number) =>
      new OptionError(`console size ${columns} by ${rows} is not between 1 and 9999`);
    expect(() => givenEnvironment({ console: console(wrong, 1) })).toThrow(refusal(wrong, 1));
    expect(() => givenEnvironment({ console: console(1, wrong) })).toThrow(refusal(1, wrong));
  }
});

const LOW_MAX = 3072 * MIB;
const name = (length: number) => `disk${"x".repeat(length - 5)}:`;

it.each<[string, BootOptions[], [BootOptions, string][]]>([
  [
    "memory below 4 GiB",
    [1, LOW_MAX].map((low) => ({ memory: { low, high: 0 } })),
    [0, LOW_MAX + 1].map((low) => [
      { memory: { low, high: 0 } },
      `low memory of ${low} bytes is not between 1 and ${LOW_MAX}`,
    ]),
  ],
  [
    "names of devices",
    [name(1023), "zfs:pool/name:"].map((currdev) => ({ currdev })),
    [name(1024), "disk0", "Disk0:", ":"].map((currdev) => [
      { currdev },
      `currdev "${currdev}" is no device: "disk0p2:" or "zfs:pool/name:" would be one`,
    ]),
  ],
  [
    "seeds",
    [0, 2 ** 32 - 1].map((hashSeed) => ({ hashSeed })),
    [-1, 2 ** 32].map((hashSeed) => [{ hashSeed }, `bad hash seed: ${hashSeed}`]),
  ],
  [
    "entries of maps",
    [2n ** 64n - 1n, Number.MAX_SAFE_INTEGER, 0].map((base) => ({ map: [{ base, length: 1, type: 1 }] })),
    [-1n, 2n ** 64n, Number.MAX_SAFE_INTEGER + 1].map((base) => [
      { map: [{ base, length: 1, type: 1 }] },
      `bad memory map entry: ${base}`,
    ]),
  ],
  [
    "variables",
    [{ env: ["a=\u00ff"] }],
    [[{ env: ["a=\u0100"] }, 'environment entry "a=\u0100": characters must be bytes']],
  ],
  [
    "isolations",
    [{ isolation: "none" }, { isolation: "process", confine: "bwrap" }],
    [
      [{ isolation: "jail" as "none" }, 'unknown isolation "jail" (there are process, thread, none)'],
      [{ isolation: "process", confine: "jail" as "none" }, 'unknown "confine": "jail" (there are auto, none, bwrap)'],
    ],
  ],
])("%s have their bounds", (_, right, wrong) => {
  for (const options of right) expect(() => sessionOptions(options)).not.toThrow();
  for (const [options, message] of wrong) expect(() => sessionOptions(options)).toThrow(new OptionError(message));
});
