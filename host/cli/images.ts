// Disk images named on the command line: a word for the format may come before the name, `qcow2:disk.img`. A name that ends
// in .gz says that the file is compressed; such an image is unpacked into memory. Nothing else about a file's name or content
// is looked at.

import { closeSync, createReadStream, fstatSync } from "node:fs";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { openImageFile } from "../disks/file.js";
import type { DiskImage, ImageSource } from "../disks/source.js";
import { DiskError, OptionError } from "../errors.js";
import { namedImage } from "./arguments.js";

const MIB = 1024 * 1024;
/** Largest file, packed and unpacked, that is taken into memory. */
const PACKED_MAX = 512 * MIB;
const UNPACKED_MAX = 1024 * MIB;
/** Bytes that are unpacked in one go. */
const PIECE = MIB;

/** What --backing was given, and how many disks stood before it. */
export interface GrantedArgument {
  disks: number;
  file: string;
}

/**
 * The disks that the command line gives, with the files granted with each.
 * @throws DiskError when one is compressed and can't be unpacked; OptionError for a file that no disk comes before
 */
export async function openDisks(disks: readonly string[], granted: readonly GrantedArgument[]): Promise<DiskImage[]> {
  const lost = granted.find((one) => one.disks === 0);
  if (lost !== undefined) throw new OptionError(`--backing ${lost.file}: there is no disk before it (-d IMAGE)`);
  const open = async (text: string) => {
    const { path, ...format } = namedImage(text);
    return { image: await openImage(path), ...format };
  };
  const opened: DiskImage[] = [];
  for (const [index, disk] of disks.entries()) {
    const files = [];
    for (const one of granted) if (one.disks === index + 1) files.push(await open(one.file));
    opened.push({ ...(await open(disk)), files });
  }
  return opened;
}

/**
 * The image at `path`.
 * @throws DiskError when it is compressed and can't be unpacked
 */
export async function openImage(path: string): Promise<ImageSource> {
  if (!path.endsWith(".gz")) return path;
  const fd = openImageFile(path);
  const { size } = fstatSync(fd);
  if (size > PACKED_MAX) {
    closeSync(fd);
    throw tooLarge(path);
  }
  const packed = createReadStream(path, { fd, start: 0, end: size - 1, highWaterMark: PIECE });
  const pieces: Buffer[] = [];
  let unpacked = 0;
  try {
    await pipeline(packed, createGunzip({ chunkSize: PIECE }), async (source: AsyncIterable<Buffer>) => {
      for await (const piece of source) {
        unpacked += piece.length;
        if (unpacked > UNPACKED_MAX) throw tooLarge(path);
        pieces.push(piece);
      }
    });
  } catch (error) {
    // The pipeline may say that it was ended instead of why.
    if (unpacked > UNPACKED_MAX) throw tooLarge(path);
    const { code = "" } = error as NodeJS.ErrnoException;
    throw new DiskError(path, code.startsWith("Z_") ? "is not a gzip file, or damaged" : `cannot be read (${code})`);
  }
  return Buffer.concat(pieces, unpacked);
}

function tooLarge(path: string): DiskError {
  return new DiskError(path, "too large to be unpacked in memory");
}
