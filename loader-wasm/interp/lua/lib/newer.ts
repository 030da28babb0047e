// Whole libraries that newer loaders have as globals, and the function that their Lua has beside 12.1's. Where the loader
// that is emulated doesn't have them they are offered unseen (library.ts), as are newer members of the libraries of 12.1.

import { globals, loadedTable, RAISED } from "../run/state";
import { Table } from "../values/objects";
import { newTable } from "../values/table";
import { argCount, checkString, setFunction, setTableField } from "./builtin";
import { openGfx } from "./gfx";
import { openHash } from "./hash";
import { offer, placeOf } from "./library";
import { openPager } from "./pager";

/** Makes the libraries reachable by their names and by `require`. */
export function offerNewer(): void {
  const libraries = newTable();
  const named = newTable();
  // Those of loaders with a screen, and of one that a Linux kernel runs, which this one isn't.
  add("gfx", openGfx(), libraries, named);
  add("hash", openHash(), libraries, named);
  add("pager", openPager(), placeOf(loadedTable, libraries, 13), placeOf(globals, named, 13));
  setFunction(placeOf(globals, named, 14), "warn", warn);
  offer(globals, named);
  offer(loadedTable, libraries);
}

function add(name: string, library: Table, libraries: Table, named: Table): void {
  setTableField(libraries, name, library);
  setTableField(named, name, library);
}

/** `warn(text, ...)`: says nothing, as no loader has set what shows warnings. */
function warn(): i32 {
  const count = max(argCount(), 1);
  for (let i = 1; i <= count; i++) if (checkString(i) == 0) return RAISED;
  return 0;
}
