// Which tests fit which sources of loader-wasm/: those that read with `simp`, or inspect, as paths below test/. Quick ones come
// first: the first test that fails ends a mutant's run. The longest path that a source begins with counts.

export const TESTS = {
  "storage/": ["storage/block_cache", "fs/ufs", "recordings/recordings", "storage/partitions"],
  "storage/partitions/": ["storage/partitions", "recordings/recordings", "storage/el_torito", "inspect/system"],
  "storage/partitions/iso": ["storage/el_torito", "recordings/recordings"],
  "storage/formats/": ["storage/image_formats", "storage/image_damage"],
  "storage/formats/vhdx": ["storage/vhdx_log", "storage/image_formats"],
  "zfs/": ["zfs/forged", "zfs/vdevs", "zfs/datasets", "zfs/pools"],
  "fs/": ["fs/ufs", "fs/cd9660", "fs/overlay", "fs/memory"],
  "fs/ufs/": ["fs/ufs", "recordings/recordings", "fs/alternate_superblock", "inspect/system"],
  "fs/cd9660/": ["fs/cd9660", "recordings/recordings", "fs/rock_ridge", "inspect/system"],
  "fs/msdos/": ["fs/msdos", "inspect/system"],
  "fs/ext/": ["fs/ext", "inspect/system"],
  "fs/compressed/": ["fs/compressed", "fs/xz"],
  "fs/host": ["host/host_tree"],
  "fs/zfs": ["zfs/forged", "zfs/datasets", "zfs/pools"],
  "load/": [
    ...["load/kernels", "load/linked", "load/modules", "load/sections"],
    ...["load/generations", "load/hash_styles", "load/verbosity", "load/damage"],
  ],
  "load/hints": ["load/modules", "load/pnp"],
  "load/pnp": ["load/pnp"],
  "compression/": ["compression/codecs", "fs/compressed", "fs/xz"],
};

/** The folders that a score is made for. */
export const FOLDERS = ["storage", "zfs", "fs", "load", "compression"];

/** Not run are tests that change what is read a hundred times and more, or read very much: they would be most of a mutant's time. */
export const QUICK = /^(?!.*(?:whatever |any change in |as QEMU writes |numbers at their edges|more than 100 MiB))/;

/** The flavour that these tests boot. */
export const FLAVOUR = "simp";

/** Those that `tests` run. */
export const flavoursOf = (tests) =>
  tests.some((test) => test.startsWith("inspect/")) ? [FLAVOUR, "inspect"] : [FLAVOUR];

/** The tests of a source. */
export function testsOf(path) {
  const below = path.slice("loader-wasm/".length);
  const prefixes = Object.keys(TESTS).filter((prefix) => below.startsWith(prefix));
  return TESTS[prefixes.reduce((longest, prefix) => (prefix.length > longest.length ? prefix : longest))];
}
