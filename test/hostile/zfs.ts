// Hostile pools: labels, uberblocks, the meta object set with the pool's configuration, data sets.

import { bootBlock, editLabels, type List, labelsOf } from "../support/zfs_pool.js";
import { cut, type Edit, type Family, harmed, type Row } from "./case.js";
import {
  before,
  bonusOf,
  changed,
  copies,
  dataset,
  FILE,
  LAST,
  LEVELS,
  label,
  labelNumber,
  lost,
  MIB,
  mos,
  NO_OBJECTS,
  PROPERTIES,
  properties,
  states,
  TEXT,
  uberblock,
  unread,
  whole,
  zapNumber,
} from "./pool.js";

const labelRows: Row[] = [
  [
    "ZFS label of no version",
    () => labelNumber("version", 0n),
    { prints: ["ZFS: unsupported ZFS version 0 (should be 5000)"], hides: [TEXT] },
  ],
  [
    "ZFS label of version 6000",
    () => labelNumber("version", 6000n),
    { prints: ["ZFS: unsupported ZFS version 6000 (should be 5000)"], hides: [TEXT] },
  ],
  [
    "ZFS label of version 29",
    () => labelNumber("version", 29n),
    { prints: ["ZFS: unsupported ZFS version 29 (should be 5000)"], hides: [TEXT] },
  ],
  ["ZFS label of a pool that was destroyed", () => labelNumber("state", 2n), lost()],
  ["ZFS label of transaction group 0", () => labelNumber("txg", 0n), lost()],
  [
    "ZFS label of the last transaction group there can be",
    () => labelNumber("txg", 2n ** 64n - 1n),
    whole("ZFS transaction group 18446744073709551615 given up, 51 is taken"),
  ],
  ["ZFS label of another pool", () => labelNumber("pool_guid", 1n), whole()],
  [
    "ZFS label of a disk that is another one",
    () => labelNumber("guid", 1n),
    lost(
      ...copies("missing /dev/vda1 (guid 7638777705130890727)"),
      NO_OBJECTS,
      ...states.map(unread),
      "ZFS pool is incomplete: missing /dev/vda1 (guid 7638777705130890727)",
    ),
  ],
  [
    "ZFS label of sectors of 2^64 bytes",
    () => labelNumber("ashift", 64n),
    lost(
      "ZFS vdev 7638777705130890727: sectors of 2^64 bytes",
      "ZFS pool is incomplete: disks of 0 vdevs of 1 are there",
    ),
  ],
  ["ZFS label of 2^64 - 1 vdevs", () => labelNumber("vdev_children", 2n ** 64n - 1n), whole()],
  ["ZFS label that isn't packed as it should be", () => label((config) => config.writeUInt8(0, 0)), lost()],
  [
    "ZFS label whose list's first pair has 4 GiB",
    () => label((config) => config.writeUInt32BE(0xffffffff, 12)),
    lost(),
  ],
  ["ZFS label whose list's first pair has no bytes", () => label((config) => config.writeUInt32BE(0, 12)), lost()],
  ["ZFS label whose first name has 4 GiB", () => label((config) => config.writeUInt32BE(0xffffffff, 20)), lost()],
  [
    "ZFS label of a feature that there isn't",
    () => label((config) => config.write("com.delphix:hole_birtX", config.indexOf("com.delphix:hole_birth"))),
    lost("unsupported ZFS feature com.delphix:hole_birtX"),
  ],
  [
    "ZFS label whose pool has an escape in its name",
    () => label((config) => config.write("\x1b[2J!", config.indexOf("zroot"))),
    whole(),
  ],
  [
    "ZFS label of a vdev of a type that there isn't",
    () => label((config) => config.write("disc", config.indexOf("disk"))),
    lost(
      "ZFS vdev 7638777705130890727 of type disc",
      ...copies("missing", "no disk of it is there"),
      NO_OBJECTS,
      ...states.map(unread),
      "ZFS pool is incomplete: disks of 0 vdevs of 1 are there",
    ),
  ],
  [
    "ZFS labels without a good checksum but one",
    () => changed((_, disk) => harmed(disk, [MIB + 16_384, "x"], [MIB + 262_144 + 16_384, "x"])),
    whole("disk0 offset 1048576: ZFS label without a good checksum: 0 1"),
  ],
  [
    "ZFS labels without a good checksum",
    () => changed((_, disk) => harmed(disk, ...labelsOf(disk).map((at): Edit => [MIB + at + 16_384, "x"]))),
    lost(),
  ],
  [
    "ZFS disk of two labels' size",
    () => changed((_, disk) => cut(disk, MIB + 524_288)),
    lost(
      "disk0 offset 512: GPT: backup header at sector 137215, but the disk ends at sector 3072",
      "disk0 offset 1048576: ZFS label without a good checksum: 2 3",
      ...copies("wrong checksum, or unreadable"),
      NO_OBJECTS,
      ...states.map(unread),
      "ZFS pool is damaged: none of 12 uberblocks leads to what can be read",
    ),
  ],
  [
    "ZFS boot block whose list has no end",
    () =>
      changed((_, disk) =>
        editLabels(disk, "boot block", (block) => {
          bootBlock({ freebsd: "x" }, { a: "b" }).copy(block);
          block.writeUInt32BE(0xfffffffc, 24);
        }),
      ),
    whole(),
  ],
  [
    "ZFS boot block that says to boot from a data set that there isn't",
    () =>
      changed((_, disk) =>
        editLabels(disk, "boot block", (block) => bootBlock({ "freebsd:bootonce": "zfs:zroot/none:" }, {}).copy(block)),
      ),
    whole("ZFS boot block: bootonce 'zfs:zroot/none:' is no data set"),
  ],
];

