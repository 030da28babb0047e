// The command line as users meet it: exit statuses, one clear line for what is wrong, files, terminals.

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { CLI, userboot as run } from "../support/cli.js";
import { guestImage } from "../support/guests.js";
import { inRepository } from "../support/repository.js";
import { Scratch } from "../support/scratch.js";
import { bytesOf } from "../support/sparse_disk.js";
import { type Files, ufsDisk } from "../support/ufs_image.js";

const scratch = new Scratch();
afterAll(() => scratch[Symbol.dispose]());
const IMAGE = scratch.file("guest.img", guestImage("amd64-ufs2-gpt"));
/** A guest that wants Lua; its script is what the variable `script` says. */
const LUA_GUEST = luaGuest();
/** Options that bring the guest to the prompt of the simple interpreter without waiting. */
const PROMPT = ["boot", "-d", IMAGE, "--start", "simp", "--interface", "4", "--clock", "virtual"];
/** Stops the guest's countdown, so that its prompt appears. */
const STOP = "\\w{1} ";

const userboot = (args: string[], input = "") => run(args, { input });

describe("wrong usage gives one line and status 2", () => {
  const empty = scratch.file("empty.img", "");
  const bogus = scratch.file("bogus.img.gz", "not gzip");
  const directory = join(scratch.path, "dir");
  mkdirSync(directory);
  it.each([
    [["boot", "-d", "/nonexistent"], "userboot: /nonexistent: no such file"],
    [["boot", "-d", directory], `userboot: ${directory}: is a directory, not a disk image`],
    [["boot", "-d", empty], `userboot: ${empty}: empty file, not a disk image`],
    [["boot"], "userboot: no disk given (use -d IMAGE, or -h DIR for a directory)"],
    [["boot", "-d", bogus], `userboot: ${bogus}: is not a gzip file, or damaged`],
    [["boot", "-d", "/nonexistent.gz"], "userboot: /nonexistent.gz: no such file"],
    [["boot", "--bogus"], "userboot: unknown option '--bogus'"],
    [["boot", "-d"], "userboot: option '-d, --disk <image>' argument missing"],
    [["boot", "-d", IMAGE, "-m", "lots"], "userboot: bad memory size 'lots' (examples: 256M, 2G)"],
    [["boot", "-d", IMAGE, "--hash-seed", "x"], "userboot: bad hash seed 'x' (a number below 2^32)"],
    [["boot", "-d", IMAGE, "--hash-seed", "0x100000000"], "userboot: bad hash seed: 4294967296"],
    [
      ["boot", "-d", IMAGE, "--profile", "11"],
      "userboot: option '--profile <release>' argument '11' is invalid. Allowed choices are auto, 12, 13, 14, 15.",
    ],
    [["boot", "-d", IMAGE, "-m", "0"], "userboot: bad memory size '0' (examples: 256M, 2G)"],
    [["boot", "-d", IMAGE, "-e", "novalue"], "userboot: bad environment entry 'novalue' (example: boot_verbose=YES)"],
    [["boot", "-d", IMAGE, "--limit", "wallMs"], "userboot: bad limit 'wallMs' (example: wallMs=60000)"],
    [["boot", "-d", IMAGE, "--limit", "time=3"], /^userboot: unknown limit 'time' \(there are wallMs, fuel, /],
    [["boot", "-d", IMAGE, "--input", "\\q"], /^userboot: unknown escape '\\q' in the input/],
    [["boot", "-d", IMAGE, "--input", "@/none"], "userboot: input file /none: no such file"],
    [["boot", "-h", "/nonexistent"], "userboot: /nonexistent: no such directory"],
    [["boot", "-h", IMAGE], `userboot: ${IMAGE}: is not a directory`],
    [["boot", "-d", IMAGE, "-l", "perl"], /^userboot: option '-l.*perl.*Allowed choices are 4th, lua, simp/],
    [["boot", "-d", IMAGE, "--out", "/dev/null/x"], /^userboot: output directory \/dev\/null\/x can't be made/],
  ])("%j", (args, line) => {
    const { status, stderr, stdout } = userboot(args);
    expect(stderr.trimEnd()).toMatch(line);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(stdout).toBe("");
    expect(status).toBe(2);
  });

  it("shows help when asked", () => {
    const { status, stdout } = userboot(["boot", "--help"]);
    expect(status).toBe(0);
    expect(stdout).toContain("--disk <image>");
  });
});

describe("exit statuses", () => {
  it("1 when the guest quits", () => {
    const { status, stdout, stderr } = userboot([...PROMPT, "--input", `${STOP}echo one\\x20two\\rquit\\r`]);
    expect(stdout).toContain("one two");
    expect(stderr).toMatch(/^userboot: .*quit without entering a kernel/);
    expect(status).toBe(1);
  });

  it("3 when the guest asks for a reboot", () => {
    expect(userboot([...PROMPT, "--input", `${STOP}reboot\\r`]).status).toBe(3);
  });

  it("1 when keys run out, also those of a pipe", () => {
    const { status, stderr } = userboot([...PROMPT, "--input", `${STOP}`]);
    expect(stderr).toMatch(/^userboot: the guest waits for input/);
    expect(status).toBe(1);
    expect(userboot(PROMPT.concat("-e", "autoboot_delay=NO"), "set autoboot_delay=NO\r").status).toBe(1);
  });

  it.each([
    ["wallMs=300", "while true do end"],
    ["fuel=2M", "while true do end"],
    ["moduleMemory=4M", "for i = 1, 1000000 do loader.setenv('v' .. i, ('x'):rep(200)) end"],
    ["diskBytes=1M", "while true do local f = io.open('/boot/big') io.read(f, 500000) io.close(f) end"],
    ["consoleBytes=10", ""],
    ["swaps=0", ""],
  ])("1 when the limit %s is exceeded, with its name", (limit, script) => {
    const [name, allowed] = limit.split("=") as [string, string];
    // Each needs a guest of its own kind, or one that swaps.
    const start = name === "swaps" ? "4th" : "lua";
    const args = [
      "boot",
      "-d",
      LUA_GUEST,
      "--start",
      start,
      "-m",
      "64",
      "--clock",
      "virtual",
      "-e",
      `script=${script}`,
    ];
    const { status, stderr } = userboot([...args, "--limit", limit, "--input", "quit\\r"]);
    const bytes = Number.parseInt(allowed, 10) * (allowed.endsWith("M") ? 1024 * 1024 : 1);
    // What there was to boot from follows.
    expect(stderr).toMatch(new RegExp(`^userboot: limit ${name} exceeded: \\d+ of ${bytes} used\n(  .+\n){2,}$`));
    expect(status).toBe(1);
  });

  it("1 with disk, offset and structure when the guest is damaged", () => {
    const damaged = guestImage("amd64-ufs2-gpt");
    damaged.fill(0xff, 512, 1024);
    damaged.fill(0xff, damaged.length - 512);
    const image = scratch.file("damaged.img", damaged);
    const { status, stderr } = userboot([
      "boot",
      "-d",
      image,
      "--start",
      "simp",
      "--clock",
      "virtual",
      "--input",
      "quit\\r",
    ]);
    expect(stderr).toMatch(
      /^userboot: .*disk0 offset \d+: .*GPT.*\n {2}what was looked at.*\n {2}disk0: .*sectors of 512/,
    );
    expect(status).toBe(1);
  });
});

it("unpacks an image whose name ends in .gz", () => {
  const image = inRepository("images/i386-ufs1-mbr.img.gz");
  const { stdout } = userboot(["boot", "-d", image, ...PROMPT.slice(3), "--input", `${STOP}quit\\r`]);
  expect(stdout).toContain("booted from disk0s1a:");
});

describe("environment and memory", () => {
  it("are handed over as bhyveload does: last one first, its own two before them", () => {
    const args = ["-e", "a=1", "-e", "a=2", "-e", "caf\u00e9=\u20ac", "--input", `${STOP}show\\rquit\\r`];
    const { stdout } = userboot([...PROMPT, ...args]);
    expect(stdout).toMatch(/^a=1\r$/m);
    expect(stdout).toMatch(/^boot_serial=1\r$/m);
    expect(stdout).toMatch(/^smbios\.bios\.vendor=BHYVE\r$/m);
    expect(Buffer.from(stdout, "latin1").toString("utf8")).toContain("caf\u00e9=\u20ac\r");
  });

  it("leave bhyveload's variables out on request", () => {
    const { stdout } = userboot([...PROMPT, "--no-default-env", "--input", `${STOP}show\\rquit\\r`]);
    expect(stdout).not.toContain("boot_serial");
    expect(stdout).not.toContain("BHYVE");
  });
});

describe("output", () => {
  it("--json prints the result alone on stdout", () => {
    const { stdout, stderr, status } = userboot([...PROMPT, "--json", "--input", `${STOP}quit\\r`]);
    expect(JSON.parse(stdout)).toMatchObject({ reason: "exit", exitCode: 1, flavour: "simp" });
    expect(stderr).toContain("User boot simp");
    expect(status).toBe(1);
  });

  it("--out writes result.json and a sparse mem.bin of the guest's size", () => {
    const out = join(scratch.path, "deep", "out");
    userboot([...PROMPT, "-m", "64", "--out", out, "--input", `${STOP}quit\\r`]);
    expect(JSON.parse(readFileSync(join(out, "result.json"), "utf8")).reason).toBe("exit");
    const { size, blocks } = statSync(join(out, "mem.bin"));
    expect(size).toBe(64 * 1024 * 1024);
    expect(blocks * 512).toBeLessThan(16 * 1024 * 1024);
  });

  it("-c none keeps the guest silent", () => {
    expect(userboot([...PROMPT, "-c", "none", "--input", `${STOP}quit\\r`]).stdout).toBe("");
  });

  it("--input reads a file of raw keys and escapes", () => {
    const keys = scratch.file("keys", "\\w{1} echo raw\recho e\\x73caped\\rquit\r");
    const { stdout } = userboot([...PROMPT, "--input", `@${keys}`]);
    expect(stdout).toContain("\r\nraw\r\n");
    expect(stdout).toContain("\r\nescaped\r\n");
  });

  it("never writes to the image", () => {
    const before = readFileSync(IMAGE);
    const { mtimeMs } = statSync(IMAGE);
    userboot([...PROMPT, "--input", `${STOP}quit\\r`]);
    expect(readFileSync(IMAGE).equals(before)).toBe(true);
    expect(statSync(IMAGE).mtimeMs).toBe(mtimeMs);
  });
});

// util-linux's `script` gives the command a terminal of its own.
const SCRIPT = "/usr/bin/script";
const terminal = existsSync(SCRIPT);
if (!terminal) console.warn(`terminal tests need ${SCRIPT}`);

describe.skipIf(!terminal)("a terminal", () => {
  const settings = (command: string, input: string) =>
    spawnSync(SCRIPT, ["-qec", `${command}; echo; stty -a`, "/dev/null"], {
      encoding: "latin1",
      input,
      timeout: 20_000,
    }).stdout;
  const command = [process.execPath, CLI, ...PROMPT].join(" ");

  it.each([
    ["the guest quits", command, " quit\r", "User boot simp"],
    ["the user leaves", command, " \x1d", "boot aborted (left by the user)"],
    [
      "the process is terminated",
      `timeout --foreground --preserve-status -s TERM 3 ${command.replace("virtual", "real")}; echo status $?`,
      "",
      "boot aborted (SIGTERM)\r\nstatus 143",
    ],
  ])("is restored when %s", (_, run, input, shown) => {
    const text = settings(run, input);
    expect(text).toContain(shown);
    expect(text).toMatch(/[ ;]icanon/);
    expect(text).toMatch(/[ ;\n]echo /);
  });
});

describe("interpreters", () => {
  it.each(["4th", "simp"])("-l %s on a guest that wants Lua: both names, status 1", (loader) => {
    const { status, stderr } = userboot(["boot", "-d", LUA_GUEST, "-l", loader, "--clock", "virtual"]);
    expect(stderr).toBe(`userboot: guest wants interpreter "lua"; "${loader}" was forced\n`);
    expect(status).toBe(1);
  });

  it("-l lua on a guest that wants it, and none at all: Lua starts, and nothing is swapped", () => {
    for (const forced of [["-l", "lua"], []]) {
      const args = ["boot", "-d", LUA_GUEST, ...forced, "--clock", "virtual", "-e", "script=print('ran')", "--json"];
      const { stdout, stderr } = userboot([...args, "--input", "quit\\r"]);
      expect(JSON.parse(stdout)).toMatchObject({ reason: "exit", flavour: "lua", swaps: [] });
      expect(stderr).toContain("\r\nFreeBSD/amd64 User boot lua, Revision 1.2\r\n");
      expect(stderr).toContain("ran\r\n");
    }
  });

  it("without -l a guest that wants another one gets it", () => {
    const { stdout, stderr, status } = userboot(["boot", "-d", IMAGE, "--clock", "virtual", "--json", "--verbose"]);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      reason: "exec",
      flavour: "simp",
      swaps: ["simp"],
      interpreterChecks: [
        { flavour: "lua", found: "mark" },
        { flavour: "simp", found: "mark" },
      ],
    });
    expect(stderr).toMatch(/^userboot: interpreter lua: mark at offset \d+ of .*; wants "simp": swapped$/m);
    expect(stderr).toMatch(/^userboot: interpreter simp: mark at offset \d+ of .*; stays$/m);
  });

  it("--verbose tells which ran, and why", () => {
    const args = ["--clock", "virtual", "--verbose"];
    expect(userboot(["boot", "-d", LUA_GUEST, "-l", "simp", ...args]).stderr).toMatch(
      /^userboot: isolation: a process.*\nuserboot: interpreter simp: mark at offset 9 of the guest's \/boot\/loader; wants "lua": refused\n/,
    );
    expect(userboot([...PROMPT, ...args, "--input", `${STOP}quit\\r`]).stderr).toMatch(
      /^userboot: isolation: a process.*\nuserboot: interpreter simp: mark not looked for; stays\n/,
    );
    expect(told({ "/boot/loader": "old" })).toMatch(
      /^userboot: interpreter lua: no mark in the guest's \/boot\/loader; wants "4th": swapped$/m,
    );
    expect(told({ "/boot/loader": "old", "/boot/dloader.rc": "quit" })).toMatch(
      /^userboot: interpreter lua: no mark in the guest's \/boot\/loader, but DragonFly's dloader.rc; wants "simp": swapped$/m,
    );
  });

  it("--verbose tells whose loader is emulated, and why", () => {
    const version = { "/bin/freebsd-version": 'USERLAND_VERSION="14.1-RELEASE"\n' };
    const why = (files: Files, ...more: string[]) => told(files, ...more).match(/^userboot: loader of (.*)$/m)?.[1];
    expect(why({})).toBe("FreeBSD 12: nothing in the guest tells which");
    expect(why(version)).toBe("FreeBSD 14: /bin/freebsd-version says 14.1");
    expect(why(version, "--profile", "13")).toBe("FreeBSD 13: asked for");
    expect(why({ "/boot/lua/gfx-orb.lua": "" })).toBe("FreeBSD 13: by the scripts in /boot/lua");
  });
});

/** What `--verbose` says of a guest of these files that gets no further than its prompt. */
function told(files: Files, ...more: string[]): string {
  const disk = scratch.file("told.img", bytesOf(ufsDisk(files)));
  return userboot(["boot", "-d", disk, "--clock", "virtual", "--verbose", "--input", "quit\\r", ...more]).stderr;
}

function luaGuest(): string {
  const disk = ufsDisk({
    "/boot/loader": "a loader $Interpreter:lua\0",
    "/boot/big": "x".repeat(500_000),
    "/boot/lua/loader.lua": 'load(loader.getenv("script") or "")()\n',
  });
  return scratch.file("lua.img", bytesOf(disk));
}
