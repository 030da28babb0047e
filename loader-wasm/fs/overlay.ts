// What the caller lays over the guest's files: files that the loader finds in the place of the guest's, or that it doesn't
// find, whatever file system is below. There is a tree of names for each device that has some; the bytes are the host's
// (protocol.ts, "the overlay"). file_systems.ts asks here first, and path.ts at each symbolic link: what leads to such a
// name is looked up anew.

import { Device } from "../dev/device";
import { parseDevice } from "../dev/devices";
import { Ascii } from "../lib/ascii";
import { stringAt } from "../lib/bytes";
import { EIO, ELOOP, ENOENT, ENXIO, errno, setErrno, strerror } from "../lib/errno";
import { allocate, burn, die } from "../lib/fault";
import { FAULT_DEVICE, OVERLAY_ABSENT, OVERLAY_DIRECTORY, overlay_entry, overlay_used } from "../protocol";
import { OpenFile, S_IFDIR, S_IFMT } from "./file_system";
import { LaidDirectory, LaidFile, Place, PlaceKind } from "./overlaid";

/** Bytes of a name with its device. */
const NAME_SIZE: i32 = 1024;
/** Fuel for looking up a path, besides that for its length. */
const LOOKUP_COST: i64 = 16;
/** How often links may lead to names of the overlay on one path. */
const LINKS_MAX: i32 = 32;

/** Opens `path` with the file systems, or with those alone whose files are files of others. */
type Below = (device: Device, path: string, mode: i32, layersOnly: bool) => OpenFile | null;

/** Whether there is any. */
export let overlaid: bool = false;
/** Where the link leads that stopped the last walk, because that is for the overlay; null when none did. */
export let redirected: string | null = null;

const overlays: Overlay[] = [];
/** The one of the device whose file systems are being asked. */
let watching: Overlay | null = null;

/** The place that `find` came to, and how many names of the path led on from there to nothing of the overlay's. */
let place: Place | null = null;
let lost: i32 = 0;
/** Whether the path had `..` in it. By name alone that is another directory than behind a link. */
let climbs: bool = false;
/** Whether a `.` came behind the last name, which is a directory's then. */
let dotted: bool = false;
/** The way without links to what the last walk found; null when there was no walk. */
let arrived: string | null = null;

/** What lies over one device. */
class Overlay {
  readonly top: Place = new Place("", null);

  constructor(
    readonly device: Device,
    /** Whether its names are the same in capitals and small letters. */
    readonly anyCase: bool,
  ) {}

  isFor(device: Device): bool {
    const own = this.device.volume();
    const other = device.volume();
    if (own !== null && other !== null) return own.disk === other.disk && own.start == other.start;
    return own === null && other === null && this.device.name() == device.name();
  }

  /** Adds what the host calls `index`. False when something else is in its way. */
  add(path: string, index: i32, size: u64): bool {
    let at = this.top;
    for (let start = 1; start <= path.length; ) {
      if (at.kind == PlaceKind.File) return false;
      const slash = path.indexOf("/", start);
      const end = slash < 0 ? path.length : slash;
      at = at.enter(path.substring(start, end), this.anyCase);
      start = end + 1;
    }
    if (at.entry >= 0) return false;
    if (size == OVERLAY_ABSENT) at.kind = PlaceKind.Absent;
    else if (size != OVERLAY_DIRECTORY) {
      if (at.children.length > 0) return false;
      at.kind = PlaceKind.File;
    }
    at.entry = index;
    at.size = size;
    if (size == OVERLAY_ABSENT) return true;
    for (let above: Place | null = at; above !== null; above = above.parent) above.exists = true;
    return true;
  }

  /** Looks `path` up: empty names and `.` count for nothing, `..` takes away the name before it. It ends at a NUL. */
  find(path: string): void {
    burn(LOOKUP_COST + <i64>(path.length >> 4));
    let at = this.top;
    let beyond = 0;
    climbs = false;
    dotted = false;
    const nul = path.indexOf("\0");
    const length = nul < 0 ? path.length : nul;
    for (let start = 0; start < length; ) {
      const slash = path.indexOf("/", start);
      const end = slash < 0 || slash > length ? length : slash;
      const size = end - start;
      // A file has no such names.
      const inDirectory = beyond > 0 || at.kind != PlaceKind.File;
      const isDots =
        inDirectory && size <= 2 && path.charCodeAt(start) == Ascii.POINT && path.charCodeAt(end - 1) == Ascii.POINT;
      if (isDots && size == 2) {
        climbs = true;
        const above = at.parent;
        if (beyond > 0) beyond--;
        else if (above !== null) at = above;
      } else if (isDots && size == 1) dotted = true;
      else if (size > 0 && !isDots) {
        dotted = false;
        const next = beyond == 0 ? at.find(path, start, end, this.anyCase) : -1;
        if (next < 0) beyond++;
        else at = at.children[next];
      }
      start = end + 1;
    }
    place = at;
    lost = beyond;
  }

