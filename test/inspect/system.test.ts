// What `system()` tells: each thing with the file that it is from, as the loader's scripts would see it; and what volumes say of
// themselves, as the programs that made them were told.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { type Inspection, inspect, type SystemInfo } from "userboot-wasm";
import { describe, expect, it } from "vitest";
import { linkedFile } from "../support/elf_image.js";
import { guestImage } from "../support/guests.js";
import { kernelHints } from "../support/linker_hints.js";
import { Scratch } from "../support/scratch.js";
import { imageAt, programs, run, writeTree } from "../support/trees.js";
import { ufsDisk } from "../support/ufs_image.js";

async function looked<T>(
  disk: Uint8Array | ReturnType<typeof ufsDisk>,
  body: (guest: Inspection) => Promise<T>,
): Promise<T> {
  const guest = await inspect({ disks: [disk], isolation: "none" });
  try {
    return await body(guest);
  } finally {
    await guest.close();
  }
}

/** What is told of a guest with these files. */
const systemOf = (files: Record<string, string | Uint8Array>): Promise<SystemInfo> =>
  looked(
    ufsDisk(Object.fromEntries(Object.entries(files).map(([path, content]) => [path, Buffer.from(content)]))),
    (guest) => guest.system(),
  );

/** A kernel with a text in it. */
function kernelWith(text: string): Buffer {
  const kernel = Buffer.from(linkedFile({ bits: 64, segments: [{ size: 200_000 }] }).bytes);
  kernel.write(`${text}\0`, 70_000, "latin1");
  return kernel;
}

const settingsOf = (settings: SystemInfo["loaderConf"]) =>
  settings.map(({ file, line, name, value }) => `${file}:${line} ${name}=${value}`);

it("the kernel of illumos is where its loader finds it", async () => {
  const files = {
    "/boot/forth/loader.4th": "",
    "/boot/defaults/loader.conf": `kernel="i86pc/kernel/\${ISADIR}"\nbootfile="unix"\n`,
    "/platform/i86pc/kernel/amd64/unix": kernelWith("SunOS"),
  };
  const { architecture, kernel } = await systemOf(files);
  expect([kernel?.value, architecture]).toEqual(["/platform/i86pc/kernel/amd64/unix", "amd64"]);
  const absolute = { ...files, "/boot/loader.conf": `bootfile="/platform/i86xpv/kernel/\${ISADIR}/unix"\n` };
  expect((await systemOf(absolute)).kernel?.value).toBe("/platform/i86xpv/kernel/amd64/unix");
});

describe("the interpreter", () => {
  const from = async (files: Record<string, string>) => (await systemOf(files)).interpreter;

  it("is told with the file that asks for it", async () => {
    expect(await from({ "/boot/loader": "$Interpreter:lua\0" })).toEqual({
      value: "lua",
      file: "/boot/loader",
      offset: 0,
    });
    expect(await from({ "/boot/loader": "old" })).toEqual({ value: "4th", file: "/boot/loader" });
    const dragonfly = { value: "simp", file: "/boot/dloader.rc" };
    expect(await from({ "/boot/dloader.rc": "menu" })).toEqual(dragonfly);
    expect(await from({ "/boot/loader": "old", "/boot/dloader.rc": "menu" })).toEqual(dragonfly);
    expect(await from({ "/dloader.rc": "menu" })).toEqual({ value: "simp", file: "/dloader.rc" });
  });
});

