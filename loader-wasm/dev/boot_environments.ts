// Boot environments: the data sets beside the one booted from, as variables for the guest's menu scripts, and the
// commands about them.

import { getenv, setenv, unsetenv } from "../environment/variables";
import { EINVAL, ENXIO, errno, setErrno } from "../lib/errno";
import { damaged } from "../lib/fault";
import { print } from "../lib/output";
import { parseInteger } from "../lib/text";
import { WHOLE } from "../lib/variant";
import { BootBlock } from "../zfs/boot_block";
import { datasetChildren, findDataset } from "../zfs/dataset";
import { CHECKPOINT_MARK, findPool } from "../zfs/pool";

/** Menu entries of a page, by their numbers. */
const FIRST_ENTRY: i32 = 4;
const LAST_ENTRY: i32 = 8;
const PER_PAGE: i32 = LAST_ENTRY - FIRST_ENTRY + 1;

/** The pool's name in a data set's. */
function poolOf(name: string): string {
  const slash = name.indexOf("/");
  return slash < 0 ? name : name.substring(0, slash);
}

/** Children of the data set called `name`, pool first; null and errno. */
export function childrenOf(name: string): string[] | null {
  const slash = name.indexOf("/");
  if (WHOLE) {
    const pool = findPool(poolOf(name));
    const dataset = pool === null ? 0 : findDataset(pool, slash < 0 ? "" : name.substring(slash + 1));
    if (pool !== null) return dataset == 0 ? null : datasetChildren(pool, dataset);
  }
  setErrno(ENXIO);
  return null;
}

/** The boot environments below `name`, latest first; null and errno. */
function environmentsOf(name: string): string[] | null {
  const children = childrenOf(name);
  if (children === null) return null;
  const result: string[] = [];
  for (let i = children.length - 1; i >= 0; i--) if (!children[i].startsWith("$")) result.push(children[i]);
  return result;
}

/** Sets the variables for the device booted from, such as `zfs:pool/ROOT/default:`. */
export function initBootEnvironments(device: string): void {
  if (!WHOLE || !device.startsWith("zfs:")) return;
  const active = device.substring(0, device.length - 1);
  setenv("zfs_be_active", active);
  setenv("zfs_be_currpage", "1");
  const slash = active.lastIndexOf("/");
  const root = active.substring(4, slash < 0 ? active.length : slash);
  setenv("zfs_be_root", root);
  listEnvironments("bootenvs", root);
  if (findPool(CHECKPOINT_MARK + poolOf(root)) === null) return;
  setenv("zpool_checkpoint", root);
  listEnvironments("bootenvs_check", CHECKPOINT_MARK + root);
}

/** Sets variables `prefix[0]` and so on for the boot environments below `root`. */
function listEnvironments(prefix: string, root: string): void {
  const environments = environmentsOf(root);
  if (environments === null) return;
  for (let i = 0; i < environments.length; i++) setenv(`${prefix}[${i}]`, `zfs:${root}/${environments[i]}`);
  setenv(`${prefix}_count`, environments.length.toString());
}

/**
 * Does what the pool of `device`, the one booted from, was told for this boot: the data set to boot once becomes `currdev`, variables
 * are set. It stays in the pool's labels, since disks are read only; `zfs-bootonce` tells that it is to be cleared.
 */
export function obeyBootBlock(device: string): void {
  if (!WHOLE || !device.startsWith("zfs:")) return;
  const pool = findPool(poolOf(device.substring(4, device.length - 1)));
  if (pool === null) return;
  if (pool.modern) {
    setenv("vfs.zfs.boot.primary_pool", pool.guid.toString());
    setenv("vfs.zfs.boot.primary_vdev", pool.firstDisk().toString());
  }
  const block = pool.bootBlock;
  if (block === null) return;
  const once = block.once;
  if (once !== null) {
    print(`zfs bootonce: ${once}\n`);
    if (setenv("currdev", once) == 0) setenv("zfs-bootonce", once);
    else damaged(`zfs:${pool.name}`, `ZFS boot block: bootonce '${once}' is no data set`, errno);
  }
  for (let i = 0; i < block.variables.length; i++) setenv(block.variables[i].name, block.variables[i].value);
  if (block.isList) bootStore = new BootStore(pool.name, block);
}

/** Where variables are kept from boot to boot: the boot block of the pool that is booted from, called as it is. */
export class BootStore {
  constructor(
    readonly name: string,
    readonly block: BootBlock,
  ) {}
}

/** It; null when the pool has none, or there is no pool. */
export let bootStore: BootStore | null = null;

/** Makes `root` the place of the boot environments, and sets the variables of the menu's current page. Returns an errno. */
export function loadBootEnvironments(root: string): i32 {
  if (getenv("zfs_be_root") === null) return EINVAL;
  setenv("zfs_be_root", root);
  const environments = environmentsOf(root);
  if (environments === null) return errno;
  const pages = (environments.length + PER_PAGE - 1) / PER_PAGE;
  setenv("zfs_be_pages", pages.toString());
  const current = getenv("zfs_be_currpage");
  let page = current === null ? 1 : <i32>parseInteger(current, 10);
  if (page > pages) {
    setenv("zfs_be_currpage", "1");
    page = 1;
  }
  const first = PER_PAGE * (max(page, 1) - 1);
  for (let entry = FIRST_ENTRY; entry <= LAST_ENTRY; entry++) {
    const index = first + entry - FIRST_ENTRY;
    if (index < environments.length) setEntry(entry, root, environments[index]);
    else clearEntry(entry);
  }
  return 0;
}

function setEntry(entry: i32, root: string, name: string): void {
  setenv(`bootenvmenu_caption[${entry}]`, name);
  setenv(`bootenvansi_caption[${entry}]`, name);
  setenv(`bootenvmenu_command[${entry}]`, "set_bootenv");
  setenv(`bootenv_root[${entry}]`, `zfs:${root}/${name}`);
}

function clearEntry(entry: i32): void {
  unsetenv(`bootenvmenu_caption[${entry}]`);
  unsetenv(`bootenvansi_caption[${entry}]`);
  unsetenv(`bootenvmenu_command[${entry}]`);
  unsetenv(`bootenv_root[${entry}]`);
}

/** `lszfs`: prints the children of the data set `name`. Returns an errno. */
export function printChildren(name: string): i32 {
  const children = childrenOf(name);
  if (children === null) return errno;
  for (let i = 0; i < children.length; i++) print(`${children[i]}\n`);
  return 0;
}
