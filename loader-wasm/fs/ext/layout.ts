// The on-disk layout of ext2, ext3 and ext4 (Linux's documentation, filesystems/ext4): offsets of the fields that reading
// needs. Everything is little-endian. Addresses count blocks.

// ---- superblock -------------------------------------------------------------------------------------

/** Where the superblock is, its bytes, and offsets in it. */
export const SUPERBLOCK_AT: u64 = 1024;
export const SUPERBLOCK_SIZE: u32 = 1024;
export const S_INODES: usize = 0; // u32
export const S_BLOCKS_LOW: usize = 4; // u32
export const S_FIRST_BLOCK: usize = 20; // u32
export const S_FREE_LOW: usize = 12; // u32 blocks
export const S_BLOCK_SHIFT: usize = 24; // u32, of 1024
export const S_GROUP_BLOCKS: usize = 32; // u32
export const S_GROUP_INODES: usize = 40; // u32
export const S_MAGIC: usize = 56; // u16
export const S_STATE: usize = 58; // u16, bit 0: left in order
export const S_REVISION: usize = 76; // u32
export const S_INODE_SIZE: usize = 88; // u16
export const S_GROUP: usize = 90; // u16, the group that has this copy
export const S_COMPATIBLE: usize = 92; // u32
export const S_INCOMPATIBLE: usize = 96; // u32
export const S_READ_ONLY: usize = 100; // u32
export const S_UUID: usize = 104;
export const UUID_SIZE: u32 = 16;
export const S_DESCRIPTOR_SIZE: usize = 254; // u16
export const S_LABEL: usize = 120;
export const S_LABEL_SIZE: i32 = 16;
export const S_FIRST_META: usize = 260; // u32
export const S_FREE_HIGH: usize = 344; // u32
export const S_BLOCKS_HIGH: usize = 336; // u32
export const S_BACKUPS: usize = 588; // u32[2]
export const S_SEED: usize = 624; // u32
export const S_CHECKSUM: usize = 1020; // u32
export const MAGIC: u16 = 0xef53;
export const BLOCK_SHIFT_MAX: u32 = 6;
/** Before revision 1 inodes had this size. */
export const INODE_SIZE_OLD: u32 = 128;
export const DESCRIPTOR_SIZE_OLD: u32 = 32;
export const DESCRIPTOR_SIZE_MAX: u32 = 1024;

/** Features that those who don't know them needn't mind. */
export const COMPATIBLE_SPARSE2: u32 = 0x200;
export const READ_ONLY_SPARSE: u32 = 0x1;
export const READ_ONLY_CHECKSUMS: u32 = 0x400;

/** Features without which nothing can be read. */
export const INCOMPATIBLE_FILE_TYPE: u32 = 0x2;
export const INCOMPATIBLE_RECOVERY: u32 = 0x4;
export const INCOMPATIBLE_META_GROUPS: u32 = 0x10;
export const INCOMPATIBLE_WIDE: u32 = 0x80;
export const INCOMPATIBLE_SEED: u32 = 0x2000;
export const INCOMPATIBLE_LARGE_DIRECTORIES: u32 = 0x4000;
/** Those above, extents, flexible groups, MMP, attributes in inodes, inline data. */
export const INCOMPATIBLE_KNOWN: u32 = 0xe7d6;
/** Names of the others, by bit. */
export const INCOMPATIBLE_NAMES: string[] = [
  "compression",
  "",
  "",
  "journal_dev",
  "",
  "",
  "",
  "",
  "",
  "",
  "",
  "",
  "dirdata",
  "",
  "",
  "",
  "encrypt",
  "casefold",
];

// ---- group descriptors ------------------------------------------------------------------------------

/** Offsets in a descriptor. */
export const G_INODES_LOW: usize = 8; // u32 block of the inodes
export const G_CHECKSUM: usize = 30; // u16
export const G_INODES_HIGH: usize = 40; // u32

// ---- inodes -----------------------------------------------------------------------------------------

