// Directories of FAT and exFAT: entries of 32 bytes, of which several belong together. FAT keeps a long name in entries before
// the one with the short name, exFAT a set of entries with a checksum.

import { stringAt } from "../../lib/bytes";
import { EIO, ENOENT, setErrno } from "../../lib/errno";
import { burn, damaged } from "../../lib/fault";
import { equalsIgnoreCase, toLower } from "../../lib/text";
import { sumsAgree } from "../../lib/variant";
import { Content } from "../content";
import { Chain, RootArea } from "./chain";
import { Geometry } from "./geometry";
import {
  ATTRIBUTE_DIRECTORY,
  ATTRIBUTE_LABEL,
  ATTRIBUTES_LONG,
  ATTRIBUTES_MASK,
  CASE_EXTENSION,
  CASE_NAME,
  DIRECTORY_MAX,
  DIRECTORY_MAX_EXFAT,
  E_ATTRIBUTES,
  E_CASE,
  E_CLUSTER_HIGH,
  E_CLUSTER_LOW,
  E_NAME,
  E_SIZE,
  ENTRY_SIZE,
  EXTENSION_SIZE,
  F_ATTRIBUTES,
  F_CHECKSUM,
  F_SECONDARIES,
  FLAG_CONTIGUOUS,
  L_CHECKSUM,
  L_ORDER,
  LONG_CHARACTERS,
  LONG_PARTS_MAX,
  N_CHARACTERS,
  NAME_CHARACTERS,
  NAME_E5,
  NAME_END,
  NAME_MAX,
  NAME_SIZE,
  NAME_UNUSED,
  ORDER_LAST,
  ORDER_MASK,
  S_CLUSTER,
  S_FLAGS,
  S_LENGTH,
  S_NAME_HASH,
  S_NAME_LENGTH,
  S_VALID,
  SECONDARIES_MAX,
  SECONDARIES_MIN,
  TYPE_END,
  TYPE_FILE,
  TYPE_NAME,
  TYPE_STREAM,
  X_TYPE,
} from "./layout";
import { Folding, Name } from "./names";

/** A set of entries. */
const set: usize = memory.data(608, 8);

/** A file or directory. */
export class Node {
  constructor(
    readonly content: Content,
    readonly attributes: u32,
    /** Number of its first cluster. */
    readonly cluster: u32,
    /** The directory that it was found in; null for the root. */
    readonly parent: Node | null,
  ) {}

  isDirectory(): bool {
    return (this.attributes & ATTRIBUTE_DIRECTORY) != 0;
  }

  /** The root directory. */
  static root(geometry: Geometry): Node {
    const cluster = geometry.rootCluster;
    const most = geometry.exfat ? DIRECTORY_MAX_EXFAT : DIRECTORY_MAX;
    const content: Content = cluster == 0 ? new RootArea(geometry) : new Chain(geometry, cluster, most, true);
    return new Node(content, ATTRIBUTE_DIRECTORY, cluster, null);
  }
}

/** Walks through a directory from `position`. After `next`, the fields tell of the file. */
export abstract class DirectoryWalk {
  /** The name; of FAT's, the long one if `hasLong`. */
  protected readonly long: Name = new Name();
  attributes: u32 = 0;
  cluster: u32 = 0;

  constructor(
    protected readonly geometry: Geometry,
    protected readonly directory: Node,
    protected readonly folding: Folding,
    public position: u64,
  ) {}

  /** Goes to the next file or directory. False and errno: ENOENT at the end. */
  abstract next(): bool;

  /** The name as listed. */
  abstract name(): string;

  /** Whether it is called `wanted`, whose UTF-16 form is `characters` if it has one. */
  abstract isCalled(wanted: string, characters: Name | null): bool;

  /** What it is. */
  abstract node(): Node;

  /** The next entry, in `set`. False and errno. */
  protected entry(): bool {
    burn(1);
    const got = this.directory.content.read(this.position, set, ENTRY_SIZE);
    if (got == <i32>ENTRY_SIZE && load<u8>(set) != NAME_END) return true;
    if (got >= 0) setErrno(ENOENT);
    return false;
  }

  protected damaged(what: string): bool {
    const content = this.directory.content;
    const geometry = this.geometry;
    const cluster = this.directory.cluster;
    const at = geometry.has(cluster) ? geometry.offset(cluster) : geometry.rootAt;
    damaged(content.volume.where(at), `${geometry.name()} directory entry at ${this.position}: ${what}`, EIO);
    return false;
  }

