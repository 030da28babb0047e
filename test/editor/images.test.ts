// Images as the editor takes them: how much of one it fetches or unpacks, whoever says how long it is.

import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { DiskError, type HttpDisk } from "userboot-wasm";
import { afterEach, describe, expect, it } from "vitest";
import { inFormat, type OpenImage, unpackedImage, urlImage } from "../../build/host/editor/images.js";

const MIB = 1024 * 1024;
const BOUND = 512 * MIB;
const TOO_LARGE = /image of that size has to be downloaded, and opened as a file$/;

describe("images on a server", () => {
  let server: Server | undefined;
  afterEach(() => {
    server?.close();
    server?.closeAllConnections();
  });

  async function serve(listener: RequestListener): Promise<URL> {
    server = createServer(listener);
    await new Promise<void>((done) => server!.listen(0, "127.0.0.1", done));
    return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/guest.img.gz`);
  }

  it("a packed one that doesn't end is fetched up to the bound, then the server has nobody to send to", async () => {
    let sent = 0;
    let closed = () => {};
    const gone = new Promise<void>((resolve) => {
      closed = resolve;
    });
    const url = await serve((_request, response) => {
      const part = Buffer.alloc(64 * 1024);
      // An end, for those who take all of it.
      const send = () => {
        while (sent < 64 * MIB && !response.closed) {
          sent += part.length;
          if (!response.write(part)) return;
        }
        response.end();
      };
      response.on("drain", send).on("close", closed);
      send();
    });
    await expect(urlImage(url, undefined, MIB)).rejects.toThrow(TOO_LARGE);
    await gone;
    // What is on the way lies in the buffers of two sockets.
    expect(sent).toBeLessThan(32 * MIB);
  });

  it.each([
    [BOUND + 1, TOO_LARGE],
    // Nothing comes of it, but that is what is said then.
    [BOUND, /terminated/],
  ])("a packed one of %i bytes, as the server says, of which it sends one", async (length, says) => {
    const url = await serve((_request, response) => {
      response.writeHead(200, { "content-length": length });
      response.write("x", () => response.destroy());
    });
    await expect(urlImage(url)).rejects.toThrow(says);
  });

  it("one within the bound comes whole", async () => {
    const content = Buffer.alloc(MIB, 7);
    const url = await serve((_request, response) => response.end(content));
    const image = await urlImage(url, undefined, MIB);
    expect(Buffer.from(await (image.content as Blob).arrayBuffer()).equals(content)).toBe(true);
  });

  it.each([
    [BOUND + 512, TOO_LARGE],
    [BOUND, /^guest.img: the server answers 404/],
  ])("one of a format that isn't read by ranges, of %i bytes", async (size, says) => {
    const url = await serve((_request, response) => response.writeHead(404).end());
    const content = { close: () => {} } as unknown as HttpDisk;
    const image: OpenImage = { name: "guest.img", content, url, size, format: "raw" };
    const fetched = inFormat(image, "qcow2");
    await expect(fetched).rejects.toThrow(DiskError);
    await expect(fetched).rejects.toThrow(says);
  });
});

describe("images for a machine in the page", () => {
  const image = (name: string, content: Uint8Array): OpenImage => {
    const file = new File([content as Uint8Array<ArrayBuffer>], name);
    return { name, content: file, size: file.size, format: "raw" };
  };

  it("a packed one is unpacked", async () => {
    const raw = await unpackedImage(image("a.img.gz", gzipSync(Buffer.from("content"))), MIB);
    expect(await raw!.text()).toBe("content");
  });

  it("one that holds more than the bound isn't unpacked to its end", async () => {
    const raw = await unpackedImage(image("a.img.gz", gzipSync(Buffer.alloc(64 * MIB))), MIB);
    expect(raw!.size).toBeGreaterThan(MIB);
    expect(raw!.size).toBeLessThan(2 * MIB);
  });

  it("what isn't read in pages is none", async () => {
    expect(await unpackedImage(image("a.img.xz", Buffer.from("x")), MIB)).toBeUndefined();
    expect(await unpackedImage({ ...image("a", Buffer.from("x")), format: "qcow2" }, MIB)).toBeUndefined();
  });
});
