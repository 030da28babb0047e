// Writers of images in every format that is read, from the bytes of a disk: as FreeBSD's mkimg lays them out where no other
// program does, and so that a field can be wrong. Parts of zeros are left out, and the others stand in a mixed order.

import { deflateRawSync, deflateSync } from "node:zlib";

/** An image, and where in it its structures are. */
export interface BuiltImage {
  bytes: Buffer;
  /** Offsets by name. */
  at: Record<string, number>;
}

/** A file that grows. */
class Growing {
  bytes = Buffer.alloc(0);

  /** Room for `size` bytes of zeros at the next multiple of `alignment`. */
  room(size: number, alignment = 512): number {
    const at = Math.ceil(this.bytes.length / alignment) * alignment;
    this.bytes = Buffer.concat([this.bytes, Buffer.alloc(at + size - this.bytes.length)]);
    return at;
  }

  add(part: Uint8Array, alignment = 512): number {
    const at = this.room(part.length, alignment);
    this.bytes.set(part, at);
    return at;
  }
}

/** The parts of `disk` that aren't zeros, filled up to `size` bytes, by their numbers, in a mixed order. */
function parts(disk: Uint8Array, size: number): [number, Buffer][] {
  const count = Math.ceil(disk.length / size);
  const all = Array.from({ length: count }, (_, i): [number, Buffer] => {
    const part = Buffer.alloc(size);
    part.set(disk.subarray(i * size, (i + 1) * size));
    return [i, part];
  });
  const rank = (i: number) => (i * 7919) % (count + 1);
  return all.filter(([, part]) => part.some((byte) => byte !== 0)).sort(([a], [b]) => rank(a) - rank(b));
}

export interface Qcow2Choice {
  version?: 2 | 3;
  clusterBits?: number;
  compress?: boolean;
  /** Clusters in 32 parts. */
  extended?: boolean;
  /** Whether a file is behind it: then parts of zeros say that they are. */
  backing?: boolean;
  /** Where the clusters go instead. */
  dataFile?: boolean;
  features?: bigint;
}

/** A qcow2 image; `data` is the data file, when there is one. */
export function qcow2Image(disk: Uint8Array, choice: Qcow2Choice = {}): BuiltImage & { data: Buffer } {
  const {
    version = 3,
    clusterBits = 12,
    compress = false,
    extended = false,
    backing = false,
    dataFile = false,
  } = choice;
  const cluster = 2 ** clusterBits;
  const entrySize = extended ? 16 : 8;
  const perTable = cluster / entrySize;
  const clusters = Math.ceil(disk.length / cluster);
  const tables = Math.ceil(clusters / perTable);
  const file = new Growing();
  const data = new Growing();
  file.room(cluster);
  const refcounts = file.room(cluster, cluster);
  const l1 = file.room(tables * 8, cluster);
  const l2 = file.room(tables * cluster, cluster);
  const entryAt = (index: number) => l2 + Math.floor(index / perTable) * cluster + (index % perTable) * entrySize;
  const written = new Set<number>();
  for (const [index, part] of parts(disk, cluster)) {
    written.add(index);
    let entry: bigint;
    if (compress) {
      const packed = deflateRawSync(part, { windowBits: 12 });
      const at = file.add(packed, 1);
      const pieces = Math.floor((at + packed.length - 1) / 512) - Math.floor(at / 512);
      entry = (1n << 62n) | (BigInt(pieces) << BigInt(62 - (clusterBits - 8))) | BigInt(at);
    } else {
      entry = (1n << 63n) | BigInt((dataFile ? data : file).add(part, cluster));
    }
    file.bytes.writeBigUInt64BE(entry, entryAt(index));
    if (extended && !compress) {
      // Parts of zeros say so, every second of them at least.
      let map = 0n;
      for (let i = 0; i < 32; i++) {
        const sub = part.subarray((i * cluster) / 32, ((i + 1) * cluster) / 32);
        map |= 1n << BigInt(i % 2 === 0 && !sub.some((byte) => byte !== 0) ? i + 32 : i);
      }
      file.bytes.writeBigUInt64BE(map, entryAt(index) + 8);
    }
  }
  for (let index = 0; backing && index < clusters; index++) {
    if (written.has(index)) continue;
    if (extended) file.bytes.writeBigUInt64BE(0xffff_ffff_0000_0000n, entryAt(index) + 8);
    else file.bytes.writeBigUInt64BE(1n, entryAt(index));
  }
  for (let i = 0; i < tables; i++) file.bytes.writeBigUInt64BE(BigInt(l2 + i * cluster) | (1n << 63n), l1 + i * 8);
  file.bytes.write("QFI\xfb", 0, "latin1");
  file.bytes.writeUInt32BE(version, 4);
  if (backing) {
    file.bytes.writeBigUInt64BE(400n, 8);
    file.bytes.writeUInt32BE(file.bytes.write("/etc/passwd", 400), 16);
  }
  file.bytes.writeUInt32BE(clusterBits, 20);
  file.bytes.writeBigUInt64BE(BigInt(disk.length), 24);
  file.bytes.writeUInt32BE(tables, 36);
  file.bytes.writeBigUInt64BE(BigInt(l1), 40);
  file.bytes.writeBigUInt64BE(BigInt(refcounts), 48);
  file.bytes.writeUInt32BE(1, 56);
  if (version === 3) {
    file.bytes.writeBigUInt64BE((choice.features ?? 0n) | (dataFile ? 4n : 0n) | (extended ? 16n : 0n), 72);
    file.bytes.writeUInt32BE(4, 96);
    file.bytes.writeUInt32BE(104, 100);
  }
  file.room(0, 512);
  return { bytes: file.bytes, data: data.bytes, at: { header: 0, refcounts, l1, l2 } };
}

