// A disk image on a web server, of which the ranges that a guest reads are fetched (RFC 9110, 14 and 13.1.5). What the server
// says is checked: it must serve ranges, and each answer must be the range that was asked for, of the file that was there at
// first. Redirects are followed as `fetch` does.

import { abortedBy, DiskError, OptionError, type UserbootError } from "../errors.js";
import { onAbort } from "../isolation/abort.js";
import type { MaybePromise } from "../maybe.js";
import type { Disk } from "./disk.js";
import { RANGE_MAX, RangeCache } from "./ranges.js";

/** What `httpDisk` takes besides the URL. */
export interface HttpDiskOptions {
  /** Sent with each request. */
  headers?: Readonly<Record<string, string>>;
  /** Bytes that are fetched at least: a power of two, 4 KiB to 8 MiB; 256 KiB unless said. */
  blockSize?: number;
  /** Bytes that are kept in memory; 64 MiB unless said. */
  cache?: number;
  /** Bytes of a sector; 512 unless said. */
  sectorSize?: 512 | 4096;
  /** Ends the opening, or later all that is fetched. */
  signal?: AbortSignal | undefined;
}

/** A disk image on a web server: from `httpDisk`. Several sessions may share it. */
export interface HttpDisk extends Disk {
  readonly sectorSize: 512 | 4096;
  readonly promises: true;
  /** Requests so far. */
  readonly requests: number;
  /** Bytes that came with them. */
  readonly transferred: number;
  /** Ends what is being fetched, and forgets what was. Nothing can be read afterwards. */
  close(): void;
}

const BLOCK_SIZE = 256 * 1024;
const BLOCK_SIZE_LEAST = 4096;
const CACHE = 64 * 1024 * 1024;
/** A server that can't be reached is asked once more. */
const ATTEMPTS = 2;
const OWN_HEADERS = ["range", "if-range"];

/** What the file was when it was opened: no answer may differ. */
interface Identity {
  size: number;
  etag: string | null;
  modified: string | null;
}

/**
 * Asks the server for the first block.
 * @throws OptionError for a wrong option; DiskError when the file can't be had by ranges; AbortedError
 */
export async function openHttpDisk(url: string | URL, options: HttpDiskOptions): Promise<HttpDisk> {
  const place = placeOf(url);
  const disk = new RangedDisk(place, checkOptions(place, options));
  await disk.open();
  return disk;
}

function placeOf(given: string | URL): URL {
  const { document } = globalThis as { document?: { baseURI: string } };
  let place: URL;
  try {
    place = new URL(given, document?.baseURI);
  } catch {
    throw new OptionError(`httpDisk: ${given} is no URL`);
  }
  if (!/^https?:$/.test(place.protocol))
    throw new OptionError(`httpDisk: ${place.protocol} is neither http: nor https:`);
  if (place.username + place.password !== "")
    throw new OptionError("httpDisk: a URL with a name or password isn't fetched: give them as a header");
  return place;
}

function checkOptions(place: URL, options: HttpDiskOptions): Required<HttpDiskOptions> {
  const { headers = {}, blockSize = BLOCK_SIZE, cache = CACHE, sectorSize = 512, signal, ...unknown } = options;
  const [other] = Object.keys(unknown);
  if (other !== undefined) throw new OptionError(`httpDisk: unknown option "${other}"`);
  const isPower = Number.isInteger(blockSize) && Number.isInteger(Math.log2(blockSize));
  if (!isPower || blockSize < BLOCK_SIZE_LEAST || blockSize > RANGE_MAX)
    throw new OptionError(
      `httpDisk: block size ${blockSize} is no power of two from ${BLOCK_SIZE_LEAST} to ${RANGE_MAX}`,
    );
  if (!Number.isSafeInteger(cache) || cache < 0) throw new OptionError(`httpDisk: ${cache} is no size of a cache`);
  if (![512, 4096].includes(sectorSize)) throw new OptionError(`sector size ${sectorSize} is not 512 or 4096`);
  for (const name of Object.keys(headers)) {
    if (OWN_HEADERS.includes(name.toLowerCase())) throw new OptionError(`httpDisk: the header ${name} is its own`);
  }
  try {
    new Request(place, { headers });
  } catch (error) {
    throw new OptionError(`httpDisk: headers: ${(error as Error).message}`);
  }
  return { headers, blockSize, cache, sectorSize, signal };
}

class RangedDisk implements HttpDisk {
  readonly promises = true;
  readonly sectorSize: 512 | 4096;
  readonly #url: URL;
  /** Whose server answers: redirects may lead to another. */
  #origin: string;
  readonly #options: Required<HttpDiskOptions>;
  readonly #end = new AbortController();
  #stopListening = () => {};
  #file: Identity | undefined;
  #cache: RangeCache | undefined;
  requests = 0;
  transferred = 0;

  constructor(url: URL, options: Required<HttpDiskOptions>) {
    this.#url = url;
    this.#origin = url.origin;
    this.#options = options;
    this.sectorSize = options.sectorSize;
    const { signal } = options;
    if (signal?.aborted) this.#end.abort();
    else if (signal) this.#stopListening = onAbort(signal, () => this.close());
  }

