// The on-disk layout of ZFS pools (OpenZFS's spa.h, dmu.h, dnode.h, zap_impl.h, zap_leaf.h, dsl_dir.h,
// zfs_znode.h; the "ZFS On-Disk Specification"): offsets of the fields that reading needs, little-endian pools only.

// ---- labels: two at the start of each disk, two at its end --------------------------------------------

/** Bytes of a label, and how many a disk has. */
export const LABEL_SIZE: u64 = 262144;
export const LABELS: i32 = 4;
/** Offset of label `index` on a disk of `size` bytes. */
export function labelOffset(size: u64, index: i32): u64 {
  const offset = <u64>index * LABEL_SIZE;
  return index < LABELS / 2 ? offset : offset + size - <u64>LABELS * LABEL_SIZE;
}

/** Offset of the first allocatable byte: two labels and the boot area. Block addresses count from there. */
export const DATA_START: u64 = 4 << 20;
export const BOOT_AREA_SIZE: u64 = 7 << 19;
/** The smallest disk of a pool. */
export const DEVICE_SIZE_MIN: u64 = 64 << 20;
/** The boot block: version (big-endian), and what the next boot is told. */
export const BOOT_BLOCK_AT: u64 = 8192;
export const BOOT_BLOCK_SIZE: u32 = 8192;
export const BOOT_BLOCK_RAW: u64 = 0;
export const BOOT_BLOCK_LIST: u64 = 1;
export const BOOT_BLOCK_CONTENT: usize = 8;
/** Bytes of the packed description of pool and disk behind it. */
export const CONFIG_SIZE: u32 = 114688;
/** The ring of uberblocks. */
export const UBERBLOCKS_AT: u64 = 131072;
export const UBERBLOCKS_SIZE: u64 = 131072;
export const UBERBLOCK_SHIFT_MIN: u64 = 10;
export const UBERBLOCK_SHIFT_MAX: u64 = 13;

/** The uberblock (spa.h): a root for every group of transactions, the latest of which counts. Offsets in it. */
export const UBERBLOCK_MAGIC: u64 = 0x00bab10c;
export const UB_MAGIC: usize = 0;
export const UB_TXG: usize = 16;
export const UB_TIMESTAMP: usize = 32;
export const UB_ROOT: usize = 40;
export const UB_REFLOW: usize = 208;
export const UB_SIZE: u32 = 1024; // at most

/** How far the sectors of a RAID-Z group have moved to a new member, in bytes. */
export function reflowOffset(reflow: u64): u64 {
  return (reflow & 0x7fffffffffffff) << SECTOR_SHIFT;
}

/** State of the move: REFLOW_*. */
export function reflowState(reflow: u64): u32 {
  return <u32>(reflow >> 55);
}
/** The first sectors are in the boot area. */
export const REFLOW_SCRATCH: u32 = 1;

/** The checksum at the end of a block that carries its own: magic, four words. */
export const TAIL_SIZE: u32 = 40;
export const TAIL_MAGIC: u64 = 0x0210da7ab10c7a11;

// ---- block pointers ---------------------------------------------------------------------------------

/** A block pointer (spa.h): three addresses (DVA), then properties, births and checksum. Offsets in it. */
export const BP_SIZE: u32 = 128;
export const BP_SHIFT: u32 = 7;
export const BP_COPIES: i32 = 3;
export const BP_PROPERTIES: usize = 48;
export const BP_PHYSICAL_BIRTH: usize = 72;
export const BP_BIRTH: usize = 80;
export const BP_CHECKSUM: usize = 96;
export const DVA_SIZE: usize = 16;

/** Sizes and addresses on disks count 512 bytes. */
export const SECTOR_SHIFT: u64 = 9;
/** Blocks are not larger. */
export const BLOCK_SIZE_MAX: u32 = 16 << 20;
/** A gang block's header: block pointers, and a tail. Gang blocks of three parts each are not deeper for the largest block. */
export const GANG_SIZE: u32 = 512;
export const GANG_DEPTH_MAX: i32 = 10;