export interface VmdkChoice {
  grainSectors?: number;
  /** Compressed grains with markers, and the directory at the end, as for a stream. */
  stream?: boolean;
  descriptor?: string;
}

/** The descriptor of a disk in one sparse file. */
export const VMDK_DESCRIPTOR =
  '# Disk DescriptorFile\nversion=1\nCID=12345678\nparentCID=ffffffff\ncreateType="monolithicSparse"\n\nRW 1 SPARSE "a.vmdk"\n';

/** A sparse VMDK extent. */
export function vmdkImage(
  disk: Uint8Array,
  { grainSectors = 8, stream = false, descriptor }: VmdkChoice = {},
): BuiltImage {
  const grain = grainSectors * 512;
  const perTable = 512;
  const tables = Math.ceil(disk.length / (grain * perTable));
  const file = new Growing();
  file.room(512);
  const text = file.room(1024);
  file.bytes.write(descriptor ?? VMDK_DESCRIPTOR, text);
  const sectors = new Map<number, number>();
  const addGrains = () => {
    for (const [index, part] of parts(disk, grain)) {
      if (!stream) {
        sectors.set(index, file.add(part) / 512);
        continue;
      }
      const marker = Buffer.alloc(12);
      const packed = deflateSync(part.subarray(0, Math.min(grain, disk.length - index * grain)));
      marker.writeBigUInt64LE(BigInt(index * grainSectors), 0);
      marker.writeUInt32LE(packed.length, 8);
      sectors.set(index, file.add(Buffer.concat([marker, packed])) / 512);
    }
  };
  // A stream has grains first, then each table behind a marker, the directory and the footer.
  const marked = (type: number, size: number) => {
    const marker = Buffer.alloc(512);
    marker.writeBigUInt64LE(BigInt(Math.ceil(size / 512)), 0);
    marker.writeUInt32LE(type, 12);
    if (stream) file.add(marker);
    return file.room(size);
  };
  if (stream) addGrains();
  const tableAt = Array.from({ length: tables }, () => marked(1, perTable * 4));
  const directory = marked(2, tables * 4);
  if (!stream) addGrains();
  for (const [index, sector] of sectors) {
    file.bytes.writeUInt32LE(sector, tableAt[Math.floor(index / perTable)]! + (index % perTable) * 4);
  }
  for (const [i, at] of tableAt.entries()) file.bytes.writeUInt32LE(at / 512, directory + i * 4);
  const header = Buffer.alloc(512);
  header.write("KDMV");
  header.writeUInt32LE(stream ? 3 : 1, 4);
  header.writeUInt32LE(stream ? 0x30001 : 1, 8);
  header.writeBigUInt64LE(BigInt(Math.ceil(disk.length / 512)), 12);
  header.writeBigUInt64LE(BigInt(grainSectors), 20);
  header.writeBigUInt64LE(BigInt(text / 512), 28);
  header.writeBigUInt64LE(2n, 36);
  header.writeUInt32LE(perTable, 44);
  header.writeBigUInt64LE(BigInt(directory / 512), 56);
  header.set([0x0a, 0x20, 0x0d, 0x0a], 73);
  header.writeUInt16LE(stream ? 1 : 0, 77);
  let footer = 0;
  if (stream) {
    footer = marked(3, 512);
    file.bytes.set(header, footer);
    header.writeBigUInt64LE((1n << 64n) - 1n, 56);
    file.room(512);
  }
  file.bytes.set(header, 0);
  return { bytes: file.bytes, at: { header: 0, descriptor: text, tables: tableAt[0]!, directory, footer } };
}

