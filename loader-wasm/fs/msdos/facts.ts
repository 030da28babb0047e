// What FAT and exFAT say of a volume as a whole, for those who look at it without booting from it: the boot sector is read once
// more for that.

import { stringAt } from "../../lib/bytes";
import { allocate } from "../../lib/fault";
import { VolumeFacts } from "../file_system";
import { Geometry } from "./geometry";
import { B_LABEL, B_LABEL_32, B_LABEL_SIZE, B_NO_LABEL, BOOT_SIZE } from "./layout";

/** What the boot sector says. How full it is only its table tells, which is long. */
export function geometryFacts(geometry: Geometry): VolumeFacts {
  const facts = new VolumeFacts(<u64>geometry.clusters * <u64>geometry.clusterSize);
  facts.kind = geometry.name();
  if (geometry.exfat) return facts;
  const block = allocate(<usize>BOOT_SIZE);
  if (geometry.volume.read(0, block, BOOT_SIZE) == <i64>BOOT_SIZE) {
    const label = stringAt(block + (geometry.bits == 32 ? B_LABEL_32 : B_LABEL), B_LABEL_SIZE).trimEnd();
    if (label != B_NO_LABEL) facts.label = label;
  }
  heap.free(block);
  return facts;
}