/** Checksums as block pointers number them (zio.h); some of these keep theirs in the block itself. */
export const CHECKSUM_OFF: u32 = 2;
export const CHECKSUM_LABEL: u32 = 3;
export const CHECKSUM_GANG: u32 = 4;
export const CHECKSUM_FLETCHER2: u32 = 6;
export const CHECKSUM_FLETCHER4: u32 = 7;
export const CHECKSUM_SHA256: u32 = 8;
export const CHECKSUM_NOPARITY: u32 = 10;
export const CHECKSUM_SHA512: u32 = 11;
export const CHECKSUM_SKEIN: u32 = 12;
export const CHECKSUM_EDONR: u32 = 13;
export const CHECKSUM_BLAKE3: u32 = 14;
/** Bytes of a pool's salt. */
export const SALT_SIZE: u32 = 32;

/** Compressions as block pointers number them (zio.h). */
export const COMPRESS_OFF: u32 = 2;
export const COMPRESS_LZJB: u32 = 3;
export const COMPRESS_GZIP_MIN: u32 = 5;
export const COMPRESS_GZIP_MAX: u32 = 13;
export const COMPRESS_ZLE: u32 = 14;
export const COMPRESS_LZ4: u32 = 15;
export const COMPRESS_ZSTD: u32 = 16;

/** Properties of a block pointer. */
export function bpEmbedded(bp: usize): bool {
  return ((load<u64>(bp, BP_PROPERTIES) >> 39) & 1) != 0;
}

/** What is in it then. */
export function bpEmbeddedKind(bp: usize): u32 {
  return <u32>(load<u64>(bp, BP_PROPERTIES) >> 40) & 0xff;
}
/** Of a block that a redacted `zfs receive` left out. */
export const EMBEDDED_REDACTED: u32 = 2;

/** Whether a little-endian machine wrote it: the order of the bytes in its words. */
export function bpLittleEndian(bp: usize): bool {
  return load<u64>(bp, BP_PROPERTIES) >> 63 != 0;
}

/** How the block is compressed: COMPRESS_*. */
export function bpCompression(bp: usize): u32 {
  return <u32>(load<u64>(bp, BP_PROPERTIES) >> 32) & 0x7f;
}

/** What its checksum is: CHECKSUM_*. */
export function bpChecksum(bp: usize): u32 {
  return <u32>(load<u64>(bp, BP_PROPERTIES) >> 40) & 0xff;
}

/** Bytes of the block when decompressed. */
export function bpLogicalSize(bp: usize): u32 {
  const properties = load<u64>(bp, BP_PROPERTIES);
  return bpEmbedded(bp) ? (<u32>properties & 0x1ffffff) + 1 : ((<u32>properties & 0xffff) + 1) << 9;
}

/** Bytes on the disk. */
export function bpPhysicalSize(bp: usize): u32 {
  const properties = <u32>load<u64>(bp, BP_PROPERTIES);
  return bpEmbedded(bp) ? ((properties >> 25) & 0x7f) + 1 : ((properties >> 16) + 1) << 9;
}

/** Transaction group in which it was written. */
export function bpBirth(bp: usize): u64 {
  const physical = load<u64>(bp, BP_PHYSICAL_BIRTH);
  return physical != 0 ? physical : load<u64>(bp, BP_BIRTH);
}

/** Whether its content, or the content below it, is encrypted. */
export function bpEncrypted(bp: usize): bool {
  return !bpEmbedded(bp) && ((load<u64>(bp, BP_PROPERTIES) >> 61) & 1) != 0;
}

/** Whether it points nowhere: a block of zeros that was never written. */
export function bpHole(bp: usize): bool {
  return !bpEmbedded(bp) && dvaNone(bp);
}

/** Whether the bytes on the disk are those of the block. */
export function bpPlain(bp: usize): bool {
  return bpCompression(bp) == COMPRESS_OFF && bpPhysicalSize(bp) == bpLogicalSize(bp);
}

