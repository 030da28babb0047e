// The vulnerabilities of other loaders, replayed: each test has the pattern of the original, made for the parts of
// this loader where it would live.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { userboot } from "../support/cli.js";
import { linkedFile } from "../support/elf_image.js";
import { prompt, typeKeys } from "../support/prompt.js";
import { Scratch } from "../support/scratch.js";
import { bytesOf, type SparseDisk } from "../support/sparse_disk.js";
import { UfsImage, ufsDisk } from "../support/ufs_image.js";
import { CANARY, COMMANDS, number, provesNothing } from "./attacker.js";

const UFS = { version: 2, blockSize: 4096, fragmentSize: 4096, superblockAt: 65536 } as const;

const scratch = new Scratch();
afterAll(() => scratch[Symbol.dispose]());
const canary = scratch.file("canary", `${CANARY}\n`);

/** A file system with a symbolic link `/link` and what `harm` does to it. */
function linkImage(target: string, harm: (disk: SparseDisk, inode: number, image: UfsImage) => void): SparseDisk {
  const image = new UfsImage(UFS);
  const inode = image.link(image.root, "link", target);
  image.file(image.root, "file", "untouched\n");
  const made = image.finish();
  harm(made, image.inodeOffset(inode), image);
  return made;
}

/** Uses `path` in every way, and shows that the loader still works. */
async function survives(made: SparseDisk, path: string) {
  const commands = [`more ${path}`, `ls -l ${path}`, `load ${path}`, `include ${path}`, "echo alive"];
  const { diagnostics, result, text } = await prompt([made], commands);
  expect(result.error?.name).toBe("InputEndedError");
  // Lines of an included file come with prompts of their own.
  expect(text).toContain("alive\n");
  expect(result.memoryFaults).toBe(0);
  return { text, diagnostics };
}

/** The size field of a UFS2 inode, and of the superblock how many bytes of links are in inodes. */
const INODE_SIZE = 16;
const MAX_SYMLINK = 1320;

describe("CVE-2025-0677: a UFS link's size that wraps when one is added", () => {
  it.each([2n ** 64n - 1n, 2n ** 63n, 2n ** 63n - 1n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 31n - 1n])(
    "size %i",
    async (size) => {
      for (const target of ["file", "x".repeat(300)]) {
        const made = linkImage(target, (to, inode) => to.write(inode + INODE_SIZE, number(size, 8)));
        const { text } = await survives(made, "/link");
        expect(text).not.toContain("untouched");
      }
    },
  );
});

describe("CVE-2024-45781: a UFS link whose text is longer than what was made for it", () => {
  it.each([119n, 120n, 121n, 256n, 1023n, 1024n, 1025n, 4096n, 65_536n])(
    "%i bytes without an end, in the inode as the superblock claims",
    async (size) => {
      for (const inInode of [2n ** 31n - 1n, 2n ** 32n - 1n, 120n, 0n]) {
        const made = linkImage("file", (to, inode, image) => {
          to.write(image.superblockOffset + MAX_SYMLINK, number(inInode, 4));
          to.write(inode + INODE_SIZE, number(size, 8));
          to.write(inode + 112, Buffer.alloc(144, "A"));
        });
        await survives(made, "/link");
      }
    },
  );
});

describe("XSA-443 (CVE-2023-34325): a file system's numbers reach into the memory of who reads it", () => {
  const VALUES = [0n, 1n, 2n, 511n, 4097n, 2n ** 16n, 2n ** 20n, 2n ** 31n - 1n, 2n ** 31n, 2n ** 32n - 1n];
  /** Fields of the superblock that say how large something is: all that this reader uses. */
  const FIELDS = [16, 44, 48, 52, 56, 184, 188, MAX_SYMLINK];

  it.each(FIELDS)("the superblock's field at %i", async (field) => {
    for (const value of VALUES) {
      const made = linkImage("file", (to, _, image) => to.write(image.superblockOffset + field, number(value, 4)));
      await survives(made, "/link");
    }
  });

  it.each([
    ["a record longer than its block", 4, [0xff, 0xff]],
    ["a record of no length", 4, [0, 0]],
    ["a record shorter than its name", 4, [8, 0]],
    ["a record that isn't aligned", 4, [13, 0]],
    ["a name longer than its record", 7, [255]],
    ["an inode beyond all", 0, [0xff, 0xff, 0xff, 0xff]],
  ])("a directory with %s", async (_, at, bytes) => {
    const image = new UfsImage(UFS);
    image.file(image.root, "file", "x");
    const made = image.finish();
    const address = Buffer.alloc(8);
    made.read(image.inodeOffset(image.root) + 112, address);
    // After `.` and `..`, 12 bytes each.
    made.write(Number(address.readBigUInt64LE()) * UFS.fragmentSize + 24 + at, Uint8Array.from(bytes));
    await survives(made, "/file");
    await survives(made, "/");
  });
});