describe("the loader's configuration", () => {
  it("is read in the order in which the scripts read it", async () => {
    const system = await systemOf({
      "/boot/defaults/loader.conf": `# defaults
loader_conf_files="/boot/device.hints /boot/loader.conf /boot/loader.conf.local"
loader_conf_dirs="/boot/loader.conf.d"
kernel="kernel"
`,
      "/boot/loader.conf": `
kernel = "kernel.old"	# a comment
  vfs.root.mountfrom='ufs:/dev/ada0p2'
hint.acpi.0.disabled=1 # none
odd="a \\"quoted\\" \\\\ value"
loader_conf_files="/boot/more.conf"
`,
      "/boot/loader.conf.local": 'local="yes"\n',
      "/boot/more.conf": 'more="1"\n',
      "/boot/loader.conf.d/20.conf": 'second="2"\n',
      "/boot/loader.conf.d/10.conf": 'first="1"\n',
      "/boot/loader.conf.d/readme": 'not="read"\n',
      "/boot/kernel/kernel": kernelWith("nothing"),
      "/boot/kernel.old/kernel": kernelWith("nothing"),
    });
    expect(settingsOf(system.loaderConf)).toEqual([
      "/boot/defaults/loader.conf:2 loader_conf_files=/boot/device.hints /boot/loader.conf /boot/loader.conf.local",
      "/boot/defaults/loader.conf:3 loader_conf_dirs=/boot/loader.conf.d",
      "/boot/defaults/loader.conf:4 kernel=kernel",
      "/boot/loader.conf:2 kernel=kernel.old",
      "/boot/loader.conf:3 vfs.root.mountfrom=ufs:/dev/ada0p2",
      "/boot/loader.conf:4 hint.acpi.0.disabled=1",
      '/boot/loader.conf:5 odd=a "quoted" \\ value',
      "/boot/loader.conf:6 loader_conf_files=/boot/more.conf",
      "/boot/more.conf:1 more=1",
      "/boot/loader.conf.d/10.conf:1 first=1",
      "/boot/loader.conf.d/20.conf:1 second=2",
    ]);
    expect(system.kernel).toEqual({ value: "/boot/kernel.old/kernel", file: "/boot/loader.conf" });
    expect(system.root).toEqual({ value: "ufs:/dev/ada0p2", file: "/boot/loader.conf" });
    expect(system.kernels.map(({ path }) => path)).toEqual(["/boot/kernel/kernel", "/boot/kernel.old/kernel"]);
    expect(system.problems).toEqual([]);
  });

  it("has lines that are none, which are said", async () => {
    const { loaderConf, problems } = await systemOf({
      "/boot/loader.conf": 'good="1"\nwhat is this\nopen="never closed\nend=2\n',
      "/boot/kernel/kernel": kernelWith("x"),
    });
    expect(settingsOf(loaderConf)).toEqual([
      "/boot/loader.conf:1 good=1",
      "/boot/loader.conf:3 open=never closed",
      "/boot/loader.conf:4 end=2",
    ]);
    expect(problems).toEqual([
      "/boot/loader.conf:2: no assignment",
      "/boot/loader.conf:3: the quote isn't closed",
      "/boot/defaults/loader.conf: missing, without which the scripts may not read /boot/loader.conf",
    ]);
  });

  it("may hold anything: what is told of it is an answer", { timeout: 60_000 }, async () => {
    const anything = fc.oneof(
      fc.uint8Array({ maxLength: 3000 }),
      fc
        .array(fc.constantFrom('a="', '"', "\\", "=", "#", "\n", "'", " ", "loader_conf_files=", "/boot/loader.conf"))
        .map((parts) => Buffer.from(parts.join(""))),
    );
    const property = fc.asyncProperty(anything, anything, anything, async (conf, fstab, rc) => {
      const system = await systemOf({
        "/boot/loader.conf": conf,
        "/etc/fstab": fstab,
        "/etc/rc.conf": rc,
        "/boot/kernel/kernel": kernelWith("x"),
      });
      expect(system.device).toBe("disk0:");
    });
    await fc.assert(property, { numRuns: 60 });
  });

  it("names itself over and over without an end of that", async () => {
    const files = Object.fromEntries(
      Array.from({ length: 80 }, (_, i) => [
        `/boot/c${i}.conf`,
        `loader_conf_files="/boot/c${i + 1}.conf /boot/c0.conf"\n`,
      ]),
    );
    const { loaderConf } = await systemOf({ ...files, "/boot/loader.conf": 'loader_conf_files="/boot/c0.conf"\n' });
    expect(loaderConf.length).toBeLessThan(66);
  });
});

