// A module comes whole or small. A small one is what a page downloads first: it reads disks as they are and no pools, and
// asks for the whole one when it meets anything else, which is while devices are probed. scripts/core.mjs says which there are.

import { swap_interpreter } from "../protocol";

/** Whether this module is a whole one. Known when it is compiled, so that a small one has nothing of what it doesn't use. */
export const WHOLE: bool = !isDefined(SMALL);

/** The name that asks for it: a NUL, which no guest's interpreter has in its name. */
const name: usize = memory.data(1);

/** Has the host run the whole module in the place of this one. Does not return. */
export function askForWhole(): void {
  swap_interpreter(name, 1);
}

/** Whether checksums count. A build for fuzzing takes them all for right (UNCHECKED), so that what is changed is looked at. */
const CHECKED: bool = !isDefined(UNCHECKED);

/** Whether a checksum that was `made` is the one that is stored. */
export function sumsAgree<T>(made: T, stored: T): bool {
  return !CHECKED || made == stored;
}
