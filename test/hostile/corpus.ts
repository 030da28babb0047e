// The hostile corpus: all families. Whoever wants cases (corpus.test.ts, npm run soak) takes them from here.

import { type Case, casesOf, type Family } from "./case.js";
import { compressed } from "./compressed.js";
import { confFamily } from "./conf.js";
import { elf } from "./elf.js";
import { ext } from "./ext.js";
import { exfat, fat } from "./fat.js";
import { iso } from "./iso.js";
import { modulesFamily } from "./modules.js";
import { partitions } from "./partitions.js";
import { qcow2 } from "./qcow2.js";
import { forthFamily, luaFamily, scripts } from "./scripts.js";
import { ufs } from "./ufs.js";
import { vdiFamily, vhdFamily, vhdxFamily } from "./virtual_pc.js";
import { vmdk } from "./vmdk.js";
import { zfs } from "./zfs.js";
import { zfsObjects } from "./zfs_objects.js";

export const FAMILIES: readonly Family[] = [
  partitions,
  qcow2,
  vmdk,
  vhdFamily,
  vhdxFamily,
  vdiFamily,
  ufs,
  iso,
  ext,
  fat,
  exfat,
  compressed,
  elf,
  modulesFamily,
  zfs,
  zfsObjects,
  scripts,
  forthFamily,
  luaFamily,
  confFamily,
];
export const CORPUS: readonly Case[] = FAMILIES.flatMap(casesOf);
