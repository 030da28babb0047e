// What `boot` and the command line take as an overlay (docs/overlays.md), and what they refuse.

import { createHash } from "node:crypto";
import { readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { type BootOptions, boot, type OverlayMap } from "userboot-wasm";
import { afterAll, describe, expect, it } from "vitest";
import { normalisedPath } from "../../build/host/overlay.js";
import { userboot } from "../support/cli.js";
import { GUESTS, guestImage } from "../support/guests.js";
import { Scratch } from "../support/scratch.js";
import { writeTree } from "../support/trees.js";
import { ufsDisk } from "../support/ufs_image.js";

const scratch = new Scratch();
afterAll(() => scratch[Symbol.dispose]());
const bytes = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.from(text, "latin1"));
const x = bytes("x");

/** What `boot` rejects with. */
const refusal = (overlay: unknown, more: BootOptions = {}) =>
  boot({ disks: [ufsDisk({ "/x": "" })], isolation: "none", ...more, overlay: overlay as OverlayMap }).then(
    () => undefined,
    ({ name, message, limit }) => ({ name, message, ...(limit && { limit }) }),
  );

describe("a path", () => {
  it.each([
    ["/boot/x", "/boot/x"],
    ["//boot///x/", "/boot/x"],
    ["/boot/./y/../x", "/boot/x"],
    ["/../../etc/passwd", "/etc/passwd"],
    ["disk0p2:/boot//x", "disk0p2:/boot/x"],
    ["zfs:pool/ROOT/name:/../x", "zfs:pool/ROOT/name:/x"],
    ["zfs:pool:/x:/y", "zfs:pool:/x:/y"],
    ["/a:/b", "/a:/b"],
    ["/\x80\xff\n", "/\x80\xff\n"],
    [`/${"n".repeat(1023)}`, `/${"n".repeat(1023)}`],
    [`/${"y/../".repeat(1000)}x`, "/x"],
  ])("%j is %j", (given, normal) => expect(normalisedPath(given)).toBe(normal));

  it.each<[string, RegExp]>([
    ["", /is no path from a root/],
    ["boot/x", /^overlay: "boot\/x" is no path from a root: "\/boot\/x" or "disk0p2:\/boot\/x" would be one$/],
    ["../x", /no path from a root/],
    ["disk0p2:x", /no path from a root/],
    [":/x", /no path from a root/],
    ["C:\\x", /no path from a root/],
    ["/", /names no file/],
    ["/.././", /names no file/],
    ["disk0:/", /names no file/],
    ["/a\0b", /none of them a NUL/],
    ["/a\u0100", /characters must be bytes/],
    [`/${"n".repeat(1024)}`, /is longer than 1024 bytes/],
    [`disk0:/${"n".repeat(1020)}`, /is longer than 1024 bytes/],
  ])("%j is refused", async (path, message) => {
    for (const overlay of [{ [path]: x }, new Map([[path, null]])]) {
      const refused = await refusal(overlay);
      expect(refused?.name).toBe("OptionError");
      expect(refused?.message).toMatch(message);
      expect(refused?.message.length).toBeLessThan(200);
    }
  });

  it("is the same when it is taken again, and leads nowhere up", () => {
    const name = fc.oneof(
      fc.constantFrom("", ".", "..", "...", "a", "b:", "/"),
      fc.string({ unit: "binary-ascii", maxLength: 5 }).map((text) => text.replaceAll("\0", "")),
    );
    const device = fc.constantFrom("", "disk0:", "disk1p2:", "zfs:p/q:");
    fc.assert(
      fc.property(device, fc.array(name, { maxLength: 12 }), (before, names) => {
        let normal: string;
        try {
          normal = normalisedPath(`${before}/${names.join("/")}`);
        } catch (error) {
          expect((error as Error).message).toMatch(/names no file/);
          return;
        }
        expect(normalisedPath(normal)).toBe(normal);
        expect(normal.startsWith(`${before}/`)).toBe(true);
        const parts = normal.slice(before.length + 1).split("/");
        expect(parts.filter((part) => part === "" || part === "." || part === "..")).toEqual([]);
        // As a walk that knows nothing but names would have it.
        const walked: string[] = [];
        for (const part of names.join("/").split("/")) {
          if (part === "..") walked.pop();
          else if (part !== "" && part !== ".") walked.push(part);
        }
        expect(parts).toEqual(walked);
      }),
    );
  });
});

