// Looking into images: what is told of disks and volumes, files and directories, in each isolation; and how it ends.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { FileError, type Inspection, type InspectOptions, inspect, LimitError } from "userboot-wasm";
import { afterEach, describe, expect, it } from "vitest";
import { guestImage } from "../support/guests.js";
import { UfsImage } from "../support/ufs_image.js";

const ISOLATIONS = ["none", "thread", "process"] as const;
const image = guestImage("amd64-ufs2-gpt");
const open: Inspection[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

/** Looks into the amd64 guest, or into other disks. */
async function look(options: Partial<InspectOptions> = {}): Promise<Inspection> {
  const guest = await inspect({ disks: [image], isolation: "none", ...options });
  open.push(guest);
  return guest;
}

const all = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const result: T[] = [];
  for await (const item of items) result.push(item);
  return result;
};

describe.each(ISOLATIONS)("isolation %s", (isolation) => {
  it("tells of disks, partitions and volumes", async () => {
    const guest = await look({ isolation });
    expect(guest.isolation.level).toBe(isolation);
    expect(guest.device).toBe("disk0p2:");
    expect(guest.disks).toMatchObject([
      {
        name: "disk0",
        format: "raw",
        size: image.length,
        sectorSize: 512,
        scheme: "GPT",
        problems: [],
        partitions: [
          { name: "disk0p1", type: "FreeBSD boot", start: 20480, size: 65536, label: "demoboot" },
          {
            name: "disk0p2",
            type: "FreeBSD UFS",
            label: "demoroot",
            guid: "75736572-0000-4000-8000-000000000002",
            typeGuid: "516e7cb6-6ecf-11d6-8ff8-00022d09712b",
          },
        ],
      },
    ]);
    expect(guest.volumes).toMatchObject([
      { device: "disk0p1:", content: "zeros" },
      { device: "disk0p2:", fileSystem: "ufs", kind: "UFS2", clean: true, capacity: 1048576, problems: [] },
    ]);
    expect(guest.pools).toEqual([]);
  });

  it("lists, finds, reads and hashes", async () => {
    const guest = await look({ isolation });
    const names = (await guest.list("/boot")).map(({ name, type }) => `${type} ${name}`);
    expect(names).toEqual(expect.arrayContaining(["directory kernel", "file loader", "file loader.rc"]));
    const [entry] = await guest.list("disk0p2:/boot", { details: true });
    expect(entry).toMatchObject({ name: "kernel", type: "directory", mode: 0o755, uid: 0, gid: 0, mtime: 1700000000 });
    expect(entry?.nameBytes).toEqual(Uint8Array.from(Buffer.from("kernel")));
    const found = (await all(guest.find("disk0p2:/"))).map(({ path }) => path);
    expect(found).toContain("disk0p2:/boot/kernel/kernel");
    const script = readFileSync("images/trees/common/boot/loader.rc");
    expect(Buffer.from(await guest.readFile("/boot/loader.rc")).equals(script)).toBe(true);
    expect(await guest.hash("/boot/loader.rc")).toBe(createHash("sha256").update(script).digest("hex"));
    const streamed = Buffer.concat(await all(guest.createReadStream("/boot/loader.rc")));
    expect(streamed.equals(script)).toBe(true);
    expect(await guest.stat("/boot/loader.rc")).toMatchObject({ type: "file", size: script.length, mode: 0o444 });
  });

  it("is asked for much at once", async () => {
    const guest = await look({ isolation });
    const asked = Array.from({ length: 20 }, () => [
      guest.stat("/boot"),
      guest.list("/boot").then((entries) => entries.length > 0),
      guest.readFile("/boot/loader").then(({ length }) => length > 0),
      guest.stat("/none").catch(({ code }: FileError) => code),
    ]);
    const answers = await Promise.all(asked.flat());
    expect(new Set(answers.filter((answer) => typeof answer !== "object"))).toEqual(new Set([true, "ENOENT"]));
    expect(answers.filter((answer) => typeof answer === "object").length).toBe(20);
  });

  it("reads more files side by side than can be open", async () => {
    const large = new UfsImage({ version: 2, blockSize: 4096, fragmentSize: 512, superblockAt: 65536 });
    const size = 1.5 * 1024 * 1024;
    large.file(large.root, "large", Buffer.alloc(size, 7));
    const guest = await look({ isolation, disks: [large.finish()] });
    const readers = Array.from({ length: 18 }, () => guest.createReadStream("/large").getReader());
    const read = readers.map(() => 0);
    for (let more = true; more; ) {
      more = false;
      for (const [i, reader] of readers.entries()) {
        const { value } = await reader.read();
        read[i]! += value?.length ?? 0;
        more ||= value !== undefined;
      }
    }
    expect(read).toEqual(readers.map(() => size));
  });

  it("says what is wrong with a path", async () => {
    const guest = await look({ isolation });
    const failed = (path: string) =>
      guest.readFile(path).then(
        () => "read",
        (error: FileError) => error.code,
      );
    expect(await failed("/boot/nothing")).toBe("ENOENT");
    expect(await failed("disk0p2:/boot/loader.rc/x")).toBe("ENOTDIR");
    expect(await failed("/boot")).toBe("EISDIR");
    expect(await failed("disk0p1:/x")).toBe("EINVAL");
    expect(await failed("disk7:/x")).toBe("ENXIO");
    expect(await failed("nowhere:/x")).toBe("ENXIO");
    await expect(guest.stat("/boot/nothing")).rejects.toThrow(FileError);
    await expect(guest.stat("/boot/nothing")).rejects.toThrow("/boot/nothing: no such file or directory");
    expect(await failed("/boot/loader.rc")).toBe("read");
  });

  it("names a path in its errors as it was asked for", async () => {
    const guest = await look({ isolation });
    for (const [path, shown] of [
      ["/boot/né", "/boot/né"],
      ["/Ж", "/Ж"],
      [Uint8Array.of(0x2f, 0xff, 0xc3, 0xa9), "/\udcffé"],
    ] as const)
      for (const look of [
        () => guest.stat(path),
        () => guest.list(path),
        () => guest.hash(path),
        () => all(guest.find(path)),
      ])
        await expect(look()).rejects.toMatchObject({ path: shown, message: `${shown}: no such file or directory` });
    await expect(guest.system("né:")).rejects.toMatchObject({ path: "né:" });
  });

  it("takes no bound that bounds nothing, and no path that is none", async () => {
    const guest = await look({ isolation: "none" });
    for (const bound of [-1, Number.NaN, "9", null] as unknown as number[]) {
      const error = `limit: ${typeof bound === "string" ? JSON.stringify(bound) : bound} is not a number from 0 on`;
      await expect(guest.list("/", { limit: bound })).rejects.toThrow(error);
      await expect(guest.readFile("/boot/loader.rc", { limit: bound })).rejects.toThrow(error);
      await expect(all(guest.find("/", { limit: bound }))).rejects.toThrow(error);
      await expect(all(guest.find("/", { depth: bound }))).rejects.toThrow(error.replace("limit", "depth"));
    }
    await expect(guest.list("/boot", { limit: 1.5 })).rejects.toThrow("limit entries exceeded");
    expect((await all(guest.find("/boot", { limit: Number.POSITIVE_INFINITY }))).length).toBeGreaterThan(3);
    await expect(all(guest.find(7 as unknown as string))).rejects.toThrow("a path is text or bytes");
  });

  it("takes no options that are none", async () => {
    const guest = await look({ isolation });
    for (const options of [null, 7, "unpacked", []] as never[]) {
      const asked: [string, () => Promise<unknown>][] = [
        ["list", () => guest.list("/", options)],
        ["readFile", () => guest.readFile("/boot/loader.rc", options)],
        ["hash", () => guest.hash("/boot/loader.rc", options)],
        ["find", () => all(guest.find("/", options))],
        ["readParts", () => all(guest.readParts("/boot/loader.rc", options))],
        ["eachPart", () => guest.eachPart("/boot/loader.rc", () => {}, options)],
      ];
      for (const [name, ask] of asked)
        await expect(ask(), name).rejects.toMatchObject({
          name: "OptionError",
          message: expect.stringMatching(/^options must be/),
        });
    }
    expect((await guest.list("/boot")).length).toBeGreaterThan(0);
  });

  it("says what is wrong with a device", async () => {
    const guest = await look({ isolation });
    const failed = (device: unknown) =>
      guest.system(device as string).then(
        ({ device }) => device,
        (error: FileError) => error.code ?? error.name,
      );
    expect(await failed("disk0p2:")).toBe("disk0p2:");
    // What isn't there can't be taken for what would be booted.
    expect(await failed("disk0p2")).toBe("ENOENT");
    expect(await failed("disk0p2:/boot")).toBe("ENOENT");
    expect(await failed("x".repeat(70_000))).toBe("ENAMETOOLONG");
    expect(await failed(null)).toBe("OptionError");
    expect(await failed("disk0p2:")).toBe("disk0p2:");
  });

  it("has limits for a request and for all, and goes on after the one", async () => {
    const guest = await look({ isolation, limits: { requestFuel: 200_000 } });
    // A directory's entries cost little, a digest of a file with a budget of its own for each piece, too.
    expect((await guest.list("/boot")).length).toBeGreaterThan(3);
    await expect(guest.list("/boot", { limit: 2 })).rejects.toThrow(new LimitError("entries", 2, 3).message);
    await expect(guest.readFile("/boot/kernel/kernel", { limit: 100 })).rejects.toThrow("fileBytes");
    await expect(all(guest.find("/", { depth: 0 }))).rejects.toThrow("depth");
    // Of the root's and those below together.
    await expect(all(guest.find("/", { limit: 4 }))).rejects.toThrow(new LimitError("entries", 4, 5).message);
    await expect(look({ isolation, limits: { requestFuel: 10 } })).rejects.toThrow("limit requestFuel exceeded");
    await expect(look({ isolation, limits: { diskBytes: 100 } })).rejects.toThrow("limit diskBytes exceeded");
  });

  it("tells a limit of all requests as it was given, whatever of it was left", async () => {
    const large = new UfsImage({ version: 2, blockSize: 4096, fragmentSize: 512, superblockAt: 65536 });
    large.sparse(large.root, "large", 2 ** 40, []);
    const limits = { fuel: 10_000_000, requestFuel: 8_000_000 };
    const guest = await look({ isolation, disks: [large.finish()], limits });
    await expect(guest.hash("/large")).rejects.toMatchObject({ limit: "fuel", allowed: 10_000_000 });
    await expect(guest.stat("/large")).rejects.toMatchObject({ limit: "fuel", allowed: 10_000_000 });
  });

  it("is ended by its signal in the middle of what has no end, and leaves time for other things", async () => {
    const large = new UfsImage({ version: 2, blockSize: 4096, fragmentSize: 512, superblockAt: 65536 });
    large.sparse(large.root, "large", 2 ** 38, []);
    const disks = [large.finish()];
    for (const work of [
      (guest: Inspection) => guest.hash("/large"),
      (guest: Inspection) => guest.eachPart("/large", () => undefined),
      async (guest: Inspection) => {
        while (true) await guest.stat("/large");
      },
    ]) {
      const controller = new AbortController();
      const guest = await look({ isolation, disks, signal: controller.signal, limits: { wallMs: 5000 } });
      setTimeout(() => controller.abort("enough"), 20);
      await expect(work(guest)).rejects.toThrow("inspection aborted (enough)");
    }
  });

  it("is over when it is closed or aborted", async () => {
    const guest = await look({ isolation });
    await guest.close();
    await expect(guest.list("/boot")).rejects.toThrow("closed");
    const controller = new AbortController();
    const other = await look({ isolation, signal: controller.signal });
    controller.abort("enough");
    await expect(other.list("/boot")).rejects.toThrow("inspection aborted (enough)");
    await expect(look({ isolation, signal: controller.signal })).rejects.toThrow("inspection aborted");
    // Nothing is opened any more.
    const absent = { disks: ["/absent.img"], isolation, signal: controller.signal };
    await expect(inspect(absent)).rejects.toThrow("inspection aborted");
  });
});
