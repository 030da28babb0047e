// System use entries behind the names of directory records: whether a volume has Rock Ridge, and Rock Ridge's
// names and symbolic links, which may be in several entries.

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
  CL,
  CL_BLOCK,
  CL_LENGTH,
  CONTINUATIONS_MAX,
  ENTRY_HEAD,
  ER,
  NM,
  NM_CONTINUE,
  NM_CURRENT,
  NM_FLAGS,
  NM_NAME,
  NM_PARENT,
  PART_CONTINUE,
  PART_CURRENT,
  PART_HEAD,
  PART_LENGTH,
  PART_PARENT,
  PART_ROOT,
  PX,
  PX_LENGTH,
  R_LENGTH,
  R_NAME,
  R_NAME_LENGTH,
  RE,
  S_LENGTH,
  S_SIGNATURE,
  SL,
  SL_CONTINUE,
  SL_FLAGS,
  SL_PARTS,
  SP,
  SP_CHECK,
  SP_CHECK_VALUE,
  SP_LENGTH,
  SP_SKIP,
  ST,
  TEXT_MAX,
} from "./layout";

/** The continuation area in use. */
const area: usize = memory.data(BLOCK_SIZE, 8);

/** Whether the last `rockRidge...` found nothing because the disk failed (errno). */
export let areaFailed: bool = false;

/** The entries of a directory record with one signature. */
class Entries {
  private at: usize;
  private end: usize;
  /** The continuation area that comes next: its block, place there, and bytes; 0 bytes without one. */
  private block: u64 = 0;
  private offset: u32 = 0;
  private size: u32 = 0;
  private continuations: i32 = 0;

  /** Those of the record in memory at `record`, `skip` bytes behind its name. */
  constructor(
    private readonly volume: Volume,
    record: usize,
    private readonly signature: u16,
    skip: u32,
  ) {
    const nameLength = <usize>load<u8>(record, R_NAME_LENGTH);
    // A name of even length is followed by a byte of padding.
    this.at = record + R_NAME + nameLength + <usize>skip + (nameLength & 1 ? 0 : 1);
    this.end = record + <usize>load<u8>(record, R_LENGTH);
    areaFailed = false;
  }

  /** The next one, whole, and valid until the next call; 0 behind the last. */
  next(): usize {
    do {
      while (this.at + <usize>ENTRY_HEAD <= this.end) {
        burn(1);
        const entry = this.at;
        const found = load<u16>(entry, S_SIGNATURE);
        const length = <usize>load<u8>(entry, S_LENGTH);
        if (found == ST || length < <usize>ENTRY_HEAD || length > this.end - entry) break;
        this.at += length;
        if (found == this.signature) return entry;
        if (found != CE || length < <usize>CE_LENGTH) continue;
        this.block = <u64>load<u32>(entry, CE_BLOCK);
        this.offset = load<u32>(entry, CE_OFFSET);
        this.size = load<u32>(entry, CE_SIZE);
      }
    } while (this.size > 0 && this.goOn());
    return 0;
  }

  /** Goes on in the continuation area. False when it can't be used. */
  private goOn(): bool {
    const where = this.block * <u64>BLOCK_SIZE;
    const size = this.size;
    this.size = 0;
    if (++this.continuations > CONTINUATIONS_MAX) {
      return this.bad(where, `SUSP: more than ${CONTINUATIONS_MAX} continuation areas`);
    }
    if (this.offset > BLOCK_SIZE || size > BLOCK_SIZE - this.offset) {
      return this.bad(where, `SUSP continuation area: ${size} bytes at ${this.offset}`);
    }
    const got = this.volume.read(where, area, BLOCK_SIZE);
    if (got < 0) areaFailed = true;
    if (got != <i64>BLOCK_SIZE) return false;
    this.at = area + <usize>this.offset;
    this.end = this.at + <usize>size;
    return true;
  }

  bad(where: u64, what: string): bool {
    damaged(this.volume.where(where), what, EIO);
    return false;
  }
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
  return new Entries(volume, record, ER, 0).next() == 0 ? -1 : skip;
}

/** Whether the record at `record` is where a directory is that is seen elsewhere. */
export function rockRidgeHidden(volume: Volume, record: usize, skip: u32): bool {
  return new Entries(volume, record, RE, skip).next() != 0;
}

/** Block of the directory that is seen in the place of the record at `record`; 0 when it is what it looks like. */
export function rockRidgeDirectory(volume: Volume, record: usize, skip: u32): u32 {
  const entry = new Entries(volume, record, CL, skip).next();
  return entry == 0 || load<u8>(entry, S_LENGTH) < CL_LENGTH ? 0 : load<u32>(entry, CL_BLOCK);
}

/** The Rock Ridge name of the record at `record`; null when it has none. */
export function rockRidgeName(volume: Volume, record: usize, skip: u32): string | null {
  const entries = new Entries(volume, record, NM, skip);
  let name = "";
  while (true) {
    const entry = entries.next();
    if (entry == 0 || <usize>load<u8>(entry, S_LENGTH) < NM_NAME) return null;
    const flags = load<u8>(entry, NM_FLAGS);
    if (flags == NM_CURRENT) return ".";
    if (flags == NM_PARENT) return "..";
    if ((flags & ~NM_CONTINUE) != 0 || name.length > TEXT_MAX) return null;
    name += stringAt(entry + NM_NAME, <i32>(<usize>load<u8>(entry, S_LENGTH) - NM_NAME));
    if (flags == 0) return name;
  }
}

/** The text of the symbolic link that the record at `record` is; null when it is none. */
export function rockRidgeLink(volume: Volume, record: usize, skip: u32): string | null {
  const entries = new Entries(volume, record, SL, skip);
  let entry = entries.next();
  if (entry == 0) return null;
  let text = "";
  // Between two parts there is a slash, unless the first one goes on in the second.
  let joined = true;
  while (entry != 0 && text.length <= TEXT_MAX) {
    const end = entry + <usize>load<u8>(entry, S_LENGTH);
    for (let at = entry + SL_PARTS; at + PART_HEAD <= end; ) {
      const flags = load<u8>(at);
      const length = <usize>load<u8>(at, PART_LENGTH);
      if (length > end - at - PART_HEAD) {
        entries.bad(0, `Rock Ridge: symbolic link with a part of ${length} bytes, longer than its entry`);
        return null;
      }
      if (!joined) text += "/";
      if (flags & PART_CURRENT) text += ".";
      else if (flags & PART_PARENT) text += "..";
      else if (flags & PART_ROOT) text = "/";
      else text += stringAt(at + PART_HEAD, <i32>length);
      joined = (flags & (PART_CONTINUE | PART_ROOT)) != 0;
      at += PART_HEAD + length;
    }
    if (!(load<u8>(entry, SL_FLAGS) & SL_CONTINUE)) return text;
    entry = entries.next();
  }
  // It goes on where nothing is.
  if (!areaFailed) entries.bad(0, `Rock Ridge: symbolic link '${text.substring(0, 40)}' has no end`);
  return null;
}

/** The address of what Rock Ridge says of mode and owner of the record at `record`, until the next call; 0 for nothing. */
export function rockRidgeStatus(volume: Volume, record: usize, skip: u32): usize {
  const entry = new Entries(volume, record, PX, skip).next();
  return entry == 0 || load<u8>(entry, S_LENGTH) < PX_LENGTH ? 0 : entry;
}
