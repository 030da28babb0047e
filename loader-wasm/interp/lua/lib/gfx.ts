// The library `gfx` of loaders from FreeBSD 13 on: pictures and lines on a framebuffer. There is none here, and
// these functions are what they are on any loader's text console: they check what they are given and draw nothing.

import { RAISED, raised } from "../run/state";
import { Table } from "../values/objects";
import { newTable } from "../values/table";
import { argCount, checkInteger, checkString, pushBoolean, pushNil, setFunction } from "./builtin";

/** The library; `table` may have other members. */
export function addGfx(table: Table): void {
  setFunction(table, "fb_bezier", () => draw(7));
  setFunction(table, "fb_drawrect", () => draw(5));
  setFunction(table, "fb_line", () => draw(5));
  setFunction(table, "fb_putimage", putImage);
  setFunction(table, "fb_setpixel", () => draw(2));
  setFunction(table, "term_drawrect", () => draw(4));
  setFunction(table, "term_putimage", putImage);
}

/** Makes the library. */
export function openGfx(): Table {
  const table = newTable();
  addGfx(table);
  return table;
}

/** A drawing primitive of `count` numbers. */
function draw(count: i32): i32 {
  if (argCount() != count) {
    pushNil();
    return 1;
  }
  for (let i = 1; i <= count; i++) {
    checkInteger(i);
    if (raised) return RAISED;
  }
  return 0;
}

/** `putimage(path, x1, y1, x2, y2, flags)`: whether the picture was drawn. */
function putImage(): i32 {
  if (argCount() == 6) {
    if (checkString(1) == 0) return RAISED;
    for (let i = 2; i <= 6; i++) {
      checkInteger(i);
      if (raised) return RAISED;
    }
  }
  pushBoolean(false);
  return 1;
}