  static in(geometry: Geometry, directory: Node, folding: Folding, position: u64): DirectoryWalk {
    return geometry.exfat
      ? new ExfatWalk(geometry, directory, folding, position)
      : new FatWalk(geometry, directory, folding, position);
  }
}

class FatWalk extends DirectoryWalk {
  private hasLong: bool = false;
  private short: string = "";
  private size: u32 = 0;
  /** The part of a long name that comes next, 0 for its short name; and the checksum that this must have. */
  private expected: u8 = 0;
  private checksum: u8 = 0;

  next(): bool {
    let parts = false;
    while (this.entry()) {
      this.position += <u64>ENTRY_SIZE;
      const attributes = <u32>load<u8>(set, E_ATTRIBUTES);
      if (load<u8>(set) == NAME_UNUSED) {
        parts = false;
      } else if ((attributes & ATTRIBUTES_MASK) == ATTRIBUTES_LONG) {
        parts = this.takePart(parts);
      } else if (attributes & ATTRIBUTE_LABEL) {
        parts = false;
      } else {
        this.attributes = attributes;
        this.takeShort();
        // What was written by those who know no long names makes one invalid.
        this.hasLong = parts && this.expected == 0 && sumsAgree(shortChecksum(), this.checksum) && this.endLong();
        return true;
      }
    }
    return false;
  }

  /** Takes a part of a long name, behind others if `following`. Returns whether it fits. */
  private takePart(following: bool): bool {
    const order = load<u8>(set, L_ORDER);
    const number = order & ORDER_MASK;
    const checksum = load<u8>(set, L_CHECKSUM);
    if (order & ORDER_LAST) {
      if (number == 0 || number > LONG_PARTS_MAX) return false;
    } else if (!following || number != this.expected || number == 0 || checksum != this.checksum) {
      return false;
    }
    this.checksum = checksum;
    this.expected = number - 1;
    const size = LONG_CHARACTERS.length;
    const start = (<i32>number - 1) * size;
    let end = size;
    for (let i = size - 1; i >= 0; i--) {
      const character = load<u16>(set + <usize>LONG_CHARACTERS[i]);
      if (start + i < NAME_MAX) this.long.characters[start + i] = character;
      if (character == 0) end = i;
    }
    // The last part, which comes first, is what says where the name ends.
    if (order & ORDER_LAST) this.long.length = start + end;
    return true;
  }

  /** Whether the long name is one. */
  private endLong(): bool {
    return this.long.length > 0 && this.long.length <= NAME_MAX;
  }

  private takeShort(): void {
    const flags = load<u8>(set, E_CASE);
    if (load<u8>(set) == NAME_E5) store<u8>(set, NAME_UNUSED);
    const name = shortPart(set + E_NAME, NAME_SIZE, (flags & CASE_NAME) != 0);
    const extension = shortPart(set + E_NAME + <usize>NAME_SIZE, EXTENSION_SIZE, (flags & CASE_EXTENSION) != 0);
    if (load<u8>(set) == NAME_UNUSED) store<u8>(set, NAME_E5);
    this.short = extension.length > 0 ? `${name}.${extension}` : name;
    this.size = load<u32>(set, E_SIZE);
    this.cluster = <u32>load<u16>(set, E_CLUSTER_LOW);
    if (this.geometry.bits == 32) this.cluster |= (<u32>load<u16>(set, E_CLUSTER_HIGH)) << 16;
  }

  name(): string {
    return this.hasLong ? this.long.text() : this.short;
  }

  isCalled(wanted: string, characters: Name | null): bool {
    if (this.hasLong && characters !== null && this.folding.same(this.long, characters)) return true;
    return equalsIgnoreCase(this.short, wanted);
  }

  node(): Node {
    const isDirectory = (this.attributes & ATTRIBUTE_DIRECTORY) != 0;
    const size = isDirectory ? DIRECTORY_MAX : <u64>this.size;
    const chain = new Chain(this.geometry, this.cluster, size, isDirectory);
    return new Node(chain, this.attributes, this.cluster, this.directory);
  }
}

/** Checksum of the short name in `set`. */
function shortChecksum(): u8 {
  let sum: u8 = 0;
  for (let i = 0; i < NAME_SIZE + EXTENSION_SIZE; i++) sum = rotr<u8>(sum, 1) + load<u8>(set + <usize>i);
  return sum;
}