const uberblockRows: Row[] = [
  [
    "ZFS uberblock of the last transaction group there can be",
    () => uberblock((block) => block.writeBigUInt64LE(2n ** 64n - 1n, 16)),
    before(),
  ],
  [
    "ZFS uberblock of a root that is a hole",
    () => uberblock((block) => block.fill(0, 40, 168)),
    before(NO_OBJECTS, unread(51)),
  ],
  [
    "ZFS uberblock of a root beyond the disk",
    () => uberblock((block) => block.writeBigUInt64LE(2n ** 54n, 48)),
    whole(),
  ],
  [
    "ZFS uberblock of a root of 32 MiB",
    () => uberblock((block) => properties(block.subarray(40, 168), 32 * MIB)),
    before("ZFS block pointer: size 33554432", NO_OBJECTS, unread(51)),
  ],
  [
    "ZFS uberblock of a root of a checksum that there isn't",
    () => uberblock((block) => block.writeUInt8(99, 40 + PROPERTIES + 5)),
    before(
      "disk0 offset 6347264: ZFS block: checksum of unknown kind 99",
      "disk0 offset 22727168: ZFS block: checksum of unknown kind 99",
      "disk0 offset 39324160: ZFS block: checksum of unknown kind 99",
      ...copies("wrong checksum, or unreadable"),
      NO_OBJECTS,
      unread(51),
    ),
  ],
  [
    "ZFS uberblock of a root of a compression that there isn't",
    () => uberblock((block) => block.writeUInt8(99, 40 + PROPERTIES + 4)),
    before("ZFS block: unknown compression 99", ...copies("wrong checksum, or unreadable"), NO_OBJECTS, unread(51)),
  ],
  [
    "ZFS uberblock of a root of a big-endian machine",
    () => uberblock((block) => block.writeUInt8(block.readUInt8(40 + PROPERTIES + 7) & 0x7f, 40 + PROPERTIES + 7)),
    before(
      "disk0 offset 6347264: ZFS block: of a big-endian machine, which can't be read",
      "disk0 offset 22727168: ZFS block: of a big-endian machine, which can't be read",
      "disk0 offset 39324160: ZFS block: of a big-endian machine, which can't be read",
      ...copies("wrong checksum, or unreadable"),
      NO_OBJECTS,
      unread(51),
    ),
  ],
  [
    "ZFS uberblocks of no good checksum",
    () =>
      changed((pool, disk) => {
        for (const { at } of pool.uberblocks())
          for (const label of labelsOf(disk)) harmed(disk, [MIB + label + 131_072 + at + 40, "xxxx"]);
      }),
    lost("ZFS pool is damaged: none of 0 uberblocks leads to what can be read"),
  ],
];

