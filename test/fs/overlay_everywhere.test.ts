// Overlays (docs/overlays.md) through every file system, by everything that opens files, in every isolation, under the operator's
// eyes, and within the budgets.

import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { type BootOptions, boot, type DiskSource, KeysConsole, type OverlayMap } from "userboot-wasm";
import { describe, expect, it } from "vitest";
import { linkedFile, linkerHints, objectFile } from "../support/elf_image.js";
import { INSTALLED } from "../support/flavours.js";
import { GUESTS, guestImage } from "../support/guests.js";
import { disksOf, poolsIn } from "../support/pools.js";
import { guestBytes, MIB, prompt, typeKeys } from "../support/prompt.js";
import { Scratch } from "../support/scratch.js";
import { bytesOf } from "../support/sparse_disk.js";
import { imageAt, imageOf, programs, run, type Tree, writeTree } from "../support/trees.js";
import { type Files, UfsImage, ufsDisk } from "../support/ufs_image.js";

const bytes = (text: string | Buffer): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(typeof text === "string" ? Buffer.from(text, "latin1") : text);
const shown = (path: string, content: string) => `*** FILE ${path} BEGIN ***\n${content}*** FILE ${path} END ***\n`;
const sha256 = (content: Uint8Array) => createHash("sha256").update(content).digest("hex");

const GUEST: Tree = new Map<string, Buffer>([
  ["/boot/loader.conf", Buffer.from("the guest's\n")],
  ["/boot/hidden", Buffer.from("hidden\n")],
  ["/boot/kernel/one", Buffer.from("one\n")],
]);
const OVERLAY = {
  "/boot/loader.conf": bytes("ours\n"),
  "/boot/hidden": null,
  "/boot/kernel/two": bytes("two\n"),
  "/only/here/three": bytes("three\n"),
};

/** What the loader finds on a disk with GUEST under OVERLAY; `device` is put before the paths. */
async function expectOverlay(disks: readonly DiskSource[], options: BootOptions = {}, lists = "ls", top = "") {
  const path = (name: string) => top + name;
  const overlay = Object.fromEntries(Object.entries(OVERLAY).map(([name, content]) => [path(name), content]));
  const { output, result } = await prompt(
    disks,
    [
      ...["/boot/loader.conf", "/boot/hidden", "/boot/kernel/one", "/boot/kernel/two", "/only/here/three"].map(
        (name) => `more ${path(name)}`,
      ),
      ...["/boot", "/boot/kernel", "/only", "/only/here"].map((name) => `${lists} ${path(name)}`),
    ],
    { ...options, overlay },
  );
  expect(output[0]).toBe(shown(path("/boot/loader.conf"), "ours\n"));
  expect(output[1]).toContain("no such file");
  expect(output[2]).toBe(shown(path("/boot/kernel/one"), "one\n"));
  expect(output[3]).toBe(shown(path("/boot/kernel/two"), "two\n"));
  expect(output[4]).toBe(shown(path("/only/here/three"), "three\n"));
  const names = output.slice(5).map((text) =>
    text
      .split("\n")
      .slice(1, -1)
      .map((line) => line.slice(1).trim())
      .sort(),
  );
  expect(names).toEqual([["d  kernel", "loader.conf"], ["one", "two"], ["d  here"], ["three"]]);
  expect(result.overlay?.every(({ used }) => used)).toBe(true);
}

/** An image that a program makes of a tree. */
const made = (make: (root: string, image: string, scratch: Scratch) => void, tree = GUEST): Uint8Array =>
  imageOf(tree, make);

const fat = (tree = GUEST) =>
  made((root, image) => {
    run("truncate", "-s", "8M", image);
    run("mkfs.vfat", "-F", "16", "-s", "1", image);
    run("mcopy", "-s", "-Q", "-i", image, ...readdirSync(root).map((name) => join(root, name)), "::/");
  }, tree);

