// `host:` trees: what a guest sees of them, that it sees nothing else, and what is refused when they are granted.

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { WASI } from "node:wasi";
import { type BootOptions, boot, KeysConsole, OptionError } from "userboot-wasm";
import { afterAll, describe, expect, it } from "vitest";
import { VirtualClock } from "../../build/host/clock.js";
import { AssetModules } from "../../build/host/modules.js";
import { sessionOptions } from "../../build/host/options.js";
import { addDigests } from "../../build/host/result.js";
import { runSession } from "../../build/host/session.js";
import { guardedFiles } from "../../build/host/wasi/guarded.js";
import type { WasiProvider } from "../../build/host/wasi/provider.js";
import { takeTrees } from "../../build/host/wasi/tree.js";
import { userboot } from "../support/cli.js";
import { type LinkedFile, linkedFile } from "../support/elf_image.js";
import { INSTALLED } from "../support/flavours.js";
import { guestBytes, typeLines } from "../support/prompt.js";
import { Scratch } from "../support/scratch.js";

const scratch = new Scratch();
afterAll(() => scratch[Symbol.dispose]());

const CANARY = "canary-of-the-host";
const bytes = (text: string) => new Uint8Array(Buffer.from(text, "latin1"));

const KERNEL = linkedFile({ bits: 64, segments: [{ size: 512 }] });

const TREE = {
  "boot/kernel/kernel": Uint8Array.from(KERNEL.bytes),
  "boot/notes": bytes("some notes\n"),
  "data/b": bytes("b"),
  "data/B": bytes("B"),
  "data/sub/deep/file": bytes("deep\n"),
};

/** Writes a tree like TREE below `name` of the scratch directory. */
function directory(name: string, files: Record<string, Uint8Array> = TREE): string {
  const top = join(scratch.path, name);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(top, path, ".."), { recursive: true });
    writeFileSync(join(top, path), content);
  }
  return top;
}

/** Types `lines` at the simple flavour's prompt. */
const typed = (lines: readonly string[], options: BootOptions) => typeLines(lines, { start: "simp", ...options });

describe("a tree", () => {
  it.each(INSTALLED)("boots a kernel with flavour %s and no disk", async (start) => {
    const { result } = await typed(["load /boot/kernel/kernel", "boot"], { hostTrees: [TREE], start });
    expect(result.error).toBeUndefined();
    expect(result).toMatchObject({ reason: "exec", arch: "amd64" });
    expect(result.environment.currdev).toBe("host0:");
    const [{ at, size }] = KERNEL.segments as [LinkedFile["segments"][0]];
    expect(guestBytes(result, at, size).equals(KERNEL.bytes.subarray(0, size))).toBe(true);
  });

  it("is the same from a directory, in a worker, and on the command line", async () => {
    const top = directory("same");
    const keys = ["load /boot/kernel/kernel", "boot"];
    const here = await typed(keys, { hostTrees: [TREE], digests: true });
    const there = await typed(keys, { hostTrees: [top], digests: true, isolation: "thread" });
    expect(there.text).toBe(here.text);
    expect(there.result.memory).toEqual(here.result.memory);
    const args = ["boot", "-h", top, "--start", "simp", "--clock", "virtual", "--input", "\\w{1} boot\\r"];
    const { status, stderr } = userboot(args);
    expect(stderr).toBe("");
    expect(status).toBe(0);
  });

  it("lists its directories in the order of bytes", async () => {
    const { text } = await typed(["ls /data", "ls"], { hostTrees: [TREE] });
    expect(text).toContain("ls /data\n/data\n    B\n    b\n d  sub\nOK ls\n/\n d  boot\n d  data\nOK ");
  });

  it("stands beside others and beside disks", async () => {
    const { result, text } = await typed(
      ["lsdev", "more host1:/only", "ls host2:/", "load host0:/boot/kernel/kernel", "boot"],
      { hostTrees: [TREE, { only: bytes("in the second\n") }], disks: [new Uint8Array(65_536)] },
    );
    expect(text).toContain("    host0:   Host filesystem\n    host1:   Host filesystem\ndisk devices:\n    disk0:");
    expect(text).toContain("in the second\n");
    expect(text).toContain("ls: open 'host2:/' failed: no such file or directory\n");
    expect(result.reason).toBe("exec");
  });

  it("keeps names that are not UTF-8", async () => {
    const top = directory("names", { plain: bytes("") });
    writeFileSync(Buffer.concat([Buffer.from(`${top}/`), Buffer.of(0xe9, 0x80, 0x2e)]), "odd name\n");
    const { text } = await typed(["ls /", "more /\xe9\x80."], { hostTrees: [top] });
    expect(text).toContain("    \xe9\x80.\n");
    expect(text).toContain("odd name\n");
  });
});

