// The on-disk layout of FAT12, FAT16 and FAT32 (Microsoft's "FAT: General Overview of On-Disk Format", 1.03) and of exFAT
// (Microsoft's "exFAT file system specification", revision 1.00): offsets of the fields that reading needs.

// ---- FAT: boot sector -------------------------------------------------------------------------------

/** Bytes that are read of a boot sector. */
export const BOOT_SIZE: u32 = 512;
export const B_JUMP: usize = 0; // u8
export const B_SECTOR_SIZE: usize = 11; // u16
export const B_CLUSTER_SECTORS: usize = 13; // u8
export const B_RESERVED: usize = 14; // u16 sectors before the first table
export const B_TABLES: usize = 16; // u8
export const B_ROOT_ENTRIES: usize = 17; // u16, 0 in FAT32
export const B_SECTORS: usize = 19; // u16, 0: in B_SECTORS_LARGE
export const B_MEDIA: usize = 21; // u8
export const B_TABLE_SECTORS: usize = 22; // u16, 0 in FAT32
export const B_SECTORS_LARGE: usize = 32; // u32
export const B_TABLE_SECTORS_LARGE: usize = 36; // u32, FAT32
export const B_FLAGS: usize = 40; // u16, FAT32
export const B_VERSION: usize = 42; // u16, FAT32
export const B_ROOT: usize = 44; // u32 cluster, FAT32
/** The label that the volume was made with, and what stands for none; FAT32 has it elsewhere. */
export const B_LABEL: usize = 43;
export const B_LABEL_32: usize = 71;
export const B_LABEL_SIZE: i32 = 11;
export const B_NO_LABEL = "NO NAME";
export const B_MAGIC: usize = 510; // u16
export const BOOT_MAGIC: u16 = 0xaa55;
/** What the sector begins with: a jump. */
export const JUMP_SHORT: u8 = 0xeb;
export const JUMP_NEAR: u8 = 0xe9;
/** The lowest media descriptor but one. */
export const MEDIA_MIN: u8 = 0xf8;
export const MEDIA_REMOVABLE: u8 = 0xf0;
/** In B_FLAGS: one table is in use, and which. */
export const FLAG_ONE_TABLE: u16 = 0x80;
export const FLAG_TABLE_MASK: u16 = 0x0f;

/** Most clusters of FAT12 and FAT16. */
export const CLUSTERS_MAX_12: u32 = 4084;
export const CLUSTERS_MAX_16: u32 = 65524;
/** Clusters are numbered from this; an entry of FAT32 has so many bits that count. */
export const CLUSTER_FIRST: u32 = 2;
export const ENTRY_MASK_32: u32 = 0x0fffffff;

// ---- FAT: directory entries -------------------------------------------------------------------------

/** Bytes of an entry, in exFAT, too. */
export const ENTRY_SIZE: u32 = 32;
export const E_NAME: usize = 0; // 8 and 3 bytes, filled up with blanks
export const E_ATTRIBUTES: usize = 11; // u8
export const E_CASE: usize = 12; // u8
export const E_CLUSTER_HIGH: usize = 20; // u16, FAT32
export const E_CLUSTER_LOW: usize = 26; // u16
export const E_SIZE: usize = 28; // u32
export const NAME_SIZE: i32 = 8;
export const EXTENSION_SIZE: i32 = 3;
/** First byte of a name: the directory ends; unused; stands for 0xe5. */
export const NAME_END: u8 = 0x00;
export const NAME_UNUSED: u8 = 0xe5;
export const NAME_E5: u8 = 0x05;
export const ATTRIBUTE_LABEL: u32 = 0x08;
export const ATTRIBUTE_DIRECTORY: u32 = 0x10;
/** All four of these make it a part of a long name. */
export const ATTRIBUTES_LONG: u32 = 0x0f;
export const ATTRIBUTES_MASK: u32 = 0x3f;
/** In E_CASE: name and extension are in small letters. */
export const CASE_NAME: u8 = 0x08;
export const CASE_EXTENSION: u8 = 0x10;

