// Files that the caller lays over the guest's (docs/overlays.md): what is found in whose place; and that a loader sees of them
// what it would see of the same files on the disk.

import { gzipSync } from "node:zlib";
import fc from "fast-check";
import type { BootOptions } from "userboot-wasm";
import { describe, expect, it } from "vitest";
import { prompt } from "../support/prompt.js";
import { type Files, UfsImage, ufsDisk } from "../support/ufs_image.js";

const bytes = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.from(text, "latin1"));
const shown = (path: string, content: string) => `*** FILE ${path} BEGIN ***\n${content}*** FILE ${path} END ***\n`;
const GUEST: Files = {
  "/boot/loader.conf": "the guest's\n",
  "/boot/loader.conf.local": "local\n",
  "/boot/kernel/kernel": "kernel\n",
  "/boot/kernel/mod.ko": "module\n",
  "/etc/fstab": "fstab\n",
};

/** What `commands` print on a guest with `overlay`. */
async function over(
  overlay: BootOptions["overlay"],
  commands: readonly string[],
  guest: Parameters<typeof prompt>[0] = GUEST,
  options: BootOptions = {},
) {
  return prompt(guest, commands, { ...options, ...(overlay && { overlay }) });
}

describe("an overlay", () => {
  it("is found in the place of the guest's files, or hides them, and tells what was used", async () => {
    const { output, result } = await over(
      { "/boot/loader.conf": bytes("ours\n"), "/boot/loader.conf.local": null, "/boot/new": bytes("new\n") },
      ["more /boot/loader.conf", "more /boot/loader.conf.local", "more /etc/fstab", "more disk0:/boot/loader.conf"],
    );
    expect(output[0]).toBe(shown("/boot/loader.conf", "ours\n"));
    expect(output[1]).toContain("no such file");
    expect(output[2]).toBe(shown("/etc/fstab", "fstab\n"));
    expect(output[3]).toBe(shown("disk0:/boot/loader.conf", "ours\n"));
    expect(result.overlay).toEqual([
      { path: "/boot/loader.conf", used: true },
      { path: "/boot/loader.conf.local", used: true },
      { path: "/boot/new", used: false },
    ]);
  });

  it("is in listings: what is added, not what is hidden, nothing twice, with the types and sizes of its own", async () => {
    const { output } = await over(
      {
        "/boot/kernel/mod.ko": null,
        "/boot/kernel/kernel": bytes("twelve bytes"),
        "/boot/kernel/new.ko": bytes("12345"),
        "/boot/other/deep/file": bytes("x"),
        "/etc": null,
        "/boot/loader.conf/now/a/directory": bytes(""),
        "/boot/nothing/here": null,
      },
      [
        "ls -l /boot/kernel",
        "ls /boot",
        "ls /",
        "ls /boot/other",
        "ls /boot/nothing",
        "ls /etc",
        "ls /boot/loader.conf",
      ],
    );
    expect(output[0]).toBe("/boot/kernel\n         12 kernel\n          5 new.ko\n");
    expect(output[1]).toBe("/boot\n d  loader.conf\n    loader.conf.local\n d  kernel\n d  other\n");
    expect(output[2]).toBe("/\n d  boot\n");
    expect(output[3]).toBe("/boot/other\n d  deep\n");
    expect(output[4]).toContain("no such file");
    expect(output[5]).toContain("no such file");
    expect(output[6]).toBe("/boot/loader.conf\n d  now\n");
  });

  it("may have a file where the guest has a directory, and the reverse", async () => {
    const { output } = await over({ "/boot/kernel": bytes("a file\n"), "/boot/loader.conf/x": bytes("x\n") }, [
      "more /boot/kernel",
      "more /boot/kernel/kernel",
      "more /boot/loader.conf/x",
      "ls -l /boot",
      "more /boot/loader.conf/y",
    ]);
    expect(output[0]).toBe(shown("/boot/kernel", "a file\n"));
    expect(output[1]).toContain("no such file");
    expect(output[2]).toBe(shown("/boot/loader.conf/x", "x\n"));
    expect(output[3]).toMatch(/^\/boot\n d +\d+ loader.conf\n +6 loader.conf.local\n +7 kernel\n$/);
    expect(output[4]).toContain("no such file");
  });

  it("shows only its own of a directory that it hides", async () => {
    const { output } = await over({ "/boot": null, "/boot/mine": bytes("mine\n") }, [
      "ls /boot",
      "more /boot/mine",
      "more /boot/loader.conf",
      "ls /",
    ]);
    expect(output[0]).toBe("/boot\n    mine\n");
    expect(output[1]).toBe(shown("/boot/mine", "mine\n"));
    expect(output[2]).toContain("no such file");
    expect(output[3]).toBe("/\n d  boot\n d  etc\n");
  });

  it("is found by paths as the loader takes them", async () => {
    const overlay = { "//boot/./x/../loader.conf": bytes("ours\n"), "/../../top": bytes("top\n") };
    const paths = [
      "/boot/loader.conf",
      "//boot//loader.conf",
      "/boot/./loader.conf",
      "/boot/kernel/../loader.conf",
      "/../boot/loader.conf/",
      "/a/b/../../boot/loader.conf",
    ];
    const { output, result } = await over(overlay, [
      ...paths.map((path) => `more ${path}`),
      "more /top",
      "more /../top",
    ]);
    paths.forEach((path, i) => {
      expect(output[i]).toBe(shown(path, "ours\n"));
    });
    expect(output.slice(-2)).toEqual([shown("/top", "top\n"), shown("/../top", "top\n")]);
    expect(result.overlay?.map(({ path }) => path)).toEqual(["/boot/loader.conf", "/top"]);
  });

  it("is for the device that is booted from, or for one that is named", async () => {
    const disks = () => [ufsDisk(GUEST), ufsDisk({ ...GUEST, "/second": "second\n" })];
    const { output, result } = await over(
      { "/boot/loader.conf": bytes("first\n"), "disk1:/boot/loader.conf": bytes("other\n"), "disk1:/second": null },
      [
        "more /boot/loader.conf",
        "more disk1:/boot/loader.conf",
        "set currdev=disk1:",
        "more /boot/loader.conf",
        "ls /",
      ],
      disks(),
    );
    expect(output[0]).toContain("\nfirst\n");
    expect(output[1]).toContain("\nother\n");
    expect(output[3]).toContain("\nother\n");
    expect(output[4]).toBe("/\n d  boot\n d  etc\n");
    expect(result.overlay?.map(({ used }) => used)).toEqual([true, true, false]);
    const both = await over({ "/x": bytes(""), "disk0:/x": null }, [], disks());
    expect(both.result.error).toMatchObject({
      name: "OptionError",
      message: "overlay disk0:/x: it is there twice, or as a file and as a directory",
    });
    const none = await over({ "disk7p1:/x": null }, [], disks());
    expect(none.result.error).toMatchObject({ name: "OptionError" });
    expect(none.result.error?.message).toMatch(/^overlay disk7p1:\/x: /);
  });
});

