// What `inspect` gives: the facts that were found at the start, and questions about files. Everything that is asked goes to the
// inspector, one request after another.

import { AbortedError, FileError, IsolationError, LimitError, OptionError, UserbootError } from "../errors.js";
import { NOWHERE, type Run } from "../memory/places.js";
import type { LookedAt } from "../problem.js";
import type { IsolationFacts } from "../result.js";
import { checkValue, OBJECT, shown as shownValue } from "../wanted.js";
import { errorName } from "./errno.js";
import type { Description, DiskInfo, EntryInfo, FileInfo, PoolInfo, SystemInfo, VolumeInfo } from "./facts.js";
import type { Inspector } from "./inspector.js";
import { CONTENT_MAX, type InspectLimits } from "./limits.js";
import { type InspectMessage, type InspectRequest, LIST_MAX, OPEN_LINK, OPEN_UNPACKED } from "./protocol.js";
import { byteString, bytesOf, textOf } from "./text.js";
import { missingIn, scriptsOf } from "./verdict.js";

/** A path as the loader writes it, or on the device that would be booted; bytes where it is no text. */
export type ImagePath = string | Uint8Array;

/** How a file is opened. */
export interface OpenOptions {
  /** As the loader would get it: `kernel.gz` for `kernel`, unpacked. */
  unpacked?: boolean;
}

/** A piece of a file. */
export interface FilePart {
  /** What is there; empty for a hole. */
  bytes: Uint8Array<ArrayBuffer>;
  /** Zeros that are nowhere on the disk. */
  hole: number;
}

/** Gets a piece of a file, and says when it is done with it, unless that is at once. */
export type PartTaker = (bytes: Uint8Array<ArrayBuffer>, hole: number) => Promise<void> | undefined;

/** What `list` gives. */
export interface ListOptions {
  /** Entries at most; a LimitError when there are more. Default: the inspection's `entries`. */
  limit?: number;
  /** Everything about each entry, which takes longer. */
  details?: boolean;
}

/** What `find` looks at. */
export interface FindOptions extends ListOptions {
  /** Levels of directories below the first; a LimitError when there are more. Default: the inspection's `depth`. */
  depth?: number;
  /** Only what this says yes to is given; directories are gone through all the same. */
  filter?: (entry: FoundEntry) => boolean;
  /**
   * Told of each directory below the first that can't be gone through, which is then passed over; without it `find` ends there.
   * One whose entry has a `problem` is passed over, too: the entry tells.
   */
  onProblem?: (path: string, error: UserbootError) => void;
}

/** An entry, and where it is. */
export interface FoundEntry extends EntryInfo {
  /** As paths of images are given. */
  path: string;
}

/** Bytes of a piece that isn't kept: so few stay near the processor from the read to the write. */
const PIECE = 128 * 1024;

/** Memory of an entry besides its texts, and of each of their characters: they are there as bytes, too. */
const ENTRY_BYTES = 800;
const CHARACTER_BYTES = 3;
/** Characters of a path that `find` goes down to. */
const PATH_MAX = 4096;

/** An entry as it comes. */
type RawEntry = Omit<EntryInfo, "nameBytes" | "problem"> & { error?: number };
/** A file that is read piece by piece, and its handle, while it has one. */
interface Reader {
  path: ImagePath;
  flags: number;
  handle?: number;
}
/** Files with handles between their reads: the core has 16 for all that is done. */
const READERS_MAX = 8;
/** A handle, and what it stands for. */
type Opened = FileInfo & { handle: number };

/** A look into images that are open until it is closed. */
export class Inspection implements AsyncDisposable {
  readonly #inspector: Inspector;
  readonly #limits: InspectLimits;
  readonly #inTurn = turns();
  /** The same for whole files, of which one after the other is read, each in many turns. */
  readonly #wholeInTurn = turns();
  /** Files that are being read and have handles, the one that was read last at the end. */
  readonly #readers = new Set<Reader>();
  /** The device that would be booted, with its colon. */
  readonly device: string;
  /** The disks that it was given. */
  readonly disks: readonly DiskInfo[];
  /** What is on them: file systems, and what else there is. */
  readonly volumes: readonly VolumeInfo[];
  /** The ZFS pools that they belong to. */
  readonly pools: readonly PoolInfo[];
  /** As in a boot's result, when nothing that boots is there. */
  readonly bootProblem: LookedAt[] | undefined;

