// The built package in a real browser: served as plain files under a strict policy, it boots the sample
// guest from a Blob in a Web Worker and finds what Node finds. Needs Debian's Chromium.

import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { type BootResult, boot, inspect, KeysConsole } from "userboot-wasm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CHROMIUM } from "../support/chromium.js";
import { guestImage, SAME_EVERYWHERE as OPTIONS } from "../support/guests.js";
import { inRepository } from "../support/repository.js";
import { Pages } from "./page.js";

const image = guestImage("amd64-ufs2-gpt");
const packed = gzipSync(image);

/** What the page's boot gives, in a form that can leave the page. */
interface PageResult {
  result: BootResult;
  text: string;
  isolated: boolean;
}

describe.skipIf(CHROMIUM === undefined)("in Chromium", () => {
  let pages: Pages;
  beforeAll(async () => {
    pages = await Pages.open();
  });
  afterAll(() => pages?.close());

  const open = (isolated: boolean) => pages.page(isolated, { "/guest.img": image, "/guest.gz": packed });

  it.each([true, false])("boots the sample guest from a Blob as Node does (isolated page: %s)", async (isolated) => {
    const { page, complaints } = await open(isolated);
    const inPage = (await page.evaluate(async (options) => {
      const { userboot } = globalThis as unknown as { userboot: typeof import("userboot-wasm") };
      const blob = await (await fetch("/guest.img")).blob();
      const console = new userboot.KeysConsole(["\r"]);
      const result = await userboot.boot({ ...options, disks: [blob], console });
      return { result, text: console.text, isolated: globalThis.crossOriginIsolated };
    }, OPTIONS)) as PageResult;
    const console = new KeysConsole(["\r"]);
    const here = await boot({ ...OPTIONS, disks: [image], console });
    const timeless = (result: BootResult) => ({ ...result, timeMs: 0 });
    expect(timeless(inPage.result)).toEqual(timeless(here));
    expect(inPage.text).toBe(console.text);
    expect(inPage.isolated).toBe(isolated);
    expect(inPage.result).toMatchObject({ reason: "exec", arch: "amd64" });
    expect(inPage.result.registers?.rip).toMatch(/^0xffffffff80/);
    expect(inPage.result.memory.every((range) => /^[0-9a-f]{64}$/.test(range.sha256 ?? ""))).toBe(true);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it.each([
    ["lua", 5, "simp"],
    ["lua", 4, "lua"],
    ["4th", 5, "simp"],
    ["4th", 4, "4th"],
  ] as const)("runs the guest's own scripts, and swaps: started with %s, version %i", async (start, version, ends) => {
    const { page, complaints } = await open(false);
    const options = { ...OPTIONS, start, interfaceVersion: version } as const;
    const inPage = await page.evaluate(async (given) => {
      const { userboot } = globalThis as unknown as { userboot: typeof import("userboot-wasm") };
      const compiled: string[] = [];
      const streams = WebAssembly.compileStreaming;
      WebAssembly.compileStreaming = async (source) => {
        const response = await source;
        compiled.push(response.url.replace(/.*\//, ""));
        return streams.call(WebAssembly, response);
      };
      const blob = await (await fetch("/guest.img")).blob();
      const console = new userboot.KeysConsole(["\r"]);
      const result = await userboot.boot({ ...given, disks: [blob], console });
      return { result, text: console.text, compiled };
    }, options);
    const console = new KeysConsole(["\r"]);
    const here = await boot({ ...options, disks: [image], console });
    expect(inPage.result).toMatchObject({ reason: "exec", flavour: ends, swaps: start === ends ? [] : [ends] });
    expect(inPage.result.calls).toEqual(here.calls);
    expect(inPage.text).toBe(console.text);
    // Compiled while they arrived, and no other one was fetched.
    expect(inPage.compiled).toEqual([...new Set([start, ends])].map((flavour) => `userboot_${flavour}_small.wasm`));
    expect(complaints).toEqual([]);
    await page.close();
  });

  it("shows the guest trees: maps, and directories the page was given", async () => {
    const { page, complaints } = await open(false);
    const outcome = await page.evaluate(async () => {
      const { userboot } = globalThis as unknown as { userboot: typeof import("userboot-wasm") };
      const top = await navigator.storage.getDirectory();
      const sub = await top.getDirectoryHandle("sub", { create: true });
      const file = await (await sub.getFileHandle("name\u00e9", { create: true })).createWritable();
      await file.write("from the page's directory\n");
      await file.close();
      const console = new userboot.KeysConsole(["ls /boot\rmore host1:/sub/name\xc3\xa9\rquit\r"]);
      const hostTrees = [{ "boot/readme": new Uint8Array(5) }, top];
      const env = ["autoboot_delay=NO"];
      const { exitCode } = await userboot.boot({ start: "simp", clock: "virtual", env, console, hostTrees });
      return { exitCode, text: console.text };
    });
    expect(outcome.text).toContain("    readme\r\n");
    expect(outcome.text).toContain("from the page's directory\r\n");
    expect(outcome.exitCode).toBe(1);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it("unpacks what gzip packed, says what a page can't, and keeps to its limit", async () => {
    const { page, complaints } = await open(false);
    const outcome = await page.evaluate(async (options) => {
      const { userboot } = globalThis as unknown as { userboot: typeof import("userboot-wasm") };
      const blob = await (await fetch("/guest.gz")).blob();
      const bytes = new Uint8Array(await blob.arrayBuffer());
      const harmed = bytes.slice();
      harmed.fill(0x55, 1000, 1100);
      let told = 0;
      const attempt = async (
        disk: import("userboot-wasm").DiskSource,
        more?: Partial<import("userboot-wasm").BootOptions>,
      ) => {
        const console = new userboot.KeysConsole(["\r"]);
        try {
          const result = await userboot.boot({ ...options, disks: [disk], console, ...more });
          return result.memory.map(({ sha256 }) => sha256).join() || `${result.error?.message}`;
        } catch (error) {
          return `${(error as Error).name}: ${(error as Error).message}`;
        }
      };
      return {
        plain: await attempt(await (await fetch("/guest.img")).blob()),
        file: await attempt(new File([blob], "guest.img.gz"), {
          onProgress: ({ unpackedDone = 0 }) => {
            told = Math.max(told, unpackedDone);
          },
        }),
        told: told === blob.size,
        blob: await attempt({ image: blob, format: "gzip" }),
        bytes: await attempt({ image: bytes, format: "gzip" }),
        unsaid: await attempt(blob),
        harmed: await attempt({ image: harmed, format: "gzip" }),
        cut: await attempt(new File([bytes.slice(0, 5000)], "cut.img.gz")),
        limit: await attempt({ image: blob, format: "gzip" }, { limits: { unpackedBytes: 100_000 } }),
        aborted: await attempt({ image: blob, format: "gzip" }, { signal: AbortSignal.abort() }),
        xz: await attempt(new File([blob], "guest.img.xz")),
        path: await attempt("guest.img.gz"),
      };
    }, OPTIONS);
    expect(outcome.plain).toMatch(/^[0-9a-f]{64},/);
    for (const way of ["file", "blob", "bytes"] as const) expect(outcome[way], way).toBe(outcome.plain);
    expect(outcome.told).toBe(true);
    expect(outcome.unsaid).toMatch(/looks like a gzip file: say so \(.*in the API format: "gzip"\)/);
    expect(outcome.harmed).toMatch(/^DiskError: Blob: is not a gzip file, or damaged/);
    expect(outcome.cut).toMatch(/^DiskError: cut.img.gz: is not a gzip file, or damaged/);
    expect(outcome.limit).toMatch(/^LimitError: limit unpackedBytes exceeded: \d+ of 100000 used$/);
    expect(outcome.aborted).toMatch(/^AbortedError/);
    expect(outcome.xz).toBe(
      "OptionError: in browsers only gzip is unpacked: give the xz image unpacked, or packed by gzip",
    );
    expect(outcome.path).toBe("OptionError: a disk can be named by a path on Node only");
    expect(complaints).toEqual([]);
    await page.close();
  });

  it("lays files over the guest's: maps, and directories the page was given", async () => {
    const { page, complaints } = await open(false);
    const outcome = await page.evaluate(async (options) => {
      const { userboot } = globalThis as unknown as { userboot: typeof import("userboot-wasm") };
      const top = await (await navigator.storage.getDirectory()).getDirectoryHandle("over", { create: true });
      const boot = await top.getDirectoryHandle("boot", { create: true });
      const file = await (await boot.getFileHandle("notes.txt", { create: true })).createWritable();
      await file.write("from the page's directory\n");
      await file.close();
      const blob = await (await fetch("/guest.img")).blob();
      const console = new userboot.KeysConsole([" more /boot/notes.txt\r", "more /new\r", "quit\r"]);
      const overlay = [top, { "/new": new TextEncoder().encode("from a map\n"), "/boot/kernel": null }];
      const result = await userboot.boot({ ...options, disks: [blob], console, overlay });
      return { used: result.overlay, text: console.text };
    }, OPTIONS);
    expect(outcome.text).toContain("from the page's directory\r\n");
    expect(outcome.text).toContain("from a map\r\n");
    expect(outcome.used?.map(({ path, used }) => [path, used])).toEqual([
      ["/boot/notes.txt", true],
      ["/new", true],
      ["/boot/kernel", true],
    ]);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it("passes keys to a guest that waits", async () => {
    const { page } = await open(true);
    const text = await page.evaluate(async () => {
      const { userboot } = globalThis as unknown as { userboot: typeof import("userboot-wasm") };
      let text = "";
      let input: import("userboot-wasm").KeyInput | undefined;
      const console = {
        write(bytes: Uint8Array) {
          text += String.fromCharCode(...bytes);
          const keys = text.includes("pressed") ? "quit\r" : "echo pressed\r";
          if (text.endsWith("OK ")) setTimeout(() => input?.push(new TextEncoder().encode(keys)), 5);
        },
        connect(keys: import("userboot-wasm").KeyInput) {
          input = keys;
          return () => {};
        },
      };
      const { exitCode } = await userboot.boot({ start: "simp", interfaceVersion: 4, console });
      return `${text} ${exitCode}`;
    });
    expect(text).toMatch(/\r\npressed\r\n.* 1$/s);
    await page.close();
  });

  it.each([true, false])("looks into the sample guest as Node does (isolated page: %s)", async (isolated) => {
    const { page, complaints } = await open(isolated);
    const inPage = await page.evaluate(async () => {
      const { userboot } = globalThis as unknown as { userboot: typeof import("userboot-wasm") };
      const blob = await (await fetch("/guest.img")).blob();
      const guest = await userboot.inspect({ disks: [blob] });
      const found: string[] = [];
      for await (const { path, type } of guest.find("/")) found.push(`${type} ${path}`);
      const script = new TextDecoder().decode(await guest.readFile("/boot/loader.rc"));
      const { disks, volumes } = guest;
      const system = await guest.system();
      const refused = await guest.stat("/nothing").catch((error: Error) => error.name);
      await guest.close();
      return { disks, volumes, system, found, script, refused };
    });
    const guest = await inspect({ disks: [image] });
    const found: string[] = [];
    for await (const { path, type } of guest.find("/")) found.push(`${type} ${path}`);
    const script = new TextDecoder().decode(await guest.readFile("/boot/loader.rc"));
    const { disks, volumes } = guest;
    expect(inPage).toEqual({ disks, volumes, system: await guest.system(), found, script, refused: "FileError" });
    await guest.close();
    expect(complaints).toEqual([]);
    await page.close();
  });

  it("ends a guest that is aborted", async () => {
    const { page } = await open(true);
    const outcome = await page.evaluate(async () => {
      const { userboot } = globalThis as unknown as { userboot: typeof import("userboot-wasm") };
      const signal = AbortSignal.timeout(300);
      const waiting = { write() {}, connect: () => () => {} };
      return userboot.boot({ start: "simp", interfaceVersion: 4, console: waiting, signal }).then(
        ({ reason }) => reason,
        (error: Error) => error.name,
      );
    });
    expect(outcome).toBe("AbortedError");
    await page.close();
  });

  it("says what is wrong with a worker that it is given", async () => {
    const { page } = await open(false);
    const outcome = await page.evaluate(async () => {
      const { userboot } = globalThis as unknown as { userboot: typeof import("userboot-wasm") };
      const disks = [new Uint8Array(512)];
      const said = (promise: Promise<unknown>) =>
        promise.then(
          () => "nothing",
          ({ name, message }: Error) => `${name}: ${message}`,
        );
      const none = { worker: (() => undefined) as never };
      const later = { worker: (async () => new Worker("/build/worker.js")) as never };
      const small = { worker: "/build/worker_boot.js" };
      return {
        none: await said(userboot.boot({ disks, assets: none })),
        later: await said(userboot.inspect({ disks, assets: later })),
        measured: await said(userboot.boot({ disks, assets: small, measure: true })),
        inspected: await said(userboot.inspect({ disks, assets: small })),
      };
    });
    const none = "OptionError: assets.worker: the function made no Worker";
    const small = expect.stringMatching(/^AssetError: assets\.worker: .* this takes userboot-wasm\/worker$/);
    expect(outcome).toEqual({ none, later: none, measured: small, inspected: small });
    await page.close();
  });
});

it("loads nothing of Node in browsers", () => {
  const seen = new Set<string>();
  const visit = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const [, name] of readFileSync(file, "utf8").matchAll(
      /(?:^|\n)\s*(?:import|export)[^;]*?\bfrom\s+"([^"]+)"/g,
    )) {
      expect(name, `import in ${file}`).toMatch(/^\.\.?\//);
      visit(resolve(dirname(file), name!));
    }
  };
  visit(inRepository("build/host/browser.js"));
  visit(inRepository("build/host/worker/browser_entry.js"));
  expect(seen.size).toBeGreaterThan(15);
  for (const file of seen)
    expect(readFileSync(file, "utf8"), file).not.toMatch(/["']node:|\bBuffer\.|\bprocess\.|\brequire\(/);
});
