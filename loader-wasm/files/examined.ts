// Files under the operator's eyes: the content of each one goes to the host before its first byte is used. When a hook
// has a say in it, whatever is read afterwards comes from what the host has seen (or put in its place), so that nothing
// can be used that differs from what was examined. When it is only measured, the file itself is read again.

import { Device } from "../dev/device";
import { Dirent, OpenFile, S_IFDIR, S_IFMT, SEEK_SET, Stat } from "../fs/file_system";
import { allocString } from "../lib/bytes";
import { EIO, errno, setErrno } from "../lib/errno";
import { allocate, burn } from "../lib/fault";
import { FILE_ITSELF, file_begin, file_data, file_end, file_read, file_read_guest } from "../protocol";

/** Bytes handed over at a time. */
const CHUNK: i32 = 65536;

/** A regular file whose content is the host's. */
class ExaminedFile extends OpenFile {
  constructor(
    private readonly handle: i32,
    private readonly length: u64,
    private readonly status: Stat,
  ) {
    super();
    status.size = length;
  }

  size(): u64 {
    return this.length;
  }

  stat(): Stat {
    return this.status;
  }

  read(dst: usize, size: i32): i32 {
    const got = file_read(this.handle, this.position, dst, <u32>size);
    this.position += <u64>got;
    return got;
  }

  readsToGuest(): bool {
    return true;
  }

  readToGuest(gpa: u64, size: u64): i64 {
    const got = file_read_guest(this.handle, this.position, gpa, size);
    this.position += got;
    return <i64>got;
  }

  readdir(): Dirent | null {
    setErrno(EIO);
    return null;
  }
}

/**
 * Shows `file` (`path` on `device`) to the operator's hooks and returns what shall be used in its place. Directories, and files that
 * the hooks don't care about, are returned as they are. Null and errno when its content can't be read.
 */
export function examine(device: Device, path: string, file: OpenFile, purpose: i32): OpenFile | null {
  const status = file.stat();
  if ((status.mode & S_IFMT) == S_IFDIR) return file;
  const deviceName = device.name();
  const fullPath = path.startsWith("/") ? path : `/${path}`;
  const deviceText = allocString(deviceName);
  const pathText = allocString(fullPath);
  const handle = file_begin(deviceText, deviceName.length, pathText, fullPath.length, purpose, file.size());
  heap.free(pathText);
  heap.free(deviceText);
  if (handle == 0) return file;
  if (handle > 0 && !handOver(file, handle)) return unusable(file, errno);
  const examined = abs(handle);
  const size = file_end(examined);
  if (size != FILE_ITSELF) {
    file.close();
    return new ExaminedFile(examined, size, status);
  }
  file.seek(0, SEEK_SET);
  return file.position == 0 ? file : unusable(file, EIO);
}

function unusable(file: OpenFile, error: i32): OpenFile | null {
  file.close();
  setErrno(error);
  return null;
}

/** Gives the whole content to the host. False and errno when it can't be read. */
function handOver(file: OpenFile, handle: i32): bool {
  const chunk = allocate(CHUNK);
  let got: i32;
  do {
    burn(CHUNK >> 6);
    got = file.read(chunk, CHUNK);
    if (got > 0) file_data(handle, chunk, got);
  } while (got > 0);
  heap.free(chunk);
  return got == 0;
}
