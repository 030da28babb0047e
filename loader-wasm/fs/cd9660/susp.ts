// System use entries behind the names of directory records: whether a volume has Rock Ridge, and Rock Ridge's
// names.

import { stringAt } from "../../lib/bytes";
import { EIO } from "../../lib/errno";
import { burn, damaged } from "../../lib/fault";
import { Volume } from "../../storage/volume";
import {
  BLOCK_SIZE,
  CE,
  CE_BLOCK,
  CE_LENGTH,
  CE_OFFSET,
  CE_SIZE,
  CONTINUATIONS_MAX,
  ENTRY_HEAD,
  ER,
  NM,
  NM_CURRENT,
  NM_FLAGS,
  NM_NAME,
  NM_PARENT,
  R_LENGTH,
  R_NAME,
  R_NAME_LENGTH,
  S_LENGTH,
  S_SIGNATURE,
  SP,
  SP_CHECK,
  SP_CHECK_VALUE,
  SP_LENGTH,
  SP_SKIP,
  ST,
} from "./layout";

/** The continuation area in use. */
const area: usize = memory.data(BLOCK_SIZE, 8);

/** Whether the last `rockRidgeSkip` or `rockRidgeName` found nothing because the disk failed (errno). */
export let areaFailed: bool = false;

/**
 * The first entry with `signature` of the directory record in memory at `record`, `skip` bytes behind its name; 0 when there is
 * none. It is whole, and valid until the next call.
 */
function findEntry(volume: Volume, record: usize, signature: u16, skip: u32): usize {
  const nameLength = <usize>load<u8>(record, R_NAME_LENGTH);
  // A name of even length is followed by a byte of padding.
  let at = record + R_NAME + nameLength + <usize>skip + (nameLength & 1 ? 0 : 1);
  let end = record + <usize>load<u8>(record, R_LENGTH);
  let continuations = 0;
  areaFailed = false;
  while (at + <usize>ENTRY_HEAD <= end) {
    burn(1);
    const found = load<u16>(at, S_SIGNATURE);
    const length = <usize>load<u8>(at, S_LENGTH);
    if (length < <usize>ENTRY_HEAD || length > end - at) return 0;
    if (found == signature) return at;
    if (found == ST) return 0;
    if (found != CE || length < <usize>CE_LENGTH) {
      at += length;
      continue;
    }
    const block = <u64>load<u32>(at, CE_BLOCK);
    const offset = load<u32>(at, CE_OFFSET);
    const size = load<u32>(at, CE_SIZE);
    if (++continuations > CONTINUATIONS_MAX) {
      damaged(volume.where(block * BLOCK_SIZE), `SUSP: more than ${CONTINUATIONS_MAX} continuation areas`, EIO);
      return 0;
    }
    if (offset > BLOCK_SIZE || size > BLOCK_SIZE - offset) {
      damaged(volume.where(block * BLOCK_SIZE), `SUSP continuation area: ${size} bytes at ${offset}`, EIO);
      return 0;
    }
    const got = volume.read(block * BLOCK_SIZE, area, BLOCK_SIZE);
    if (got < 0) areaFailed = true;
    if (got != <i64>BLOCK_SIZE) return 0;
    at = area + <usize>offset;
    end = at + <usize>size;
  }
  return 0;
}

/**
 * Looks for Rock Ridge in the root directory's first record, at `record`. Returns how many bytes are to be skipped before the
 * entries of other records, or -1 without Rock Ridge.
 */
export function rockRidgeSkip(volume: Volume, record: usize): i32 {
  areaFailed = false;
  const at = record + R_NAME + <usize>load<u8>(record, R_NAME_LENGTH);
  const end = record + <usize>load<u8>(record, R_LENGTH);
  if (at + <usize>SP_LENGTH > end || load<u16>(at, S_SIGNATURE) != SP || load<u8>(at, S_LENGTH) != SP_LENGTH) return -1;
  if (load<u16>(at, SP_CHECK) != SP_CHECK_VALUE) return -1;
  const skip = <i32>load<u8>(at, SP_SKIP);
  return findEntry(volume, record, ER, 0) == 0 ? -1 : skip;
}

/** The Rock Ridge name of the record at `record`; null when it has none, or one in several parts. */
export function rockRidgeName(volume: Volume, record: usize, skip: u32): string | null {
  const entry = findEntry(volume, record, NM, skip);
  if (entry == 0 || <usize>load<u8>(entry, S_LENGTH) < NM_NAME) return null;
  const flags = load<u8>(entry, NM_FLAGS);
  if (flags == NM_CURRENT) return ".";
  if (flags == NM_PARENT) return "..";
  return flags == 0 ? stringAt(entry + NM_NAME, <i32>(<usize>load<u8>(entry, S_LENGTH) - NM_NAME)) : null;
}