  /** Opens `path`, on whose way `links` more links may lead here. */
  open(device: Device, path: string, mode: i32, below: Below, links: i32): OpenFile | null {
    this.find(path);
    let found = place!;
    const isIt = lost == 0;
    const climbed = climbs;
    const asDirectory = dotted;
    if (isIt && found.kind == PlaceKind.File) {
      overlay_used(found.entry);
      return new LaidFile(found.entry, found.size);
    }
    const hiding = found.hidden();
    if (hiding !== null) {
      overlay_used(hiding.entry);
      return isIt && found.exists ? new LaidDirectory(found, null, this.anyCase) : below(device, path, mode, true);
    }
    let file = this.openBelow(device, path, mode, below, links);
    if (!isIt) return file;
    if (climbed) {
      // Links that climb would double the ways at each turn.
      if (file === null) file = this.openBelow(device, found.path() + (asDirectory ? "/." : ""), mode, below, 0);
      const way = arrived;
      if (way !== null) this.find(way);
      if (way !== null && lost > 0) return file;
      if (way !== null) found = place!;
    }
    const isDirectory = file !== null && (file.stat().mode & S_IFMT) == S_IFDIR;
    if (isDirectory) return new LaidDirectory(found, file, this.anyCase);
    // Nothing but what isn't there makes no directory. One that can't be read may have more in it.
    if (!found.exists || (file === null && errno == EIO)) return file;
    if (file !== null) file.close();
    return new LaidDirectory(found, null, this.anyCase);
  }

  /** Opens `path` with the file systems, and what links on its way lead to here. */
  private openBelow(device: Device, path: string, mode: i32, below: Below, links: i32): OpenFile | null {
    watching = this;
    redirected = null;
    arrived = null;
    const file = below(device, path, mode, false);
    const elsewhere = redirected;
    redirected = null;
    watching = null;
    if (elsewhere === null) return file;
    arrived = null;
    if (links > 0) return this.open(device, elsewhere, mode, below, links - 1);
    setErrno(ELOOP);
    return null;
  }
}

/** Whether walks are to say where links lead. */
export function watchesLinks(): bool {
  return watching !== null;
}

/** Tells that a walk has ended at `way`, which has no links. */
export function arriveAt(way: string): void {
  arrived = way;
}

/** Whether `path`, to which a link leads, is for the overlay, so that the walk ends here. */
export function redirects(path: string): bool {
  watching!.find(path);
  if (lost > 0 && place!.hidden() === null) return false;
  redirected = path;
  return true;
}

/** Opens `path` on `device`, laid over or with `below`. Null and errno. */
export function openOver(device: Device, path: string, mode: i32, below: Below): OpenFile | null {
  for (let i = 0; i < overlays.length; i++) {
    if (overlays[i].isFor(device)) return overlays[i].open(device, path, mode, below, LINKS_MAX);
  }
  return below(device, path, mode, false);
}

/** Learns from the host what there is. Names without a device are for `currdev`, from which the loader starts. */
export function startOverlay(ignoresCase: (device: Device) => bool): void {
  const size = memory.data(8, 8);
  const block = allocate(NAME_SIZE);
  for (let index = 0; ; index++) {
    const length = overlay_entry(index, block, NAME_SIZE, size);
    if (length < 0) break;
    const name = stringAt(block, min(length, NAME_SIZE));
    const isNamed = !name.startsWith("/");
    const named = parseDevice(isNamed ? name : null);
    const error = named === null ? errno : named.device.open();
    // What the loader would start from has nothing that could be laid over, which it says itself.
    if (error != 0 && !isNamed) continue;
    if (error != 0) {
      const isThere = named === null ? error != ENOENT && error != ENXIO : named.device.exists();
      const why = isThere ? `its device can't be opened: ${strerror(error)}` : "there is no such device";
      die(FAULT_DEVICE, `overlay ${name}: ${why}`);
    }
    const overlay = overlayOf(named!.device, ignoresCase);
    if (overlay.add(isNamed ? named!.path : name, index, load<u64>(size))) continue;
    die(FAULT_DEVICE, `overlay ${name}: it is there twice, or as a file and as a directory`);
  }
  heap.free(block);
}

/** The one for `device`, which is new or has some already. */
function overlayOf(device: Device, ignoresCase: (device: Device) => bool): Overlay {
  for (let i = 0; i < overlays.length; i++) if (overlays[i].isFor(device)) return overlays[i];
  const overlay = new Overlay(device, ignoresCase(device));
  overlays.push(overlay);
  overlaid = true;
  return overlay;
}
