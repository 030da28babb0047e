// Which arguments of the imports are places in the module's memory, and how large those are: the core must never hand over
// one that isn't all there, nor the number of a disk or of an overlay's file that it wasn't given. An import without a line
// here isn't accepted, so that a new one gets its line.

/** A place in memory: the number of the argument that is its address, and its size or that of the argument with its size. */
interface Place {
  at: number;
  size?: number;
  sizeAt?: number;
}

const place = (at: number, size: number): Place => ({ at, size });
const sized = (at: number, sizeAt: number): Place => ({ at, sizeAt });

const PLACES: Readonly<Record<string, readonly Place[]>> = {
  putc: [],
  write: [sized(0, 1)],
  getc: [],
  poll: [],
  diskread: [sized(2, 3), place(4, 4)],
  diskread_guest: [place(4, 8)],
  // 24 bytes for DIOCGIMAGE, the largest.
  diskioctl: [place(2, 8)],
  copyin: [sized(0, 2)],
  copyout: [sized(1, 2)],
  zero_guest: [],
  getmem: [place(0, 8), place(1, 8)],
  getmap: [place(1, 20)],
  sha256: [sized(0, 1), place(2, 32)],
  setreg: [],
  setmsr: [],
  setcr: [],
  setgdt: [],
  vm_set_register: [],
  vm_set_desc: [],
  exec: [],
  exec_refused: [sized(1, 2)],
  delay: [],
  exit: [],
  getenv: [sized(1, 2)],
  swap_interpreter: [sized(0, 1)],
  report: [sized(0, 1)],
  looked: [sized(1, 2), sized(3, 4)],
  fault: [sized(1, 2)],
  hooks: [],
  file_begin: [sized(0, 1), sized(2, 3)],
  file_data: [sized(1, 2)],
  file_end: [],
  file_read: [sized(2, 3)],
  file_read_guest: [],
  ask_setenv: [sized(0, 1), sized(2, 3), sized(4, 5)],
  ask_kernel: [sized(0, 1), sized(2, 3), sized(4, 5)],
  overlay_entry: [sized(1, 2), place(3, 8)],
  overlay_used: [],
  overlay_read: [sized(2, 3)],
  overlay_read_guest: [],
  clock_time_get: [place(2, 8)],
  path_open: [sized(2, 3), place(8, 4)],
  fd_read: [place(3, 4)],
  fd_seek: [place(3, 8)],
  fd_filestat_get: [place(1, 64)],
  fd_readdir: [sized(1, 2), place(4, 4)],
  fd_close: [],
};

/** Calls whose first argument is the number of a disk, and of a file of the overlay. */
const OF_DISKS: ReadonlySet<string> = new Set(["diskread", "diskread_guest", "diskioctl"]);
const OF_OVERLAY: ReadonlySet<string> = new Set(["overlay_used", "overlay_read", "overlay_read_guest"]);

/** Thrown when the core calls an import with what can't be meant. */
export class RangeFault extends Error {}

/** What there is. */
export interface Bounds {
  /** Bytes of the module's memory. */
  memory(): number;
  disks: number;
  overlay: number;
}

type Value = number | bigint | undefined;

/** Looks at the arguments of a call of the import `name`. */
export function rangeCheck(name: string): (bounds: Bounds, values: readonly Value[]) => void {
  const places = PLACES[name];
  if (places === undefined) throw new Error(`fuzz/ranges.ts says nothing of the import ${name}`);
  return (bounds, values) => {
    const number = Number(values[0]);
    if (OF_DISKS.has(name) && (number < 0 || number >= bounds.disks)) fail(name, `disk ${number} of ${bounds.disks}`);
    if (OF_OVERLAY.has(name) && (number < 0 || number >= bounds.overlay))
      fail(name, `file ${number} of an overlay of ${bounds.overlay}`);
    for (const { at, size, sizeAt } of places) {
      const start = Number(values[at]) >>> 0;
      const length = size ?? Number(values[sizeAt!]) >>> 0;
      if (length > 0 && start + length > bounds.memory())
        fail(name, `${length} bytes at ${start} of a memory of ${bounds.memory()}`);
    }
  };
}

function fail(name: string, what: string): never {
  throw new RangeFault(`import ${name}: ${what}`);
}
