// Points 6 and 9 of the promises on the command line: files that would hang it, signals at any time, output that can't
// be written, options that would be ignored.

import { execFileSync, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { CLI, userboot as run } from "../support/cli.js";
import { guestImage } from "../support/guests.js";
import { MEASURED } from "../support/measured.js";
import { Scratch } from "../support/scratch.js";
import { bytesOf } from "../support/sparse_disk.js";
import { UfsImage } from "../support/ufs_image.js";

const MIB = 1024 * 1024;
const scratch = new Scratch();
afterAll(() => scratch[Symbol.dispose]());
const IMAGE = scratch.file("guest.img", guestImage("amd64-ufs2-gpt"));
/** Options with which the guest enters its kernel, silently. */
const ENTERS = ["-d", IMAGE, "--clock", "virtual", "--start", "simp", "-c", "none", "-m", "64"];

/** A guest that wants Lua, with this script. */
function luaGuest(name: string, script: string): string {
  const image = new UfsImage({ version: 2, blockSize: 4096, fragmentSize: 4096, superblockAt: 65536 });
  const boot = image.directory(image.root, "boot");
  image.file(boot, "loader", "a loader $Interpreter:lua\0");
  image.sparse(boot, "big", 500 * MIB, []);
  image.file(image.directory(boot, "lua"), "loader.lua", script);
  return scratch.file(name, bytesOf(image.finish()));
}

const ENDING = { timeout: 20_000, killSignal: "SIGKILL" } as const;
const userboot = (args: string[], shell?: string) =>
  shell === undefined
    ? run(args, ENDING)
    : spawnSync("/bin/sh", ["-c", `${shell}; exec "$@"`, "sh", process.execPath, CLI, ...args], {
        encoding: "latin1",
        input: "",
        ...ENDING,
      });

/** One line, status 2, nothing else. */
function refused(args: string[], line: string | RegExp, shell?: string): void {
  const { status, stderr, stdout } = userboot(args, shell);
  expect(stderr).toMatch(line);
  expect(stderr).toMatch(/^userboot: .+\n$/);
  expect(stdout).toBe("");
  expect(status).toBe(2);
}

const directory = (name: string) => mkdtempSync(join(scratch.path, `${name}-`));

describe("files are opened without waiting, and looked at before they are read (6)", () => {
  const fifo = join(scratch.path, "fifo");
  execFileSync("mkfifo", [fifo, `${fifo}.gz`]);
  const policy = scratch.file("policy.lua", "");
  it.each([
    ["-d FIFO", ["-d", fifo], `${fifo}: not a regular file`],
    ["-d FIFO.gz", ["-d", `${fifo}.gz`], `${fifo}.gz: not a regular file`],
    ["-d /dev/zero", ["-d", "/dev/zero"], "/dev/zero: not a regular file"],
    ["--input @FIFO", ["-d", IMAGE, "--input", `@${fifo}`], `input file ${fifo}: not a regular file`],
    ["--input @/dev/zero", ["-d", IMAGE, "--input", "@/dev/zero"], "input file /dev/zero: not a regular file"],
    ["--input @DIR", ["-d", IMAGE, "--input", "@/"], "input file /: is a directory"],
    ["--policy FIFO", ["-d", IMAGE, "--policy", fifo], `policy ${fifo}: not a regular file`],
    ["--policy /dev/zero", ["-d", IMAGE, "--policy", "/dev/zero"], "policy /dev/zero: not a regular file"],
    [
      "--grant x=FIFO",
      ["-d", IMAGE, "--policy", policy, "--grant", `x=${fifo}`],
      `granted file ${fifo}: not a regular`,
    ],
  ])("%s", (_, args, line) => refused(["boot", ...args], line));

  it("and read within limits", () => {
    const keys = scratch.file("keys", Buffer.alloc(MIB + 1, "x"));
    refused(["boot", "-d", IMAGE, "--input", `@${keys}`], `input file ${keys}: 1048577 bytes, more than the 1 MiB`);
  });
});

describe("a compressed image is unpacked within limits (6)", () => {
  const zeros = gzipSync(Buffer.alloc(16 * MIB));
  it("of size", () => {
    const path = scratch.file("bomb.gz", Buffer.concat(new Array(65).fill(zeros)));
    const limit = ["--limit", "unpackedBytes=1G"];
    refused(["boot", "-d", path, ...limit], "limit unpackedBytes");
  });

  it("and its damage is named", () => {
    const path = scratch.file("cut.gz", zeros.subarray(0, 1000));
    refused(["boot", "-d", path], `${path}: is not a gzip file, or damaged`);
  });
});

interface Ended {
  signal: NodeJS.Signals | null;
  status: number | null;
  ms: number;
  stderr: string;
}

/** Starts the program, sends `signal` when `when` says so, and tells how it ended. */
async function told(
  args: string[],
  signal: NodeJS.Signals,
  when: (stdout: () => string) => Promise<unknown>,
  { reads = true, env = {} } = {},
): Promise<Ended> {
  const child = spawn(process.execPath, [CLI, ...args], { env: { ...process.env, ...env } });
  let stdout = "";
  let stderr = "";
  if (reads) child.stdout.on("data", (data) => (stdout += data));
  child.stderr.on("data", (data) => (stderr += data));
  const ended = new Promise<[number | null, NodeJS.Signals | null]>((done) =>
    child.once("exit", (...how) => done(how)),
  );
  try {
    await when(() => stdout);
    expect(child.exitCode).toBe(null);
    const began = performance.now();
    child.kill(signal);
    const [status, by] = await Promise.race([ended, setTimeout(10_000, ["never", null] as never)]);
    return { signal: by, status, ms: performance.now() - began, stderr };
  } finally {
    child.kill("SIGKILL");
  }
}

/** What is waited for comes within some seconds. */
async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 2000 && !condition(); tries++) await setTimeout(5);
  expect(condition()).toBe(true);
}