describe("compressed files", () => {
  const zipped = (text: string) => Uint8Array.from(gzipSync(text));

  it("of the overlay stand for names that nothing has, and those of the guest for what is hidden", async () => {
    const guest = {
      ...GUEST,
      "/boot/notes.gz": zipped("packed\n"),
      "/boot/both": "plain\n",
      "/boot/both.gz": zipped("no\n"),
    };
    const { output } = await over(
      { "/boot/loader.conf.gz": zipped("not this\n"), "/new/file.gz": zipped("ours\n"), "/boot/both": null },
      ["more /boot/loader.conf", "more /new/file", "more /boot/notes", "more /boot/both"],
      guest,
    );
    expect(output[0]).toContain("the guest's\n");
    expect(output[1]).toBe(shown("/new/file", "ours\n"));
    expect(output[2]).toBe(shown("/boot/notes", "packed\n"));
    expect(output[3]).toBe(shown("/boot/both", "no\n"));
    const hidden = await over({ "/boot/notes.gz": null }, ["more /boot/notes"], guest);
    expect(hidden.output[0]).toContain("no such file");
    const replaced = await over({ "/boot/notes": bytes("ours\n") }, ["more /boot/notes"], guest);
    expect(replaced.output[0]).toBe(shown("/boot/notes", "ours\n"));
  });
});

