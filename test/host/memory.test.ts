import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { GuestMemory } from "../../build/host/memory/guest.js";
import { giveModuleMemory, takeModuleMemory } from "../../build/host/memory/pool.js";
import { RangeSet } from "../../build/host/memory/ranges.js";

describe("RangeSet", () => {
  it("holds exactly the bytes added, sorted and coalesced", () => {
    const range = fc.tuple(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 40 }));
    fc.assert(
      fc.property(fc.array(range, { maxLength: 60 }), (list) => {
        const set = new RangeSet();
        const bitmap = new Array<boolean>(260).fill(false);
        for (const [start, length] of list) {
          set.add(start, start + length);
          bitmap.fill(true, start, start + length);
        }
        const expected: [number, number][] = [];
        bitmap.forEach((written, at) => {
          const last = expected.at(-1);
          if (written && last?.[1] === at) last[1]++;
          else if (written) expected.push([at, at + 1]);
        });
        expect([...set]).toEqual(expected);
      }),
    );
  });
});

describe("GuestMemory", () => {
  const MIB = 1024 * 1024;

  it("looks at the low 31 bits of an address only", () => {
    const guest = new GuestMemory(MIB, 0);
    expect(guest.copyin(Uint8Array.of(1, 2), 0xffff_ffff_8000_1000n)).toBe(true);
    expect([...guest.written]).toEqual([[0x1000, 0x1002]]);
    const target = new Uint8Array(2);
    expect(guest.copyout(0x1000n, target)).toBe(true);
    expect([...target]).toEqual([1, 2]);
  });

  it("refuses a range that doesn't fit, writes nothing and counts it", () => {
    const guest = new GuestMemory(MIB, 0);
    expect(guest.copyin(new Uint8Array(2).fill(9), BigInt(MIB - 1))).toBe(false);
    expect(guest.bytes[MIB - 1]).toBe(0);
    expect([...guest.written]).toEqual([]);
    expect(guest.faults).toBe(1);
    expect(guest.copyout(BigInt(MIB), new Uint8Array(1))).toBe(false);
  });

  it("is never larger than what addresses reach", () => {
    const guest = new GuestMemory(3072 * MIB, 4096 * MIB);
    expect(guest.bytes.length).toBe(2048 * MIB);
  });

  it("cuts a range that leaves memory in pieces, each checked alone", () => {
    const guest = new GuestMemory(10_000, 0);
    expect([...guest.pieces(1000n, 20_000, 4096)]).toEqual([
      [1000, 0, 8192],
      [-1, 8192, 11_808],
    ]);
    expect(guest.faults).toBe(3);
  });

  it("wraps at 2 GiB between pieces", () => {
    const guest = new GuestMemory(0x8000_0000, 0);
    expect([...guest.pieces(0x7fff_f800n, 6144, 4096)]).toEqual([
      [-1, 0, 4096],
      [0x800, 4096, 2048],
    ]);
  });

  it("reads zeros where nothing is", () => {
    const guest = new GuestMemory(4096, 0);
    guest.copyin(Uint8Array.of(5), 4095n);
    expect([...guest.read(4094, 4)]).toEqual([0, 5, 0, 0]);
  });

  it("is zero again when it serves another session", () => {
    const SIZE = 123 * 4096;
    const first = new GuestMemory(SIZE, 0);
    const { buffer } = first.view(0, 0);
    first.copyin(new Uint8Array(100).fill(1), 5000n);
    first.copyin(new Uint8Array(10).fill(2), BigInt(SIZE - 10));
    first.release();
    const second = new GuestMemory(SIZE, 0);
    expect(second.view(0, 0).buffer).toBe(buffer);
    expect(second.view(0, SIZE).every((byte) => byte === 0)).toBe(true);
    expect(first.view(0, SIZE)).toHaveLength(0);
  });

  it("is not used again once somebody has seen it", () => {
    const SIZE = 77 * 4096;
    const first = new GuestMemory(SIZE, 0);
    const { buffer } = first.bytes;
    first.release();
    expect(new GuestMemory(SIZE, 0).bytes.buffer).not.toBe(buffer);
  });
});

describe("the memory of a module", () => {
  const LIMIT = 33 * 2 ** 20;
  const bytesOf = ({ buffer }: WebAssembly.Memory) => new Uint8Array(buffer);

  it("is zero again when it serves another session", () => {
    const first = takeModuleMemory(LIMIT);
    bytesOf(first).fill(7);
    giveModuleMemory(first, LIMIT);
    const second = takeModuleMemory(LIMIT);
    expect(second).toBe(first);
    expect(bytesOf(second).every((byte) => byte === 0)).toBe(true);
  });

  it("is not used again when it has grown, or for a session of another limit", () => {
    const grown = takeModuleMemory(LIMIT);
    grown.grow(1);
    giveModuleMemory(grown, LIMIT);
    const kept = takeModuleMemory(LIMIT);
    giveModuleMemory(kept, LIMIT);
    const small = takeModuleMemory(LIMIT / 2);
    expect(small).not.toBe(kept);
    expect(small.grow(0)).toBe(kept.grow(0));
    expect(() => small.grow(LIMIT / 2 / 65536)).toThrow(RangeError);
    expect(takeModuleMemory(LIMIT)).toBe(kept);
  });
});