  /** @internal */
  constructor(inspector: Inspector, description: Description, limits: InspectLimits) {
    this.#inspector = inspector;
    this.#limits = limits;
    const { bootProblem, current, disks, pools, volumes } = shown(description);
    this.device = current;
    this.disks = disks;
    this.volumes = volumes;
    this.pools = pools;
    this.bootProblem = bootProblem;
  }

  /** Where the images are read. */
  get isolation(): IsolationFacts {
    return this.#inspector.facts;
  }

  /** What would be booted from `device` (default: the one that would be), and how it is configured. */
  async system(device: ImagePath = this.device): Promise<SystemInfo> {
    const answer = await this.#ask({ op: "system", device: pathOf(device) });
    const system = shown(givenBy<Omit<SystemInfo, "architecture" | "missing">>(answer));
    const architecture = system.kernels.find(({ path }) => path === system.kernel?.value)?.machine;
    const missing = missingIn(system);
    const unscripted = await this.#unscripted(system);
    if (unscripted !== undefined) system.problems.push(unscripted);
    return { ...system, ...(architecture && { architecture }), ...(missing && { missing }) };
  }

  /** That the interpreter has nothing to run, if so: it boots all the same, and nobody has read loader.conf. */
  async #unscripted({
    device,
    interpreter,
  }: Omit<SystemInfo, "architecture" | "missing">): Promise<string | undefined> {
    const scripts = scriptsOf(interpreter?.value);
    for (const script of scripts) {
      try {
        await this.stat(`${device}${script}`);
        return undefined;
      } catch (error) {
        if (!(error instanceof FileError)) throw error;
      }
    }
    return scripts.length === 0
      ? undefined
      : `${scripts.join(", ")}: not there: ${interpreter?.value} starts without scripts, and loader.conf isn't read`;
  }

  /**
   * What is in a directory.
   * @throws FileError, LimitError
   */
  async list(path: ImagePath, options: ListOptions = {}): Promise<EntryInfo[]> {
    checkValue("options", options, OBJECT);
    const limit = boundOf("limit", options.limit, this.#limits.entries);
    return this.#inTurn(async () => {
      const entries: EntryInfo[] = [];
      const names = new Set<string>();
      const kept = new KeptEntries(this.#limits.entryBytes);
      for await (const entry of this.#entries(path, options.details ?? false)) {
        if (entries.length >= limit) throw new LimitError("entries", limit, limit + 1);
        const problem = names.has(entry.name) ? "another entry has its name" : problemOf(entry);
        names.add(entry.name);
        kept.add(entry);
        entries.push(entryOf(entry, problem));
      }
      return entries;
    });
  }

  /** What a file, directory or link is; of a link itself. */
  async stat(path: ImagePath): Promise<FileInfo> {
    return this.#with(path, OPEN_LINK, async ({ handle: _handle, ...status }) => statusOf(status));
  }

  /** The content of a file of at most `limit` bytes (default: the inspection's `fileBytes`), through links. */
  async readFile(path: ImagePath, options: OpenOptions & { limit?: number } = {}): Promise<Uint8Array<ArrayBuffer>> {
    checkValue("options", options, OBJECT);
    const limit = boundOf("limit", options.limit, this.#limits.fileBytes);
    let content = new Uint8Array();
    let size = 0;
    const take = (bytes: Uint8Array, hole: number) => {
      const end = size + bytes.length + hole;
      if (end > limit) throw new LimitError("fileBytes", limit, end);
      if (end > content.length) {
        const larger = new Uint8Array(Math.min(limit, Math.max(end, 2 * content.length)));
        larger.set(content);
        content = larger;
      }
      content.set(bytes, size);
      size = end;
      return undefined;
    };
    await this.#wholeInTurn(() => this.eachPart(path, take, options));
    return size === content.length ? content : content.slice(0, size);
  }

  /** The content of a file of any size, piece by piece, through links. */
  createReadStream(path: ImagePath, options: OpenOptions = {}): ReadableStream<Uint8Array<ArrayBuffer>> {
    const parts = this.readParts(path, options);
    let zeros = 0;
    return new ReadableStream({
      async pull(controller) {
        while (zeros === 0) {
          const { done, value } = await parts.next();
          if (done) return controller.close();
          if (value.bytes.length > 0) return controller.enqueue(value.bytes);
          zeros = value.hole;
        }
        const part = Math.min(zeros, CONTENT_MAX);
        zeros -= part;
        controller.enqueue(new Uint8Array(part));
      },
      async cancel() {
        await parts.return();
      },
    });
  }

  /** The same with holes as such: each piece is bytes, or so many zeros that are nowhere on the disk. */
  async *readParts(path: ImagePath, options: OpenOptions = {}): AsyncGenerator<FilePart, void, void> {
    for await (const { bytes, runs } of this.#answers(path, options)) {
      for (const [size, unit, offset] of runs) {
        if (unit === NOWHERE) yield { bytes: new Uint8Array(), hole: size };
        else
          for (let done = 0; done < size; done += CONTENT_MAX) {
            const piece = new Uint8Array(Math.min(CONTENT_MAX, size - done));
            await this.#inspector.readPlace!(unit, offset + done, piece);
            yield { bytes: piece, hole: 0 };
          }
      }
      if (bytes.length > 0) yield { bytes, hole: 0 };
    }
  }

  /**
   * The same for long files: `take` gets each piece, and its bytes are good until it, or what it promises, is done.
   */
  async eachPart(path: ImagePath, take: PartTaker, options: OpenOptions = {}): Promise<void> {
    let buffer = new Uint8Array();
    for await (const { bytes, runs } of this.#answers(path, options)) {
      for (const [size, unit, offset] of runs) {
        if (unit === NOWHERE) await take(buffer.subarray(0, 0), size);
        else if (buffer.length === 0) buffer = new Uint8Array(PIECE);
        for (let done = 0; unit !== NOWHERE && done < size; done += PIECE) {
          const piece = done + PIECE <= size ? buffer : buffer.subarray(0, size - done);
          // What is done at once isn't waited for: there are thousands of pieces.
          const read = this.#inspector.readPlace!(unit, offset + done, piece);
          if (read !== undefined) await read;
          const taken = take(piece, 0);
          if (taken !== undefined) await taken;
        }
      }
      if (bytes.length > 0) await take(bytes, 0);
    }
  }

  /** What a file is, answer by answer. */
  async *#answers(
    path: ImagePath,
    options: OpenOptions,
  ): AsyncGenerator<{ bytes: Uint8Array<ArrayBuffer>; runs: Run[] }, void, void> {
    checkValue("options", options, OBJECT);
    const { unpacked = false } = options;
    const reader: Reader = { path, flags: unpacked ? OPEN_UNPACKED : 0 };
    try {
      const { size, type } = await this.#inTurn(() => this.#openReader(reader));
      if (type === "directory") throw new FileError(shownPath(path), ...errorName(EISDIR));
      if (type === "other") throw noContent(path);
      // Whoever doesn't want it any more isn't told what became of it: turns are waited for by those behind them.
      const read = (position: number) => this.#inTurn(() => this.#readAt(reader, position));
      let position = 0;
      let next = read(0);
      while (true) {
        const { bytes, runs } = contentOf(await next);
        const start = position;
        position += runs.reduce((sum, [length]) => sum + length, bytes.length);
        if (size !== undefined && position > size)
          throw new FileError(shownPath(path), "EIO", `has more than its ${size} bytes`);
        if (position === start || !Number.isSafeInteger(position)) {
          if (size !== undefined && position < size)
            throw new FileError(shownPath(path), "EIO", `ends at byte ${position} of ${size}`);
          return;
        }
        // The next piece is read while this one is used.
        next = read(position);
        yield { bytes, runs };
      }
    } finally {
      await this.#inTurn(() => this.#closeReader(reader));
    }
  }

  /** Opens a file to be read. When there are many, another one loses its handle, and is opened again when it is its turn. */
  async #openReader(reader: Reader): Promise<Opened> {
    for (const oldest of this.#readers) {
      if (this.#readers.size < READERS_MAX) break;
      await this.#closeReader(oldest);
    }
    const opened = await this.#open(reader.path, reader.flags);
    reader.handle = opened.handle;
    this.#readers.add(reader);
    return opened;
  }

  async #readAt(reader: Reader, position: number): Promise<InspectMessage> {
    const handle = reader.handle ?? (await this.#openReader(reader)).handle;
    this.#readers.delete(reader);
    this.#readers.add(reader);
    return this.#ask({ op: "read", handle, position, places: this.#inspector.readPlace !== undefined });
  }

  async #closeReader(reader: Reader): Promise<void> {
    const { handle } = reader;
    delete reader.handle;
    if (this.#readers.delete(reader) && handle !== undefined) await this.#release(handle);
  }

  /** The SHA-256 digest of a file, in hexadecimal. */
  async hash(path: ImagePath, options: OpenOptions = {}): Promise<string> {
    checkValue("options", options, OBJECT);
    const { unpacked = false } = options;
    return this.#with(path, unpacked ? OPEN_UNPACKED : 0, async ({ handle, type }) => {
      if (type === "other") throw noContent(path);
      return givenBy<string>(await this.#ask({ op: "hash", handle }));
    });
  }

  /** All that is below a directory, by their names, each directory before what is in it. Links aren't followed. */
  async *find(path: ImagePath, options: FindOptions = {}): AsyncGenerator<FoundEntry, void, void> {
    checkValue("options", options, OBJECT);
    const { details = false, filter = () => true, onProblem } = options;
    const depth = boundOf("depth", options.depth, this.#limits.depth);
    const limit = boundOf("limit", options.limit, this.#limits.entries);
    let seen = 0;
    const self = this;
    // A directory may contain itself.
    const kept = new KeptEntries(this.#limits.entryBytes);
    async function* below(directory: string, level: number): AsyncGenerator<FoundEntry, void, void> {
      // All of one directory first: what is open at a time is limited.
      const entries = await entriesIn(directory, level);
      const before = /(?:^|\/)$/.test(directory) ? directory : `${directory}/`;
      for (const entry of entries) {
        if (++seen > limit) throw new LimitError("entries", limit, seen);
        const found = { path: before + entry.name, ...entry };
        if (filter(found)) yield found;
        // A path leads to the first entry of a name, and to none that is no name.
        if (entry.type === "directory" && entry.problem === undefined) yield* below(found.path, level + 1);
      }
      for (const entry of entries) kept.drop(entry);
    }
    async function entriesIn(directory: string, level: number): Promise<EntryInfo[]> {
      try {
        if (level > depth) throw new LimitError("depth", depth, level);
        if (directory.length > PATH_MAX)
          throw new FileError(`${directory.slice(0, 64)}...`, ...errorName(ENAMETOOLONG));
        const entries = await self.list(directory, { details });
        kept.addAll(entries);
        return entries.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
      } catch (error) {
        if (level === 0 || onProblem === undefined || !(error instanceof UserbootError) || endsAll(error)) throw error;
        onProblem(directory, error);
        return [];
      }
    }
    yield* below(shownPath(path), 0);
  }

  /** Ends it. Nothing of it is left then. */
  close(): Promise<void> {
    return this.#inspector.close();
  }

  /** Closes it: what `await using` does. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #ask(request: InspectRequest): Promise<InspectMessage> {
    return this.#inspector.ask(request);
  }

  async #open(path: ImagePath, flags: number): Promise<Opened> {
    return givenBy<Opened>(await this.#ask({ op: "open", path: pathOf(path), flags }));
  }

  #with<T>(path: ImagePath, flags: number, body: (opened: Opened) => Promise<T>): Promise<T> {
    return this.#inTurn(async () => {
      const opened = await this.#open(path, flags);
      try {
        return await body(opened);
      } finally {
        await this.#release(opened.handle);
      }
    });
  }

  /** Whatever comes of it, it is what came before that counts. */
  async #release(handle: number): Promise<void> {
    await this.#ask({ op: "release", handle }).catch(() => {});
  }

  async *#entries(path: ImagePath, details: boolean): AsyncGenerator<RawEntry, void, void> {
    const { handle } = await this.#open(path, 0);
    try {
      for (let more = true; more; ) {
        const answer = await this.#ask({ op: "list", handle, most: LIST_MAX, details });
        const part = givenBy<{ entries: RawEntry[]; more: boolean }>(answer);
        yield* part.entries;
        ({ more } = part);
      }
    } finally {
      await this.#release(handle);
    }
  }
}

