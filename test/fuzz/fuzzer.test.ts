// What fuzz/ is made of: counters that change nothing else, a search that finds what only few inputs do, inputs made smaller,
// arguments of imports that are looked at.

import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { Fuzzer } from "../../fuzz/fuzzer.js";
import { type Input, inputOf, lineOf, weightOf } from "../../fuzz/input.js";
import { instrument } from "../../fuzz/instrument.js";
import { Machine, programOf } from "../../fuzz/machine.js";
import { minimise, smallest } from "../../fuzz/minimise.js";
import { rangeCheck } from "../../fuzz/ranges.js";
import type { Target } from "../../fuzz/target.js";
import { IMPORTS } from "../support/abi.js";
import { standInTarget } from "../support/stand_in_target.js";
import { standInBytes } from "../support/stand_ins.js";

const PAGE = 65536;

/** A loader that fails only for a disk that begins with four bytes, tested one after the other, and only in the way of `end`. */
const picky = (end: string) => `
  diskread(0, 0, block, 10, block + 1024);
  if (load<u8>(block) == 0xff)
    if (load<u8>(block + 1) == 0x80)
      if (load<u8>(block + 2) == 0x40)
        if (load<u8>(block + 3) == 0x7f) { ${end} }
  for (let i = 0; i < <i32>load<u8>(block + 8); i++) putc(65);
  exit(1);`;

async function fuzzerOf(body: string, seed = 1): Promise<Fuzzer> {
  const machine = new Machine(programOf(await standInBytes(body)), 16 * PAGE, 64 * PAGE);
  const fuzzer = new Fuzzer(standInTarget(machine), machine, seed);
  for (const input of await fuzzer.open()) fuzzer.consider(input);
  return fuzzer;
}

const disk = (...bytes: number[]): Input => ({
  base: "zeros",
  edits: [{ disk: 0, at: 0, bytes: Uint8Array.from(bytes) }],
});

describe("the search", () => {
  it("finds a trap behind four tests of bytes", { timeout: 120_000 }, async () => {
    const fuzzer = await fuzzerOf(picky("store<u8>(0xfffffff0, 1);"));
    let found: Input | undefined;
    for (let i = 0; i < 200_000 && found === undefined; i++) found = (await fuzzer.step())?.input;
    expect(found).toBeDefined();
    const small = await minimise(found!, async (input) => (await fuzzer.judge(input)) !== undefined);
    expect(weightOf(small)).toBeLessThanOrEqual(weightOf(found!));
    expect(await fuzzer.judge(small)).toMatch(/^InternalError: trap in the core: memory access out of bounds/);
    // Those four bytes, however they are put together, and little besides.
    expect(small.edits.reduce((sum, { bytes }) => sum + bytes.length, 0)).toBeLessThanOrEqual(6);
  });

  it("is the same for the same seed", async () => {
    const lines = async () => {
      const fuzzer = await fuzzerOf(picky("putc(66);"), 7);
      for (let i = 0; i < 500; i++) await fuzzer.step();
      return fuzzer.corpus.map(({ input }) => lineOf(input));
    };
    const first = await lines();
    expect(first.length).toBeGreaterThan(2);
    expect(await lines()).toEqual(first);
  });

  it.each([
    ["a trap", "store<u8>(0xfffffff0, 1);", /out of bounds/],
    ["an argument that is no place", "write(0xfffffff0, 100);", /import write: 100 bytes at 4294967280/],
    ["a disk that isn't there", "diskread(5, 0, block, 1, block);", /import diskread: disk 5 of 1/],
    ["a return", "return;", /the loader returned/],
    ["an internal fault", "fault(0, block, 0);", /InternalError/],
  ])("takes %s for a finding", async (_name, end, what) => {
    const fuzzer = await fuzzerOf(picky(end));
    expect(await fuzzer.judge(disk(0xff, 0x80, 0x40, 0x7f))).toMatch(what);
    expect(await fuzzer.judge(disk(0xff, 0x80, 0x40))).toBeUndefined();
  });

  it("takes what the package does otherwise for a finding, and what isn't the same again", async () => {
    const fuzzer = await fuzzerOf(picky("putc(66);"));
    const target = fuzzer.target as { session: Target["session"] };
    const { session } = target;
    target.session = (...given) => ({ ...session(...given), hosted: async () => ({ end: "exec", text: "" }) });
    expect(await fuzzer.judge(disk(1), true)).toMatch(/the package ends otherwise: "exec", not "exit 1"/);
    target.session = (...given) => ({ ...session(...given), hosted: async () => Promise.reject(new Error("no")) });
    expect(await fuzzer.judge(disk(1), true)).toMatch(/the package: rejected with Error: no/);
    let runs = 0;
    target.session = (...given) => ({
      drive: (machine) => ({ ...session(...given).drive(machine), text: String(runs++) }),
      hosted: async () => ({ end: "exit 1", text: "" }),
    });
    expect(await fuzzer.judge(disk(1), true)).toMatch(/not the same again/);
  });

  it("leaves the bases as they were", async () => {
    const fuzzer = await fuzzerOf(picky("putc(66);"));
    const first = fuzzer.run({ base: "zeros", edits: [] });
    fuzzer.run({ ...disk(1, 2, 3, 4, 5, 6, 7, 8, 9), cut: 100 });
    expect({ ...fuzzer.run({ base: "zeros", edits: [] }), ms: 0 }).toEqual({ ...first, ms: 0 });
    expect(fuzzer.run(disk(0, 0, 0, 0, 0, 0, 0, 0, 3)).text).toBe("AAA");
  });

  it("keeps of a corpus what takes all its edges", async () => {
    const fuzzer = await fuzzerOf(picky("putc(66);"));
    const inputs = [disk(0xff, 0x80), disk(0xff), disk(0xff, 0x80, 0x99), disk(0)];
    expect((await smallest(fuzzer, inputs)).map(lineOf)).toEqual([disk(0), disk(0xff), disk(0xff, 0x80)].map(lineOf));
  });
});

