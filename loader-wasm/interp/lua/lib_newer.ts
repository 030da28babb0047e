// Whole libraries that newer loaders have as globals. They are offered unseen (library.ts), as are the newer
// members of the libraries that 12.1 had.

import { setObjectField } from "./builtin";
import { openGfx } from "./lib_gfx";
import { openHash } from "./lib_hash";
import { openPager } from "./lib_pager";
import { offer } from "./library";
import { globals, loadedTable } from "./state";
import { newTable } from "./table";
import { TABLE } from "./value";

/** Makes the libraries reachable by their names and by `require`. */
export function offerNewer(): void {
  const newer = newTable();
  setObjectField(newer, "gfx", openGfx(), TABLE);
  setObjectField(newer, "hash", openHash(), TABLE);
  setObjectField(newer, "pager", openPager(), TABLE);
  offer(globals, newer);
  offer(loadedTable, newer);
}
