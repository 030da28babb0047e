// Whether what an inspection found would boot: by the loader's mark, the kernel that would be loaded, and its root.

import { FLAVOURS, type Flavour } from "../modules.js";
import type { PoolInfo, SystemInfo } from "./facts.js";

/** Machines whose kernels the loader loads. */
const MACHINES = ["amd64", "i386"];

/** What each interpreter runs first: the first one that is there. */
const SCRIPTS: Readonly<Record<Flavour, readonly string[]>> = {
  lua: ["/boot/lua/loader.lua"],
  "4th": ["/boot/loader.rc"],
  // The last two are DragonFly's.
  simp: ["/boot/loader.rc", "/boot/dloader.rc", "/dloader.rc"],
};

/** What the interpreter called `name` runs first; none when there is no such one. */
export const scriptsOf = (name: string | undefined): readonly string[] =>
  FLAVOURS.filter((flavour) => flavour === name).flatMap((flavour) => SCRIPTS[flavour]);

/** Whether a problem is that of a whole pool, which the others of the pool are the reasons for. */
export const isPoolsOwn = (problem: string): boolean => /^zfs:\S+: ZFS pool is /.test(problem);

/** Why the pool called `name` can't be read; undefined when it can, or there is none. */
export function poolFault(pools: readonly PoolInfo[], name: string | undefined): string | undefined {
  return pools.find((pool) => pool.name === name)?.problems.find(isPoolsOwn);
}

/** The first thing that is missing for a boot; undefined when everything is there. */
export function missingIn({ interpreter, kernel, kernels, root }: Omit<SystemInfo, "missing">): string | undefined {
  if (interpreter !== undefined && !(FLAVOURS as string[]).includes(interpreter.value))
    return `interpreter: ${interpreter.file} wants "${interpreter.value}", and there are ${FLAVOURS.join(", ")}`;
  const found = kernels.find(({ path }) => path === kernel?.value);
  if (found === undefined) return "kernel: there is none";
  if (found.problem !== undefined) return `kernel: ${found.path}: ${found.problem}`;
  if (!MACHINES.includes(found.machine)) return `kernel: ${found.path} is for ${found.machine}, not amd64 or i386`;
  if (root === undefined) return "root: neither vfs.root.mountfrom in loader.conf nor / in /etc/fstab";
  return undefined;
}
