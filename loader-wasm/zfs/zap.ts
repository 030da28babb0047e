// ZAP objects: tables from names to numbers, for directories and much else. Small ones are a list in one block, larger ones a hash
// table of leaf blocks.

import { Ascii } from "../lib/ascii";
import { compareBytes, cstringAt, cutAtNul, stringAt } from "../lib/bytes";
import { EIO, ENOENT, errno, setErrno } from "../lib/errno";
import { burn } from "../lib/fault";
import { Dnode } from "./dnode";
import {
  CHAIN_END,
  CHUNK_ENTRY,
  CHUNK_SIZE,
  LA_BYTES,
  LA_BYTES_SIZE,
  LA_NEXT,
  LE_HASH,
  LE_INTEGER_SIZE,
  LE_NAME_CHUNK,
  LE_NAME_LENGTH,
  LE_NEXT,
  LE_VALUE_CHUNK,
  LE_VALUE_COUNT,
  LEAF_HASH,
  LEAF_MAGIC,
  LEAF_MAGIC_AT,
  LEAF_PREFIX_LENGTH,
  MICRO_ENTRY_SIZE,
  MICRO_HEAD,
  MICRO_NAME,
  MICRO_NAME_SIZE,
  MICRO_NORMALIZE,
  MICRO_VALUE,
  NAME_SIZE_MAX,
  ZAP_BLOCK_SHIFT_MIN,
  ZAP_FREE_BLOCK,
  ZAP_HEADER,
  ZAP_LEAF,
  ZAP_MAGIC,
  ZAP_MICRO,
  ZAP_NORMALIZE,
  ZAP_SALT,
  ZAP_TABLE_BLOCK,
  ZAP_TABLE_SHIFT,
} from "./layout";

/** CRC-64 of ECMA-182, reflected: one u64 for each byte. */
const crcTable: usize = memory.data(256 * 8, 8);
const CRC_POLYNOMIAL: u64 = 0xc96c5795d7870f42;
/** Bits of the hash that are used, the highest ones. */
const HASH_MASK: u64 = 0xfffffff000000000;

function hashOf(salt: u64, name: string): u64 {
  if (load<u64>(crcTable + 8) == 0) {
    for (let i: u64 = 0; i < 256; i++) {
      let value = i;
      for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >> 1) ^ CRC_POLYNOMIAL : value >> 1;
      store<u64>(crcTable + ((<usize>i) << 3), value);
    }
  }
  let crc = salt;
  for (let i = 0; i < name.length; i++) {
    crc = (crc >> 8) ^ load<u64>(crcTable + ((<usize>(crc ^ <u64>name.charCodeAt(i)) & 0xff) << 3));
  }
  return crc & HASH_MASK;
}

/** How names are prepared before they are hashed and compared: this, and Unicode's normal forms. */
const NORMALIZE_UPPER: u64 = 2;

/**
 * The name with ASCII letters in upper case. Other letters and Unicode's normal forms would take tables that are larger than all of
 * the core: names with other characters are the same only when their other bytes are.
 */
function prepared(name: string): string {
  let upper = "";
  for (let i = 0; i < name.length; i++) {
    const char = name.charCodeAt(i);
    upper += String.fromCharCode(char >= Ascii.LOWER_A && char <= Ascii.LOWER_Z ? char - 32 : char);
  }
  return upper;
}

function isAscii(name: string): bool {
  for (let i = 0; i < name.length; i++) if (name.charCodeAt(i) >= 0x80) return false;
  return true;
}

const NOTHING: StaticArray<u8> = [];
/** Memory that a ZAP had and another one may have. */
let spare: StaticArray<u8> = NOTHING;

/**
 * One ZAP, read a block at a time. The table of a large one leads from the first bits of a name's hash to a leaf, the
 * next bits in the leaf to a chain of entries. Every name is in the leaf that its hash leads to, and in no other.
 */
export class Zap {
  /** Of the entry found last. */
  name: string = "";
  value: u64 = 0;

