// The options of a boot with all that isn't on the command line itself. What reads and writes set-ups is loaded when it is wanted.

import type { BootArguments } from "./boot_arguments.js";

/** `args` with the set-up of --machine and the variables of --root-for in them, which --save-machine then writes to its file. */
export async function settled<T extends BootArguments>(args: T): Promise<T> {
  const { machine, rootFor, saveMachine: place } = args;
  let whole = args;
  if (machine !== undefined) whole = await (await import("./machine.js")).withMachine(whole);
  if (rootFor !== undefined) whole = await (await import("./root_for.js")).withRoot(whole);
  if (place !== undefined) await (await import("./machine.js")).saveMachine(whole);
  return whole;
}
