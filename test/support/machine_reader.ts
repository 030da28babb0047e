// What a machine file says (docs/machine-file.md), read with nothing of its writer, and held to all that is promised of one.

const HEADER = 320;
const REQUEST = 24;
const HIGH_BASE = 0x1_0000_0000n;
const LOW_MAX = 0xc000_0000n;

/** A stretch of memory. */
export interface ReadRange {
  gpa: bigint;
  bytes: Uint8Array;
}

export interface ReadMachine {
  kind: number;
  low: bigint;
  high: bigint;
  /** RIP, RSP, RFLAGS, CR0, CR3, CR4, EFER. */
  registers: bigint[];
  /** CS, DS, ES, FS, GS, SS, TR, LDTR: base, limit, access, selector. */
  segments: [bigint, number, number, number][];
  gdtr: [bigint, number];
  /** Kind, number, first, second. */
  requests: [number, number, bigint, bigint][];
  ranges: ReadRange[];
}

/** CRC-32C, bit by bit (RFC 3720, appendix B.4). */
function crc32c(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let i = 0; i < 8; i++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f6_3b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

function hold(is: boolean, what: string): void {
  if (!is) throw new Error(`no machine file: ${what}`);
}

/** The machine in `file`; throws when anything isn't as it is promised. */
export function readMachineFile(file: Uint8Array): ReadMachine {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  let at = 0;
  const u32 = () => {
    at += 4;
    return view.getUint32(at - 4, true);
  };
  const u64 = () => {
    at += 8;
    return view.getBigUint64(at - 8, true);
  };
  const zero = () => hold(u32() === 0, `${at - 4} isn't zero`);
  hold(Buffer.from(file.subarray(0, 8)).toString("latin1") === "userboot", "magic");
  at = 8;
  hold(u32() === 1, "version");
  const kind = u32();
  hold(kind === 1 || kind === 2, `kind ${kind}`);
  const [low, high, requestCount, rangeCount, content] = [u64(), u64(), u32(), u32(), u64()];
  hold(low <= LOW_MAX, `${low} bytes of low memory`);
  hold(requestCount >= 1 && requestCount <= 64, `${requestCount} requests`);
  hold(rangeCount <= 8192, `${rangeCount} ranges`);
  const registers = Array.from({ length: 7 }, u64);
  const segments = Array.from({ length: 8 }, (): [bigint, number, number, number] => {
    const segment: [bigint, number, number, number] = [u64(), u32(), u32(), u32()];
    zero();
    return segment;
  });
  const gdtr: [bigint, number] = [u64(), u32()];
  for (let i = 0; i < 3; i++) zero();
  hold(at === HEADER, `a header of ${at} bytes`);
  const requests = Array.from({ length: requestCount }, (): [number, number, bigint, bigint] => [
    u32(),
    u32(),
    u64(),
    u64(),
  ]);
  hold(at === HEADER + REQUEST * requestCount, "requests");
  hold(
    requests.every(([of], i) => of >= 1 && of <= 5 && (of === 5) === (i === requestCount - 1)),
    `requests ${requests.map(([of]) => of)}`,
  );
  let end = 0n;
  let sum = 0n;
  const ranges = Array.from({ length: rangeCount }, (): ReadRange => {
    const [gpa, size] = [u64(), u64()];
    hold(size > 0n && (gpa >= end || sum === 0n), `a range of ${size} bytes at ${gpa} behind ${end}`);
    end = gpa + size;
    hold(end <= low || (gpa >= HIGH_BASE && end <= HIGH_BASE + high), `a range up to ${end}, of ${low} and ${high}`);
    sum += size;
    hold(BigInt(at) + size <= BigInt(file.length - 4), `a range of ${size} bytes`);
    at += Number(size);
    return { gpa, bytes: file.subarray(at - Number(size), at) };
  });
  hold(sum === content, `${content} bytes of content, and ${sum} of ranges`);
  const check = u32();
  hold(at === file.length, "something follows");
  hold(check === crc32c(file.subarray(0, -4)), "its check");
  return { kind, low, high, registers, segments, gdtr, requests, ranges };
}
