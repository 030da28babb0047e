// Words of loaders of 13 and 14 that draw on a screen, of which there is none here: they take what is theirs, and draw
// nothing; pictures aren't put. And one of 14, which knows a machine that it runs on for a virtual one.

import { profile } from "../../../lib/profile";
import { primitive } from "../define";
import { pop, push } from "../stacks";

/** Defines those that the loader which is emulated has. */
export function defineGraphics(): void {
  if (profile.generation == 13 || profile.generation == 14) {
    primitive("fb-setpixel", 2, 0, () => take(2));
    primitive("fb-line", 5, 0, () => take(5));
    primitive("fb-bezier", 7, 0, () => take(7));
    primitive("fb-drawrect", 5, 0, () => take(5));
    primitive("fb-putimage", 7, 1, noPicture);
    primitive("term-drawrect", 4, 0, () => take(4));
    primitive("term-putimage", 7, 1, noPicture);
  }
  // It isn't told of it.
  if (profile.generation >= 14) primitive("isvirtualized?", 0, 1, () => push(0));
}

function take(count: i32): void {
  for (let i = 0; i < count; i++) pop();
}

function noPicture(): void {
  take(7);
  push(0);
}