/** The bytes of `block` summed up, all bits turned, as VHD has it in four of them. */
function vhdSum(block: Buffer, at: number): void {
  block.writeUInt32BE(0, at);
  block.writeUInt32BE(~block.reduce((sum, byte) => sum + byte, 0) >>> 0, at);
}

/** A VHD image: dynamic, or fixed without `blockSize`. `type` is what the footer says. */
export function vhdImage(disk: Uint8Array, blockSize = 0, type = blockSize > 0 ? 3 : 2): BuiltImage {
  const file = new Growing();
  const footer = Buffer.alloc(512);
  footer.write("conectix");
  footer.writeUInt32BE(2, 8);
  footer.writeUInt32BE(0x10000, 12);
  footer.writeBigUInt64BE(blockSize > 0 ? 512n : (1n << 64n) - 1n, 16);
  footer.write("mkim", 28);
  footer.writeBigUInt64BE(BigInt(disk.length), 40);
  footer.writeBigUInt64BE(BigInt(disk.length), 48);
  footer.writeUInt32BE(type, 60);
  vhdSum(footer, 64);
  if (blockSize === 0) {
    file.add(disk);
    return { at: { footer: file.add(footer) }, bytes: file.bytes };
  }
  file.add(footer);
  const header = Buffer.alloc(1024);
  const blocks = Math.ceil(disk.length / blockSize);
  header.write("cxsparse");
  header.fill(0xff, 8, 16);
  header.writeBigUInt64BE(1536n, 16);
  header.writeUInt32BE(0x10000, 24);
  header.writeUInt32BE(blocks, 28);
  header.writeUInt32BE(blockSize, 32);
  vhdSum(header, 36);
  file.add(header);
  const table = file.add(Buffer.alloc(Math.ceil(blocks / 128) * 512, 0xff));
  const bitmap = Math.ceil(blockSize / 4096 / 512) * 512;
  for (const [index, part] of parts(disk, blockSize)) {
    const at = file.add(Buffer.concat([Buffer.alloc(bitmap, 0xff), part]));
    file.bytes.writeUInt32BE(at / 512, table + index * 4);
  }
  return { at: { copy: 0, header: 512, table, footer: file.add(footer) }, bytes: file.bytes };
}

/** A VDI image. */
export function vdiImage(disk: Uint8Array, blockSize = 65536): BuiltImage {
  const file = new Growing();
  const header = Buffer.alloc(512);
  const blocks = Math.ceil(disk.length / blockSize);
  const table = 512;
  const data = Math.ceil((table + blocks * 4) / 512) * 512;
  header.write("<<< Oracle VM VirtualBox Disk Image >>>\n");
  header.writeUInt32LE(0xbeda107f, 0x40);
  header.writeUInt32LE(0x10001, 0x44);
  header.writeUInt32LE(0x190, 0x48);
  header.writeUInt32LE(1, 0x4c);
  header.writeUInt32LE(table, 0x154);
  header.writeUInt32LE(data, 0x158);
  header.writeUInt32LE(512, 0x168);
  header.writeBigUInt64LE(BigInt(disk.length), 0x170);
  header.writeUInt32LE(blockSize, 0x178);
  header.writeUInt32LE(blocks, 0x180);
  file.add(header);
  file.add(Buffer.alloc(data - table, 0xff));
  for (const [count, [index, part]] of parts(disk, blockSize).entries()) {
    file.add(part);
    file.bytes.writeUInt32LE(count, table + index * 4);
    header.writeUInt32LE(count + 1, 0x184);
  }
  file.bytes.set(header, 0);
  return { bytes: file.bytes, at: { header: 0, table, data } };
}

