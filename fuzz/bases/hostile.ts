// Targets whose bases are the cases of the hostile corpus (test/hostile/): each is close to where something is refused. One
// target for each flavour, with those cases that begin with it.

import type { BootOptions } from "userboot-wasm";
import type { DiskImage, DiskSource, ImageFormat } from "../../build/host/disks/source.js";
import type { Flavour } from "../../build/host/modules.js";
import type { Guest } from "../../test/hostile/case.js";
import { CORPUS } from "../../test/hostile/corpus.js";
import { SparseDisk } from "../../test/support/sparse_disk.js";
import { booting } from "../booting.js";
import type { Base, Target } from "../target.js";

const FLAVOURS: readonly Flavour[] = ["simp", "4th", "lua"];
/** Cases larger than this are about limits: they take long, each time. */
const DISK_MAX = 256 * 1024 * 1024;
const LINES_MAX = 20_000;

function diskOf(bytes: Uint8Array): SparseDisk {
  const disk = new SparseDisk(0);
  disk.write(0, bytes);
  return disk;
}

const isImage = (source: DiskSource): source is DiskImage => typeof source === "object" && "image" in source;

/** A guest's disks: an image with all its files, or those that stand for themselves. */
function disksOf({ disks }: Guest): SparseDisk[] | undefined {
  const [first] = disks;
  const parts = first !== undefined && isImage(first) ? [first.image, ...(first.files ?? [])] : disks;
  const made = parts.map((part) =>
    part instanceof SparseDisk ? part : part instanceof Uint8Array ? diskOf(part) : undefined,
  );
  return made.every((disk) => disk !== undefined) && made.every(({ size }) => size <= DISK_MAX) ? made : undefined;
}

function target(flavour: Flavour): Target {
  const guests = new Map<string, Guest>();
  const bases = CORPUS.map(({ make, name }): [string, () => Promise<Base | undefined>] => [
    name,
    async () => {
      const guest = await make();
      if ((guest.options?.start ?? "simp") !== flavour || (guest.lines ?? []).join("").length > LINES_MAX) return;
      const disks = disksOf(guest);
      if (disks === undefined) return;
      guests.set(name, guest);
      return { disks };
    },
  ]);
  return {
    name: `hostile_${flavour}`,
    module: flavour,
    bases: Object.fromEntries(bases),
    many: true,
    session: (disks, _text, { base }) => {
      const { disks: sources, lines = [], options = {} } = guests.get(base)!;
      const { env = [], interfaceVersion, overlay, profile } = options satisfies Omit<BootOptions, "disks">;
      const [first] = sources;
      return booting(disks, {
        flavour,
        keys: lines.map((line) => `${line}\r`),
        env: ["LINES=1000000", ...env],
        swaps: interfaceVersion === 5,
        ...(overlay !== undefined && { overlay: overlay as Record<string, Uint8Array | null> }),
        ...(typeof profile === "number" && { profile }),
        ...(first !== undefined &&
          isImage(first) && { format: first.format as ImageFormat, granted: (first.files ?? []).length > 0 }),
      });
    },
  };
}

export const hostileTargets: readonly Target[] = FLAVOURS.map(target);
