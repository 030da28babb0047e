// The commands that look into images, as programs: what they print, their exit statuses, and bad input in one line.

import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { afterAll, describe, expect, it } from "vitest";
import { CLI, userboot } from "../support/cli.js";
import { guestImage } from "../support/guests.js";
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
const here = ["--isolation", "none"];
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

describe("ls", () => {
  it("lists names in order, and all of them with -l and -R", () => {
    expect(userboot(["ls", "-d", image, ...here, "/boot"]).stdout).toBe("gone\nlink\nloader.conf\nsame\n");
    const long = userboot(["ls", "-lR", "-d", image, ...here]).stdout;
    expect(long).toMatch(/^\/:\ndrwxr-xr-x 0 0 +\d+ \S+ +\S* *boot\n-rw-r--r-- .* evil\?\]0;title\?\n\n\/boot:\n/);
    expect(long).toMatch(/^lrwxr-xr-x 0 0 +4 .* link -> same$/m);
  });

  it("gives JSON, and says what isn't there", () => {
    const [list] = JSON.parse(userboot(["ls", "--json", "-d", image, ...here, "disk0:/boot"]).stdout);
    expect(list.path).toBe("disk0:/boot");
    expect(list.entries[0]).toMatchObject({ name: "gone", type: "file", size: 5, mode: 0o644, uid: 0 });
    const said = { status: 2, stdout: "", stderr: "userboot: /none: no such file or directory\n" };
    expect(userboot(["ls", "-d", image, ...here, "/none"])).toMatchObject(said);
  });
});

describe("cat, hash and diff", () => {
  it("write out files and digests", () => {
    expect(userboot(["cat", "-d", image, ...here, "/boot/same", "/boot/link"]).stdout).toBe("same\nsame\n");
    const lines = `${sha256("gone\n")}  /boot/gone\n${sha256('a="1"\n')}  /boot/loader.conf\n${sha256("same\n")}  /boot/same\n`;
    const hashed = userboot(["hash", "-d", image, ...here, "/boot"]).stdout;
    expect(hashed.split("\n").sort()).toEqual(lines.split("\n").sort());
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

describe("bad input is one line and status 2", () => {
  it.each([
    [["inspect"], "no disk given (use -d IMAGE)"],
    [["ls", "-d", "/nonexistent.img"], "/nonexistent.img: no such file"],
    [["cat", "-d", image], "missing required argument 'paths'"],
    [["get", "-d", image, "/boot", "x", "--tar", "-"], "--tar and a destination don't go together"],
    [["get", "-d", image, "/boot", "--tar", "file"], "--tar takes -, the standard output"],
    [["cat", "-d", image, "--json", "/boot/same"], "unknown option '--json'"],
    [["diff", "-d", image, image, other], "diff takes its images as they stand, not by -d"],
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
  for (const pid of started ?? []) expect(() => process.kill(pid, 0)).toThrow();
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

it("the guest of the project boots, and that is said", () => {
  const path = scratch.file("guest.img", guestImage("amd64-ufs2-gpt"));
  const { status, stdout } = userboot(["inspect", "-d", path]);
  expect(status).toBe(0);
  expect(stdout).toMatch(/^disk0: raw, 1\.1 MiB in sectors of 512, GPT$/m);
  expect(stdout).toMatch(/^will boot: disk0p2: with simp, \/boot\/kernel\/kernel, root ufs:\/dev\/vtbd0p2$/m);
});
