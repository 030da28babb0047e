// userboot-bhyve, the C program that reads machine files, with a double of libvmmapi (test/support/bhyve_double.ts): what it
// does with good files and with damaged ones; and `userboot bhyveload`, as scripts call it.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { boot, pack } from "userboot-wasm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Crc32c } from "../../build/host/handoff/crc32c.js";
import {
  COMPILER,
  compileDouble,
  complaints,
  doubleFiles,
  isThere,
  RELEASES,
  type Release,
  runDouble,
  whatItDid,
} from "../support/bhyve_double.js";
import { CLI, userboot } from "../support/cli.js";
import { GUESTS, guestImage } from "../support/guests.js";
import { inRepository } from "../support/repository.js";
import { Scratch } from "../support/scratch.js";
import { bytesOf } from "../support/sparse_disk.js";
import { ufsDisk } from "../support/ufs_image.js";

const MIB = 1024 * 1024;
const EX_USAGE = 64;
const EX_DATAERR = 65;
const releases = Object.keys(RELEASES) as Release[];
const scratch = new Scratch();
const programs = new Map<Release, string>();
let machine: Buffer;
let i386: Buffer;

const compiled = isThere(COMPILER);
if (!compiled) console.warn(`*** SKIPPED, no ${COMPILER}: userboot-bhyve ***`);

beforeAll(async () => {
  if (!compiled) return;
  for (const release of releases) programs.set(release, compileDouble(scratch, release));
  const packed = async (name: (typeof GUESTS)[keyof typeof GUESTS]) => {
    const options = { start: "simp", interfaceVersion: 4, clock: "virtual", isolation: "none" } as const;
    using result = await boot({ disks: [guestImage(name)], memory: 64 * MIB, ...options });
    return Buffer.from(await pack(result, "machine"));
  };
  [machine, i386] = [await packed(GUESTS.amd64), await packed(GUESTS.i386)];
});
afterAll(() => scratch[Symbol.dispose]());

const run = (bytes: Uint8Array, args = ["-m", "64", "guest"], environment: Record<string, string> = {}) =>
  runDouble(scratch, programs.get("12.1")!, args, bytes, environment);

/** `bytes` with changes at offsets, and the check made right again. */
function changed(bytes: Buffer, ...changes: [at: number, value: number | bigint][]): Buffer {
  const copy = Buffer.from(bytes);
  for (const [at, value] of changes) {
    if (typeof value === "bigint") copy.writeBigUInt64LE(value, at);
    else copy.writeUInt32LE(value, at);
  }
  return checked(copy);
}

function checked(copy: Buffer): Buffer {
  const crc = new Crc32c();
  crc.add(copy.subarray(0, -4));
  copy.writeUInt32LE(crc.value, copy.length - 4);
  return copy;
}

describe("CRC-32C", () => {
  test.each([
    ["123456789", 0xe3069283],
    ["\0".repeat(32), 0x8a9136aa],
    ["", 0],
  ])("of %j", (text, value) => {
    const crc = new Crc32c();
    crc.add(Buffer.from(text));
    expect(crc.value).toBe(value);
  });
});

