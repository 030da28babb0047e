// Directories of ISO 9660: record after record, none of which crosses a block, with the names that Rock Ridge gives them and
// what is where a record says that something else is: relocated directories, files of several extents.

import { cutAtNul, stringAt } from "../../lib/bytes";
import { EIO, ENOENT, errno, setErrno } from "../../lib/errno";
import { burn, damaged } from "../../lib/fault";
import { isLower } from "../../lib/text";
import { Volume } from "../../storage/volume";
import { readWhole } from "../content";
import {
  BLOCK_SIZE,
  EXTENTS_MAX,
  FLAG_DIRECTORY,
  FLAG_MORE,
  R_EXTENT,
  R_FLAGS,
  R_LENGTH,
  R_NAME,
  R_NAME_LENGTH,
} from "./layout";
import { Mount } from "./mount";
import { Node, nodeAt, recordFits } from "./node";
import { areaFailed, rockRidgeDirectory, rockRidgeHidden, rockRidgeLink, rockRidgeName } from "./susp";

/** The block that a directory walk is in. */
const walkBlock: usize = memory.data(BLOCK_SIZE, 8);

/** Walks through a directory from `position`. After `next`, the fields tell of the record. */
export class DirectoryWalk {
  name: string = "";
  /** Whether `name` is a Rock Ridge name. */
  rockRidge: bool = false;
  /** The record, until the next call. */
  record: usize = 0;
  /** Whether it is of a directory that is seen elsewhere. */
  private hidden: bool = false;

  constructor(
    private readonly mount: Mount,
    private readonly directory: Node,
    public position: u64,
  ) {}

  /** Goes to the next record. False and errno: ENOENT at the end. */
  next(): bool {
    const volume = this.mount.volume;
    const size = <u64>BLOCK_SIZE;
    while (this.position < this.directory.length()) {
      burn(1);
      const within = this.position % size;
      const offset = this.directory.offset() + this.position - within;
      if (volume.read(offset, walkBlock, BLOCK_SIZE) != <i64>BLOCK_SIZE) {
        damaged(volume.where(offset), "ISO 9660 directory: beyond the end of the disk", EIO);
        return false;
      }
      const record = walkBlock + <usize>within;
      if (load<u8>(record, R_LENGTH) == 0) {
        // The rest of the block is padding.
        this.position += size - within;
        continue;
      }
      if (!recordFits(record, <u32>(size - within))) {
        const what = `length ${load<u8>(record, R_LENGTH)}, name ${load<u8>(record, R_NAME_LENGTH)}`;
        damaged(volume.where(offset + within), `ISO 9660 directory record: ${what}`, EIO);
        return false;
      }
      this.record = record;
      if (!this.decodeName()) return false;
      this.position += <u64>load<u8>(record, R_LENGTH);
      if (!this.hidden) return true;
    }
    setErrno(ENOENT);
    return false;
  }

  /** Finds the name, and whether the record is to be seen. False when the disk fails. */
  private decodeName(): bool {
    const record = this.record;
    const mount = this.mount;
    this.hidden = false;
    this.rockRidge = false;
    if (mount.skip >= 0) {
      // Nothing is skipped in the record that says how much is to be skipped.
      const first = this.position == 0 && this.directory.offset() == mount.rootOffset;
      const skip = first ? 0 : mount.skip;
      if (load<u8>(record, R_FLAGS) & FLAG_DIRECTORY) {
        this.hidden = rockRidgeHidden(mount.volume, record, skip);
        if (areaFailed) return false;
      }
      const name = rockRidgeName(mount.volume, record, skip);
      if (areaFailed) return false;
      this.rockRidge = name !== null;
      if (name !== null) {
        this.name = name;
        return true;
      }
    }
    this.name = stringAt(record + R_NAME, <i32>load<u8>(record, R_NAME_LENGTH));
    return true;
  }

  /** What the record, and those that it goes on in, describe. Null and errno. */
  node(): Node | null {
    const mount = this.mount;
    const volume = mount.volume;
    const record = this.record;
    const parent = this.directory;
    if (this.rockRidge && mount.skip >= 0) {
      // The parent on the disk is the hidden directory.
      if (this.name == ".." && parent.parent !== null) return parent.parent;
      const block = rockRidgeDirectory(volume, record, mount.skip);
      if (block != 0) return movedDirectory(volume, <u64>block, parent);
      if (areaFailed) return null;
      const link = rockRidgeLink(volume, record, mount.skip);
      if (areaFailed) return null;
      if (link !== null) return nodeAt(volume, record, parent, link);
    }
    return this.wholeFile(nodeAt(volume, record, parent));
  }

  /** Adds the extents behind the first one of `node`. Null and errno. */
  private wholeFile(node: Node): Node | null {
    const name = this.name;
    while (load<u8>(this.record, R_FLAGS) & FLAG_MORE) {
      const where = this.mount.volume.where(node.offset());
      if (node.isFull()) {
        damaged(where, `ISO 9660 file: more than ${EXTENTS_MAX} extents`, EIO);
        return null;
      }
      const more = this.next();
      if (!more && errno != ENOENT) return null;
      if (!more || this.name != name) {
        damaged(where, "ISO 9660 file: its last extent is missing", EIO);
        return null;
      }
      node.add(this.record);
    }
    return node;
  }

  /** The name as listed. */
  listedName(): string {
    if (!this.rockRidge && this.name == "\0") return ".";
    if (!this.rockRidge && this.name == "\x01") return "..";
    return cutAtNul(this.name);
  }

  /** Whether the record is the one that `wanted` means: a Rock Ridge name in capitals goes by small letters too. */
  matches(wanted: string): bool {
    const name = this.name;
    if (name.length != wanted.length) return false;
    for (let i = 0; i < name.length; i++) {
      const c = wanted.charCodeAt(i);
      const own = name.charCodeAt(i);
      if (c != own && !(this.rockRidge && isLower(c) && c - 32 == own)) return false;
    }
    return true;
  }
}

/** The directory whose own first record is at the start of `block`, seen in `parent`. Null and errno. */
function movedDirectory(volume: Volume, block: u64, parent: Node): Node | null {
  const offset = block * <u64>BLOCK_SIZE;
  if (!readWhole(volume, offset, walkBlock, BLOCK_SIZE, "Rock Ridge: directory that was moved")) return null;
  const fits = recordFits(walkBlock, BLOCK_SIZE) && <u64>load<u32>(walkBlock, R_EXTENT) == block;
  if (fits && (load<u8>(walkBlock, R_FLAGS) & FLAG_DIRECTORY) != 0) return nodeAt(volume, walkBlock, parent);
  damaged(volume.where(offset), "Rock Ridge: directory that was moved: no directory", EIO);
  return null;
}
