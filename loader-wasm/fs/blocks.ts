// Files whose inode has the addresses of twelve blocks, and of blocks of addresses of one, two and three levels: those of UFS,
// and ext's without extents. Runs of blocks that follow each other on the disk are read in one piece.

import { Ascii } from "../lib/ascii";
import { compareBytesAt } from "../lib/bytes";
import { EFBIG, EIO, ENOENT, ENOTDIR, errno, setErrno } from "../lib/errno";
import { burn } from "../lib/fault";
import { Volume } from "../storage/volume";
import { Content, ContentFile, foundRun, HOLE } from "./content";
import { Dirent, S_IFDIR, S_IFMT, Stat } from "./file_system";
import { searched } from "./path";

const DIRECT_BLOCKS: u64 = 12;
const INDIRECT_LEVELS: i32 = 3;
/** Direct and indirect addresses of an inode. */
export const ADDRESSES: i32 = 15;

const addressCell: usize = memory.data(8, 8);

/** A file or directory of blocks, with what else its inode says. */
export abstract class BlockContent extends Content {
  mode: u32 = 0;
  uid: u32 = 0;
  gid: u32 = 0;
  /** Twelve direct addresses, then those of the indirect blocks of each level, as the disk has them: each is checked in use. */
  protected readonly addresses: StaticArray<u64> = new StaticArray<u64>(ADDRESSES);

  constructor(
    volume: Volume,
    readonly blockSize: u32,
    /** Bytes that addresses count. */
    private readonly unit: u32,
    /** Bytes of an address, 4 or 8. */
    private readonly addressSize: u32,
    /** Addresses from here on are on no disk; times the unit they fit. */
    private readonly addressLimit: u64,
  ) {
    super(volume);
  }

  /** Whether it is of the kind (S_IF*). */
  isKind(kind: u32): bool {
    return (this.mode & S_IFMT) == kind;
  }

  /** Reports damage in the inode. Returns `code`. */
  abstract damaged(what: string, code: i32): i32;

  /** Address where block `number` of the file begins, 0 for a hole; -1 and errno. */
  private blockAddress(number: u64): i64 {
    if (number < DIRECT_BLOCKS) return this.checked(this.addresses[<i32>number]);
    const perBlock = <u64>(this.blockSize / this.addressSize);
    let index = number - DIRECT_BLOCKS;
    let level = 0;
    let span = perBlock;
    while (index >= span) {
      index -= span;
      span *= perBlock;
      if (++level == INDIRECT_LEVELS) {
        this.damaged(`block ${number} is beyond triple indirect blocks`, EFBIG);
        return -1;
      }
    }
    let address = this.checked(this.addresses[<i32>DIRECT_BLOCKS + level]);
    for (; level >= 0 && address > 0; level--) {
      span /= perBlock;
      address = this.indirectEntry(<u64>address, index / span);
      index %= span;
    }
    return address;
  }

  /** Entry `index` of the indirect block at `address`. */
  private indirectEntry(address: u64, index: u64): i64 {
    const size = this.addressSize;
    const offset = address * <u64>this.unit + index * <u64>size;
    const got = this.volume.read(offset, addressCell, size);
    if (got < <i64>size) {
      if (got >= 0) this.damaged(`indirect block at ${address} is beyond the end of the disk`, EIO);
      return -1;
    }
    return this.checked(size == 8 ? load<u64>(addressCell) : <u64>load<u32>(addressCell));
  }

  /** An address that can be turned into a byte offset, or -1 and errno. */
  private checked(address: u64): i64 {
    if (address < this.addressLimit) return <i64>address;
    this.damaged(`block address ${address}`, EIO);
    return -1;
  }

  /** A run is blocks that follow each other on the disk, or are all holes. */
  map(position: u64, limit: u64): bool {
    const blockSize = <u64>this.blockSize;
    const number = position / blockSize;
    const within = position % blockSize;
    const blocks = (within + limit + blockSize - 1) / blockSize;
    const first = this.blockAddress(number);
    if (first < 0) return false;
    const step: u64 = first == 0 ? 0 : <u64>(this.blockSize / this.unit);
    let count: u64 = 1;
    while (count < blocks) {
      burn(1);
      const next = this.blockAddress(number + count);
      // A bad address ends the run; it fails when it is its turn.
      if (next < 0 || <u64>next != <u64>first + count * step) break;
      count++;
    }
    const start = first == 0 ? HOLE : <u64>first * <u64>this.unit + within;
    return foundRun(start, count * blockSize - within);
  }
}

/** A walk through the entries of a directory from `position` on. After `next`, the others tell of the entry. */
export abstract class EntryWalk {
  inode: u32 = 0;
  type: u8 = 0;

  constructor(public position: u64) {}

  /** Goes to the next used entry. False and errno: ENOENT at the end. */
  abstract next(): bool;

  abstract name(): string;

  abstract isCalled(name: string): bool;

  /** Whether its name is `name` and goes on with a dot. */
  abstract extends(name: string): bool;
}

/** Whether the `size` bytes of a name at `bytes` are `name` and go on with a dot. */
export function extendsName(name: string, bytes: usize, size: i32): bool {
  const length = name.length;
  return size > length && load<u8>(bytes + <usize>length) == Ascii.POINT && compareBytesAt(name, bytes, length) == 0;
}

/** The inode number of `name` in the directory that `walk` begins; 0 and errno. */
export function lookUp(walk: EntryWalk, name: string): u32 {
  let extended = false;
  while (walk.next()) {
    if (walk.isCalled(name)) return walk.inode;
    if (!extended) extended = walk.extends(name);
  }
  if (errno == ENOENT) searched(extended);
  return 0;
}

/** An open file or directory that has an inode. */
export abstract class InodeFile extends ContentFile {
  constructor(private readonly node: BlockContent) {
    super(node);
  }

  /** Begins a walk in the directory that it is. */
  protected abstract entries(position: u64): EntryWalk;

  stat(): Stat {
    const status = new Stat();
    status.mode = this.node.mode;
    status.uid = this.node.uid;
    status.gid = this.node.gid;
    status.size = this.size();
    return status;
  }

  readdir(): Dirent | null {
    if (!this.node.isKind(S_IFDIR)) {
      setErrno(ENOTDIR);
      return null;
    }
    const walk = this.entries(this.position);
    const found = walk.next();
    this.position = walk.position;
    return found ? new Dirent(walk.name(), walk.type, walk.inode) : null;
  }
}
