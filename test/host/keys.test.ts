import { KeysConsole, VirtualClock } from "userboot-wasm";
import { describe, expect, it } from "vitest";
import { KEYS_WAITING_MAX, WaitingKeys } from "../../build/host/isolation/keys.js";

const START = 1_572_566_400_000_000;

describe("KeysConsole", () => {
  it("types its text and then has no more", () => {
    const clock = new VirtualClock();
    const keys = new KeysConsole(["a", "\xff"]);
    expect(keys.poll(clock)).toBe(true);
    expect([keys.getc(clock), keys.getc(clock), keys.getc(clock)]).toEqual([97, 255, undefined]);
    expect(keys.poll(clock)).toBe(false);
    expect(keys.consumed).toBe(2);
    expect(clock.now()).toBe(START);
  });

  it("holds keys back from the moment a pause is reached", () => {
    const clock = new VirtualClock();
    const keys = new KeysConsole(["a", { waitS: 2 }, "b"]);
    clock.sleep(5_000_000);
    expect(keys.getc(clock)).toBe(97);
    clock.sleep(1_000_000);
    expect(keys.poll(clock)).toBe(false);
    clock.sleep(1_999_999);
    expect(keys.poll(clock)).toBe(false);
    clock.sleep(1);
    expect(keys.poll(clock)).toBe(true);
    expect(keys.consumed).toBe(3);
    expect(keys.getc(clock)).toBe(98);
  });

  it("waits in turns of 50 ms", () => {
    const clock = new VirtualClock();
    const keys = new KeysConsole([{ waitS: 1 }, { waitS: 0.02 }, "x"]);
    expect(keys.getc(clock)).toBe(120);
    expect(clock.now() - START).toBe(1_050_000);
    expect(keys.consumed).toBe(5);
  });

  it("ends when only a pause is left", () => {
    const clock = new VirtualClock();
    expect(new KeysConsole([{ waitS: 3 }]).getc(clock)).toBeUndefined();
    expect(clock.now() - START).toBe(3_000_000);
  });
});

describe("WaitingKeys", () => {
  it("says when there are enough, and once when there is room again", () => {
    const keys = new WaitingKeys();
    let told = 0;
    keys.onRoom(() => told++);
    expect(keys.push(new Uint8Array(KEYS_WAITING_MAX - 1))).toBe(true);
    expect(keys.take(1)).toHaveLength(1);
    expect(told).toBe(0);
    expect(keys.push(Uint8Array.of(1, 2))).toBe(false);
    expect(keys.take(1)).toHaveLength(1);
    expect(told).toBe(1);
    expect([...keys.take()].slice(-2)).toEqual([1, 2]);
    expect(told).toBe(1);
    expect(keys.length).toBe(0);
  });
});
