// What decoders of zstd have to be kept from. One makes room for as large a window as a frame asks for, two gigabytes for a few
// bytes, and moves all of it for each block. Another, Node's own, takes no notice of what is behind a frame in the same piece.

/** What `zstd` itself reads unless it is told otherwise. */
const WINDOW_MAX = 128 * 1024 * 1024;
const MAGIC = 0xfd2fb528;
const SKIPPABLE = 0x184d2a5;
/** Bytes of a dictionary's number, by the lowest two bits of a frame's flags. */
const ID_SIZES = [0, 1, 2, 4] as const;
const CHECKSUM_SIZE = 4;
const RLE = 1;
const RESERVED = 3;

/**
 * The pieces of a zstd file, cut where frames begin, each once the frame that begins in it was looked at.
 * @throws Error for one whose window is too large, and what is no frame
 */
export function* boundedFrames(pieces: Iterable<Uint8Array>): Iterable<Uint8Array> {
  const heads = readHeads();
  let { value: wanted } = heads.next();
  let head: number[] = [];
  for (const piece of pieces) {
    let start = 0;
    for (let at = 0; at < piece.length; ) {
      if (wanted!.skip > 0) {
        const skipped = Math.min(wanted!.skip, piece.length - at);
        wanted!.skip -= skipped;
        at += skipped;
        continue;
      }
      if (wanted!.begins && head.length === 0 && at > start) {
        yield piece.subarray(start, at);
        start = at;
      }
      head.push(piece[at++]!);
      if (head.length < wanted!.size) continue;
      wanted = heads.next(Buffer.from(head)).value!;
      head = [];
    }
    if (start < piece.length) yield piece.subarray(start);
  }
}

/** What is wanted next: so many bytes, behind those that are passed over. */
interface Wanted {
  skip: number;
  size: number;
  /** A frame begins with them. */
  begins?: boolean;
}

/** Goes through frames by their headers and those of their blocks, which it is given. */
function* readHeads(): Generator<Wanted, undefined, Buffer> {
  for (let skip = 0; ; ) {
    const magic = (yield { skip, size: 4, begins: true }).readUInt32LE();
    if (magic >>> 4 === SKIPPABLE) {
      skip = (yield { skip: 0, size: 4 }).readUInt32LE();
      continue;
    }
    if (magic !== MAGIC) throw new Error("no frame");
    const [flags = 0] = yield { skip: 0, size: 1 };
    const isSingle = (flags & 0x20) !== 0;
    const idSize = ID_SIZES[(flags & 3) as 0 | 1 | 2 | 3];
    const sizeSize = flags >> 6 === 0 ? Number(isSingle) : 1 << (flags >> 6);
    const head = yield { skip: 0, size: Number(!isSingle) + idSize + sizeSize };
    const window = isSingle ? contentSize(head.subarray(idSize)) : windowOf(head[0]!);
    if (window > WINDOW_MAX) throw new Error(`needs a window of ${window} bytes`);
    skip = 0;
    for (let isLast = false; !isLast; ) {
      const block = (yield { skip, size: 3 }).readUIntLE(0, 3);
      const type = (block >> 1) & 3;
      if (type === RESERVED) throw new Error("a block of no type");
      isLast = (block & 1) === 1;
      skip = type === RLE ? 1 : block >> 3;
    }
    if ((flags & 4) !== 0) skip += CHECKSUM_SIZE;
  }
}

function windowOf(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}

/** A frame's size, as a number that is large enough when it has eight bytes. */
function contentSize(bytes: Buffer): number {
  if (bytes.length === 8) return Number(bytes.readBigUInt64LE());
  return bytes.readUIntLE(0, bytes.length) + (bytes.length === 2 ? 256 : 0);
}
