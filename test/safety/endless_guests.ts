// Guests that would go on for ever, one of each kind that the simple flavour can be given.

import type { Disk } from "userboot-wasm";
import { mbr } from "../dev/tables.js";
import { SparseDisk } from "../fs/sparse_disk.js";
import { UfsImage } from "../fs/ufs_image.js";

const UFS = { version: 2, blockSize: 4096, fragmentSize: 4096, superblockAt: 65536 } as const;
const MARK = "$Interpreter:simp\0";
const SCRIPT = "/boot/loader.rc";
const LONGEST = 2n ** 62n;

/** A guest whose /boot/loader.rc is `script`; `more` adds to it, and `harm` damages it when it is written. */
function guest(
  script: string | undefined,
  more: (image: UfsImage, boot: number) => void = () => {},
  harm: (disk: SparseDisk, image: UfsImage) => void = () => {},
): Disk {
  const image = new UfsImage(UFS);
  const boot = image.directory(image.root, "boot");
  image.file(boot, "loader", MARK);
  if (script !== undefined) image.file(boot, "loader.rc", script);
  more(image, boot);
  const disk = image.finish();
  harm(disk, image);
  return disk;
}

function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
}

/** Sets the size that inode `number` claims. */
function claimSize(disk: SparseDisk, image: UfsImage, number: number, size: bigint): void {
  disk.write(image.inodeOffset(number) + 16, u64(size));
}

/** A file whose indirect blocks of all three levels are one block that is full of its own address. */
function loopOfIndirectBlocks(name: string, script: string, size = LONGEST): Disk {
  let inode = 0;
  return guest(
    script,
    (image, boot) => {
      inode = image.file(boot, name, "x".repeat(UFS.blockSize));
    },
    (disk, image) => {
      const cell = new Uint8Array(8);
      disk.read(image.inodeOffset(inode) + 112, cell);
      const address = Buffer.from(cell).readBigUInt64LE();
      const block = Buffer.concat(new Array(UFS.blockSize / 8).fill(u64(address)));
      disk.write(Number(address) * UFS.fragmentSize, block);
      for (let i = 0; i < 15; i++) disk.write(image.inodeOffset(inode) + 112 + 8 * i, u64(address));
      claimSize(disk, image, inode, size);
    },
  );
}

/** A file or directory that claims to be endless, its content all holes. */
function endlessHole(add: (image: UfsImage, boot: number) => number, script?: string): Disk {
  let inode = 0;
  return guest(
    script,
    (image, boot) => {
      inode = add(image, boot);
    },
    (disk, image) => claimSize(disk, image, inode, LONGEST),
  );
}

/** Extended boot records at `places` (sectors), each naming the next one, the last the first. */
function ringOfBootRecords(places: readonly number[]): Disk {
  const disk = new SparseDisk(64 * 1024 * 1024);
  const base = 64;
  disk.write(0, mbr([{ type: 5, start: base, size: 100_000 }]));
  places.forEach((place, i) => {
    const next = places[(i + 1) % places.length]!;
    const entries = [
      { type: 0x83, start: 1, size: 10 },
      { type: 5, start: next, size: 1000 },
    ];
    disk.write((base + place) * 512, mbr(entries));
  });
  return disk;
}

/** Slices in slices: each of the disk's slices is the whole disk again. */
function slicesOfThemselves(): Disk {
  const disk = new SparseDisk(64 * 1024 * 1024);
  const whole = { type: 0xa5, start: 0, size: 131_072 };
  disk.write(0, mbr([whole, whole, { ...whole, type: 5 }, { ...whole, type: 0xf }]));
  return disk;
}

const times = (count: number, line: string) => `${line}\n`.repeat(count);

