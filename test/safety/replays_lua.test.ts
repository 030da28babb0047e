// The replays in which the attacker is the guest's script (replays.test.ts has them all), with scripts in Lua: what
// a script of a disk makes of a granted directory, of the host, of damaged files and of damaged kernels.

import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { BootOptions } from "userboot-wasm";
import { afterAll, describe, expect, it } from "vitest";
import { linkedFile } from "../support/elf_image.js";
import { MIB, typeKeys } from "../support/prompt.js";
import { Scratch } from "../support/scratch.js";
import { bytesOf, type SparseDisk } from "../support/sparse_disk.js";
import { UfsImage, ufsDisk } from "../support/ufs_image.js";
import { CANARY, COMMANDS, number, provesNothing } from "./attacker.js";

const MARK = "$Interpreter:lua\0";

const scratch = new Scratch();
afterAll(() => scratch[Symbol.dispose]());
const canary = scratch.file("canary", `${CANARY}\n`);
scratch.file("canary.lua", `print("${CANARY}")\nreturn "${CANARY}"\n`);

/** Boots `image`, whose loader asks for Lua. */
const boots = (image: Uint8Array, options: BootOptions = {}, keys: string[] = []) =>
  typeKeys(keys, {
    disks: [image],
    env: ["LINES=10000", "autoboot_delay=NO"],
    memory: 64 * MIB,
    isolation: "thread",
    limits: { fuel: 400_000_000 },
    ...options,
  });

const guestOf = (script: string, files: Record<string, Uint8Array | string> = {}) =>
  bytesOf(
    ufsDisk({ "/boot/loader": MARK, "/boot/lua/loader.lua": `${script}\nprint("script is through")\n`, ...files }),
  );

describe("CVE-2024-25940: a script reads, writes and lists the host through the directory that was granted", () => {
  const PATHS = [
    "/../canary",
    "/../canary.lua",
    "/sub/../../canary.lua",
    "../canary",
    canary,
    `${canary}.lua`,
    `//${canary}`,
    "/./.././canary",
    "/..",
    "/sub/../..",
    "/etc/passwd",
    "/proc/self/environ",
    "/../../../../../../../../etc/passwd",
  ];
  const SCRIPT = `
    local function all(device, path)
      local name = device .. path
      local f = io.open(name) or io.open(name, "r+") or io.open(name, "w")
      if f then print(pcall(io.read, f, 4096)) pcall(io.write, f, "changed by the guest") io.close(f) end
      for _, mode in ipairs({"w", "a", "w+", "r+"}) do
        local g = io.open(name, mode)
        if g then pcall(io.write, g, "changed by the guest") io.close(g) end
      end
      print(lfs.attributes(name, "size"))
      pcall(function() for entry in lfs.dir(name) do print(device, entry) end end)
      print(pcall(dofile, name))
      print(loadfile(name))
      package.path = device .. path:gsub("%.lua$", "") .. ";" .. device .. "/../?.lua;" .. device .. "/../?"
      package.loaded.canary = nil
      print(pcall(require, "canary"))
      print(pcall(require, path))
      print(package.searchpath("canary", package.path), package.searchpath("passwd", device .. "/etc/?"))
      print(package.loadlib(name, "*"))
      loader.perform("more " .. name)
      loader.perform("ls " .. name)
      loader.perform("include " .. name)
      loader.perform("load -t md_image " .. name)
      loader.perform("load " .. name)
    end
    for _, device in ipairs({"", "host:", "host0:", "host1:", "host0:/", "HOST0:"}) do
      for _, path in ipairs({${PATHS.map((path) => JSON.stringify(path)).join(", ")}}) do
        all(device, path)
        local before = loader.getenv("currdev")
        loader.setenv("currdev", "host0:")
        all("", path)
        loader.setenv("currdev", before)
      end
    end
    print(io.read(io.open("host0:/notes"), 100))`;

  it.each(["thread", "process", "none"] as const)("whatever it calls the file (isolation: %s)", async (isolation) => {
    const home = join(scratch.path, `home-${isolation}`);
    const granted = join(home, "granted");
    mkdirSync(join(granted, "sub"), { recursive: true });
    writeFileSync(join(granted, "notes"), "granted content\n");
    writeFileSync(join(home, "canary"), CANARY);
    writeFileSync(join(home, "canary.lua"), `print("${CANARY}")`);
    const { result, text } = await boots(guestOf(SCRIPT), { hostTrees: [granted], isolation, limits: {} });
    expect(result).toMatchObject({ flavour: "lua", error: { name: "InputEndedError" } });
    expect(text).toContain("granted content");
    expect(text).toContain("script is through");
    expect(text).not.toContain(CANARY);
    expect(text).not.toContain("root:");
    expect(text).not.toContain("HOME=");
    expect(result.modules.filter(({ name }) => /canary|passwd/.test(name))).toEqual([]);
    expect(Buffer.from(result.guestMemory.bytes).includes(CANARY)).toBe(false);
    expect(result.diagnostics.join()).not.toContain(CANARY);
    expect(readFileSync(join(granted, "notes"), "latin1")).toBe("granted content\n");
    expect(readFileSync(join(home, "canary"), "latin1")).toBe(CANARY);
    expect(readdirSync(home).sort()).toEqual(["canary", "canary.lua", "granted"]);
    expect(readdirSync(granted).sort()).toEqual(["notes", "sub"]);
  });

  it("and not by links of its own disk, nor without a grant", async () => {
    const image = new UfsImage({ version: 2, blockSize: 4096, fragmentSize: 4096, superblockAt: 65536 });
    const top = image.directory(image.root, "boot");
    image.file(top, "loader", MARK);
    const targets = [canary, `../../../../../..${canary}`, `host0:${canary}`, "/etc/passwd", "host0:/../canary"];
    targets.forEach((target, i) => void image.link(top, `link${i}`, target));
    image.file(
      image.directory(top, "lua"),
      "loader.lua",
      `for i = 0, ${targets.length - 1} do
         local name = "/boot/link" .. i
         local f = io.open(name)
         print(f and io.read(f, 4096), lfs.attributes(name, "size"), pcall(dofile, name))
         loader.perform("more " .. name)
         for _, device in ipairs({"host:", "host0:"}) do
           print(io.open(device .. "${canary}"), pcall(dofile, device .. "${canary}.lua"))
         end
       end
       print("script is through")`,
    );
    const { text } = await boots(bytesOf(image.finish()), { isolation: "none" });
    expect(text).toContain("script is through");
    expect(text).not.toContain(CANARY);
    expect(text).not.toContain("root:");
  });

  it("nor by links within the granted directory that lead out of it", async () => {
    const granted = join(scratch.path, "linked");
    mkdirSync(granted);
    symlinkSync(canary, join(granted, "out"));
    // What is granted is copied first, without the links that lead out of it.
    const { text } = await boots(guestOf('dofile("host0:/out")'), { hostTrees: [granted] });
    expect(text).toContain("cannot open host0:/out");
    expect(text).not.toContain(CANARY);
  });
});

