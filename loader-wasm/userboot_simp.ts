// The flavour `simp`: the core with the simple command interpreter.

import { SimpleInterpreter } from "./interp/simp/simple";
import { loaderMain } from "./main";

export { profileFacts, wantProfile } from "./boot/detection";
export { explain } from "./boot/explanation";
export { markOffset } from "./boot/interpreter_check";
export { fuelLeft, grantFuel } from "./lib/fault";
export { flush as flushOutput } from "./lib/output";
export { healedReads } from "./zfs/vdev";

/** Runs the loader for `ndisks` disks by the rules of interface `version`. Returns only through the host. */
export function loader_main(version: i32, ndisks: i32): void {
  loaderMain(new SimpleInterpreter(), version, ndisks);
}
