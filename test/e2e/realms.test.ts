// In pages what is given may come from a frame: its classes are others than the page's. test/host/realms.test.ts has what is
// the same on Node.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CHROMIUM } from "../support/chromium.js";
import { guestImage, SAME_EVERYWHERE as OPTIONS } from "../support/guests.js";
import { Pages } from "./page.js";

describe.skipIf(CHROMIUM === undefined)("what a frame gives", () => {
  let pages: Pages;
  beforeAll(async () => {
    pages = await Pages.open();
  });
  afterAll(() => pages?.close());

  it.each(["thread", "none"] as const)("is what a page gives (isolation %s)", async (isolation) => {
    const { page, complaints } = await pages.page(false, { "/guest.img": guestImage("amd64-ufs2-gpt") });
    const outcome = await page.evaluate(
      async (options) => {
        const { userboot } = globalThis as unknown as { userboot: typeof import("../../build/host/browser.js") };
        const frame = document.body.appendChild(document.createElement("iframe"));
        const there = frame.contentWindow as unknown as typeof globalThis;
        const bytes = there.Uint8Array.from(new Uint8Array(await (await fetch("/guest.img")).arrayBuffer()));
        const blob = new there.Blob([bytes]);
        const packed = new there.Response(new there.Response(bytes).body!.pipeThrough(new CompressionStream("gzip")));
        const run = async (disk: import("userboot-wasm").DiskSource, more = {}) => {
          const console = new userboot.KeysConsole(["\r"]);
          try {
            const { reason, error } = await userboot.boot({ ...options, disks: [disk], console, ...more });
            return error?.message ?? reason;
          } catch (error) {
            return `${(error as Error).name}: ${(error as Error).message}`;
          }
        };
        const place = new there.URL("/build/userboot_lua.wasm", location.href);
        return {
          ours: [blob instanceof Blob, bytes instanceof Uint8Array, place instanceof URL],
          blob: await run(blob),
          file: await run(new there.File([blob], "guest.img")),
          bytes: await run(bytes),
          buffer: await run(bytes.buffer),
          described: await run({ image: blob, format: "raw" }),
          packed: await run({ image: await packed.blob(), format: "gzip" }),
          fileDisk: await run(await userboot.fileDisk(blob)),
          url: await run(blob, { assets: { modules: { lua: place } } }),
          module: await run(blob, {
            assets: { modules: { lua: await there.WebAssembly.compileStreaming(there.fetch(place)) } },
          }),
          empty: await run(new there.Blob()),
        };
      },
      { ...OPTIONS, isolation },
    );
    const { ours, empty, ...disks } = outcome;
    expect(ours).toEqual([false, false, false]);
    expect(Object.entries(disks).filter(([, reason]) => reason !== "exec")).toEqual([]);
    expect(Object.keys(disks)).toHaveLength(9);
    expect(empty).toBe("OptionError: disks[0] is empty, not a disk image");
    expect(complaints).toEqual([]);
    await page.close();
  });
});
