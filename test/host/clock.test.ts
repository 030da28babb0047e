// The wall clock, where a thread may block and where it can only spin; and which clock an option names.

import { type Clock, VirtualClock } from "userboot-wasm";
import { afterEach, expect, it, vi } from "vitest";
import { makeClock } from "../../build/host/clock.js";

afterEach(() => vi.unstubAllGlobals());

/** Milliseconds that `clock` sleeps for so many microseconds. */
function slept(clock: Clock, usec: number): number {
  const began = performance.now();
  expect(clock.sleep(usec)).toBeUndefined();
  return performance.now() - began;
}

it.each(["with", "without"])("the wall clock sleeps for as long as it is told, %s shared memory", (shared) => {
  if (shared === "without") vi.stubGlobal("SharedArrayBuffer", undefined);
  const clock = makeClock("real", false);
  // Timers are as fine as the engine makes them.
  expect(slept(clock, 50_000)).toBeGreaterThan(49);
  // A thousand times as long would be five seconds.
  expect(slept(clock, 5)).toBeLessThan(1000);
});

it("the wall clock tells the time in microseconds", () => {
  for (const suspends of [false, true]) {
    const before = Date.now();
    const now = makeClock("real", suspends).now() / 1000;
    expect(now).toBeGreaterThanOrEqual(before);
    expect(now).toBeLessThanOrEqual(Date.now());
  }
});

it("where a session can wait, nothing is blocked meanwhile", async () => {
  const began = performance.now();
  const passed = makeClock("real", true).sleep(50_000);
  expect(passed).toBeInstanceOf(Promise);
  expect(performance.now() - began).toBeLessThan(49);
  await passed;
  expect(performance.now() - began).toBeGreaterThan(48);
});

it.each([false, true])("a virtual one begins at its epoch and moves by what is slept (%s)", (suspends) => {
  const clock = makeClock("virtual", suspends);
  expect(clock).toBeInstanceOf(VirtualClock);
  expect(clock.now()).toBe(Date.UTC(2019, 10) * 1000);
  expect(slept(clock, 3_600_000_000)).toBeLessThan(1000);
  expect(clock.now()).toBe(Date.UTC(2019, 10, 1, 1) * 1000);
});

it("a caller's own is used as it is", () => {
  const own: Clock = { now: () => 7, sleep: () => {} };
  expect(makeClock(own, false)).toBe(own);
});
