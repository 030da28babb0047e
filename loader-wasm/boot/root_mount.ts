// Where the kernel shall find its root file system: `vfs.root.mountfrom`, from the root line of /etc/fstab
// on the root device, or from the device itself when that is a ZFS dataset.

import { getenv, setDefault } from "../environment/variables";
import { close, open, unreadable } from "../files/files";
import { lineError, readLine } from "../files/text";
import { EIO, strerror } from "../lib/errno";
import { burn } from "../lib/fault";
import { print } from "../lib/output";
import { isSpace } from "../lib/text";

/** Bytes of a line of fstab; longer ones are cut into several. */
const LINE_LIMIT: i32 = 127;

/** Sets `vfs.root.mountfrom` and its options unless they are set. `device` is the root device's name. */
export function findRootMount(device: string): void {
  if (getenv("vfs.root.mountfrom") !== null) return;
  const path = `${device}/etc/fstab`;
  const fd = open(path);
  const found = fd >= 0 && readFstab(fd);
  const error = fd >= 0 ? lineError : unreadable ? EIO : 0;
  if (fd >= 0) close(fd);
  if (found) return;
  if (error != 0) print(`can't read '${path}': ${strerror(error)}\n`);
  const current = getenv("currdev");
  if (current !== null && current.startsWith("zfs:")) {
    setDefault("vfs.root.mountfrom", current.substring(0, current.length - 1));
  }
}

function readFstab(fd: i32): bool {
  while (true) {
    burn(1);
    const line = readLine(fd, LINE_LIMIT);
    if (line === null) return false;
    const entry = parseEntry(line);
    if (entry === null) continue;
    setDefault("vfs.root.mountfrom", `${entry[1]}:${entry[0]}`);
    setDefault("vfs.root.mountfrom.options", entry[2]);
    return true;
  }
}

/** Device, type and options of a line that mounts the root, else null. */
function parseEntry(line: string): string[] | null {
  if (line.startsWith("#")) return null;
  const device = new Cursor(line, 0).word();
  const rest = new Cursor(line, device.length);
  if (device.length == line.length) return null;
  rest.skipBlanks();
  if (rest.at + 1 >= line.length || line.charAt(rest.at) != "/" || !isSpace(line.charCodeAt(rest.at + 1))) return null;
  rest.at += 2;
  rest.skipBlanks();
  const type = rest.word();
  rest.skipBlanks();
  const options = rest.word();
  return type.length > 0 && options.length > 0 ? [device, type, options] : null;
}

class Cursor {
  constructor(
    private readonly text: string,
    public at: i32,
  ) {}

  skipBlanks(): void {
    while (this.at < this.text.length && isSpace(this.text.charCodeAt(this.at))) this.at++;
  }

  /** The characters up to the next blank. */
  word(): string {
    const start = this.at;
    while (this.at < this.text.length && !isSpace(this.text.charCodeAt(this.at))) this.at++;
    return this.text.substring(start, this.at);
  }
}
