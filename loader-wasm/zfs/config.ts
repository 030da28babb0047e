// What a pool is made of. A label knows only the top-level vdev that its disk is in; they are enough to find the pool's own
// configuration, which knows all, is as new as the pool, and counts from then on.

import { EIO, errno } from "../lib/errno";
import { print } from "../lib/output";
import { Dnode } from "./dnode";
import { NvList } from "./nvlist";
import { Pool } from "./pool";
import { isUnneeded, VdevMaker } from "./vdevs";

/** Bytes of a pool's configuration, at most. */
const CONFIG_MAX: u64 = 4 << 20;

/** Makes vdevs of what the labels say. */
export function readLabels(pool: Pool): void {
  const maker = new VdevMaker(pool, false);
  for (let i = 0; i < pool.labels.length; i++) {
    const label = pool.labels[i];
    const tree = label.tree();
    if (isUnneeded(tree)) continue;
    const top = maker.make(tree);
    if (top !== null) pool.addTop(top);
  }
}

/** Makes vdevs of what the pool's own configuration, which is in `object`, says. Returns an errno. */
export function readConfig(pool: Pool, object: Dnode): i32 {
  const size = load<u64>(object.bonus());
  if (size > CONFIG_MAX) return object.damaged(`configuration of ${size} bytes`);
  const packed = new StaticArray<u8>(<i32>size);
  if (object.read(0, changetype<usize>(packed), <u32>size) != 0) return EIO;
  const config = NvList.unpack(changetype<usize>(packed), <u32>size);
  const tree = config !== null ? config.list("vdev_tree") : null;
  if (tree === null) return object.damaged("configuration without a vdev tree");
  const maker = new VdevMaker(pool, true);
  const kids = tree.lists("children");
  for (let i = 0; i < kids.length; i++) {
    if (isUnneeded(kids[i])) continue;
    const vdev = maker.make(kids[i]);
    if (vdev === null) {
      print(`vdev_init_from_nvlist: ${errno}\n`);
      break;
    }
    pool.addTop(vdev);
  }
  return 0;
}