describe("the rest of a system", () => {
  it("is told with its files", async () => {
    const text =
      "FreeBSD 13.2-RELEASE-p4 #7 releng/13.2-n254617: Fri Nov  1 00:01:02 UTC 2026\n    root@host:/usr/obj GENERIC\n";
    const system = await systemOf({
      "/bin/freebsd-version": '#!/bin/sh\nUSERLAND_VERSION="13.2-RELEASE-p5"\n',
      "/boot/loader": "text $Interpreter:lua\0 more",
      "/boot/lua/loader.lua": "",
      "/boot/kernel/kernel": kernelWith(text),
      "/boot/kernel/linker.hints": kernelHints(1_302_001),
      "/boot/kernel.gz/kernel.gz": gzipSync(kernelWith("FreeBSD 12.1-RELEASE r354233 GENERIC\n")),
      "/etc/rc.conf": 'hostname="one.example"\nsshd_enable=YES\n',
      "/etc/rc.conf.local": "hostname='two.example'\n",
      "/etc/fstab": "# a comment\n/dev/ada0p2\t/\tufs\trw\t1\t1\nshort /\n/dev/ada0p3 none swap sw 0 0\n",
    });
    expect(system).toMatchObject({
      device: "disk0:",
      release: { value: "13.2-RELEASE-p5", file: "/bin/freebsd-version" },
      osreldate: { value: 1_302_001, file: "/boot/kernel/linker.hints" },
      architecture: "amd64",
      interpreter: { value: "lua", file: "/boot/loader", offset: 5 },
      hostname: { value: "two.example", file: "/etc/rc.conf.local" },
      root: { value: "ufs:/dev/ada0p2", file: "/etc/fstab" },
      problems: ["/etc/fstab:3: 2 fields"],
    });
    expect(system.missing).toBeUndefined();
    expect(system.fstab).toMatchObject([
      { device: "/dev/ada0p2", mountPoint: "/", fsType: "ufs", options: "rw", line: 2 },
      { device: "/dev/ada0p3", mountPoint: "none", fsType: "swap", line: 4 },
    ]);
    expect(system.kernels).toEqual([
      {
        path: "/boot/kernel/kernel",
        machine: "amd64",
        version: text.replace(/\s+/g, " ").trim(),
        built: "Fri Nov  1 00:01:02 UTC 2026",
        osreldate: 1_302_001,
      },
      { path: "/boot/kernel.gz/kernel", machine: "amd64", version: "FreeBSD 12.1-RELEASE r354233 GENERIC" },
    ]);
  });

  it("lacks what it lacks: a loader without a mark means Forth, no kernel is the first thing missing", async () => {
    const system = await systemOf({ "/boot/loader": "old", "/etc/fstab": "/dev/x / ufs rw\n" });
    expect(system.interpreter).toEqual({ value: "4th", file: "/boot/loader" });
    expect(system.missing).toBe("kernel: /boot/kernel/kernel: no such file or directory");
  });

  it("is of the kernel's release where no userland tells its own", async () => {
    const system = await systemOf({ "/boot/kernel/kernel": kernelWith("FreeBSD 14.1-STABLE stable/14-n268 GENERIC") });
    expect(system.release).toEqual({ value: "14.1-STABLE", file: "/boot/kernel/kernel" });
    expect(system.kernels[0]?.built).toBeUndefined();
  });

  it("is asked for of another device, and the current one stays", async () => {
    const disks = [
      ufsDisk({ "/boot/loader": Buffer.from("a") }),
      ufsDisk({ "/etc/rc.conf": Buffer.from("hostname=second\n") }),
    ];
    const guest = await inspect({ disks, isolation: "none" });
    expect((await guest.system("disk1:")).hostname?.value).toBe("second");
    expect((await guest.system()).hostname).toBeUndefined();
    expect((await guest.list("/boot")).map(({ name }) => name)).toEqual(["loader"]);
    await guest.close();
  });
});