  private block: StaticArray<u8>;
  private micro: bool = false;
  private blockShift: u32 = 0;
  /** Of the header: where the table is, what it is indexed by, salt of the hash, end of the blocks. */
  private tableBlock: u64 = 0;
  private tableShift: u64 = 0;
  private salt: u64 = 0;
  private blocks: u64 = 0;
  /** How names are prepared: NORMALIZE_*. */
  private normalize: u64 = 0;
  /** The chunk of the entry found last. */
  private entry: usize = 0;
  /** Walk: block and entry or chunk in it. */
  private walkBlock: u64 = 0;
  private walkIndex: u32 = 0;
  private walkLoaded: bool = false;

  private constructor(private readonly dnode: Dnode) {
    // Directories are looked up in again and again, and memory isn't collected before the next prompt.
    this.block = spare.length >= <i32>dnode.blockSize ? spare : new StaticArray<u8>(<i32>dnode.blockSize);
    spare = NOTHING;
  }

  /** Lets the next one have the memory: nothing more is to be read. */
  release(): void {
    if (spare.length < this.block.length) spare = this.block;
    this.block = NOTHING;
    this.entry = 0;
  }

  /** The ZAP in `dnode`; null and errno, also without one. */
  static open(dnode: Dnode | null): Zap | null {
    if (dnode === null) return null;
    const zap = new Zap(dnode);
    return zap.readHeader() ? zap : null;
  }

  private data(): usize {
    return changetype<usize>(this.block);
  }

  private bad(what: string): bool {
    this.dnode.damaged(`ZAP: ${what}`);
    return false;
  }

  private load(block: u64): bool {
    const size = this.dnode.blockSize;
    if (block > this.dnode.lastBlock) return this.bad(`block ${block}`);
    const error = this.dnode.read(block * <u64>size, this.data(), size);
    if (error != 0) setErrno(error);
    return error == 0;
  }

  private readHeader(): bool {
    if (this.dnode.blockSize < MICRO_HEAD || !this.load(0)) return false;
    const data = this.data();
    const kind = load<u64>(data);
    this.micro = kind == ZAP_MICRO;
    this.normalize = this.micro ? load<u64>(data, MICRO_NORMALIZE) : load<u64>(data, ZAP_NORMALIZE);
    if (this.micro) {
      this.walkLoaded = true;
      return true;
    }
    if (kind != ZAP_HEADER || load<u64>(data, 8) != ZAP_MAGIC) return this.bad(`kind ${kind}`);
    const size = this.dnode.blockSize;
    this.blockShift = ctz<u32>(size);
    if (popcnt<u32>(size) != 1 || this.blockShift < ZAP_BLOCK_SHIFT_MIN) return this.bad(`blocks of ${size} bytes`);
    this.tableBlock = load<u64>(data, ZAP_TABLE_BLOCK);
    this.tableShift = load<u64>(data, ZAP_TABLE_SHIFT);
    this.salt = load<u64>(data, ZAP_SALT);
    this.blocks = min(load<u64>(data, ZAP_FREE_BLOCK), this.dnode.lastBlock + 1);
    this.walkBlock = 1;
    return true;
  }

  // ---- leaves -----------------------------------------------------------------------------------------

  /** Address of chunk `index` of the leaf that is loaded, 0 when there is none. */
  private chunk(index: u32): usize {
    const start = LEAF_HASH + (this.dnode.blockSize >> 4);
    const at = start + index * CHUNK_SIZE;
    return index >= CHAIN_END || at + CHUNK_SIZE > this.dnode.blockSize ? 0 : this.data() + <usize>at;
  }

  /** `size` bytes from the chain of chunks that begins with `first`, as a string; null when the chain is too short. */
  private chained(first: u32, size: u32): string | null {
    let text = "";
    let at = first;
    let left = size;
    while (left > 0) {
      burn(1);
      const chunk = this.chunk(at);
      if (chunk == 0) return null;
      const piece = min(left, LA_BYTES_SIZE);
      text += stringAt(chunk + LA_BYTES, <i32>piece);
      left -= piece;
      at = <u32>load<u16>(chunk, LA_NEXT);
    }
    return text;
  }

