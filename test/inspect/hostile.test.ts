// What is made to wear an inspection out: images with structures that name each other, in which a walk has no end, and a
// cell that was taken over and answers without end.

import fc from "fast-check";
import { boot, type DiskSource, type InspectOptions, inspect } from "userboot-wasm";
import { expect, it } from "vitest";
import type { InspectLimits } from "../../build/host/inspect/limits.js";
import type { InspectMessage } from "../../build/host/inspect/protocol.js";
import { byteString, bytesOf, textOf } from "../../build/host/inspect/text.js";
import { inspectorOf, Liar, lookedAtBy, OPENED, ours, RELEASED } from "../support/liar.js";
import { mbr } from "../support/partition_tables.mjs";
import { disksOf, poolsIn } from "../support/pools.js";
import { collect } from "../support/resources.js";
import { ufsDisk } from "../support/ufs_image.js";
import { ZfsPool } from "../support/zfs_pool.js";

const SECTOR = 512;
/** Offset in a directory of data sets. */
const CHILDREN = 32;

/** An inspection in this thread. */
const look = (disk: DiskSource, options: Partial<InspectOptions> = {}) =>
  inspect({ disks: [disk], isolation: "none", ...options });

/** A disk whose first sectors are boot records, each with slices that begin with the next ones. */
function slicesInSlices(records: number): Buffer {
  const disk = Buffer.alloc(1024 * 1024);
  const entries = [1, 2, 3, 4].map((start) => ({ type: 0xa5, start, size: 500 }));
  for (let sector = 0; sector < records; sector++) mbr(entries).copy(disk, sector * SECTOR);
  return disk;
}

it("slices in slices are told one level deep", async () => {
  const disk = slicesInSlices(40);
  await using guest = await look(disk);
  const names = guest.disks[0]!.partitions.map(({ name }) => name);
  expect(names).toHaveLength(4 + 4 * 4);
  expect(names).toContain("disk0s4s4");
  const result = await boot({ disks: [disk], start: "simp", isolation: "none", clock: "virtual" });
  // What has no name for the loader isn't told.
  const told = result.bootProblem!.map(({ kind, name }) => `${kind} ${name}`);
  const slices = [1, 2, 3, 4].map((slice) => `partition disk0s${slice}`);
  expect(told).toEqual(["disk disk0", ...slices, "kernel kernel"]);
});

it("data sets that are their own parents end by the length of their names", async () => {
  const [disk] = await disksOf(poolsIn("images/pools")!, "checksums");
  const pool = new ZfsPool(disk!);
  pool.setBonus(pool.dataset("ROOT").directory, CHILDREN, pool.bonus(pool.dataset().directory, CHILDREN));
  await using guest = await look(disk!);
  const { datasets, problems } = guest.pools[0]!;
  const names = datasets.map(({ name }) => name);
  expect(names).toContain(`zroot${"/ROOT".repeat(50)}`);
  expect(Math.max(...names.map(({ length }) => length))).toBe(255);
  expect(problems).toContain("zfs:zroot: ZFS data sets: names of more than 255 bytes, which are left out");
});

it("many long values are told, and cost no more memory than they have", async () => {
  const lines = Array.from({ length: 9000 }, (_, i) => `set${i}="${"x".repeat(100)}\\"${"y".repeat(100)}" # ${i}\n`);
  await using guest = await look(ufsDisk({ "/boot/loader.conf": lines.join("") }));
  const { loaderConf } = await guest.system();
  expect(loaderConf).toHaveLength(9000);
  expect(loaderConf[8999]!.value).toBe(`${"x".repeat(100)}"${"y".repeat(100)}`);
});

it("a list of nothing with more to come is no answer", async () => {
  const nothing: InspectMessage = { type: "value", value: { entries: [], more: true } };
  await using guest = await lookedAtBy(({ op }) => (op === "list" ? nothing : OPENED));
  await expect(guest.list("/")).rejects.toThrow("the inspection's process failed: it sent what is no answer to list");
});

