// When the core's own (managed) objects can be collected while a script runs. The runtime looks for them from
// globals only, so it must not be asked while anything further out holds one in a local variable. That is known
// for the outermost script, between two calls of functions of the core: only the VM is active then. It is
// known, too, for what such a script runs by `pcall`, which has nothing managed.

import { isDue, settle } from "../values/owed";
import { depth } from "./state";

/** Whether whoever runs the outermost script holds no managed objects but such as globals hold, too. */
let outermost: bool = false;

/** The depth of calls at which that holds. */
let plainDepth: i32 = 1;

/** Says so, as far as no script runs already. Returns what was said before, to be restored. */
export function enterOutermost(): bool {
  const before = outermost;
  outermost = depth == 0;
  return before;
}

/** Restores what `enterOutermost` returned. */
export function leaveOutermost(before: bool): void {
  outermost = before;
}

/** A function of the core that holds nothing managed is about to call. Returns what `leavePlain` wants to know. */
export function enterPlain(): i32 {
  const before = plainDepth;
  if (depth == plainDepth) plainDepth++;
  return before;
}

/** Restores what `enterPlain` returned. */
export function leavePlain(before: i32): void {
  plainDepth = before;
}

/** Before a function of the core is called: collects if that is due and possible. */
export function tidyIfDue(): void {
  if (!isDue() || !outermost || depth != plainDepth) return;
  settle();
  __collect();
}
