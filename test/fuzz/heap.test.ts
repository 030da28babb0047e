// Red zones in the heap of a module with names: planted faults that don't trap by themselves are found, and what keeps to its
// blocks isn't accused.

import { expect, it } from "vitest";
import { Fuzzer } from "../../fuzz/fuzzer.js";
import { instrument } from "../../fuzz/instrument.js";
import { Machine, programOf } from "../../fuzz/machine.js";
import { standInTarget } from "../support/stand_in_target.js";
import { standInBytes } from "../support/stand_ins.js";

const PAGE = 65536;
const WITH_HEAP = { runtime: "minimal", debug: true };
/** So that the module has all that is led elsewhere. */
const ALL = "heap.free(heap.realloc(heap.alloc(1), 9));";

/** What is said of a loader that does this. */
async function saidOf(body: string): Promise<string | undefined> {
  const machine = new Machine(
    programOf(await standInBytes(`${ALL}\n${body}\nexit(1);`, "", WITH_HEAP)),
    16 * PAGE,
    64 * PAGE,
  );
  const fuzzer = new Fuzzer(standInTarget(machine), machine, 1);
  const [input] = await fuzzer.open();
  return fuzzer.judge(input!, true);
}

const TWO = "const a = heap.alloc(13); const b = heap.alloc(40);";

it.each([
  [
    "one byte behind a block",
    `${TWO} store<u8>(a + 13, 1);`,
    /what is behind the block of 13 bytes at \d+ was overwritten/,
  ],
  ["a byte before a block", `${TWO} store<u8>(b - 5, 1);`, /what is before the block at \d+ was overwritten/],
  ["a fill that goes too far", `${TWO} memory.fill(a, 0xff, 16);`, /behind the block of 13 bytes/],
  [
    "behind an array's elements",
    "const a = new StaticArray<u8>(3); store<u8>(changetype<usize>(a) + 3, 1); putc(a[0]);",
    /behind/,
  ],
  [
    "behind a block that is given back",
    `${TWO} store<u8>(b + 40, 1); heap.free(b);`,
    /^InternalError: trap in the core/,
  ],
  ["behind a block that becomes larger", `${TWO} store<u8>(a + 14, 1); heap.realloc(a, 100);`, /^InternalError: trap/],
  ["a block that is given back twice", `${TWO} heap.free(a); heap.free(a);`, /^InternalError: trap/],
  [
    "a block that is read when it is gone",
    `${TWO} store<u32>(a, 8); heap.free(a); load<u8>(load<u32>(a));`,
    /out of bounds/,
  ],
])("%s is a finding", async (_what, body, said) => {
  expect(await saidOf(body)).toMatch(said);
});

it("what keeps to its blocks is none", async () => {
  const body = `${TWO}
  memory.fill(a, 1, 13);
  memory.fill(b, 2, 40);
  let c = heap.realloc(a, 1000);
  for (let i = 0; i < 13; i++) if (load<u8>(c + i) != 1) throw new Error("moved, but not as it was");
  memory.fill(c, 3, 1000);
  heap.free(b);
  const list: i32[] = [];
  for (let i = 0; i < 1000; i++) list.push(i);
  const text = list.slice(0, 100).join(",");
  for (let i = 0; i < 20; i++) c = heap.realloc(c, 1000 - i * 50);
  if (text.length != 289 || load<u8>(c + 49) != 3) throw new Error("not as it was");
  heap.free(0);
  __collect();`;
  expect(await saidOf(body)).toBeUndefined();
});

it("only a module with names has them", async () => {
  expect(instrument(await standInBytes(ALL)).heap).toBeUndefined();
  expect(instrument(await standInBytes(ALL, "", WITH_HEAP)).heap).toBeDefined();
});
