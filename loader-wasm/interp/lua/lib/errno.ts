// The library `errno`: FreeBSD's error numbers by name (sys/errno.h of 12.1).

import { profile } from "../../../lib/profile";
import { Table } from "../values/objects";
import { newTable } from "../values/table";
import { setIntegerField } from "./builtin";

/** Names of the errors 1, 2, 3 and so on. */
const NAMES: string =
  "EPERM ENOENT ESRCH EINTR EIO ENXIO E2BIG ENOEXEC EBADF ECHILD EDEADLK ENOMEM EACCES EFAULT ENOTBLK EBUSY " +
  "EEXIST EXDEV ENODEV ENOTDIR EISDIR EINVAL ENFILE EMFILE ENOTTY ETXTBSY EFBIG ENOSPC ESPIPE EROFS EMLINK " +
  "EPIPE EDOM ERANGE EAGAIN EINPROGRESS EALREADY ENOTSOCK EDESTADDRREQ EMSGSIZE EPROTOTYPE ENOPROTOOPT " +
  "EPROTONOSUPPORT ESOCKTNOSUPPORT EOPNOTSUPP EPFNOSUPPORT EAFNOSUPPORT EADDRINUSE EADDRNOTAVAIL ENETDOWN " +
  "ENETUNREACH ENETRESET ECONNABORTED ECONNRESET ENOBUFS EISCONN ENOTCONN ESHUTDOWN ETOOMANYREFS ETIMEDOUT " +
  "ECONNREFUSED ELOOP ENAMETOOLONG EHOSTDOWN EHOSTUNREACH ENOTEMPTY EPROCLIM EUSERS EDQUOT ESTALE EREMOTE " +
  "EBADRPC ERPCMISMATCH EPROGUNAVAIL EPROGMISMATCH EPROCUNAVAIL ENOLCK ENOSYS EFTYPE EAUTH ENEEDAUTH EIDRM " +
  "ENOMSG EOVERFLOW ECANCELED EILSEQ ENOATTR EDOOFUS EBADMSG EMULTIHOP ENOLINK EPROTO ENOTCAPABLE ECAPMODE " +
  "ENOTRECOVERABLE EOWNERDEAD";

/** Names of -1, -2, -3 and so on: what the kernel tells itself. */
const INTERNAL_NAMES: string = "ERESTART EJUSTRETURN ENOIOCTL EDIRIOCTL ERELOOKUP";

/** Makes the library. */
export function openErrno(): Table {
  const table = newTable(0, 104);
  const names = NAMES.split(" ");
  for (let i = 0; i < names.length; i++) setIntegerField(table, names[i], i + 1);
  setIntegerField(table, "EWOULDBLOCK", 35);
  setIntegerField(table, "ENOTSUP", 45);
  // Later systems have one more, which no loader has a name for.
  setIntegerField(table, "ELAST", profile.generation < 13 ? names.length : names.length + 1);
  const internal = INTERNAL_NAMES.split(" ");
  for (let i = 0; i < internal.length; i++) setIntegerField(table, internal[i], -1 - i);
  return table;
}
