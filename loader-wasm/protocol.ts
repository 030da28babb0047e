// The sandbox's whole surface: every function the core imports, and nothing else. Module `userboot` is
// FreeBSD's `struct loader_callbacks` version 5 under its own names, plus bulk forms where speed needs
// them; `wasi_snapshot_preview1` gives the clock (and, when granted, the `host:` tree, see dev/host.ts).
//
// Conventions: pointers and lengths are module memory; `gpa` is a guest physical address in bytes; `i32`
// results are FreeBSD errno values, 0 for success. `exec`, `exec_refused`, `exit`, `swap_interpreter` and `fault`
// do not return: the host throws, and drops the instance.

// ---- console ---------------------------------------------------------------------------------------

/** Writes one byte to the console. */
@external("userboot", "putc")
export declare function putc(ch: i32): void;

/** Bulk `putc`: writes `size` console bytes. */
@external("userboot", "write")
export declare function write(src: usize, size: i32): void;

/**
 * Waits for a key and returns it: a byte, and KEY_EDITS with it for control keys that edit a line at a prompt and never are
 * text of it (arrows are the control keys that do the same), and for bytes beyond ASCII, which are nothing but text. The
 * host ends the session when no key can ever come.
 */
@external("userboot", "getc")
export declare function getc(): i32;

/** Added to control keys and to bytes beyond ASCII by hosts whose console is a terminal. */
export const KEY_EDITS: i32 = 0x100;

/** Non-zero when `getc` would return at once. May wait a few milliseconds, so that polling loops don't spin. */
@external("userboot", "poll")
export declare function poll(): i32;

// ---- disks -----------------------------------------------------------------------------------------

/** Reads up to `size` bytes at byte `offset` of disk `unit`; `*resid` (u32) receives the bytes not read. */
@external("userboot", "diskread")
export declare function diskread(unit: i32, offset: u64, dst: usize, size: u32, resid: usize): i32;

/** Like `diskread`, but straight into guest memory at `gpa`; `*resid` (u64) receives the bytes not read. */
@external("userboot", "diskread_guest")
export declare function diskread_guest(unit: i32, offset: u64, gpa: u64, size: u64, resid: usize): i32;

/**
 * DIOCGSECTORSIZE stores a u32 at `data`, DIOCGMEDIASIZE an i64; anything else is ENOTTY. DIOCGIMAGE, which is ours, tells
 * how the caller gave the image: units of the first file granted with it and how many there are, a u32 each, and the word
 * for its format, 16 bytes with NULs behind it; none when nothing was said.
 */
@external("userboot", "diskioctl")
export declare function diskioctl(unit: i32, cmd: u32, data: usize): i32;

/** Commands of `diskioctl`, as FreeBSD's sys/disk.h has them. */
export const DIOCGSECTORSIZE: u32 = 0x40046480;
export const DIOCGMEDIASIZE: u32 = 0x40086481;
export const DIOCGIMAGE: u32 = 0x401864f0;

// ---- guest memory ----------------------------------------------------------------------------------

/** Copies `size` bytes from module memory to the guest. EFAULT, and nothing written, outside its memory. */
@external("userboot", "copyin")
export declare function copyin(src: usize, gpa: u64, size: u32): i32;

/** Copies `size` bytes from the guest to module memory. EFAULT, and nothing copied, outside its memory. */
@external("userboot", "copyout")
export declare function copyout(gpa: u64, dst: usize, size: u32): i32;

/** Bulk `copyin` of zeros. */
@external("userboot", "zero_guest")
export declare function zero_guest(gpa: u64, size: u64): i32;

/** Stores the sizes in bytes of low memory (from 0) and high memory (from 4 GiB), two u64. */
@external("userboot", "getmem")
export declare function getmem(low: usize, high: usize): void;

/**
 * Entry `index` of the guest's memory map: stores base, length (u64 each) and type (u32) at `dst`.
 * ENOENT past the end; ENOTTY when the caller gave no map and the loader shall make its own from `getmem`.
 */
@external("userboot", "getmap")
export declare function getmap(index: i32, dst: usize): i32;

// ---- digests ---------------------------------------------------------------------------------------

/** Makes the SHA-256 of `size` bytes of module memory: 32 bytes at `dst`. ENOSYS where the platform has none at once. */
@external("userboot", "sha256")
export declare function sha256(src: usize, size: u32, dst: usize): i32;

// ---- virtual CPU -----------------------------------------------------------------------------------

/** Sets a register of the machine to be: only the stack pointer (4) exists. */
@external("userboot", "setreg")
export declare function setreg(reg: i32, value: u64): void;

/** Sets a model-specific register: only EFER does. */
@external("userboot", "setmsr")
export declare function setmsr(msr: u32, value: u64): void;

/** Sets control register 0, 3 or 4. */
@external("userboot", "setcr")
export declare function setcr(cr: i32, value: u64): void;

/** Sets where the descriptor table is, and its size in bytes. */
@external("userboot", "setgdt")
export declare function setgdt(base: u64, size: u32): void;

