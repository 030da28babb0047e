// Which Lua it is: 5.3, or 5.4 where the loader that is emulated has that (lib/profile.ts). Whatever differs asks here;
// none of it is in the VM's loop, for which the compiler chooses other instructions.

import { profile } from "../../../lib/profile";

/** Whether it is Lua 5.4. */
export let is54: bool = false;

/** Takes the profile's. Comes before anything else of the VM. */
export function startDialect(): void {
  is54 = profile.lua >= 54;
}
