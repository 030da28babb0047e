// The ZFS file system: the walk along a path in a data set, and its files.

import { Device } from "../dev/device";
import { ZfsDevice } from "../dev/zfs";
import { stringAt } from "../lib/bytes";
import { EINVAL, EIO, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR, setErrno } from "../lib/errno";
import { narrowed } from "../lib/fault";
import { Dnode, ObjectSet } from "../zfs/dnode";
import {
  MASTER_NODE,
  SA_FIXED_SIZE,
  SA_GID,
  SA_INFO,
  SA_LINK,
  SA_MODE,
  SA_SIZE,
  SA_UID,
  TYPE_SYSTEM_ATTRIBUTES,
  ZNODE_SIZE,
  ZP_GID,
  ZP_MODE,
  ZP_SIZE,
  ZP_UID,
} from "../zfs/layout";
import { Zap, zapLookUp } from "../zfs/zap";
import { Dirent, FileSystem, OpenFile, S_IFDIR, S_IFLNK, S_IFMT, Stat } from "./file_system";
import { PathWalk } from "./path";

/** Object number and file type in a directory entry's value. */
const ENTRY_OBJECT: u64 = 0x0000ffffffffffff;
const ENTRY_TYPE_SHIFT: u64 = 60;

/** Symbolic links followed for one path, bytes of a link's text with the rest of the path, and of a name. */
const LINKS_MAX: i32 = 11;
const PATH_MAX: u64 = 1023;
const NAME_MAX: i32 = 255;

/** A file's object, and its attributes. */
class Node {
  mode: u32 = 0;
  uid: u32 = 0;
  gid: u32 = 0;
  size: u64 = 0;
  /** Bytes that a symbolic link's text has in the attributes: which, and how many there can be. */
  private attributes: StaticArray<u8> = new StaticArray<u8>(0);
  private linkAt: u32 = 0;

  constructor(
    readonly dnode: Dnode,
    /** The directory that it was found in; null for the root. */
    readonly parent: Node | null,
  ) {}

  /** Decodes the attributes. False and errno. */
  decode(): bool {
    const dnode = this.dnode;
    let src = dnode.bonus();
    let length = dnode.bonusSize();
    if (dnode.bonusType != TYPE_SYSTEM_ATTRIBUTES) {
      if (length < ZNODE_SIZE) return this.bad(length);
      this.mode = <u32>load<u64>(src, ZP_MODE);
      this.size = load<u64>(src, ZP_SIZE);
      this.uid = <u32>load<u64>(src, ZP_UID);
      this.gid = <u32>load<u64>(src, ZP_GID);
      this.linkAt = ZNODE_SIZE;
      this.keep(src, length);
      return true;
    }
    const spill = length == 0 ? dnode.spill() : null;
    if (length == 0) {
      if (spill === null) return false;
      src = spill.data;
      length = spill.size;
    }
    const head: u32 = length < 8 ? 0 : (<u32>load<u16>(src, SA_INFO) >> 10) << 3;
    if (head == 0 || head + SA_FIXED_SIZE > length) return this.bad(length);
    src += <usize>head;
    this.mode = <u32>load<u64>(src, SA_MODE);
    this.size = load<u64>(src, SA_SIZE);
    this.uid = <u32>load<u64>(src, SA_UID);
    this.gid = <u32>load<u64>(src, SA_GID);
    this.linkAt = SA_LINK;
    this.keep(src, length - head);
    return true;
  }

  private keep(src: usize, length: u32): void {
    if ((this.mode & S_IFMT) != S_IFLNK) return;
    this.attributes = new StaticArray<u8>(<i32>length);
    memory.copy(changetype<usize>(this.attributes), src, <usize>length);
  }

  private bad(length: u32): bool {
    this.dnode.damaged(`attributes of ${length} bytes`);
    return false;
  }

  /** The text of a symbolic link of at most PATH_MAX bytes; null and errno. */
  linkText(): string | null {
    const size = <u32>this.size;
    if (this.linkAt + size <= <u32>this.attributes.length) {
      return stringAt(changetype<usize>(this.attributes) + <usize>this.linkAt, <i32>size);
    }
    const text = new StaticArray<u8>(<i32>size);
    const error = this.dnode.read(0, changetype<usize>(text), size);
    if (error == 0) return stringAt(changetype<usize>(text), <i32>size);
    setErrno(error);
    return null;
  }
}

