// Files and directories of ISO 9660, as directory records describe them.

import { Volume } from "../../storage/volume";
import { Content, foundRun } from "../content";
import {
  BLOCK_SIZE,
  EXTENTS_MAX,
  FLAG_DIRECTORY,
  R_ATTRIBUTES,
  R_EXTENT,
  R_FLAGS,
  R_LENGTH,
  R_NAME,
  R_NAME_LENGTH,
  R_SIZE,
  RECORD_SIZE_MIN,
} from "./layout";

/** A stretch of a file. */
class Extent {
  constructor(
    /** Byte offset on the volume. */
    readonly offset: u64,
    /** Where it begins in the file. */
    readonly start: u64,
    readonly size: u64,
  ) {}
}

/** A file or directory: one extent, or several of a large file. */
export class Node extends Content {
  private readonly extents: Extent[] = [];
  private size: u64 = 0;

  constructor(
    volume: Volume,
    readonly directory: bool,
    /** Where it was found; null for the root. */
    readonly parent: Node | null = null,
    /** The text of a symbolic link. */
    readonly link: string | null = null,
  ) {
    super(volume);
  }

  /** Adds the extent of the directory record in memory at `record`, behind its extended attributes. */
  add(record: usize): this {
    const block = <u64>load<u32>(record, R_EXTENT) + <u64>load<u8>(record, R_ATTRIBUTES);
    const size = load<u32>(record, R_SIZE);
    this.extents.push(new Extent(block * <u64>BLOCK_SIZE, this.size, <u64>size));
    this.size += <u64>size;
    return this;
  }

  isFull(): bool {
    return this.extents.length == EXTENTS_MAX;
  }

  /** Where the first byte is. */
  offset(): u64 {
    return this.extents[0].offset;
  }

  length(): u64 {
    return this.size;
  }

  map(position: u64, _limit: u64): bool {
    const extents = this.extents;
    let i = extents.length - 1;
    while (extents[i].start > position) i--;
    const extent = extents[i];
    const within = position - extent.start;
    return foundRun(extent.offset + within, extent.size - within);
  }

  title(): string {
    return "ISO 9660 file";
  }
}

/** What the record at `record` of `parent` begins, a symbolic link to `link` unless that is null. */
export function nodeAt(volume: Volume, record: usize, parent: Node | null = null, link: string | null = null): Node {
  return new Node(volume, (load<u8>(record, R_FLAGS) & FLAG_DIRECTORY) != 0, parent, link).add(record);
}

/** Whether the directory record at `record`, in `room` bytes, is whole. */
export function recordFits(record: usize, room: u32): bool {
  const length = <u32>load<u8>(record, R_LENGTH);
  return length <= room && length >= RECORD_SIZE_MIN && <u32>R_NAME + <u32>load<u8>(record, R_NAME_LENGTH) <= length;
}