describe("nothing outside is reached", () => {
  const top = directory("outside/granted");
  writeFileSync(join(scratch.path, "outside", "canary"), `${CANARY}\n`);
  const other = { canary: bytes(`${CANARY}\n`) };
  const ways = [
    "/../canary",
    "/../../etc/passwd",
    "/data/../../canary",
    "/data/sub/../../../outside/canary",
    "//../canary",
    "/./../canary",
    "/../1/canary",
    "/../../trees/1/canary",
    "/%2e%2e/canary",
    "/..%2fcanary",
    "/..\\canary",
    "/\xc0\xae\xc0\xae/canary",
    "/\xc0\xae./canary",
    join(scratch.path, "outside", "canary"),
    "/etc/passwd",
    "/proc/self/environ",
    "../canary",
    "canary",
  ];

  it.each([true, false])("by any spelling of a path (directory: %s)", async (fromDirectory) => {
    const lines = ways.flatMap((way) => [`more host0:${way}`, `ls host0:${way}`, `load -t x host0:${way}`]);
    const hostTrees = [fromDirectory ? top : TREE, other];
    const { result, text } = await typed(lines, { hostTrees });
    expect(result.error?.name).toBe("InputEndedError");
    expect(text).not.toContain(CANARY);
    expect(text).not.toContain("root:");
    // The way that is granted works, or the above would prove nothing.
    expect((await typed(["more host1:/canary"], { hostTrees })).text).toContain(CANARY);
  });

  it("by links: those that leave the directory are left out by name", async () => {
    const links = directory("links", { "in/file": bytes("linked\n") });
    symlinkSync("in/file", join(links, "inside"));
    symlinkSync("in", join(links, "also"));
    symlinkSync("/etc/passwd", join(links, "in", "out"));
    const notices: string[] = [];
    const { text } = await typed(["more /inside", "ls /also", "more /in/out"], {
      hostTrees: [links],
      onNotice: (line) => notices.push(line),
    });
    expect(text).toContain("linked\n");
    expect(text).toContain("/also\n    file\nOK ");
    expect(text).not.toContain("root:");
    expect(notices.sort()).toEqual(
      ["also/out", "in/out"].map((path) => `${links}: ${path}: is a link that leaves the directory; left out`),
    );
  });

  it("without a grant", async () => {
    const { text } = await typed(["ls host0:/", "more host0:/etc/passwd", "ls host1:/etc"], {});
    expect(text.match(/no such file or directory/g)).toHaveLength(3);
  });
});

