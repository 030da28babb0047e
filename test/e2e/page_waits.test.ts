// A guest that waits in a page of a real browser: for keys and for disks, in pages with and without shared memory, in engines
// with and without JavaScript Promise Integration (which is taken away from the page before its program loads).

import { boot, KeysConsole } from "userboot-wasm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CHROMIUM } from "../support/chromium.js";
import { guestImage, SAME_EVERYWHERE as OPTIONS } from "../support/guests.js";
import { largeGuest } from "../support/large_guest.js";
import { RangeServer } from "../support/range_server.js";
import { Pages } from "./page.js";

const image = guestImage("amd64-ufs2-gpt");
type Package = { userboot: typeof import("userboot-wasm") };

/** Where a session waits in each of its ways: by shared memory, and by JSPI in a worker and in the page's own thread. */
const WAITS = [
  ["thread", true, false],
  ["thread", false, true],
  ["none", false, true],
] as const;

/** Takes JavaScript Promise Integration from a page. */
const without = () => {
  Object.assign(WebAssembly, { Suspending: undefined, promising: undefined });
};

describe.skipIf(CHROMIUM === undefined)("a guest in a page that waits", { timeout: 120_000 }, () => {
  let pages: Pages;
  beforeAll(async () => {
    pages = await Pages.open();
  }, 60_000);
  afterAll(() => pages?.close());

  /** A page, isolated or not, with or without JSPI. */
  const open = (isolated: boolean, integrated = true) =>
    pages.page(isolated, { "/guest.img": image }, integrated ? {} : { before: without });

  it.each([
    ["thread", true, true, "live"],
    ["thread", true, false, "live"],
    ["thread", false, true, "live"],
    ["thread", false, false, "queued"],
    ["none", false, true, "live"],
    ["none", false, false, "queued"],
  ] as const)(
    "a key stops the countdown, or the console is told that it can't (%s, isolated: %s, JSPI: %s: %s)",
    async (isolation, isolated, integrated, keys) => {
      const { page, complaints } = await open(isolated, integrated);
      const outcome = await page.evaluate(
        async ({ env, isolation, live }) => {
          const { userboot } = globalThis as unknown as Package;
          const blob = await (await fetch("/guest.img")).blob();
          let text = "";
          let told = "";
          let taken = true;
          let input: import("userboot-wasm").KeyInput | undefined;
          const type = (keys: string) =>
            setTimeout(() => {
              taken = input?.push(new TextEncoder().encode(keys)) ?? false;
            }, 5);
          const console = {
            write(bytes: Uint8Array) {
              const before = text.length;
              text += String.fromCharCode(...bytes);
              const shown = (what: string) => text.indexOf(what, Math.max(0, before - what.length)) >= 0;
              if (shown("Hit [Enter]")) type("x");
              if (shown("OK ")) type(text.includes("by hand") ? "boot\r" : "echo by had\x1b[Dn\r");
            },
            connect(keys: import("userboot-wasm").KeyInput) {
              input = keys;
              told = keys.keys;
              return () => {
                input = undefined;
              };
            },
          };
          const delay = live ? "10" : "1";
          const disks = [isolation === "none" && !live ? new Uint8Array(await blob.arrayBuffer()) : blob];
          const options = { start: "simp", interfaceVersion: 4, env: [...env, `autoboot_delay=${delay}`] } as const;
          const { reason, error, timeMs } = await userboot.boot({ ...options, disks, console, isolation });
          return { reason, error, text, told, taken, timeMs };
        },
        { env: OPTIONS.env, isolation, live: keys === "live" },
      );
      expect(outcome.error).toBeUndefined();
      expect(outcome).toMatchObject({ reason: "exec", told: keys });
      if (isolation === "thread") expect(outcome.taken).toBe(keys === "live");
      if (keys === "live") expect(outcome.text).toContain("\r\nby hand\r\n");
      else expect(outcome.text).not.toContain("OK ");
      expect(complaints).toEqual([]);
      await page.close();
    },
  );

  /** The same guest from disks of all kinds. */
  it.each(WAITS)(
    "disks that promise are what their bytes are (%s, isolated: %s, JSPI: %s)",
    async (isolation, isolated, integrated) => {
      const { page, complaints } = await open(isolated, integrated);
      const outcome = await page.evaluate(
        async ({ isolation, options }) => {
          const { userboot } = globalThis as unknown as Package;
          const blob = await (await fetch("/guest.img")).blob();
          const bytes = new Uint8Array(await blob.arrayBuffer());
          const top = await navigator.storage.getDirectory();
          const handle = await top.getFileHandle("guest.img", { create: true });
          const file = await handle.createWritable();
          await file.write(bytes);
          await file.close();
          const promised = {
            sectorSize: 512,
            size: bytes.length,
            async read(offset: number, target: Uint8Array) {
              await new Promise((done) => setTimeout(done, 1));
              const part = bytes.subarray(offset, offset + target.length);
              target.set(part);
              return part.length;
            },
          };
          const disks = {
            bytes,
            blob,
            buffer: bytes.buffer,
            handle,
            promised,
            file: await userboot.fileDisk(handle as never),
          };
          const found: Record<string, string> = {};
          for (const [name, disk] of Object.entries(disks)) {
            const console = new userboot.KeysConsole(["\r"]);
            const result = await userboot.boot({ ...options, disks: [disk], console, isolation });
            const guest = await userboot.inspect({ disks: [disk], isolation });
            const hash = await guest.hash("/boot/kernel/kernel");
            await guest.close();
            found[name] = JSON.stringify([result.error, result.memory, result.calls, result.disk, hash, console.text]);
          }
          return found;
        },
        { isolation, options: OPTIONS },
      );
      const { bytes, ...others } = outcome;
      expect(bytes).toMatch(/^\[null,\[\{"gpa"/);
      for (const [name, found] of Object.entries(others)) expect(found, name).toBe(bytes);
      expect(complaints).toEqual([]);
      await page.close();
    },
  );

  it.each(["thread", "none"] as const)(
    "where nothing can wait, a disk that promises is refused before the boot (%s)",
    async (isolation) => {
      const { page } = await open(false, false);
      const outcome = await page.evaluate(async (isolation) => {
        const { userboot } = globalThis as unknown as Package;
        const read = async () => 0;
        const refused = async (disk: import("userboot-wasm").DiskSource) =>
          userboot.boot({ disks: [disk], isolation }).catch((error: Error) => `${error.name}: ${error.message}`);
        return [await refused({ sectorSize: 512, size: 512, read }), await refused(new Blob(["x".repeat(512)]))];
      }, isolation);
      expect(outcome[0]).toMatch(/^OptionError: disk 0 .* an engine with JavaScript Promise Integration/);
      // A worker can read a Blob at once.
      if (isolation === "thread") expect(outcome[1]).toMatchObject({ reason: "error" });
      else expect(outcome[1]).toMatch(/^OptionError: disk 0 .* an engine with JavaScript Promise Integration/);
      await page.close();
    },
  );

  it.each(WAITS)(
    "6 GiB on a server boot with few requests (%s, isolated: %s, JSPI: %s)",
    async (isolation, isolated, integrated) => {
      const { disk, loaded } = largeGuest();
      const server = new RangeServer(disk);
      const { page, complaints } = await pages.page(
        isolated,
        {},
        { other: server.listener, ...(integrated ? {} : { before: without }) },
      );
      const outcome = await page.evaluate(async (isolation) => {
        const { userboot } = globalThis as unknown as Package;
        const disk = await userboot.httpDisk("/guest.img");
        const { reason, error, modules } = await userboot.boot({ disks: [disk], clock: "virtual", isolation });
        return { reason, error, modules: modules.length };
      }, isolation);
      expect(outcome).toEqual({ reason: "exec", modules: 5 });
      expect(server.requests.filter(({ range }) => range !== "").length).toBeLessThan(40);
      expect(server.sent - loaded).toBeLessThanOrEqual(12 * 1024 * 1024);
      expect(complaints).toEqual([]);
      await page.close();
    },
  );

  it("a session that waits in the page's own thread is ended by its limits and its caller, and leaves nothing behind", async () => {
    const { page, complaints } = await open(false);
    const outcome = await page.evaluate(async (options) => {
      const { userboot } = globalThis as unknown as Package;
      userboot.checkReleased(true);
      const bytes = new Uint8Array(await (await fetch("/guest.img")).arrayBuffer());
      const late: (() => void)[] = [];
      let shared = false;
      /** From the read of this number on it answers only when the boot is over. */
      const stuck = (after: number) => {
        let reads = 0;
        const disk = {
          after,
          sectorSize: 512,
          size: bytes.length,
          async read(offset: number, target: Uint8Array) {
            if (++reads >= disk.after) {
              // Whoever is late may write to what nobody else has, and to nothing more.
              shared ||= target.buffer.byteLength !== target.length;
              await new Promise<void>((done) => late.push(done));
            }
            const part = bytes.subarray(offset, offset + target.length);
            target.set(part);
            return part.length;
          },
        };
        return disk;
      };
      const looked = await userboot
        .inspect({ disks: [stuck(3)], isolation: "none", signal: AbortSignal.timeout(100) })
        .catch((error: Error) => `${error.name}: ${error.message}`);
      const later = stuck(Number.POSITIVE_INFINITY);
      const closed = await userboot.inspect({ disks: [later], isolation: "none" });
      later.after = 0;
      const reading = closed.hash("/boot/kernel/kernel").catch((error: Error) => `${error.name}: ${error.message}`);
      for (const before = late.length; late.length === before; ) await new Promise((done) => setTimeout(done));
      await closed.close();
      const how = (ended: Promise<import("userboot-wasm").BootResult>) =>
        ended.then(
          ({ reason, error }) => `${reason} ${error?.name} ${error?.message}`,
          (error: Error) => `${error.name}: ${error.message}`,
        );
      const none = { ...options, isolation: "none" } as const;
      const waiting = { write() {}, connect: () => () => {} };
      const found = {
        limit: await how(userboot.boot({ ...none, disks: [stuck(3)], limits: { wallMs: 200 } })),
        aborted: await how(userboot.boot({ ...none, disks: [stuck(9)], signal: AbortSignal.timeout(100) })),
        keyless: await how(userboot.boot({ ...none, console: waiting, signal: AbortSignal.timeout(100) })),
        counted: await how(userboot.boot({ ...none, console: waiting, waitCounts: true, limits: { wallMs: 200 } })),
        failing: await how(
          userboot.boot({
            ...none,
            disks: [{ sectorSize: 512, size: 1e6, read: async () => Promise.reject(new Error("dust")) }],
          }),
        ),
        lying: await how(userboot.boot({ ...none, disks: [{ sectorSize: 512, size: 1e6, read: async () => 1e9 }] })),
      };
      // What was late comes now, while others use the memory.
      const again = userboot.boot({ ...none, disks: [bytes], console: new userboot.KeysConsole(["\r"]) });
      for (const done of late) done();
      const { memory } = await again;
      const two = await Promise.all(
        [0, 1].map(() =>
          userboot.boot({ ...none, disks: [new Blob([bytes])], console: new userboot.KeysConsole(["\r"]) }),
        ),
      );
      return {
        ...found,
        late: late.length,
        shared,
        inspected: [looked, await reading],
        memory,
        same: two.every((one) => JSON.stringify(one.memory) === JSON.stringify(memory)),
      };
    }, OPTIONS);
    expect(outcome.limit).toMatch(/^error LimitError limit wallMs exceeded: 2\d\d of 200 used$/);
    expect(outcome.aborted).toBe("AbortedError: boot aborted");
    expect(outcome.keyless).toBe("AbortedError: boot aborted");
    expect(outcome.counted).toMatch(/^error LimitError limit wallMs exceeded/);
    expect(outcome.failing).toMatch(/^error InputEndedError/);
    expect(outcome.lying).toMatch(/^error InputEndedError/);
    expect(outcome.late).toBeGreaterThanOrEqual(2);
    expect(outcome.shared).toBe(false);
    expect(outcome.inspected).toEqual(["AbortedError: inspection aborted", "AbortedError: inspection aborted"]);
    const here = await boot({ ...OPTIONS, disks: [image], console: new KeysConsole(["\r"]) });
    expect(outcome.memory).toEqual(here.memory);
    expect(outcome.same).toBe(true);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it("what ends a guest that has waited is named as always", async () => {
    const { page } = await open(false);
    const outcome = await page.evaluate(async (options) => {
      const { userboot } = globalThis as unknown as Package;
      const bytes = new Uint8Array(await (await fetch("/guest.img")).arrayBuffer());
      const endings: [script: string, limits: object][] = [
        ["local t = {} while true do t[#t + 1] = string.rep('x', 1000) .. #t end", { moduleMemory: 8 << 20 }],
        ["while true do end", { fuel: 3_000_000 }],
        ["local function f(x) return f(x) + 1 end print(pcall(f, 1))", {}],
        [
          "local t = setmetatable({}, {}) getmetatable(t).__index = function(_, k) return t[k] end print(pcall(function() return t.x end))",
          {},
        ],
        [
          "print(pcall(string.rep('(', 150) .. '1' .. string.rep(')', 150))) print(load('return ' .. string.rep('(', 5000) .. '1'))",
          {},
        ],
      ];
      const run = async (disk: import("userboot-wasm").DiskSource, script: string, limits: object) => {
        const overlay = { "/boot/lua/loader.lua": new TextEncoder().encode(`${script}\nloader.exit(7)`) };
        const more = { start: "lua", loader: "lua", isolation: "none", limits, overlay } as const;
        const console = new userboot.KeysConsole(["quit\r"]);
        const { error, exitCode } = await userboot.boot({ ...options, ...more, disks: [disk], console });
        return `${error?.name} ${error?.message} ${exitCode} ${console.text}`;
      };
      const found = [];
      for (const [script, limits] of endings) {
        found.push([await run(new Blob([bytes]), script, limits), await run(bytes, script, limits)]);
      }
      return found;
    }, OPTIONS);
    for (const [waited, plain] of outcome) expect(waited).toBe(plain);
    expect(outcome.map(([one]) => one?.split(" ")[0])).toEqual([
      "LimitError",
      "LimitError",
      "undefined",
      "undefined",
      "undefined",
    ]);
    await page.close();
  });

  it.each(["thread", "none"] as const)("waiting for a key takes none of a session's time (%s)", async (isolation) => {
    const { page, complaints } = await open(false);
    const outcome = await page.evaluate(async (isolation) => {
      const { userboot } = globalThis as unknown as Package;
      let input: import("userboot-wasm").KeyInput | undefined;
      const console = {
        write(bytes: Uint8Array) {
          if (String.fromCharCode(...bytes).endsWith("OK "))
            setTimeout(() => input?.push(new TextEncoder().encode("quit\r")), 1500);
        },
        connect(keys: import("userboot-wasm").KeyInput) {
          input = keys;
          return () => {};
        },
      };
      const options = { start: "simp", interfaceVersion: 4, limits: { wallMs: 1000 }, console, isolation } as const;
      const { error, exitCode } = await userboot.boot(options);
      return { error, exitCode };
    }, isolation);
    expect(outcome).toEqual({ exitCode: 1 });
    expect(complaints).toEqual([]);
    await page.close();
  });
});