  /** Takes over the entry in the chunk at `entry`. */
  private takeEntry(entry: usize): bool {
    this.entry = entry;
    const length = <u32>load<u16>(entry, LE_NAME_LENGTH);
    if (length > NAME_SIZE_MAX) return this.bad(`name of ${length} bytes`);
    const name = this.chained(<u32>load<u16>(entry, LE_NAME_CHUNK), length);
    // Values of several numbers are of no interest here, and neither is their size, but for numbers of 8 bytes.
    const number = load<u8>(entry, LE_INTEGER_SIZE) == 8 && load<u16>(entry, LE_VALUE_COUNT) >= 1;
    const bytes = number ? this.chained(<u32>load<u16>(entry, LE_VALUE_CHUNK), 8) : "";
    if (name === null || bytes === null) return this.bad("chain of chunks");
    this.name = cutAtNul(name);
    this.value = 0;
    for (let i = 0; i < bytes.length; i++) this.value = (this.value << 8) | <u64>bytes.charCodeAt(i);
    return true;
  }

  /** All numbers of the entry, of which there may be `limit`; null when there are more, or none can be read. */
  numbers(limit: u32): u64[] | null {
    const entry = this.entry;
    const size = entry != 0 ? <u32>load<u8>(entry, LE_INTEGER_SIZE) : 0;
    const count = size > 0 && size <= 8 ? <u32>load<u16>(entry, LE_VALUE_COUNT) : 0;
    if (count == 0 || count > limit) return null;
    const bytes = this.chained(<u32>load<u16>(entry, LE_VALUE_CHUNK), count * size);
    if (bytes === null) return null;
    const result: u64[] = [];
    for (let at = 0; at < bytes.length; ) {
      let number: u64 = 0;
      for (let i: u32 = 0; i < size; i++) number = (number << 8) | <u64>bytes.charCodeAt(at++);
      result.push(number);
    }
    return result;
  }

  private loadLeaf(block: u64): bool {
    if (!this.load(block)) return false;
    const data = this.data();
    if (load<u64>(data) == ZAP_LEAF && load<u32>(data, LEAF_MAGIC_AT) == LEAF_MAGIC) return true;
    return this.bad(`block ${block} is no leaf`);
  }

  // ---- looking up -------------------------------------------------------------------------------------

  /**
   * Looks for `wanted`, or, with `anyCase`, for a name that differs in its case only; then `value` is its number. False and
   * errno: ENOENT when it is not there.
   */
  lookUp(wanted: string, anyCase: bool = false): bool {
    // The hash is that of a name's normal form, which is the name itself as long as it is ASCII.
    if (!this.micro && (this.normalize == 0 || isAscii(wanted))) return this.lookUpHashed(wanted, anyCase);
    const loose = anyCase ? prepared(wanted) : "";
    let other = "";
    let value: u64 = 0;
    this.rewind();
    while (this.next()) {
      if (compareBytes(this.name, wanted) == 0) return true;
      if (!anyCase || other.length > 0 || this.name.length != loose.length) continue;
      if (compareBytes(prepared(this.name), loose) != 0) continue;
      other = this.name;
      value = this.value;
    }
    if (errno != ENOENT || other.length == 0) return false;
    this.name = other;
    this.value = value;
    return true;
  }

