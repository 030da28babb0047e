// Names of the errors that files can have, by FreeBSD's numbers as the core knows them (loader-wasm/lib/errno.ts).

const NAMES: Readonly<Record<number, readonly [code: string, text: string]>> = {
  1: ["EPERM", "operation not permitted"],
  2: ["ENOENT", "no such file or directory"],
  5: ["EIO", "can't be read"],
  6: ["ENXIO", "no such device or pool"],
  9: ["EBADF", "not open any more"],
  20: ["ENOTDIR", "not a directory"],
  21: ["EISDIR", "is a directory"],
  22: ["EINVAL", "no file system that is read here"],
  24: ["EMFILE", "too many files are open"],
  27: ["EFBIG", "file too large"],
  45: ["EOPNOTSUPP", "operation not supported"],
  62: ["ELOOP", "too many symbolic links"],
  63: ["ENAMETOOLONG", "name too long"],
  79: ["EFTYPE", "not what its name says"],
  84: ["EOVERFLOW", "a number is too large"],
  99: ["EUNIT", "bad unit number in the device's name"],
  100: ["ESLICE", "bad slice number in the device's name"],
  101: ["EPART", "bad partition in the device's name"],
};

/** The number for a handle that isn't one. */
export const EBADF = 9;

/** Name and meaning of error `number`. */
export function errorName(number: number): readonly [code: string, text: string] {
  return NAMES[number] ?? [`E${number}`, `error ${number}`];
}
