// Guests' scripts that mean harm: loops and memory that never end, in the places where an interpreter forgets to
// count. Each ends by one of the session's budgets, by name, and in a time that its fuel accounts for.

import type { BootOptions } from "userboot-wasm";
import { describe, expect, it } from "vitest";
import { ENDLESS, ENDLESS_54, GREEDY, NESTED } from "./adversarial_scripts.js";
import { guest, scripted } from "./guest.js";

const MIB = 1024 * 1024;

async function ending(script: string, limits: NonNullable<BootOptions["limits"]>, profile: 12 | 14 = 12) {
  const began = performance.now();
  const { result, text } = await guest({ "boot/lua/loader.lua": script }, "", { limits, profile });
  return { error: result.error, fuelUsed: result.fuelUsed, ms: performance.now() - began, text };
}

describe("scripts without an end", () => {
  const both = Object.entries(ENDLESS).flatMap(([name, script]) =>
    ([12, 14] as const).map((profile) => [name, profile, script] as const),
  );
  const newer = Object.entries(ENDLESS_54).map(([name, script]) => [name, 14, script] as const);

  it.each([...both, ...newer])("%s (%i)", async (_, profile, script) => {
    const { error, ms } = await ending(script, { fuel: 1_000_000 }, profile);
    expect(error).toMatchObject({ name: "LimitError" });
    expect(["fuel", "moduleMemory"]).toContain(error?.limit);
    // Some 10 ns are usual for one of fuel, 150 the most; what costs time costs fuel, too.
    expect(ms).toBeLessThan(2500);
  });

  it.each(["index functions", "readers of load", "numerals of blanks", "collections of many", "rehashing"])(
    "%s keep to the wall time",
    async (name) => {
      const { error, ms } = await ending(ENDLESS[name]!, { wallMs: 500 });
      expect(error).toMatchObject({ name: "LimitError", limit: "wallMs" });
      expect(ms).toBeLessThan(500 * 1.2 + 250);
    },
  );
});

describe("scripts that want all memory", () => {
  it.each(Object.entries(GREEDY))("%s", async (_, script) => {
    for (const moduleMemory of [4 * MIB, 32 * MIB]) {
      const { error, text } = await ending(`${script}\nprintc("survived")`, { moduleMemory, fuel: 100_000_000 });
      // Lua's own error, or the session's.
      if (error?.name === "InputEndedError") expect(text).toMatch(/not enough memory|too large|stack overflow/);
      else expect(error).toMatchObject({ name: "LimitError" });
      expect(text).not.toContain("survived");
    }
  });

  it("can't catch running out of it for ever", async () => {
    for (const script of Object.values(GREEDY)) {
      const { error } = await ending(`while true do pcall(function() ${script} end) end`, {
        moduleMemory: 4 * MIB,
        fuel: 3_000_000,
      });
      expect(error, script).toMatchObject({ name: "LimitError" });
    }
  });

  it("leave nothing to the process", async () => {
    const scripts = Object.values(GREEDY);
    const once = async (turns: number) => {
      for (let i = 0; i < turns; i++) {
        await ending(scripts[i % scripts.length]!, { moduleMemory: 16 * MIB, fuel: 2_000_000 });
      }
    };
    await once(40);
    const before = process.memoryUsage().rss;
    await once(80);
    expect(process.memoryUsage().rss - before).toBeLessThan(150 * MIB);
  });
});

describe("nesting", () => {
  it.each(Object.entries(NESTED))("%s", async (_, [script, message]) => {
    const { printed, result } = await scripted(script);
    expect(result.error?.name).toBe("InputEndedError");
    expect(printed).toMatch(message);
    // Little memory changes at most the words.
    const small = await scripted(script, {}, "", { limits: { moduleMemory: 4 * MIB, fuel: 20_000_000 } });
    expect(["InputEndedError", "LimitError"]).toContain(small.result.error?.name);
  });
});