/** The root directory's number, and offsets in an inode. */
export const ROOT_INODE: u32 = 2;
export const I_MODE: usize = 0; // u16
export const I_UID_LOW: usize = 2; // u16
export const I_SIZE_LOW: usize = 4; // u32
export const I_MODIFIED: usize = 16; // u32
export const I_GID_LOW: usize = 24; // u16
export const I_FLAGS: usize = 32; // u32
export const I_BLOCKS: usize = 40; // u32[15], or a tree of extents, or data
export const I_BLOCKS_SIZE: u32 = 60;
export const I_GENERATION: usize = 100; // u32
export const I_SIZE_HIGH: usize = 108; // u32
export const I_UID_HIGH: usize = 120; // u16
export const I_GID_HIGH: usize = 122; // u16
export const I_CHECKSUM_LOW: usize = 124; // u16
export const I_EXTRA_SIZE: usize = 128; // u16
export const I_CHECKSUM_HIGH: usize = 130; // u16
export const I_MODIFIED_MORE: usize = 136; // u32, its lowest two bits are more of I_MODIFIED
export const FLAG_COMPRESSED: u32 = 0x4;
export const FLAG_ENCRYPTED: u32 = 0x800;
export const FLAG_INDEX: u32 = 0x1000;
export const FLAG_EXTENTS: u32 = 0x80000;
export const FLAG_INLINE: u32 = 0x10000000;

/** Attributes in an inode, behind its other fields: a magic number, and entries with the offsets of their values. */
export const A_MAGIC: u32 = 0xea020000;
export const A_HEAD_SIZE: u32 = 4;
export const A_NAME_LENGTH: usize = 0; // u8
export const A_NAME_INDEX: usize = 1; // u8
export const A_VALUE: usize = 2; // u16, from the first entry
export const A_VALUE_INODE: usize = 4; // u32
export const A_VALUE_SIZE: usize = 8; // u32
export const A_NAME: usize = 16;
/** The one that inline data goes on in: `system.data`. */
export const INLINE_INDEX: u8 = 7;
export const INLINE_NAME = "data";

// ---- extents ----------------------------------------------------------------------------------------

/** A node's head: magic, entries, room for entries, levels below; then entries of 12 bytes. */
export const X_MAGIC: usize = 0; // u16
export const X_ENTRIES: usize = 2; // u16
export const X_ROOM: usize = 4; // u16
export const X_DEPTH: usize = 6; // u16
export const EXTENT_MAGIC: u16 = 0xf30a;
export const EXTENT_SIZE: u32 = 12;
export const EXTENT_DEPTH_MAX: u32 = 5;
/** An extent: first block of the file, blocks, where they are. One of an inner node: first block, the node's block. */
export const E_BLOCK: usize = 0; // u32
export const E_LENGTH: usize = 4; // u16, with 32768 added for what was not written yet
export const E_START_HIGH: usize = 6; // u16
export const E_START_LOW: usize = 8; // u32
export const E_LEAF_LOW: usize = 4; // u32
export const E_LEAF_HIGH: usize = 8; // u16
export const EXTENT_LENGTH_MAX: u32 = 32768;

// ---- directories ------------------------------------------------------------------------------------

/** Offsets in an entry, and its least size. */
export const D_INODE: usize = 0; // u32, 0 for an unused entry
export const D_RECORD: usize = 4; // u16
export const D_NAME_LENGTH: usize = 6; // u8, without file types u16
export const D_TYPE: usize = 7; // u8
export const D_NAME: usize = 8;
export const ENTRY_SIZE_MIN: u32 = 12;
/** An entry's type in front of a block's checksum, and both their bytes. */
export const TYPE_CHECKSUM: u8 = 0xde;
export const TAIL_SIZE: u32 = 12;
/** Where a block of an index has the room for entries and their number (u16 each), and where that is in the first one. */
export const INDEX_COUNT_AT: u32 = 8;
export const INDEX_COUNT_FIRST: u32 = 32;
export const INDEX_ENTRY_SIZE: u32 = 8;
/** An inline directory begins with its parent's number; `.` and `..` aren't in it. */
export const INLINE_PARENT_SIZE: u64 = 4;
export const NAME_MAX: i32 = 255;
/** DT_*, by the types in entries. */
export const ENTRY_TYPES: StaticArray<u8> = [0, 8, 4, 2, 6, 1, 12, 10];
