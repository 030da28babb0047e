// Whether a block is what its pointer says.

import { sha256Lanes } from "../lib/digests/sha256_lanes";
import { EIO } from "../lib/errno";
import { burn, damaged } from "../lib/fault";
import { sumsAgree } from "../lib/variant";
import { checksum, sha256, sum } from "./checksum";
import {
  BP_CHECKSUM,
  bpBirth,
  bpChecksum,
  bpLittleEndian,
  bpPhysicalSize,
  CHECKSUM_GANG,
  CHECKSUM_NOPARITY,
  CHECKSUM_OFF,
  dvaDevice,
  dvaOffset,
  GANG_SIZE,
  TAIL_MAGIC,
  TAIL_SIZE,
} from "./layout";

/** The salt of the pool that is read from, 32 bytes. */
let salt: usize = 0;

/** From now on blocks are of the pool with the salt at `address`. */
export function useSalt(address: usize): void {
  salt = address;
}

const expected: usize = memory.data(32, 8);

/** Whether the last checksum is the one at `wanted`. */
function matches(wanted: usize): bool {
  return sumsAgree(memory.compare(sum, wanted, 32), 0);
}

/** Verifies the block at `data` by its pointer `bp`; `where` names its place in reports. */
export function verifyBlock(bp: usize, data: usize, where: string): bool {
  const kind = bpChecksum(bp);
  const size = bpPhysicalSize(bp);
  burn(<i64>(size >> 4));
  if (!bpLittleEndian(bp)) {
    damaged(where, "ZFS block: of a big-endian machine, which can't be read", EIO);
    return false;
  }
  if (kind == CHECKSUM_OFF || kind == CHECKSUM_NOPARITY) return true;
  if (kind == CHECKSUM_GANG) {
    const birth = bpBirth(bp);
    if (verifyTail(data, size, dvaDevice(bp), dvaOffset(bp), birth)) return true;
    // What is read of a small header may be more than there is of it.
    return size > GANG_SIZE && verifyTail(data, GANG_SIZE, dvaDevice(bp), dvaOffset(bp), birth);
  }
  if (!checksum(kind, data, size, salt)) {
    damaged(where, `ZFS block: checksum of unknown kind ${kind}`, EIO);
    return false;
  }
  if (matches(bp + BP_CHECKSUM)) return true;
  damaged(where, `ZFS block of ${size} bytes: checksum`, EIO);
  return false;
}

const laneSources: usize = memory.data(16, 4);
const laneSizes: usize = memory.data(16, 4);
const laneSums: usize = memory.data(128, 8);

/** Takes `size` bytes at `data` as one of the blocks that are verified side by side. */
export function laneBlock(lane: i32, data: usize, size: u32): void {
  store<u32>(laneSources + ((<usize>lane) << 2), data);
  store<u32>(laneSizes + ((<usize>lane) << 2), size);
}

/** Makes the digests of all blocks taken. */
export function makeLanes(): void {
  sha256Lanes(laneSources, laneSizes, laneSums);
}

/** Whether block `lane` has the digest that the pointer at `bp` says, from a machine whose order of bytes is ours. */
export function laneMatches(lane: i32, bp: usize): bool {
  const digest = laneSums + ((<usize>lane) << 5);
  for (let i: usize = 0; i < 32; i += 8) {
    if (!sumsAgree(bswap<u64>(load<u64>(digest + i)), load<u64>(bp + i, BP_CHECKSUM))) return false;
  }
  return bpLittleEndian(bp);
}

/** Whether the block of `size` bytes carries a checksum, but one that a big-endian machine wrote. */
export function tailBigEndian(data: usize, size: u32): bool {
  return load<u64>(data + <usize>(size - TAIL_SIZE)) == bswap<u64>(TAIL_MAGIC);
}

/** Verifies a block that carries its own checksum, made with `a`, `b`, `c` and 0 in its place. */
export function verifyTail(data: usize, size: u32, a: u64, b: u64, c: u64): bool {
  const tail = data + <usize>(size - TAIL_SIZE);
  if (load<u64>(tail) != TAIL_MAGIC) return false;
  memory.copy(expected, tail + 8, 32);
  store<u64>(tail, a, 8);
  store<u64>(tail, b, 16);
  store<u64>(tail, c, 24);
  store<u64>(tail, 0, 32);
  sha256(data, size);
  memory.copy(tail + 8, expected, 32);
  return matches(expected);
}
