// Paths as people who look at an image write them: as the loader does, `disk0p2:/boot` or `zfs:pool/set:/etc`, or without a
// device, on the one that would be booted. Unlike the loader, names of files may have colons on every kind of device.

import { Device } from "../dev/device";
import { parseDevice } from "../dev/devices";
import { EINVAL, ENOENT, ENXIO, errno, setErrno } from "../lib/errno";

const POOLS = "zfs:";

/** A device that is open, and an absolute path on it. */
export class Place {
  constructor(
    readonly device: Device,
    readonly path: string,
  ) {}
}

/** Where the path begins in `text`, behind the colon of its device; 0 without one. */
function deviceEnd(text: string): i32 {
  if (text.startsWith("/")) return 0;
  if (!text.startsWith(POOLS)) return text.indexOf(":") + 1;
  // Names of data sets may have colons, too.
  const slash = text.indexOf(":/", POOLS.length);
  return slash >= 0 ? slash + 1 : text.endsWith(":") ? text.length : text.indexOf(":", POOLS.length) + 1;
}

/** What `text` names; null and errno. */
export function placeOf(text: string): Place | null {
  const end = deviceEnd(text);
  const named = parseDevice(end > 0 ? text.substring(0, end) : null);
  if (named === null) {
    if (end > 0 && errno == ENOENT) setErrno(ENXIO);
    return null;
  }
  const device = named.device;
  // What is behind the name of a device that ends early is no path.
  if (named.path.length > 0) {
    setErrno(EINVAL);
    return null;
  }
  const error = device.open();
  if (error != 0) {
    // A partition that isn't there is no file.
    setErrno(device.exists() && error != ENOENT ? error : ENXIO);
    return null;
  }
  const rest = text.substring(end);
  return new Place(device, rest.startsWith("/") ? rest : `/${rest}`);
}
