// What a result tells of the environment that a kernel finds: strings with a NUL each, up to an empty one, in as many bytes as
// are looked at.

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeBootData } from "../../build/host/handoff/metadata.js";
import { CpuState } from "../../build/host/handoff/registers.js";
import { LoaderMemory } from "../../build/host/memory/loader.js";

const STACK = 0x1000;
const MODULEP = 0x2000;
const ENVP = 0x10_0000;
/** Bytes of an environment that are looked at. */
const LOOKED_AT = 1024 * 1024;

/** What is made of these bytes of an environment. */
function decoded(bytes: Uint8Array): Record<string, string> {
  const guest = new LoaderMemory(4 << 20, 0);
  const words = (...values: number[]) => new Uint8Array(Uint32Array.from(values).buffer);
  guest.copyin(words(0, MODULEP, 0), BigInt(STACK));
  const [name, envp, end] = [1, 0x8006, 0];
  guest.copyin(words(name, 8, 0x6b, 0, envp, 8, ENVP, 0, end, 0), BigInt(MODULEP));
  guest.copyin(bytes, BigInt(ENVP));
  const cpu = new CpuState();
  cpu.rsp = BigInt(STACK);
  // Page tables make it an amd64 kernel.
  cpu.setcr(3, 0x3000n);
  const { environment } = decodeBootData(cpu, guest);
  guest.release();
  return environment;
}

const latin1 = (text: string) => Uint8Array.from(Buffer.from(text, "latin1"));

it("has each string whole, and none behind an empty one", async () => {
  const letter = fc.integer({ min: 1, max: 255 }).filter((code) => code !== 0x3d);
  const text = (minLength: number) =>
    fc.array(letter, { minLength, maxLength: 40 }).map((codes) => String.fromCharCode(...codes));
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(text(1), text(0)), { maxLength: 30 }), async (pairs) => {
      const strings = pairs.map(([name, value]) => `${name}=${value}\0`).join("");
      const last = new Map(pairs);
      expect(Object.entries(decoded(latin1(`${strings}\0behind=it\0`))).sort()).toEqual([...last].sort());
    }),
  );
});

it("has a string of more than 64 KiB whole", () => {
  expect(decoded(latin1(`long=${"v".repeat(200_000)}\0\0`)).long).toHaveLength(200_000);
});

it("looks at a MiB, and leaves out the string that has its NUL behind it", () => {
  const filler = "f".repeat(LOOKED_AT - "a=\0b=\0".length);
  const fits = decoded(latin1(`a=${filler}\0b=\0c=behind\0\0`));
  expect([fits.a?.length, fits.b, fits.c]).toEqual([filler.length, "", undefined]);
  const cut = decoded(latin1(`a=${filler}\0b=1\0\0`));
  expect([cut.a?.length, cut.b]).toEqual([filler.length, undefined]);
});

it("is nothing where memory ends without a NUL", () => {
  const guest = LOOKED_AT * 3;
  expect(decoded(new Uint8Array(guest).fill(0x78))).toEqual({});
});

