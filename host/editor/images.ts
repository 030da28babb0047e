// Images as somebody opens them: files, addresses, samples. What format one has is the sandbox's to say; here it is a word.

import { compressionOfName } from "../disks/compression.js";
import type { HttpDisk } from "../disks/http.js";
import { httpDisk } from "../disks/remote.js";
import { type DiskSource, IMAGE_FORMATS, type ImageFormat } from "../disks/source.js";
import { DiskError } from "../errors.js";

/** An image that is open. */
export interface OpenImage {
  /** As it is named in a set-up: of the file, or the address. */
  name: string;
  /** The file, or what reads the address by ranges. */
  content: Blob | HttpDisk;
  /** Where it is from, for a machine that reads it itself. */
  url?: URL;
  /** Bytes of the file. */
  size: number;
  /** As it was said or recognised. */
  format: ImageFormat;
}

/** A disk image that the page offers. */
export interface Sample {
  /** Its name. */
  name: string;
  /** What is to be seen in it. */
  description: string;
  /** Where it is, with the ending that says how it is packed. */
  url: string | URL;
}

/** Kept in memory of an image on a server: a page has less room than a program. */
const HTTP_CACHE = 16 * 1024 * 1024;

/** A file that was chosen or dropped. */
export function fileImage(file: File): OpenImage {
  return { name: file.name, content: file, size: file.size, format: "raw" };
}

/** An image on a server. What is packed has to be fetched whole, at most `most` bytes; the rest is read as it is wanted. */
export async function urlImage(url: URL, signal?: AbortSignal, most = FETCHED_MAX): Promise<OpenImage> {
  const name = url.pathname.slice(url.pathname.lastIndexOf("/") + 1);
  if (compressionOfName(name) !== undefined) return { ...fileImage(await fetchFile(url, name, signal, most)), url };
  const content = await httpDisk(url, { cache: HTTP_CACHE, ...(signal && { signal }) });
  return { name: url.href, content, url, size: content.size, format: "raw" };
}

async function fetchFile(url: URL, name: string, signal: AbortSignal | undefined, most: number): Promise<File> {
  const response = await fetch(url, { ...(signal && { signal }) }).catch((error: Error) => {
    // Browsers don't say whether it is the network or that the server lets no page read it.
    throw signal?.aborted ? error : new DiskError(name, `can't be fetched: ${error.message}`);
  });
  if (!response.ok) throw new DiskError(name, `the server answers ${response.status}`);
  if (Number(response.headers.get("content-length")) > most) {
    await response.body?.cancel();
    throw new DiskError(name, tooLarge("an"));
  }
  const file = new File([await gathered(response.body, most)], name);
  if (file.size > most) throw new DiskError(name, tooLarge("an"));
  return file;
}

/** Largest image that is fetched whole because only raw ones are read by ranges. */
const FETCHED_MAX = 512 * 1024 * 1024;

const tooLarge = (what: string) => `${what} image of that size has to be downloaded, and opened as a file`;

/** What comes by `stream`: nothing more of it is taken once it is more than `most` bytes. */
function gathered(stream: ReadableStream<Uint8Array<ArrayBuffer>> | null, most: number): Promise<Blob> {
  let size = 0;
  const bounded = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
    transform(part, controller) {
      size += part.length;
      controller.enqueue(part);
      if (size > most) controller.terminate();
    },
  });
  return new Response(stream?.pipeThrough(bounded)).blob();
}

/** `image` in `format`: one on a server is fetched whole. */
export async function inFormat(image: OpenImage, format: ImageFormat, signal?: AbortSignal): Promise<OpenImage> {
  const { content, name, size, url } = image;
  if (content instanceof Blob || url === undefined) return { ...image, format };
  if (size > FETCHED_MAX) throw new DiskError(name, tooLarge(`a ${format}`));
  content.close();
  return { ...image, content: await fetchFile(url, name, signal, FETCHED_MAX), format };
}

/** The image as `boot` and `inspect` take it. */
export function sourceOf({ content, format }: OpenImage): DiskSource {
  return format === "raw" ? content : { image: content as Blob, format };
}

const LOOKS_LIKE = /^disk(\d+): looks like an? (\w+) file/;

/**
 * What the sandbox said of one of `images` that is no raw one: the number of the image and its format; undefined when `error` is
 * something else.
 */
export function recognised(error: unknown, images: readonly OpenImage[]): [number, ImageFormat] | undefined {
  const [, disk, word] = (error instanceof DiskError && LOOKS_LIKE.exec(error.message)) || [];
  const format = IMAGE_FORMATS.find((one) => one === word);
  const image = images[Number(disk)];
  return format === undefined || image?.format !== "raw" ? undefined : [Number(disk), format];
}

/**
 * The raw bytes for a machine in the page, which reads no format and unpacks nothing. What is larger than `most` bytes doesn't come
 * whole.
 */
export async function unpackedImage({ name, content, format }: OpenImage, most: number): Promise<Blob | undefined> {
  if (!(content instanceof Blob) || format !== "raw") return undefined;
  const compression = compressionOfName(name);
  if (compression === undefined) return content;
  if (compression !== "gzip") return undefined;
  return gathered(content.stream().pipeThrough(new DecompressionStream("gzip")), most);
}
