// --root-for: looks into the images before the boot, and sets the variables with which the guest finds its root in the machine that
// is named. Imported only when it is given.

import { rootFor } from "../machine_file/root_for.js";
import { latin1 } from "../text.js";
import type { BootArguments } from "./boot_arguments.js";
import { complain } from "./complain.js";
import { withImages } from "./inspect_common.js";

/**
 * `args` with what makes their guest fit; what that is is told. What the command line says itself wins.
 * @throws UserbootError for images that can't be looked into
 */
export function withRoot<T extends BootArguments>(args: T): Promise<T> {
  const { rootFor: machine, disk, backing, isolation, confine, currdev } = args;
  if (machine === undefined) return Promise.resolve(args);
  const images = { disk, backing, isolation, limit: [], ...(confine && { confine }) };
  return withImages(images, async (guest) => {
    const system = await guest.system(currdev);
    const { append, reasons, remarks, variables } = rootFor(system, machine, disk.length);
    const say = (line: string) => complain(`--root-for ${machine}: ${line}`);
    for (const line of reasons) say(line);
    const set = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
    if (set.length > 0) say(`sets ${set.join(" ")}${append ? `, also at the end of ${append.file}` : ""}`);
    else if (remarks.length === 0) say("everything fits");
    for (const line of remarks) say(line);
    const layers = [...(args.layers ?? [])];
    if (append !== undefined) {
      const content = Buffer.concat([await guest.readFile(`${system.device}${append.file}`), Buffer.from(append.text)]);
      // Others lie over it.
      layers.unshift(new Map([[latin1(Buffer.from(append.file)), content]]));
    }
    return { ...args, target: machine, env: [...args.env, ...set], layers };
  });
}
