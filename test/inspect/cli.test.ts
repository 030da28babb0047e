// The commands that look into images, as programs: what they print, their exit statuses, and bad input in one line.

import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { afterAll, describe, expect, it, vi } from "vitest";
import { CLI, userboot } from "../support/cli.js";
import { guestImage } from "../support/guests.js";
import { qcow2Image } from "../support/image_formats.js";
import { children } from "../support/resources.js";
import { Scratch } from "../support/scratch.js";
import { UfsImage } from "../support/ufs_image.js";

const scratch = new Scratch();
afterAll(() => scratch[Symbol.dispose]());

type Fill = (image: UfsImage) => void;

/** The path of a UFS image that `fill` fills. */
function imageOf(name: string, fill: Fill): string {
  const image = new UfsImage({ version: 2, blockSize: 4096, fragmentSize: 512, superblockAt: 65536 });
  fill(image);
  const disk = image.finish();
  const bytes = Buffer.alloc(disk.size);
  disk.read(0, bytes);
  return scratch.file(name, bytes);
}

const tree: Fill = (image) => {
  const boot = image.directory(image.root, "boot");
  image.file(boot, "loader.conf", 'a="1"\n');
  image.file(boot, "same", "same\n");
  image.file(boot, "gone", "gone\n");
  image.link(boot, "link", "same");
  image.file(image.root, "evil\x1b]0;title\x07", "x");
};
const image = imageOf("old.img", tree);
const other = imageOf("new.img", (into) => {
  const boot = into.directory(into.root, "boot");
  into.file(boot, "loader.conf", 'a="2"\n');
  into.file(boot, "same", "same\n");
  into.file(boot, "more", "more\n");
  into.link(boot, "link", "more");
});
/** One without /boot, and what is no image. */
const bare = imageOf("bare.img", (into) => void into.file(into.root, "etc", "x"));
const noise = scratch.file("noise.img", Buffer.alloc(65_536, "noise"));
const here = ["--isolation", "none"];
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

describe("ls", () => {
  it("lists names in order, and all of them with -l and -R", () => {
    expect(userboot(["ls", "-d", image, ...here, "/boot"]).stdout).toBe("gone\nlink\nloader.conf\nsame\n");
    const long = userboot(["ls", "-lR", "-d", image, ...here]).stdout;
    expect(long).toMatch(/^\/:\ndrwxr-xr-x 0 0 +\d+ \S+ +\S* *boot\n-rw-r--r-- .* evil\?\]0;title\?\n\n\/boot:\n/);
    expect(long).toMatch(/^lrwxr-xr-x 0 0 +4 .* link -> same$/m);
  });

  it("shows directories by their names, as all that goes through a tree does", () => {
    const turned = imageOf("turned.img", (into) => {
      for (const name of ["z", "m", "a"]) into.file(into.directory(into.root, name), "file", name);
    });
    const titles = userboot(["ls", "-R", "-d", turned, ...here]).stdout.match(/^.*:$/gm);
    expect(titles).toEqual(["/:", "/a:", "/m:", "/z:"]);
    expect(userboot(["hash", "-d", turned, ...here, "/"]).stdout.match(/\S+$/gm)).toEqual([
      "/a/file",
      "/m/file",
      "/z/file",
    ]);
    expect(userboot(["get", "-d", turned, ...here, "", `${scratch.path}/turned`])).toMatchObject({
      status: 0,
      stderr: "",
    });
    expect(readdirSync(`${scratch.path}/turned`)).toEqual(["a", "m", "z"]);
  });

  it("gives JSON, and says what isn't there", () => {
    const [list] = JSON.parse(userboot(["ls", "--json", "-d", image, ...here, "disk0:/boot"]).stdout);
    expect(list.path).toBe("disk0:/boot");
    expect(list.entries[0]).toMatchObject({ name: "gone", type: "file", size: 5, mode: 0o644, uid: 0 });
    const said = { status: 2, stdout: "", stderr: "userboot: /none: no such file or directory\n" };
    expect(userboot(["ls", "-d", image, ...here, "/none"])).toMatchObject(said);
  });
});

