// Work that can have to wait: at once where nothing is promised, and as `async` functions do it where something is.

import { describe, expect, it } from "vitest";
import { finish, type MaybePromise, type Steps, settled, whenThere } from "../../build/host/maybe.js";

function* work(values: MaybePromise<number>[], log: string[]): Steps<number> {
  let sum = 0;
  try {
    for (const value of values) {
      try {
        sum += yield* settled(value);
      } catch (error) {
        log.push(String(error));
        if (error === "fatal") throw new Error("over");
      }
    }
  } finally {
    log.push("done");
  }
  return sum;
}

describe("work in steps", () => {
  it("is done at once when all is there", () => {
    const log: string[] = [];
    expect(finish(work([1, 2, 3], log))).toBe(6);
    expect(log).toEqual(["done"]);
  });

  it("has what was promised, in its turn", async () => {
    const log: string[] = [];
    const sum = finish(work([1, Promise.resolve(2), 3, Promise.resolve(4)], log));
    expect(log).toEqual([]);
    expect(sum).toBeInstanceOf(Promise);
    expect(await sum).toBe(10);
  });

  it("is where a promise that failed is heard of, and can go on", async () => {
    const log: string[] = [];
    expect(await finish(work([1, Promise.reject("lost"), 3, Promise.resolve(4)], log))).toBe(8);
    expect(log).toEqual(["lost", "done"]);
    const over = finish(work([Promise.reject("fatal"), 3], log));
    await expect(over).rejects.toThrow("over");
    expect(log.slice(2)).toEqual(["fatal", "done"]);
    // Also when it fails with nothing.
    expect(await finish(work([Promise.reject(undefined), 3], log))).toBe(3);
  });

  it("is waited for as long as somebody will", async () => {
    const log: string[] = [];
    const never = new Promise<number>(() => {});
    const gaveUp = finish(work([never, 3], log), () => Promise.reject("fatal"));
    await expect(gaveUp).rejects.toThrow("over");
    expect(log).toEqual(["fatal", "done"]);
  });
});

it("a use of a value is made at once, or when it is there", async () => {
  expect(whenThere(2, (value) => 2 * value)).toBe(4);
  expect(await whenThere(Promise.resolve(2), (value) => 2 * value)).toBe(4);
});
