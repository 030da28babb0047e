// Targets of image formats, file systems and compressed files.

import { readFileSync } from "node:fs";
import type { ImageFormat } from "../../build/host/disks/source.js";
import { qcow2Image, vdiImage, vhdImage, vhdxImage, vmdkImage } from "../../test/support/image_formats.js";
import { isoImage } from "../../test/support/iso_image.js";
import { bytesOf, SparseDisk } from "../../test/support/sparse_disk.js";
import { UfsImage, type UfsOptions, ufsDisk } from "../../test/support/ufs_image.js";
import { withLog } from "../../test/support/vhdx_log.js";
import { type Given, inspecting } from "../inspecting.js";
import { lookAround } from "../look.js";
import { inRepository } from "../places.js";
import type { Base, ModuleName, Target } from "../target.js";
import { packedBase } from "./packed.js";

/** A disk of these bytes. */
function diskOf(bytes: Uint8Array): SparseDisk {
  const disk = new SparseDisk(0);
  disk.write(0, bytes);
  return disk;
}

/** A file system of a few files: links, directories, holes, blocks of all levels. */
function ufs(options: Pick<UfsOptions, "version" | "blockSize" | "fragmentSize" | "superblockAt">): SparseDisk {
  const image = new UfsImage(options);
  const boot = image.directory(image.root, "boot");
  image.file(boot, "loader.conf", 'a="b"\n');
  image.file(boot, "large", Buffer.alloc(options.blockSize * 13 + 100));
  image.link(boot, "short", "loader.conf");
  image.link(image.root, "long", `/boot/${"x/../".repeat(40)}loader.conf`);
  image.link(image.root, "loop", "loop");
  const reach = options.blockSize / (options.version === 2 ? 8 : 4);
  image.sparse(image.root, "holes", options.blockSize * (12 + reach + 3), [
    [0, Buffer.from("first")],
    [options.blockSize * (12 + reach + 2), Buffer.from("last")],
  ]);
  return image.finish();
}

/** What is in images: small, with something to read. */
const content = () => bytesOf(ufs({ version: 2, blockSize: 4096, fragmentSize: 512, superblockAt: 65536 }));

function format(word: ImageFormat, bases: Record<string, () => Uint8Array | Uint8Array[]>, words: string[]): Target[] {
  const made = Object.entries(bases).map(([name, make]): [string, () => Base] => [
    name,
    () => ({ disks: [make()].flat().map(diskOf) }),
  ]);
  const session: Target["session"] = (disks) =>
    inspecting(disks, () => lookAround(), { format: word, granted: disks.length > 1 } satisfies Given);
  return both({ name: word, bases: Object.fromEntries(made), words, session });
}

/** A target by the module as it is shipped, and by the one for which every checksum is right. */
function both(target: Omit<Target, "module">): Target[] {
  const modules: [string, ModuleName][] = [
    [target.name, "inspect"],
    [`${target.name}_unchecked`, "inspect_unchecked"],
  ];
  return modules.map(([name, module]) => ({ ...target, name, module }));
}

const looked = (name: string, bases: Target["bases"], words: Target["words"] = []): Omit<Target, "module"> => ({
  name,
  bases,
  words,
  session: (disks) => inspecting(disks, () => lookAround()),
});

/** Of a base. */
const ZSTD_SAMPLES = 12;

/** Frames of zstd, some of them a base: those that the decoder's test has, of all levels. */
function zstd(): Target["bases"] {
  const path = inRepository("test/compression/zstd_samples.json");
  const samples = (JSON.parse(readFileSync(path, "utf8")) as { packed: string }[]).map(({ packed }) => packed);
  const groups = Math.ceil(samples.length / ZSTD_SAMPLES);
  return Object.fromEntries(
    Array.from({ length: groups }, (_, group) => {
      const own = samples.slice(group * ZSTD_SAMPLES, (group + 1) * ZSTD_SAMPLES);
      const files = Object.fromEntries(own.map((packed, i) => [`/${i}.zst`, Buffer.from(packed, "base64")]));
      return [`zstd_${group}`, () => ({ disks: [ufsDisk(files)] })];
    }),
  );
}
/** Each file of the compressed ones is opened in several ways. */
const FILES_PACKED = 100;

const pattern = Buffer.alloc(4096, "log");

