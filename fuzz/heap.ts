// Red zones for the core's heap: what takes, moves and gives back blocks is led through functions that put words before and
// behind each block and look at them when it goes; all that are left are looked at after a run. So a write past a block is
// seen though nothing traps. Blocks are also filled when they go, and move whenever their size changes, so that who still
// reads one that is gone reads what leads nowhere. The functions are few, and written by hand here, as instrument.ts has no
// compiler: WebAssembly core specification, chapter 5.
//
// A block: next, previous, MARK, its size; what was asked for; MARK four times. The allocator of the compiler's library keeps
// objects' sizes in the word before a block, which is where the size is.

import { unsignedBytes as unsigned } from "./wasm_reader.js";

/** What is led elsewhere: functions of the compiler's library. */
export const ALLOCATOR = {
  alloc: "~lib/rt/tlsf/__alloc",
  realloc: "~lib/rt/tlsf/__realloc",
  free: "~lib/rt/tlsf/__free",
} as const;

const ZONE = 16;
const MARK = 0x5aa55aa5;
const AT = { next: 0, previous: 4, mark: 8, size: 12 };
/** Nothing so large can be had: what asks for it is told so by the allocator itself. */
const SIZE_MAX = 0x3fff0000;
const GONE = 0xdd;

/** A function to add: its type by parameters and results, its locals besides, its code. */
export interface Added {
  parameters: number;
  results: number;
  locals: number;
  code: number[];
}

/** Numbers of the functions that are there, of the first that is added, and of the global that begins the list. */
export interface Known {
  alloc: number;
  free: number;
  first: number;
  head: number;
}

/** Functions in the place of `alloc`, `realloc` and `free`, in this order, and what they need. */
export function heapFunctions({ alloc, first, free, head }: Known): Added[] {
  const get = (local: number) => [0x20, local];
  const set = (local: number) => [0x21, local];
  const number = (value: number) => [0x41, ...signed(value)];
  const call = (index: number) => [0x10, ...unsigned(index)];
  const load = (at: number) => [0x28, 0, at];
  const store = (at: number) => [0x36, 0, at];
  const [globalGet, globalSet] = [
    [0x23, ...unsigned(head)],
    [0x24, ...unsigned(head)],
  ];
  const [otherwise, end, leave, drop, select] = [0x05, 0x0b, 0x0f, 0x1a, 0x1b] as const;
  const [isZero, differ, isLess, isMore, add, subtract] = [0x45, 0x47, 0x49, 0x4b, 0x6a, 0x6b] as const;
  const when = [0x04, 0x40];
  // Reads what can't be there. Of an instruction that only traps the host would take it that there is no more memory.
  const trap = [...number(-1), 0x28, 0, 0, drop];
  const [copy, fill] = [
    [0xfc, 10, 0, 0],
    [0xfc, 11, 0],
  ] as const;
  const [allocate, release, guard, check] = [first, first + 2, first + 3, first + 4] as const;
  const plus = (value: number) => [...number(value), add];
  const tail = (base: number, size: number[]) => [...get(base), ...size, add];
  return [
    {
      // alloc(size)
      parameters: 1,
      results: 1,
      locals: 1,
      code: [
        ...[...get(0), ...get(0), ...plus(2 * ZONE), ...get(0), ...number(SIZE_MAX), isMore, select],
        ...[...call(alloc), ...set(1), ...get(1), ...get(0), ...call(guard), ...get(1), ...plus(ZONE)],
      ],
    },
    {
      // realloc(block, size)
      parameters: 2,
      results: 1,
      locals: 1,
      code: [
        ...[...get(1), ...call(allocate), ...set(2), ...get(2), ...get(0)],
        // The smaller one of both sizes.
        ...[...get(1), ...get(0), ...number(ZONE), subtract, ...load(AT.size)],
        ...[...get(1), ...get(0), ...number(ZONE), subtract, ...load(AT.size), isLess, select],
        ...[...copy, ...get(0), ...call(release), ...get(2)],
      ],
    },
    {
      // free(block)
      parameters: 1,
      results: 0,
      locals: 3,
      code: [
        // None.
        ...[...get(0), isZero, ...when, leave, end],
        ...[...get(0), ...number(ZONE), subtract, ...set(1), ...get(1), ...call(check)],
        ...[...get(1), ...load(AT.next), ...set(2), ...get(1), ...load(AT.previous), ...set(3)],
        ...[...get(3), ...when, ...get(3), ...get(2), ...store(AT.next), otherwise, ...get(2), ...globalSet, end],
        ...[...get(2), ...when, ...get(2), ...get(3), ...store(AT.previous), end],
        ...[...get(1), ...number(0), ...store(AT.mark)],
        ...[...get(0), ...number(GONE), ...get(1), ...load(AT.size), ...fill],
        ...[...get(1), ...call(free)],
      ],
    },
    {
      // guard(zone, size)
      parameters: 2,
      results: 0,
      locals: 0,
      code: [
        ...[...get(0), ...globalGet, ...store(AT.next), ...get(0), ...number(0), ...store(AT.previous)],
        ...[...globalGet, ...when, ...globalGet, ...get(0), ...store(AT.previous), end, ...get(0), ...globalSet],
        ...[...get(0), ...number(MARK), ...store(AT.mark), ...get(0), ...get(1), ...store(AT.size)],
        ...[0, 4, 8, 12].flatMap((at) => [...tail(0, get(1)), ...number(MARK), ...store(ZONE + at)]),
      ],
    },
    {
      // check(zone)
      parameters: 1,
      results: 0,
      locals: 0,
      code: [
        ...[...get(0), ...load(AT.mark), ...number(MARK), differ, ...when, ...trap, end],
        ...[0, 4, 8, 12].flatMap((at) => [
          ...[...tail(0, [...get(0), ...load(AT.size)]), ...load(ZONE + at)],
          ...[...number(MARK), differ, ...when, ...trap, end],
        ]),
      ],
    },
  ].map((added) => ({ ...added, code: [...added.code, end] }));
}

/** What is wrong with the blocks of a heap whose list begins at `head`, if anything is. */
export function heapFault(memory: ArrayBuffer, head: number): string | undefined {
  const view = new DataView(memory);
  const last = memory.byteLength - 2 * ZONE;
  let previous = 0;
  for (let zone = head >>> 0; zone !== 0; ) {
    if (zone > last || view.getUint32(zone + AT.previous, true) !== previous)
      return `heap: what is before the block at ${zone + ZONE} was overwritten`;
    const size = view.getUint32(zone + AT.size, true);
    if (view.getUint32(zone + AT.mark, true) !== MARK || size > last - zone)
      return `heap: what is before the block at ${zone + ZONE} was overwritten`;
    for (let at = 0; at < ZONE; at += 4)
      if (view.getUint32(zone + ZONE + size + at, true) !== MARK)
        return `heap: what is behind the block of ${size} bytes at ${zone + ZONE} was overwritten`;
    previous = zone;
    zone = view.getUint32(zone + AT.next, true);
  }
  return undefined;
}

/** A number in signed LEB128, of 32 bits. */
function signed(value: number): number[] {
  const bytes: number[] = [];
  let left = value | 0;
  for (; left < -64 || left > 63; left >>= 7) bytes.push((left & 0x7f) | 0x80);
  return [...bytes, left & 0x7f];
}