it("a name is shown as itself, whatever other text its bytes would be once more", () => {
  const bytes = (text: string) => Buffer.from(text).toString("latin1");
  const image = imageOf("twice.img", (into) => {
    into.file(into.directory(into.root, "boot"), bytes("Ã©"), "x");
    into.file(into.root, bytes("é"), "x");
  });
  const utf8 = { encoding: "utf8" as const };
  expect(userboot(["ls", "-R", "-d", image, ...here], utf8).stdout).toBe("/:\nboot\né\n\n/boot:\nÃ©\n");
  expect(userboot(["hash", "-d", image, ...here, "/boot"], utf8).stdout).toBe(`${sha256("x")}  /boot/Ã©\n`);
  expect(userboot(["diff", image, other, ...here], utf8).stdout).toContain("- /boot/Ã©\n");
});

describe("cat, hash and diff", () => {
  it("write out files and digests", () => {
    expect(userboot(["cat", "-d", image, ...here, "/boot/same", "/boot/link"]).stdout).toBe("same\nsame\n");
    const lines = `${sha256("gone\n")}  /boot/gone\n${sha256('a="1"\n')}  /boot/loader.conf\n${sha256("same\n")}  /boot/same\n`;
    const hashed = userboot(["hash", "-d", image, ...here, "/boot"]).stdout;
    expect(hashed).toBe(lines);
    expect(userboot(["cat", "-d", image, ...here, "/boot"])).toMatchObject({
      status: 2,
      stderr: "userboot: /boot: is a directory\n",
    });
  });

  it("tell what changed between two images", () => {
    const { status, stdout } = userboot(["diff", image, other, ...here]);
    expect(status).toBe(1);
    expect(stdout).toBe(
      "- /boot/gone\n! /boot/link  to same, then to more\n! /boot/loader.conf  content\n+ /boot/more\n",
    );
    expect(userboot(["diff", image, image, ...here])).toMatchObject({ status: 0, stdout: "" });
    expect(JSON.parse(userboot(["diff", "--json", image, other, ...here]).stdout)[0]).toEqual({
      mark: "-",
      path: "/boot/gone",
    });
  });
});

describe("diff", () => {
  it("takes a file, and what only one image has", () => {
    const diff = (...args: string[]) => userboot(["diff", ...args, ...here]);
    expect(diff(image, other, "/boot/loader.conf")).toMatchObject({
      status: 1,
      stdout: "! /boot/loader.conf  content\n",
    });
    expect(diff(image, other, "/boot/same")).toMatchObject({ status: 0, stdout: "" });
    expect(diff(image, other, "/boot/more")).toMatchObject({ status: 1, stdout: "+ /boot/more\n" });
    expect(diff(image, bare)).toMatchObject({
      status: 1,
      stdout: "- /boot\n- /boot/gone\n- /boot/link\n- /boot/loader.conf\n- /boot/same\n",
    });
    expect(diff(image, other, "/none").stderr).toBe("userboot: /none: in neither of the images\n");
    expect(diff(image, noise).stderr).toBe(`userboot: ${noise}: /boot: no file system that is read here\n`);
  });

  it("takes an image with the one that it is made on", () => {
    const qcow2 = scratch.file("new.qcow2", qcow2Image(readFileSync(image), { backing: true }).bytes);
    const both = ["diff", "-d", other, "-d", `qcow2:${qcow2}`, "--backing", image, ...here];
    expect(userboot([...both, "/boot/gone"])).toMatchObject({ status: 1, stdout: "+ /boot/gone\n" });
    const turned = ["diff", "-d", `qcow2:${qcow2}`, "--backing", image, "-d", image, ...here, "/"];
    expect(userboot(turned)).toMatchObject({ status: 0, stdout: "", stderr: "" });
  });
});

