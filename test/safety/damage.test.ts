// Damaged guests: flipped bits, absurd numbers, truncation. Whatever happens, a session ends by itself within its
// budgets, with a reason; it never traps, and never enters a kernel that isn't there.

import fc from "fast-check";
import { boot, KeysConsole } from "userboot-wasm";
import { describe, expect, it } from "vitest";
import { guestImage } from "../support/guests.js";

const RUNS = 1000;
const LIMITS = { wallMs: 10_000, fuel: 200_000_000, diskBytes: 1 << 30, consoleBytes: 1 << 20 };
/** The first key ends the countdown; then most of what reads the disk is used. */
const KEYS = [" ", "lsdev -v\rls -l /boot\rload /boot/kernel/kernel\rlsmod -v\rmore /boot/notes.txt\rboot\r"];
const ENDS = ["exec", "exit", "InputEndedError", "LimitError"];

/** Some change of an image. Most land where file systems keep their structures: near the front, on bytes in use. */
interface Change {
  position: number;
  front: boolean;
  value: number;
  width: 1 | 4 | 8;
}
const FRONT = 128 * 1024;

const change: fc.Arbitrary<Change> = fc.record({
  position: fc.nat(),
  front: fc.boolean(),
  value: fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 0x7f, 0x80, 0xff)),
  width: fc.constantFrom(1, 1, 1, 4, 8),
});

function damage(image: Uint8Array, changes: readonly Change[], keep: number): Uint8Array {
  // An image without a byte is the caller's mistake.
  const copy = image.slice(0, Math.max(1, Math.floor(image.length * keep)));
  for (const { position, front, value, width } of changes) {
    const space = Math.min(copy.length, front ? FRONT : copy.length);
    if (space < 16) continue;
    // The next byte that isn't zero: empty space tells nothing.
    let at = position % space;
    for (let tries = 0; tries < 65_536 && copy[at] === 0; tries++) at = (at + 1) % space;
    copy.fill(value, at & -width, (at & -width) + width);
  }
  return copy;
}

describe.each(["amd64-ufs2-gpt", "i386-ufs1-mbr"] as const)("%s", (name) => {
  const image = guestImage(name);
  const session = async (disk: Uint8Array) => {
    const console = new KeysConsole(KEYS);
    using result = await boot({
      disks: [disk],
      start: "simp",
      interfaceVersion: 4,
      memory: 64 * 1024 * 1024,
      console,
      clock: "virtual",
      isolation: "none",
      limits: LIMITS,
    });
    return { result, end: result.error?.name ?? result.reason, kernel: console.text.includes("text=0x") };
  };

  it("boots when nothing is wrong", async () => {
    expect((await session(image)).end).toBe("exec");
  });

  it("ends in order when it is damaged", { timeout: 120_000 }, async () => {
    const ends = new Set<string>();
    await fc.assert(
      fc.asyncProperty(
        fc.array(change, { minLength: 1, maxLength: 24 }),
        fc.oneof(
          { weight: 5, arbitrary: fc.constant(1) },
          { weight: 1, arbitrary: fc.double({ min: 0, max: 1, noNaN: true }) },
        ),
        async (changes, keep) => {
          const { result, end, kernel } = await session(damage(image, changes, keep));
          ends.add(end);
          expect(ENDS, result.error?.message).toContain(end);
          if (end === "exec") expect(kernel).toBe(true);
        },
      ),
      { numRuns: RUNS, seed: 20191101 },
    );
    // Damage that never shows would test nothing.
    expect(ends.size).toBeGreaterThan(1);
  });
});