it("a file without end ends by the time that all requests may take, whatever answers them", async () => {
  const byte: InspectMessage = { type: "content", bytes: Uint8Array.of(0), runs: [] };
  await using guest = await lookedAtBy(({ op }) => (op === "read" ? byte : OPENED), { wallMs: 100 });
  const readAll = async () => {
    for await (const _ of guest.readParts("/f"));
  };
  await expect(readAll()).rejects.toMatchObject({ name: "LimitError", limit: "wallMs", allowed: 100 });
  await expect(guest.stat("/f")).rejects.toThrow("wallMs");
});

const MIB = 1024 * 1024;
const value = (value: unknown) => ({ type: "value", value });
const DIRECTORY = value({ handle: 0, type: "directory", mode: 0, uid: 0, gid: 0 });

/** An inspection in which every directory has these entries, answer by answer. */
const listing = (answers: readonly object[][], limits: Partial<InspectLimits> = {}) => {
  let next = 0;
  return lookedAtBy(({ op }) => {
    if (op === "release") return RELEASED;
    if (op !== "list") return DIRECTORY;
    const answer = value({ entries: answers[next % answers.length], more: (next + 1) % answers.length !== 0 });
    next++;
    return answer;
  }, limits);
};

it.each<[string, object[]]>([
  ["a name that no file system has", [{ name: "n".repeat(2049), type: "file" }]],
  ["a link that no file system has", [{ name: "n", type: "link", target: "t".repeat(2049) }]],
  ["a name that isn't bytes", [{ name: "\u242e\u242e", type: "directory" }]],
  ["an owner that no file system has", [{ name: "n", type: "file", uid: 2 ** 32 }]],
  ["more entries than were asked for", Array(4097).fill({ name: "n", type: "file" })],
  ["a name for all objects", [JSON.parse('{"name":"n","type":"file","__proto__":{"mode":7}}')]],
])("a list with %s is no answer", async (_, entries) => {
  await using guest = await listing([entries]);
  await expect(guest.list("/")).rejects.toThrow("it sent what is no answer to list");
});

it("more disks than there can be, and an error without end, are no answers", async () => {
  const disk = { name: "", format: "", size: 0, sectorSize: 0, scheme: "", partitions: [], problems: [] };
  const many = value({ current: "", disks: Array(33).fill(disk), volumes: [], pools: [] });
  await expect(inspectorOf(new Liar(() => many, [many])).describe()).rejects.toThrow("no answer to start");
  const error = { name: "FileError", message: "x".repeat(256 * 1024 + 1) };
  await using guest = await lookedAtBy(() => ({ type: "failed", error }));
  await expect(guest.stat("/")).rejects.toThrow("no answer to open");
});

it("kernels of which none is said to be loaded are no kernel that boots", async () => {
  const system = { device: "disk0:", loaderConf: [], fstab: [], rcConf: [], problems: [] };
  const kernels = [{ path: "/boot/kernel/kernel", machine: "amd64" }];
  const answer = value({ ...system, kernels });
  await using guest = await lookedAtBy(({ op }) =>
    op === "system" ? answer : op === "release" ? RELEASED : DIRECTORY,
  );
  const told = await guest.system();
  expect(told).toMatchObject({ kernels, missing: "kernel: there is none" });
  expect(told).not.toHaveProperty("architecture");
});

