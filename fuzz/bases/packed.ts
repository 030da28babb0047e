// Bases that other programs made (mke2fs, mkfs.vfat, mkfs.exfat, xz, bzip2, zstd, lz4), packed as the pools of images/pools
// are; `npm run fuzz -- pack` makes them anew.

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { ExfatImage } from "../../test/support/exfat_image.js";
import { PAGE, packDisks } from "../../test/support/pages.mjs";
import { unpacked } from "../../test/support/pools.js";
import { bytesOf, type SparseDisk } from "../../test/support/sparse_disk.js";
import { ufsDisk } from "../../test/support/ufs_image.js";
import { inRepository } from "../places.js";
import type { Base } from "../target.js";

const PACKED = "fuzz/bases/packed";

/** The disks in a packed file of the repository. */
export const unpackedDisks = (path: string): SparseDisk[] => unpacked(inRepository(path));

/** A packed base. */
export const packedBase = (name: string) => (): Base => ({ disks: unpackedDisks(`${PACKED}/${name}.pages.br`) });

function run(program: string, args: readonly string[], input?: Uint8Array): Buffer {
  const env = {
    ...process.env,
    PATH: `${process.env.PATH}:/usr/sbin:/sbin`,
    E2FSPROGS_FAKE_TIME: "1572566400",
    SOURCE_DATE_EPOCH: "1572566400",
  };
  const { error, status, stderr, stdout } = spawnSync(program, args, { input, env, maxBuffer: 1 << 28 });
  if (error !== undefined || status !== 0) throw new Error(`${program} ${args.join(" ")}: ${error?.message ?? stderr}`);
  return stdout;
}

const LONG = "a name that is longer than old ones may be";
const FILES: Readonly<Record<string, string>> = {
  "boot/loader.conf": 'autoboot_delay="1"\n',
  "boot/kernel/kernel": "no kernel\n".repeat(700),
  small: "x",
  [`${LONG}/and ${LONG}`]: "y".repeat(3000),
  "large/zeros": "z".repeat(40_000),
};

/** Has `make` put the tree into an image. */
function imageOf(make: (tree: string, image: string) => void): Buffer {
  const folder = mkdtempSync(join(tmpdir(), "userboot-bases-"));
  try {
    const tree = join(folder, "tree");
    for (const [path, text] of Object.entries(FILES)) {
      mkdirSync(dirname(join(tree, path)), { recursive: true });
      writeFileSync(join(tree, path), text);
    }
    const image = join(folder, "image");
    make(tree, image);
    return readFileSync(image);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const ext = (size: string, ...options: string[]) =>
  imageOf((tree, image) => {
    const fixed = [
      "-U",
      "11111111-2222-3333-4444-555555555555",
      "-E",
      "hash_seed=11111111-2222-3333-4444-555555555555",
    ];
    run("mke2fs", ["-q", "-F", ...fixed, ...options, "-d", tree, image, size]);
  });

const fat = (bits: number, size: string, ...options: string[]) =>
  imageOf((tree, image) => {
    run("truncate", ["-s", size, image]);
    run("mkfs.vfat", ["--invariant", "-F", String(bits), ...options, image]);
    run("mcopy", ["-s", "-Q", "-i", image, ...readdirSync(tree).map((name) => join(tree, name)), "::/"]);
  });

function exfat(scattered: boolean): Buffer {
  const image = imageOf((_tree, path) => {
    run("truncate", ["-s", "8M", path]);
    run("mkfs.exfat", ["-c", "4K", path]);
  });
  const files = Object.entries(FILES).map(([path, text]) => [`/${path}`, Buffer.from(text)] as const);
  new ExfatImage(image, { scattered }).add(new Map(files));
  return image;
}

/** Text that compresses in all the ways there are: literals, near and far repetitions, runs. */
const TEXT = Buffer.from(
  Array.from(
    { length: 400 },
    (_, i) => `line ${i * i} of ${"ab".repeat(i % 7)} and ${(i * 2654435761) % 4294967296}\n`,
  ).join("") + "=".repeat(3000),
);

function compressed(): Buffer {
  const short = TEXT.subarray(0, 300);
  const disk = ufsDisk({
    "/one.gz": gzipSync(TEXT),
    "/two.gz": gzipSync(short, { level: 0 }),
    "/three.gz": gzipSync(short, { strategy: 4 }),
    "/four.bz2": run("bzip2", ["-c"], TEXT),
    "/five.bz2": run("bzip2", ["-1", "-c"], short),
    "/six.xz": run("xz", ["-c"], TEXT),
    "/seven.xz": run("xz", ["-c", "--check=sha256", "--lzma2=preset=0,lc=0,lp=2,pb=0"], TEXT),
    "/eight.xz": run("xz", ["-c", "--check=crc32", "--x86", "--lzma2"], short),
    "/nine.zst": run("zstd", ["-c", "-19"], TEXT),
    "/ten.zst": run("zstd", ["-c", "-1", "--no-check"], TEXT),
    "/eleven.zst": run("zstd", ["-c", "--long"], short),
    "/twelve.lz4": run("lz4", ["-c", "-BD", "--content-size"], TEXT),
    "/dozen.lz4": run("lz4", ["-c", "-BX", "--no-frame-crc"], short),
  });
  return Buffer.from(bytesOf(disk));
}

const MADE: Readonly<Record<string, () => Buffer>> = {
  ext2: () => ext("400k", "-t", "ext2", "-b", "1024", "-N", "64"),
  ext3: () => ext("3M", "-t", "ext3", "-b", "2048", "-I", "128", "-N", "64"),
  ext4: () => ext("3M", "-t", "ext4", "-b", "1024", "-N", "64", "-O", "64bit,metadata_csum,inline_data,^has_journal"),
  fat12: () => fat(12, "512k"),
  fat16: () => fat(16, "6M", "-s", "1"),
  fat32: () => fat(32, "34M", "-s", "1"),
  exfat: () => exfat(false),
  exfat_scattered: () => exfat(true),
  compressed,
};

/** Makes all of them; their names. */
export function packBases(): string[] {
  mkdirSync(inRepository(PACKED), { recursive: true });
  return Object.entries(MADE).map(([name, make]) => {
    const image = make();
    const whole = Buffer.concat([image, Buffer.alloc(-image.length & (PAGE - 1))]);
    writeFileSync(inRepository(`${PACKED}/${name}.pages.br`), packDisks([whole]));
    return name;
  });
}
