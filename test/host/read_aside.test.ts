// Images of a pool's processes are read by the calling process, beside its thread: a medium that is slow, or has gone for good,
// holds up nobody but who boots from it.

import fs, { readlinkSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { AbortedError, boot, createPool, FileDisk, type PoolBootOptions } from "userboot-wasm";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { guestImage } from "../support/guests.js";
import { openFiles } from "../support/resources.js";
import { Scratch } from "../support/scratch.js";

const scratch = new Scratch();
afterAll(() => scratch[Symbol.dispose]());
const image = guestImage("amd64-ufs2-gpt");
const quick = scratch.file("quick.img", image);
const slow = scratch.file("slow.img", image);
const enters = (disk: string | FileDisk, more: PoolBootOptions = {}): PoolBootOptions => ({
  disks: [disk],
  start: "simp",
  clock: "virtual",
  memory: 64 * 2 ** 20,
  ...more,
});
const pooled = () => createPool({ isolation: "process", confine: "none", size: 2, spare: 0, loader: "simp" });

const { read } = fs;
afterEach(() => {
  fs.read = read;
  syncBuiltinESMExports();
});

/** A medium that answers reads of `slow` only once it is told to. */
function stuck() {
  const held: (() => void)[] = [];
  let isStuck = true;
  const later = (fd: number, ...rest: unknown[]) => {
    const go = () => Reflect.apply(read, fs, [fd, ...rest]);
    if (isStuck && readlinkSync(`/proc/self/fd/${fd}`) === slow) held.push(go);
    else go();
  };
  fs.read = Object.assign(later, { __promisify__: read.__promisify__ }) as typeof read;
  syncBuiltinESMExports();
  return {
    held,
    go() {
      isStuck = false;
      for (const go of held.splice(0)) go();
    },
  };
}

const linux = process.platform === "linux";
if (!linux) console.warn("SKIPPED, no /proc: media that are stuck");

describe.runIf(linux)("a medium that is stuck", () => {
  it("holds up its own boot, and no other", async () => {
    await using pool = pooled();
    const medium = stuck();
    const waiting = pool.boot(enters(slow));
    await vi.waitFor(() => expect(medium.held).toHaveLength(1), 20_000);
    expect((await pool.boot(enters(quick))).reason).toBe("exec");
    expect(pool.stats().running).toBe(1);
    medium.go();
    expect((await waiting).reason).toBe("exec");
  });

  it.each([
    ["a path", () => slow],
    ["an open file", () => new FileDisk(slow)],
  ])("keeps its descriptor until it has answered, also when nobody waits any more: %s", async (_what, source) => {
    const before = openFiles();
    await using pool = pooled();
    const medium = stuck();
    const controller = new AbortController();
    const disk = source();
    const close = () => typeof disk !== "string" && disk.close();
    const waiting = pool.boot(enters(disk, { signal: controller.signal, onGone: () => void close() }));
    await vi.waitFor(() => expect(medium.held).toHaveLength(1), 20_000);
    controller.abort();
    await expect(waiting).rejects.toThrow(AbortedError);
    await vi.waitFor(() => expect(pool.stats().ending).toBe(0));
    expect(openFiles()).toBe(before + 1);
    medium.go();
    await vi.waitFor(() => expect(openFiles()).toBe(before));
  });
});

it("is read to the same bytes, and its end is one", async () => {
  const disk = new FileDisk(quick);
  const [at, aside] = [new Uint8Array(5000), new Uint8Array(5000)];
  expect(disk.read(1000, at)).toBe(5000);
  expect(await disk.readAside(1000, aside)).toBe(5000);
  expect(aside).toEqual(at);
  expect(await disk.readAside(disk.size - 10, aside)).toBe(10);
  disk.close();
  const there = await boot({ ...enters(quick), isolation: "none" });
  await using pool = pooled();
  const here = await pool.boot(enters(quick));
  expect([here.disk, here.modules]).toEqual([there.disk, there.modules]);
});
