// Error numbers that imports answer with, as FreeBSD has them.

/** FreeBSD's sys/errno.h. */
export const ENOENT = 2;
export const EIO = 5;
export const EBADF = 9;
export const EFAULT = 14;
export const ENOTTY = 25;
export const ENOSYS = 78;
