// Guests that would go on for ever: of each kind that every flavour can be given, and in Forth. Those in Lua are
// in endless_lua.ts.

import type { Disk } from "userboot-wasm";
import { mbr } from "../support/partition_tables.mjs";
import { SparseDisk } from "../support/sparse_disk.js";
import { UfsImage } from "../support/ufs_image.js";

export const UFS = { version: 2, blockSize: 4096, fragmentSize: 4096, superblockAt: 65536 } as const;
const MARK = "$Interpreter:simp\0";
const SCRIPT = "/boot/loader.rc";
const LONGEST = 2n ** 62n;

/** A guest whose /boot/loader.rc is `script`; `more` adds to it, and `harm` damages it when it is written. */
export function guest(
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
export function loopOfIndirectBlocks(
  name: string,
  script: string | undefined,
  size = LONGEST,
  more: (image: UfsImage, boot: number) => void = () => {},
): Disk {
  let inode = 0;
  return guest(
    script,
    (image, boot) => {
      more(image, boot);
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
export function endlessHole(add: (image: UfsImage, boot: number) => number, script?: string): Disk {
  let inode = 0;
  return guest(
    script,
    (image, boot) => {
      inode = add(image, boot);
    },
    (disk, image) => claimSize(disk, image, inode, LONGEST),
  );
}

/** Makes the second entry of /boot, `..`, `me`, which leads to /boot. */
export function bootInItself(disk: SparseDisk, image: UfsImage): void {
  const cell = Buffer.alloc(8);
  disk.read(image.inodeOffset(3) + 112, cell);
  const entry = Number(cell.readBigUInt64LE()) * UFS.fragmentSize + 12;
  disk.write(entry, Uint8Array.of(3, 0, 0, 0));
  disk.write(entry + 8, Buffer.from("me"));
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
    guest(times(20, `-ls /boot${"/me".repeat(300)}`) + times(100, `-include ${SCRIPT}`), undefined, bootInItself),
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

/** A guest of flavour 4th whose /boot/loader.rc is `script`. */
const forth = (script: string) => () => guest(`${script}\n`);

/** Forth that doesn't end. The words that fill memory do it in pieces and at once. */
export const ENDLESS_FORTH: Record<string, () => Disk> = {
  "an empty loop": forth(": x begin again ; x"),
  "a loop that counts": forth(": x 0 begin 1+ dup drop again ; x"),
  "a loop of 2^64 turns": forth(": x 0 0 do loop ; x"),
  "a word that calls itself": forth(": x recurse ; x"),
  "a word that calls itself at its end": forth(": x 1 drop recurse 1 drop ; x"),
  "a stack that grows": forth(": x begin 1 again ; x"),
  "a return stack that grows": forth(": x begin 1 >r again ; x"),
  "a stack below its bottom": forth(": x begin drop again ; x"),
  "a dictionary that grows": forth(": x begin 1 , again ; x"),
  "a dictionary that grows at once": forth("2000000000 allot -1 allot 4611686018427387904 allot"),
  "memory allocated for ever": forth(": x begin 100000 allocate drop drop again ; x"),
  "small blocks allocated for ever": forth(": x begin 1 allocate drop drop again ; x"),
  "long texts compared for ever": forth(": x begin pad 1000000 pad 1+ 1000000 compare drop again ; x"),
  "long texts filled for ever": forth(": x begin here 1000000 65 fill here here 1+ 1000000 move again ; x"),
  "text evaluated by itself": forth(': x s" x" evaluate ; x'),
  "a file included by itself": forth("include /boot/loader.rc"),
  "the loader's commands, over and over": forth(': x begin s" ls /boot" evaluate again ; x'),
  "output without end": forth(": x begin 42 emit again ; x"),
  "output of all memory": forth("0 2000000000 type"),
  "memory filled and moved for ever": forth(": x begin pad 100000 65 fill pad pad 1+ 100000 move again ; x"),
  "a wait of a year": forth(": x begin 2000000000 ms again ; x"),
  "looking for a key for ever": forth(": x begin key? drop again ; x"),
  "errors caught for ever": forth(": y 1 throw ; : x begin ['] y catch drop again ; x"),
  "a comment that isn't closed": () => guest(`( ${"x".repeat(500_000)}`),
  "words without end": () => guest(Array.from({ length: 60_000 }, (_, i) => `: w${i} ${i} ;\n`).join("")),
};
