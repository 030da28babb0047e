// What is looked at right after its end: threads are gone, signals of the caller's have no listener of ours left.

import { getEventListeners } from "node:events";
import { closeSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, it, vi } from "vitest";
import { unpackImage } from "../../build/host/disks/unpack.js";
import { onAbort, unlessAborted } from "../../build/host/isolation/abort.js";
import { spawnNodeThread } from "../../build/host/worker/node_spawn.js";

const listeners = (signal: AbortSignal): number => getEventListeners(signal, "abort").length;

it("a session's thread has ended when its cell is", async () => {
  const cell = spawnNodeThread();
  let ended: unknown;
  cell.onFailure((reason) => {
    ended = reason;
  });
  await cell.ready;
  expect(ended).toBeUndefined();
  await cell.terminate();
  expect(String(ended)).toMatch(/exited with code/);
});

describe("an image that is unpacked", () => {
  afterEach(() => vi.restoreAllMocks());
  const packed = gzipSync(Buffer.alloc(100_000, 7));

  it("has its thread ended", async () => {
    const { terminate } = Worker.prototype;
    let ended = 0;
    vi.spyOn(Worker.prototype, "terminate").mockImplementation(async function (this: Worker) {
      const code = await terminate.call(this);
      await setTimeout(100);
      ended++;
      return code;
    });
    closeSync(await unpackImage(packed, "gzip", { limit: 100_000 }));
    expect(ended).toBe(1);
    await expect(unpackImage(packed, "gzip", { limit: 99_999 })).rejects.toMatchObject({
      limit: "unpackedBytes",
      allowed: 99_999,
    });
    expect(ended).toBe(2);
  });

  it("leaves no listener on the caller's signal, however it ends", async () => {
    const { signal } = new AbortController();
    closeSync(await unpackImage(packed, "gzip", { limit: 100_000, signal }));
    expect(listeners(signal)).toBe(0);
    await expect(unpackImage(packed.subarray(0, 50), "gzip", { limit: 100_000, signal })).rejects.toThrow("damaged");
    expect(listeners(signal)).toBe(0);
  });
});

describe("a signal that many wait for", () => {
  it("has one listener, and none when the last has what it waited for", () => {
    const { signal } = new AbortController();
    const stops = [onAbort(signal, () => {}), onAbort(signal, () => {})];
    expect(listeners(signal)).toBe(1);
    stops[0]!();
    expect(listeners(signal)).toBe(1);
    stops[0]!();
    expect(listeners(signal)).toBe(1);
    stops[1]!();
    expect(listeners(signal)).toBe(0);
    const again = onAbort(signal, () => {});
    expect(listeners(signal)).toBe(1);
    again();
    expect(listeners(signal)).toBe(0);
  });

  it("calls those that still wait, once", () => {
    const controller = new AbortController();
    const called: string[] = [];
    onAbort(controller.signal, () => called.push("one"))();
    const stop = onAbort(controller.signal, () => called.push("two"));
    controller.abort();
    expect(called).toEqual(["two"]);
    stop();
    expect(listeners(controller.signal)).toBe(0);
  });

  it("is left by what came before, failed or was aborted", async () => {
    const controller = new AbortController();
    const { signal } = controller;
    expect(await unlessAborted(Promise.resolve(1), signal)).toBe(1);
    await expect(unlessAborted(Promise.reject(new Error("no")), signal)).rejects.toThrow("no");
    expect(listeners(signal)).toBe(0);
    const waits = unlessAborted(new Promise(() => {}), signal, "this");
    expect(listeners(signal)).toBe(1);
    controller.abort();
    await expect(waits).rejects.toMatchObject({ name: "AbortedError" });
    expect(listeners(signal)).toBe(0);
    await expect(unlessAborted(new Promise(() => {}), signal, "this")).rejects.toMatchObject({ name: "AbortedError" });
    expect(await unlessAborted(Promise.resolve(2), undefined)).toBe(2);
  });
});
