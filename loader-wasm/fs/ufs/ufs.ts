// The UFS1 and UFS2 file systems: mounting, and the walk along a path and its symbolic links.

import { Device } from "../../dev/device";
import { stringAt } from "../../lib/bytes";
import { EINVAL, EIO, ELOOP, ENOENT, ENOTDIR, errno, setErrno } from "../../lib/errno";
import { allocate, burn } from "../../lib/fault";
import { Volume } from "../../storage/volume";
import { Dirent, FileSystem, OpenFile, S_IFDIR, S_IFLNK, S_IFMT, Stat } from "../file_system";
import { DirectoryWalk, lookUp } from "./directory";
import { Inode, readInode } from "./inode";
import { NAME_MAX, ROOT_INODE } from "./layout";
import { readSuperblock, Superblock } from "./superblock";

/** Symbolic links followed for one path. */
const LINKS_MAX: i32 = 32;
/** Bytes of a link's text and the rest of the path behind it. */
const PATH_MAX: u64 = 1024;

/** What is known of a volume: its superblock, or why it has none. */
class Mount {
  constructor(
    readonly disk: i32,
    readonly start: u64,
    readonly superblock: Superblock | null,
    readonly error: i32,
  ) {}
}

export class UfsFileSystem extends FileSystem {
  private readonly mounts: Mount[] = [];

  constructor() {
    super("ufs");
  }

  open(device: Device, path: string, _mode: i32): OpenFile | null {
    const volume = device.volume();
    if (volume === null) {
      setErrno(EINVAL);
      return null;
    }
    const superblock = this.mount(volume);
    if (superblock === null) return null;
    const inode = walkPath(volume, superblock, path);
    return inode === null ? null : new UfsFile(inode);
  }

  /** The volume's superblock, read once. Null and errno. */
  private mount(volume: Volume): Superblock | null {
    for (let i = 0; i < this.mounts.length; i++) {
      const mount = this.mounts[i];
      if (mount.disk != volume.disk.unit || mount.start != volume.start) continue;
      setErrno(mount.error);
      return mount.superblock;
    }
    const superblock = readSuperblock(volume);
    this.mounts.push(new Mount(volume.disk.unit, volume.start, superblock, errno));
    return superblock;
  }
}

/** Fuel for one name of a path, besides that for what is left of the path. */
const COMPONENT_COST: i64 = 16;

/** The inode that `path` names; null and errno. */
function walkPath(volume: Volume, superblock: Superblock, path: string): Inode | null {
  let rest = path;
  let links = 0;
  let inode = readInode(volume, superblock, ROOT_INODE);
  while (inode !== null) {
    burn(COMPONENT_COST + <i64>(rest.length >> 4));
    let start = 0;
    while (start < rest.length && rest.charCodeAt(start) == 0x2f) start++;
    if (start == rest.length) return inode;
    const directory = inode;
    if ((directory.mode & S_IFMT) != S_IFDIR) return failed(ENOTDIR);
    const slash = rest.indexOf("/", start);
    const end = slash < 0 ? rest.length : slash;
    if (end - start > NAME_MAX) return failed(ENOENT);
    const number = lookUp(directory, rest.substring(start, end));
    if (number == 0) return null;
    rest = rest.substring(end);
    inode = readInode(volume, superblock, number);
    if (inode === null || (inode.mode & S_IFMT) != S_IFLNK) continue;
    if (++links > LINKS_MAX) {
      inode.damaged(`symbolic link: more than ${LINKS_MAX} on the way through '${path}'`, ELOOP);
      return null;
    }
    const text = readLink(inode, rest.length);
    if (text === null) return null;
    rest = text + rest;
    // An absolute link starts again at the root, a relative one where it is.
    inode = text.startsWith("/") ? readInode(volume, superblock, ROOT_INODE) : directory;
  }
  return null;
}

function failed(error: i32): Inode | null {
  setErrno(error);
  return null;
}

/** The text of symbolic link `link`, when with `restLength` bytes behind it it is short enough; null and errno. */
function readLink(link: Inode, restLength: i32): string | null {
  if (link.size + <u64>restLength > PATH_MAX || link.size > PATH_MAX) {
    setErrno(ENOENT);
    return null;
  }
  const length = <i32>link.size;
  if (length < link.superblock.maxSymlink) {
    if (length <= link.linkText.length) return stringAt(changetype<usize>(link.linkText), length);
    link.damaged(`symbolic link: text of ${length} bytes in the inode`, EIO);
    return null;
  }
  const block = allocate(<usize>length);
  const got = link.read(0, block, <u32>length);
  const text = got == length ? stringAt(block, length) : null;
  heap.free(block);
  return text;
}

/** An open file or directory. */
class UfsFile extends OpenFile {
  constructor(readonly inode: Inode) {
    super();
  }

  size(): u64 {
    return this.inode.size;
  }

  stat(): Stat {
    const status = new Stat();
    status.mode = this.inode.mode;
    status.uid = this.inode.uid;
    status.gid = this.inode.gid;
    status.size = this.inode.size;
    return status;
  }

  read(dst: usize, size: i32): i32 {
    const got = this.inode.read(this.position, dst, <u32>size);
    if (got > 0) this.position += <u64>got;
    return got;
  }

  readsToGuest(): bool {
    return true;
  }

  readToGuest(gpa: u64, size: u64): i64 {
    const got = this.inode.readToGuest(this.position, gpa, size);
    if (got > 0) this.position += <u64>got;
    return got;
  }

  readdir(): Dirent | null {
    const walk = new DirectoryWalk(this.inode, this.position);
    const found = walk.next();
    this.position = walk.position;
    return found ? new Dirent(walk.name, walk.type, walk.inode) : null;
  }
}