describe("an overlay is the same over", () => {
  const files = Object.fromEntries(GUEST) as Files;

  it("UFS", () => expectOverlay([ufsDisk(files)]));

  it.skipIf(!programs("mkfs.vfat", "mcopy"))("FAT, whose names are the same in capitals", async () => {
    await expectOverlay([fat()]);
    const tree: Tree = new Map([["/BOOT/LOADER.CONF", Buffer.from("the guest's\n")]]);
    const { output } = await prompt([fat(tree)], ["more /Boot/Loader.Conf", "ls /boot", "ls /", "ls /bOOt/kernel"], {
      overlay: { "/boot/loader.conf": bytes("ours\n"), "/Boot/kernel/x": bytes("") },
    });
    expect(output[0]).toBe(shown("/Boot/Loader.Conf", "ours\n"));
    expect(output[1]?.toLowerCase()).toBe("/boot\n    loader.conf\n d  kernel\n");
    expect(output[2]?.toLowerCase()).toBe("/\n d  boot\n");
    expect(output[3]).toBe("/bOOt/kernel\n    x\n");
  });

  it.skipIf(!programs("mke2fs", "debugfs"))("ext", () =>
    expectOverlay([made((root, image) => run("mke2fs", "-q", "-F", "-t", "ext4", "-d", root, image, "8M"))]),
  );

  it.skipIf(!programs("xorriso"))("ISO 9660 with Rock Ridge", () =>
    expectOverlay([made((root, image) => run("xorriso", "-as", "mkisofs", "-quiet", "-R", "-o", image, root))]),
  );

  it("a granted directory", () =>
    expectOverlay([], { hostTrees: [new Map([...GUEST].map(([k, v]) => [k, v as Buffer]))] }));

  it("ZFS, its links, and another data set", async () => {
    const pools = poolsIn("images/pools")!;
    const disks = await disksOf(pools, "compressions");
    // The pool's own loader.rc loads everything and counts down, which a key ends.
    const lines = [
      "set prompt=\x01",
      "more /boot/notes.txt",
      "more /link",
      "more /new/file",
      "ls /",
      "more zfs:zroot/ROOT/default:/boot/notes.txt",
      "more zfs:zroot:/top",
      "ls zfs:zroot:/",
    ];
    const { text, result } = await typeKeys([" ", ...lines.map((line) => `${line}\r`)], {
      disks,
      start: "simp",
      interfaceVersion: 4,
      overlay: {
        "/boot/notes.txt": bytes("ours\n"),
        "/files/t513": bytes("by a link\n"),
        "/new/file": bytes("new\n"),
        "zfs:zroot:/top": bytes("top\n"),
        "/boot/kernel/ubdemo.ko": null,
      },
    });
    const output = text.split("\x01 ").map((part) => part.slice(part.indexOf("\n") + 1));
    expect(output.slice(1, 4)).toEqual([
      shown("/boot/notes.txt", "ours\n"),
      shown("/link", "by a link\n"),
      shown("/new/file", "new\n"),
    ]);
    expect(output[4]).toContain(" d  new\n");
    expect(output[5]).toContain("\nours\n");
    expect(output[6]).toContain("\ntop\n");
    expect(output[7]).toContain("    top\n");
    expect(output[4]).not.toContain("top");
    expect(result.overlay?.map(({ used }) => used)).toEqual([true, true, true, true, true]);
  });
});

const KERNEL = linkedFile({ bits: 64, segments: [{ size: 8000 }] });
const OTHER = linkedFile({ bits: 64, segments: [{ size: 300_000 }, { size: 5000, writable: true }] });

