// File systems on volumes: each volume is looked at once, and what was found is kept, or why nothing was.

import { Device } from "../dev/device";
import { EINVAL, ENOENT, errno, setErrno } from "../lib/errno";
import { KnownPlaces, Volume } from "../storage/volume";
import { FileSystem, OpenFile } from "./file_system";

/** What is known of a volume. */
class Mount<M> {
  constructor(
    readonly found: M | null,
    readonly error: i32,
  ) {}
}

/** A file system of which a mounted volume is an `M`. */
export abstract class MountingFileSystem<M> extends FileSystem {
  private readonly mounts: KnownPlaces<Mount<M>> = new KnownPlaces<Mount<M>>();

  /** Looks at a volume. Null and errno; EINVAL or ENOENT when it has no such file system. */
  protected abstract mount(volume: Volume): M | null;

  /** Opens what `path` names. Null and errno. */
  protected abstract openIn(mounted: M, path: string): OpenFile | null;

  knows(volume: Volume): bool {
    return this.look(volume).error != EINVAL;
  }

  private look(volume: Volume): Mount<M> {
    let mount = this.mounts.find(volume.disk, volume.start);
    if (mount === null) {
      const found = this.mount(volume);
      mount = new Mount<M>(found, found !== null ? 0 : errno == ENOENT ? EINVAL : errno);
      this.mounts.add(volume.disk, volume.start, mount);
    }
    return mount;
  }

  open(device: Device, path: string, _mode: i32): OpenFile | null {
    const volume = device.volume();
    if (volume === null) {
      setErrno(EINVAL);
      return null;
    }
    const mount = this.look(volume);
    const found = mount.found;
    if (found !== null) return this.openIn(found, path);
    setErrno(mount.error);
    return null;
  }
}
