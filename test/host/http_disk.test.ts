// Disks of web servers: what a boot fetches of them, and that nothing a server says is believed unseen.

import { getEventListeners } from "node:events";
import {
  BufferConsole,
  boot,
  DiskError,
  type HttpDiskOptions,
  httpDisk,
  inspect,
  KeysConsole,
  OptionError,
} from "userboot-wasm";
import { afterEach, describe, expect, it, vi } from "vitest";
import { guestImage, SAME_EVERYWHERE as OPTIONS } from "../support/guests.js";
import { largeGuest } from "../support/large_guest.js";
import { type Answer, RangeServer } from "../support/range_server.js";
import { SparseDisk } from "../support/sparse_disk.js";

const NAME = /^http:\/\/127\.0\.0\.1:\d+\/images\/guest\.img: /;
const MIB = 1024 * 1024;

const servers: RangeServer[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function serve(disk: SparseDisk): Promise<{ server: RangeServer; url: string }> {
  const server = new RangeServer(disk);
  servers.push(server);
  return { server, url: await server.start() };
}

function diskOf(bytes: Uint8Array): SparseDisk {
  const disk = new SparseDisk(bytes.length);
  disk.write(0, bytes);
  return disk;
}

const image = guestImage("amd64-ufs2-gpt");

describe("a disk on a web server", { timeout: 120_000 }, () => {
  it("of 6 GiB is booted with few requests and little that isn't needed", async () => {
    const { disk, loaded } = largeGuest();
    const { server, url } = await serve(disk);
    const console = new BufferConsole();
    const result = await boot({ disks: [await httpDisk(url)], clock: "virtual", console });
    expect(result.error, console.text).toBeUndefined();
    expect(result).toMatchObject({ reason: "exec", flavour: "lua" });
    expect(result.modules).toHaveLength(5);
    expect(server.requests.length).toBeLessThan(40);
    expect(server.sent - loaded).toBeLessThanOrEqual(12 * MIB);
  });

  it.each(["thread", "process"] as const)("boots as its bytes do, and can be looked into (%s)", async (isolation) => {
    const { server, url } = await serve(diskOf(image));
    const headers = { authorization: "Bearer x" };
    const disk = await httpDisk(new URL(url), { headers, blockSize: 16384, cache: 100_000 });
    const plain = await boot({ ...OPTIONS, disks: [image], console: new KeysConsole(["\r"]) });
    const result = await boot({ ...OPTIONS, disks: [disk], isolation, console: new KeysConsole(["\r"]) });
    expect(result.reason).toBe("exec");
    expect(result.memory).toEqual(plain.memory);
    expect(result.disk).toEqual(plain.disk);
    const guest = await inspect({ disks: [disk], isolation });
    const same = await inspect({ disks: [image] });
    expect(await guest.hash("/boot/kernel/kernel")).toBe(await same.hash("/boot/kernel/kernel"));
    await guest.close();
    await same.close();
    expect(disk.requests).toBe(server.requests.length);
    expect(disk.transferred).toBe(server.sent);
    expect(server.requests.every(({ token }) => token === "Bearer x")).toBe(true);
    expect(server.requests.slice(1).every(({ ifRange }) => ifRange === '"one"')).toBe(true);
  });

  it.each([
    ["its ETag changes", (server: RangeServer) => (server.etag = '"two"')],
    [
      "its ETag changes, and the server has no If-Range",
      (server: RangeServer) => (server.change = ({ headers }) => (headers.etag = '"two"')),
    ],
    [
      "its Last-Modified changes",
      (server: RangeServer) =>
        (server.change = ({ headers }) => (headers["last-modified"] = "Tue, 24 Nov 2026 10:00:00 GMT")),
    ],
    ["it becomes larger", (server: RangeServer) => ((server.disk as SparseDisk).size += 512)],
  ])("that changes in the middle of a boot ends it: %s", async (_, change) => {
    const { server, url } = await serve(diskOf(image));
    const disk = await httpDisk(url, { blockSize: 4096, cache: 0 });
    server.onRequest = (number) => {
      if (number === 8) change(server);
    };
    const result = await boot({ ...OPTIONS, disks: [disk], console: new KeysConsole(["\r"]) });
    expect(server.requests.length).toBeGreaterThanOrEqual(8);
    expect(result).toMatchObject({ reason: "error", error: { name: "DiskError" } });
    expect(result.error?.message).toMatch(NAME);
    expect(result.error?.message).toMatch(/has changed since it was opened$/);
  });

  it.each<[string, (answer: Answer, server: RangeServer) => void, RegExp]>([
    ["no ranges", (_, server) => (server.ranges = false), /the server sends no ranges of it \(status 200/],
    ["nothing in it", (answer) => (answer.status = 416), /guest\.img: empty file, not a disk image$/],
    ["nothing there", (answer) => (answer.status = 404), /the server answers 404$/],
    [
      "no Content-Range",
      ({ headers }) => delete headers["content-range"],
      /Content-Range is null \(another origin has to expose it/,
    ],
    [
      "no size",
      ({ headers }) => (headers["content-range"] = "bytes 0-262143/*"),
      /Content-Range is bytes 0-262143\/\*$/,
    ],
    [
      "a size that makes no sense",
      ({ headers }) => (headers["content-range"] = "bytes 0-262143/9999999999999999"),
      /has no size that makes sense/,
    ],
    [
      "another range",
      ({ headers }) => (headers["content-range"] = `bytes 1-262143/${image.length}`),
      /sends bytes 1-262143, asked for 0-262143$/,
    ],
    [
      "a shorter range",
      ({ headers }) => (headers["content-range"] = `bytes 0-99/${image.length}`),
      /sends bytes 0-99, asked for 0-262143$/,
    ],
    ["too little", (answer) => (answer.body = answer.body.subarray(0, 1000)), /sends 1000 bytes, and said 262144$/],
    ["too much", (answer) => (answer.body = new Uint8Array(300_000)), /sends more than the 262144 bytes that it says$/],
  ])("is refused by name before anything is booted: %s", async (_, lie, message) => {
    const { server, url } = await serve(diskOf(image));
    if (message.source.includes("no ranges")) lie(undefined as never, server);
    else server.change = (answer) => lie(answer, server);
    const refused = await httpDisk(url).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(DiskError);
    const said = (refused as Error).message;
    expect(said).toMatch(NAME);
    expect(said).toMatch(message);
    // Who is told of a failure need not learn who may read the file.
    expect(said).not.toContain("secret");
  });

  it("that isn't there any more is one line", async () => {
    const { server, url } = await serve(diskOf(image));
    const disk = await httpDisk(url, { blockSize: 4096 });
    server.close();
    const { error } = await boot({ ...OPTIONS, disks: [disk], console: new BufferConsole() });
    expect(error?.name).toBe("DiskError");
    expect(error?.message).toMatch(/guest\.img: can't be fetched: \w+$/);
    await expect(httpDisk(url)).rejects.toThrow(/guest\.img: can't be fetched: \w+$/);
  });

  it("is asked for under a condition only with a strong ETag, and only by its own origin's pages", async () => {
    const { server, url } = await serve(diskOf(image));
    const asked = async () => {
      const disk = await httpDisk(url, { blockSize: 4096 });
      await disk.read(100_000, new Uint8Array(1));
      return server.requests.at(-1)?.ifRange;
    };
    expect(await asked()).toBe('"one"');
    vi.stubGlobal("location", new URL(url));
    expect(await asked()).toBe('"one"');
    vi.stubGlobal("location", new URL("https://page.example/"));
    expect(await asked()).toBeUndefined();
    vi.unstubAllGlobals();
    server.etag = 'W/"one"';
    expect(await asked()).toBeUndefined();
  });

  it("is asked once more when a connection fails", async () => {
    const { server, url } = await serve(diskOf(image));
    const disk = await httpDisk(url, { blockSize: 4096 });
    const usual = server.listener;
    server.listener = (request) => {
      server.listener = usual;
      request.socket.destroy();
    };
    expect(await disk.read(100_000, new Uint8Array(100))).toBe(100);
    expect(disk.requests).toBe(3);
  });

  it.each([
    ["it isn't the range", 200, /sends no ranges/],
    ["more comes than was said", 206, /sends more than the 4096 bytes that it says/],
  ])("of which too much would come lets go of it: %s", async (_, status, message) => {
    let cancelled = 0;
    const body = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(4097)),
      cancel() {
        cancelled++;
      },
    });
    const headers = { "content-range": `bytes 0-4095/${image.length}` };
    vi.stubGlobal("fetch", async () => new Response(body, { status, headers }));
    try {
      await expect(httpDisk("http://localhost/guest.img", { blockSize: 4096 })).rejects.toThrow(message);
    } finally {
      vi.unstubAllGlobals();
    }
    expect(cancelled).toBe(1);
  });

  it("leaves nothing with the signal that it was given, once it is closed", async () => {
    const { url } = await serve(diskOf(image));
    const { signal } = new AbortController();
    const disk = await httpDisk(url, { signal });
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
    disk.close();
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });

  it("can be closed: what is being fetched ends", async () => {
    const { url } = await serve(diskOf(image));
    const disk = await httpDisk(url, { blockSize: 4096 });
    const reading = disk.read(1_000_000, new Uint8Array(100)) as Promise<number>;
    disk.close();
    await expect(reading).rejects.toThrow(/is closed$/);
    expect(() => disk.read(0, new Uint8Array(1))).toThrow(/is closed$/);
  });

  it("that never answers is given up by a signal", async () => {
    const { server, url } = await serve(diskOf(image));
    server.listener = () => {};
    const opening = httpDisk(url, { signal: AbortSignal.timeout(50) });
    await expect(opening).rejects.toThrow(/guest\.img aborted$/);
    await expect(httpDisk(url, { signal: AbortSignal.abort("enough") })).rejects.toThrow(
      /guest\.img aborted \(enough\)$/,
    );
  });

  it.each<[string, string, HttpDiskOptions & Record<string, unknown>, RegExp]>([
    ["what is no URL", "//", {}, /no URL/],
    ["another scheme", "file:///etc/passwd", {}, /file: is neither http: nor https:/],
    ["a password", "http://a:b@localhost/", {}, /give them as a header/],
    ["a name", "http://a@localhost/", {}, /give them as a header/],
    ["an unknown option", "http://localhost/", { blocksize: 4096 }, /unknown option "blocksize"/],
    ["a block size", "http://localhost/", { blockSize: 5000 }, /block size 5000 is no power of two/],
    ["a larger one", "http://localhost/", { blockSize: 16 * MIB }, /block size 16777216 is no power of two/],
    ["a cache", "http://localhost/", { cache: -1 }, /-1 is no size of a cache/],
    ["a header of its own", "http://localhost/", { headers: { Range: "bytes=0-" } }, /the header Range is its own/],
    ["what is no header", "http://localhost/", { headers: { "a b": "" } }, /httpDisk: headers: /],
    ["a sector size", "http://localhost/", { sectorSize: 1000 as never }, /sector size 1000/],
  ])("isn't opened by %s", async (_, url, options, message) => {
    const refused = await httpDisk(url, options).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(OptionError);
    expect((refused as Error).message).toMatch(message);
  });
});