  private lookUpHashed(wanted: string, anyCase: bool): bool {
    const loose = anyCase ? prepared(wanted) : "";
    const hash = hashOf(this.salt, (this.normalize & NORMALIZE_UPPER) != 0 ? prepared(wanted) : wanted);
    const bits = this.tableShift;
    if (bits == 0 || bits > 40) return this.bad(`table of 2^${bits} entries`);
    const index = hash >> (64 - bits);
    const perBlock = <u64>this.dnode.blockSize >> 3;
    // In the header's own block the table is the second half.
    const place = this.tableBlock == 0 ? (perBlock >> 1) + index : index;
    if (this.tableBlock == 0 && place >= perBlock) return this.bad(`table of 2^${bits} entries`);
    if (!this.load(this.tableBlock + place / perBlock)) return false;
    const leaf = load<u64>(this.data() + ((<usize>(place % perBlock)) << 3));
    if (!this.loadLeaf(leaf)) return false;
    const hashBits = <u64>(this.blockShift - 5);
    const prefix = <u64>load<u16>(this.data(), LEAF_PREFIX_LENGTH);
    if (prefix + hashBits > 64) return this.bad(`prefix of ${prefix} bits`);
    const bucket = (hash >> (64 - hashBits - prefix)) & (((<u64>1) << hashBits) - 1);
    let at = <u32>load<u16>(this.data() + <usize>LEAF_HASH + ((<usize>bucket) << 1));
    let other: usize = 0;
    // A chain has at most as many entries as there are chunks.
    for (let left = this.dnode.blockSize / CHUNK_SIZE; at != CHAIN_END; left--) {
      const entry = this.chunk(at);
      if (entry == 0 || left == 0) return this.bad("chain of entries");
      burn(1);
      if (load<u64>(entry, LE_HASH) == hash) {
        if (!this.takeEntry(entry)) return false;
        if (compareBytes(this.name, wanted) == 0) return true;
        if (anyCase && other == 0 && compareBytes(prepared(this.name), loose) == 0) other = entry;
      }
      at = <u32>load<u16>(entry, LE_NEXT);
    }
    if (other != 0) return this.takeEntry(other);
    setErrno(ENOENT);
    return false;
  }

  /** Looks for an entry of `value`; then `name` is its name. */
  lookUpValue(value: u64): bool {
    this.rewind();
    while (this.next()) if (this.value == value) return true;
    return false;
  }

  // ---- listing ----------------------------------------------------------------------------------------

  /** Starts the walk again. */
  rewind(): void {
    this.walkBlock = this.micro ? 0 : 1;
    this.walkIndex = 0;
    if (!this.micro) this.walkLoaded = false;
  }

  /** Goes to the next entry; then `name` and `value` tell of it. False and errno: ENOENT at the end. */
  next(): bool {
    return this.micro ? this.nextMicro() : this.nextHashed();
  }

  private nextMicro(): bool {
    while (true) {
      const at = MICRO_HEAD + this.walkIndex * MICRO_ENTRY_SIZE;
      if (at + MICRO_ENTRY_SIZE > this.dnode.blockSize) {
        setErrno(ENOENT);
        return false;
      }
      this.walkIndex++;
      burn(1);
      const entry = this.data() + <usize>at;
      if (load<u8>(entry, MICRO_NAME) == 0) continue;
      this.name = cstringAt(entry + MICRO_NAME, MICRO_NAME_SIZE);
      this.value = load<u64>(entry, MICRO_VALUE);
      return true;
    }
  }

  private nextHashed(): bool {
    while (this.walkBlock < this.blocks) {
      burn(1);
      if (!this.walkLoaded) {
        if (!this.load(this.walkBlock)) return false;
        this.walkLoaded = true;
        this.walkIndex = 0;
      }
      const leaf = load<u64>(this.data()) == ZAP_LEAF && load<u32>(this.data(), LEAF_MAGIC_AT) == LEAF_MAGIC;
      const entry = leaf ? this.chunk(this.walkIndex) : 0;
      if (entry == 0) {
        // The end of the leaf, or a block of the table.
        this.walkBlock++;
        this.walkLoaded = false;
        continue;
      }
      this.walkIndex++;
      if (load<u8>(entry) == CHUNK_ENTRY) return this.takeEntry(entry);
    }
    setErrno(ENOENT);
    return false;
  }
}

/** The ZAP `dnode` at its entry `name`: its `value` is what that stands for, and all that can be asked. Null and errno. */
export function zapLookUp(dnode: Dnode, name: string, anyCase: bool = false): Zap | null {
  const zap = Zap.open(dnode);
  if (zap === null) {
    setErrno(EIO);
    return null;
  }
  const found = zap.lookUp(name, anyCase);
  zap.release();
  return found ? zap : null;
}

/** All numbers, at most `limit`, that the entry `name` of the ZAP `dnode` stands for; null when there are none. */
export function zapNumbers(dnode: Dnode, name: string, limit: u32): u64[] | null {
  const zap = Zap.open(dnode);
  if (zap === null) return null;
  const numbers = zap.lookUp(name) ? zap.numbers(limit) : null;
  zap.release();
  return numbers;
}