describe("symbolic links", () => {
  const linked = () => {
    const image = new UfsImage({ version: 2, blockSize: 16384, fragmentSize: 2048, superblockAt: 65536 });
    const boot = image.directory(image.root, "boot");
    const old = image.directory(boot, "kernel.old");
    image.file(old, "kernel", "old\n");
    image.link(boot, "kernel", "kernel.old");
    image.link(boot, "absolute", "/boot/kernel.old/kernel");
    image.link(boot, "conf", "../etc/../boot/loader.conf");
    image.file(boot, "loader.conf", "the guest's\n");
    image.link(image.root, "top", "/");
    image.link(boot, "dangling", "/not/there");
    image.link(image.root, "ping", "/pong");
    image.link(image.root, "pong", "/ping");
    image.directory(image.root, "etc");
    return [image.finish()];
  };

  it("that lead to a name of the overlay lead to what it has there", async () => {
    const { output } = await over(
      { "/boot/kernel.old/kernel": bytes("ours\n"), "/boot/loader.conf": null, "/not/there": bytes("there\n") },
      ["/boot/kernel/kernel", "/boot/absolute", "/boot/conf", "/boot/dangling", "/top/top/boot/kernel/kernel"].map(
        (path) => `more ${path}`,
      ),
      linked(),
    );
    expect(output[0]).toContain("\nours\n");
    expect(output[1]).toContain("\nours\n");
    expect(output[2]).toContain("no such file");
    expect(output[3]).toContain("\nthere\n");
    expect(output[4]).toContain("\nours\n");
  });

  it("are looked at by their own names first", async () => {
    const { output } = await over(
      { "/boot/kernel/new": bytes("new\n"), "/boot/absolute": bytes("ours\n"), "/boot/kernel.old/more": bytes("") },
      ["ls /boot/kernel", "more /boot/absolute", "more /boot/kernel/kernel", "more /boot/kernel/new"],
      linked(),
    );
    expect(output[0]).toBe("/boot/kernel\n    kernel\n    more\n    new\n");
    expect(output[1]).toContain("\nours\n");
    expect(output[2]).toContain("\nold\n");
    expect(output[3]).toContain("\nnew\n");
  });

  it("make `..` lead to where it does without an overlay, and to what that has", async () => {
    const image = new UfsImage({ version: 2, blockSize: 16384, fragmentSize: 2048, superblockAt: 65536 });
    const parent = image.directory(image.root, "parent");
    image.directory(parent, "child");
    image.file(parent, "beside", "beside\n");
    image.link(image.root, "link", "/parent/child");
    image.finish();
    const elsewhere = await over({ "/z": bytes("") }, ["ls /link/..", "ls /nowhere/.."], [image.disk]);
    expect(elsewhere.output[0]).toBe("/link/..\n d  child\n    beside\n");
    // By its name it takes away what isn't there, too.
    expect(elsewhere.output[1]).toBe("/nowhere/..\n d  parent\n l  link\n    z\n");
    const there = await over({ "/parent/new": bytes("") }, ["ls /link/..", "ls /link/../child/.."], [image.disk]);
    for (const text of there.output) expect(text).toMatch(/\n d {2}child\n {4}beside\n {4}new\n$/);
  });

  it("that climb in circles don't take long", async () => {
    const image = new UfsImage({ version: 2, blockSize: 16384, fragmentSize: 2048, superblockAt: 65536 });
    image.directory(image.root, "d");
    image.link(image.root, "ping", "d/../pong");
    image.link(image.root, "pong", "d/../ping");
    const { output, result } = await over(
      { "/ping/x": bytes("x\n"), "/pong/y": bytes("y\n") },
      ["ls /ping", "ls /d/../ping"],
      [image.finish()],
      { limits: { fuel: 10_000_000 } },
    );
    expect(output).toEqual(["/ping\n    x\n    y\n", "/d/../ping\n    x\n    y\n"]);
    expect(result.error?.name).toBe("InputEndedError");
  });

  it("go in circles for a while only", async () => {
    const { output, result } = await over(
      { "/ping/x": bytes("x\n"), "/pong/y": bytes("y\n"), "/boot/z": null },
      ["ls /ping", "more /ping/x", "more /ping/y", "more /ping/z"],
      linked(),
    );
    expect(output[0]).toBe("/ping\n    x\n    y\n");
    expect(output[1]).toContain("\nx\n");
    expect(output[3]).toMatch(/no such file|symbolic links/);
    expect(result.error?.name).toBe("InputEndedError");
  });
});

