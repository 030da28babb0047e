// A session's process that has been taken over and speaks to its caller as it likes: the caller ends it within its
// limits, believes nothing that can be known better, and takes in no more than a result can be.

import { readdirSync, readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { BufferConsole, KeysConsole } from "userboot-wasm";
import { expect, it, vi } from "vitest";
import { runIsolated } from "../../build/host/isolation/run.js";
import { LoaderMemory } from "../../build/host/memory/loader.js";
import { sessionOptions } from "../../build/host/options.js";
import { bwrapFails, bwrapWorks, findBwrap } from "../../build/host/process/confine.js";
import { spawnProcess } from "../../build/host/process/spawn.js";
import { addDigests } from "../../build/host/result.js";
import { MEASURED } from "../support/measured.js";
import { killAll } from "../support/resources.js";
import { Scratch } from "../support/scratch.js";
import { runLiar } from "../support/stand_ins.js";

// Machine code isn't held by Node's permission model.
vi.mock("../../build/host/worker/node_rights.js", () => ({ readingRights: () => [] }));

const LIAR = new URL("./liar.mjs", import.meta.url);
const MIB = 1024 * 1024;
const lie = (name: string, more = {}) =>
  runLiar("process", LIAR, name, { confine: "none", limits: { wallMs: 3000 }, ...more });

it.each(["deep", "wide"])(
  "a result that would cost the caller far more than its bytes is refused: %s",
  async (name) => {
    const { error } = await lie(name, { limits: { wallMs: 20_000 } });
    expect(error?.name).toBe("IsolationError");
    expect(error?.message).toMatch(/it sent what is no frame: a head of more than \d+ values/);
  },
);

it("what was written is what has come, whatever the result says", async () => {
  const result = await lie("memory that isn't there");
  expect(result).toMatchObject({ reason: "exit", memory: [{ gpa: "0x10", length: 7 }] });
  await addDigests(result);
  expect(Buffer.from(result.guestMemory.view(16, 23)).toString()).toBe("written");
});

it("nothing is heard after the end", async () => {
  const console = new KeysConsole(["key"]);
  const result = await lie("more after the end", { console });
  expect(result).toMatchObject({ exitCode: 1, memory: [] });
  expect(console).toMatchObject({ text: "", consumed: 1 });
});

it.each<[string, string, string]>([
  ["memory", '{"type":"memory","start":16}', "it speaks without having been asked"],
  ["output", '{"type":"output"}', "it speaks without having been asked"],
  ["nothing that is one", "null", "it speaks without having been asked"],
])("what a process that was launched ahead says before it has a session is refused: %s", async (_what, head, why) => {
  using scratch = new Scratch();
  const program = scratch.file(
    "early.mjs",
    `import { writeSync } from "node:fs";
    const lengths = Buffer.alloc(8);
    lengths.writeUInt32LE(${head.length}, 0);
    lengths.writeUInt32LE(7, 4);
    writeSync(3, Buffer.concat([lengths, Buffer.from(${JSON.stringify(head)} + "written")]));
    setInterval(() => {}, 1000);`,
  );
  const options = sessionOptions({ isolation: "process" });
  const cell = spawnProcess({ confine: "none", ahead: { options, stays: false } }, pathToFileURL(program));
  const failed = new Promise((resolve) => cell.onFailure(resolve));
  expect(await failed).toBe(why);
  await cell.ready;
  await cell.terminate();
});

it("memory that comes after the end of a session is in no other one's", async () => {
  const options = sessionOptions({ isolation: "process", env: ["case=memory that comes late"] });
  const cell = spawnProcess({ confine: "none", ahead: { options, stays: true } }, LIAR);
  const start = { options, disks: [], trees: [], clock: "virtual" } as const;
  const { low, high } = options.memory;
  let next: LoaderMemory | undefined;
  let failed: Promise<unknown> | undefined;
  await runIsolated(cell, start, {}, undefined, undefined, async () => {
    cell.renew!();
    next = new LoaderMemory(low, high);
    failed = new Promise((resolve) => cell.onFailure(resolve));
  });
  expect(await failed).toBe("it speaks without having been asked");
  expect(next!.read(0, 4096)).toEqual(new Uint8Array(4096));
  await cell.terminate();
});

const lieInThread = (name: string) =>
  runLiar("thread", new URL("./liar_thread.cjs", import.meta.url), name, { limits: { wallMs: 3000 } });

it.each([
  ["throws nothing", "null"],
  ["throws an object", "[object Object]"],
  ["throws a long text", "A".repeat(256 * 1024)],
  ["throws what no text can be made of", "[object Object]"],
  ["writes what is taken", 'it sent a wrong message "output"'],
  ["more memory than there is", "it sent something that is no message"],
  ["memory that is shared", "it sent something that is no message"],
  ["memory that is no memory", "it sent something that is no message"],
  ["a module by its path", 'it sent a wrong message "module"'],
  ["a module that it has", "it asks for a module that it was to find by itself"],
  ["a list that is there many times", "it sent something that is no message"],
  ["an environment that is a class's", 'it sent a wrong message "done"'],
  ["a list of holes", 'it sent a wrong message "done"'],
])("a thread that lies is one that failed: %s", async (name, why) => {
  const { error } = await lieInThread(name);
  expect(error).toEqual({ name: "IsolationError", message: `the session's thread failed: ${why}` });
});

it("output of nothing is not collected", MEASURED, async () => {
  const console = new BufferConsole();
  const before = process.memoryUsage().rss;
  expect((await lie("empty output", { console })).error).toMatchObject({ limit: "wallMs" });
  expect(process.memoryUsage().rss - before).toBeLessThan(64 * MIB);
});

/** Processes with a descriptor of this one's pipes or sockets, by their command lines. */
const keepers = () =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "latin1") === "/bin/sleep\x0060\0";
      } catch {
        return false;
      }
    })
    .map(Number);

it.runIf(process.platform === "linux")(
  "a process ends for its caller when it has ended, whom it may have started",
  async () => {
    const before = keepers();
    expect((await lie("a child in its group")).error).toMatchObject({ name: "IsolationError" });
    expect(keepers()).toEqual(before);
    const began = performance.now();
    expect((await lie("a child that has got away")).error).toMatchObject({ limit: "wallMs" });
    expect(performance.now() - began).toBeLessThan(10_000);
    killAll(keepers().filter((pid) => !before.includes(pid)));
  },
);

it("bubblewrap that has worked is not given up when it fails", () => {
  const there = findBwrap("auto");
  bwrapWorks();
  expect(bwrapFails("bwrap: Resource temporarily unavailable")).toBe(false);
  expect(findBwrap("auto")).toBe(there);
});