it("entries take memory up to a limit with a name, and paths go down to a length", async () => {
  const all = async (entries: object[], limits: Partial<InspectLimits>) => {
    await using guest = await listing([entries], limits);
    for await (const _ of guest.find("/"));
  };
  const directories = Array.from({ length: 10 }, (_, i) => ({ name: `d${i}`, type: "directory" }));
  // Each of them has what a list may have; the third one in the others is too much.
  await expect(all(directories, { entryBytes: 20_000 })).rejects.toMatchObject({ limit: "entryBytes", used: 24_180 });
  const links = [{ name: "n".repeat(1000), type: "link", target: "t".repeat(1000) }];
  await expect(all(links, { entryBytes: 6000 })).rejects.toMatchObject({ limit: "entryBytes", allowed: 6000 });
  await all(links, { entryBytes: 7000 });
  const long = [{ name: "n".repeat(1000), type: "directory" }];
  await expect(all(long, {})).rejects.toMatchObject({
    ...{ code: "ENAMETOOLONG", path: expect.stringMatching(/^.{60,64}\.\.\.$/) },
  });
});

it("what was gone through is kept no longer", async () => {
  // Twenty directories, one after the other, of ten entries each.
  let lists = 0;
  await using guest = await lookedAtBy(
    ({ op }) => {
      if (op !== "list") return op === "release" ? RELEASED : DIRECTORY;
      const type = lists++ === 0 ? "directory" : "file";
      return value({ entries: Array.from({ length: 20 }, (_, i) => ({ name: `${i}`, type })), more: false });
    },
    { entryBytes: 40_000 },
  );
  let found = 0;
  for await (const _ of guest.find("/")) found++;
  expect(found).toBe(20 + 20 * 20);
});

it("what has no name of its own is told, and not gone through", async () => {
  const names = ["", ".", "..", "a\0b", "a/b"];
  await using guest = await listing([names.map((name) => ({ name, type: "directory" }))]);
  const found: string[] = [];
  for await (const { path } of guest.find("/")) found.push(path);
  expect(found).toEqual(names.map((name) => `/${name}`));
});

it("a file of many small pieces takes no more memory than it has", async () => {
  const runs = Array.from({ length: 8192 }, (_, i) => [1, i % 2 === 0 ? 0 : -1, 0]);
  const size = 2 * MIB;
  collect();
  const before = process.memoryUsage().heapUsed;
  let most = 0;
  await using guest = await lookedAtBy((request) => {
    if (request.op === "release") return RELEASED;
    if (request.op !== "read") return OPENED;
    if (request.position === size - 8192) {
      collect();
      most = process.memoryUsage().heapUsed - before;
    }
    return { type: "content", runs: request.position < size ? runs : [], bytes: new Uint8Array() };
  });
  expect((await guest.readFile("/f")).length).toBe(size);
  expect(most).toBeLessThan(32 * MIB);
});

it("a file ends where it was said to end", async () => {
  const sized = value({ ...(OPENED as { value: object }).value, size: 10 });
  const read = (size: number) =>
    lookedAtBy(({ op }) =>
      op === "read" ? { type: "content", runs: [[size, 0, 0]], bytes: new Uint8Array() } : sized,
    );
  await using more = await read(11);
  await expect(more.readFile("/f")).rejects.toThrow("/f: has more than its 10 bytes");
  await using endless = await read(4);
  await expect(endless.eachPart("/f", () => undefined)).rejects.toThrow("/f: has more than its 10 bytes");
});

/** A file that has each of these answers, of no size or one, and then nothing more. */
const file = (answers: readonly object[], size?: number) =>
  lookedAtBy(({ op, ...request }) => {
    if (op === "release") return RELEASED;
    if (op === "open") return value({ ...(OPENED as { value: object }).value, ...(size !== undefined && { size }) });
    const nothing = { type: "content", runs: [], bytes: new Uint8Array() };
    return (request as { position: number }).position === 0 ? answers[0]! : (answers[1] ?? nothing);
  });

it("a file that ends before its end is damaged", async () => {
  await using guest = await file([{ type: "content", runs: [[4, 0, 0]], bytes: new Uint8Array() }], 10);
  await expect(guest.readFile("/f")).rejects.toThrow("/f: ends at byte 4 of 10");
});