describe("CVE-2022-23523: ELF headers that lead past the end of the file", () => {
  const kernel = () => linkedFile({ bits: 64, segments: [{ size: 5000 }, { size: 5000, writable: true }] }).bytes;
  /** Places in the file header and in the first program header. */
  const PLACES = { e_phoff: 32, e_shoff: 40, p_offset: 64 + 8, p_filesz: 64 + 32, p_memsz: 64 + 40 };
  const cases = Object.entries(PLACES).flatMap(([name, at]) =>
    [20_000n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 63n - 1n, 2n ** 64n - 4096n, 2n ** 64n - 1n].map(
      (value) => [name, value, at] as const,
    ),
  );

  it.each(cases)("%s of %i", async (name, value, at) => {
    const bytes = kernel();
    number(value, 8).copy(bytes, at);
    const { result, output } = await prompt({ "/kernel": bytes }, ["load /kernel", "boot", "echo alive"], {
      limits: { fuel: 50_000_000, diskBytes: 64 * 1024 * 1024 },
    });
    // Symbols aren't needed, and memory behind the file's bytes is zeros, within the address space.
    if (name === "e_shoff" || (name === "p_memsz" && value < 2n ** 31n)) return expect(result.reason).toBe("exec");
    expect(result).toMatchObject({ reason: "error", error: { name: "InputEndedError" } });
    expect(output.join("")).toMatch(/no bootable kernel|can't load/);
    expect(result.diagnostics.join()).toMatch(/ELF/);
    expect(output).toContain("alive\n");
  });

  it.each([0, 1, 63, 64, 100, 120, 300, 4096, 5000])("a file that ends after %i bytes", async (size) => {
    const { result, output } = await prompt({ "/kernel": kernel().subarray(0, size) }, ["load /kernel", "boot"]);
    expect(result).toMatchObject({ reason: "error", error: { name: "InputEndedError" } });
    expect(output.join("")).toContain("can't");
  });
});

describe("CVE-2010-3851: an image's format is not guessed from what the guest wrote", () => {
  /** Headers of image formats that name another file, the host's, as what is behind them. */
  const HEADERS: Record<string, (path: string) => Buffer> = {
    qcow2(path) {
      const header = Buffer.alloc(512);
      header.write("QFI\xfb", 0, "latin1");
      header.writeUInt32BE(2, 4);
      header.writeBigUInt64BE(104n, 8);
      header.writeUInt32BE(path.length, 16);
      header.writeUInt32BE(16, 20);
      header.writeBigUInt64BE(1n << 20n, 24);
      header.write(path, 104);
      return header;
    },
    qed(path) {
      const header = Buffer.alloc(512);
      header.write("QED\0", 0, "latin1");
      header.writeUInt32LE(65536, 4);
      header.writeUInt32LE(1, 16);
      header.writeUInt32LE(104, 56);
      header.writeUInt32LE(path.length, 60);
      header.write(path, 104);
      return header;
    },
    vmdk: (path) =>
      Buffer.from(`# Disk DescriptorFile\nversion=1\ncreateType="monolithicFlat"\nRW 2048 FLAT "${path}" 0\n`),
    gzip: () => Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]),
    url: () => Buffer.from("http://127.0.0.1:9/disk.img\n"),
    link: (path) => Buffer.from(`!<symlink>${path}\0`),
  };

  it.each(Object.keys(HEADERS))("%s", async (format) => {
    const made = ufsDisk({ "/file": "plain content\n" });
    made.write(0, HEADERS[format]!(canary));
    // The name says as little about the format as the content does.
    const image = scratch.file(`guest.${format === "gzip" ? "img" : format}`, bytesOf(made));
    const args = ["boot", "-d", image, "--start", "simp", "--interface", "4", "--clock", "virtual", "-m", "64"];
    const keys = "lsdev -v\\rmore /file\\r";
    const { stdout, stderr, status } = userboot([...args, "--input", keys]);
    expect(stdout + stderr).not.toContain(CANARY);
    if (["url", "link"].includes(format)) {
      expect(stdout).toContain("plain content");
    } else {
      expect(stderr).toMatch(new RegExp(`^userboot: ${image}: looks like a \\w+ file: .*\n$`));
      expect(status).toBe(2);
    }
    // As raw it is what it holds; as what it looks like, it gets no file that wasn't granted.
    const raw = userboot([...args.with(2, `raw:${image}`), "--input", keys]);
    expect(raw.stdout).toContain("plain content");
    expect(raw.stdout + raw.stderr).not.toContain(CANARY);
    if (format !== "qcow2" && format !== "vmdk") return;
    const opened = userboot([...args.with(2, `${format}:${image}`), "--input", keys]);
    expect(opened.stderr).toMatch(new RegExp(`^userboot: ${image}: offset \\d+: ${format} .*\n$`));
    expect(opened.status).toBe(2);
    expect(opened.stdout + opened.stderr).not.toContain(CANARY);
  });
});

