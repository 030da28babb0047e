// A session's process that is started ahead of it: used by the session that it was started for, and by no other.

import { boot, KeysConsole } from "userboot-wasm";
import { afterAll, expect, it, vi } from "vitest";
import { startSpareProcess } from "../../build/host/process/start.js";
import { guestImage } from "../support/guests.js";
import { children, openFiles } from "../support/resources.js";
import { Scratch } from "../support/scratch.js";

const scratch = new Scratch();
afterAll(() => scratch[Symbol.dispose]());
const path = scratch.file("guest.img", guestImage("amd64-ufs2-gpt"));
const other = scratch.file("other.img", guestImage("i386-ufs1-mbr"));

const session = async (disk: string) => {
  const console = new KeysConsole(["\r"]);
  const options = { start: "simp", clock: "virtual", isolation: "process" } as const;
  using result = await boot({ ...options, disks: [disk], console });
  return result.arch;
};

const linux = process.platform === "linux";
if (!linux) console.warn("SKIPPED, no /proc: processes started ahead");

it.runIf(linux)("is the process of the session that has its images", async () => {
  const files = openFiles();
  startSpareProcess([path], "auto");
  const [ahead] = children() ?? [];
  expect(ahead).toBeDefined();
  const running = session(path);
  // No other one is started.
  await vi.waitFor(() => expect(children()).toEqual([ahead]));
  expect(await running).toBe("amd64");
  await vi.waitFor(() => expect(children()).toEqual([]));
  expect(openFiles()).toBeLessThanOrEqual(files);
});

it.runIf(linux)("is ended when the session has others, and gives nothing of its own to it", async () => {
  const files = openFiles();
  startSpareProcess([path], "auto");
  expect(await session(other)).toBe("i386");
  await vi.waitFor(() => expect(children()).toEqual([]));
  expect(openFiles()).toBeLessThanOrEqual(files);
});

it.runIf(linux)("is not started for images that can't be opened", () => {
  startSpareProcess([path, `${path}.absent`], "auto");
  expect(children()).toEqual([]);
});