/** Whether there is no such copy. */
export function dvaNone(dva: usize): bool {
  return load<u64>(dva) == 0 && load<u64>(dva, 8) == 0;
}

/** Fields of the data virtual address at `dva`. */
export function dvaDevice(dva: usize): u64 {
  return load<u64>(dva) >> 32;
}

/** Bytes from DATA_START of that device. */
export function dvaOffset(dva: usize): u64 {
  return min(load<u64>(dva, 8) & 0x7fffffffffffffff, u64.MAX_VALUE >> SECTOR_SHIFT) << SECTOR_SHIFT;
}

/** Bytes that it takes up there. */
export function dvaSize(dva: usize): u64 {
  return (load<u64>(dva) & 0xffffff) << SECTOR_SHIFT;
}

/** Whether a gang header is there instead of the block. */
export function dvaGang(dva: usize): bool {
  return load<u64>(dva, 8) >> 63 != 0;
}

// ---- removed vdevs ----------------------------------------------------------------------------------

/** A mapping (vdev_indirect_mapping.h): offsets in its bonus buffer, whose least size; and in its entries, of which one is a source and a DVA. */
export const MAP_ENTRIES: usize = 16; // u64
export const MAP_BONUS_SIZE: u32 = 24;
export const MAP_DVA: usize = 8;
export const MAP_ENTRY_SIZE: u32 = 24;

// ---- objects ----------------------------------------------------------------------------------------

/** A dnode (dnode.h): bytes of one slot, offsets in it, and bounds of what it may say. */
export const DNODE_SIZE: u32 = 512;
export const DN_TYPE: usize = 0; // u8
export const DN_INDIRECT_SHIFT: usize = 1; // u8
export const DN_LEVELS: usize = 2; // u8
export const DN_POINTERS: usize = 3; // u8
export const DN_BONUS_TYPE: usize = 4; // u8
export const DN_FLAGS: usize = 7; // u8
export const DN_DATA_SECTORS: usize = 8; // u16
export const DN_BONUS_LENGTH: usize = 10; // u16
export const DN_EXTRA_SLOTS: usize = 12; // u8
export const DN_LAST_BLOCK: usize = 16; // u64
export const DN_BLOCK_POINTERS: u32 = 64;
export const DN_FLAG_SPILL: u8 = 4;
export const LEVELS_MAX: u32 = 8;
export const INDIRECT_SHIFT_MIN: u32 = 10;
export const INDIRECT_SHIFT_MAX: u32 = 24;
export const EXTRA_SLOTS_MAX: u32 = 31;

/** An object set (dmu_objset.h): offsets, least size, and its types. */
export const OBJSET_META: usize = 0; // dnode
export const OBJSET_TYPE: usize = 704; // u64
export const OBJSET_SIZE_MIN: u32 = 1024;
export const OBJSET_TYPE_META: u64 = 1;
export const OBJSET_TYPE_ZFS: u64 = 2;

/** Bonus type (dmu.h) of files whose attributes are laid out by a table; others have a znode. */
export const TYPE_SYSTEM_ATTRIBUTES: u8 = 44;

/** The meta object set's directory, and a file system's. */
export const DIRECTORY_OBJECT: u64 = 1;
export const MASTER_NODE: u64 = 1;

// ---- data sets (in bonus buffers) -------------------------------------------------------------------

/** Offsets in a directory of data sets (dsl_dir.h) and in a data set (dsl_dataset.h), and their least sizes. */
export const DD_HEAD: usize = 8; // u64 the directory's data set
export const DD_PARENT: usize = 16; // u64
export const DD_CHILDREN: usize = 32; // u64 ZAP
export const DD_USED: usize = 40; // u64 bytes, with all that is below
export const DD_SIZE: u32 = 88;
export const DS_DIRECTORY: usize = 0; // u64
export const DS_SNAPSHOTS: usize = 32; // u64 ZAP, of the directory's data set
export const DS_POINTER: usize = 128; // block pointer of the object set
export const DS_SIZE: u32 = 256;
/** The type of both when there is a ZAP behind the bonus buffer, and its entry for a directory that is encrypted. */
export const TYPE_EXTENSIBLE: u8 = 0xc4;
export const CRYPTO_KEY = "com.datto:crypto_key_obj";
/** Data sets within each other. */
export const DATASET_DEPTH_MAX: i32 = 64;

