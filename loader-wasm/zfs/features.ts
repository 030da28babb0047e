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
 * Features with which reading copes, by whose they are. Most change nothing that is read, or have a place of their own that knows
 * them: compressions and checksums (blocks name theirs), kinds of vdevs (the configuration names them), data sets that are encrypted.
 */
const FEATURES: string[] = [
  "com.datto: bookmark_v2 encryption ",
  "com.delphix: bookmark_written device_removal embedded_data extensible_dataset head_errlog hole_birth ",
  "com.delphix: obsolete_counts redacted_datasets redaction_bookmarks redaction_list_spill ",
  "com.joyent: multi_vdev_crash_dump ",
  "com.klarasystems: dynamic_gang_header vdev_zaps_v2 ",
  "org.freebsd: zstd_compress ",
  "org.illumos: edonr lz4_compress sha512 skein ",
  "org.open-zfs: large_blocks ",
  "org.openzfs: blake3 draid raidz_expansion ",
  "org.zfsonlinux: large_dnode longname ",
];

/** What else a data set's own table may hold: features that readers needn't know, and notes of its history. */
const HARMLESS: string[] = [
  "com.datto: ivset_guid ",
  "com.delphix: bookmarks remap_deadlist ",
  "com.klarasystems: large_microzap ",
  "com.truenas: physical_rewrite ",
  "org.openzfs: zilsaxattr ",
  "org.zfsonlinux: project_quota userobj_accounting ",
];
/** An interrupted `zfs receive` leaves several notes that begin so. */
const RESUME = "com.delphix:resume_";

function listed(list: string[], name: string): bool {
  const colon = name.indexOf(":");
  if (colon < 0 || name.includes(" ")) return false;
  const owner = name.substring(0, colon + 1);
  const feature = ` ${name.substring(colon + 1)} `;
  for (let i = 0; i < list.length; i++) if (list[i].startsWith(owner) && list[i].includes(feature)) return true;
  return false;
}

/** Whether a pool that uses the feature `name` can be read. */
export function copesWith(name: string): bool {
  return listed(FEATURES, name);
}

/** The same for an entry of a data set's own table. */
export function datasetCopesWith(name: string): bool {
  return listed(FEATURES, name) || listed(HARMLESS, name) || name.startsWith(RESUME);
}

/** Says that what `where` names can't be read because of the feature `name`. Returns false, and an errno. */
export function refuseFeature(name: string, where: string): bool {
  print(`ZFS: unsupported feature: ${name}\n`);
  damaged(where, `unsupported ZFS feature ${name}`, EIO);
  return false;
}