describe("what volumes say of themselves", () => {
  const tree = new Map([["/file", Buffer.alloc(100_000, 1)]]);
  const volumeOf = (make: (image: string, root: string) => void) => {
    using scratch = new Scratch();
    const root = join(scratch.path, "tree");
    writeTree(root, tree);
    const image = join(scratch.path, "image");
    make(image, root);
    return looked(imageAt(image), async (guest) => guest.volumes[0]!);
  };

  it.skipIf(!programs("makefs"))("UFS", async () => {
    const made = (version: number, clean: number) =>
      volumeOf((image, root) => {
        run("makefs", "-t", "ffs", "-s", "8m", "-o", `version=${version}`, image, root);
        // Debian's makefs gives no label.
        const bytes = Buffer.from(imageAt(image));
        const magic = version === 1 ? 0x011954 : 0x19540119;
        const at = [65_536, 8192].find((offset) => bytes.readUInt32LE(offset + 1372) === magic)!;
        bytes.write("mine\0", at + 680);
        bytes.writeUInt8(clean, at + 209);
        writeFileSync(image, bytes);
      });
    for (const version of [1, 2]) {
      const volume = await made(version, 1);
      const known = { fileSystem: "ufs", kind: `UFS${version}`, label: "mine", clean: true, capacity: 8 << 20 };
      expect(volume).toMatchObject(known);
      expect(volume.used).toBeGreaterThan(100_000);
      expect(volume.used).toBeLessThan(1 << 20);
      expect((await made(version, 0)).clean).toBe(false);
    }
  });

  it.skipIf(!programs("mke2fs", "debugfs"))("ext", async () => {
    const made = (kind: string, ...more: string[]) =>
      volumeOf((image, root) => {
        run("mke2fs", "-q", "-t", kind, "-L", "mine", "-d", root, image, "20M");
        if (more.length > 0) run("debugfs", "-w", "-R", more.join(" "), image);
      });
    for (const kind of ["ext2", "ext3", "ext4"])
      expect(await made(kind)).toMatchObject({
        fileSystem: "ext",
        kind,
        label: "mine",
        clean: true,
        capacity: 20 << 20,
      });
    expect(await made("ext2", "ssv", "state", "0")).toMatchObject({ clean: false });
    expect((await made("ext4")).used).toBeGreaterThan(100_000);
  });

  it.skipIf(!programs("mkfs.vfat"))("FAT", async () => {
    const volume = await volumeOf((image) => {
      writeFileSync(image, Buffer.alloc(40 << 20));
      run("mkfs.vfat", "-F", "32", "-n", "MINE", image);
    });
    expect(volume).toMatchObject({ fileSystem: "msdos", kind: "FAT32", label: "MINE" });
  });

  it.skipIf(!programs("xorriso"))("ISO 9660", async () => {
    const volume = await volumeOf(
      (image, root) => void run("xorriso", "-as", "mkisofs", "-quiet", "-R", "-V", "MINE", "-o", image, root),
    );
    expect(volume).toMatchObject({ fileSystem: "cd9660", kind: "Rock Ridge", label: "MINE" });
  });

  it("that they are cut off, with a partition table or without", async () => {
    const whole = guestImage("amd64-ufs2-gpt");
    const [start, size, there] = [86_016, 1_048_576, 524_288];
    const problemsOf = (disk: Uint8Array) => looked(disk, async (guest) => guest.volumes.at(-1)!.problems);
    const said = (at: number) => [`disk0 offset ${at}: file system: of ${size} bytes only ${there} are there`];
    expect(await problemsOf(whole.slice(start, start + there))).toEqual(said(0));
    expect(await problemsOf(whole.slice(0, start + there))).toEqual(said(start));
    expect(await problemsOf(whole.slice(start, start + size))).toEqual([]);
    expect(await problemsOf(whole)).toEqual([]);
  });
});