/** The node of object `number`, found in `parent`; null and errno. */
function nodeOf(objects: ObjectSet, number: u64, parent: Node | null): Node | null {
  const dnode = objects.object(number);
  if (dnode === null) {
    setErrno(EIO);
    return null;
  }
  const node = new Node(dnode, parent);
  return node.decode() ? node : null;
}

function failed(error: i32): Node | null {
  setErrno(error);
  return null;
}

class ZfsWalk extends PathWalk<Node> {
  private top: Node | null = null;

  constructor(private readonly objects: ObjectSet) {
    super();
  }

  root(): Node | null {
    if (this.top !== null) return this.top;
    const master = this.objects.object(MASTER_NODE);
    const entry = master !== null ? zapLookUp(master, "ROOT") : null;
    if (entry === null) return failed(EIO);
    this.top = nodeOf(this.objects, entry.value, null);
    return this.top;
  }

  step(directory: Node, name: string): Node | null {
    if (name == ".") return directory;
    // There are no entries for "..".
    if (name == "..") {
      const parent = directory.parent;
      return parent === null ? failed(ENOENT) : parent;
    }
    if (name.length > NAME_MAX) return failed(ENAMETOOLONG);
    if ((directory.mode & S_IFMT) != S_IFDIR) return failed(ENOTDIR);
    const entry = zapLookUp(directory.dnode, name);
    return entry === null ? null : nodeOf(this.objects, entry.value & ENTRY_OBJECT, directory);
  }

  isLink(node: Node): bool {
    return (node.mode & S_IFMT) == S_IFLNK;
  }

  linkText(link: Node, rest: i32): string | null {
    if (link.size + <u64>rest <= PATH_MAX && link.size <= PATH_MAX) return link.linkText();
    setErrno(ENAMETOOLONG);
    return null;
  }

  tooManyLinks(link: Node, path: string): void {
    link.dnode.damaged(`symbolic link: more than ${LINKS_MAX} on the way through '${path}'`);
    setErrno(ELOOP);
  }
}

/** Opens files of the data set that a `zfs:` device names. */
export class ZfsFileSystem extends FileSystem {
  constructor() {
    super("zfs", true);
  }

  open(device: Device, path: string, _mode: i32): OpenFile | null {
    const dataset = narrowed<ZfsDevice, Device>(device);
    const objects = dataset !== null ? dataset.objects() : null;
    if (objects === null) {
      setErrno(EINVAL);
      return null;
    }
    const node = new ZfsWalk(objects).walk(path, LINKS_MAX);
    return node === null ? null : new ZfsFile(node);
  }
}

class ZfsFile extends OpenFile {
  private walk: Zap | null = null;

  constructor(private readonly node: Node) {
    super();
  }

  size(): u64 {
    return this.node.size;
  }

  stat(): Stat {
    const status = new Stat();
    status.mode = this.node.mode;
    status.uid = this.node.uid;
    status.gid = this.node.gid;
    status.size = this.node.size;
    return status;
  }

  read(dst: usize, size: i32): i32 {
    const node = this.node;
    if (this.position >= node.size) return 0;
    const wanted = <u32>min(<u64>size, node.size - this.position);
    const error = node.dnode.read(this.position, dst, wanted);
    if (error != 0) {
      setErrno(error);
      return -1;
    }
    this.position += <u64>wanted;
    return <i32>wanted;
  }

  readsToGuest(): bool {
    return true;
  }

  readdir(): Dirent | null {
    if ((this.node.mode & S_IFMT) != S_IFDIR) {
      setErrno(ENOTDIR);
      return null;
    }
    if (this.position == 0) this.walk = Zap.open(this.node.dnode);
    const walk = this.walk;
    if (walk === null) return null;
    this.position++;
    if (!walk.next()) return null;
    const type = <u8>(walk.value >> ENTRY_TYPE_SHIFT);
    return new Dirent(walk.name, type, <u32>(walk.value & ENTRY_OBJECT));
  }
}
