// What an ELF file says (System V ABI, gABI chapter 5), read with nothing of the core: what a kernel's loading is compared with.

/** A program header of type PT_LOAD. */
export interface LoadedSegment {
  offset: number;
  address: bigint;
  size: number;
  memory: number;
}

export interface ElfFile {
  wide: boolean;
  entry: bigint;
  segments: LoadedSegment[];
}

const PT_LOAD = 1;

/** The file in `bytes`, little-endian, of either class. */
export function readElf(bytes: Uint8Array): ElfFile {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0) !== 0x7f454c46) throw new Error("no ELF file");
  const wide = view.getUint8(4) === 2;
  const word = (at: number) => (wide ? view.getBigUint64(at, true) : BigInt(view.getUint32(at, true)));
  const headers = Number(word(wide ? 32 : 28));
  const each = view.getUint16(wide ? 54 : 42, true);
  const count = view.getUint16(wide ? 56 : 44, true);
  const places = wide
    ? { offset: 8, address: 16, size: 32, memory: 40 }
    : { offset: 4, address: 8, size: 16, memory: 20 };
  const segments = Array.from({ length: count }, (_, i) => headers + i * each)
    .filter((at) => view.getUint32(at, true) === PT_LOAD)
    .map((at) => ({
      offset: Number(word(at + places.offset)),
      address: word(at + places.address),
      size: Number(word(at + places.size)),
      memory: Number(word(at + places.memory)),
    }));
  return { wide, entry: word(24), segments };
}