describe("what can't be granted is refused as a whole", () => {
  it.runIf(existsSync("/proc/sys/kernel/random/boot_id"))("files that aren't what they seemed", async () => {
    // Says that it is empty, and isn't.
    const refused = boot({ hostTrees: ["/proc/sys/kernel/random"], isolation: "none" });
    await expect(refused).rejects.toThrow(/(changed while it was copied|can't be read)/);
  });

  it.each([
    ["a path that isn't there", "/nonexistent", /^\/nonexistent: no such directory$/],
    ["a file", fileURLToPath(import.meta.url), /is not a directory$/],
  ])("%s", async (_, path, message) => {
    await expect(boot({ hostTrees: [TREE, path], isolation: "none" })).rejects.toThrow(message);
  });

  it.each([
    [{ "a/../b": bytes("") }],
    [{ "a//b": bytes("") }],
    [{ "": bytes("") }],
    [{ "a\0b": bytes("") }],
    [{ "\u20ac": bytes("") }],
    [{ "a/b": bytes(""), a: bytes("") }],
    [{ a: bytes(""), "a/b": bytes("") }],
    [{ a: bytes(""), "/a": bytes("") }],
    [{ a: "text" as never }],
    [{ ["x".repeat(256)]: bytes("") }],
  ])("the map %j", async (map) => {
    await expect(takeTrees([map])).rejects.toThrow(OptionError);
  });
});

describe("the library behind it", () => {
  it("is loaded only when a tree is granted", () => {
    const script = `
      import { createRequire } from "node:module";
      import { boot } from "userboot-wasm";
      const loaded = () => Object.keys(createRequire(import.meta.url).cache).some((path) => path.includes("@wasmer"));
      const options = { start: "simp", clock: "virtual", isolation: "none" };
      await boot(options);
      const before = loaded();
      await boot({ ...options, hostTrees: [{}] });
      console.log(JSON.stringify([before, loaded()]));`;
    const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
      encoding: "utf8",
      cwd: fileURLToPath(new URL("../..", import.meta.url)),
    });
    expect(stderr).toBe("");
    expect(JSON.parse(stdout)).toEqual([false, true]);
  });

  it("can be another one: Node's own WASI gives the same result", async () => {
    // Trees are subdirectories of the one directory that is open from the start, called by their numbers.
    const trees = join(scratch.path, "for-node");
    directory("for-node/0");
    const keys = "ls /data\rls /nosuch\rmore /boot/notes/x\rmore /data/sub/deep/file\rload /boot/kernel/kernel\rboot\r";
    const options = { start: "simp", env: ["autoboot_delay=NO"] } as const;
    const cores = new AssetModules(undefined);
    await cores.find("simp");
    const run = async (wasi: WasiProvider) => {
      const console = new KeysConsole([keys]);
      const result = await runSession({
        options: sessionOptions(options),
        modules: cores,
        disks: [],
        console,
        clock: new VirtualClock(),
        wasi,
      });
      await addDigests(result);
      const { reason, calls, registers, memory, environment, modules } = result;
      return { console: console.text, reason, calls, registers, memory, environment, modules };
    };
    const node = await run(nodeProvider(trees));
    const { openTrees } = await import("../../build/host/wasi/wasmer.js");
    const wasmer = await openTrees(await takeTrees([TREE]), await cores.find("wasi"));
    const ours = await run(wasmer);
    wasmer.dispose();
    expect(ours.reason).toBe("exec");
    expect(node).toEqual(ours);
  });

  it("leaves nothing behind: 5,000 sessions, memory flat", { timeout: 120_000 }, async () => {
    const tree = { "boot/loader.rc": bytes("quit\n"), "boot/ballast": new Uint8Array(100_000) };
    const session = async () => {
      const result = await boot({
        hostTrees: [tree],
        start: "simp",
        clock: "virtual",
        isolation: "none",
        memory: 65_536,
      });
      expect(result.reason).toBe("exit");
      result.release();
    };
    for (let i = 0; i < 500; i++) await session();
    const before = process.memoryUsage().rss;
    for (let i = 0; i < 4500; i++) await session();
    // One file system more or less would be 100 kB a session.
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024);
  });
});

type Call = (...values: unknown[]) => unknown;

/** Node's WASI on the directory `trees` of the host. */
function nodeProvider(trees: string): WasiProvider {
  const wasi = new WASI({ version: "preview1", preopens: { "/": trees } });
  return {
    guard: guardedFiles,
    // Called by way of JavaScript: Node 20 now and then crashes where a module calls these functions directly.
    imports: () => {
      const { wasi_snapshot_preview1: calls } = wasi.getImportObject() as Record<string, Record<string, Call>>;
      return Object.fromEntries(
        Object.entries(calls!).map(([name, call]) => [name, (...values: unknown[]) => call(...values)]),
      );
    },
    attach({ exports: { memory } }) {
      wasi.initialize({ exports: { memory } });
    },
    detach() {},
    dispose() {},
  };
}
