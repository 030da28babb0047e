// The on-disk layout of UFS1 and UFS2, as FreeBSD's ufs/ffs/fs.h, ufs/ufs/dinode.h and ufs/ufs/dir.h define it:
// offsets of the fields that reading needs. Everything is little-endian. Addresses count fragments.

// ---- superblock (struct fs) -------------------------------------------------------------------------

/** Bytes that are read of a superblock. */
export const SUPERBLOCK_SIZE: u32 = 8192;
/** Where superblocks are looked for, in this order (bytes from the start of the volume). */
export const SUPERBLOCK_OFFSETS: StaticArray<u64> = [65536, 8192, 0, 262144];
/**
 * Where the first cylinder group's alternate superblock is: behind the superblock, at the next block. First those of UFS2 with
 * blocks of 4 or 8, 16, 32, 64 KiB, then UFS1's with blocks of up to 16, 32, 64 KiB.
 */
export const ALTERNATE_OFFSETS: StaticArray<u64> = [73728, 81920, 98304, 131072, 16384, 32768, 65536];
/** A UFS1 superblock further in is somebody's alternate one. */
export const UFS1_SUPERBLOCK_LAST: u64 = 8192;

/** Offsets in it. Of fields of two sizes, `fs_old_` is UFS1's. */
export const FS_ALTERNATE_AT: usize = 8; // i32 fs_sblkno: alternate superblock, from the start of a cylinder group
export const FS_GROUP_AT: usize = 12; // i32 fs_cblkno: head of a cylinder group, from its start
export const FS_INODES_AT: usize = 16; // i32 fs_iblkno: inode blocks, from the start of a cylinder group
export const FS_CG_OFFSET: usize = 24; // i32 fs_old_cgoffset, UFS1: shift of each further group
export const FS_CG_MASK: usize = 28; // i32 fs_old_cgmask, UFS1: groups that share a shift
export const FS_GROUPS: usize = 44; // u32 fs_ncg
export const FS_BLOCK_SIZE: usize = 48; // i32 fs_bsize
export const FS_FRAGMENT_SIZE: usize = 52; // i32 fs_fsize
export const FS_INODES_PER_GROUP: usize = 184; // u32 fs_ipg
export const FS_FRAGMENTS_PER_GROUP: usize = 188; // i32 fs_fpg
export const FS_LOCATION: usize = 1000; // i64 fs_sblockloc, UFS2: its own offset
export const FS_MAX_SYMLINK: usize = 1320; // i32 fs_maxsymlinklen: links shorter than this are in the inode
export const FS_MAGIC: usize = 1372; // i32
/** Those that only say how full it is, and whether it was left in order (fs/ufs/facts.ts). */
export const FS_OLD_SIZE: usize = 36; // i32 fs_old_size, fragments
export const FS_OLD_DATA_SIZE: usize = 40; // i32 fs_old_dsize
export const FS_OLD_FREE_BLOCKS: usize = 196; // i32 fs_old_cstotal.cs_nbfree
export const FS_OLD_FREE_FRAGMENTS: usize = 204; // i32 fs_old_cstotal.cs_nffree
export const FS_CLEAN: usize = 209; // i8 fs_clean
export const FS_LABEL: usize = 680; // u8[32] fs_volname
export const FS_LABEL_SIZE: i32 = 32;
export const FS_FREE_BLOCKS: usize = 1016; // i64 fs_cstotal.cs_nbfree
export const FS_FREE_FRAGMENTS: usize = 1032; // i64 fs_cstotal.cs_nffree
export const FS_SIZE: usize = 1080; // i64 fs_size, fragments
export const FS_DATA_SIZE: usize = 1088; // i64 fs_dsize

/** What FS_MAGIC says. */
export const MAGIC_UFS1: u32 = 0x00011954;
export const MAGIC_UFS2: u32 = 0x19540119;
/** A file system whose creation was not finished. */
export const MAGIC_INCOMPLETE: u32 = 0x19960408;

/** Bounds of sizes in bytes (MINBSIZE, MAXBSIZE; fragments are whole sectors). */
export const BLOCK_SIZE_MIN: u32 = 4096;
export const BLOCK_SIZE_MAX: u32 = 65536;
export const FRAGMENT_SIZE_MIN: u32 = 512;
/** Block addresses from here on are on no disk; times the fragment size they would not fit. */
export const ADDRESS_LIMIT: u64 = 0x0000100000000000;
/** Most fragments of a block. */
export const FRAGMENTS_MAX: u32 = 8;

/** Bytes of a cylinder group's head that are looked at, and in it: */
export const GROUP_HEAD_SIZE: u32 = 8;
export const CG_MAGIC: usize = 4; // i32
export const MAGIC_GROUP: u32 = 0x00090255;

// ---- inodes -----------------------------------------------------------------------------------------

/** The root directory's number. */
export const ROOT_INODE: u32 = 2;

/** Bytes of a UFS1 inode (struct ufs1_dinode), and offsets in it. */
export const INODE1_SIZE: u32 = 128;
export const I1_MODE: usize = 0; // u16
export const I1_SIZE: usize = 8; // u64
export const I1_MODIFIED: usize = 24; // i32
export const I1_DIRECT: usize = 40; // i32[12], then i32[3] of indirect blocks
export const I1_UID: usize = 112; // u32
export const I1_GID: usize = 116; // u32
/** Bytes of a link's text that fit into the inode. */
export const I1_LINK_SPACE: u32 = 60;

/** The same of UFS2 (struct ufs2_dinode). */
export const INODE2_SIZE: u32 = 256;
export const I2_MODE: usize = 0; // u16
export const I2_UID: usize = 4; // u32
export const I2_GID: usize = 8; // u32
export const I2_SIZE: usize = 16; // u64
export const I2_MODIFIED: usize = 40; // i64
export const I2_DIRECT: usize = 112; // i64[12], then i64[3] of indirect blocks
export const I2_LINK_SPACE: u32 = 120;

// ---- directory entries (struct direct) --------------------------------------------------------------

/** Offsets in an entry; a number of 0 is an unused one. */
export const D_INODE: usize = 0; // u32
export const D_RECORD: usize = 4; // u16 bytes to the next entry
export const D_TYPE: usize = 6; // u8, in old directories the length of the name
export const D_NAME_LENGTH: usize = 7; // u8
export const D_NAME: usize = 8;
/** Least bytes of an entry: head, a name of one byte and its NUL, rounded to 4. */
export const ENTRY_SIZE_MIN: u32 = 12;
export const NAME_MAX: i32 = 255;