describe("what a loader sees", () => {
  /** Names of few letters, so that they meet. */
  const name = fc.constantFrom("a", "b");
  const plainPath = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => `/${names.join("/")}`);
  const askedPath = fc
    .array(fc.oneof(name, fc.constantFrom(".", "")), { minLength: 1, maxLength: 6 })
    .map((names) => `/${names.join("/")}`);
  const tree = fc.array(fc.tuple(plainPath, fc.constantFrom("file", "link")), { maxLength: 8 });
  const laid = fc.array(fc.tuple(plainPath, fc.constantFrom("file", "absent")), { minLength: 1, maxLength: 5 });

  type Content = { text: string } | { link: string };

  /** Those of `paths` that can stand together: none is in another one. */
  const together = (paths: string[]) =>
    paths.filter((path, i) => {
      const before = paths.slice(0, i);
      return !before.some((one) => one === path || one.startsWith(`${path}/`) || path.startsWith(`${one}/`));
    });

  function disk(files: ReadonlyMap<string, Content>) {
    const image = new UfsImage({ version: 2, blockSize: 16384, fragmentSize: 2048, superblockAt: 65536 });
    const directories = new Map([["", image.root]]);
    const enter = (path: string): number => {
      const slash = path.lastIndexOf("/");
      const inode = directories.get(path) ?? image.directory(enter(path.slice(0, slash)), path.slice(slash + 1));
      directories.set(path, inode);
      return inode;
    };
    for (const [path, content] of files) {
      const slash = path.lastIndexOf("/");
      const [parent, last] = [enter(path.slice(0, slash)), path.slice(slash + 1)];
      if ("link" in content) image.link(parent, last, content.link);
      else image.file(parent, last, content.text);
    }
    return image.finish();
  }

  it("is what it would see without an overlay, where that has nothing", async () => {
    const links = fc.array(fc.oneof(plainPath, fc.constantFrom("..", "../a", "/b/../c", "./", "/")), {
      minLength: 8,
      maxLength: 8,
    });
    const path = fc
      .array(fc.oneof(name, fc.constantFrom("..", ".", "")), { minLength: 1, maxLength: 6 })
      .map((names) => `/${names.join("/")}`);
    const asked = fc.array(path, { minLength: 8, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(tree, links, asked, async (guest, targets, all) => {
        const kinds = new Map(guest);
        const files = new Map<string, Content>(
          together([...kinds.keys()]).map((one, i) => [
            one,
            kinds.get(one) === "link" ? { link: targets[i]! } : { text: `guest ${one}\n` },
          ]),
        );
        // By name `..` takes away what isn't there, too.
        const { output } = await prompt(
          [disk(files)],
          all.map((one) => `ls ${one}`),
        );
        const paths = all.filter((one, i) => !one.includes("..") || !output[i]?.startsWith("ls: "));
        const commands = paths.flatMap((one) => [`more ${one}`, `ls ${one}`]);
        const plain = await prompt([disk(files)], commands);
        const overlay = { "/z/file": bytes("z\n"), "/y": null };
        const laidOver = await prompt([disk(files)], commands, { overlay });
        expect(laidOver.output.map((text) => text.replace(" d  z\n", ""))).toEqual(plain.output);
        expect(laidOver.diagnostics).toEqual(plain.diagnostics);
        expect(laidOver.result.overlay?.map(({ used }) => used)).toEqual([false, false]);
      }),
      { numRuns: 50 },
    );
  });

  it("is no file as a directory, behind a link that climbs to it", async () => {
    const files = new Map<string, Content>([
      ["/a", { text: "guest /a\n" }],
      ["/b", { link: "../a" }],
    ]);
    const commands = ["more /b", "more /b/.", "more /b/./", "ls /b/."];
    const laidOver = await prompt([disk(files)], commands, { overlay: { "/a/a": null } });
    const onDisk = await prompt([disk(files)], commands);
    expect(laidOver.output).toEqual(onDisk.output);
    expect(onDisk.output[0]).toContain("guest /a");
    expect(onDisk.output[1]).not.toContain("guest /a");
  });

  it("is what it would see of the same files on the disk, whatever links lead there", async () => {
    const targets = fc.array(fc.oneof(plainPath, name, fc.constantFrom("../a", "../b/c", "/")), {
      minLength: 8,
      maxLength: 8,
    });
    const asked = fc.array(askedPath, { minLength: 6, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(tree, targets, laid, asked, async (guest, links, over, paths) => {
        const kinds = new Map(guest);
        const files = new Map<string, Content>(
          together([...kinds.keys()]).map((path, i) => [
            path,
            kinds.get(path) === "link" ? { link: links[i]! } : { text: `guest ${path}\n` },
          ]),
        );
        // A name behind a link of the guest's is one of the overlay alone, for which no disk has a place.
        const behindLink = (path: string) =>
          [...files].some(([one, content]) => "link" in content && path.startsWith(`${one}/`));
        const uses = new Map(over);
        const names = together([...uses.keys()]).filter((path) => !behindLink(path));
        const overlay = Object.fromEntries(
          names.map((path) => [path, uses.get(path) === "absent" ? null : bytes(`over ${path}\n`)]),
        );
        const merged = new Map(files);
        for (const path of names) {
          const isFile = overlay[path] !== null;
          for (const one of files.keys()) {
            const isInTheWay = isFile && path.startsWith(`${one}/`);
            if (one === path || one.startsWith(`${path}/`) || isInTheWay) merged.delete(one);
          }
          if (isFile) merged.set(path, { text: `over ${path}\n` });
        }
        // Directories that lose all they had stay; a disk of files alone would not have them.
        const emptied = [...files.keys()].some((path) => {
          const above = path.slice(0, path.lastIndexOf("/"));
          return above !== "" && !merged.has(path) && ![...merged.keys()].some((one) => one.startsWith(`${above}/`));
        });
        fc.pre(!emptied);
        const commands = paths.flatMap((path) => [`more ${path}`, `ls ${path}`]);
        const laidOver = await prompt([disk(files)], commands, { overlay });
        const onDisk = await prompt([disk(merged)], commands);
        // Read as a file, a directory is what is on the disk.
        const seen = ({ output }: { output: string[] }) =>
          paths.map((path, i) => {
            const listed = output[2 * i + 1]?.split("\n").sort();
            return [path, listed?.includes(path) ? "" : output[2 * i], listed];
          });
        expect(seen(laidOver)).toEqual(seen(onDisk));
      }),
      { numRuns: 50 },
    );
  });
});