/** A second, and what a busy machine takes. */
const SOON_MS = 1500;

describe("a signal ends the program within a second, as that signal (6)", MEASURED, () => {
  const loops = luaGuest("loops.img", 'print("begins") while true do end');
  const waits = ["boot", "-d", IMAGE, "--start", "simp", "--interface", "4"];

  it.each(["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGALRM"] as const)(
    "%s while it waits for a key",
    async (signal) => {
      const { ms, ...how } = await told(waits, signal, (text) => until(() => text().includes("Hit [Enter]")));
      expect(how).toEqual({ signal, status: null, stderr: `userboot: boot aborted (${signal})\n` });
      expect(ms).toBeLessThan(SOON_MS);
    },
  );

  it("while a guest loops", async () => {
    const args = ["boot", "-d", loops, "--limit", "fuel=1000000M", "-m", "64"];
    const { signal, ms } = await told(args, "SIGTERM", () => setTimeout(1000));
    expect(signal).toBe("SIGTERM");
    expect(ms).toBeLessThan(SOON_MS);
  });

  it("while nobody takes what the guest prints", async () => {
    const prints = luaGuest("prints.img", "while true do print(('x'):rep(1000)) end");
    const { signal, ms } = await told(["boot", "-d", prints, "-m", "64"], "SIGTERM", () => setTimeout(1500), {
      reads: false,
    });
    expect(signal).toBe("SIGTERM");
    expect(ms).toBeLessThan(SOON_MS);
  });

  // Python gives the program a terminal of its own, and never reads what it is written.
  it.skipIf(spawnSync("python3", ["-V"]).error)("while its terminal takes nothing, which is restored", () => {
    const prints = luaGuest("floods.img", "while true do print(('x'):rep(1000)) end");
    const program = `import os, pty, signal, sys, termios, time
pid, terminal = pty.fork()
if pid == 0: os.execv(sys.argv[1], sys.argv[1:])
time.sleep(1.5)
began = time.time()
os.kill(pid, signal.SIGTERM)
while time.time() - began < 5:
  ended, status = os.waitpid(pid, os.WNOHANG)
  if ended: break
  time.sleep(0.01)
else: os.kill(pid, signal.SIGKILL)
flags = termios.tcgetattr(terminal)[3]
print(status, time.time() - began < ${SOON_MS / 1000}, bool(flags & termios.ICANON), bool(flags & termios.ECHO))`;
    const args = ["-c", program, process.execPath, CLI, "boot", "-d", prints, "-m", "64"];
    expect(spawnSync("python3", args, { encoding: "utf8" }).stdout).toBe("15 True True True\n");
  });

  it("while it unpacks an image", async () => {
    const path = scratch.file("large.gz", Buffer.concat(new Array(63).fill(gzipSync(Buffer.alloc(16 * MIB)))));
    const { signal, ms } = await told(["boot", "-d", path], "SIGINT", () => setTimeout(400));
    expect(signal).toBe("SIGINT");
    expect(ms).toBeLessThan(SOON_MS);
  });

  it("while it writes much, of which nothing is left", async () => {
    const out = directory("out");
    // A raw file needs a kernel before it: the one of the second disk.
    const script =
      'loader.perform("load disk1p2:/boot/kernel/kernel") loader.perform("load -t raw /boot/big") loader.perform("quit")';
    const much = luaGuest("much.img", script);
    const { signal, ms } = await told(
      ["boot", "-d", much, "-d", IMAGE, "-m", "1G", "-c", "none", "--clock", "virtual", "--out", out],
      "SIGTERM",
      () => until(() => readdirSync(out).length > 0),
    );
    expect(signal).toBe("SIGTERM");
    // To write and to remove large files takes what the disk takes.
    expect(ms).toBeLessThan(5 * SOON_MS);
    expect(readdirSync(out)).toEqual([]);
  });

  it("while a virtual machine runs that doesn't listen, with its files removed", async () => {
    const temporary = directory("tmp");
    const path = directory("bin");
    writeFileSync(join(path, "qemu-system-x86_64"), "#!/bin/sh\ntrap '' TERM INT HUP\necho runs\nexec sleep 20\n");
    chmodSync(join(path, "qemu-system-x86_64"), 0o755);
    const { signal, ms } = await told(["run", ...ENTERS], "SIGTERM", (text) => until(() => text().includes("runs")), {
      env: { TMPDIR: temporary, PATH: `${path}:${process.env.PATH}` },
    });
    expect(signal).toBe("SIGTERM");
    expect(ms).toBeLessThan(SOON_MS);
    expect(readdirSync(temporary)).toEqual([]);
  });
});