describe("what opens files", () => {
  it("a boot with another loader.conf enters the other kernel, and nothing is written", async () => {
    using scratch = new Scratch();
    const guest = ufsDisk({
      "/boot/loader.rc": "include /boot/loader.conf\nload $kernel\nautoboot 0\n",
      "/boot/loader.conf": "set kernel=/boot/kernel/kernel\n",
      "/boot/kernel/kernel": KERNEL.bytes,
      "/boot/kernel.old/kernel": OTHER.bytes,
    });
    const image = scratch.file("disk.img", bytesOf(guest));
    const digest = sha256(imageAt(image));
    const entered = async (overlay?: OverlayMap) => {
      const { result } = await typeKeys([], {
        disks: [image],
        start: "simp",
        interfaceVersion: 4,
        env: [],
        ...(overlay && { overlay }),
      });
      expect(result.reason).toBe("exec");
      return result;
    };
    expect((await entered()).modules[0]?.name).toBe("/boot/kernel/kernel");
    const other = await entered({ "/boot/loader.conf": bytes("set kernel=/boot/kernel.old/kernel\n") });
    expect(other.modules[0]?.name).toBe("/boot/kernel.old/kernel");
    const [{ at, size }] = OTHER.segments as [(typeof OTHER.segments)[0]];
    expect(guestBytes(other, at, size).equals(OTHER.bytes.subarray(0, size))).toBe(true);
    expect(sha256(imageAt(image))).toBe(digest);
  });

  it("kernels, modules and raw files go to guest memory, plain and compressed, as those of the disk do", async () => {
    const module = objectFile({ versions: [{ name: "demo", version: 1 }] });
    const raw = createHash("sha512").update("raw").digest();
    const boots = ["load /boot/kernel/kernel", "load demo", "load -t raw /raw", "boot"];
    const files = {
      "/boot/kernel/kernel": OTHER.bytes,
      "/boot/kernel/linker.hints": linkerHints([{ module: "demo", version: 1, file: "demo_file.ko" }]),
      "/boot/kernel/demo_file.ko": module,
      "/raw": raw,
    };
    const env = ["module_path=/boot/kernel"];
    const onDisk = await prompt(files, boots, { env, digests: true });
    expect(onDisk.result.reason).toBe("exec");
    const laid = Object.fromEntries(
      Object.entries(files).map(([path, content]) => [path, bytes(Buffer.from(content))]),
    );
    const over = await prompt({ "/etc/x": "x" }, boots, { env, digests: true, overlay: laid });
    expect(over.result.error).toBeUndefined();
    expect(over.result.memory).toEqual(onDisk.result.memory);
    expect(over.result.modules.map(({ name }) => name)).toEqual(onDisk.result.modules.map(({ name }) => name));
    expect(over.result.modules).toHaveLength(3);
    const zipped = {
      ...laid,
      "/boot/kernel/kernel": null,
      "/boot/kernel/kernel.gz": bytes(gzipSync(OTHER.bytes)),
    };
    const packed = await prompt(files, boots, { env, digests: true, overlay: zipped });
    const kernel = (of: typeof packed) => of.result.memory[0];
    expect(kernel(packed)).toEqual(kernel(onDisk));
  });

  it("the interpreter's mark and the guest's release are looked for in it", async () => {
    const options = { start: "simp", interfaceVersion: 5, limits: {} } as const;
    const { result } = await prompt({ "/boot/loader": "$Interpreter:simp\0" }, [], {
      ...options,
      overlay: {
        "/boot/loader": bytes("xx$Interpreter:nosuch\0"),
        "/bin/freebsd-version": bytes('USERLAND_VERSION="14.1-RELEASE"\n'),
      },
    });
    expect(result.swapRequests.map(({ name }) => name)).toEqual(["nosuch"]);
    expect(result.interpreterChecks).toEqual([{ flavour: "simp", found: "mark", offset: 2 }]);
    const there = await prompt({ "/boot/loader": "$Interpreter:simp\0" }, [], {
      ...options,
      overlay: { "/bin/freebsd-version": bytes('USERLAND_VERSION="14.1-RELEASE"\n') },
    });
    expect(there.result.profile).toMatchObject({ generation: 14, release: "14.1" });
  });

  it.runIf(INSTALLED.includes("4th"))("it is there after a change of interpreters", async () => {
    const { text, result } = await typeKeys(["ls /boot\r", "quit\r"], {
      disks: [ufsDisk({ "/boot/loader": "$Interpreter:simp\0" })],
      start: "simp",
      overlay: { "/boot/loader": bytes("$Interpreter:4th\0"), "/boot/never": null, "/boot/new": bytes("") },
    });
    expect(result.swaps).toEqual(["4th"]);
    expect(text).toContain("/boot\n    loader\n    new\n");
    expect(result.overlay?.map(({ used }) => used)).toEqual([true, false, false]);
  });

  it("hooks and measuring see its files as any", async () => {
    const seen: string[] = [];
    const overlay = { "/boot/kernel/kernel": bytes(OTHER.bytes), "/boot/denied": bytes("denied\n") };
    const options: BootOptions = {
      overlay,
      measure: true,
      hooks: {
        onFile({ path, sha256, size, device }) {
          seen.push(`${device}${path} ${size} ${sha256}`);
          return path === "/boot/denied" ? { deny: "no" } : undefined;
        },
      },
    };
    const { result } = await prompt(
      { "/boot/kernel/kernel": KERNEL.bytes },
      ["load /boot/kernel/kernel", "boot"],
      options,
    );
    expect(result.reason).toBe("exec");
    expect(seen).toEqual([`disk0:/boot/kernel/kernel ${OTHER.bytes.length} ${sha256(OTHER.bytes)}`]);
    expect(result.measurements?.files.map(({ sha256 }) => sha256)).toEqual([sha256(OTHER.bytes)]);
    const denied = await prompt({ "/x": "" }, ["more /boot/denied"], options);
    expect(denied.result.error).toMatchObject({ name: "PolicyError", subject: "file disk0:/boot/denied" });
  });

  it("what is looked at afterwards isn't used", async () => {
    const { result } = await prompt({ "/x": "" }, ["quit"], {
      overlay: { "/boot/kernel/kernel": bytes(KERNEL.bytes), "/boot/loader": bytes("x") },
    });
    expect(result.bootProblem?.find(({ name }) => name.endsWith("/boot/kernel/kernel"))?.found).toContain("amd64");
    expect(result.overlay?.map(({ used }) => used)).toEqual([false, false]);
  });
});

