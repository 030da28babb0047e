// Targets of ZFS, on pools of images/pools: what is read of labels, of objects and data sets, and of disks that stand for each
// other. As shipped most changes meet a checksum, and what is done then; unchecked they reach what is behind.

import { SparseDisk } from "../../test/support/sparse_disk.js";
import { bootBlock, isSealed, type List, packed, sealBlock } from "../../test/support/zfs_pool.js";
import { booting } from "../booting.js";
import { FuzzDisk } from "../disk.js";
import { inspecting } from "../inspecting.js";
import { askedFor, lookAround } from "../look.js";
import type { Base, Target } from "../target.js";
import { unpackedDisks } from "./packed.js";

const POOLS: Readonly<Record<string, readonly string[]>> = {
  zfs_labels: ["bootonce", "history", "mirror_log_cache"],
  zfs_objects: [
    "attributes",
    "folded_names",
    "large_microzap",
    "clone_of_clone",
    "encrypted_other",
    "encrypted_root",
    "fast_dedup",
  ],
  zfs_blocks: ["compressions", "checksums", "large_blocks", "gang_dynamic"],
  zfs_vdevs: [
    "special_mirrors",
    "removed_mirrors",
    "removed_twice",
    "raidz1_expanded_twice",
    "raidz2_expanding",
    "raidz3_expanded",
    "draid_gang",
    "draid2_spare",
    "draid3_spare",
  ],
};

const WORDS = [
  "version",
  "vdev_tree",
  "children",
  "nparity",
  "ashift",
  "guid",
  "raidz",
  "mirror",
  "disk",
  "draid",
  "features_for_read",
];

const KEYS = [
  ...["lsdev -v", "lszfs zroot", "lszfs zroot/ROOT", "lszfs none", "lszfs none/x", "reloadbe zroot/ROOT", "reloadbe"],
  ...[
    "nvstore -l",
    "nvstore zroot -l",
    "nvstore zroot -g kern_note",
    "nvstore zroot -g number",
    "nvstore zroot -g gone",
  ],
  ...["nvstore zroot -d kern_note", "nvstore zroot -t DATA_TYPE_STRING a b", "nvstore zroot", "nvstore zroot -l -g a"],
  ...["nvstore zroot -x", "nvstore none", "ls -l /", "ls -l /files", "more /files/one", "ls zfs:zroot/ROOT/default:/"],
  ...["ls zfs:none:/", "load /boot/kernel/kernel", "load -t raw /files/noise", "load -t raw /files/text"],
  ...["load -t raw /files/sparse", "readtest /files/text", "lsmod", "boot"],
].map((line) => `${line}\r`);

/** Pools that are booted from. */
const booted: Target = {
  name: "zfs_boots",
  module: "simp",
  bases: Object.fromEntries(
    Object.values(POOLS)
      .flat()
      .map((pool) => [pool, () => ({ disks: unpackedDisks(`images/pools/${pool}.pages.br`) })]),
  ),
  words: WORDS,
  session: (disks) =>
    booting(disks, { flavour: "simp", profile: 14, keys: KEYS, overlay: { "/boot/loader.rc": null } }),
};

/** The partition of a pool's disk, and of its first two labels what has a checksum of its own. */
const PARTITION_AT = 1 << 20;
const LABEL_SIZE = 262_144;
const [BOOT_AT, CONFIG_AT, RING_AT] = [8192, 16_384, 131_072];

/** Places of uberblocks are at least so large, and at most. */
const [UBERBLOCK_LEAST, UBERBLOCK_MOST] = [1024, 8192];
const UBERBLOCK_MAGIC = 0xbab10cn;

/** Uberblocks of a label's ring: from where to where. Each ends with its checksum, which is known by its magic number. */
function uberblocks(ring: Buffer): [at: number, end: number][] {
  const found: [number, number][] = [];
  for (let at = 0; at < ring.length; at += UBERBLOCK_LEAST) {
    if (ring.readBigUInt64LE(at) !== UBERBLOCK_MAGIC) continue;
    for (let size = UBERBLOCK_LEAST; size <= UBERBLOCK_MOST; size *= 2)
      if (isSealed(ring.subarray(at, at + size))) found.push([at, at + size]);
  }
  return found;
}

/**
 * Makes the checksums of these labels right, the first two unless said: those of the boot block, of the list of names and values,
 * and of uberblocks.
 */