export const storageTargets: Target[] = [
  ...format(
    "qcow2",
    {
      old: () => qcow2Image(content(), { version: 2, clusterBits: 16 }).bytes,
      small_clusters: () => qcow2Image(content(), { clusterBits: 9 }).bytes,
      compressed: () => qcow2Image(content(), { clusterBits: 12, compress: true }).bytes,
      subclusters: () => qcow2Image(content(), { clusterBits: 14, extended: true }).bytes,
      backed: () => [qcow2Image(content(), { backing: true }).bytes, content()],
      data_file: () => {
        const { bytes, data } = qcow2Image(content(), { dataFile: true });
        return [bytes, data];
      },
    },
    ["QFI\xfb"],
  ).filter(({ module }) => module === "inspect"),
  ...format(
    "vmdk",
    {
      usual: () => vmdkImage(content()).bytes,
      described: () => {
        const disk = content();
        const lines = [`RW ${disk.length / 512} FLAT "a-flat.vmdk" 0`, "RW 100 ZERO", 'RW 1 SPARSE "b.vmdk"'];
        const head = "# Disk DescriptorFile\nversion=1\nCID=12345678\nparentCID=ffffffff\n";
        const text = Buffer.from(`${head}createType="twoGbMaxExtentSparse"\n\n${lines.join("\n")}\n`);
        return [text, disk, vmdkImage(disk.subarray(0, 512)).bytes];
      },
      stream: () => vmdkImage(content(), { stream: true, grainSectors: 16 }).bytes,
    },
    ["KDMV", 'RW 1 FLAT "a" 0\n', "RW 63 ZERO\n", "parentCID=ffffffff\n", 'createType="monolithicFlat"\n'],
  ).filter(({ module }) => module === "inspect"),
  ...format(
    "vhd",
    {
      dynamic: () => vhdImage(content(), 65536).bytes,
      small: () => vhdImage(content(), 4096).bytes,
      fixed: () => vhdImage(content()).bytes,
    },
    ["conectix", "cxsparse"],
  ),
  ...format(
    "vhdx",
    {
      usual: () => vhdxImage(content()).bytes,
      logged: () =>
        withLog(vhdxImage(content(), { log: true }).bytes, [
          {
            at: 0,
            sequence: 1,
            writes: [
              [4 << 20, pattern],
              [5 << 20, 8192],
            ],
          },
          { at: 8192, sequence: 2, tail: 0, writes: [[4 << 20, pattern]] },
        ]),
    },
    ["vhdxfile", "head", "regi", "metadata", "loge", "desc", "zero", "data"],
  ),
  ...format("vdi", { usual: () => vdiImage(content(), 65536).bytes }, [
    "<<< Oracle VM VirtualBox Disk Image >>>\n",
  ]).filter(({ module }) => module === "inspect"),
  {
    ...looked("ufs", {
      ufs1: () => ({ disks: [ufs({ version: 1, blockSize: 4096, fragmentSize: 512, superblockAt: 8192 })] }),
      ufs2: () => ({ disks: [ufs({ version: 2, blockSize: 4096, fragmentSize: 512, superblockAt: 65536 })] }),
      large_blocks: () => ({
        disks: [ufs({ version: 2, blockSize: 65536, fragmentSize: 8192, superblockAt: 262144 })],
      }),
    }),
    module: "inspect",
  },
  {
    ...looked(
      "cd9660",
      {
        usual: () => ({
          disks: [
            diskOf(
              isoImage([
                { name: "LOADER.CON;1", content: "text" },
                { name: "BIG.;1", content: "b".repeat(9000), extents: 2048 },
              ]),
            ),
          ],
        }),
        rock_ridge: () => ({
          disks: [
            diskOf(
              isoImage([
                { name: "A.;1", rockRidge: "a long name of a file", content: "text" },
                { name: "B.;1", rockRidge: "boot", content: "x".repeat(5000) },
              ]),
            ),
          ],
        }),
      },
      [
        "CD001",
        "NM\x06\x01\0x",
        "SL\x0a\x01\0\0\x03x/",
        "CE\x1c\x01",
        "PX\x24\x01",
        "RE\x04\x01",
        "CL\x0c\x01",
        "SP\x07\x01\xbe\xef",
      ],
    ),
    module: "inspect",
  },
  ...both(looked("ext", { ext2: packedBase("ext2"), ext3: packedBase("ext3"), ext4: packedBase("ext4") })),
  ...both(
    looked("msdos", {
      fat12: packedBase("fat12"),
      fat16: packedBase("fat16"),
      fat32: packedBase("fat32"),
      exfat: packedBase("exfat"),
      exfat_scattered: packedBase("exfat_scattered"),
    }),
  ),
  ...both({
    ...looked("compressed", { usual: packedBase("compressed"), ...zstd() }),
    session: (disks) => inspecting(disks, () => lookAround(FILES_PACKED)),
  }),
];
