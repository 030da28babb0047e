// `host0:`, `host1:` ...: the directory trees that the caller may grant. Without any, `host0:` is there as in the
// reference, with nothing in it.

import { page } from "../console/pager";
import { Ascii } from "../lib/ascii";
import { EINVAL, EUNIT, setErrno } from "../lib/errno";
import { scanInteger } from "../lib/text";
import { Device, DeviceDriver, NamedDevice } from "./device";
import { findTrees, treeCount } from "./trees";

/** `hostN:`, granted or not: what isn't there is found out when a file of it is opened. */
export class HostDevice extends Device {
  constructor(readonly unit: i32) {
    super();
  }

  name(): string {
    return `host${this.unit}:`;
  }
}

/** The driver of these devices. */
export class HostDriver extends DeviceDriver {
  constructor() {
    super("host");
  }

  probe(_ndisks: i32): void {
    findTrees();
  }

  print(_verbose: bool): bool {
    if (page("host devices:\n")) return true;
    for (let unit = 0; unit < max(treeCount, 1); unit++) {
      if (page(`    host${unit}:   Host filesystem\n`)) return true;
    }
    return false;
  }

  parse(text: string): NamedDevice | null {
    let unit = 0;
    let at = 0;
    if (text.length > 0 && !text.startsWith(":")) {
      const number = scanInteger(text, 0);
      unit = <i32>number.value;
      at = number.end;
      if (at == 0) {
        setErrno(EUNIT);
        return null;
      }
    }
    if (at < text.length && text.charCodeAt(at) != Ascii.COLON) {
      setErrno(EINVAL);
      return null;
    }
    return new NamedDevice(new HostDevice(unit), at < text.length ? at + 1 : at);
  }

  bootDevice(): Device | null {
    return new HostDevice(0);
  }
}
