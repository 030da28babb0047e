// An inspecting process that was taken over and tells what it likes: its caller ends it in one line, whatever that is, and takes
// in nothing that it didn't ask for.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, it, vi } from "vitest";
import { CellInspector } from "../../build/host/inspect/inspector.js";
import { inspectOptions } from "../../build/host/inspect/options.js";
import { spawnProcess } from "../../build/host/process/spawn.js";
import { Scratch } from "../support/scratch.js";
import { installLiar, userbootWith } from "../support/taken_over.js";

const made = vi.hoisted(() => ({ memories: 0 }));
vi.mock("../../build/host/memory/loader.js", async (load) => {
  const original = await load<typeof import("../../build/host/memory/loader.js")>();
  class CountedMemory extends original.LoaderMemory {
    constructor(low: number, high: number) {
      super(low, high);
      made.memories++;
    }
  }
  return { ...original, LoaderMemory: CountedMemory };
});
// The liar isn't a part of this package, whose files alone it may read.
vi.mock("../../build/host/worker/node_rights.js", () => ({ readingRights: () => [] }));

it("200,000 partitions are shown like a few, and more are no answer", () => {
  using scratch = new Scratch();
  const many = userbootWith(scratch, "many partitions", ["inspect"]);
  expect([many.status, many.stderr]).toEqual([1, ""]);
  expect(many.stdout).toContain("  and 199960 more partitions\n");
  expect(many.stdout).toMatch(/won't boot: disk0: no\n$/);
  const json = JSON.parse(userbootWith(scratch, "many partitions", ["inspect", "--json"]).stdout);
  expect(json.disks[0].partitions).toHaveLength(200_000);
  expect(userbootWith(scratch, "too many partitions", ["inspect"])).toMatchObject({
    status: 2,
    stdout: "",
    stderr: "userboot: the inspection's process failed: it sent what is no answer to start\n",
  });
});

it("what is wrong is said with its own disk", () => {
  using scratch = new Scratch();
  const { stdout } = userbootWith(scratch, "eleven disks", ["inspect"]);
  const lines = stdout.split("\n").filter((line) => /^disk1|!/.test(line));
  expect(lines.map((line) => line.replace(/^(disk\d+): .*/, "$1"))).toEqual([
    "disk1",
    "  ! disk1p1: broken",
    "disk10",
    "  ! disk10: broken",
  ]);
});

it.each(["memory", "keys", "done"])("what a boot tells is no answer, and nothing is kept of it: %s", async (lie) => {
  using scratch = new Scratch();
  const program = pathToFileURL(installLiar(scratch, lie));
  const { limits, session } = inspectOptions({ disks: [], limits: { requestMs: 5000 } });
  const cell = spawnProcess({ confine: "none" }, program);
  const start = { options: session, disks: [], trees: [], clock: "virtual" as const, wants: [], inspect: { limits } };
  const inspector = new CellInspector(cell, start, limits, undefined, () => {});
  const before = made.memories;
  await expect(inspector.describe()).rejects.toThrow(
    "the inspection's process failed: it sent what is no answer to start",
  );
  await inspector.close();
  expect(made.memories).toBe(before);
});

it("a process that ends in the middle of a tree is told of once", () => {
  using scratch = new Scratch();
  const copy = join(scratch.path, "copy");
  const failed = /^userboot: the inspection's process failed: it ended with [^\n]*\n$/;
  const got = userbootWith(scratch, "it ends", ["get", "/", copy]);
  expect(got.stderr).toMatch(failed);
  expect([got.status, readdirSync(copy)]).toEqual([2, []]);
  const tar = userbootWith(scratch, "it ends", ["get", "--tar", "-", "/"]);
  expect([tar.status, tar.stderr]).toEqual([2, expect.stringMatching(failed)]);
});

it.each([
  ["longer", "/long: 4000 bytes of a file of 0"],
  ["shorter", "/short: 5 bytes of a file of 14"],
])(
  "what isn't as long as the list says isn't in a tar stream, where it would be taken for more files: %s",
  (how, line) => {
    using scratch = new Scratch();
    const { status, stderr, stdout } = userbootWith(scratch, `a file that is ${how}`, ["get", "--tar", "-", "/"]);
    expect([status, stderr]).toEqual([2, `userboot: ${line}\n`]);
    // Behind the file's header there is no more than that says.
    const header = stdout.lastIndexOf(how === "longer" ? "./long\0" : "./short\0");
    expect(stdout.length).toBeLessThanOrEqual(header + 512 + 14);
  },
);