/** Sets a register by the hypervisor's number. Nothing calls it; the host ends a session that does. */
@external("userboot", "vm_set_register")
export declare function vm_set_register(vcpu: i32, reg: i32, value: u64): i32;

/** Sets a segment's descriptor by the hypervisor's number. The same goes for it. */
@external("userboot", "vm_set_desc")
export declare function vm_set_desc(vcpu: i32, reg: i32, base: u64, limit: u32, access: u32): i32;

/** Enters the kernel at `pc`. Does not return. */
@external("userboot", "exec")
export declare function exec(pc: u64): void;

/**
 * In place of `exec`, when guest memory refused a part of what the kernel was to find: ends the session with a
 * MemoryError of this text, which names the parts and the memory that they need. Does not return.
 */
@external("userboot", "exec_refused")
export declare function exec_refused(pc: u64, text: usize, size: i32): void;

// ---- session ---------------------------------------------------------------------------------------

/** Waits `usec` microseconds. */
@external("userboot", "delay")
export declare function delay(usec: i32): void;

/** Ends the session: 1 quit or panic, 2 reboot. Does not return. */
@external("userboot", "exit")
export declare function exit(code: i32): void;

/**
 * Copies the `num`th `name=value` of the caller's environment to `dst`, at most `size` bytes. Returns its
 * whole length in bytes, or -1 when there is no such entry. CHOSEN_DEVICE is the device to boot from, if the caller chose one.
 */
@external("userboot", "getenv")
export declare function getenv(num: i32, dst: usize, size: i32): i32;
/** What `getenv` is asked for the device that the caller chose. */
export const CHOSEN_DEVICE: i32 = -2;

/**
 * Asks for the flavour called `name`; the host matches it against a fixed table. A small module asks by a NUL for the whole one
 * of its flavour. Does not return.
 */
@external("userboot", "swap_interpreter")
export declare function swap_interpreter(name: usize, size: i32): void;

/**
 * Tells the host of damage found in something the guest controls, as text of the form
 * `disk0 offset 512: GPT header: entry count 4294967295 exceeds 1024`. Informative: the core goes on.
 */
@external("userboot", "report")
export declare function report(text: usize, size: i32): void;

/**
 * When nothing was booted and the host asks why (`explain`): one thing that was looked at, LOOKED_* and its name, and what
 * was found there. Informative.
 */
@external("userboot", "looked")
export declare function looked(kind: i32, name: usize, nameSize: i32, found: usize, foundSize: i32): void;

/** A disk, damage on it, a partition, a ZFS pool, a file, a kernel that was loaded or was to be. */
export const LOOKED_DISK: i32 = 0;
export const LOOKED_DAMAGE: i32 = 1;
export const LOOKED_PARTITION: i32 = 2;
export const LOOKED_POOL: i32 = 3;
export const LOOKED_FILE: i32 = 4;
export const LOOKED_KERNEL: i32 = 5;

/** Ends the session with a typed error: a `FAULT_*` kind and its text. Does not return. */
@external("userboot", "fault")
export declare function fault(kind: i32, text: usize, size: i32): void;

/** A broken invariant of the core itself (an AssemblyScript abort). */
export const FAULT_INTERNAL: i32 = 0;
/** The session's fuel is used up. */
export const FAULT_FUEL: i32 = 1;
/** The module's memory cap does not allow an allocation. */
export const FAULT_MEMORY: i32 = 2;
/** The device that the caller chose can't be booted from. */
export const FAULT_DEVICE: i32 = 3;
/** An image can't be used as the caller gave it: its format, what it is made of, damage. The text is `disk0: why`. */
export const FAULT_IMAGE: i32 = 4;

// ---- the operator's hooks --------------------------------------------------------------------------

/** What the operator wants to be asked about: HOOK_* bits. Asked once, when the loader starts. */
@external("userboot", "hooks")
export declare function hooks(): u32;

/** Files are to be examined, settings of variables and the kernel's arguments to be asked about. */
export const HOOK_FILES: u32 = 1;
export const HOOK_SETENV: u32 = 2;
export const HOOK_KERNEL: u32 = 4;

/**
 * A file of `size` bytes (u64 -1: not known yet) is about to be used. Returns a handle: positive when the
 * host wants its content by `file_data`, negative (minus the handle) when it has had it before, 0 when it
 * doesn't care about the file.
 */
@external("userboot", "file_begin")
export declare function file_begin(device: usize, deviceSize: i32, path: usize, pathSize: i32, purpose: i32, size: u64): i32;

/** Why a file is opened; PURPOSE_NONE (its content is not used) never reaches the host. */
export const PURPOSE_NONE: i32 = -1;
export const PURPOSE_DATA: i32 = 0;
export const PURPOSE_SCRIPT: i32 = 1;
export const PURPOSE_KERNEL: i32 = 2;
export const PURPOSE_MODULE: i32 = 3;
export const PURPOSE_RAW: i32 = 4;

