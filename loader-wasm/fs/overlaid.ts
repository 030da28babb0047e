// The files and directories of an overlay: a tree of places, which overlay.ts looks paths up in, and what is opened there. A
// directory that the guest has, too, is listed with its entries: those laid over in the places of the guest's, once each.

import { EIO, EISDIR, ENOENT, ENOTDIR, errno, setErrno } from "../lib/errno";
import { burn } from "../lib/fault";
import { toLower } from "../lib/text";
import { overlay_read, overlay_read_guest } from "../protocol";
import { Dirent, OpenFile, S_IFDIR, S_IFREG, SEEK_SET, Stat } from "./file_system";

const FILE_RIGHTS: u32 = 0o644;
const DIRECTORY_RIGHTS: u32 = 0o755;
const DT_DIR: u8 = 4;
const DT_REG: u8 = 8;
/** Fuel for an entry of a directory. */
const ENTRY_COST: i64 = 16;

/** What is at a place. */
export enum PlaceKind {
  /** What is below it. */
  Directory,
  File,
  /** Nothing; but what is below it in the overlay is there. */
  Absent,
}

/** A name of an overlay, or on the way to one. */
export class Place {
  kind: PlaceKind = PlaceKind.Directory;
  /** The host's number for it, -1 for places that are on the way only; and the size of a file. */
  entry: i32 = -1;
  size: u64 = 0;
  /** Whether it is a file or has something in it that is there. */
  exists: bool = false;
  /** In the order of their names. */
  readonly children: Place[] = [];

  constructor(
    readonly name: string,
    readonly parent: Place | null,
  ) {}

  /** Which of the children has the name from `start` to `end` of `path`; the complement of where it would be for none. */
  find(path: string, start: i32, end: i32, anyCase: bool): i32 {
    let low = 0;
    let high = this.children.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const order = compareName(path, start, end, this.children[middle].name, anyCase);
      if (order == 0) return middle;
      if (order < 0) high = middle;
      else low = middle + 1;
    }
    return ~low;
  }

  /** The child called `name`, made if need be. */
  enter(name: string, anyCase: bool): Place {
    const at = this.find(name, 0, name.length, anyCase);
    if (at >= 0) return this.children[at];
    const child = new Place(name, this);
    this.children.push(child);
    for (let i = this.children.length - 1; i > ~at; i--) this.children[i] = this.children[i - 1];
    this.children[~at] = child;
    return child;
  }

  /** Its path from the root. */
  path(): string {
    const parent = this.parent;
    if (parent === null) return "/";
    return parent.parent === null ? `/${this.name}` : `${parent.path()}/${this.name}`;
  }

  /** By which place what the guest has here, or below, isn't seen: this one or one above. */
  hidden(): Place | null {
    let at: Place | null = this;
    while (at !== null && at.kind == PlaceKind.Directory) at = at.parent;
    return at;
  }
}

/** The order of a part of `path` and `name`, by their bytes. */
function compareName(path: string, start: i32, end: i32, name: string, anyCase: bool): i32 {
  const shorter = min(end - start, name.length);
  for (let i = 0; i < shorter; i++) {
    const a = path.charCodeAt(start + i);
    const b = name.charCodeAt(i);
    const order = anyCase ? toLower(a) - toLower(b) : a - b;
    if (order != 0) return order;
  }
  return end - start - name.length;
}

/** A file whose bytes the host has. */
export class LaidFile extends OpenFile {
  constructor(
    private readonly entry: i32,
    private readonly bytes: u64,
  ) {
    super();
  }

  size(): u64 {
    return this.bytes;
  }

  stat(): Stat {
    const status = new Stat();
    status.mode = S_IFREG | FILE_RIGHTS;
    status.size = this.bytes;
    return status;
  }

  read(dst: usize, size: i32): i32 {
    const got = overlay_read(this.entry, this.position, dst, <u32>size);
    this.position += <u64>got;
    return got;
  }

  readsToGuest(): bool {
    return true;
  }

  readToGuest(gpa: u64, size: u64): i64 {
    const got = overlay_read_guest(this.entry, this.position, gpa, size);
    this.position += got;
    return <i64>got;
  }

  readdir(): Dirent | null {
    setErrno(ENOTDIR);
    return null;
  }
}

/** A directory with something laid over it. */
export class LaidDirectory extends OpenFile {
  /** How many of its own entries came, the first two of which are those that all directories have. */
  private next: i32 = 0;
  /** Whether the guest's have all come. */
  private isOver: bool;
  /** Which of the children came in the place of one of the guest's. */
  private readonly came: StaticArray<bool>;

  constructor(
    private readonly place: Place,
    /** The guest's; null when it has none. */
    private readonly guests: OpenFile | null,
    private readonly anyCase: bool,
  ) {
    super();
    this.isOver = guests === null;
    this.came = new StaticArray<bool>(place.children.length);
  }

  size(): u64 {
    const guests = this.guests;
    return guests !== null ? guests.size() : 0;
  }

  stat(): Stat {
    const guests = this.guests;
    if (guests !== null) return guests.stat();
    const status = new Stat();
    status.mode = S_IFDIR | DIRECTORY_RIGHTS;
    return status;
  }

  /** As it is on the disk. */
  read(dst: usize, size: i32): i32 {
    const guests = this.guests;
    if (guests !== null) return guests.read(dst, size);
    setErrno(EISDIR);
    return -1;
  }

  seek(offset: i64, whence: i32): i64 {
    const guests = this.guests;
    if (whence == SEEK_SET && offset == 0) {
      this.next = 0;
      this.isOver = guests === null;
      for (let i = 0; i < this.came.length; i++) this.came[i] = false;
    }
    return guests !== null ? guests.seek(offset, whence) : super.seek(offset, whence);
  }

  readdir(): Dirent | null {
    const children = this.place.children;
    const guests = this.guests;
    while (!this.isOver) {
      burn(ENTRY_COST);
      const entry = guests!.readdir();
      if (entry === null) {
        if (errno == EIO) return null;
        this.isOver = true;
        break;
      }
      const at = this.place.find(entry.name, 0, entry.name.length, this.anyCase);
      if (at < 0) return entry;
      const child = children[at];
      this.came[at] = true;
      if (child.exists) return new Dirent(entry.name, typeOf(child), entry.fileno);
      if (child.kind != PlaceKind.Absent) return entry;
    }
    while (this.next < children.length + 2) {
      burn(ENTRY_COST);
      const at = this.next++ - 2;
      if (at < 0) {
        if (guests === null) return new Dirent(at == -2 ? "." : "..", DT_DIR, this.next);
      } else if (children[at].exists && !this.came[at]) {
        return new Dirent(children[at].name, typeOf(children[at]), this.next);
      }
    }
    setErrno(ENOENT);
    return null;
  }

  close(): void {
    const guests = this.guests;
    if (guests !== null) guests.close();
  }
}

function typeOf(child: Place): u8 {
  return child.kind == PlaceKind.File ? DT_REG : DT_DIR;
}