/** A part of a long name: its number, from the last to the first, and the short name's checksum. */
export const L_ORDER: usize = 0; // u8
export const L_CHECKSUM: usize = 13; // u8
export const ORDER_LAST: u8 = 0x40;
export const ORDER_MASK: u8 = 0x1f;
/** Where in it its UTF-16 characters are. */
export const LONG_CHARACTERS: StaticArray<u8> = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30];
export const LONG_PARTS_MAX: u8 = 20;

// ---- exFAT: boot sector -----------------------------------------------------------------------------

/** Offsets in the boot sector, and what it is called there. */
export const X_NAME: usize = 3;
export const EXFAT_NAME = "EXFAT   ";
/** Zero, where FAT has its numbers. */
export const X_ZERO: usize = 11;
export const X_ZERO_SIZE: i32 = 53;
export const X_TABLE: usize = 80; // u32 sectors to the first table
export const X_TABLE_SECTORS: usize = 84; // u32
export const X_HEAP: usize = 88; // u32 sectors to the first cluster
export const X_CLUSTERS: usize = 92; // u32
export const X_ROOT: usize = 96; // u32 cluster
export const X_REVISION: usize = 104; // u16
export const X_FLAGS: usize = 106; // u16
export const X_SECTOR_SHIFT: usize = 108; // u8
export const X_CLUSTER_SHIFT: usize = 109; // u8
export const X_TABLES: usize = 110; // u8
export const X_PERCENT: usize = 112; // u8
/** In X_FLAGS: the second table is in use. */
export const FLAG_SECOND_TABLE: u16 = 1;
export const SECTOR_SHIFT_MIN: u32 = 9;
export const SECTOR_SHIFT_MAX: u32 = 12;
/** Bits of a cluster's size. */
export const CLUSTER_SHIFT_MAX: u32 = 25;
/** Most clusters, and the lowest entry of a table that isn't one. */
export const CLUSTERS_MAX_EXFAT: u32 = 0xfffffff5;
/** Sectors of a boot region before the one with its checksum. */
export const CHECKED_SECTORS: u32 = 11;
/** Sectors of a boot region; behind the first one there is another, for when that is bad. */
export const REGION_SECTORS: u32 = 12;

// ---- exFAT: directory entries -----------------------------------------------------------------------

/** An entry's type, and the types that matter. */
export const X_TYPE: usize = 0; // u8
export const TYPE_END: u8 = 0x00;
export const TYPE_UPCASE: u8 = 0x82;
export const TYPE_FILE: u8 = 0x85;
export const TYPE_STREAM: u8 = 0xc0;
export const TYPE_NAME: u8 = 0xc1;

/** A file's first entry: entries of its set behind this one, their checksum, attributes. */
export const F_SECONDARIES: usize = 1; // u8
export const F_CHECKSUM: usize = 2; // u16
export const F_ATTRIBUTES: usize = 4; // u16
export const SECONDARIES_MIN: u32 = 2;
export const SECONDARIES_MAX: u32 = 18;

/** Its second one. */
export const S_FLAGS: usize = 1; // u8
export const S_NAME_LENGTH: usize = 3; // u8
export const S_NAME_HASH: usize = 4; // u16
export const S_VALID: usize = 8; // u64 bytes that were written; the rest is zero
export const S_CLUSTER: usize = 20; // u32
export const S_LENGTH: usize = 24; // u64
/** In S_FLAGS: the clusters follow each other, and no table says so. */
export const FLAG_CONTIGUOUS: u8 = 2;

/** The others: characters of the name. */
export const N_CHARACTERS: usize = 2;
export const NAME_CHARACTERS: i32 = 15;

/** The up-case table's entry. */
export const U_CHECKSUM: usize = 4; // u32
export const U_CLUSTER: usize = 20; // u32
export const U_LENGTH: usize = 24; // u64
export const UPCASE_SIZE_MAX: u64 = 131072;
/** In the table: so many characters, the next number, stay as they are. */
export const UPCASE_SAME: u16 = 0xffff;

/** Characters of a name, in both. */
export const NAME_MAX: i32 = 255;
/** Most bytes of a directory: of FAT's (65536 entries), of exFAT's. */
export const DIRECTORY_MAX: u64 = 0x200000;
export const DIRECTORY_MAX_EXFAT: u64 = 0x10000000;
