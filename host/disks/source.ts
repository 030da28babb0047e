// From what a caller gives as a disk to a Disk, here or in a worker. Adding a source is one file beside
// this one and one line in `openSource`.

import { isBytes } from "../assets.js";
import { isBlob, isBuffer, ownBytes } from "../brand.js";
import { OptionError } from "../errors.js";
import { isPromise } from "../maybe.js";
import { checkValue, shown } from "../wanted.js";
import { BlobDisk } from "./blob.js";
import { BytesDisk } from "./bytes.js";
import { COMPRESSIONS, type Compression, compressionOfName, isCompression } from "./compression.js";
import { type Disk, isDisk } from "./disk.js";
import { type Reader, ServedDisk } from "./served.js";

/** An image as it is used: a path (Node), bytes in memory, a Blob or File. */
export type ReadyImage = string | Uint8Array | Blob;

/** An image: a path (Node), bytes in memory, a Blob or File, the handle of a file (pages), also of the page's own file system. */
export type ImageSource = ReadyImage | ArrayBuffer | FileSystemFileHandle;

/** A format of images, as the core calls it (loader-wasm/conf.ts). It reads them; here they are words. */
export type ImageFormat = "raw" | "qcow2" | "vmdk" | "vhd" | "vhdx" | "vdi";

/** All of them. */
export const IMAGE_FORMATS: readonly ImageFormat[] = ["raw", "qcow2", "vmdk", "vhd", "vhdx", "vdi"];

/** All words that can be said of an image. */
export const FORMAT_WORDS: readonly (ImageFormat | Compression)[] = [...IMAGE_FORMATS, ...COMPRESSIONS];

/** A disk of an open file, as `fileDisk` gives it on Node. */
export interface OpenFileDisk extends Disk {
  /** What messages call it. */
  readonly path: string;
  /** Its descriptor. */
  readonly fd: number;
  /** Bytes of a sector. */
  readonly sectorSize: 512 | 4096;
}

/** An image with what is to be known about it. */
export interface DiskImage {
  /** The image itself, or a file that is open already, as `fileDisk` gives it on Node. */
  image: ImageSource | OpenFileDisk;
  /** Bytes of a sector. Without it a device's are what the system says, those of a file 512, and a VHDX image has its own. */
  sectorSize?: 512 | 4096;
  /**
   * Its format. Without it the image is raw, and not used when it looks like something else. A compression says that the file is
   * to be unpacked first, as the end of its name does (`.gz`, `.xz`, `.zst`, `.bz2`) unless the format is "raw".
   */
  format?: ImageFormat | Compression;
  /**
   * The files that it is made of besides: a data file, then what is behind it and behind that, or the extents of a VMDK
   * descriptor, in their order. Names in an image are never followed.
   */
  files?: readonly (ImageSource | OpenFileDisk | Omit<DiskImage, "files" | "sectorSize">)[];
}

/** An image with its sector size, if that was said. */
export interface SectoredImage {
  image: ReadyImage;
  sectorSize?: 512 | 4096 | undefined;
}

/** An image on its way to a worker: files are open already, so that the worker needs no right to open any. */
export interface SentImage extends SectoredImage {
  fd?: number;
  /** Bytes of what is open, or is read by the caller: a device doesn't tell everyone. */
  size?: number;
  /** Its number, when the caller reads it. */
  served?: number;
}

/** What `boot` takes as a disk. */
export type DiskSource = Disk | ImageSource | DiskImage;

/** Opens an image file; platforms without files have none. */
export type FileOpener = (path: string, sent: Omit<SentImage, "image">) => Disk;

let openFile: FileOpener = () => {
  throw new OptionError("a disk can be named by a path on Node only");
};

/** Set by the entry points. */
export function setFileOpener(opener: FileOpener): void {
  openFile = opener;
}

/** An image with nothing left open but its format and sector size. */
export interface DescribedImage extends Omit<SentImage, "image" | "served">, Required<Pick<DiskImage, "files">> {
  image: Exclude<ImageSource, ArrayBuffer>;
  format?: ImageFormat;
  /** It is to be unpacked before it is used. */
  compression?: Compression;
}

/**
 * `source`, called `name`, with all that it leaves to us; undefined for a ready Disk that only its maker can use.
 * @throws OptionError for what is no disk
 */