describe("an overlay is refused", () => {
  it.each<[string, unknown, string]>([
    ["a text as a file", { "/x": "text" }, 'overlay: "/x" is neither a Uint8Array nor null'],
    ["nothing as a file", { "/x": undefined }, 'overlay: "/x" is neither a Uint8Array nor null'],
    ["a number", 7, "overlay must be files by name, or a directory's path or handle, not 7"],
    ["nothing in a list", [null], "overlay: a layer is a map or a directory"],
    ["one path twice", { "/a/b": x, "/a//b": x }, 'overlay: "/a//b" is there twice'],
    ["a file as a directory", { "/a": x, "/a/b": x }, 'overlay: "/a" is both a file and a directory'],
    [
      "a file as a directory of another layer",
      [{ "/a/b/c": x }, { "/a": x }],
      'overlay: "/a" is both a file and a directory',
    ],
    [
      "the same on a device",
      { "disk0:/a": x, "disk0:/a/b": null },
      'overlay: "disk0:/a" is both a file and a directory',
    ],
  ])("with %s", async (_, overlay, message) => {
    expect(await refusal(overlay)).toEqual({ name: "OptionError", message });
  });

  it("when it is more than its limits allow, and not before", async () => {
    const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`/${i}`, null]));
    const limits = { overlayFiles: 5, overlayBytes: 5 };
    expect(await refusal(many(5), { limits })).toBeUndefined();
    expect(await refusal(many(6), { limits })).toEqual({
      name: "LimitError",
      limit: "overlayFiles",
      message: "limit overlayFiles exceeded: 6 of 5 used",
    });
    expect(await refusal({ "/x": bytes("12345") }, { limits })).toBeUndefined();
    expect(await refusal([{ "/x": bytes("12345") }, { "/x": bytes("54321") }], { limits })).toBeUndefined();
    expect(await refusal({ "/x": bytes("12345"), "/y": x }, { limits })).toEqual({
      name: "LimitError",
      limit: "overlayBytes",
      message: "limit overlayBytes exceeded: 6 of 5 used",
    });
    expect(await refusal(many(5000))).toMatchObject({ name: "LimitError", limit: "overlayFiles" });
  });

  it("when there is no such directory", async () => {
    expect(await refusal(join(scratch.path, "absent"))).toMatchObject({ name: "HostTreeError" });
  });
});

describe("a directory", () => {
  const top = join(scratch.path, "layers");
  writeTree(
    top,
    new Map([
      ["/boot/a", Buffer.from("a\n")],
      ["/boot/deep/b", Buffer.from("b\n")],
    ]),
  );
  symlinkSync("a", join(top, "boot/link"));
  symlinkSync("/etc/passwd", join(top, "boot/outside"));

  const result = async (overlay: BootOptions["overlay"], notices: string[] = []) =>
    boot({
      disks: [ufsDisk({ "/x": "" })],
      isolation: "none",
      ...(overlay && { overlay }),
      onNotice: (line) => notices.push(line),
    });

  it("is copied as -h copies one: nothing from outside of it", async () => {
    const notices: string[] = [];
    const { overlay } = await result(top, notices);
    expect(overlay?.map(({ path }) => path).sort()).toEqual(["/boot/a", "/boot/deep/b", "/boot/link"]);
    expect(notices).toEqual([`${top}: boot/outside: is a link that leaves the directory; left out`]);
  });

  it("is a page's handle of one, too", async () => {
    const file = (name: string) => ({ kind: "file", name, getFile: async () => new Blob([name]) });
    const handle = (name: string, ...entries: object[]) => ({
      ...{ kind: "directory", name },
      async *values() {
        yield* entries;
      },
    });
    const given = handle("top", handle("boot", file("a"), file("\u00fc")), handle("empty"));
    const { overlay } = await result(given as unknown as FileSystemDirectoryHandle);
    expect(overlay?.map(({ path }) => path)).toEqual(["/boot/a", "/boot/\xc3\xbc"]);
  });

  it("is one layer of several, of which later ones win", async () => {
    const { overlay } = await result([{ "/boot/a": null, "/z": x }, top, { "/boot/deep/b": null }]);
    expect(overlay?.map(({ path }) => path)).toHaveLength(4);
  });
});

