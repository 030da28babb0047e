// Writes small ISO 9660 images: files in the root directory, under names as given, with Rock
// Ridge names when asked for.

const BLOCK = 2048;

export interface IsoFile {
  name: string;
  content: Uint8Array | string;
  /** The Rock Ridge name. */
  rockRidge?: string;
  /** System use entries behind the name's. */
  use?: Uint8Array;
  /** Bytes of each extent but the last, when it has several. */
  extents?: number;
}

function both16(target: Buffer, offset: number, value: number): void {
  target.writeUInt16LE(value, offset);
  target.writeUInt16BE(value, offset + 2);
}

function both32(target: Buffer, offset: number, value: number): void {
  target.writeUInt32LE(value, offset);
  target.writeUInt32BE(value, offset + 4);
}

/** Flags of directories, and of records whose file goes on in the next. */
const DIRECTORY = 2;
const MORE = 0x80;

/** A directory record with system use entries behind the name. */
function record(name: string, block: number, size: number, flags: number, use: Buffer): Buffer {
  const head = (33 + name.length + 1) & ~1;
  const result = Buffer.alloc((head + use.length + 1) & ~1);
  result[0] = result.length;
  both32(result, 2, block);
  both32(result, 10, size);
  result[25] = flags;
  both16(result, 28, 1);
  result[32] = name.length;
  result.write(name, 33, "latin1");
  use.copy(result, head);
  return result;
}

/** "SP" and "ER", which announce Rock Ridge. */
const ANNOUNCE = Buffer.concat([
  Buffer.from([0x53, 0x50, 7, 1, 0xbe, 0xef, 0]),
  Buffer.from([0x45, 0x52, 18, 1, 10, 0, 0, 1]),
  Buffer.from("RRIP_1991A"),
]);

const nameEntry = (name: string) =>
  Buffer.concat([Buffer.from([0x4e, 0x4d, 5 + name.length, 1, 0]), Buffer.from(name, "latin1")]);

export function isoImage(files: readonly IsoFile[]): Buffer {
  const rockRidge = files.some((file) => file.rockRidge !== undefined);
  const none = Buffer.alloc(0);
  const contents = files.map(({ content }) => (typeof content === "string" ? Buffer.from(content, "latin1") : content));
  const rootBlock = 18;
  // Records don't cross blocks.
  const layOut = (blocks: readonly number[], size: number) => {
    const parts: Buffer[] = [];
    let used = 0;
    const add = (part: Buffer) => {
      const left = BLOCK - (used % BLOCK);
      if (part.length > left) {
        parts.push(Buffer.alloc(left));
        used += left;
      }
      parts.push(part);
      used += part.length;
    };
    add(record("\0", rootBlock, size, DIRECTORY, rockRidge ? ANNOUNCE : none));
    add(record("\x01", rootBlock, size, DIRECTORY, none));
    files.forEach((file, i) => {
      const name = file.rockRidge === undefined ? none : nameEntry(file.rockRidge);
      const use = Buffer.concat([name, file.use ?? none]);
      const size = contents[i]?.length ?? 0;
      const extent = file.extents ?? size;
      let at = 0;
      do {
        const rest = size - at;
        const more = rest > extent;
        const block = (blocks[i] ?? 0) + at / BLOCK;
        add(record(file.name, block, Math.min(extent, rest), more ? MORE : 0, use));
        at += extent;
      } while (at < size);
    });
    const directory = Buffer.concat(parts);
    return Buffer.concat([directory, Buffer.alloc((BLOCK - (directory.length % BLOCK)) % BLOCK)]);
  };
  const directorySize = layOut([], 0).length;
  let next = rootBlock + directorySize / BLOCK;
  const blocks = contents.map((content) => {
    const block = next;
    next += Math.ceil(content.length / BLOCK);
    return block;
  });
  const image = Buffer.alloc(next * BLOCK);
  const primary = image.subarray(16 * BLOCK);
  primary[0] = 1;
  primary.write("CD001\x01", 1, "latin1");
  both32(primary, 80, next);
  both16(primary, 128, BLOCK);
  record("\0", rootBlock, directorySize, DIRECTORY, none).copy(primary, 156);
  image.subarray(17 * BLOCK).write("\xffCD001\x01", 0, "latin1");
  layOut(blocks, directorySize).copy(image, rootBlock * BLOCK);
  contents.forEach((content, i) => {
    image.set(content, (blocks[i] ?? 0) * BLOCK);
  });
  return image;
}
