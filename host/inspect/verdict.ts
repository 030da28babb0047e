// Whether what an inspection found would boot: by the loader's mark, the kernel that would be loaded, and its root.

import { FLAVOURS } from "../modules.js";
import type { SystemInfo } from "./facts.js";

/** Machines whose kernels the loader loads. */
const MACHINES = ["amd64", "i386"];

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
