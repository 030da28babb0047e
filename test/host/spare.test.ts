// A session's process that is started ahead of it: used by the session that it was started for, and by no other.

import { spawn } from "node:child_process";
import { type BootOptions, boot, KeysConsole } from "userboot-wasm";
import { afterAll, describe, expect, it, vi } from "vitest";
import { startAhead } from "../../build/host/cli/ahead.js";
import { sessionOptions } from "../../build/host/options.js";
import { processLimits } from "../../build/host/process/confine.js";
import { dropSpare, startSpareProcess } from "../../build/host/process/start.js";
import { CLI } from "../support/cli.js";
import { guestImage } from "../support/guests.js";
import { children, openNames } from "../support/resources.js";
import { Scratch } from "../support/scratch.js";

const scratch = new Scratch();
afterAll(() => scratch[Symbol.dispose]());
const path = scratch.file("guest.img", guestImage("amd64-ufs2-gpt"));
const other = scratch.file("other.img", guestImage("i386-ufs1-mbr"));

const session = async (disk: string, more: BootOptions = {}) => {
  const console = new KeysConsole(["\r"]);
  const options = { start: "simp", clock: "virtual", isolation: "process" } as const;
  using result = await boot({ ...options, ...more, disks: [disk], console });
  return result.arch;
};

const startSpare = (...paths: string[]) => startSpareProcess(paths, "auto", processLimits(sessionOptions({})));

/** Open images and sockets: what the caller has of a session's process. */
const held = () => openNames().filter((name) => name === path || name === other || name.startsWith("socket:"));
/** Nothing is held but what was `before`. */
const nothingBeside = (before: string[]) =>
  vi.waitFor(() => expect(held().filter((name) => !before.includes(name))).toEqual([]));

/** What `run` gives, and all processes that are there in its time. */
async function watched<T>(run: () => Promise<T>): Promise<[T, number[]]> {
  const seen = new Set(children());
  const timer = setInterval(() => {
    for (const one of children() ?? []) seen.add(one);
  }, 1);
  try {
    return [await run(), [...seen]];
  } finally {
    clearInterval(timer);
  }
}

const linux = process.platform === "linux";
if (!linux) console.warn("SKIPPED, no /proc: processes started ahead");

it.runIf(linux)("is the process of the session that has its images", async () => {
  const before = held();
  startSpare(path);
  const [ahead] = children() ?? [];
  expect(ahead).toBeDefined();
  // Its image, and sockets to it.
  expect(held()).toContain(path);
  expect(held().length).toBeGreaterThan(before.length + 1);
  expect(await watched(() => session(path))).toEqual(["amd64", [ahead]]);
  await vi.waitFor(() => expect(children()).toEqual([]));
  await nothingBeside(before);
});

it.runIf(linux)("is ended when the session has others, and gives nothing of its own to it", async () => {
  const before = held();
  startSpare(path);
  expect(await session(other)).toBe("i386");
  await vi.waitFor(() => expect(children()).toEqual([]));
  await nothingBeside(before);
});

it.runIf(linux)("is not started for images that can't be opened", () => {
  startSpare(path, `${path}.absent`);
  expect(children()).toEqual([]);
});

it.runIf(linux)("is ended when the session may use more or less than it was started for", async () => {
  for (const more of [{ memory: 128 << 20 }, { limits: { wallMs: 1000 } }, { confine: "none" }] as const) {
    startSpare(path);
    const [ahead] = children() ?? [];
    const running = session(path, more);
    await vi.waitFor(() => expect(children()).not.toContain(ahead));
    expect(await running).toBe("amd64");
  }
  await vi.waitFor(() => expect(children()).toEqual([]));
});

it.runIf(linux).each<[string[], BootOptions]>([
  [[], {}],
  [["-m", "64"], { memory: 64 << 20 }],
  [["--memory=64"], { memory: 64 << 20 }],
  [["-m32", "--memory", "64"], { memory: 64 << 20 }],
])("is what a command line with %j will want", async (words, more) => {
  startAhead(["boot", "-d", path, ...words]);
  const [ahead] = children() ?? [];
  expect(ahead).toBeDefined();
  expect(await watched(() => session(path, more))).toEqual(["amd64", [ahead]]);
  await vi.waitFor(() => expect(children()).toEqual([]));
});

it.runIf(linux)("is one at a time, and none when nobody wants it any more", async () => {
  const before = held();
  startSpare(path);
  startSpare(path);
  await vi.waitFor(() => expect(children()).toHaveLength(1));
  dropSpare();
  await vi.waitFor(() => expect(children()).toEqual([]));
  await nothingBeside(before);
});

describe.runIf(linux)("was killed before the session had it: the session gets another one", () => {
  const kill = () => process.kill(-children()![0]!, "SIGKILL");

  it("long before", async () => {
    startSpare(path);
    kill();
    await vi.waitFor(() => expect(children()).toEqual([]));
    expect(await session(path)).toBe("amd64");
  });

  it("just now", async () => {
    startSpare(path);
    kill();
    expect(await session(path)).toBe("amd64");
    await vi.waitFor(() => expect(children()).toEqual([]));
  });
});

it.runIf(linux)("doesn't stay beside a session that is none of a process", async () => {
  const words = [CLI, "boot", "-d", path, "--isolation", "thread", "-e", "--isolation=process", "--start", "simp"];
  const command = spawn(process.execPath, words, { stdio: ["pipe", "pipe", "inherit"] });
  let output = "";
  for await (const text of command.stdout) {
    output += text;
    if (output.includes("Hit [Enter]")) break;
  }
  expect(children(command.pid)).toEqual([]);
  command.kill("SIGKILL");
});
