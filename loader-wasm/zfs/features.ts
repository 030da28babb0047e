// Features of pools and of single data sets (OpenZFS's zfeature_common.c lists them): which of them reading copes with.
// A pool's label lists what its metadata can't be read without, the pool itself what any reader must know; a data set
// lists what it uses. pool.ts and dataset.ts ask.

import { EIO } from "../lib/errno";
import { damaged } from "../lib/fault";
import { print } from "../lib/output";

/** The headers of gang blocks fill what a vdev gives at least. */
export const LARGE_GANGS = "com.klarasystems:dynamic_gang_header";

/** Only pools of OpenZFS 2 and later list this one, whether they use it or not. */
export const ZSTD = "org.freebsd:zstd_compress";

/**
 * Features with which reading copes. Most change nothing that is read, or have a place of their own that knows them: compressions and
 * checksums (blocks name theirs), kinds of vdevs (the configuration names them), data sets that are encrypted.
 */
const FEATURES: string[] = [
  "org.illumos:lz4_compress",
  "com.joyent:multi_vdev_crash_dump",
  "com.delphix:hole_birth",
  "com.delphix:extensible_dataset",
  "com.delphix:embedded_data",
  "org.open-zfs:large_blocks",
  "org.zfsonlinux:large_dnode",
  "org.illumos:sha512",
  "org.illumos:skein",
  "org.illumos:edonr",
  "com.delphix:redaction_bookmarks",
  "com.delphix:redacted_datasets",
  "com.delphix:redaction_list_spill",
  "com.delphix:bookmark_written",
  "com.delphix:device_removal",
  "com.delphix:obsolete_counts",
  "com.datto:bookmark_v2",
  "com.datto:encryption",
  ZSTD,
  "org.openzfs:draid",
  "com.delphix:head_errlog",
  "org.openzfs:blake3",
  "com.klarasystems:vdev_zaps_v2",
  "org.openzfs:raidz_expansion",
  "org.zfsonlinux:longname",
  LARGE_GANGS,
];

/** What else a data set's own table may hold: features that readers needn't know, and notes of its history. */
const HARMLESS: string[] = [
  "org.zfsonlinux:userobj_accounting",
  "org.zfsonlinux:project_quota",
  "org.openzfs:zilsaxattr",
  "com.klarasystems:large_microzap",
  "com.truenas:physical_rewrite",
  "com.delphix:bookmarks",
  "com.delphix:remap_deadlist",
  "com.datto:ivset_guid",
];
/** An interrupted `zfs receive` leaves several notes that begin so. */
const RESUME = "com.delphix:resume_";

/** Whether a pool that uses the feature `name` can be read. */
export function copesWith(name: string): bool {
  return FEATURES.includes(name);
}

/** The same for an entry of a data set's own table. */
export function datasetCopesWith(name: string): bool {
  return FEATURES.includes(name) || HARMLESS.includes(name) || name.startsWith(RESUME);
}

/** Says that what `where` names can't be read because of the feature `name`. Returns false, and an errno. */
export function refuseFeature(name: string, where: string): bool {
  print(`ZFS: unsupported feature: ${name}\n`);
  damaged(where, `unsupported ZFS feature ${name}`, EIO);
  return false;
}