/** The guests by what loops in them. */
export const ENDLESS: Record<string, () => Disk> = {
  "a script that includes itself": () => guest(`include ${SCRIPT}\n`),
  "a script that includes itself a hundred times": () => guest(times(100, `@-include ${SCRIPT}`).replaceAll("@-", "-")),
  "two scripts that include each other, and print": () =>
    guest(times(50, "-include /boot/b"), (image, boot) => image.file(boot, "b", times(50, `-include ${SCRIPT}`))),
  "a variable that doubles": () =>
    guest(`set a=xxxxxxxxxxxxxxxx\n${times(40, "set a=\x24{a}\x24{a}")}${times(100, `-include ${SCRIPT}`)}`),
  "ever more variables": () => {
    let script = "";
    for (let i = 0; i < 20_000; i++) script += `@set v${i}=${"x".repeat(200)}\n`;
    return guest(`${script}${times(100, `-include ${SCRIPT}`)}`);
  },
  "symbolic links in a ring": () =>
    guest(times(50, "-more /boot/a\n-load /boot/a\n-ls /boot/a") + times(100, `-include ${SCRIPT}`), (image, boot) => {
      image.link(boot, "a", "b");
      image.link(boot, "b", "/boot/a");
    }),
  "a loader script that is a link to itself": () =>
    guest(undefined, (image, boot) => image.link(boot, "loader.rc", "loader.rc")),
  "a directory that is in itself": () =>
    guest(times(20, `-ls /boot${"/me".repeat(300)}`) + times(100, `-include ${SCRIPT}`), undefined, (disk, image) => {
      // The second entry of /boot, `..`, becomes `me`, and leads to itself.
      const cell = Buffer.alloc(8);
      disk.read(image.inodeOffset(3) + 112, cell);
      const entry = Number(cell.readBigUInt64LE()) * UFS.fragmentSize + 12;
      disk.write(entry, Uint8Array.of(3, 0, 0, 0));
      disk.write(entry + 8, Buffer.from("me"));
    }),
  "a directory entry of no length": () =>
    guest(undefined, undefined, (disk, image) => {
      const cell = Buffer.alloc(8);
      disk.read(image.inodeOffset(3) + 112, cell);
      disk.write(Number(cell.readBigUInt64LE()) * UFS.fragmentSize + 4, Uint8Array.of(0, 0));
    }),
  "a directory of 4 EiB": () =>
    endlessHole((image, boot) => image.directory(boot, "big"), "-ls /boot/big\n-more /boot/big/x\n"),
  "a loader of 4 EiB without a mark": () => {
    let inode = 0;
    const image = new UfsImage(UFS);
    const boot = image.directory(image.root, "boot");
    inode = image.file(boot, "loader", "x");
    const disk = image.finish();
    claimSize(disk, image, inode, LONGEST);
    return disk;
  },
  "a script of 4 EiB": () => endlessHole((image, boot) => image.file(boot, "loader.rc", "echo\n".repeat(100))),
  "a file of 4 EiB, printed": () =>
    endlessHole((image, boot) => image.file(boot, "big", "x\n"), "set LINES=1000000\nmore /boot/big\n"),
  "a module of 4 EiB": () => endlessHole((image, boot) => image.file(boot, "big", "x"), "load -t big /boot/big\n"),
  "indirect blocks that are themselves, printed": () =>
    loopOfIndirectBlocks("big", "set LINES=1000000\nmore /boot/big\n"),
  "indirect blocks that are themselves, loaded": () => loopOfIndirectBlocks("big", "load -t big /boot/big\n"),
  "indirect blocks that are themselves, over and over": () =>
    loopOfIndirectBlocks(
      "big",
      times(100, "-load -t big /boot/big\n-unload") + times(100, `-include ${SCRIPT}`),
      64n * 1024n * 1024n,
    ),
  "extended boot records in a ring": () => ringOfBootRecords([0, 200, 100]),
  "an extended boot record that names itself": () => ringOfBootRecords([0]),
  "an endless row of extended boot records": () => ringOfBootRecords(Array.from({ length: 50_000 }, (_, i) => 2 * i)),
  "slices that are the whole disk again": slicesOfThemselves,
  "a countdown of sixty years": () => guest("set kernelname=x\nset autoboot_delay=2000000000\n"),
  "a boot that fails over and over": () => guest(times(100, "-boot /none") + times(100, `-include ${SCRIPT}`)),
};
