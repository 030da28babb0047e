// The ISO 9660 file system with Rock Ridge's names, symbolic links and deep directories. As in the reference, names without
// Rock Ridge are matched as they are recorded (`LOADER.RC;1`).

import { Device } from "../../dev/device";
import { cutAtNul, stringAt } from "../../lib/bytes";
import { EINVAL, EIO, ELOOP, ENOENT, ENOTDIR, errno, setErrno } from "../../lib/errno";
import { allocate, burn, damaged } from "../../lib/fault";
import { isLower } from "../../lib/text";
import { Volume } from "../../storage/volume";
import { Content, ContentFile, foundRun, readWhole } from "../content";
import { Dirent, OpenFile, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG, Stat, VolumeFacts } from "../file_system";
import { MountingFileSystem } from "../mounting";
import { PathWalk } from "../path";
import {
  BLOCK_SIZE,
  DESCRIPTORS_AT,
  DESCRIPTORS_MAX,
  EXTENTS_MAX,
  FLAG_DIRECTORY,
  FLAG_MORE,
  IDENTIFIER,
  PX_GID,
  PX_MODE,
  PX_UID,
  R_ATTRIBUTES,
  R_EXTENT,
  R_FLAGS,
  R_LENGTH,
  R_NAME,
  R_NAME_LENGTH,
  R_SIZE,
  R_TIME,
  RECORD_SIZE_MIN,
  TEXT_MAX,
  TYPE_END,
  TYPE_PRIMARY,
  VD_BLOCK_SIZE,
  VD_BLOCKS,
  VD_IDENTIFIER,
  VD_LABEL,
  VD_LABEL_SIZE,
  VD_ROOT,
  VD_TYPE,
} from "./layout";
import {
  areaFailed,
  rockRidgeDirectory,
  rockRidgeHidden,
  rockRidgeLink,
  rockRidgeName,
  rockRidgeSkip,
  rockRidgeStatus,
} from "./susp";

const MODE_READABLE: u32 = 0o444;
const TYPE_DIRECTORY: u8 = 4;
const TYPE_REGULAR: u8 = 8;
const TYPE_LINK: u8 = 10;
/** Symbolic links followed for one path. */
const LINKS_MAX: i32 = 32;

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
class Node extends Content {
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
function nodeAt(volume: Volume, record: usize, parent: Node | null = null, link: string | null = null): Node {
  return new Node(volume, (load<u8>(record, R_FLAGS) & FLAG_DIRECTORY) != 0, parent, link).add(record);
}

/** What is known of a volume. */
class Mount {
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
    const node = new IsoWalk(mount, mount.root!).walk(path, LINKS_MAX);
    if (node === null) return null;
    return path.endsWith("/") && !node.directory ? failed(ENOTDIR) : new IsoFile(mount, node);
  }

  protected linkIn(mount: Mount, path: string): OpenFile | null {
    const slash = path.lastIndexOf("/");
    const root = mount.root!;
    if (path == "/") return entryOf(mount, root, ".");
    if (slash == path.length - 1) return this.openIn(mount, path);
    const directory = new IsoWalk(mount, root).walk(path.substring(0, slash), LINKS_MAX);
    if (directory === null) return null;
    return directory.directory ? entryOf(mount, directory, path.substring(slash + 1)) : failed(ENOTDIR);
  }

  facts(device: Device): VolumeFacts | null {
    const mount = this.mounted(device);
    if (mount === null) return null;
    const block = allocate(BLOCK_SIZE);
    let facts: VolumeFacts | null = null;
    if (mount.volume.read(mount.descriptorAt, block, BLOCK_SIZE) == <i64>BLOCK_SIZE) {
      facts = new VolumeFacts(<u64>load<u32>(block, VD_BLOCKS) * <u64>BLOCK_SIZE);
      facts.label = stringAt(block + VD_LABEL, VD_LABEL_SIZE).trimEnd();
      facts.kind = mount.skip >= 0 ? "Rock Ridge" : "";
    }
    heap.free(block);
    return facts;
  }
}

function failed(error: i32): OpenFile | null {
  setErrno(error);
  return null;
}

const SECONDS_OF_DAY: i64 = 86_400;

/** Seconds since 1970 for the time in the record at `record`. */
function recordTime(record: usize): i64 {
  const at = record + R_TIME;
  const month = <i64>load<u8>(at, 1);
  // Years that begin in March have their leap day at their end.
  const year = 1900 + <i64>load<u8>(at) - (month <= 2 ? 1 : 0);
  const dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + <i64>load<u8>(at, 2) - 1;
  const days = year * 365 + year / 4 - year / 100 + year / 400 + dayOfYear - 719_468;
  const minutes = <i64>load<u8>(at, 3) * 60 + <i64>load<u8>(at, 4) - <i64>load<i8>(at, 6) * 15;
  return days * SECONDS_OF_DAY + minutes * 60 + <i64>load<u8>(at, 5);
}

