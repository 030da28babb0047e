// `host0:`, the directory tree that the caller may grant. Nothing can be granted yet, so that every file in it
// is missing; it is listed and named as the reference does.

import { page } from "../console/pager";
import { EINVAL, EUNIT, setErrno } from "../lib/errno";
import { parseEnd, parseInteger } from "../lib/text";
import { Device, DeviceDriver, setDeviceEnd } from "./device";

export class HostDevice extends Device {
  constructor(readonly unit: i32) {
    super();
  }

  name(): string {
    return `host${this.unit}:`;
  }
}

export class HostDriver extends DeviceDriver {
  constructor() {
    super("host");
  }

  print(_verbose: bool): bool {
    return page("host devices:\n") || page("    host0:   Host filesystem\n");
  }

  parse(text: string): Device | null {
    let unit = 0;
    let at = 0;
    if (text.length > 0 && !text.startsWith(":")) {
      unit = <i32>parseInteger(text, 0);
      at = parseEnd;
      if (at == 0) {
        setErrno(EUNIT);
        return null;
      }
    }
    if (at < text.length && text.charCodeAt(at) != 0x3a) {
      setErrno(EINVAL);
      return null;
    }
    setDeviceEnd(at < text.length ? at + 1 : at);
    return new HostDevice(unit);
  }
}