/** Castagnoli's CRC-32. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

/** An identification as Microsoft stores it. */
function guid(text: string): Buffer {
  const hex = Buffer.from(text.replaceAll("-", ""), "hex");
  return Buffer.concat([
    hex.subarray(0, 4).reverse(),
    hex.subarray(4, 6).reverse(),
    hex.subarray(6, 8).reverse(),
    hex.subarray(8),
  ]);
}

const MIB = 1024 * 1024;

export interface VhdxChoice {
  sectorSize?: 512 | 4096;
  /** The log's identification: not zeros when it is to be played back. */
  log?: boolean;
  parent?: boolean;
}

/** A VHDX image with blocks of a MiB. */
export function vhdxImage(
  disk: Uint8Array,
  { sectorSize = 512, log = false, parent = false }: VhdxChoice = {},
): BuiltImage {
  const file = new Growing();
  file.room(MIB);
  file.bytes.write("vhdxfile");
  for (const [i, at] of [65536, 131072].entries()) {
    const header = Buffer.alloc(4096);
    header.write("head");
    header.writeBigUInt64LE(BigInt(i + 1), 8);
    if (log) header.fill(0x11, 48, 64);
    header.writeUInt16LE(1, 66);
    header.writeUInt32LE(MIB, 68);
    header.writeBigUInt64LE(BigInt(MIB), 72);
    header.writeUInt32LE(crc32c(header), 4);
    file.bytes.set(header, at);
  }
  // The log, the metadata, the table of blocks.
  file.room(MIB, MIB);
  const metadata = file.room(MIB, MIB);
  const table = file.room(MIB, MIB);
  const regions = Buffer.alloc(65536);
  regions.write("regi");
  regions.writeUInt32LE(2, 8);
  for (const [i, [id, at]] of (
    [
      ["2DC27766-F623-4200-9D64-115E9BFD4A08", table],
      ["8B7CA206-4790-4B9A-B8FE-575F050F886E", metadata],
    ] as const
  ).entries()) {
    regions.set(guid(id), 16 + i * 32);
    regions.writeBigUInt64LE(BigInt(at), 32 + i * 32);
    regions.writeUInt32LE(MIB, 40 + i * 32);
    regions.writeUInt32LE(1, 44 + i * 32);
  }
  regions.writeUInt32LE(crc32c(regions), 4);
  file.bytes.set(regions, 196608);
  file.bytes.set(regions, 262144);
  const items: [string, Buffer][] = [
    ["CAA16737-FA36-4D43-B3B6-33F0AA44E76B", Buffer.from([0, 0, 0x10, 0, parent ? 2 : 0, 0, 0, 0])],
    ["2FA54224-CD1B-4876-B211-5DBED83BF4B8", Buffer.alloc(8)],
    ["8141BF1D-A96F-4709-BA47-F233A8FAAB5F", Buffer.alloc(4)],
    ["CDA348C7-445D-4471-9CC9-E9885251C556", Buffer.alloc(4)],
    ["BECA12AB-B2E6-4523-93EF-C309E000C746", Buffer.alloc(16, 7)],
  ];
  items[1]![1].writeBigUInt64LE(BigInt(disk.length));
  items[2]![1].writeUInt32LE(sectorSize);
  items[3]![1].writeUInt32LE(4096);
  file.bytes.write("metadata", metadata);
  file.bytes.writeUInt16LE(items.length, metadata + 10);
  let at = 65536;
  for (const [i, [id, value]] of items.entries()) {
    const entry = metadata + 32 + i * 32;
    file.bytes.set(guid(id), entry);
    file.bytes.writeUInt32LE(at, entry + 16);
    file.bytes.writeUInt32LE(value.length, entry + 20);
    file.bytes.writeUInt32LE(4, entry + 24);
    file.bytes.set(value, metadata + at);
    at += value.length;
  }
  const chunk = (2 ** 23 * sectorSize) / MIB;
  for (const [index, part] of parts(disk, MIB)) {
    const place = file.add(part, MIB);
    file.bytes.writeBigUInt64LE(BigInt(place) | 6n, table + (index + Math.floor(index / chunk)) * 8);
  }
  return { bytes: file.bytes, at: { headers: 65536, regions: 196608, metadata, items: metadata + 65536, table } };
}
