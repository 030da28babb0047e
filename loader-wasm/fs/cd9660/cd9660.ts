// The ISO 9660 file system with Rock Ridge's names, symbolic links and deep directories. As in the reference, names without
// Rock Ridge are matched as they are recorded (`LOADER.RC;1`).

import { Device } from "../../dev/device";
import { stringAt } from "../../lib/bytes";
import { ELOOP, ENOENT, ENOTDIR, errno, setErrno } from "../../lib/errno";
import { allocate, damaged } from "../../lib/fault";
import { Volume } from "../../storage/volume";
import { ContentFile } from "../content";
import { Dirent, OpenFile, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG, Stat, VolumeFacts } from "../file_system";
import { MountingFileSystem } from "../mounting";
import { PathWalk } from "../path";
import { DirectoryWalk } from "./directory";
import {
  BLOCK_SIZE,
  PX_GID,
  PX_MODE,
  PX_UID,
  R_EXTENT,
  R_LENGTH,
  R_TIME,
  TEXT_MAX,
  VD_BLOCKS,
  VD_LABEL,
  VD_LABEL_SIZE,
} from "./layout";
import { Mount } from "./mount";
import { Node } from "./node";
import { rockRidgeStatus } from "./susp";

const MODE_READABLE: u32 = 0o444;
const TYPE_DIRECTORY: u8 = 4;
const TYPE_REGULAR: u8 = 8;
const TYPE_LINK: u8 = 10;
/** Symbolic links followed for one path. */
const LINKS_MAX: i32 = 32;

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