describe("what a result tells of the files that a kernel finds", () => {
  const [END, NAME, TYPE, ADDR, SIZE, EMPTY, ARGS, ELFHDR, HOWTO] = [0, 1, 2, 3, 4, 5, 6, 0x8002, 0x8007];
  const text = (value: string) => [...latin1(`${value}\0`)];
  const bytes = (value: bigint, size: number) =>
    Array.from({ length: size }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));
  type Entry = [type: number, value: number[]];

  /** What is made of a chain of records, of a kernel of either width. */
  function chained(records: readonly Entry[], { is64 = true, at = MODULEP, low = 8 << 20 } = {}) {
    const guest = new LoaderMemory(low, 0);
    const cpu = new CpuState();
    cpu.rsp = BigInt(STACK);
    if (is64) cpu.setcr(3, 0x3000n);
    const stack = is64 ? [0, at, 0x77_0000] : [0x10, 0x11, 0x12, 0, 0, 0, 0x13, at, 0x77_0000];
    guest.copyin(new Uint8Array(Uint32Array.from(stack).buffer), BigInt(STACK));
    const padding = is64 ? 8 : 4;
    const chain = records.flatMap(([type, value]) => {
      const padded = [...value, ...Array((padding - (value.length % padding)) % padding).fill(0xee)];
      return [...bytes(BigInt(type), 4), ...bytes(BigInt(value.length), 4), ...padded];
    });
    guest.copyin(Uint8Array.from(chain), BigInt(at));
    const decoded = decodeBootData(cpu, guest);
    guest.release();
    return decoded;
  }
  const end: Entry = [END, []];
  const plain = { type: "", address: "0x0", size: 0, metadata: [] };

  it.each([true, false])("are their names, types, places and the rest by name (64 bits: %s)", (is64) => {
    const { modules, bootData } = chained(
      [
        [NAME, text("/k\xff")],
        [TYPE, text("elf kernel")],
        [ARGS, text("-s")],
        [ADDR, bytes(0xffffffff80200000n, 8)],
        [SIZE, bytes(0x1234n, 4)],
        [ELFHDR, Array(9).fill(1)],
        [HOWTO, bytes(5n, 4)],
        [0x8fff, bytes(7n, 1)],
        [NAME, text("/m")],
        [EMPTY, []],
        end,
        [NAME, text("behind")],
      ],
      { is64 },
    );
    const header = MODULEP + (is64 ? 96 : 80);
    const at = (offset: number) => `0x${(header + offset).toString(16)}`;
    expect(modules).toEqual([
      {
        ...{ name: "/k\xff", type: "elf kernel", args: "-s", address: "0xffffffff80200000", size: 0x1234 },
        metadata: [
          { name: "ELFHDR", gpa: at(0), size: 9 },
          { name: "HOWTO", gpa: at(is64 ? 24 : 20), size: 4, value: "0x5" },
          { name: "0x8fff", gpa: at(is64 ? 40 : 32), size: 1, value: "0x7" },
        ],
      },
      { ...plain, name: "/m", metadata: [{ name: "EMPTY", gpa: expect.any(String), size: 0, value: "0x0" }] },
    ]);
    const words = { modulep: "0x2000", kernend: "0x770000" };
    expect(bootData).toEqual(is64 ? words : { ...words, howto: "0x11", bootdev: "0x12", bootinfo: "0x13" });
  });

  it("are found wherever they lie", () => {
    const { modules } = chained([[NAME, text("high")], end], { at: (8 << 20) - 64 });
    expect(modules).toEqual([{ ...plain, name: "high" }]);
  });

  it("are none that come before a name, or without a stack", () => {
    const { modules } = chained([[TYPE, text("lost")], [HOWTO, bytes(1n, 4)], [NAME, text("found")], end]);
    expect(modules).toEqual([{ ...plain, name: "found" }]);
    const guest = new LoaderMemory(65536, 0);
    const cpu = new CpuState();
    cpu.rsp = 65_533n;
    expect(decodeBootData(cpu, guest)).toEqual({ modules: [], environment: {} });
    guest.release();
  });

  it("end where memory does, and at a record that can't be", () => {
    const last = 65_536 - 16;
    expect(chained([[NAME, text("/k")]], { at: last, low: 65_536 }).modules).toEqual([{ ...plain, name: "/k" }]);
    const huge = [...bytes(BigInt(NAME), 4), ...bytes(BigInt(4 * 1024 * 1024 + 1), 4)];
    const guest = new LoaderMemory(8 << 20, 0);
    const cpu = new CpuState();
    cpu.rsp = BigInt(STACK);
    cpu.setcr(3, 0x3000n);
    guest.copyin(new Uint8Array(Uint32Array.of(0, MODULEP, 0).buffer), BigInt(STACK));
    guest.copyin(Uint8Array.from(huge), BigInt(MODULEP));
    expect(decodeBootData(cpu, guest).modules).toEqual([]);
    guest.copyin(new Uint8Array(Uint32Array.of(NAME, 4 * 1024 * 1024).buffer), BigInt(MODULEP));
    expect(decodeBootData(cpu, guest).modules).toEqual([{ ...plain, name: "" }]);
    guest.release();
  });

  it.each([
    [65_535, 65_535],
    [65_536, 65_536],
    [65_537, 65_536],
  ])("are no more than 65,536: of %i records %i are read", (count, read) => {
    const { modules } = chained(Array<Entry>(count).fill([NAME, []]), { low: 16 << 20 });
    expect(modules).toHaveLength(read);
  });
});

it("looks at no more than 16,384 variables, and calls one as the guest does", () => {
  const many = Array.from({ length: 16_385 }, (_, i) => `v${i}=\0`).join("");
  const names = Object.keys(decoded(latin1(`${many}\0`)));
  expect([names.length, names.at(-1)]).toEqual([16_384, "v16383"]);
  expect(Object.entries(decoded(latin1("__proto__=x\0bare\0a=b=c\0\0")))).toEqual([
    ["__proto__", "x"],
    ["bare", ""],
    ["a", "b=c"],
  ]);
});
