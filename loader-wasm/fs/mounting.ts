// File systems on volumes: each volume is looked at once, and what was found is kept, or why nothing was. Where what a file
// system begins with is bad, there may be a copy of it.

import { Device } from "../dev/device";
import { EINVAL, ENOENT, errno, setErrno } from "../lib/errno";
import { KnownPlaces, Volume } from "../storage/volume";
import { FileSystem, OpenFile } from "./file_system";
import { knownToOthers } from "./file_systems";

/** What is known of a volume. */
class Mount<M> {
  constructor(
    public found: M | null,
    public error: i32,
    /** Whether to look for a copy. */
    public wantsCopy: bool,
  ) {
    this.known = error != EINVAL;
  }

  /** Whether it is of the file system by what it begins with. */
  readonly known: bool;
}

/** A file system of which a mounted volume is an `M`. */
export abstract class MountingFileSystem<M> extends FileSystem {
  private readonly mounts: KnownPlaces<Mount<M>> = new KnownPlaces<Mount<M>>();
  /** Set by `mount` that found nothing, when there may be a copy of what is bad, or missing. */
  protected wantsCopy: bool = false;

  /** Looks at a volume. Null and errno; EINVAL or ENOENT when it has no such file system. */
  protected abstract mount(volume: Volume): M | null;

  /** Looks for a copy, and says that it is one. Null without one. */
  protected mountCopy(_volume: Volume): M | null {
    return null;
  }

  /** Opens what `path` names. Null and errno. */
  protected abstract openIn(mounted: M, path: string): OpenFile | null;

  knows(volume: Volume): bool {
    return this.look(volume).known;
  }

  private look(volume: Volume): Mount<M> {
    let mount = this.mounts.find(volume.disk, volume.start);
    if (mount === null) {
      this.wantsCopy = false;
      const found = this.mount(volume);
      mount = new Mount<M>(
        found,
        found !== null ? 0 : errno == ENOENT ? EINVAL : errno,
        found === null && this.wantsCopy,
      );
      this.mounts.add(volume.disk, volume.start, mount);
    }
    return mount;
  }

  /** What is mounted of `device`; null and errno. */
  protected mounted(device: Device): M | null {
    const volume = device.volume();
    if (volume === null) {
      setErrno(EINVAL);
      return null;
    }
    const mount = this.look(volume);
    if (mount.wantsCopy) {
      mount.wantsCopy = false;
      // A copy may be left on volumes that were made anew as something else.
      mount.found = knownToOthers(volume, this) ? null : this.mountCopy(volume);
    }
    if (mount.found === null) setErrno(mount.error);
    return mount.found;
  }

  open(device: Device, path: string, _mode: i32): OpenFile | null {
    const found = this.mounted(device);
    return found === null ? null : this.openIn(found, path);
  }

  /** Opens what `path` names, with a symbolic link as its last name standing for itself. Null and errno. */
  protected linkIn(mounted: M, path: string): OpenFile | null {
    return this.openIn(mounted, path);
  }

  openLink(device: Device, path: string): OpenFile | null {
    const found = this.mounted(device);
    return found === null ? null : this.linkIn(found, path);
  }
}
