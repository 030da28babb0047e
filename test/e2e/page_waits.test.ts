// A guest that waits in a page of a real browser: for keys and for disks, in pages with and without shared memory, in engines
// with and without JavaScript Promise Integration (which is taken away from the page before its program loads).

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { guestImage } from "../support/guests.js";
import { CHROMIUM, Pages } from "./page.js";

const image = guestImage("amd64-ufs2-gpt");
const OPTIONS = {
  start: "simp",
  interfaceVersion: 4,
  clock: "virtual",
  env: ["boot_serial=1"],
  digests: true,
} as const;
type Package = { userboot: typeof import("userboot-wasm") };

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
              if (shown("OK ")) type(text.includes("by hand") ? "boot\r" : "echo by hand\r");
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
      if (keys === "live") expect(outcome.text).toMatch(/\r\nOK echo by hand\r\nby hand\r\n/);
      else expect(outcome.text).not.toContain("OK ");
      expect(complaints).toEqual([]);
      await page.close();
    },
  );
});
