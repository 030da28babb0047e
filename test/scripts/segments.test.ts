// Joining data segments changes how many there are, not what an instance finds in its memory.
import fc from "fast-check";
import { expect, it } from "vitest";
import { joinSegments } from "../../scripts/segments.mjs";

const PAGES = 2;

function unsigned(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

function signed(value: number): number[] {
  return value >= -0x40 && value < 0x40 ? [value & 0x7f] : [(value & 0x7f) | 0x80, ...signed(value >> 7)];
}

const section = (id: number, body: number[]) => [id, ...unsigned(body.length), ...body];
const plain = ({ start, content }: Segment) => [
  0,
  0x41,
  ...signed(start),
  0x0b,
  ...unsigned(content.length),
  ...content,
];

interface Segment {
  start: number;
  content: number[];
}

/** A module with a memory, which it exports as "m", and segments. */
function moduleOf(segments: number[][]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(5, [1, 0, PAGES]),
    ...section(7, [1, 1, 0x6d, 2, 0]),
    ...section(12, unsigned(segments.length)),
    ...section(11, [...unsigned(segments.length), ...segments.flat()]),
  ]);
}

function memoryOf(module: Uint8Array): Uint8Array {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module as Uint8Array<ArrayBuffer>));
  return new Uint8Array((exports.m as WebAssembly.Memory).buffer);
}

/** How many segments a module says that it has. */
const countOf = (module: Uint8Array) => {
  const body = [...module].slice(8 + 5 + 7);
  expect(body[0]).toBe(12);
  return body[2]! & 0x7f;
};

it("an instance's memory is the same, with fewer segments or as many", () => {
  const distances = fc.array(fc.tuple(fc.nat(100), fc.uint8Array({ maxLength: 90 })), { maxLength: 100 });
  fc.assert(
    fc.property(distances, fc.nat(50_000), fc.boolean(), (given, first, backwards) => {
      let at = first;
      const segments = given.map(([gap, bytes]) => {
        const start = at + gap;
        at = start + bytes.length;
        return { start, content: [...bytes] };
      });
      if (backwards) segments.reverse();
      const module = moduleOf(segments.map(plain));
      const fewer = joinSegments(module);
      expect(countOf(fewer)).toBeLessThanOrEqual(segments.length);
      expect(Buffer.compare(memoryOf(fewer), memoryOf(module))).toBe(0);
    }),
  );
});

it("neighbours become one segment, and those far away don't", () => {
  const at = (start: number) => plain({ start, content: [1, 2, 3] });
  expect(countOf(joinSegments(moduleOf([at(10), at(13), at(40)])))).toBe(1);
  expect(countOf(joinSegments(moduleOf([at(10), at(13), at(60_000)])))).toBe(2);
});

it("a module of other segments is left alone: passive ones, and such as overlap", () => {
  const passive = moduleOf([[1, 2, 5, 6]]);
  expect(joinSegments(passive)).toBe(passive);
  const overlapping = moduleOf([plain({ start: 9, content: [1, 2] }), plain({ start: 10, content: [3] })]);
  expect(joinSegments(overlapping)).toBe(overlapping);
});
