// The ISO 9660 file system with Rock Ridge's names, symbolic links and deep directories. As in the reference, names without
// Rock Ridge are matched as they are recorded (`LOADER.RC;1`).

import { ELOOP, ENOENT, ENOTDIR, errno, setErrno } from "../../lib/errno";
import { damaged } from "../../lib/fault";
import { Volume } from "../../storage/volume";
import { ContentFile } from "../content";
import { Dirent, OpenFile, S_IFDIR, S_IFREG, Stat } from "../file_system";
import { MountingFileSystem } from "../mounting";
import { PathWalk } from "../path";
import { DirectoryWalk } from "./directory";
import { R_EXTENT, TEXT_MAX } from "./layout";
import { Mount } from "./mount";
import { Node } from "./node";

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
}

function failed(error: i32): OpenFile | null {
  setErrno(error);
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
