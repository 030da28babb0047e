// System attributes (OpenZFS's sa.c): a file's mode, size and so on are in its bonus buffer, and in a spill block what has no
// room there, one behind the other in an order that each buffer names by its number. Two tables of the file system say
// what there is: REGISTRY has number and length of each attribute, LAYOUTS the orders. fs/zfs.ts asks.

import { EIO, setErrno } from "../lib/errno";
import { Dnode, ObjectSet } from "./dnode";
import { MASTER_NODE, SA_HEAD_SIZE, SA_INFO, SA_LAYOUT_MASK, SA_LENGTHS, SA_MAGIC } from "./layout";
import { Zap, zapLookUp, zapNumbers } from "./zap";

/** The attributes that are of interest. */
export enum Attribute {
  Mode,
  Size,
  Uid,
  Gid,
  Link,
}

const NAMES: string[] = ["ZPL_MODE", "ZPL_SIZE", "ZPL_UID", "ZPL_GID", "ZPL_SYMLINK"];

/** Attributes of a file system and of one file, at most. */
const REGISTERED_MAX: u32 = 256;
const ATTRIBUTES_MAX: u32 = 64;

/** An order of attributes. */
class Layout {
  constructor(
    readonly number: u32,
    readonly attributes: u64[],
  ) {}
}

/** The tables of one file system. */
export class AttributeTables {
  /** Of the attribute that `find` found. */
  at: usize = 0;
  length: u32 = 0;

  /** By attribute: its number; by number: its length, 0 for those of which every buffer says it. */
  private readonly numbers: StaticArray<u32> = new StaticArray<u32>(NAMES.length);
  private readonly lengths: StaticArray<u16> = new StaticArray<u16>(<i32>REGISTERED_MAX);
  private readonly known: Layout[] = [];

  private constructor(
    private readonly registry: Dnode,
    private readonly layouts: Dnode,
  ) {}

  /** Those of the file system in `objects`; null and errno. */
  static read(objects: ObjectSet): AttributeTables | null {
    const root = follow(objects, objects.object(MASTER_NODE), "SA_ATTRS");
    const registry = follow(objects, root, "REGISTRY");
    const layouts = follow(objects, root, "LAYOUTS");
    if (registry === null || layouts === null) return null;
    const tables = new AttributeTables(registry, layouts);
    return tables.readRegistry() ? tables : null;
  }

  private readRegistry(): bool {
    const zap = Zap.open(this.registry);
    if (zap === null) return false;
    let found = 0;
    while (zap.next()) {
      const number = <u32>zap.value & 0xffff;
      if (number >= REGISTERED_MAX) return this.bad(this.registry, `attribute number ${number}`);
      this.lengths[number] = <u16>(zap.value >> 24);
      const index = NAMES.indexOf(zap.name);
      if (index < 0) continue;
      this.numbers[index] = number;
      found++;
    }
    return found == NAMES.length || this.bad(this.registry, `${found} of ${NAMES.length} attributes`);
  }

  private bad(dnode: Dnode, what: string): bool {
    dnode.damaged(what);
    return false;
  }

  /** The attributes of layout `number`, in their order; null and errno. */
  private layout(number: u32): u64[] | null {
    for (let i = 0; i < this.known.length; i++) if (this.known[i].number == number) return this.known[i].attributes;
    const attributes = zapNumbers(this.layouts, number.toString(), ATTRIBUTES_MAX);
    if (attributes === null) {
      this.bad(this.layouts, `no layout ${number}`);
      return null;
    }
    for (let i = 0; i < attributes.length; i++) {
      if (attributes[i] < <u64>REGISTERED_MAX) continue;
      this.bad(this.layouts, `attribute ${attributes[i]} in layout ${number}`);
      return null;
    }
    this.known.push(new Layout(number, attributes));
    return attributes;
  }

  /** Reads the layout that the buffer of `size` bytes at `src` names, for which a block may have to make room. False and errno. */
  learn(src: usize, size: u32): bool {
    return size < SA_HEAD_SIZE || this.layout(layoutOf(src)) !== null;
  }

  /**
   * Looks for `attribute` in the buffer of `size` bytes at `src`, which belongs to `dnode`. Whether it is there; errno is 0
   * when it just isn't.
   */
  find(dnode: Dnode, src: usize, size: u32, attribute: Attribute): bool {
    return this.findNumber(dnode, src, size, this.numbers[attribute]);
  }

  /** The number of the attribute called `name`; REGISTERED_MAX, which none has, when there is none. */
  numberOf(name: string): u32 {
    const entry = zapLookUp(this.registry, name);
    return entry === null ? REGISTERED_MAX : <u32>entry.value & 0xffff;
  }

  /** The same as `find` for an attribute by its number. */
  findNumber(dnode: Dnode, src: usize, size: u32, wanted: u32): bool {
    setErrno(0);
    if (size < SA_HEAD_SIZE || load<u32>(src) != SA_MAGIC) return this.bad(dnode, `attributes of ${size} bytes`);
    const info = <u32>load<u16>(src, SA_INFO);
    const head = (info >> 10) << 3;
    if (head > size) return this.bad(dnode, `head of attributes of ${head} bytes`);
    const attributes = this.layout(layoutOf(src));
    if (attributes === null) return false;
    let at = head;
    let lengthAt = SA_LENGTHS;
    for (let i = 0; i < attributes.length; i++) {
      const number = <u32>attributes[i];
      let length = <u32>this.lengths[number];
      if (length == 0) {
        if (lengthAt + 2 > head) return this.bad(dnode, `head of attributes of ${head} bytes`);
        length = <u32>load<u16>(src + <usize>lengthAt);
        lengthAt += 2;
      }
      // Both are small: no sum of 64 of them wraps.
      if (at + length > size) return this.bad(dnode, `attributes of ${size} bytes`);
      if (number == wanted) {
        this.at = src + <usize>at;
        this.length = length;
        return true;
      }
      at = (at + length + 7) & ~7;
    }
    return false;
  }
}

/** The number of the order in the buffer at `src`. 0 is the order of old, which is the first. */
function layoutOf(src: usize): u32 {
  return max(<u32>load<u16>(src, SA_INFO) & SA_LAYOUT_MASK, 1);
}

/** The object that the entry `name` of the ZAP in `table` names; null and errno. */
function follow(objects: ObjectSet, table: Dnode | null, name: string): Dnode | null {
  const entry = table !== null ? zapLookUp(table, name) : null;
  if (entry !== null) return objects.object(entry.value);
  if (table !== null) table.damaged(`no entry ${name}`);
  setErrno(EIO);
  return null;
}

/** The tables read last, and whose they are. */
let readFor: ObjectSet | null = null;
let readLast: AttributeTables | null = null;

/** The tables of the file system in `objects`; null and errno. */
export function attributeTables(objects: ObjectSet): AttributeTables | null {
  if (readFor != objects || readLast === null) {
    readLast = AttributeTables.read(objects);
    readFor = objects;
  }
  return readLast;
}
