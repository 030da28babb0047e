// The ZFS file system: the walk along a path in a data set, and its files.

import { Device } from "../dev/device";
import { poolOn, ZfsDevice } from "../dev/zfs";
import { stringAt } from "../lib/bytes";
import { EINVAL, EIO, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR, errno, setErrno } from "../lib/errno";
import { narrowed } from "../lib/fault";
import { Volume } from "../storage/volume";
import { Attribute, AttributeTables, attributeTables } from "../zfs/attributes";
import { Dnode, ObjectSet } from "../zfs/dnode";
import {
  MASTER_NODE,
  TYPE_SYSTEM_ATTRIBUTES,
  ZNODE_SIZE,
  ZP_GID,
  ZP_MODE,
  ZP_MODIFIED,
  ZP_SIZE,
  ZP_UID,
} from "../zfs/layout";
import { objectToGuest } from "../zfs/run";
import { Zap, zapLookUp } from "../zfs/zap";
import { Dirent, FileSystem, OpenFile, S_IFDIR, S_IFLNK, S_IFMT, Stat, TIME_UNKNOWN } from "./file_system";
import { PathWalk } from "./path";

/** Object number and file type in a directory entry's value. */
const ENTRY_OBJECT: u64 = 0x0000ffffffffffff;
const ENTRY_TYPE_SHIFT: u64 = 60;

/** Symbolic links followed for one path, bytes of a link's text with the rest of the path, and of a name. */
const LINKS_MAX: i32 = 11;
const PATH_MAX: u64 = 1023;
const NAME_MAX: i32 = 1023;
/** How a file system tells that names differ by more than their case: its property `casesensitivity`. */
const CASE_INSENSITIVE: u64 = 1;

/** A file's object, and its attributes. */
class Node {
  mode: u32 = 0;
  uid: u32 = 0;
  gid: u32 = 0;
  size: u64 = 0;
  /** The text of a symbolic link; null as long as it is in the object's data. */
  private text: string | null = null;

  constructor(
    readonly dnode: Dnode,
    /** The directory that it was found in; null for the root. */
    readonly parent: Node | null,
  ) {}

  /** Decodes the attributes, which are those of a file in `objects`. False and errno. */
  decode(objects: ObjectSet): bool {
    const dnode = this.dnode;
    if (dnode.bonusType == TYPE_SYSTEM_ATTRIBUTES) {
      const tables = attributeTables(objects);
      return tables !== null && this.decodeBy(tables);
    }
    const src = dnode.bonus();
    const length = dnode.bonusSize();
    if (length < ZNODE_SIZE) return this.bad(`attributes of ${length} bytes`);
    this.mode = <u32>load<u64>(src, ZP_MODE);
    this.size = load<u64>(src, ZP_SIZE);
    this.uid = <u32>load<u64>(src, ZP_UID);
    this.gid = <u32>load<u64>(src, ZP_GID);
    if ((this.mode & S_IFMT) == S_IFLNK && this.size <= <u64>(length - ZNODE_SIZE)) {
      this.text = stringAt(src + <usize>ZNODE_SIZE, <i32>this.size);
    }
    return true;
  }

  private decodeBy(tables: AttributeTables): bool {
    if (!this.find(tables, Attribute.Mode, 8)) return false;
    this.mode = <u32>load<u64>(tables.at);
    if (!this.find(tables, Attribute.Size, 8)) return false;
    this.size = load<u64>(tables.at);
    if (!this.find(tables, Attribute.Uid, 8)) return false;
    this.uid = <u32>load<u64>(tables.at);
    if (!this.find(tables, Attribute.Gid, 8)) return false;
    this.gid = <u32>load<u64>(tables.at);
    if ((this.mode & S_IFMT) != S_IFLNK) return true;
    if (!this.find(tables, Attribute.Link, 0)) return false;
    if (this.size > <u64>tables.length) return this.bad(`symbolic link of ${this.size} bytes in ${tables.length}`);
    this.text = stringAt(tables.at, <i32>this.size);
    return true;
  }

