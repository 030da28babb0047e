// The FAT12, FAT16, FAT32 and exFAT file systems: EFI's partitions, and what other systems can write. Names go without regard
// to case, as in FreeBSD.

import { Device } from "../../dev/device";
import { EIO, ENOENT, ENOTDIR, errno, setErrno } from "../../lib/errno";
import { allocate, damaged } from "../../lib/fault";
import { sumsAgree } from "../../lib/variant";
import { Volume } from "../../storage/volume";
import { ContentFile } from "../content";
import { Dirent, OpenFile, S_IFDIR, S_IFREG, Stat, VolumeFacts } from "../file_system";
import { MountingFileSystem } from "../mounting";
import { PathWalk } from "../path";
import { Chain } from "./chain";
import { DirectoryWalk, findEntry, Node } from "./directory";
import { geometryFacts } from "./facts";
import { Geometry, readBackup, readGeometry } from "./geometry";
import { TYPE_UPCASE, U_CHECKSUM, U_CLUSTER, U_LENGTH, UPCASE_SAME, UPCASE_SIZE_MAX } from "./layout";
import { Folding, Name } from "./names";

const DIRECTORY_RIGHTS: u32 = 0o555;
const FILE_RIGHTS: u32 = 0o444;
const DT_DIR: u8 = 4;
const DT_REG: u8 = 8;
/** Bytes of a name as it is written in a path: three for each of 255 characters. */
const NAME_BYTES_MAX: i32 = 765;

class Mounted {
  constructor(
    readonly geometry: Geometry,
    readonly root: Node,
    readonly folding: Folding,
  ) {}
}

/** All four. */
export class MsdosFileSystem extends MountingFileSystem<Mounted> {
  constructor() {
    super("msdos", false, true);
  }

  protected mount(volume: Volume): Mounted | null {
    const geometry = readGeometry(volume);
    // Behind a good boot region, another one doesn't help.
    this.wantsCopy = geometry === null;
    return geometry !== null ? mounted(geometry) : null;
  }

  protected mountCopy(volume: Volume): Mounted | null {
    const geometry = readBackup(volume);
    return geometry !== null ? mounted(geometry) : null;
  }

  protected openIn(mounted: Mounted, path: string): OpenFile | null {
    const node = new MsdosWalk(mounted).walk(path);
    return node === null ? null : new MsdosFile(mounted, node);
  }

  facts(device: Device): VolumeFacts | null {
    const mounted = this.mounted(device);
    return mounted === null ? null : geometryFacts(mounted.geometry);
  }
}

/** A volume of which the numbers are known; null and errno. */
function mounted(geometry: Geometry): Mounted | null {
  const root = Node.root(geometry);
  const table = geometry.exfat ? readUpcase(geometry, root) : 0;
  return geometry.exfat && table == 0 ? null : new Mounted(geometry, root, new Folding(table));
}

class MsdosWalk extends PathWalk<Node> {
  constructor(private readonly mounted: Mounted) {
    super();
  }

  root(): Node | null {
    return this.mounted.root;
  }

  step(directory: Node, name: string): Node | null {
    if (!directory.isDirectory()) return failed(ENOTDIR);
    if (name == ".") return directory;
    // Directories of exFAT have no such entries.
    if (name == "..") return directory.parent !== null ? directory.parent : directory;
    if (name.length > NAME_BYTES_MAX) return failed(ENOENT);
    const mounted = this.mounted;
    const characters = Name.of(name);
    const walk = DirectoryWalk.in(mounted.geometry, directory, mounted.folding, 0);
    while (walk.next()) if (walk.isCalled(name, characters)) return walk.node();
    return null;
  }
}

function failed(error: i32): Node | null {
  setErrno(error);
  return null;
}

class MsdosFile extends ContentFile {
  constructor(
    private readonly mounted: Mounted,
    private readonly node: Node,
  ) {
    super(node.content);
  }

  stat(): Stat {
    const status = new Stat();
    status.mode = this.node.isDirectory() ? S_IFDIR | DIRECTORY_RIGHTS : S_IFREG | FILE_RIGHTS;
    status.size = this.size();
    return status;
  }

  readdir(): Dirent | null {
    if (!this.node.isDirectory()) {
      setErrno(ENOTDIR);
      return null;
    }
    const walk = DirectoryWalk.in(this.mounted.geometry, this.node, this.mounted.folding, this.position);
    const found = walk.next();
    this.position = walk.position;
    return found ? new Dirent(walk.name(), walk.node().isDirectory() ? DT_DIR : DT_REG, walk.cluster) : null;
  }
}

/** The up-case table of an exFAT volume, unfolded; 0 and errno (EIO). */
function readUpcase(geometry: Geometry, root: Node): usize {
  const entry = findEntry(root, TYPE_UPCASE);
  if (entry == 0) {
    if (errno == ENOENT)
      damaged(geometry.volume.where(geometry.offset(root.cluster)), "exFAT root directory: no up-case table", EIO);
    return 0;
  }
  const checksum = load<u32>(entry, U_CHECKSUM);
  const cluster = load<u32>(entry, U_CLUSTER);
  const length = load<u64>(entry, U_LENGTH);
  const chain = new Chain(geometry, cluster, length);
  if (length > UPCASE_SIZE_MAX || (length & 1) != 0) {
    chain.damaged(`up-case table of ${length} bytes`);
    return 0;
  }
  const size = <u32>length;
  const packed = allocate(<usize>size);
  const table = allocate(<usize>UPCASE_SIZE_MAX);
  for (let i: usize = 0; i < 65536; i++) store<u16>(table + (i << 1), <u16>i);
  let good = false;
  const got = chain.read(0, packed, size);
  if (got == <i32>size) {
    let sum: u32 = 0;
    for (let i: usize = 0; i < <usize>size; i++) sum = rotr<u32>(sum, 1) + <u32>load<u8>(packed + i);
    good = sumsAgree(sum, checksum) && unfold(packed, size, table);
    if (!good) chain.damaged("up-case table: checksum");
  }
  heap.free(packed);
  if (good) return table;
  heap.free(table);
  return 0;
}

/** Fills `table` from `size` bytes. False when they are for more characters than there are. */
function unfold(packed: usize, size: u32, table: usize): bool {
  let character: u32 = 0;
  for (let at: u32 = 0; at < size; at += 2) {
    const value = load<u16>(packed + <usize>at);
    if (value == UPCASE_SAME && at + 2 < size) {
      at += 2;
      character += <u32>load<u16>(packed + <usize>at);
      continue;
    }
    if (character >= 65536) return false;
    store<u16>(table + ((<usize>character) << 1), value);
    character++;
  }
  return true;
}
