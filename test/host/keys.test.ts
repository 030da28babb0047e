import { KeysConsole, VirtualClock } from "userboot-wasm";
import { describe, expect, it } from "vitest";
import { EditingKeys } from "../../build/host/console/editing.js";
import { LiveKeys } from "../../build/host/console/live.js";
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

describe("LiveKeys", () => {
  const open = () => {
    const took: number[] = [];
    return { keys: new LiveKeys((count) => void took.push(count)), took };
  };

  it("are there at once when they were pushed, and told of as they are taken", () => {
    const { keys, took } = open();
    expect(keys.push(Uint8Array.of(1, 2))).toBe(true);
    expect([keys.poll(), keys.ended(), keys.getc(), keys.getc()]).toEqual([true, false, 1, 2]);
    expect(took).toEqual([1, 1]);
    keys.end();
    expect([keys.poll(), keys.ended(), keys.getc()]).toEqual([false, true, undefined]);
    expect(took).toEqual([1, 1]);
  });

  it("that come after their end was told are taken before it", () => {
    const { keys } = open();
    keys.push(Uint8Array.of(7));
    keys.end();
    expect([keys.ended(), keys.poll(), keys.getc(), keys.ended()]).toEqual([false, true, 7, true]);
  });

  it("are waited for, as is their end", async () => {
    const { keys, took } = open();
    const key = keys.getc();
    expect(key).toBeInstanceOf(Promise);
    keys.push(Uint8Array.of(5, 6));
    expect(await key).toBe(5);
    expect(keys.getc()).toBe(6);
    const last = keys.getc();
    keys.push(new Uint8Array());
    keys.end();
    expect(await last).toBeUndefined();
    expect(took).toEqual([1, 1]);
  });

  it("are looked for with a turn for others now and then, who may type", async () => {
    const { keys } = open();
    expect(keys.poll()).toBe(false);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const looked = keys.poll();
    expect(looked).toBeInstanceOf(Promise);
    expect(await looked).toBe(false);
    // The next turn is some milliseconds away.
    expect(keys.poll()).toBe(false);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const other = keys.poll();
    keys.push(Uint8Array.of(1));
    expect(await other).toBe(true);
    expect(keys.getc()).toBe(1);
    keys.end();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(keys.poll()).toBe(false);
  });

  it("say when there are enough, and when there is room again", () => {
    const { keys } = open();
    let told = 0;
    keys.onRoom(() => told++);
    expect(keys.push(new Uint8Array(KEYS_WAITING_MAX))).toBe(false);
    expect(keys.getc()).toBe(0);
    expect(told).toBe(1);
  });
});

describe("KeysConsole's entries", () => {
  it("are what is left to type, and nobody's when a copy has typed", () => {
    const clock = new VirtualClock();
    const keys = new KeysConsole(["", "abc", { waitS: 1 }, "d"]);
    expect(keys.entries).toEqual(["abc", { waitS: 1 }, "d"]);
    keys.getc(clock);
    expect(keys.entries).toEqual(["bc", { waitS: 1 }, "d"]);
    expect(keys.ended()).toBe(false);
    keys.took(4);
    expect([keys.consumed, keys.ended(), keys.entries, keys.getc(clock)]).toEqual([5, true, [], undefined]);
  });
});

describe("EditingKeys", () => {
  /** The keys that `text` is, and the time that they took. */
  const decoded = (text: string) => {
    const clock = new VirtualClock();
    const keys = new EditingKeys(new KeysConsole([text]));
    const found: (number | string)[] = [];
    while (keys.poll(clock) === true) {
      const key = keys.getc(clock) as number;
      found.push(key < 0x100 ? String.fromCharCode(key) : key - 0x100);
    }
    expect(keys.getc(clock)).toBeUndefined();
    expect(keys.ended()).toBe(true);
    return { found, took: clock.now() - START };
  };
  const [ESC, B, F] = [0x1b, 2, 6];

  it.each<[string, (number | string)[]]>([
    ["a\x1b[Db", ["a", B, "b"]],
    ["\x1bOC", [F]],
    ["\x1b[1;5C", [F]],
    ["\x1b\x1b[C", [ESC, F]],
    ["\x1bx", [ESC, "x"]],
    ["\x1b[\x1b[C", [ESC, "[", F]],
    ["\x1b[1\x1b", [ESC, "[", "1", ESC]],
    ["\x1b[5~\x1b[Z.", ["."]],
    [`\x1b[${"1".repeat(14)}C`, [F]],
    [`\x1b[${"1".repeat(15)}C`, [ESC, "[", ..."1".repeat(15), "C"]],
    ["\x1b[@\x1b[~", []],
    ["\x1b[ 1C", [F]],
    ["\x7f\b\x80\xff", ["\b", "\b", 0x80, 0xff]],
    ["\x01\n\r\x0d\x12 ~", [1, "\n", "\r", "\r", "\x12", " ", "~"]],
  ])("%j are %j", (text, keys) => expect(decoded(text).found).toEqual(keys));

  it("have not ended while bytes that were looked at are left, or a key that was found", () => {
    const clock = new VirtualClock();
    const keys = new EditingKeys(new KeysConsole(["\x1bx"]));
    expect(keys.ended()).toBe(false);
    expect(keys.getc(clock)).toBe(ESC | 0x100);
    expect(keys.ended()).toBe(false);
    expect(keys.poll(clock)).toBe(true);
    expect(keys.ended()).toBe(false);
    expect(keys.getc(clock)).toBe(0x78);
    expect([keys.ended(), keys.poll(clock)]).toEqual([true, false]);
  });

  it("wait for the rest of a sequence, and not when there is none", () => {
    const clock = new VirtualClock();
    const late = new EditingKeys(new KeysConsole(["\x1b", { waitS: 0.02 }, "[C"]));
    expect(late.getc(clock)).toBe(0x106);
    const later = new EditingKeys(new KeysConsole(["\x1b", { waitS: 0.03 }, "[C"]));
    const began = clock.now();
    expect(later.getc(clock)).toBe(0x11b);
    expect(clock.now() - began).toBe(25_000);
    expect(decoded("\x1b").took).toBe(0);
  });
});