/** The inspection that `inspector` answers, once that has had its first look. */
export async function inspectionBy(inspector: Inspector, limits: InspectLimits): Promise<Inspection> {
  return new Inspection(inspector, (await inspector.describe()) as Description, limits);
}

const EISDIR = 21;
const ENAMETOOLONG = 63;

/** Limits of all requests together. */
const OF_ALL = ["wallMs", "fuel", "diskBytes"];

/** Whether after `error` nothing more can be asked, whatever it is about. */
export function endsAll(error: unknown): boolean {
  return (
    error instanceof AbortedError ||
    error instanceof IsolationError ||
    (error instanceof LimitError && OF_ALL.includes(error.limit))
  );
}

/** Does what it is given when what was given before is done: however much is asked for at once, few files are open. */
function turns(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const turn = last.then(work);
    last = turn.catch(() => {});
    return turn;
  };
}

/** For devices, sockets and FIFOs, whose content is in no image. */
const noContent = (path: ImagePath) =>
  new FileError(shownPath(path), "EINVAL", "is neither a file nor a directory, but a device, a socket or a FIFO");

/** A path as it is asked for: a byte string. */
function pathOf(path: ImagePath): string {
  if (typeof path !== "string" && !(path instanceof Uint8Array)) throw new OptionError("a path is text or bytes");
  return byteString(path);
}