describe("CVE-2007-4993: nothing in a guest's scripts or configuration is a command of the host", () => {
  it("what would run one isn't there", async () => {
    const { text } = await boots(
      guestOf(`
        print(os, debug, io.popen, io.lines, io.tmpfile, io.output, ffi, jit, fengari, js, process)
        for _, name in ipairs({"os", "debug", "ffi", "js", "fs", "child_process", "node:fs", "socket"}) do
          print(name, pcall(require, name) == false)
        end
        print(package.cpath, package.loadlib("/lib/libc.so.6", "system"))
        print(load("\\27Lua\\x53\\0\\x19\\x93\\r\\n\\x1a\\n"))
        print(load(function() return nil end, "@x", "b"))
        print(getmetatable("").__index == string, string.execute)`),
      { isolation: "none" },
    );
    const [absent, ...lines] = text.slice(text.indexOf("nil\t")).split("\n");
    expect(absent).toBe(new Array(11).fill("nil").join("\t"));
    expect(lines.slice(0, 8).every((line) => line.endsWith("\ttrue"))).toBe(true);
    expect(lines[8]).toMatch(/\tnil\t.*dynamic libraries not enabled/);
    expect(lines[9]).toMatch(/^nil\t.*precompiled chunk/s);
    expect(lines[11]).toBe("true\tnil");
    expect(text).toContain("script is through");
  });

  const PAYLOADS = [
    ...COMMANDS,
    "io.popen('touch PROOF')",
    "require('os').execute('touch PROOF')",
    "package.loadlib('/lib/x86_64-linux-gnu/libc.so.6', 'system')('touch PROOF')",
    "process.mainModule.require('fs').writeFileSync('PROOF', '')",
    "io.write(io.open('PROOF', 'w'), 'x')",
  ];

  it("however it is put: code, commands, variables, names of files and kernels", () => {
    const quoted = PAYLOADS.map((payload) => JSON.stringify(payload)).join(", ");
    const image = guestOf(`
      for _, payload in ipairs({${quoted}}) do
        print(pcall(load(payload) or error))
        print(pcall(load("return " .. payload) or error))
        pcall(dofile, payload) pcall(require, payload) io.open(payload) io.open(payload, "w")
        for _, name in ipairs({"kernel", "kernel_options", "exec", "prompt", "bootfile", "module_path", "interpret"}) do
          loader.setenv(name, payload)
        end
        loader.perform(payload) loader.interpret(payload) loader.command(payload)
        loader.perform("load \\"/boot/" .. payload .. "\\"") loader.perform("boot \\"" .. payload .. "\\"")
        loader.perform("include " .. payload) loader.perform("echo " .. payload)
      end`);
    provesNothing(join(scratch.path, "commands"), image, "script is through");
  });
});