// ---- files (in bonus buffers) -----------------------------------------------------------------------

/** Offsets in a znode (zfs_znode.h), and its size. */
export const ZP_MODIFIED: usize = 16; // u64 seconds
export const ZP_MODE: usize = 72; // u64
export const ZP_SIZE: usize = 80; // u64
export const ZP_UID: usize = 128; // u64
export const ZP_GID: usize = 136; // u64
export const ZNODE_SIZE: u32 = 264;

/** The head of a buffer of system attributes (sa_impl.h): magic number, layout and size of the head, lengths. */
export const SA_MAGIC: u32 = 0x2f505a;
export const SA_INFO: usize = 4; // u16
export const SA_LAYOUT_MASK: u32 = 0x3ff;
export const SA_LENGTHS: u32 = 6; // u16 for each attribute that has none of its own
export const SA_HEAD_SIZE: u32 = 8;

// ---- ZAP objects ------------------------------------------------------------------------------------

/** What a ZAP's blocks begin with (zap_impl.h): kinds of blocks, and the magic number of a large one's header. */
export const ZAP_MICRO: u64 = 0x8000000000000003;
export const ZAP_HEADER: u64 = 0x8000000000000001;
export const ZAP_LEAF: u64 = 0x8000000000000000;
export const ZAP_MAGIC: u64 = 0x2f52ab2ab;

/** A small ZAP: bytes before its entries, and offsets in an entry. */
export const MICRO_HEAD: u32 = 64;
export const MICRO_NORMALIZE: usize = 16; // u64
export const MICRO_ENTRY_SIZE: u32 = 64;
export const MICRO_VALUE: usize = 0; // u64
export const MICRO_NAME: usize = 14;
export const MICRO_NAME_SIZE: i32 = 50;

/** Offsets in a large ZAP's header, and its least block size. */
export const ZAP_TABLE_BLOCK: usize = 16; // u64 0: in the second half of the header's block
export const ZAP_TABLE_SHIFT: usize = 32; // u64
export const ZAP_FREE_BLOCK: usize = 56; // u64
export const ZAP_SALT: usize = 80; // u64
export const ZAP_NORMALIZE: usize = 88; // u64
export const ZAP_BLOCK_SHIFT_MIN: u32 = 10;

/**
 * A leaf (zap_leaf.h): offsets in its head, its chunks, and offsets in those that are entries (LE) and those that are
 * bytes (LA).
 */
export const LEAF_MAGIC: u32 = 0x2ab1eaf;
export const LEAF_MAGIC_AT: usize = 24; // u32
export const LEAF_PREFIX_LENGTH: usize = 32; // u16
export const LEAF_HASH: u32 = 48; // u16 for each 32 bytes of the block
export const CHUNK_SIZE: u32 = 24;
export const CHUNK_ENTRY: u8 = 252;
export const CHAIN_END: u32 = 0xffff;
export const LE_INTEGER_SIZE: usize = 1; // u8
export const LE_NEXT: usize = 2; // u16
export const LE_NAME_CHUNK: usize = 4; // u16
export const LE_NAME_LENGTH: usize = 6; // u16 with the NUL
export const LE_VALUE_CHUNK: usize = 8; // u16
export const LE_VALUE_COUNT: usize = 10; // u16
export const LE_HASH: usize = 16; // u64
export const LA_BYTES: usize = 1;
export const LA_BYTES_SIZE: u32 = 21;
export const LA_NEXT: usize = 22; // u16
export const NAME_SIZE_MAX: u32 = 1024;