export function describeSource(source: DiskSource, name: string): DescribedImage | undefined {
  if (typeof source === "string") return { ...packing(source, undefined, name), files: [] };
  const { sectorSize } = (source ?? {}) as Partial<DiskImage>;
  if (![undefined, 512, 4096].includes(sectorSize))
    throw new OptionError(`${name}: sector size ${shown(sectorSize)} is not 512 or 4096`);
  if (isDescribed(source)) {
    const { image, format, files = [] } = source;
    const said = { files, ...(sectorSize && { sectorSize }) };
    if (isOpenFile(image)) return { ...openFileOf(image, format, name), ...said };
    return { ...packing(takeImage(image, `${name}.image`), format, name), ...said };
  }
  if (source instanceof BytesDisk) return { image: source.image, sectorSize: source.sectorSize, files: [] };
  if (source instanceof BlobDisk) return { image: source.blob, sectorSize: source.sectorSize, files: [] };
  if (isDisk(source) && !(Number.isSafeInteger(source.size) && source.size >= 0))
    throw new OptionError(`${name}: a Disk's size ${shown(source.size)} is no number of bytes`);
  if (isDisk(source)) return isOpenFile(source) ? { ...openFileOf(source, undefined, name), files: [] } : undefined;
  return { ...packing(takeImage(source, name), undefined, name), files: [] };
}

/** The image of the disk `disk` with what `format` and its own name say of it. */
function packing(
  image: DescribedImage["image"],
  format: DiskImage["format"],
  disk: string,
): Omit<DescribedImage, "files"> {
  if (isCompression(format)) return { image, compression: format };
  checkFormat(format, disk);
  const name = typeof image === "string" ? image : "name" in image ? String(image.name) : "";
  const compression = format !== "raw" ? compressionOfName(name) : undefined;
  return { image, ...(format && { format }), ...(compression && { compression }) };
}

function checkFormat(format: ImageFormat | undefined, disk: string): void {
  if (format !== undefined && !IMAGE_FORMATS.includes(format))
    throw new OptionError(`${disk}: unknown image format "${format}" (there are ${FORMAT_WORDS.join(", ")})`);
}

/** An image, called `name`; bytes of another realm as ones of this. */
function takeImage(image: ImageSource, name: string): DescribedImage["image"] {
  if (isPromise(image as unknown)) throw new OptionError(`${name} is a promise: \`await\` it first`);
  checkValue(name, image, IMAGE);
  return isBuffer(image) ? new Uint8Array(image) : (ownBytes(image) ?? image);
}

const IMAGE = {
  what: "a path, bytes, a Blob, a file's handle or a Disk",
  is: (image: unknown) => typeof image === "string" || isBytes(image) || isBlob(image) || isHandle(image),
};

/** Whether `image` is the handle of a file. */
export function isHandle(image: unknown): image is FileSystemFileHandle {
  return typeof image === "object" && image !== null && (image as { kind?: unknown }).kind === "file";
}

const isOpenFile = (disk: unknown): disk is OpenFileDisk =>
  isDisk(disk) && "fd" in (disk as object) && "path" in (disk as object);

/** An open file as it is: whoever opened it has unpacked it. */
function openFileOf({ path, fd, size, sectorSize }: OpenFileDisk, format: DiskImage["format"], disk: string) {
  if (isCompression(format)) throw new OptionError(`${disk}: a file that is open already isn't unpacked (${path})`);
  checkFormat(format, disk);
  return { image: path, fd, size, sectorSize, ...(format && { format }) };
}

function isDescribed(source: DiskSource): source is DiskImage {
  return typeof source === "object" && source !== null && "image" in source && !isDisk(source);
}

/** Opens `source`, of which the caller reads what `reader` asks for; what is opened here is to be closed by the caller. */
export function openSource({ image, ...sent }: SentImage, reader?: Reader): Disk {
  const { sectorSize = 512, served, size = 0 } = sent;
  if (served !== undefined) {
    if (reader === undefined) throw new OptionError("a disk that the caller reads can't be read here");
    return new ServedDisk(served, size, sectorSize, reader);
  }
  if (typeof image === "string") return openFile(image, sent);
  if (isBlob(image)) return new BlobDisk(image, sectorSize);
  return new BytesDisk(image, sectorSize);
}
