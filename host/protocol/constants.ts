// Numbers that loader-wasm/protocol.ts gives a meaning, under the names that they have there (test/safety/imports.test.ts
// compares them).

/** Commands of `diskioctl`: bytes of a sector (u32), bytes of the disk (i64), how the image was given. */
export const DIOCGSECTORSIZE = 0x4004_6480;
export const DIOCGMEDIASIZE = 0x4008_6481;
export const DIOCGIMAGE = 0x4018_64f0;

/** Kinds of `fault`: the core's own mistake, fuel used up, the module's memory used up, a device or an image of the caller's. */
export const FAULT_INTERNAL = 0;
export const FAULT_FUEL = 1;
export const FAULT_MEMORY = 2;
export const FAULT_DEVICE = 3;
export const FAULT_IMAGE = 4;

/** Kinds of `looked`: a disk, damage on it, a partition, a ZFS pool, a file, a kernel that was loaded or was to be. */
export const LOOKED_DISK = 0;
export const LOOKED_DAMAGE = 1;
export const LOOKED_PARTITION = 2;
export const LOOKED_POOL = 3;
export const LOOKED_FILE = 4;
export const LOOKED_KERNEL = 5;

/** Added to the byte that `getc` returns for a key that edits lines, and to one beyond ASCII that is text. */
export const KEY_EDITS = 0x100;

/** The index by which `getenv` is asked for the device that the caller chose. */
export const CHOSEN_DEVICE = -2;

/** Bits of `hooks`: whether files are examined, settings of variables asked about, kernels asked about. */
export const HOOK_FILES = 1;
export const HOOK_SETENV = 2;
export const HOOK_KERNEL = 4;

/** Why `file_begin` has a file: not to be examined, or as FilePurpose says. */
export const PURPOSE_NONE = -1;
export const PURPOSE_DATA = 0;
export const PURPOSE_SCRIPT = 1;
export const PURPOSE_KERNEL = 2;
export const PURPOSE_MODULE = 3;
export const PURPOSE_RAW = 4;

/** As the size of a file: not known yet, and for the core: to be read from the file itself. */
export const FILE_ITSELF = (1n << 64n) - 1n;

/** As the size of what the caller lays over the guest's files: it isn't to be found, it is a directory. */
export const OVERLAY_ABSENT = (1n << 64n) - 1n;
export const OVERLAY_DIRECTORY = (1n << 64n) - 2n;