describe("devices, sockets and FIFOs", () => {
  const special = imageOf("special.img", (into) => {
    const inode = into.file(into.root, "pipe", "");
    const finish = into.finish.bind(into);
    into.finish = () => {
      const disk = finish();
      disk.write(into.inodeOffset(inode), Buffer.from([0xa4, 0x11]));
      return disk;
    };
  });

  it.each(["cat", "hash"])("%s says that they have no content", (command) => {
    const line = "userboot: /pipe: is neither a file nor a directory, but a device, a socket or a FIFO\n";
    expect(userboot([command, "-d", special, ...here, "/pipe"])).toMatchObject({ status: 2, stdout: "", stderr: line });
  });
});

it("files that can't be read are no files that are the same", () => {
  const damaged = (name: string) =>
    imageOf(name, (into) => {
      const inode = into.file(into.directory(into.root, "boot"), "lost", "x".repeat(100));
      const finish = into.finish.bind(into);
      into.finish = () => {
        const disk = finish();
        // Its first block lies nowhere.
        disk.write(into.inodeOffset(inode) + 112, Buffer.alloc(8, 0x7f));
        return disk;
      };
    });
  const { status, stdout } = userboot(["diff", damaged("one.img"), damaged("two.img"), ...here]);
  expect([status, stdout]).toEqual([
    1,
    expect.stringMatching(/^! \/boot\/lost {2}can't be compared: \/boot\/lost: .*\n$/),
  ]);
});

/** An image with a directory and a file whose content is nowhere, and others behind them. */
const partly = imageOf("partly.img", (into) => {
  const boot = into.directory(into.root, "boot");
  const lost = [into.directory(boot, "lost"), into.file(boot, "damaged", "x".repeat(100))];
  into.file(into.directory(boot, "more"), "file", "file\n");
  into.file(into.root, "last", "last\n");
  const finish = into.finish.bind(into);
  into.finish = () => {
    const disk = finish();
    for (const inode of lost) disk.write(into.inodeOffset(inode) + 112, Buffer.alloc(8, 0x7f));
    return disk;
  };
});

describe("a directory that can't be read is named, and the rest is shown", () => {
  const lost = /^userboot: \/boot\/lost: can't be read[^\n]*\n$/;

  it.each([[["-R"]], [["-lR"]], [["-R", "--json"]]])("ls %j", (options) => {
    const { status, stderr, stdout } = userboot(["ls", ...options, "-d", partly, ...here]);
    expect([status, stderr]).toEqual([1, expect.stringMatching(lost)]);
    if (options.includes("-R") && options.length === 1)
      expect(stdout).toBe("/:\nboot\nlast\n\n/boot:\ndamaged\nlost\nmore\n\n/boot/more:\nfile\n");
    else for (const name of ["last", "damaged", "lost", "more", "file"]) expect(stdout).toContain(name);
  });

  it("hash, which names a file that can't be read as well", () => {
    const { status, stderr, stdout } = userboot(["hash", "-d", partly, ...here, "/"]);
    expect(status).toBe(1);
    const names = ["/boot/damaged", "/boot/lost"];
    expect(stderr.replace(/: can't be read[^\n]*/g, "")).toBe(names.map((name) => `userboot: ${name}\n`).join(""));
    expect(stdout.split("\n").sort()).toEqual(
      ["", `${sha256("last\n")}  /last`, `${sha256("file\n")}  /boot/more/file`].sort(),
    );
    expect(userboot(["hash", "-d", partly, ...here, "/boot/lost"])).toMatchObject({ status: 2, stdout: "" });
  });

  it("diff, which tells nothing of what is below", () => {
    const whole = imageOf("whole.img", (into) => {
      const boot = into.directory(into.root, "boot");
      into.file(into.directory(boot, "lost"), "inside", "x");
      into.file(boot, "damaged", "x".repeat(100));
      into.file(into.directory(boot, "more"), "file", "file\n");
    });
    const { status, stderr, stdout } = userboot(["diff", partly, whole, ...here]);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^userboot: \S+partly\.img: \/boot\/lost: can't be read[^\n]*\n$/);
    expect(stdout.replace(/: can't be read[^\n]*/g, "")).toBe(
      "! /boot/damaged  can't be compared: /boot/damaged\n! /boot/lost  can't be compared: /boot/lost\n",
    );
    const same = userboot(["diff", partly, partly, ...here]);
    expect([same.status, same.stdout.match(/can't be compared/g)]).toEqual([1, Array(2).fill("can't be compared")]);
  });
});

it("diff tells of another owner", () => {
  const owned = (name: string, owner: number) =>
    imageOf(name, (into) => {
      const inode = into.file(into.directory(into.root, "boot"), "kernel", "kernel");
      const finish = into.finish.bind(into);
      into.finish = () => {
        const disk = finish();
        disk.write(into.inodeOffset(inode) + 4, Buffer.from([owner, 0, 0, 0]));
        return disk;
      };
    });
  const { status, stdout } = userboot(["diff", owned("root.img", 0), owned("user.img", 9), ...here]);
  expect([status, stdout]).toEqual([1, "! /boot/kernel  owner 0:0, then 9:0\n"]);
});

it("what stands beside a directory of the same name hides nothing of it", () => {
  const image = imageOf("beside.img", (into) => {
    into.file(into.directory(into.directory(into.root, "a"), "b"), "inside", "x");
    into.directory(into.root, "a/b");
    into.directory(into.root, "a");
  });
  const { status, stderr, stdout } = userboot(["ls", "-R", "-d", image, ...here]);
  const a = "another entry has its name";
  const b = "its name is no name of a file";
  expect([status, stderr]).toEqual([1, `userboot: /a: ${a}\nuserboot: /a/b: ${b}\n`]);
  expect(stdout).toBe(`/:\na\na (${a})\na/b (${b})\n\n/a:\nb\n\n/a/b:\ninside\n`);
  expect(userboot(["hash", "-d", image, ...here, "/"])).toMatchObject({
    status: 1,
    stderr,
    stdout: expect.stringMatching(/ {2}\/a\/b\/inside\n$/),
  });
});

describe("bad input is one line and status 2", () => {
  it.each([
    [["inspect"], "no disk given (use -d IMAGE)"],
    [["inspect", image], "Expected 0 arguments but got 1: a disk is given by -d IMAGE"],
    [["ls", image, "/boot"], "Expected 1 argument but got 2: a disk is given by -d IMAGE"],
    [["get", "-d", image, "/boot", "/none/x"], "/none/x can't be written (no such directory)"],
    [["ls", "-d", "/nonexistent.img"], "/nonexistent.img: no such file"],
    [["cat", "-d", image], "missing required argument 'paths'"],
    [["get", "-d", image, "/boot", "x", "--tar", "-"], "--tar and a destination don't go together"],
    [["get", "-d", image, "/boot", "--tar", "file"], "--tar takes -, the standard output"],
    [["cat", "-d", image, "--json", "/boot/same"], "unknown option '--json'"],
    [["diff", image], "diff takes two images, IMAGE1 IMAGE2 or -d IMAGE1 -d IMAGE2"],
    [["diff", "-d", image, image, other], "diff takes two images"],
    [["diff", image, other, "/boot", "/etc"], "one path at most"],
    [["diff", image, other, "--backing", image], "there is no disk before it (-d IMAGE)"],
    [["inspect", "-d", image, "--limit", "speed=1"], "unknown limit 'speed'"],
    [["ls", "-d", image, "--limit", "entries=2", "/boot"], "limit entries exceeded: 3 of 2 used"],
    [["ls", "-d", image, "disk0p9:/"], "disk0p9:/: no such device or pool"],
    [["ls", "-d", image, "nosuch:/"], "nosuch:/: no such device or pool"],
    [["ls", "-d", image, "zfs:none:/"], "zfs:none:/: no such device or pool"],
    [["ls", "-d", image, "disk9:/"], "disk9:/: no such device or pool"],
  ])("%j", (args, line) => {
    const { status, stderr, stdout } = userboot(args);
    expect([status, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(/^userboot: [^\n]*\n$/);
    expect(stderr).toContain(line);
  });
});

it("a signal ends a request that goes on for ever, and its process", { timeout: 30_000 }, async () => {
  const endless = imageOf("endless.img", (into) => {
    const inode = into.sparse(into.root, "endless", 4096, []);
    const size = Buffer.alloc(8);
    size.writeBigUInt64LE(1n << 50n);
    const finish = into.finish.bind(into);
    into.finish = () => {
      const disk = finish();
      disk.write(into.inodeOffset(inode) + 16, size);
      return disk;
    };
  });
  const child = spawn(process.execPath, [CLI, "hash", "-d", endless, "/endless"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = new Promise<NodeJS.Signals | null>((resolve) => child.once("exit", (_, signal) => resolve(signal)));
  await new Promise((resolve) => setTimeout(resolve, 2500));
  const started = children(child.pid!);
  child.kill("SIGTERM");
  expect(await ended).toBe("SIGTERM");
  // They are ended with it, and gone as soon as the system has taken note.
  await vi.waitFor(() => {
    for (const pid of started ?? []) expect(() => process.kill(pid, 0)).toThrow();
  }, 10_000);
});

it("a reader who goes away ends it, and nobody is told", () => {
  const many = imageOf("many.img", (into) => {
    for (let i = 0; i < 300; i++) into.file(into.root, `f${i}`, "x".repeat(5000));
  });
  for (const command of ["hash", "get --tar -", "ls -lR"]) {
    const line = `"$0" "$1" ${command} -d ${many} --isolation none / | true; echo "\${PIPESTATUS[0]}"`;
    const { stdout, stderr } = spawnSync("bash", ["-c", line, process.execPath, CLI], { encoding: "latin1" });
    expect([command, stdout, stderr]).toEqual([command, "2\n", ""]);
  }
});

it("an image that is none, and one with nothing to boot, are told as that", () => {
  const nothing = userboot(["inspect", "-d", noise, ...here]);
  expect([nothing.status, nothing.stderr]).toEqual([1, ""]);
  expect(nothing.stdout).toMatch(/^ {2}disk0: {2}nothing known by sight$/m);
  expect(nothing.stdout).not.toMatch(/ $/m);
  const empty = userboot(["inspect", "-d", bare, ...here]).stdout;
  expect(empty).toMatch(/^boot device disk0:$/m);
  expect(empty).toMatch(/^won't boot: kernel: \/boot\/kernel\/kernel: no such file or directory$/m);
  expect(empty).not.toContain("would be booted");
});

it("file systems where nothing is booted from are pointed at", () => {
  // A slice of FreeBSD's without a label in it isn't looked into.
  const slice = readFileSync(image);
  const table = Buffer.alloc(512);
  table.writeUInt8(0x80, 446);
  table.writeUInt8(0xa5, 446 + 4);
  table.writeUInt32LE(1, 446 + 8);
  table.writeUInt32LE(slice.length / 512, 446 + 12);
  table.writeUInt16LE(0xaa55, 510);
  const { status, stdout } = userboot([
    "inspect",
    "-d",
    scratch.file("slice.img", Buffer.concat([table, slice])),
    ...here,
  ]);
  expect(status).toBe(1);
  expect(stdout.split("\n").slice(-3)).toEqual([
    "won't boot: disk0: no file system that is read here",
    "there are file systems on disk0s1: (boot --currdev disk0s1:)",
    "",
  ]);
});

it("the guest of the project boots, and that is said", () => {
  const path = scratch.file("guest.img", guestImage("amd64-ufs2-gpt"));
  const { status, stdout } = userboot(["inspect", "-d", path]);
  expect(status).toBe(0);
  expect(stdout).toMatch(/^disk0: raw, 1\.10 MiB in sectors of 512, GPT$/m);
  expect(stdout).toMatch(/^will boot: disk0p2: with simp, \/boot\/kernel\/kernel, root ufs:\/dev\/vtbd0p2$/m);
});