/** The next `size` bytes of the file's content. */
@external("userboot", "file_data")
export declare function file_data(handle: i32, src: usize, size: i32): void;

/**
 * All content is there. Returns the size in bytes of what shall be read from the host: the file, or its replacement;
 * FILE_ITSELF when the host keeps nothing of it and the core shall read it where it is. A denial ends the session here.
 */
@external("userboot", "file_end")
export declare function file_end(handle: i32): u64;

/** As a size for `file_begin`: not known yet. From `file_end`: the file itself is to be read. */
export const FILE_ITSELF: u64 = u64.MAX_VALUE;

/** Reads what shall be used at `offset`. Returns how many bytes, fewer than `size` only at the end. */
@external("userboot", "file_read")
export declare function file_read(handle: i32, offset: u64, dst: usize, size: u32): i32;

/** Like `file_read`, straight into guest memory. */
@external("userboot", "file_read_guest")
export declare function file_read_guest(handle: i32, offset: u64, gpa: u64, size: u64): u64;

/**
 * A script sets a variable. Returns -1 when it may, or the length of the value to be taken instead, which
 * is stored at `dst` (at most `capacity` bytes). A denial ends the session.
 */
@external("userboot", "ask_setenv")
export declare function ask_setenv(name: usize, nameSize: i32, value: usize, valueSize: i32, dst: usize, capacity: i32): i32;

/** A kernel is about to be entered, with arguments. Answers like `ask_setenv`, for the arguments. */
@external("userboot", "ask_kernel")
export declare function ask_kernel(path: usize, pathSize: i32, args: usize, argsSize: i32, dst: usize, capacity: i32): i32;

// ---- the overlay -----------------------------------------------------------------------------------

/**
 * What the caller lays over the guest's files: copies the `index`th one's name to `dst`, at most `capacity` bytes, and stores
 * its size (u64) at `size`. A name is a path from the root, with a device before it or for the one that is booted from.
 * Returns the name's whole length in bytes, or -1 when there is no such entry.
 */
@external("userboot", "overlay_entry")
export declare function overlay_entry(index: i32, dst: usize, capacity: i32, size: usize): i32;

/** As a size: what isn't to be found. A directory. */
export const OVERLAY_ABSENT: u64 = u64.MAX_VALUE;
export const OVERLAY_DIRECTORY: u64 = 0xfffffffffffffffe;

/** Something of the guest's asked for the `index`th one, or for what it hides. Informative. */
@external("userboot", "overlay_used")
export declare function overlay_used(index: i32): void;

/** Reads the `index`th one's bytes at `offset`. Returns how many, fewer than `size` only at the end. */
@external("userboot", "overlay_read")
export declare function overlay_read(index: i32, offset: u64, dst: usize, size: u32): i32;

/** Like `overlay_read`, straight into guest memory. */
@external("userboot", "overlay_read_guest")
export declare function overlay_read_guest(index: i32, offset: u64, gpa: u64, size: u64): u64;

// ---- WASI ------------------------------------------------------------------------------------------

/** Stores the time of clock `id` (0: wall clock) in ns since 1970 at `time` (u64). Returns a WASI errno. */
@external("wasi_snapshot_preview1", "clock_time_get")
export declare function clock_time_get(id: i32, precision: u64, time: usize): i32;

// The `host:` trees (dev/trees.ts), and refusals when none is granted. All return a WASI errno.

/** Opens `path` (UTF-8) below the directory `fd`; stores the new descriptor (u32) at `opened`. */
@external("wasi_snapshot_preview1", "path_open")
export declare function path_open(
  fd: i32,
  lookup: i32,
  path: usize,
  pathSize: i32,
  openFlags: i32,
  rights: u64,
  inherited: u64,
  fdFlags: i32,
  opened: usize,
): i32;

/** Reads into the `count` buffers (address and size, u32 each) at `buffers`; stores the bytes read (u32) at `got`. */
@external("wasi_snapshot_preview1", "fd_read")
export declare function fd_read(fd: i32, buffers: usize, count: i32, got: usize): i32;

/** Moves the position; stores the new one (u64) at `position`. */
@external("wasi_snapshot_preview1", "fd_seek")
export declare function fd_seek(fd: i32, offset: i64, whence: i32, position: usize): i32;

/** Stores the `filestat` (64 bytes) of an open file at `status`. */
@external("wasi_snapshot_preview1", "fd_filestat_get")
export declare function fd_filestat_get(fd: i32, status: usize): i32;

/** Stores `dirent`s with their names at `dst`, from the one that `cookie` stands for on, and the bytes used (u32) at `used`. */
@external("wasi_snapshot_preview1", "fd_readdir")
export declare function fd_readdir(fd: i32, dst: usize, size: i32, cookie: u64, used: usize): i32;

/** Closes what `path_open` gave. */
@external("wasi_snapshot_preview1", "fd_close")
export declare function fd_close(fd: i32): i32;
