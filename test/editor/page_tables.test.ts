// The page tables that a kernel starts with, as the editor walks them: a real boot's, and tables that somebody made up.

import fc from "fast-check";
import { boot } from "userboot-wasm";
import { expect, it } from "vitest";
import { TABLES_MAX, translate, walkTables } from "../../build/host/editor/page_tables.js";
import { guestImage } from "../support/guests.js";

const PAGE = 4096;
const MIB = 1024 * 1024;

/** Memory with 64-bit entries at places. */
function memory(entries: Iterable<readonly [gpa: number, value: bigint]>, size = 16 * PAGE) {
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  for (const [gpa, value] of entries) view.setBigUint64(gpa, value, true);
  return (gpa: number, length: number) => {
    const result = new Uint8Array(length);
    if (gpa < size) result.set(bytes.subarray(gpa, Math.min(size, gpa + length)));
    return result;
  };
}

it("has the tables that userboot makes: one gigabyte, seen everywhere", async () => {
  const result = await boot({ disks: [guestImage("amd64-ufs2-gpt")], clock: "virtual" });
  const { cr3 = "0", rip } = result.registers!;
  const read = (gpa: number, length: number) => result.guestMemory.read(gpa, length);
  const every = { first: 0, last: 511, writable: true, user: true };
  expect(walkTables(read, Number(cr3))).toEqual([
    { level: 4, gpa: 0x2000, runs: [{ ...every, target: 0x3000 }] },
    { level: 3, gpa: 0x3000, runs: [{ ...every, target: 0x4000 }] },
    { level: 2, gpa: 0x4000, runs: [{ ...every, target: 0, page: 2 * MIB }] },
  ]);
  const { physical, steps } = translate(read, Number(cr3), BigInt(rip));
  expect(physical).toBe(Number(BigInt(rip) & 0x3fff_ffffn));
  expect(steps.map(({ index }) => index)).toEqual([511, 510, 1]);
});

it("follows four levels down to 4 KiB pages, and stops where nothing is mapped", () => {
  const read = memory([
    [0x1000 + 8, 0x2003n],
    [0x2000, 0x3001n],
    [0x3000 + 16, 0x4003n],
    [0x4000 + 24, 0x9005n],
    [0x4000 + 32, 0xa005n],
  ]);
  const address = (1n << 39n) + (2n << 21n) + (3n << 12n) + 5n;
  expect(translate(read, 0x1000, address)).toMatchObject({
    physical: 0x9005,
    steps: [{ level: 4 }, {}, {}, { level: 1 }],
  });
  expect(translate(read, 0x1000, 0n)).toEqual({ physical: undefined, steps: [{ level: 4, gpa: 0x1000, index: 0 }] });
  expect(walkTables(read, 0x1000).at(-1)).toEqual({
    ...{ level: 1, gpa: 0x4000 },
    runs: [{ first: 3, last: 4, target: 0x9000, page: 4096, writable: false, user: true }],
  });
});

it("ends, whatever the tables say, and looks at each once", () => {
  const entry = fc.tuple(
    fc.integer({ min: 0, max: 16 * 512 - 1 }).map((index) => index * 8),
    fc.oneof(
      fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
      fc.integer({ min: 0, max: 15 }).map((page) => BigInt(page * PAGE + 7)),
    ),
  );
  fc.assert(
    fc.property(
      fc.array(entry, { maxLength: 200 }),
      fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
      (entries, address) => {
        const read = memory(entries);
        const tables = walkTables(read, 0);
        expect(tables.length).toBeLessThanOrEqual(TABLES_MAX);
        expect(new Set(tables.map(({ gpa, level }) => `${gpa} ${level}`)).size).toBe(tables.length);
        expect(translate(read, 0, address).steps.length).toBeLessThanOrEqual(4);
      },
    ),
  );
});
