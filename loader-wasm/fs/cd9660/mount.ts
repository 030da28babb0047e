// An ISO 9660 volume: its primary descriptor, and whether it has Rock Ridge.

import { stringAt } from "../../lib/bytes";
import { EINVAL, EIO } from "../../lib/errno";
import { allocate, damaged } from "../../lib/fault";
import { Volume } from "../../storage/volume";
import {
  BLOCK_SIZE,
  DESCRIPTORS_AT,
  DESCRIPTORS_MAX,
  IDENTIFIER,
  TYPE_END,
  TYPE_PRIMARY,
  VD_BLOCK_SIZE,
  VD_IDENTIFIER,
  VD_ROOT,
  VD_TYPE,
} from "./layout";
import { Node, nodeAt, recordFits } from "./node";
import { areaFailed, rockRidgeSkip } from "./susp";

/** What is known of a volume. */
export class Mount {
  /** Null when it is no ISO 9660 volume, for the reason in `error`. */
  root: Node | null = null;
  error: i32 = 0;
  rootOffset: u64 = 0;
  /** Where the volume descriptor is. */
  descriptorAt: u64 = 0;
  /** Bytes before Rock Ridge's entries, -1 without Rock Ridge. */
  skip: i32 = -1;

  constructor(readonly volume: Volume) {
    const block = allocate(BLOCK_SIZE);
    this.error = this.findRoot(block);
    const root = this.root;
    if (root !== null && !this.findSkip(root, block)) {
      this.root = null;
      this.error = EIO;
    }
    heap.free(block);
  }

  /** Looks for Rock Ridge. False when the disk fails: names would not be what they are. */
  private findSkip(root: Node, block: usize): bool {
    const got = this.volume.read(root.offset(), block, BLOCK_SIZE);
    if (got < 0) return false;
    if (got != <i64>BLOCK_SIZE || !recordFits(block, BLOCK_SIZE)) return true;
    this.skip = rockRidgeSkip(this.volume, block);
    return !areaFailed;
  }

  /** Looks for the primary volume descriptor. Returns an errno. */
  private findRoot(block: usize): i32 {
    const volume = this.volume;
    for (let i: u64 = 0; i < DESCRIPTORS_MAX; i++) {
      const offset = (DESCRIPTORS_AT + i) * <u64>BLOCK_SIZE;
      const got = volume.read(offset, block, BLOCK_SIZE);
      if (got != <i64>BLOCK_SIZE) return got < 0 ? EIO : EINVAL;
      if (stringAt(block + VD_IDENTIFIER, IDENTIFIER.length) != IDENTIFIER) return EINVAL;
      const type = load<u8>(block, VD_TYPE);
      if (type == TYPE_END) return EINVAL;
      if (type != TYPE_PRIMARY) continue;
      const blockSize = <u32>load<u16>(block, VD_BLOCK_SIZE);
      if (blockSize != BLOCK_SIZE) {
        damaged(volume.where(offset), `ISO 9660 volume descriptor: block size ${blockSize}`, EINVAL);
        return EINVAL;
      }
      const root = nodeAt(volume, block + VD_ROOT);
      this.root = root;
      this.rootOffset = root.offset();
      this.descriptorAt = offset;
      return 0;
    }
    return EINVAL;
  }
}