describe("in every isolation", () => {
  it.each(["none", "thread", "process"] as const)("%s", async (isolation) => {
    using scratch = new Scratch();
    writeTree(
      join(scratch.path, "over"),
      new Map([
        ["/boot/notes.txt", Buffer.from("ours\n")],
        ["/new/empty/x", Buffer.from("x\n")],
      ]),
    );
    const console = new KeysConsole([" more /boot/notes.txt\r", "ls /new/empty\r", "quit\r"]);
    const result = await boot({
      disks: [guestImage(GUESTS.amd64)],
      start: "simp",
      interfaceVersion: 4,
      clock: "virtual",
      isolation,
      console,
      overlay: [
        join(scratch.path, "over"),
        new Map([
          ["/new/empty/x", null],
          ["/boot/kernel/ubdemo.ko", null],
        ]),
      ],
    });
    expect(console.text.replaceAll("\r\n", "\n")).toContain(shown("/boot/notes.txt", "ours\n"));
    expect(result).toMatchObject({ reason: "exit", exitCode: 1 });
    const used = new Map(result.overlay?.map(({ path, used }) => [path, used]));
    expect(Object.fromEntries(used)).toEqual({
      "/boot/notes.txt": true,
      "/new/empty/x": false,
      "/boot/kernel/ubdemo.ko": true,
    });
  });
});

describe("a guest can't", () => {
  const guest = (script: string, more: Files = {}) => ufsDisk({ "/boot/lua/loader.lua": `${script}\n`, ...more });
  const overlay = { "/boot/file": bytes("x".repeat(100)), "/boot/hidden": null, "/big": new Uint8Array(64 * MIB) };
  const lua = (script: string, options: BootOptions = {}, more?: Files) =>
    typeKeys([], { disks: [guest(script, more)], start: "lua", interfaceVersion: 4, overlay, ...options });

  it("use up memory by opening its files, however often and by whatever path", async () => {
    const { text, result } = await lua(
      `local n = 0
       for i = 1, 10000 do
         local f = io.open(("/./"):rep(i % 50) .. "/boot/kernel/../file")
         if f then n = n + #io.read(f, 200) io.close(f) end
         if io.open("/boot/hidden") then n = n + 1 end
         if lfs.attributes("/boot/missing/" .. i) then n = n + 1 end
       end
       print("sum " .. n)`,
      {},
      { "/boot/hidden": "hidden" },
    );
    expect(text).toContain("sum 1000000\n");
    expect(result.moduleMemory).toBeLessThan(32 * MIB);
  });

  it("read for nothing", async () => {
    const { result } = await lua(
      `while true do local f = io.open("/big") while #(io.read(f, 65536) or "") > 0 do end io.close(f) end`,
      { limits: { fuel: 50_000_000 } },
    );
    expect(result.error).toMatchObject({ name: "LimitError", limit: "fuel" });
  });

  it("get around what is hidden by links, dots or a NUL", async () => {
    const image = new UfsImage({ version: 2, blockSize: 16384, fragmentSize: 2048, superblockAt: 65536 });
    const boot = image.directory(image.root, "boot");
    image.file(boot, "hidden", "hidden");
    image.link(boot, "link", "hidden");
    image.link(image.root, "top", "boot/../boot/./hidden");
    image.link(image.root, "dir", "/boot");
    image.link(boot, "up", "../../dir/../dir/link");
    const scripts = image.directory(boot, "lua");
    const paths = [
      "/boot/hidden",
      "boot/hidden",
      "/boot/link",
      "/top",
      "/dir/hidden",
      "/boot/up",
      "//dir//./hidden/",
      "/dir/../boot/hidden",
    ];
    const text = `for _, p in ipairs({${paths.map((path) => JSON.stringify(path)).join(", ")}, "/boot/hidden\\0x", "/boot/hidden\\0"}) do
        print("open", p, io.open(p) == nil, lfs.attributes(p) == nil)
      end`;
    image.file(scripts, "loader.lua", text);
    const typed = await typeKeys([], { disks: [image.finish()], start: "lua", interfaceVersion: 4, overlay });
    const lines = typed.text.split("\n").filter((line) => line.startsWith("open"));
    expect(lines).toHaveLength(paths.length + 2);
    for (const line of lines) expect(line).toMatch(/true\s+true$/);
    const granted = await typeKeys([], {
      hostTrees: [{ "boot/hidden": bytes("hidden"), "boot/lua/loader.lua": bytes(text) }],
      start: "lua",
      interfaceVersion: 4,
      overlay,
    });
    const there = granted.text.split("\n").filter((line) => line.startsWith("open"));
    expect(there).toHaveLength(paths.length + 2);
    for (const line of there) expect(line).toMatch(/true\s+true$/);
  });
});