describe("damage that a script walks into", () => {
  const UFS = { version: 2, blockSize: 4096, fragmentSize: 4096, superblockAt: 65536 } as const;
  const INODE_SIZE = 16;
  const MAX_SYMLINK = 1320;
  /** Typed, as some damage keeps scripts from being found. */
  const WALK = [
    'f = io.open("/link") print(f and io.read(f, 4096), lfs.attributes("/link"))',
    'print(pcall(dofile, "/link"), pcall(require, "/link"), loadfile("/link"))',
    'pcall(function() for name in lfs.dir("/link") do end end)',
    'pcall(function() for name in lfs.dir("/") do end end)',
    'loader.perform("load /link") loader.perform("more /link") loader.perform("ls -l /link")',
    'print("script" .. " is through")',
  ].map((line) => `${line}\r`);

  /** A guest with a link, after `harm`. */
  const linked = (target: string, harm: (disk: SparseDisk, inode: number, image: UfsImage) => void) => {
    const image = new UfsImage(UFS);
    const inode = image.link(image.root, "link", target);
    const made = image.finish();
    harm(made, image.inodeOffset(inode), image);
    return bytesOf(made);
  };
  const survives = async (image: Uint8Array) => {
    const { result, text } = await boots(image, { isolation: "none", start: "lua", interfaceVersion: 4 }, WALK);
    expect(result.error?.name).toBe("InputEndedError");
    expect(text).toContain("script is through");
    expect(result.memoryFaults).toBe(0);
  };

  it.each([2n ** 64n - 1n, 2n ** 63n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 31n - 1n])(
    "CVE-2025-0677: a link of size %i",
    async (size) => {
      for (const target of ["file", "x".repeat(300)]) {
        await survives(linked(target, (to, inode) => to.write(inode + INODE_SIZE, number(size, 8))));
      }
    },
  );

  it.each([119n, 120n, 121n, 1024n, 1025n, 65_536n])(
    "CVE-2024-45781: a link of %i bytes without an end",
    async (size) => {
      for (const inInode of [2n ** 31n - 1n, 2n ** 32n - 1n, 120n, 0n]) {
        await survives(
          linked("file", (to, inode, image) => {
            to.write(image.superblockOffset + MAX_SYMLINK, number(inInode, 4));
            to.write(inode + INODE_SIZE, number(size, 8));
            to.write(inode + 112, Buffer.alloc(144, "A"));
          }),
        );
      }
    },
  );

  it.each([2n ** 31n - 1n, 2n ** 32n - 1n, 2n ** 63n - 1n, 2n ** 64n - 1n])(
    "CVE-2022-23523: ELF headers that lead past the end of the file by %i",
    async (value) => {
      const files: Record<string, Uint8Array> = {};
      // e_phoff, p_offset, p_filesz
      [32, 64 + 8, 64 + 32].forEach((at, i) => {
        const bytes = Buffer.from(
          linkedFile({ bits: 64, segments: [{ size: 5000 }, { size: 5000, writable: true }] }).bytes,
        );
        number(value, 8).copy(bytes, at);
        files[`/boot/k${i}/kernel`] = bytes;
      });
      const script = `
        for i = 0, 2 do
          local name = "/boot/k" .. i .. "/kernel"
          print(loader.perform("load " .. name), loader.perform("boot"), pcall(dofile, name), loadfile(name))
          loader.perform("unload")
        end`;
      const { result, text } = await boots(guestOf(script, files), {
        limits: { fuel: 100_000_000, diskBytes: 64 * MIB },
        isolation: "none",
      });
      expect(result).toMatchObject({ reason: "error", error: { name: "InputEndedError" } });
      expect(text).toContain("script is through");
      expect(result.diagnostics.join()).toMatch(/ELF/);
    },
  );
});