describe("output is complete or not there (6)", () => {
  /** No file may become larger than this many blocks: what a full disk does, too. */
  const FULL = "ulimit -f 16";

  it("--out: a failure leaves the former files, and nothing else", () => {
    const out = directory("out");
    expect(userboot(["boot", ...ENTERS, "--out", out]).status).toBe(0);
    const digests = () =>
      readdirSync(out).map((name) => [
        name,
        createHash("sha256")
          .update(readFileSync(join(out, name)))
          .digest("hex"),
      ]);
    const before = digests();
    refused(["boot", ...ENTERS, "--out", out], `output directory ${out} can't be written (EFBIG)`, FULL);
    expect(digests()).toEqual(before);
  });

  it("--out: a disk without room for the memory gets no result either", () => {
    const out = directory("full");
    const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", out]).status === 0;
    if (!mounted) return console.warn("a small file system to fill can be mounted by root only");
    try {
      refused(["boot", ...ENTERS, "--out", out], `output directory ${out} can't be written (ENOSPC)`);
      expect(readdirSync(out)).toEqual([]);
    } finally {
      execFileSync("umount", [out]);
    }
  });

  it("pack -o: a failure leaves no file", () => {
    const out = directory("packed");
    const file = join(out, "guest.elf");
    refused(["pack", ...ENTERS, "-o", file], `${file} can't be written (EFBIG)`, FULL);
    expect(readdirSync(out)).toEqual([]);
  });

  it("run: a failure leaves no temporary file", () => {
    const temporary = directory("tmp");
    const path = directory("bin");
    writeFileSync(join(path, "qemu-system-x86_64"), "#!/bin/sh\n", { mode: 0o755 });
    refused(["run", ...ENTERS], /can't be written \(EFBIG\)/, `${FULL}; export TMPDIR=${temporary} PATH=${path}:$PATH`);
    expect(readdirSync(temporary)).toEqual([]);
  });

  it("--json: a device that takes nothing is named", () => {
    const { status, stderr } = userboot(["boot", ...ENTERS, "--json"], "exec > /dev/full");
    expect(stderr).toBe("userboot: standard output can't be written (ENOSPC)\n");
    expect(status).toBe(2);
  });

  it("--json: a reader that goes away ends it without a stack trace", () => {
    const { stderr, stdout } = spawnSync("/bin/sh", [
      "-c",
      '{ { "$@" --json; echo "status $?" >&3; } | true; } 3>&1',
      "sh",
      process.execPath,
      CLI,
      "boot",
      ...ENTERS,
    ]);
    expect(stderr.toString()).toBe("");
    expect(stdout.toString()).toBe("status 2\n");
  });

  it("--out where no directory can be made is refused", () => {
    refused(["boot", ...ENTERS, "--out", "/proc/none/x"], "output directory /proc/none/x can't be made (ENOENT)");
    refused(["boot", ...ENTERS, "--out", join(IMAGE, "x")], "can't be made (ENOTDIR)");
    const deep = join(directory("deep"), "a", "b");
    expect(userboot(["boot", ...ENTERS, "--out", deep]).status).toBe(0);
    expect(readdirSync(deep).sort()).toEqual(["mem.bin", "result.json"]);
  });
});

describe("output goes where it was told to, and nowhere else (9)", () => {
  it("--out replaces links, and doesn't follow them", () => {
    const out = directory("out");
    const precious = scratch.file("precious", "precious");
    for (const name of ["result.json", "mem.bin"]) symlinkSync(precious, join(out, name));
    expect(userboot(["boot", ...ENTERS, "--out", out]).status).toBe(0);
    expect(readFileSync(precious, "utf8")).toBe("precious");
    for (const name of ["result.json", "mem.bin"]) expect(lstatSync(join(out, name)).isFile()).toBe(true);
    expect(JSON.parse(readFileSync(join(out, "result.json"), "utf8")).reason).toBe("exec");
  });

  it("what isn't a file, or stands for another one, is refused before the boot", () => {
    const link = join(scratch.path, "link");
    symlinkSync(IMAGE, link);
    refused(["pack", ...ENTERS, "-o", link], `${link} is a link; name the file that it stands for`);
    refused(["pack", ...ENTERS, "-o", "/dev/null"], "/dev/null can't be written (not a regular file)");
    refused(["pack", ...ENTERS, "-o", "/none/x"], "/none/x can't be written (no such directory)");
    const out = directory("out");
    mkdirSync(join(out, "result.json"));
    refused(["boot", ...ENTERS, "--out", out], "result.json can't be written (not a regular file)");
    expect(existsSync(join(out, "mem.bin"))).toBe(false);
  });
});

describe("no option is ignored silently (9)", () => {
  it.each([
    [
      "--grant without --policy",
      ["boot", ...ENTERS, "--grant", "x=/etc/passwd"],
      /--grant x=\/etc\/passwd: there is no --policy/,
    ],
    ["--start with -l", ["boot", ...ENTERS, "-l", "lua"], /option '-l.*cannot be used with option '--start/],
    ["--write without a disk", ["run", "-h", scratch.path, "--write"], /--write: there is no disk|is not installed/],
    ["-m beyond any machine", ["boot", ...ENTERS, "-m", "65T"], /memory size '65T' is more than any machine has/],
  ])("%s", (_, args, line) => refused(args, line));

  it("what this host can't map is refused by name (6): a module's memory, and the guest's where it is written", () => {
    // Node 24 does without the gigabytes that others keep clear behind a module's memory.
    const keepsClear = Number.parseInt(process.versions.node, 10) < 24;
    if (keepsClear)
      refused(["boot", ...ENTERS, "-m", "2G"], /no room for the memory of a module: \d+ bytes/, "ulimit -v 3000000");
    else console.warn("SKIPPED: a module's memory that has no room: this Node needs none beside it");
    const load = 'loader.perform("load -t raw /boot/big")';
    const large = luaGuest("large.img", `loader.perform("load disk1p2:/boot/kernel/kernel") ${load} ${load} ${load}`);
    const words = ["boot", "-d", large, "-d", IMAGE, "-m", "2G", "--isolation", "none", "--clock", "virtual"];
    refused(
      [...words, "-c", "none"],
      /no room for \d+ bytes of guest memory/,
      `ulimit -v ${keepsClear ? 12_000_000 : 3_000_000}`,
    );
  });
});

describe.each(["process", "thread"])("keys that nobody takes wait where they come from: %s", (isolation) => {
  const options = ["--start", "lua", "--interface", "4", "-m", "64", "--isolation", isolation, "--clock", "virtual"];
  /** Keys in the queue, the pipe, and what was read in one go. */
  const KEPT_MAX = MIB;

  it("an endless script, and far too many", async () => {
    const image = luaGuest(`deaf-${isolation}.img`, "while true do end");
    const words = [CLI, "boot", "-d", image, ...options, "--limit", "wallMs=2000", "--limit", `fuel=${2 ** 50}`];
    const child = spawn(process.execPath, words, { stdio: ["pipe", "ignore", "pipe"] });
    child.stdin.on("error", () => {});
    // One after the other: how many are taken is known then.
    let taken = 0;
    const type = () =>
      child.stdin.write(Buffer.alloc(65_536, "y"), (error) => {
        if (error) return;
        taken += 65_536;
        type();
      });
    type();
    let said = "";
    for await (const text of child.stderr) said += text;
    expect(said).toMatch(/limit wallMs exceeded/);
    expect(taken).toBeGreaterThan(0);
    expect(taken).toBeLessThanOrEqual(KEPT_MAX);
    child.stdin.destroy();
  });

  it("and are read on when there is room again", () => {
    const image = luaGuest(
      `reading-${isolation}.img`,
      "local n = 0 while true do local c = io.getchar() if c == 113 then break end n = n + 1 end print('got ' .. n) loader.exit(3)",
    );
    const { stdout } = run(["boot", "-d", image, ...options], { ...ENDING, input: `${"y".repeat(300_000)}q` });
    expect(stdout).toContain("got 300000");
  });
});
