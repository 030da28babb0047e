// What stands before whoever answers `wasi_snapshot_preview1`: of its calls only what the core makes of them gets through, with
// every place inside the module's memory and what it costs charged. A library takes more than that, and not all of it well:
// wasmer-js makes a buffer as large as a guest says, 4 GiB if it likes, and falls over at a number that it doesn't know.

import type { Meter } from "../meter.js";
import type { ModuleMemory } from "../protocol/module_memory.js";

/** Errors of WASI. */
const ERRNO_INVAL = 28;
const ERRNO_MFILE = 33;
const ERRNO_NAMETOOLONG = 37;
const ERRNO_NOTCAPABLE = 76;

/** Read, seek, tell, list, status; not open below: all is opened from the top. */
const READING = 0x20_4026n;
/** Of the flags that open something: it shall be a directory. */
const OPEN_DIRECTORY = 2;
const WHENCE_MAX = 2;
/** Bytes of a path: the core's longest, as UTF-8. */
const PATH_BYTES_MAX = 4096;
/** Entries that a session may have open: more than the core has descriptors. */
const OPEN_MAX = 256;
/** A buffer's address and size. */
const VECTOR_SIZE = 8;
const FILESTAT_SIZE = 64;

type Call = (...values: (number | bigint)[]) => unknown;

/** The file calls of `answered`, guarded. */
export function guardedFiles(
  answered: WebAssembly.ModuleImports,
  module: ModuleMemory,
  meter: Meter,
): WebAssembly.ModuleImports {
  const calls = answered as Record<
    "path_open" | "fd_read" | "fd_seek" | "fd_filestat_get" | "fd_readdir" | "fd_close",
    Call
  >;
  const open = new Set<number>();
  /** Of `size` bytes at `address`, which are there. */
  const inside = (address: number, size: number) => module.cell(address >>> 0, size >>> 0);

  return {
    path_open(
      fd: number,
      lookup: number,
      path: number,
      pathSize: number,
      how: number,
      rights: bigint,
      inherited: bigint,
      flags: number,
      cell: number,
    ): unknown {
      if (pathSize >>> 0 > PATH_BYTES_MAX) return ERRNO_NAMETOOLONG;
      if ((how & ~OPEN_DIRECTORY) !== 0 || flags !== 0) return ERRNO_NOTCAPABLE;
      if (open.size >= OPEN_MAX) return ERRNO_MFILE;
      inside(path, pathSize);
      const opened = inside(cell, 4);
      meter.work(pathSize);
      const error = calls.path_open(
        fd,
        lookup,
        path,
        pathSize,
        how,
        rights & READING,
        inherited & READING,
        flags,
        cell,
      );
      if (error === 0) open.add(opened.getInt32(cell >>> 0, true));
      return error;
    },

    fd_read(fd: number, vectors: number, count: number, done: number): unknown {
      if (count !== 1) return ERRNO_INVAL;
      const vector = inside(vectors, VECTOR_SIZE);
      const size = vector.getUint32((vectors >>> 0) + 4, true);
      inside(vector.getUint32(vectors >>> 0, true), size);
      inside(done, 4);
      meter.work(size);
      return calls.fd_read(fd, vectors, count, done);
    },

    fd_seek(fd: number, offset: bigint, whence: number, position: number): unknown {
      if (whence >>> 0 > WHENCE_MAX) return ERRNO_INVAL;
      inside(position, 8);
      return calls.fd_seek(fd, offset, whence, position);
    },

    fd_filestat_get(fd: number, status: number): unknown {
      inside(status, FILESTAT_SIZE);
      return calls.fd_filestat_get(fd, status);
    },

    fd_readdir(fd: number, dst: number, size: number, cookie: bigint, used: number): unknown {
      inside(dst, size);
      inside(used, 4);
      meter.work(size >>> 0);
      return calls.fd_readdir(fd, dst, size, cookie, used);
    },

    /** What is open from the start stays so. */
    fd_close(fd: number): unknown {
      return open.delete(fd) ? calls.fd_close(fd) : ERRNO_NOTCAPABLE;
    },
  };
}
