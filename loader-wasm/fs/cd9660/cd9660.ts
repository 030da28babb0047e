// The ISO 9660 file system with Rock Ridge's names and symbolic links. As in the reference, names without Rock Ridge are
// matched as they are recorded (`LOADER.RC;1`), and a file is one extent.

import { cutAtNul, stringAt } from "../../lib/bytes";
import { EINVAL, EIO, ELOOP, ENOENT, ENOTDIR, errno, setErrno } from "../../lib/errno";
import { allocate, burn, damaged } from "../../lib/fault";
import { isLower } from "../../lib/text";
import { Volume } from "../../storage/volume";
import { Dirent, OpenFile, S_IFDIR, S_IFREG, Stat } from "../file_system";
import { MountingFileSystem } from "../mounting";
import { PathWalk } from "../path";
import {
  BLOCK_SIZE,
  DESCRIPTORS_AT,
  DESCRIPTORS_MAX,
  FLAG_DIRECTORY,
  IDENTIFIER,
  R_ATTRIBUTES,
  R_EXTENT,
  R_FLAGS,
  R_LENGTH,
  R_NAME,
  R_NAME_LENGTH,
  R_SIZE,
  RECORD_SIZE_MIN,
  TEXT_MAX,
  TYPE_END,
  TYPE_PRIMARY,
  VD_BLOCK_SIZE,
  VD_IDENTIFIER,
  VD_ROOT,
  VD_TYPE,
} from "./layout";
import { areaFailed, rockRidgeLink, rockRidgeName, rockRidgeSkip } from "./susp";

const MODE_READABLE: u32 = 0o444;
const TYPE_DIRECTORY: u8 = 4;
const TYPE_REGULAR: u8 = 8;
const TYPE_LINK: u8 = 10;
/** Symbolic links followed for one path. */
const LINKS_MAX: i32 = 32;

/** A file or directory: one extent. */
class Extent {
  /** First block, behind extended attributes. */
  readonly block: u64;
  /** Bytes. */
  readonly size: u64;
  readonly directory: bool;

  /** Decodes the directory record in memory at `record`, found in `parent`, a symbolic link to `link` unless that is null. */
  constructor(
    record: usize,
    readonly parent: Extent | null = null,
    readonly link: string | null = null,
  ) {
    this.block = <u64>load<u32>(record, R_EXTENT) + <u64>load<u8>(record, R_ATTRIBUTES);
    this.size = <u64>load<u32>(record, R_SIZE);
    this.directory = (load<u8>(record, R_FLAGS) & FLAG_DIRECTORY) != 0;
  }

  offset(): u64 {
    return this.block * <u64>BLOCK_SIZE;
  }
}

/** What is known of a volume. */
class Mount {
  /** Null when it is no ISO 9660 volume, for the reason in `error`. */
  root: Extent | null = null;
  error: i32 = 0;
  rootBlock: u64 = 0;
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
  private findSkip(root: Extent, block: usize): bool {
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
      const root = new Extent(block + VD_ROOT);
      this.root = root;
      this.rootBlock = root.block;
      return 0;
    }
    return EINVAL;
  }
}

/** Whether the directory record at `record`, in `room` bytes, is whole. */
function recordFits(record: usize, room: u32): bool {
  const length = <u32>load<u8>(record, R_LENGTH);
  return length <= room && length >= RECORD_SIZE_MIN && <u32>R_NAME + <u32>load<u8>(record, R_NAME_LENGTH) <= length;
}

/** The block that a directory walk is in. */
const walkBlock: usize = memory.data(BLOCK_SIZE, 8);

/** Walks through a directory from `position`. After `next`, the fields tell of the record. */
class DirectoryWalk {
  name: string = "";
  /** Whether `name` is a Rock Ridge name. */
  rockRidge: bool = false;
  /** The record, until the next call. */
  record: usize = 0;

  constructor(
    private readonly mount: Mount,
    private readonly directory: Extent,
    public position: u64,
  ) {}

  /** Goes to the next record. False and errno: ENOENT at the end. */
  next(): bool {
    const volume = this.mount.volume;
    const size = <u64>BLOCK_SIZE;
    while (this.position < this.directory.size) {
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
      this.decodeName();
      if (this.mount.skip >= 0 && areaFailed) return false;
      this.position += <u64>load<u8>(record, R_LENGTH);
      return true;
    }
    setErrno(ENOENT);
    return false;
  }

  private decodeName(): void {
    const record = this.record;
    const mount = this.mount;
    if (mount.skip >= 0) {
      // Nothing is skipped in the record that says how much is to be skipped.
      const first = this.position == 0 && this.directory.block == mount.rootBlock;
      const name = rockRidgeName(mount.volume, record, first ? 0 : mount.skip);
      this.rockRidge = name !== null;
      if (name !== null) {
        this.name = name;
        return;
      }
    }
    this.rockRidge = false;
    this.name = stringAt(record + R_NAME, <i32>load<u8>(record, R_NAME_LENGTH));
  }

