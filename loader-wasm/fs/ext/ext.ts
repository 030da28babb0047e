// The ext2, ext3 and ext4 file systems: mounting, and the walk along a path and its symbolic links.

import { Device } from "../../dev/device";
import { ELOOP, ENOENT, ENOTDIR, setErrno } from "../../lib/errno";
import { Volume } from "../../storage/volume";
import { EntryWalk, InodeFile, lookUp } from "../blocks";
import { linkText } from "../content";
import { Dirent, OpenFile, S_IFDIR, S_IFLNK, VolumeFacts } from "../file_system";
import { MountingFileSystem } from "../mounting";
import { PathWalk } from "../path";
import { DirectoryWalk } from "./directory";
import { modifiedTime, superblockFacts } from "./facts";
import { Inode, readInode } from "./inode";
import { NAME_MAX, ROOT_INODE } from "./layout";
import { readCopy, readSuperblock, Superblock } from "./superblock";

/** Symbolic links followed for one path. */
const LINKS_MAX: i32 = 32;

/** All three. */
export class ExtFileSystem extends MountingFileSystem<Superblock> {
  constructor() {
    super("ext");
  }

  protected mount(volume: Volume): Superblock | null {
    const superblock = readSuperblock(volume);
    this.wantsCopy = true;
    return superblock;
  }

  protected mountCopy(volume: Volume): Superblock | null {
    return readCopy(volume);
  }

  protected openIn(superblock: Superblock, path: string): OpenFile | null {
    const node = new ExtWalk(superblock).walk(path, LINKS_MAX);
    return node === null ? null : new ExtFile(node.inode);
  }

  protected linkIn(superblock: Superblock, path: string): OpenFile | null {
    const node = new ExtWalk(superblock).walkToLink(path, LINKS_MAX);
    return node === null ? null : new ExtFile(node.inode);
  }

  facts(device: Device): VolumeFacts | null {
    const superblock = this.mounted(device);
    return superblock === null ? null : superblockFacts(superblock);
  }
}

/** An inode, and the directory that it was found in. */
class Node {
  constructor(
    readonly inode: Inode,
    readonly parent: Node | null,
  ) {}
}

class ExtWalk extends PathWalk<Node> {
  private top: Node | null = null;

  constructor(private readonly superblock: Superblock) {
    super();
  }

  root(): Node | null {
    if (this.top === null) this.top = this.nodeOf(ROOT_INODE, null);
    return this.top;
  }

  private nodeOf(number: u32, parent: Node | null): Node | null {
    const inode = readInode(this.superblock, number);
    return inode !== null ? new Node(inode, parent) : null;
  }

  step(directory: Node, name: string): Node | null {
    if (!directory.inode.isKind(S_IFDIR)) return failed(ENOTDIR);
    // Directories that are in their inodes have no such entries.
    if (name == ".") return directory;
    if (name == "..") return directory.parent !== null ? directory.parent : directory;
    if (name.length > NAME_MAX) return failed(ENOENT);
    const number = lookUp(new DirectoryWalk(directory.inode, 0), name);
    return number == 0 ? null : this.nodeOf(number, directory);
  }

  isLink(node: Node): bool {
    return node.inode.isKind(S_IFLNK);
  }

  linkText(link: Node, rest: i32): string | null {
    return linkText(link.inode, rest);
  }

  tooManyLinks(link: Node, path: string): void {
    link.inode.damaged(`symbolic link: more than ${LINKS_MAX} on the way through '${path}'`, ELOOP);
  }
}

function failed(error: i32): Node | null {
  setErrno(error);
  return null;
}

class ExtFile extends InodeFile {
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
    return this.inode.isKind(S_IFLNK) ? linkText(this.inode, 0) : super.linkText();
  }

  openEntry(entry: Dirent): OpenFile | null {
    const inode = readInode(this.inode.superblock, entry.fileno);
    return inode === null ? null : new ExtFile(inode);
  }
}
