// The UFS1 and UFS2 file systems: mounting, and the walk along a path and its symbolic links.

import { Device } from "../../dev/device";
import { stringAt } from "../../lib/bytes";
import { EIO, ELOOP, ENOENT, ENOTDIR, setErrno } from "../../lib/errno";
import { Volume } from "../../storage/volume";
import { EntryWalk, InodeFile, lookUp } from "../blocks";
import { linkText, PATH_MAX } from "../content";
import { Dirent, OpenFile, S_IFDIR, S_IFLNK, S_IFMT, VolumeFacts } from "../file_system";
import { MountingFileSystem } from "../mounting";
import { PathWalk } from "../path";
import { DirectoryWalk } from "./directory";
import { modifiedTime, superblockFacts } from "./facts";
import { Inode, readInode } from "./inode";
import { NAME_MAX, ROOT_INODE } from "./layout";
import { readAlternate, readSuperblock, Superblock, wantsAlternate } from "./superblock";

/** Symbolic links followed for one path. */
const LINKS_MAX: i32 = 32;

class Mounted {
  constructor(
    readonly volume: Volume,
    readonly superblock: Superblock,
  ) {}
}

/** Both versions. */
export class UfsFileSystem extends MountingFileSystem<Mounted> {
  constructor() {
    super("ufs", true);
  }

  protected mount(volume: Volume): Mounted | null {
    const superblock = readSuperblock(volume);
    this.wantsCopy = wantsAlternate;
    return superblock !== null ? new Mounted(volume, superblock) : null;
  }

  protected mountCopy(volume: Volume): Mounted | null {
    const superblock = readAlternate(volume);
    return superblock !== null ? new Mounted(volume, superblock) : null;
  }

  protected openIn(mounted: Mounted, path: string): OpenFile | null {
    const inode = new UfsWalk(mounted.volume, mounted.superblock).walk(path, LINKS_MAX);
    return inode === null ? null : new UfsFile(inode);
  }

  protected linkIn(mounted: Mounted, path: string): OpenFile | null {
    const inode = new UfsWalk(mounted.volume, mounted.superblock).walkToLink(path, LINKS_MAX);
    return inode === null ? null : new UfsFile(inode);
  }

  facts(device: Device): VolumeFacts | null {
    const mounted = this.mounted(device);
    return mounted === null ? null : superblockFacts(mounted.volume, mounted.superblock);
  }
}

class UfsWalk extends PathWalk<Inode> {
  constructor(
    private readonly volume: Volume,
    private readonly superblock: Superblock,
  ) {
    super();
  }

  root(): Inode | null {
    return readInode(this.volume, this.superblock, ROOT_INODE);
  }

  step(directory: Inode, name: string): Inode | null {
    if (!directory.isKind(S_IFDIR)) return failed(ENOTDIR);
    if (name.length > NAME_MAX) return failed(ENOENT);
    const number = lookUp(new DirectoryWalk(directory, 0), name);
    return number == 0 ? null : readInode(this.volume, this.superblock, number);
  }

  isLink(inode: Inode): bool {
    return inode.isKind(S_IFLNK);
  }

  linkText(link: Inode, rest: i32): string | null {
    return readLink(link, rest);
  }

  tooManyLinks(link: Inode, path: string): void {
    link.damaged(`symbolic link: more than ${LINKS_MAX} on the way through '${path}'`, ELOOP);
  }
}

function failed(error: i32): Inode | null {
  setErrno(error);
  return null;
}

/** The text of symbolic link `link`, when with `restLength` bytes behind it it is short enough; null and errno. */
function readLink(link: Inode, restLength: i32): string | null {
  if (link.size >= <u64>max(link.superblock.maxSymlink, 0)) return linkText(link, restLength);
  const length = <i32>link.size;
  if (length + restLength > <i32>PATH_MAX) {
    setErrno(ENOENT);
    return null;
  }
  if (length <= link.linkText.length) return stringAt(changetype<usize>(link.linkText), length);
  link.damaged(`symbolic link: text of ${length} bytes in the inode`, EIO);
  return null;
}

class UfsFile extends InodeFile {
  constructor(private readonly inode: Inode) {
    super(inode);
  }

  protected entries(position: u64): EntryWalk {
    return new DirectoryWalk(this.inode, position);
  }

  modified(): i64 {
    return modifiedTime(this.inode);
  }

  linkText(): string | null {
    return (this.inode.mode & S_IFMT) == S_IFLNK ? readLink(this.inode, 0) : super.linkText();
  }

  openEntry(entry: Dirent): OpenFile | null {
    const inode = readInode(this.inode.volume, this.inode.superblock, entry.fileno);
    return inode === null ? null : new UfsFile(inode);
  }
}
