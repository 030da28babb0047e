// Kernels in guest memory beside what a second reader makes of the file: made-up ones of all shapes, and the project's own,
// which a compiler and a linker made. A kernel lies as far above the last 16 MiB below its entry as its addresses say.

import fc from "fast-check";
import { boot, inspect, KeysConsole } from "userboot-wasm";
import { describe, expect, it } from "vitest";
import { linkedFile } from "../support/elf_image.js";
import { readElf } from "../support/elf_reader.js";
import { GUESTS, guestImage } from "../support/guests.js";
import { guestBytes, prompt } from "../support/prompt.js";

const PART = 0xffffffn;

/** Compares guest memory with the file, segment by segment. */
function expectLoaded(result: Parameters<typeof guestBytes>[0], file: Uint8Array): void {
  const { entry, segments, wide } = readElf(file);
  const from = entry & ~PART;
  expect(segments.length).toBeGreaterThan(0);
  for (const { address, memory, offset, size } of segments) {
    const bytes = guestBytes(result, Number(address - from), memory);
    expect(bytes.subarray(0, size).equals(file.subarray(offset, offset + size))).toBe(true);
    expect(bytes.subarray(size).every((byte) => byte === 0)).toBe(true);
  }
  expect(result.arch).toBe(wide ? "amd64" : "i386");
  expect(result.calls.at(-1)).toEqual(["exec", `0x${(wide ? entry : entry & PART).toString(16)}`]);
}

/** The last one has metadata of some hundred bytes. */
const segment = fc.record({
  size: fc.oneof(fc.constantFrom(1023, 4095, 4096, 4097), fc.integer({ min: 1000, max: 60_000 })),
  bss: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 20_000 })),
  writable: fc.boolean(),
});

describe("kernels lie in memory as a second reader says", () => {
  it("made-up ones", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          bits: fc.constantFrom(32 as const, 64 as const),
          segments: fc.array(segment, { minLength: 1, maxLength: 6 }),
          physical: fc.constantFrom("virtual" as const, "physical" as const),
          symbols: fc.boolean(),
          hash: fc.constantFrom("sysv" as const, "gnu" as const, "both" as const),
        }),
        async (layout) => {
          const made = linkedFile({ ...layout, versions: [{ name: "kernel", version: 1201000 }] }).bytes;
          // The writer ends the file where zeros begin.
          const ends = readElf(made).segments.map(({ offset, size }) => offset + size);
          const bytes = Buffer.concat([made, Buffer.alloc(Math.max(0, ...ends.map((end) => end - made.length)))]);
          using result = (await prompt({ "/kernel": bytes }, ["load /kernel", "boot"])).result;
          expect(result.reason).toBe("exec");
          expectLoaded(result, bytes);
        },
      ),
      { numRuns: 40 },
    );
  });

  it.each(Object.values(GUESTS))("%s", async (name) => {
    const disk = guestImage(name);
    const inspection = await inspect({ disks: [disk], isolation: "none" });
    const file = await inspection.readFile("/boot/kernel/kernel");
    await inspection.close();
    using result = await boot({ disks: [disk], isolation: "none", clock: "virtual", console: new KeysConsole(["\r"]) });
    expect(result.reason).toBe("exec");
    expectLoaded(result, file);
  });
});