it("a file ends, at the latest, where numbers do", async () => {
  const endless = { type: "content", runs: [[Number.MAX_SAFE_INTEGER, -1, 0]], bytes: new Uint8Array() };
  await using guest = await file([endless, endless]);
  let given = 0;
  await guest.eachPart("/f", (_, hole) => {
    given += hole;
    expect(Number.isSafeInteger(given)).toBe(true);
    return undefined;
  });
  expect(given).toBe(Number.MAX_SAFE_INTEGER);
});

it("whoever stops reading isn't told what became of the rest", async () => {
  const unheard: unknown[] = [];
  const hear = (error: unknown) => unheard.push(error);
  process.on("unhandledRejection", hear);
  try {
    const bytes = { type: "content", runs: [], bytes: new Uint8Array(4) };
    await using guest = await file([bytes, { type: "failed", error: { name: "DiskError", message: "disk0: gone" } }]);
    const enough = new Error("enough");
    const stop = () => {
      throw enough;
    };
    await expect(guest.eachPart("/f", stop)).rejects.toBe(enough);
    for await (const _ of guest.readParts("/f")) break;
    await new Promise((resolve) => setTimeout(resolve));
    expect(unheard).toEqual([]);
  } finally {
    process.off("unhandledRejection", hear);
  }
});

/** What may stand for a number. */
const numbers = fc.oneof(
  fc.integer({ min: -2, max: 5 * MIB }),
  fc.constantFrom(-0, 0.5, -1, 4 * MIB, 4 * MIB - 1, 2 ** 31, 2 ** 32, 2 ** 53 - 1, 2 ** 53, 1e300),
  fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, "1", null, undefined, true, {}, [1]),
);
const wrongRuns = fc.oneof(
  fc.array(fc.oneof(fc.tuple(numbers, numbers, numbers), fc.tuple(fc.integer({ min: 1, max: 9 }), numbers, numbers))),
  fc.anything(),
);

it("wherever places are said to be, nothing is read but what is on the disk", async () => {
  const anywhere = fc.asyncProperty(wrongRuns, fc.nat(100), fc.anything(), async (runs, size, bytes) => {
    const liar = new Liar(({ op }) => {
      if (op === "release") return RELEASED;
      if (op === "open") return value({ ...(OPENED as { value: object }).value, size });
      return { type: "content", runs, bytes: size % 2 === 0 ? new Uint8Array() : bytes };
    });
    const read = liar.disks[0]!.read;
    const outside: number[] = [];
    liar.disks[0]!.read = (offset, target) => {
      if (!Number.isInteger(offset) || offset < 0 || offset + target.length > 4 * MIB) outside.push(offset);
      return read(offset, target);
    };
    const guest = await lookedAtBy(liar);
    for (const look of [() => guest.readFile("/f"), () => guest.eachPart("/f", () => undefined)])
      await look().then((given) => given && expect(given.length).toBe(size), ours);
    await guest.close();
    expect(outside).toEqual([]);
  });
  await fc.assert(anywhere, { numRuns: 500 });
});

it("names are the UTF-8 that they are, and bytes that are none are found again", () => {
  const lead = fc.constantFrom(
    0xc0,
    0xc2,
    0xdf,
    0xe0,
    0xed,
    0xef,
    0xf0,
    0xf4,
    0xf5,
    0xff,
    0x7f,
    0x80,
    0x9f,
    0xa0,
    0xbf,
  );
  const loose = fc.array(fc.oneof(lead, lead, fc.nat(255))).map((bytes) => String.fromCharCode(...bytes));
  fc.assert(
    fc.property(loose, (bytes) => {
      expect(byteString(textOf(bytes))).toBe(bytes);
      const shown = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytesOf(bytes));
      if (!shown.includes("\ufffd")) expect(textOf(bytes)).toBe(shown);
      else expect(textOf(bytes)).not.toBe(shown);
    }),
    { numRuns: 2000 },
  );
  const text = fc.string({ unit: "binary" });
  fc.assert(fc.property(text, (name) => textOf(byteString(name)) === name));
});