  /** What it is called in messages: of a query nobody need know. */
  get name(): string {
    return `${this.#url.origin}${this.#url.pathname}`;
  }

  get size(): number {
    return this.#file?.size ?? 0;
  }

  async open(): Promise<void> {
    const { blockSize, cache } = this.#options;
    const bytes = await this.#fetch(0, blockSize);
    this.#cache = new RangeCache({ size: this.size, blockSize, cache, fetch: (from, to) => this.#fetch(from, to) });
    this.#cache.put(bytes);
  }

  read(offset: number, target: Uint8Array): MaybePromise<number> {
    if (this.#end.signal.aborted || this.#cache === undefined) throw this.#closed();
    return this.#cache.read(offset, target);
  }

  close(): void {
    this.#stopListening();
    this.#end.abort();
    this.#cache?.clear();
  }

  #closed(): UserbootError {
    const { signal } = this.#options;
    return signal?.aborted ? abortedBy(signal.reason, this.name) : this.#error("is closed");
  }

  #error(what: string): DiskError {
    return new DiskError(this.name, what);
  }

  /** The bytes from `start` to `end`; the first time fewer when the file is shorter. */
  async #fetch(start: number, end: number): Promise<Uint8Array> {
    for (let left = ATTEMPTS - 1; ; left--) {
      try {
        return await this.#attempt(start, end);
      } catch (error) {
        if (this.#end.signal.aborted) throw this.#closed();
        if (error instanceof DiskError) throw error;
        if (left === 0) throw this.#error(`can't be fetched: ${reasonOf(error)}`);
      }
    }
  }

  async #attempt(start: number, end: number): Promise<Uint8Array> {
    this.requests++;
    const { signal } = this.#end;
    const headers = { ...this.#options.headers, range: `bytes=${start}-${end - 1}`, ...this.#condition() };
    // What the platform keeps of files is no way to notice that one has changed.
    const response = await fetch(this.#url, { headers, signal, cache: "no-store" });
    if (response.redirected) this.#origin = new URL(response.url).origin;
    try {
      const length = this.#check(response, start, end);
      return await this.#body(response, length);
    } finally {
      // What is left of it isn't wanted.
      if (!response.bodyUsed) await response.body?.cancel().catch(() => {});
    }
  }

  /** Has the server send the range only while the file is the same. Other origins would have to allow pages this header. */
  #condition(): Record<string, string> {
    const etag = this.#file?.etag;
    const { location } = globalThis as { location?: { origin: string } };
    const isOwn = location === undefined || location.origin === this.#origin;
    return etag?.startsWith('"') && isOwn ? { "if-range": etag } : {};
  }

  /** Looks whether an answer is the range from `start` to `end`; how long it is. */
  #check({ headers, status }: Response, start: number, end: number): number {
    const known = this.#file;
    if (status === 200) {
      const ranges = `the server sends no ranges of it (status 200 for "Range: bytes=${start}-${end - 1}")`;
      throw this.#error(known?.etag ? "has changed since it was opened" : ranges);
    }
    if (status === 416 && known === undefined) throw this.#error("empty file, not a disk image");
    if (status !== 206) throw this.#error(`the server answers ${status}`);
    const told = headers.get("content-range");
    const [, from, to, of] = /^bytes (\d{1,16})-(\d{1,16})\/(\d{1,16})$/.exec(told ?? "") ?? [];
    if (of === undefined) {
      const hint = told === null ? " (another origin has to expose it: Access-Control-Expose-Headers)" : "";
      throw this.#error(`the server doesn't say which range of what size it sends: Content-Range is ${told}${hint}`);
    }
    const file = { size: Number(of), etag: headers.get("etag"), modified: headers.get("last-modified") };
    if (!Number.isSafeInteger(file.size)) throw this.#error(`has no size that makes sense: ${of}`);
    if (known !== undefined && isAnother(file, known)) throw this.#error("has changed since it was opened");
    const last = Math.min(end, file.size) - 1;
    if (Number(from) !== start || Number(to) !== last)
      throw this.#error(`the server sends bytes ${from}-${to}, asked for ${start}-${last}`);
    this.#file ??= file;
    return last + 1 - start;
  }

  /** The body, which has so many bytes and no more. */
  async #body(response: Response, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    const reader = response.body!.getReader();
    let filled = 0;
    while (true) {
      const { done, value } = await reader.read();
      if (done) break;
      this.transferred += value.length;
      if (filled + value.length > length) {
        reader.cancel().catch(() => {});
        throw this.#error(`the server sends more than the ${length} bytes that it says`);
      }
      bytes.set(value, filled);
      filled += value.length;
    }
    if (filled < length) throw this.#error(`the server sends ${filled} bytes, and said ${length}`);
    return bytes;
  }
}

function isAnother(file: Identity, known: Identity): boolean {
  return file.size !== known.size || file.etag !== known.etag || file.modified !== known.modified;
}

/** Node's `fetch` has its reason one level down. */
function reasonOf(error: unknown): string {
  const { cause, message } = error as Error & { cause?: { code?: string; message?: string } };
  return cause?.code ?? cause?.message ?? message;
}
