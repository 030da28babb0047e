// FreeBSD's errno values (sys/errno.h) that the loader can meet, and its texts for them, which reach the
// guest's console. Functions that fail return -1, null or false and leave the reason in `errno`.

/** The kernel's numbers. */
export const ENOENT: i32 = 2;
export const EIO: i32 = 5;
export const ENXIO: i32 = 6;
export const EBADF: i32 = 9;
export const ENOMEM: i32 = 12;
export const EACCES: i32 = 13;
export const EFAULT: i32 = 14;
export const EBUSY: i32 = 16;
export const EEXIST: i32 = 17;
export const ENODEV: i32 = 19;
export const ENOTDIR: i32 = 20;
export const EISDIR: i32 = 21;
export const EINVAL: i32 = 22;
export const EMFILE: i32 = 24;
export const ENOTTY: i32 = 25;
export const EFBIG: i32 = 27;
export const EROFS: i32 = 30;
export const EPERM: i32 = 1;
export const EDOM: i32 = 33;
export const ERANGE: i32 = 34;
export const EOPNOTSUPP: i32 = 45;
export const ELOOP: i32 = 62;
export const ENAMETOOLONG: i32 = 63;
export const ENOSYS: i32 = 78;
export const EFTYPE: i32 = 79;
export const EOVERFLOW: i32 = 84;

/** libsa's own, above the kernel's last (96 in 12.1): bad adapter, controller, unit, slice, partition, label, seek. */
export const EADAPT: i32 = 97;
export const ECTLR: i32 = 98;
export const EUNIT: i32 = 99;
export const ESLICE: i32 = 100;
export const EPART: i32 = 101;
export const ERDLAB: i32 = 102;
export const EUNLAB: i32 = 103;
export const EOFFSET: i32 = 104;

/** Why the last call failed. Only meaningful right after a failure. */
export let errno: i32 = 0;

/** Leaves the reason for a caller that sees the failure. */
export function setErrno(value: i32): void {
  errno = value;
}

/** Whether `error` of a read is the disk's or the data's fault; the others say that there was nothing to read from. */
export function isReadFailure(error: i32): bool {
  return error != EINVAL && error != EBADF && error != EISDIR;
}

/** The console text of an errno value; values without one print as `unknown error (N)`. */
export function strerror(value: i32): string {
  switch (value) {
    case 0:
      return "no error";
    case EPERM:
      return "operation not permitted";
    case ENOENT:
      return "no such file or directory";
    case EIO:
      return "input/output error";
    case ENXIO:
      return "device not configured";
    case EBADF:
      return "bad file descriptor";
    case ENOMEM:
      return "cannot allocate memory";
    case ENODEV:
      return "operation not supported by device";
    case ENOTDIR:
      return "not a directory";
    case EISDIR:
      return "is a directory";
    case EINVAL:
      return "invalid argument";
    case EMFILE:
      return "too many open files";
    case EFBIG:
      return "file too large";
    case EROFS:
      return "read-only filesystem";
    case EOPNOTSUPP:
      return "operation not supported";
    case EFTYPE:
      return "inappropriate file type or format";
    case EADAPT:
      return "bad adaptor number";
    case ECTLR:
      return "bad controller number";
    case EUNIT:
      return "bad unit number";
    case ESLICE:
      return "bad slice number";
    case EPART:
      return "bad partition";
    case ERDLAB:
      return "can't read disk label";
    case EUNLAB:
      return "disk unlabelled";
    case EOFFSET:
      return "illegal seek";
    default:
      return `unknown error (${value})`;
  }
}