const mosRows: Row[] = [
  [
    "ZFS meta object set of no type",
    () => mos((pool) => pool.edit(pool.mos, (data) => data.writeBigUInt64LE(9n, 704))),
    before("ZFS transaction group 51: corrupted MOS of pool zroot"),
  ],
  [
    "ZFS meta object set of levels that there aren't",
    () => mos((pool) => pool.edit(pool.mos, (data) => data.writeUInt8(99, LEVELS))),
    before("ZFS object 0: 99 levels", unread(51)),
  ],
  [
    "ZFS meta object set of no blocks",
    () => mos((pool) => pool.edit(pool.mos, (data) => data.writeBigUInt64LE(0n, LAST))),
    before("ZFS object 32: not in use", "ZFS transaction group 51: can't find root dataset of pool zroot"),
  ],
  [
    "ZFS directory of the pool that is no table",
    () => mos((pool) => pool.edit(pool.block(pool.object(pool.mos, 1), 0), (data) => data.writeBigUInt64LE(5n, 0))),
    before(
      "ZFS object 1: ZAP: kind 5",
      "ZFS object 0: not in use",
      "ZFS transaction group 51: can't find root dataset of pool zroot",
    ),
  ],
  [
    "ZFS directory of the pool of a magic number that isn't",
    () => mos((pool) => pool.edit(pool.block(pool.object(pool.mos, 1), 0), (data) => data.writeBigUInt64LE(5n, 8))),
    before(
      "ZFS object 1: ZAP: kind 9223372036854775809",
      "ZFS object 0: not in use",
      "ZFS transaction group 51: can't find root dataset of pool zroot",
    ),
  ],
  [
    "ZFS configuration of 2^64 - 1 bytes",
    () => bonusOf((pool) => pool.entry("config"), 0, 2n ** 64n - 1n),
    lost("ZFS object 61: configuration of 18446744073709551615 bytes"),
  ],
  [
    "ZFS configuration of no bytes",
    () => bonusOf((pool) => pool.entry("config"), 0, 0n),
    lost("ZFS object 61: configuration without a vdev tree"),
  ],
  [
    "ZFS configuration of vdevs of no type",
    () => mos((pool) => pool.configure([{ id: 0n, guid: 1n }])),
    { prints: ["ZFS: can't find vdev details", `${FILE} size=0x9c43`, TEXT] },
  ],
  [
    "ZFS configuration of a vdev in itself",
    () => mos((pool) => pool.configure([nested(20)])),
    whole("ZFS vdev 1013: more than 6 levels deep"),
  ],
  [
    "ZFS configuration of a mirror of nothing",
    () => mos((pool) => pool.configure([{ type: "mirror", id: 1n, guid: 9n, ashift: 9n }])),
    whole("ZFS vdev 9 (mirror-1): no members"),
  ],
  [
    "ZFS configuration of RAID-Z of parity 4",
    () => mos((pool) => pool.configure([group({ nparity: 4n })])),
    whole("ZFS vdev 50: parity 4"),
  ],
  [
    "ZFS configuration of RAID-Z of parity 0",
    () => mos((pool) => pool.configure([group({ nparity: 0n })])),
    whole("ZFS vdev 50: parity 0"),
  ],
  [
    "ZFS configuration of RAID-Z of fewer disks than its parity",
    () => mos((pool) => pool.configure([group({ nparity: 3n })])),
    whole(
      "disk /dev/x (guid 51) is missing",
      "disk /dev/x (guid 52) is missing",
      "disk /dev/x (guid 53) is missing",
      "ZFS vdev 50 (raidz3-1): parity 3 of 3 members",
    ),
  ],
  [
    "ZFS configuration of RAID-Z of sectors of 2^64 bytes",
    () => mos((pool) => pool.configure([group({ nparity: 1n, ashift: 64n })])),
    whole("ZFS vdev 50: sectors of 2^64 bytes"),
  ],
  [
    "ZFS configuration of dRAID of no data",
    () => mos((pool) => pool.configure([draid({ draid_ndata: 0n })])),
    whole(
      "disk /dev/x (guid 51) is missing",
      "disk /dev/x (guid 52) is missing",
      "disk /dev/x (guid 53) is missing",
      "ZFS vdev 50 (draid1:0d:3c:0s-1): 0 data disks of 3",
    ),
  ],
  [
    "ZFS configuration of dRAID of more spares than disks",
    () => mos((pool) => pool.configure([draid({ draid_nspares: 99n })])),
    whole(
      "disk /dev/x (guid 51) is missing",
      "disk /dev/x (guid 52) is missing",
      "disk /dev/x (guid 53) is missing",
      "ZFS vdev 50 (draid1:1d:3c:99s-1): 99 spares of 3 disks",
    ),
  ],
  [
    "ZFS configuration of dRAID of 2^32 groups",
    () => mos((pool) => pool.configure([draid({ draid_ngroups: 2n ** 32n })])),
    whole(
      "disk /dev/x (guid 51) is missing",
      "disk /dev/x (guid 52) is missing",
      "disk /dev/x (guid 53) is missing",
      "ZFS vdev 50 (draid1:1d:3c:0s-1): 4294967296 groups of 2 on 3 disks",
    ),
  ],
  [
    "ZFS configuration of two vdevs of one guid",
    () => mos((pool) => pool.configure([{ type: "mirror", id: 1n, guid: 9n, children: [disk(7n), disk(7n)] }])),
    whole("disk /dev/x (guid 7) is missing", "ZFS vdev 7 is part of another one"),
  ],
  [
    "ZFS configuration of a removed vdev without a mapping",
    () => mos((pool) => pool.configure([{ type: "indirect", id: 1n, guid: 9n }])),
    whole(),
  ],
  [
    "ZFS root data set that there isn't",
    () => mos((pool) => zapNumber(pool, pool.object(pool.mos, 1), "root_dataset", 99_999n)),
    before("ZFS object 99999: not in use", "ZFS transaction group 51: can't find root dataset of pool zroot"),
  ],
  [
    "ZFS root data set that is the pool's directory",
    () => mos((pool) => zapNumber(pool, pool.object(pool.mos, 1), "root_dataset", 1n)),
    before("ZFS object 1: bonus of 0 bytes, not 88", "ZFS transaction group 51: can't find root dataset of pool zroot"),
  ],
  [
    "ZFS data set whose head is its directory",
    () => bonusOf((pool) => dataset(pool).directory, 8, 1n),
    lost("ZFS object 1: bonus of 0 bytes, not 256"),
  ],
  [
    "ZFS data set that is its own parent",
    () =>
      changed((pool) => {
        const children = pool.object(pool.mos, pool.bonus(pool.dataset("ROOT").directory, 32));
        pool.setBonus(dataset(pool).directory, 16, pool.zap(children).get("default") ?? 0n);
      }),
    lost("ZFS object 133: not among what its parent has"),
  ],
  [
    "ZFS data set whose objects are a hole",
    () =>
      changed((pool) =>
        pool.editDnode(dataset(pool).set, (bytes) => bytes.fill(0, 64 + 128 + 128, 64 + 128 + 128 + 128)),
      ),
    lost("ZFS object set can't be read"),
  ],
];

function nested(depth: number): List {
  return depth === 0
    ? disk(1n)
    : { type: "mirror", id: 1n, guid: BigInt(1000 + depth), ashift: 9n, children: [nested(depth - 1)] };
}
function disk(guid: bigint): List {
  return { type: "disk", id: 0n, guid, path: "/dev/x", ashift: 9n };
}
const group = (more: List): List => ({
  type: "raidz",
  id: 1n,
  guid: 50n,
  ashift: 9n,
  children: [disk(51n), disk(52n), disk(53n)],
  ...more,
});
const draid = (more: List): List => ({
  ...{
    type: "draid",
    id: 1n,
    guid: 50n,
    ashift: 12n,
    nparity: 1n,
    draid_ndata: 1n,
    draid_nspares: 0n,
    draid_ngroups: 1n,
  },
  ...{ children: [disk(51n), disk(52n), disk(53n)] },
  ...more,
});

export const zfs: Family = { name: "zfs", rows: [...labelRows, ...uberblockRows, ...mosRows] };