  /** The text of the symbolic link that the record is; null when it is none, or can't be read (`areaFailed`). */
  link(): string | null {
    const skip = this.mount.skip;
    return this.rockRidge && skip >= 0 ? rockRidgeLink(this.mount.volume, this.record, skip) : null;
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

/** With and without Rock Ridge. */
export class Cd9660FileSystem extends MountingFileSystem<Mount> {
  constructor() {
    super("cd9660", true);
  }

  protected mount(volume: Volume): Mount | null {
    const mount = new Mount(volume);
    setErrno(mount.error);
    return mount.root !== null ? mount : null;
  }

  protected openIn(mount: Mount, path: string): OpenFile | null {
    // One slash at the start is the root; a second one there begins a component without a name, which nothing matches.
    if (path.startsWith("//")) return failed(ENOENT);
    const extent = new IsoWalk(mount, mount.root!).walk(path, LINKS_MAX);
    if (extent === null) return null;
    return path.endsWith("/") && !extent.directory ? failed(ENOTDIR) : new IsoFile(mount, extent);
  }
}

function failed(error: i32): OpenFile | null {
  setErrno(error);
  return null;
}

class IsoWalk extends PathWalk<Extent> {
  /** Whether a link was followed. */
  private inLink: bool = false;

  constructor(
    private readonly mount: Mount,
    private readonly top: Extent,
  ) {
    super();
  }

  root(): Extent | null {
    return this.top;
  }

  step(directory: Extent, name: string): Extent | null {
    if (!directory.directory) {
      setErrno(ENOTDIR);
      return null;
    }
    const walk = new DirectoryWalk(this.mount, directory, 0);
    while (walk.next()) {
      if (!walk.matches(name)) continue;
      const link = walk.link();
      return link === null && this.mount.skip >= 0 && areaFailed ? null : new Extent(walk.record, directory, link);
    }
    // Links lead through these, which have other names on the disk, so that paths without links don't find them.
    if (errno != ENOENT || !this.inLink) return null;
    if (name == ".") return directory;
    return name == ".." && directory.parent !== null ? directory.parent : null;
  }

  isLink(extent: Extent): bool {
    return extent.link !== null;
  }

  linkText(link: Extent, rest: i32): string | null {
    const text = link.link!;
    this.inLink = true;
    if (text.length + rest <= TEXT_MAX) return text;
    setErrno(ENOENT);
    return null;
  }

  tooManyLinks(link: Extent, path: string): void {
    const where = this.mount.volume.where(link.offset());
    damaged(where, `Rock Ridge: more than ${LINKS_MAX} symbolic links on the way through '${path}'`, ELOOP);
  }
}

class IsoFile extends OpenFile {
  constructor(
    private readonly mount: Mount,
    private readonly extent: Extent,
  ) {
    super();
  }

  size(): u64 {
    return this.extent.size;
  }

  stat(): Stat {
    const status = new Stat();
    status.mode = MODE_READABLE | (this.extent.directory ? S_IFDIR : S_IFREG);
    status.size = this.extent.size;
    return status;
  }

  /** Bytes from the position to the end, at most `size`. */
  private rest(size: u64): u64 {
    return this.position < this.extent.size ? min(size, this.extent.size - this.position) : 0;
  }

  read(dst: usize, size: i32): i32 {
    const wanted = this.rest(<u64>size);
    const offset = this.extent.offset() + this.position;
    return <i32>this.took(wanted, offset, wanted == 0 ? 0 : this.mount.volume.read(offset, dst, <u32>wanted));
  }

  readsToGuest(): bool {
    return true;
  }

  readToGuest(gpa: u64, size: u64): i64 {
    const wanted = this.rest(size);
    const offset = this.extent.offset() + this.position;
    return this.took(wanted, offset, wanted == 0 ? 0 : this.mount.volume.readToGuest(offset, gpa, wanted));
  }

  /** Advances past what was read; a part is none. */
  private took(wanted: u64, offset: u64, got: i64): i64 {
    if (got < 0) return -1;
    if (<u64>got < wanted) {
      damaged(this.mount.volume.where(offset), "ISO 9660 file: data is beyond the end of the disk", EIO);
      return -1;
    }
    this.position += wanted;
    return got;
  }

  readdir(): Dirent | null {
    if (!this.extent.directory) {
      setErrno(ENOTDIR);
      return null;
    }
    const walk = new DirectoryWalk(this.mount, this.extent, this.position);
    const found = walk.next();
    this.position = walk.position;
    if (!found) return null;
    const extent = new Extent(walk.record);
    return new Dirent(
      walk.listedName(),
      extent.directory ? TYPE_DIRECTORY : walk.link() !== null ? TYPE_LINK : TYPE_REGULAR,
      load<u32>(walk.record, R_EXTENT),
    );
  }
}
