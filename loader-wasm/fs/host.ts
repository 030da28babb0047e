// Files of the `host:` trees (dev/trees.ts), with the peculiarities of the reference's callbacks: a path that
// doesn't begin with a slash names nothing, and seeking gives 0 or an errno in place of the position.

import { Device } from "../dev/device";
import { HostDevice } from "../dev/host";
import { closePath, listPath, openPath, readPath, seekPath, TreeEntry } from "../dev/trees";
import { compareBytes, cutAtNul } from "../lib/bytes";
import { EINVAL, ENOENT, setErrno } from "../lib/errno";
import { narrowed } from "../lib/fault";
import { Dirent, FileSystem, OpenFile, S_IFDIR, S_IFREG, SEEK_CUR, SEEK_END, SEEK_SET, Stat } from "./file_system";

const DT_DIR: u8 = 4;
const DT_REG: u8 = 8;
const DIRECTORY_RIGHTS: u32 = 0o755;
const FILE_RIGHTS: u32 = 0o644;

/** Opens what a granted tree has. */
export class HostFileSystem extends FileSystem {
  constructor() {
    super("host", true);
  }

  open(device: Device, path: string, _mode: i32): OpenFile | null {
    const tree = narrowed<HostDevice, Device>(device);
    if (tree === null) {
      setErrno(EINVAL);
      return null;
    }
    const file = openPath(tree.unit, cutAtNul(path));
    return file === null ? null : new HostFile(file.fd, file.isDirectory, file.size);
  }
}

/** An open file or directory of a tree. */
class HostFile extends OpenFile {
  /** A directory's entries, once they are read. */
  private entries: TreeEntry[] | null = null;
  private next: i32 = 0;

  constructor(
    readonly fd: i32,
    readonly isDirectory: bool,
    readonly bytes: u64,
  ) {
    super();
  }

  size(): u64 {
    return this.bytes;
  }

  stat(): Stat {
    const status = new Stat();
    status.mode = this.isDirectory ? S_IFDIR | DIRECTORY_RIGHTS : S_IFREG | FILE_RIGHTS;
    status.size = this.bytes;
    return status;
  }

  read(dst: usize, size: i32): i32 {
    if (this.isDirectory) {
      setErrno(EINVAL);
      return -1;
    }
    const got = readPath(this.fd, dst, size);
    if (got > 0) this.position += <u64>got;
    return got;
  }

  seek(offset: i64, whence: i32): i64 {
    if (this.isDirectory || whence < SEEK_SET || whence > SEEK_END) return EINVAL;
    const base: i64 = whence == SEEK_CUR ? <i64>this.position : whence == SEEK_END ? <i64>this.bytes : 0;
    const target = base + offset;
    if (target < 0) return EINVAL;
    const error = seekPath(this.fd, target);
    if (error == 0) this.position = <u64>target;
    return error;
  }

  readdir(): Dirent | null {
    if (!this.isDirectory) {
      setErrno(EINVAL);
      return null;
    }
    let entries = this.entries;
    if (entries === null) {
      entries = listPath(this.fd);
      if (entries === null) return null;
      entries.sort((a, b) => compareBytes(a.name, b.name));
      entries.unshift(new TreeEntry("..", true));
      entries.unshift(new TreeEntry(".", true));
      this.entries = entries;
    }
    if (this.next == entries.length) {
      setErrno(ENOENT);
      return null;
    }
    const entry = entries[this.next];
    this.next++;
    return new Dirent(entry.name, entry.isDirectory ? DT_DIR : DT_REG, this.next);
  }

  close(): void {
    closePath(this.fd);
  }
}
