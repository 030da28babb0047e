// The on-disk layout of ISO 9660 (ECMA-119), of the System Use Sharing Protocol (SUSP, IEEE P1281) and of Rock Ridge
// (RRIP, IEEE P1282): offsets of the fields that reading needs. Numbers recorded in both byte orders are
// read from their little-endian half.

/** Bytes of a logical sector; the loader knows no other size of blocks. */
export const BLOCK_SIZE: u32 = 2048;
/** Block of the first volume descriptor, and how many are looked at. */
export const DESCRIPTORS_AT: u64 = 16;
export const DESCRIPTORS_MAX: u64 = 64;

// ---- volume descriptors -----------------------------------------------------------------------------

/** Offsets in a volume descriptor (ECMA-119, 8.1 and 8.4), its identifier and the types that matter. */
export const VD_TYPE: usize = 0; // u8
export const VD_IDENTIFIER: usize = 1; // "CD001"
export const VD_LABEL: usize = 40;
export const VD_LABEL_SIZE: i32 = 32;
export const VD_BLOCKS: usize = 80; // u32
export const VD_BLOCK_SIZE: usize = 128; // u16
export const VD_ROOT: usize = 156; // directory record
export const IDENTIFIER = "CD001";
export const TYPE_PRIMARY: u8 = 1;
export const TYPE_END: u8 = 255;

// ---- directory records ------------------------------------------------------------------------------

/** Offsets in a directory record (ECMA-119, 9.1). */
export const R_LENGTH: usize = 0; // u8
export const R_ATTRIBUTES: usize = 1; // u8 blocks of extended attributes before the data
export const R_EXTENT: usize = 2; // u32 block
export const R_SIZE: usize = 10; // u32 bytes
export const R_TIME: usize = 18; // years since 1900, month, day, hour, minute, second; quarters of an hour from UTC
export const R_FLAGS: usize = 25; // u8
export const R_NAME_LENGTH: usize = 32; // u8
export const R_NAME: usize = 33;
export const FLAG_DIRECTORY: u8 = 0x02;
/** The file goes on in the next record, which has the same name. */
export const FLAG_MORE: u8 = 0x80;
/** Extents of a file, which are of 4 GiB at most. */
export const EXTENTS_MAX: i32 = 256;
/** Least bytes of a record with a name. */
export const RECORD_SIZE_MIN: u32 = 34;

// ---- system use entries -----------------------------------------------------------------------------

/** What every entry begins with (SUSP, 4): signature, length, and a version that nobody looks at. */
export const S_SIGNATURE: usize = 0; // u16
export const S_LENGTH: usize = 2; // u8
export const ENTRY_HEAD: u32 = 4;

/** Signatures, as little-endian numbers. */
export const SP: u16 = 0x5053;
export const ST: u16 = 0x5453;
export const CE: u16 = 0x4543;
export const ER: u16 = 0x5245;
export const NM: u16 = 0x4d4e;
export const PX: u16 = 0x5850;
export const SL: u16 = 0x4c53;
export const CL: u16 = 0x4c43;
export const RE: u16 = 0x4552;

/** SP (SUSP, 5.3), in the entry `.` of the root: says that there are entries at all. */
export const SP_LENGTH: u8 = 7;
export const SP_CHECK: usize = 4; // u16
export const SP_CHECK_VALUE: u16 = 0xefbe;
export const SP_SKIP: usize = 6; // u8 bytes before the entries of every further record

/** CE, where the entries go on (SUSP, 5.1). Its numbers are recorded in both byte orders. */
export const CE_BLOCK: usize = 4; // u32
export const CE_OFFSET: usize = 12; // u32
export const CE_SIZE: usize = 20; // u32
export const CE_LENGTH: u8 = 28;
/** Continuation areas followed for one record. */
export const CONTINUATIONS_MAX: i32 = 16;

/** NM, (a part of) the name (RRIP, 4.1.4); the flags say that it stands for `.` or `..` instead. */
export const NM_FLAGS: usize = 4; // u8
export const NM_NAME: usize = 5;
export const NM_CURRENT: u8 = 0x02;
export const NM_PARENT: u8 = 0x04;
export const NM_CONTINUE: u8 = 0x01;

/** PX, what POSIX knows of a file (RRIP, 4.1.1). Its numbers are recorded in both byte orders. */
export const PX_MODE: usize = 4; // u32
export const PX_UID: usize = 20; // u32
export const PX_GID: usize = 28; // u32
export const PX_LENGTH: u8 = 36;

/**
 * SL, (a part of) where a symbolic link leads to (RRIP, 4.1.3): flags, and parts with flags and length of their own. What is
 * said of parts of other kinds (a volume's root, a host's name) is left to the system, and means nothing here.
 */
export const SL_FLAGS: usize = 4; // u8
export const SL_PARTS: usize = 5;
export const SL_CONTINUE: u8 = 0x01;
export const PART_LENGTH: usize = 1; // u8
export const PART_HEAD: usize = 2;
export const PART_CONTINUE: u8 = 0x01;
export const PART_CURRENT: u8 = 0x02;
export const PART_PARENT: u8 = 0x04;
export const PART_ROOT: u8 = 0x08;
/**
 * CL, in the place of a directory that lies too deep for ISO 9660 (RRIP, 4.1.5): the block where it is. The record that is
 * its own, in a directory that nobody is to see, has RE.
 */
export const CL_BLOCK: usize = 4; // u32
export const CL_LENGTH: u8 = 12;
/** Bytes of a name, or of a link's text. */
export const TEXT_MAX: i32 = 1024;