describe.skipIf(!compiled)("userboot-bhyve", () => {
  test.each(["gcc", "clang"].filter(isThere).flatMap((compiler) => releases.map((one) => [compiler, one] as const)))(
    "%s has no complaint, for %s",
    (compiler, release) => expect(complaints(compiler, release)).toBe(""),
  );

  test.each(["amd64", "i386"])("sets an %s machine up", (arch) => {
    const { status, stderr, calls } = run(arch === "amd64" ? machine : i386);
    expect(stderr).toBe("");
    expect(status).toBe(0);
    expect(calls.at(-1)).toMatch(
      arch === "amd64" ? /^vm_setup_freebsd_registers 0 0xffffffff/ : /^vm_setup_freebsd_registers_i386 0 0x/,
    );
  });

  test("takes a virtual machine that is there", () => {
    const { status, calls } = run(machine, ["-m", "64M", "guest"], { DOUBLE_EXISTS: "1" });
    expect(status).toBe(0);
    expect(calls.slice(0, 5)).toEqual([
      ...["vm_create guest", "vm_open guest", "vm_reinit ", "vm_set_memflags 0", `vm_setup_memory ${64 * MIB} 1`],
    ]);
  });

  test("-C and -S are libvmmapi's flags", () => {
    expect(run(machine, ["-CS", "-m", "64M", "guest"]).calls).toContain("vm_set_memflags 3");
  });

  test.each(["vm_create", "vm_open", "vm_reinit", "vm_setup_memory", "caph_rights_limit", "caph_ioctls_limit"])(
    "ends with status 1 and a line when %s fails, and has read nothing",
    (name) => {
      const { status, stderr, calls } = run(machine, undefined, { DOUBLE_FAILS: name, DOUBLE_EXISTS: "1" });
      // A virtual machine that is there is no failure of vm_create; the double's failure comes first.
      expect(stderr).toMatch(/^userboot-bhyve[^\n]*: Operation not permitted\n$/);
      expect(status).toBe(1);
      expect(calls.at(-1)).toMatch(new RegExp(`^${name}`));
    },
  );

  test.each(["caph_limit_stdio", "caph_enter", "vm_set_register", "vm_set_desc", "vm_setup_freebsd_registers"])(
    "ends with status 1 and a line when %s fails",
    (name) => {
      const { status, stderr } = run(machine, undefined, { DOUBLE_FAILS: name });
      expect(stderr).toMatch(/^userboot-bhyve[^\n]*: [^\n]*: Operation not permitted\n$/);
      expect(status).toBe(1);
    },
  );

  test.each([[[]], [["a", "b"]], [["-x", "a"]], [["-m", "0", "a"]], [["-m", "5x", "a"]], [["-m", "-1", "a"]]])(
    "refuses the command line %j before it does anything",
    (args) => {
      const { status, stderr, calls } = run(machine, args);
      expect(status).toBe(EX_USAGE);
      expect(stderr).not.toBe("");
      expect(calls).toEqual([]);
    },
  );

  test.each<[what: string, file: () => Buffer, message: RegExp]>([
    ["nothing", () => Buffer.alloc(0), /ends early, in the header/],
    ["another file", () => Buffer.alloc(4096, "x"), /is no machine file/],
    ["another version", () => changed(machine, [8, 2]), /version 2 /],
    ["another kind", () => changed(machine, [12, 3]), /kind 3 /],
    ["other memory", () => changed(machine, [16, 32n * 1024n * 1024n]), /not as -m says/],
    ["too many requests", () => changed(machine, [32, 65]), /65 requests/],
    ["no requests", () => changed(machine, [32, 0]), /0 requests/],
    ["too many ranges", () => changed(machine, [36, 8193]), /8193 ranges/],
    ["another CR0", () => changed(machine, [72, 0x11n]), /registers aren't those/],
    ["another entry than was asked for", () => changed(machine, [48, 0x1000n]), /other registers than those/],
    ["an unknown request", () => changed(machine, [320, 9]), /request 0 .* isn't known/],
    ["an entry that isn't last", () => changed(machine, [320, 5]), /request 0 isn't where/],
    ["a range above memory", () => changed(machine, [range(), 1n << 40n]), /range 0 .* isn't in memory/],
    ["a range that wraps", () => changed(machine, [range(), 0xffff_ffff_ffff_f000n]), /range 0 .* is out of order/],
    ["an empty range", () => changed(machine, [range() + 8, 0n]), /range 0 .* is out of order/],
    ["a range longer than all", () => changed(machine, [range() + 8, 1n << 63n]), /range 0 .* is out of order/],
    ["ranges shorter than all", () => changed(machine, [40, machine.readBigUInt64LE(40) + 1n]), /have less than/],
    ["more behind its end", () => Buffer.concat([machine, Buffer.from("x")]), /more behind/],
    ["a damaged byte of memory", () => Buffer.from(machine).fill(0x5a, 40_000, 40_001), /is damaged/],
  ])("refuses %s", (_, file, message) => {
    const { status, stderr, calls } = run(file());
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^userboot-bhyve[^\n]*: [^\n]+\n$/);
    expect(status).toBe(EX_DATAERR);
    expect(calls.filter((call) => /^vm_set(_register|_desc|up_freebsd)/.test(call))).toEqual([]);
  });

  const range = () => 320 + 24 * machine.readUInt32LE(32);

  test("every truncated file is refused, and sets no register", () => {
    const sizes = fc.oneof(fc.integer({ min: 0, max: 700 }), fc.integer({ min: 0, max: machine.length - 1 }));
    fc.assert(
      fc.property(sizes, (size) => expectRefused(machine.subarray(0, size))),
      { numRuns: 60 },
    );
  });

  test("every damaged file is refused, and sets no register", () => {
    const place = fc.oneof(fc.integer({ min: 0, max: 700 }), fc.integer({ min: 0, max: machine.length - 1 }));
    fc.assert(
      fc.property(fc.constantFrom(machine, i386), place, fc.integer({ min: 1, max: 255 }), (file, at, flip) => {
        const copy = Buffer.from(file);
        copy[at % copy.length]! ^= flip;
        expectRefused(copy);
      }),
      { numRuns: 120 },
    );
  });

  test("a file made to fit its check is taken or refused, and never breaks the reader", () => {
    const words = fc.array(fc.tuple(fc.integer({ min: 0, max: 170 }), WORD), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.constantFrom(machine, i386), words, (file, changes) => {
        // Heads only, so that much is tried.
        const head = Buffer.concat([file.subarray(0, 700), Buffer.alloc(4)]);
        for (const [at, value] of changes) head.writeUInt32LE(value >>> 0, Math.min(at * 4, head.length - 8));
        const { status, stderr } = run(checked(head));
        expect([0, EX_DATAERR], stderr).toContain(status);
        expect(stderr).toMatch(/^(userboot-bhyve[^\n]*: [^\n]+\n)?$/);
      }),
      { numRuns: 200 },
    );
  });

  const WORD = fc.oneof(
    fc.constantFrom(0, 1, 2, 5, 63, 64, 65, 4096, 8192, 8193, 0x7fffffff, 0x80000000, 0xfffff000, 0xffffffff),
    fc.integer({ min: 0, max: 0xffffffff }),
  );

  function expectRefused(file: Uint8Array): void {
    const { status, stderr, calls } = run(file);
    expect(status, stderr).toBe(EX_DATAERR);
    expect(calls.filter((call) => /^vm_set(_register|_desc|up_freebsd)/.test(call))).toEqual([]);
  }
});

describe.skipIf(!compiled)("userboot pack --format machine", () => {
  test("writes the same to a file and to standard output, where the console isn't", () => {
    const disk = scratch.file("pack.img", guestImage(GUESTS.amd64));
    const file = join(scratch.path, "guest.machine");
    const words = ["--format", "machine", "-d", disk, "-m", "64M", "--clock", "virtual", "--start", "simp"];
    expect(userboot(["pack", ...words, "-o", file]).status).toBe(0);
    const { stdout, stderr, status } = userboot(["pack", ...words, "-o", "-"], { maxBuffer: 64 * MIB });
    expect(status).toBe(0);
    expect(stderr).toContain("Booting");
    expect(Buffer.from(stdout, "latin1").equals(readFileSync(file))).toBe(true);
    expect(run(readFileSync(file)).status).toBe(0);
    expect(userboot(["pack", ...words, "--json", "-o", "-"]).status).toBe(2);
  });
});

describe.skipIf(!compiled)("userboot bhyveload", () => {
  const bin = join(scratch.path, "bin");
  let environment: NodeJS.ProcessEnv;
  beforeAll(() => {
    scratch.file("disk.img", guestImage(GUESTS.amd64));
    mkdirSync(bin);
    symlinkSync(programs.get("14")!, join(bin, "userboot-bhyve"));
    // As a host has it: the wrapper that goes by bhyveload's name, and the two programs.
    symlinkSync(inRepository("handoff/bhyve/bhyveload"), join(bin, "bhyveload"));
    const path = scratch.file("bin/userboot", `#!/bin/sh\nexec "${process.execPath}" "${CLI}" "$@"\n`);
    spawnSync("chmod", ["+x", path]);
    environment = { ...process.env, ...doubleFiles(scratch), PATH: `${bin}${delimiter}${process.env.PATH}` };
  });

  const bhyveload = (line: string, more: NodeJS.ProcessEnv = {}) =>
    spawnSync("sh", ["-c", line], {
      encoding: "latin1",
      input: "",
      env: { ...environment, ...more },
      cwd: scratch.path,
      timeout: 60_000,
    });
  const calls = () => whatItDid(scratch).calls;

  // vm/bhyve/bhyve.go of syzkaller, lib/vm-guest of vm-bhyve: in the foreground, with memory wired and a loader named.
  test.each([
    ["syzkaller's", "bhyveload -c stdio -m 512M -d disk.img -e autoboot_delay=0 syzkaller-ci-0", 512, 0],
    ["vm-bhyve's", "bhyveload -m 256M -e autoboot_delay=0 -d disk.img guest", 256, 0],
    [
      "vm-bhyve's with wired memory and a loader",
      "bhyveload -S -m 1G -e autoboot_delay=0 -l /boot/userboot_simp.so -d disk.img guest",
      1024,
      2,
    ],
  ])("%s command line", (_, line, mib, flags) => {
    const { status, stdout, stderr } = bhyveload(line);
    expect(stderr).toBe("");
    expect(status).toBe(0);
    expect(stdout).toContain("Booting");
    const name = line.split(" ").at(-1);
    expect(calls().slice(0, 5)).toEqual([
      `vm_create ${name}`,
      `vm_open ${name}`,
      "vm_vcpu_open 0",
      `vm_set_memflags ${flags}`,
      `vm_setup_memory ${mib * MIB} 1`,
    ]);
    expect(calls().at(-1)).toMatch(/^vm_setup_freebsd_registers 0 0xffffffff/);
    expect(whatItDid(scratch).memory.size).toBeGreaterThan(40);
  });

  test("the memory map is bhyve's", () => {
    expect(bhyveload("bhyveload -m 5g -e autoboot_delay=0 -d disk.img g").status).toBe(0);
    expect(calls()).toContain(`vm_setup_memory ${5 * 1024 * MIB} 1`);
  });

  test.each([
    ["no virtual machine", "bhyveload -d disk.img", 1, "vmname"],
    ["two", "bhyveload -d disk.img a b", 1, "too many"],
    ["an unknown option", "bhyveload -z a", 1, "-z"],
    ["a disk that isn't there", "bhyveload -d nowhere.img a", EX_USAGE, "nowhere.img"],
    ["a size that is none", "bhyveload -m 5x -d disk.img a", EX_USAGE, "5x"],
    ["memory of broken pages", "bhyveload -m 1025k -d disk.img a", EX_USAGE, "1025k"],
    ["a loader that there isn't", "bhyveload -l /boot/userboot_x.so -d disk.img a", EX_USAGE, "userboot_x"],
    ["a console that is none", "bhyveload -c disk.img -d disk.img a", EX_USAGE, "disk.img"],
    ["a console that isn't there", "bhyveload -c /dev/nmdm-no -d disk.img a", EX_USAGE, "/dev/nmdm-no"],
    ["no program", "bhyveload --handoff ./nothing -d disk.img a", EX_USAGE, "./nothing"],
  ])("%s: a line and the status, and no virtual machine is made", (_, line, expected, text) => {
    spawnSync("rm", ["-f", doubleFiles(scratch).DOUBLE_CALLS]);
    const { status, stderr } = bhyveload(line);
    expect(stderr).toMatch(/^userboot: [^\n]+\n$/);
    expect(stderr).toContain(text);
    expect(status).toBe(expected);
    expect(calls()).toEqual([]);
  });

  test("a virtual machine that can't be made ends the boot, with status 1", () => {
    const { status, stderr } = bhyveload("bhyveload -e autoboot_delay=10 -d disk.img a", { DOUBLE_FAILS: "vm_create" });
    expect(stderr).toContain("vm_create: a: Operation not permitted");
    expect(status).toBe(1);
  });

  test.each([
    ["reboot", 2],
    ["quit", 1],
  ])("a loader that ends with %s: the status is bhyveload's, and no register is set", (command, expected) => {
    scratch.file("other.img", bytesOf(ufsDisk({ "/boot/loader.rc": `${command}\n` })));
    const { status } = bhyveload("bhyveload -l userboot_simp.so -d other.img a");
    expect(status).toBe(expected);
    expect(calls().some((call) => call.startsWith("vm_set_register"))).toBe(false);
  });

  test("a program that ends without taking the machine is a failure", () => {
    expect(bhyveload("bhyveload --handoff /bin/true -e autoboot_delay=1 -d disk.img a").status).toBe(1);
  });

  test.skipIf(!isThere("script"))("-c DEVICE: the console is a terminal, left as it was", async () => {
    await using terminal = await openTerminal();
    const before = settings(terminal.path);
    const child = spawn("bhyveload", ["-c", terminal.path, "-e", "autoboot_delay=100", "-d", "disk.img", "a"], {
      env: environment,
      cwd: scratch.path,
      stdio: "ignore",
    });
    const ended = new Promise((resolve) => child.once("close", resolve));
    while (!terminal.text().includes("Hit [Enter]")) await sleep(20);
    expect(settings(terminal.path)).not.toBe(before);
    terminal.type("\r");
    expect(await ended).toBe(0);
    expect(terminal.text()).toContain("Booting");
    expect(terminal.text()).toContain("\r\n");
    expect(terminal.text()).not.toContain("\r\r\n");
    expect(settings(terminal.path)).toBe(before);
    expect(calls().at(-1)).toMatch(/^vm_setup_freebsd_registers/);
  });

  /** A pseudo-terminal, its name and what was written to it. */
  async function openTerminal() {
    const name = join(scratch.path, "tty");
    const holder: ChildProcess = spawn("script", ["-qfec", `tty > ${name}; exec sleep 60`, "/dev/null"], {
      stdio: ["pipe", "pipe", "ignore"],
    });
    let seen = "";
    holder.stdout!.on("data", (bytes: Buffer) => {
      seen += bytes.toString("latin1");
    });
    while (!existsSync(name) || !readFileSync(name, "utf8").endsWith("\n")) await sleep(20);
    return {
      path: readFileSync(name, "utf8").trim(),
      text: () => seen,
      type: (keys: string) => holder.stdin!.write(keys),
      async [Symbol.asyncDispose]() {
        holder.kill("SIGKILL");
        await new Promise((resolve) => holder.once("close", resolve));
      },
    };
  }

  const settings = (path: string) => spawnSync("sh", ["-c", `stty -g < ${path}`], { encoding: "utf8" }).stdout;
});
