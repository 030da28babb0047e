// The library `pager` of newer loaders: output that stops where the screen is full (console/pager.ts).

import { closePager, pageBytes, openPager as startPage } from "../../../console/pager";
import { pageFile } from "../../../files/text";
import { burn } from "../../../lib/fault";
import { stringFor } from "../run/metamethods";
import { RAISED } from "../run/state";
import { Table } from "../values/objects";
import { bytesOf, lengthOf } from "../values/string";
import { newTable } from "../values/table";
import { argAt, argCount, setFunction } from "./builtin";
import { checkText } from "./library";

/** Makes the library. */
export function openPager(): Table {
  const table = newTable();
  setFunction(table, "open", open);
  setFunction(table, "output", output);
  setFunction(table, "file", file);
  setFunction(table, "close", close);
  return table;
}

function open(): i32 {
  startPage();
  return 0;
}

/** `output(...)`: shows its arguments, as `tostring` has them. */
function output(): i32 {
  const count = argCount();
  for (let i = 1; i <= count; i++) {
    const text = stringFor(argAt(i));
    if (text == 0) return RAISED;
    burn(<i64>lengthOf(text));
    if (pageBytes(bytesOf(text), <i32>lengthOf(text))) break;
  }
  return 0;
}

/** `file(path)`: shows a file. */
function file(): i32 {
  const path = checkText(1);
  if (path === null) return RAISED;
  pageFile(path);
  return 0;
}

function close(): i32 {
  closePager();
  return 0;
}