function sealLabels(disks: readonly FuzzDisk[], labels = [0, LABEL_SIZE]): void {
  for (const disk of disks)
    for (const label of labels) {
      const ring = uberblocks(disk.bytes(PARTITION_AT + label + RING_AT, LABEL_SIZE - RING_AT));
      for (const [at, end] of [
        [BOOT_AT, CONFIG_AT],
        [CONFIG_AT, RING_AT],
        ...ring.map(([at, end]) => [RING_AT + at, RING_AT + end] as const),
      ] as const) {
        const block = disk.bytes(PARTITION_AT + label + at, end - at);
        sealBlock(block, label + at);
        disk.write(PARTITION_AT + label + at, block);
      }
    }
}

/** A disk that has nothing of a pool but its first label, whose lists of names and values are these. */
function labelOnly(config?: Uint8Array, boot?: Uint8Array): Base {
  const [pool] = unpackedDisks("images/pools/bootonce.pages.br");
  const disk = new SparseDisk(0);
  disk.copy(pool!, PARTITION_AT + LABEL_SIZE);
  disk.size = pool!.size;
  for (const [at, bytes] of [
    [CONFIG_AT, config],
    [BOOT_AT, boot],
  ] as const) {
    if (bytes === undefined) continue;
    disk.write(PARTITION_AT + at, new Uint8Array((at === BOOT_AT ? CONFIG_AT : RING_AT) - at));
    disk.write(PARTITION_AT + at, bytes);
  }
  const whole = new FuzzDisk(disk, 0);
  sealLabels([whole], [0]);
  return { disks: [disk] };
}

/** Every kind of value that the builder knows, in each other. */
const KINDS: List = {
  version: 5000n,
  name: "zroot",
  state: 0n,
  txg: 10n,
  pool_guid: 1n,
  top_guid: 2n,
  guid: 3n,
  features_for_read: { "org.illumos:lz4_compress": true, "com.delphix:hole_birth": true },
  numbers: [1n, 2n, 3n],
  vdev_children: 1n,
  vdev_tree: {
    type: "mirror",
    id: 0n,
    guid: 2n,
    ashift: 9n,
    asize: 60_000_000n,
    children: [
      { type: "disk", id: 0n, guid: 3n, path: "/dev/a" },
      { type: "disk", id: 1n, guid: 4n, path: "/dev/b", not_present: 1n },
    ],
  },
};

/** The reader of lists of names and values, with little else. */
const nvlists: Target = {
  name: "nvlists",
  module: "inspect",
  bases: {
    usual: () => labelOnly(),
    kinds: () => labelOnly(packed(KINDS)),
    native: () => labelOnly(Buffer.concat([Buffer.from([0, 1, 0, 0]), packed(KINDS).subarray(4)])),
    boot: () => labelOnly(undefined, bootBlock({ "bootonce:freebsd": "zfs:zroot/ROOT/a:" }, { kern_x: "y", n: 5n })),
  },
  words: [
    ...WORDS,
    ...[1, 8, 9, 16, 19, 20, 0x7fffffff].map((value) => Buffer.from([0, 0, 0, 0].with(3, value & 0xff))),
  ],
  seal: (disks) => sealLabels(disks, [0]),
  session: (disks) => inspecting(disks, () => lookAround()),
};

const looked = Object.entries(POOLS).flatMap(([name, pools]) => {
  const bases = Object.fromEntries(
    pools.map((pool) => [pool, () => ({ disks: unpackedDisks(`images/pools/${pool}.pages.br`) })]),
  );
  const session: Target["session"] = (disks) => inspecting(disks, () => lookAround());
  return [
    {
      name,
      module: "inspect",
      bases,
      words: WORDS,
      session,
      ...(name === "zfs_labels" && { seal: (disks) => sealLabels(disks) }),
    },
    { name: `${name}_unchecked`, module: "inspect_unchecked", bases, words: WORDS, session },
  ] satisfies Target[];
});

/** The decoder of a compression that only pools have, by the file of a pool that is packed so. */
const decoding = (name: string, file: string): Target => ({
  name,
  module: "inspect_unchecked",
  bases: { usual: () => ({ disks: unpackedDisks("images/pools/compressions.pages.br") }) },
  session: (disks) => inspecting(disks, () => askedFor(`open\tzfs:zroot/ROOT/default:${file}\t0\nread\t0\t0`)),
});

export const poolTargets: readonly Target[] = [
  ...looked,
  nvlists,
  booted,
  decoding("lzjb", "/files/t513"),
  decoding("zle", "/files/sparse"),
];