/** A file that is looked at: a link for itself, with what Rock Ridge says of it. */
class IsoEntry extends IsoFile {
  private readonly status: Stat = new Stat();
  private readonly time: i64;

  /** What the record at `walk` describes, which is `node`. */
  constructor(
    mount: Mount,
    node: Node,
    private readonly link: string | null,
    record: usize,
    known: usize,
  ) {
    super(mount, node);
    const status = super.stat();
    this.time = recordTime(record);
    this.status.size = link === null ? status.size : <u64>link.length;
    this.status.mode = link === null ? status.mode : S_IFLNK | 0o777;
    if (known != 0) {
      this.status.mode = (this.status.mode & S_IFMT) | (load<u32>(known, PX_MODE) & ~S_IFMT);
      this.status.uid = load<u32>(known, PX_UID);
      this.status.gid = load<u32>(known, PX_GID);
    }
  }

  stat(): Stat {
    return this.status;
  }

  modified(): i64 {
    return this.time;
  }

  linkText(): string | null {
    return this.link !== null ? this.link : super.linkText();
  }
}

/** The entry `name` of `directory`; null and errno. */
function entryOf(mount: Mount, directory: Node, name: string): OpenFile | null {
  const walk = new DirectoryWalk(mount, directory, 0);
  while (walk.next()) {
    if (!walk.matches(name) && walk.listedName() != name) continue;
    // Of the root itself the first record tells, of which nothing is skipped.
    const skip = directory.parent === null && name == "." ? 0 : mount.skip;
    // Finding out what it is may lead to other records.
    const record = allocate(<usize>TEXT_MAX);
    memory.copy(record, walk.record, <usize>load<u8>(walk.record, R_LENGTH));
    const node = walk.node();
    const known = mount.skip >= 0 ? rockRidgeStatus(mount.volume, record, skip) : 0;
    let file: OpenFile | null = null;
    if (node !== null) file = new IsoEntry(mount, node, node.link, record, known);
    heap.free(record);
    return file;
  }
  return null;
}

class IsoWalk extends PathWalk<Node> {
  /** Whether a link was followed. */
  private inLink: bool = false;

  constructor(
    private readonly mount: Mount,
    private readonly top: Node,
  ) {
    super();
  }

  root(): Node | null {
    return this.top;
  }

  step(directory: Node, name: string): Node | null {
    if (!directory.directory) {
      setErrno(ENOTDIR);
      return null;
    }
    const walk = new DirectoryWalk(this.mount, directory, 0);
    while (walk.next()) {
      if (walk.matches(name)) return walk.node();
    }
    // Links lead through these, which have other names on the disk, so that paths without links don't find them.
    if (errno != ENOENT || !this.inLink) return null;
    if (name == ".") return directory;
    return name == ".." && directory.parent !== null ? directory.parent : null;
  }

  isLink(node: Node): bool {
    return node.link !== null;
  }

  linkText(link: Node, rest: i32): string | null {
    const text = link.link!;
    this.inLink = true;
    if (text.length + rest <= TEXT_MAX) return text;
    setErrno(ENOENT);
    return null;
  }

  tooManyLinks(link: Node, path: string): void {
    const where = this.mount.volume.where(link.offset());
    damaged(where, `Rock Ridge: more than ${LINKS_MAX} symbolic links on the way through '${path}'`, ELOOP);
  }
}

class IsoFile extends ContentFile {
  constructor(
    private readonly mount: Mount,
    private readonly node: Node,
  ) {
    super(node);
  }

  stat(): Stat {
    const status = new Stat();
    status.mode = MODE_READABLE | (this.node.directory ? S_IFDIR : S_IFREG);
    status.size = this.node.length();
    return status;
  }

  readdir(): Dirent | null {
    if (!this.node.directory) {
      setErrno(ENOTDIR);
      return null;
    }
    const walk = new DirectoryWalk(this.mount, this.node, this.position);
    const found = walk.next();
    const name = found ? walk.listedName() : "";
    const number = found ? load<u32>(walk.record, R_EXTENT) : 0;
    const node = found ? walk.node() : null;
    this.position = walk.position;
    if (node === null) return null;
    return new Dirent(name, node.directory ? TYPE_DIRECTORY : node.link !== null ? TYPE_LINK : TYPE_REGULAR, number);
  }
}