/** A part of a short name, without the blanks behind it. */
function shortPart(src: usize, size: i32, small: bool): string {
  while (size > 0 && load<u8>(src + <usize>(size - 1)) == 0x20) size--;
  const text = stringAt(src, size);
  if (!small) return text;
  let lower = "";
  for (let i = 0; i < size; i++) lower += String.fromCharCode(toLower(text.charCodeAt(i)));
  return lower;
}

class ExfatWalk extends DirectoryWalk {
  private hash: u16 = 0;
  private size: u64 = 0;
  private valid: u64 = 0;
  private contiguous: bool = false;

  next(): bool {
    while (this.entry()) {
      if (load<u8>(set, X_TYPE) == TYPE_FILE) return this.takeSet();
      this.position += <u64>ENTRY_SIZE;
    }
    return false;
  }

  /** Reads the set that begins with the entry in `set`. False and errno. */
  private takeSet(): bool {
    const secondaries = <u32>load<u8>(set, F_SECONDARIES);
    if (secondaries < SECONDARIES_MIN || secondaries > SECONDARIES_MAX) {
      return this.damaged(`set of ${secondaries + 1} entries`);
    }
    const size = (secondaries + 1) * ENTRY_SIZE;
    const got = this.directory.content.read(this.position, set, size);
    if (got < 0) return false;
    if (got < <i32>size) return this.damaged(`set of ${secondaries + 1} entries at the directory's end`);
    let sum: u16 = 0;
    for (let i: usize = 0; i < <usize>size; i++) {
      if (i != F_CHECKSUM && i != F_CHECKSUM + 1) sum = rotr<u16>(sum, 1) + <u16>load<u8>(set + i);
    }
    if (!sumsAgree(sum, load<u16>(set, F_CHECKSUM))) return this.damaged("checksum");
    const stream = set + <usize>ENTRY_SIZE;
    const length = <i32>load<u8>(stream, S_NAME_LENGTH);
    const parts = (length + NAME_CHARACTERS - 1) / NAME_CHARACTERS;
    if (load<u8>(stream, X_TYPE) != TYPE_STREAM || length == 0 || <u32>parts >= secondaries) {
      return this.damaged(`name of ${length} characters in ${secondaries} entries`);
    }
    for (let i = 0; i < length; i++) {
      const part = stream + <usize>ENTRY_SIZE + <usize>((i / NAME_CHARACTERS) * <i32>ENTRY_SIZE);
      if (load<u8>(part, X_TYPE) != TYPE_NAME) return this.damaged(`name of ${length} characters has a gap`);
      this.long.characters[i] = load<u16>(part + <usize>((i % NAME_CHARACTERS) << 1), N_CHARACTERS);
    }
    this.long.length = length;
    this.attributes = <u32>load<u16>(set, F_ATTRIBUTES);
    this.hash = load<u16>(stream, S_NAME_HASH);
    this.contiguous = (load<u8>(stream, S_FLAGS) & FLAG_CONTIGUOUS) != 0;
    this.cluster = load<u32>(stream, S_CLUSTER);
    this.size = load<u64>(stream, S_LENGTH);
    this.valid = load<u64>(stream, S_VALID);
    const isDirectory = (this.attributes & ATTRIBUTE_DIRECTORY) != 0;
    if (this.valid > this.size || (isDirectory && this.size > DIRECTORY_MAX_EXFAT)) {
      return this.damaged(`${this.size} bytes, of which ${this.valid} are written`);
    }
    this.position += <u64>size;
    return true;
  }

  name(): string {
    return this.long.text();
  }

  isCalled(_wanted: string, characters: Name | null): bool {
    if (characters === null || this.folding.hash(characters) != this.hash) return false;
    return this.folding.same(this.long, characters);
  }

  node(): Node {
    const chain = new Chain(this.geometry, this.cluster, this.size, false, this.contiguous, this.valid);
    return new Node(chain, this.attributes, this.cluster, this.directory);
  }
}

/** Whether a directory of exFAT has an entry of `type`, which is then at the address returned; 0 and errno. */
export function findEntry(directory: Node, type: u8): usize {
  const content = directory.content;
  for (let position: u64 = 0; position < content.length(); position += <u64>ENTRY_SIZE) {
    burn(1);
    const got = content.read(position, set, ENTRY_SIZE);
    if (got < 0) return 0;
    if (got < <i32>ENTRY_SIZE || load<u8>(set, X_TYPE) == TYPE_END) break;
    if (load<u8>(set, X_TYPE) == type) return set;
  }
  setErrno(ENOENT);
  return 0;
}