describe("CVE-2007-4993: nothing in a guest's configuration is a command of the host", () => {
  const PAYLOADS = [
    ...COMMANDS,
    '"; touch PROOF; "',
    "\\n touch PROOF",
    '"+str(0*__import__("os").system("touch PROOF"))+"',
  ];

  it("scripts, variables, kernel names and arguments", () => {
    const lines = PAYLOADS.flatMap((payload) => [
      `-${payload}`,
      `-set kernel=${payload}`,
      `-set "kernel_options=${payload}"`,
      `-set "exec=${payload}"`,
      `-load "/boot/${payload}"`,
      `-include ${payload}`,
      `-echo ${payload}`,
      `-boot "${payload}"`,
      `-set prompt=${payload}`,
    ]);
    const made = ufsDisk({
      "/boot/loader.rc": `${lines.join("\n")}\n`,
      "/boot/loader.conf": PAYLOADS.map((payload) => `kernel="${payload}"\nexec="${payload}"\n`).join(""),
      "/boot/loader": `$Interpreter:simp\0`,
    });
    // The script was run.
    provesNothing(join(scratch.path, "commands"), bytesOf(made), "touch PROOF");
  });
});

describe("CVE-2024-25940: a guest's script reads the host through the directory that was granted", () => {
  it("whatever it calls the file", async () => {
    const granted = join(scratch.path, "granted");
    mkdirSync(join(granted, "sub"), { recursive: true });
    writeFileSync(join(granted, "notes"), "granted content\n");
    const paths = [
      "/../canary",
      "/sub/../../canary",
      "../canary",
      canary,
      `//${canary}`,
      "/./.././canary",
      "/etc/passwd",
    ];
    const script = paths.flatMap((path) =>
      ["host:", "host0:", "host1:"].flatMap((device) => [
        `-more ${device}${path}`,
        `-include ${device}${path}`,
        `-load -t md_image ${device}${path}`,
        `-set currdev=${device}`,
        `-more ${path}`,
        "-set currdev=disk0:",
      ]),
    );
    const bytes = bytesOf(ufsDisk({ "/boot/loader.rc": `${script.join("\n")}\nmore host0:/notes\n` }));
    for (const isolation of ["thread", "process", "none"] as const) {
      const options = { disks: [bytes], hostTrees: [granted], env: ["LINES=10000", "autoboot_delay=NO"] };
      const { result, text } = await typeKeys([], { ...options, start: "simp", interfaceVersion: 4, isolation });
      expect(result.error?.name).toBe("InputEndedError");
      expect(text).toContain("granted content");
      expect(text).not.toContain(CANARY);
      expect(text).not.toContain("root:");
      expect(Buffer.from(result.guestMemory.bytes).includes(CANARY)).toBe(false);
    }
  });
});