  /** Lets `tables` look for an attribute of `length` bytes at least, in the bonus buffer and behind it. False and errno. */
  private find(tables: AttributeTables, attribute: Attribute, length: u32): bool {
    const dnode = this.dnode;
    const size = dnode.bonusSize();
    let found = size > 0 && tables.find(dnode, dnode.bonus(), size, attribute);
    if (!found && (size == 0 || errno == 0)) {
      let spill = dnode.spill();
      // To read the layout others may have to make room, and so may this one.
      if (spill !== null) spill = tables.learn(spill.data, spill.size) ? dnode.spill() : null;
      if (spill !== null) found = tables.find(dnode, spill.data, spill.size, attribute);
    }
    if (found && tables.length >= length) return true;
    return !found && errno != 0 ? false : this.bad("attributes: one is missing");
  }

  /** When it was changed last. */
  modified(objects: ObjectSet): i64 {
    const dnode = this.dnode;
    if (dnode.bonusType != TYPE_SYSTEM_ATTRIBUTES) return load<i64>(dnode.bonus(), ZP_MODIFIED);
    const tables = attributeTables(objects);
    if (tables === null) return TIME_UNKNOWN;
    const size = dnode.bonusSize();
    const number = tables.numberOf("ZPL_MTIME");
    const found = size > 0 && tables.findNumber(dnode, dnode.bonus(), size, number) && tables.length >= 8;
    return found ? load<i64>(tables.at) : TIME_UNKNOWN;
  }

  private bad(what: string): bool {
    this.dnode.damaged(what);
    return false;
  }

  /** The text of a symbolic link of at most PATH_MAX bytes; null and errno. */
  linkText(): string | null {
    if (this.text !== null) return this.text;
    const size = <u32>this.size;
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
  return node.decode(objects) ? node : null;
}

function failed(error: i32): Node | null {
  setErrno(error);
  return null;
}

class ZfsWalk extends PathWalk<Node> {
  private top: Node | null = null;
  private anyCase: bool = false;

  constructor(private readonly objects: ObjectSet) {
    super();
  }

  root(): Node | null {
    if (this.top !== null) return this.top;
    const master = this.objects.object(MASTER_NODE);
    const entry = master !== null ? zapLookUp(master, "ROOT") : null;
    if (master === null || entry === null) return failed(EIO);
    const number = entry.value;
    const rule = zapLookUp(master, "casesensitivity");
    this.anyCase = rule !== null && rule.value == CASE_INSENSITIVE;
    this.top = nodeOf(this.objects, number, null);
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
    const entry = zapLookUp(directory.dnode, name, this.anyCase);
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

  /** What a pool has isn't looked at for file systems that were there before. */
  knows(volume: Volume): bool {
    return poolOn(volume) !== null;
  }

  open(device: Device, path: string, _mode: i32): OpenFile | null {
    const dataset = narrowed<ZfsDevice, Device>(device);
    const objects = dataset !== null ? dataset.objects() : null;
    if (objects === null) {
      setErrno(EINVAL);
      return null;
    }
    const node = new ZfsWalk(objects).walk(path, LINKS_MAX);
    return node === null ? null : new ZfsFile(objects, node);
  }

  openLink(device: Device, path: string): OpenFile | null {
    const dataset = narrowed<ZfsDevice, Device>(device);
    const objects = dataset !== null ? dataset.objects() : null;
    if (objects === null) {
      setErrno(EINVAL);
      return null;
    }
    const node = new ZfsWalk(objects).walkToLink(path, LINKS_MAX);
    return node === null ? null : new ZfsFile(objects, node);
  }
}

class ZfsFile extends OpenFile {
  private walk: Zap | null = null;

  constructor(
    private readonly objects: ObjectSet,
    private readonly node: Node,
  ) {
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

  readToGuest(gpa: u64, size: u64): i64 {
    const node = this.node;
    if (this.position >= node.size) return 0;
    const wanted = min(size, node.size - this.position);
    const error = objectToGuest(node.dnode, this.position, gpa, wanted);
    if (error != 0) {
      setErrno(error);
      return -1;
    }
    this.position += wanted;
    return <i64>wanted;
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

  modified(): i64 {
    return this.node.modified(this.objects);
  }

  linkText(): string | null {
    const node = this.node;
    if ((node.mode & S_IFMT) != S_IFLNK) return super.linkText();
    if (node.size <= PATH_MAX) return node.linkText();
    setErrno(ENAMETOOLONG);
    return null;
  }

  openEntry(entry: Dirent): OpenFile | null {
    const found = zapLookUp(this.node.dnode, entry.name);
    if (found === null) return null;
    const node = nodeOf(this.objects, found.value & ENTRY_OBJECT, this.node);
    return node === null ? null : new ZfsFile(this.objects, node);
  }
}