describe("counters", () => {
  let plain: Uint8Array<ArrayBuffer>;
  const body = `
  let sum: i64 = 0;
  for (let i: i64 = 0; i < 10; i++) {
    switch (<i32>(i % 4)) {
      case 0: sum += i; break;
      case 1: sum ^= 3; break;
      default: if (i > 5) sum <<= 1; else sum -= 1;
    }
  }
  putc(<i32>sum & 0x7f);`;
  beforeAll(async () => {
    plain = await standInBytes(body);
  });

  const printed = (
    bytes: Uint8Array<ArrayBuffer>,
    more: (exports: WebAssembly.Exports, memory: WebAssembly.Memory) => void = () => {},
  ) => {
    const memory = new WebAssembly.Memory({ initial: 16, maximum: 4096 });
    const module = new WebAssembly.Module(bytes);
    const said: number[] = [];
    const imports: WebAssembly.Imports = { env: { memory } };
    for (const { module: from, name, kind } of WebAssembly.Module.imports(module))
      if (kind === "function") imports[from] = { ...imports[from], [name]: (ch: number) => said.push(ch) };
    const { exports } = new WebAssembly.Instance(module, imports);
    (exports.loader_main as (a: number, b: number) => void)(5, 0);
    more(exports, memory);
    return said;
  };

  it("change nothing of what a module does, and count what it does", () => {
    const { bytes, functions } = instrument(plain);
    const counts: number[][] = [];
    const said = printed(bytes, (exports, memory) => {
      for (let i = 0; i < 2; i++) {
        (exports.fuzz_collect as (at: number) => void)(0);
        counts.push([...new Uint32Array(memory.buffer.slice(0, functions.length * 4))]);
      }
    });
    expect(said).toEqual(printed(plain));
    // The cases are taken 3, 3 and 4 times; collecting clears.
    expect(counts[0]).toEqual(expect.arrayContaining([3, 4, 10, 11]));
    expect(counts[1]!.every((count) => count === 0)).toBe(true);
  });
});

describe("inputs", () => {
  const bytes = fc.uint8Array({ maxLength: 20 });
  it("are lines and back", () => {
    const input = fc.record({
      base: fc.string(),
      cut: fc.option(fc.nat(), { nil: undefined }),
      edits: fc.array(fc.record({ disk: fc.nat(3), at: fc.nat(), bytes })),
      text: fc.option(bytes, { nil: undefined }),
    });
    fc.assert(
      fc.property(input, (one) => {
        const line = lineOf(one);
        expect(line).not.toContain("\n");
        expect(lineOf(inputOf(line))).toBe(line);
      }),
    );
  });
});

it("every import has its line", () => {
  for (const { name } of IMPORTS) expect(() => rangeCheck(name)).not.toThrow();
  expect(() => rangeCheck("fork")).toThrow("says nothing of the import fork");
});
