// Every boot ends: guests that would go on for ever end within 1.2 times their wall time and inside their
// memory, wherever they run.

import { BufferConsole, boot, type Flavour } from "userboot-wasm";
import { describe, expect, it } from "vitest";
import { FLAVOURS } from "../support/flavours.js";
import { bytesOf } from "../support/sparse_disk.js";
import { ENDLESS, ENDLESS_FORTH } from "./endless_guests.js";
import { ENDLESS_LUA } from "./endless_lua.js";
import { changingMark } from "./marks.js";

const WALL_MS = 1500;
const LIMITS = { wallMs: WALL_MS, moduleMemory: 16 * 1024 * 1024 };

/** On a busy machine everything may come late once; a guest that overruns its time does so every time. */
const AGAIN = { retry: 2 };

/** Each flavour's, in the language that it has. */
const GUESTS = { simp: ENDLESS, "4th": ENDLESS_FORTH, lua: ENDLESS_LUA };
/** None ends by a defect. A language of its own catches what the script did, and goes on to the prompt. */
const ENDS = ["LimitError", "InputEndedError"];

describe.each(
  FLAVOURS.flatMap((flavour) => [
    [flavour, "thread"],
    [flavour, "none"],
  ]) as [Flavour, "thread" | "none"][],
)("endless guests of %s, isolation: %s", AGAIN, (start, isolation) => {
  it.each(Object.keys(GUESTS[start]))("%s", async (name) => {
    const disk = GUESTS[start][name]!();
    const image = isolation === "thread" ? bytesOf(disk) : disk;
    const console = new BufferConsole();
    // Their marks name simp: below version 5 nobody looks.
    const interfaceVersion = start === "simp" ? 5 : 4;
    const began = performance.now();
    const result = await boot({
      disks: [image],
      start,
      interfaceVersion,
      console,
      limits: LIMITS,
      memory: 32 * 1024 * 1024,
      isolation,
    });
    const took = performance.now() - began;
    if (process.env.VERBOSE) {
      process.stdout.write(
        `${start} ${name}: ${Math.round(took)} ms, ${result.error?.message}, ${result.moduleMemory}\n`,
      );
      process.stdout.write(`  ${JSON.stringify(console.text.slice(60, 300))}\n`);
    }
    expect(took).toBeLessThan(1.2 * WALL_MS);
    expect(result.moduleMemory).toBeLessThanOrEqual(LIMITS.moduleMemory);
    expect(ENDS).toContain(result.error?.name);
    // A script that only uses what isn't there would say nothing.
    expect(console.text).not.toContain("a nil value");
  });
});

describe("a mark that is another one each time somebody looks", AGAIN, () => {
  it.each([
    ["simp", "lua", "4th"],
    ["4th", "lua", "4th"],
    ["lua", "4th", "lua"],
  ] as const)("started with %s", async (start, ...names) => {
    const began = performance.now();
    const result = await boot({ disks: [changingMark(names)], start, limits: LIMITS, isolation: "none" });
    expect(performance.now() - began).toBeLessThan(1.2 * WALL_MS);
    expect(result.error).toMatchObject({ name: "LimitError", limit: "swaps", allowed: 4, used: 5 });
    expect(result.swaps).toEqual([...names, ...names, ...names].slice(0, 4));
  });
});