/** The same as a text. */
const shownPath = (path: ImagePath): string => textOf(pathOf(path));

/** A bound that a caller gives, or `usual`. */
function boundOf(name: string, given: number | undefined, usual: number): number {
  if (given === undefined) return usual;
  if (typeof given !== "number" || !(given >= 0))
    throw new OptionError(`${name}: ${shownValue(given)} is not a number from 0 on`);
  return given;
}

/** The memory that entries take which somebody keeps. */
export class KeptEntries {
  #bytes = 0;

  constructor(private readonly most: number) {}

  /**
   * Takes an entry in.
   * @throws LimitError
   */
  add(entry: Pick<EntryInfo, "name" | "target">): void {
    this.addAll([entry]);
  }

  /** Takes in all of them, or none. */
  addAll(entries: readonly Pick<EntryInfo, "name" | "target">[]): void {
    const bytes = entries.reduce((sum, entry) => sum + memoryOf(entry), this.#bytes);
    if (bytes > this.most) throw new LimitError("entryBytes", this.most, bytes);
    this.#bytes = bytes;
  }

  /** Somebody has forgotten one. */
  drop(entry: Pick<EntryInfo, "name" | "target">): void {
    this.#bytes -= memoryOf(entry);
  }
}

const memoryOf = ({ name, target = "" }: Pick<EntryInfo, "name" | "target">): number =>
  ENTRY_BYTES + CHARACTER_BYTES * (name.length + target.length);

/** What is wrong with an entry by itself. */
function problemOf({ error, name }: RawEntry): string | undefined {
  if (["", ".", ".."].includes(name) || /[/\0]/.test(name)) return "its name is no name of a file";
  return error === undefined ? undefined : errorName(error)[1];
}

function givenBy<T>(message: InspectMessage): T {
  if (message.type !== "value") throw new TypeError(`an answer of type ${message.type}`);
  return message.value as T;
}

function contentOf(message: InspectMessage): { bytes: Uint8Array<ArrayBuffer>; runs: Run[] } {
  if (message.type !== "content") throw new TypeError(`an answer of type ${message.type}`);
  return message;
}

function statusOf({ target, ...status }: FileInfo): FileInfo {
  return target === undefined ? status : { ...status, target: textOf(target), targetBytes: bytesOf(target) };
}

function entryOf({ error: _error, name, ...rest }: RawEntry, problem: string | undefined): EntryInfo {
  const { target, ...status } = rest;
  return {
    name: textOf(name),
    nameBytes: bytesOf(name),
    ...status,
    ...(target === undefined ? {} : { target: textOf(target), targetBytes: bytesOf(target) }),
    ...(problem === undefined ? {} : { problem }),
  };
}

/** `value` with its byte strings as texts. */
function shown<T>(value: T): T {
  if (typeof value === "string") return textOf(value) as T;
  if (Array.isArray(value)) return value.map(shown) as T;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, shown(field)])) as T;
}