describe("the command line", () => {
  const image = scratch.file("guest.img", guestImage(GUESTS.amd64));
  const directory = join(scratch.path, "over");
  writeTree(
    directory,
    new Map([["/boot/loader.rc", Buffer.from("echo from the overlay\nload /boot/kernel/kernel\nboot\n")]]),
  );
  const digest = () => createHash("sha256").update(readFileSync(image)).digest("hex");
  const options = ["-d", image, "--interface", "4", "--start", "simp", "--clock", "virtual"];

  it("boots with files of a directory, without others, and tells which were used", () => {
    const before = digest();
    const without = ["--overlay-without", "/boot/notes.txt", "--overlay-without", "disk0p2:/not/there"];
    const args = ["boot", ...options, "--overlay", directory, ...without];
    const { status, stdout, stderr } = userboot([...args, "--verbose"]);
    expect({ status, overlay: stderr.split("\n").filter((line) => line.includes("overlay")) }).toEqual({
      status: 0,
      overlay: [
        "userboot: overlay /boot/loader.rc: used",
        "userboot: overlay /boot/notes.txt: nothing asked for it",
        "userboot: overlay disk0p2:/not/there: nothing asked for it",
      ],
    });
    expect(stdout).toContain("from the overlay");
    const json = JSON.parse(userboot([...args, "--json"]).stdout);
    expect(json.overlay[0]).toEqual({ path: "/boot/loader.rc", used: true });
    expect(json.modules.map(({ name }: { name: string }) => name)).toEqual(["/boot/kernel/kernel"]);
    const output = join(scratch.path, "guest.elf");
    expect(userboot(["pack", ...args.slice(1), "-o", output])).toMatchObject({ status: 0, stderr: "" });
    expect(readFileSync(output).subarray(1, 4).toString()).toBe("ELF");
    expect(digest()).toBe(before);
  });

  it.each<[string, string[], string]>([
    ["a directory that isn't there", ["--overlay", "/nonexistent/dir"], "/nonexistent/dir: no such directory"],
    ["a file", ["--overlay", image], `${image}: is not a directory`],
    [
      "no path",
      ["--overlay-without", "x"],
      'overlay: "x" is no path from a root: "/boot/x" or "disk0p2:/boot/x" would be one',
    ],
    [
      "an empty path",
      ["--overlay-without", ""],
      'overlay: "" is no path from a root: "/boot/x" or "disk0p2:/boot/x" would be one',
    ],
    ["a device that isn't there", ["--overlay-without", "disk9:/x"], "overlay disk9:/x: there is no such device"],
    [
      "a kind of device that isn't there",
      ["--overlay-without", "nosuch0:/x"],
      "overlay nosuch0:/x: there is no such device",
    ],
    [
      "more than allowed",
      ["--overlay", directory, "--limit", "overlayBytes=10"],
      `${directory}: boot/loader.rc: with it, the tree has more than 10 bytes`,
    ],
  ])("refuses %s", (_, args, message) => {
    expect(userboot(["boot", ...options, ...args])).toMatchObject({ status: 2, stderr: `userboot: ${message}\n` });
  });
});
