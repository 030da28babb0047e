// The options of `boot`, checked and completed. Whatever is wrong is said here, before anything runs.

import { type Assets, checkAssets } from "./assets.js";
import { isBlob, isBuffer } from "./brand.js";
import type { Clock } from "./clock.js";
import type { Console } from "./console/console.js";
import { isDisk } from "./disks/disk.js";
import { type ImageFacts, layOut, type Source } from "./disks/layout.js";
import type { DiskImage, DiskSource } from "./disks/source.js";
import { OptionError } from "./errors.js";
import { LOW_MAX } from "./memory/guest.js";
import { MODULE_MEMORY_LEAST } from "./memory/pool.js";
import { type Flavour, isFlavour } from "./modules.js";
import type { Overlay, OverlayEntry, OverlayLimits } from "./overlay.js";
import type { BootHooks } from "./policy/hooks.js";
import { type Generation, wantedProfile } from "./profile.js";
import {
  checkOptions,
  checkValue,
  FLAG,
  FUNCTION,
  hasMethods,
  isPlain,
  listOf,
  NUMBER,
  OBJECT,
  SIGNAL,
  shown,
  TEXT,
  type Wanted,
} from "./wanted.js";
import { TREE_LIMITS, type TreeLimits, type TreeOptions } from "./wasi/limits.js";
import type { HostTree } from "./wasi/tree.js";

/** Low memory from 0, high memory from 4 GiB, in bytes. */
export interface MemorySize {
  /** Bytes from 0 on. */
  low: number;
  /** Bytes from 4 GiB on. */
  high: number;
}

/** An entry of the guest's memory map; types as in ACPI (1 is usable memory). */
export interface MapEntry {
  /** Its first address. */
  base: number | bigint;
  /** Bytes. */
  length: number | bigint;
  /** As in ACPI: 1 is usable memory, 2 reserved. */
  type: number;
}

/** What a session may use up. */
export interface Limits extends OverlayLimits {
  /** Wall time in milliseconds, without the waiting for keys (but see `waitCounts`). */
  wallMs: number;
  /** Steps of the core: instructions of scripts, turns of loops over guest data. */
  fuel: number;
  /** Memory of the module itself, bytes. */
  moduleMemory: number;
  /** Bytes read from disks. */
  diskBytes: number;
  /** Bytes written to the console. */
  consoleBytes: number;
  /** Changes of flavour. */
  swaps: number;
  /** Bytes of files that are kept for the hook `onFile`. */
  examinedBytes: number;
  /** Bytes of what hooks are told, and of what is remembered of files: their texts, and 256 for each question and file. */
  hookBytes: number;
  /** Bytes that a compressed image may hold. */
  unpackedBytes: number;
}

/** The limits of a boot that is given none; each can be changed alone. */
export const DEFAULT_LIMITS: Readonly<Limits> = {
  wallMs: 600_000,
  fuel: 20_000_000_000,
  moduleMemory: 64 * 1024 * 1024,
  diskBytes: 16 * 1024 * 1024 * 1024,
  consoleBytes: 64 * 1024 * 1024,
  swaps: 4,
  examinedBytes: 256 * 1024 * 1024,
  hookBytes: 16 * 1024 * 1024,
  unpackedBytes: 64 * 1024 * 1024 * 1024,
  overlayFiles: 4096,
  overlayBytes: 512 * 1024 * 1024,
};

/** How far a session is kept from its caller. */
export type Isolation = "process" | "thread" | "none";
/** Most rows, and most characters of one, that a console may have. */
const CONSOLE_SIZE_MAX = 9999;
/** Characters of the name of a device. */
const DEVICE_NAME_MAX = 1023;
/** All of those names. */
export const ISOLATIONS: readonly Isolation[] = ["process", "thread", "none"];
/** What shall hold a process: `auto` is bubblewrap where it works. */
export type Confine = "auto" | "none" | "bwrap";
/** All of those names. */
export const CONFINES: readonly Confine[] = ["auto", "none", "bwrap"];

/** What `boot` takes. */
export interface BootOptions {
  /** Up to 32 disks, read only: raw images, or ones whose format is said. docs/disks.md has all kinds. */
  disks?: readonly DiskSource[];
  /** Trees that the guest sees as `host0:`, `host1:` ...; copied before it starts. Without any, it sees nothing. */
  hostTrees?: readonly HostTree[];
  /** What a directory among them may hold. */
  hostTreeLimits?: Partial<TreeLimits>;
  /**
   * Refuse a directory with links that leave it or lead nowhere, sockets, FIFOs or devices in it; without this they are
   * left out.
   */
  hostTreeStrict?: boolean;
  /** Told, in one line each, what was left out of a directory. The line has names of files in it, one character a byte: any byte. */
  onNotice?: (line: string) => void;
  /**
   * Files that the loader finds in the place of the guest's, or (null) doesn't find, on the device that is booted from unless
   * a path names another one. Nothing is written anywhere. Of several layers later ones win.
   */
  overlay?: Overlay;
  /** RAM in bytes; default 256 MiB. */
  memory?: number | MemorySize;
  /** The guest's memory map; without it the loader makes one from the sizes. */
  map?: readonly MapEntry[];
  /** `name=value`, one character a byte, in the order the loader asks for them: a later duplicate wins. */
  env?: readonly string[];
  /**
   * The device to boot from, as the loader writes it: `disk0p2:`, `zfs:pool/ROOT/name:`. Without it the loader chooses, and a ZFS
   * pool, if there is one, comes before anything else. One that isn't there ends the session with an OptionError.
   */
  currdev?: string;
  /** Takes the output and has the keys; without one there are none. */
  console?: Console;
  /** The flavour to start with; the guest may ask for another one. */
  start?: Flavour;
  /** The one flavour to use; the guest may not change it. */
  loader?: Flavour;
  /** Version of the userboot interface; below 5 the guest's choice of interpreter is not looked for. */
  interfaceVersion?: 3 | 4 | 5;
  /** Whose loader is emulated: that of FreeBSD 12.1 and before, 13, 14, or 15 and 16. Default: `auto`, what the guest is. */
  profile?: Generation | "auto";
  /** The session's time: the real one (default), one that moves only when somebody waits, or the caller's. */
  clock?: "real" | "virtual" | Clock;
  /**
   * Decides in which order Lua's `pairs` lists the string keys of a table: any whole number below 2^32, 0 unless given.
   * The same seed gives the same order; FreeBSD's loader has another one each time it runs.
   */
  hashSeed?: number;
  /** What the session may use up; `DEFAULT_LIMITS` hold where nothing is said. */
  limits?: Partial<Limits>;
  /** Count waiting for keys against `limits.wallMs`. */
  waitCounts?: boolean;
  /**
   * Ends the session; `boot` then rejects with an AbortedError. With the isolation "none" it is looked at before, and while the
   * session waits in an engine that can suspend it.
   */
  signal?: AbortSignal;
  /** Told now and then how much was read. */
  onProgress?: (progress: Progress) => void;
  /** Add SHA-256 digests to the result's memory ranges (costs time). */
  digests?: boolean;
  /** What the operator decides while the guest's loader runs. */
  hooks?: BootHooks;
  /** List and hash every file that is used (`result.measurements`). */
  measure?: boolean;
  /**
   * Where the session runs: in a thread of its own (default), in a process of its own (Node), or in the calling thread,
   * which is then blocked, in an engine that can suspend it not while it waits. SECURITY.md says what each keeps a guest from that has broken out of the module.
   */
  isolation?: Isolation;
  /** Where this package's modules and workers are, when that isn't beside its program. Not for the isolation "process". */
  assets?: Assets;
  /** What holds a process besides its limits: bubblewrap where it works (`auto`, default), always, or never. */
  confine?: Confine;
}

/** How far a session is. */
export interface Progress {
  /** Bytes read from disks. */
  diskBytes: number;
  /** Reads of disks. */
  diskCalls: number;
  /** Bytes of the file that is being loaded into guest memory right now. */
  fileBytes: number;
  /** How many of them are there. */
  fileDone: number;
  /** Before the guest starts: bytes of a compressed image. */
  unpackedSize?: number;
  /** How many of them have been read to unpack it. */
  unpackedDone?: number;
}

/** What `preload` takes. */
export interface PreloadOptions {
  /** Those that boots will be given. */
  assets?: Assets;
  /** All of them unless said. */
  flavours?: readonly Flavour[];
}

/** A number of 64 bits; whether it is one is looked at later. */
const ADDRESS: Wanted = {
  what: "a number or a bigint",
  is: (value) => typeof value === "number" || typeof value === "bigint",
};

/** Files; what they are is looked at by those who take them in. */
const FILES: Wanted = {
  what: "files by name, or a directory's path or handle",
  is: (files) => typeof files === "string" || (typeof files === "object" && files !== null),
};

/** What each option of `boot` must be. */
export const BOOT_OPTIONS = {
  disks: listOf("disks"),
  hostTrees: listOf("trees", FILES),
  hostTreeLimits: OBJECT,
  hostTreeStrict: FLAG,
  onNotice: FUNCTION,
  overlay: FILES,
  memory: {
    what: "a number of bytes, or { low, high }",
    is: (memory) => typeof memory === "number" || isPlain(memory),
    fields: { low: NUMBER, high: NUMBER } satisfies Record<keyof MemorySize, Wanted>,
  },
  map: listOf("entries", {
    what: "an object with `base`, `length` and `type`",
    is: (entry) => isPlain(entry) && "type" in entry,
    fields: { base: ADDRESS, length: ADDRESS, type: NUMBER } satisfies Record<keyof MapEntry, Wanted>,
  }),
  env: listOf("strings", TEXT),
  currdev: TEXT,
  console: { what: "an object with `write`", is: (console) => hasMethods(console, "write") },
  start: TEXT,
  loader: TEXT,
  interfaceVersion: NUMBER,
  profile: { what: 'a number or "auto"', is: (profile) => typeof profile === "number" || profile === "auto" },
  clock: {
    what: '"real", "virtual" or an object with `now` and `sleep`',
    is: (clock) => clock === "real" || clock === "virtual" || hasMethods(clock, "now", "sleep"),
  },
  hashSeed: NUMBER,
  limits: OBJECT,
  waitCounts: FLAG,
  signal: SIGNAL,
  onProgress: FUNCTION,
  digests: FLAG,
  hooks: {
    ...OBJECT,
    fields: {
      onEnvironment: FUNCTION,
      onSetenv: FUNCTION,
      onFile: FUNCTION,
      onKernel: FUNCTION,
      onExec: FUNCTION,
      automation: listOf("rules", OBJECT),
    } satisfies Record<keyof BootHooks, Wanted>,
    // It may have a state of its own.
    mistaken: (name) => name.startsWith("on"),
  },
  measure: FLAG,
  isolation: TEXT,
  assets: OBJECT,
  confine: TEXT,
} satisfies Record<keyof BootOptions, Wanted>;

/** What each property of a disk that is more than its image must be. */
const DISK_IMAGE = {
  image: { what: "an image", is: () => true },
  sectorSize: NUMBER,
  format: TEXT,
  files: listOf("images"),
} satisfies Record<keyof DiskImage, Wanted>;

/**
 * Looks for mistakes in `disks` that would else be taken for empty disks, or not be seen.
 * @throws OptionError
 */
export function checkDisks(disks: readonly DiskSource[], name = "disks"): void {
  for (const [i, disk] of disks.entries()) {
    const place = `${name}[${i}]`;
    if (!isPlain(disk) || !("image" in disk) || isDisk(disk)) {
      checkFilled(place, disk);
      continue;
    }
    checkValue(place, disk, { what: "a disk", is: isPlain, fields: DISK_IMAGE });
    checkFilled(`${place}.image`, disk.image);
    checkDisks(disk.files ?? [], `${place}.files`);
  }
}

/** Refuses an image without a byte; a Disk may say that it has none. */
function checkFilled(name: string, image: unknown): void {
  const size = isBlob(image) ? image.size : isBuffer(image) || ArrayBuffer.isView(image) ? image.byteLength : 1;
  if (size === 0 || image === "") throw new OptionError(`${name} is empty, not a disk image`);
}

/** The options of one session, complete. */
export interface SessionOptions {
  /** What is known of the images, by their numbers. */
  images: readonly ImageFacts[];
  /** Taken in by `boot`. */
  overlay: readonly OverlayEntry[];
  memory: MemorySize;
  map: readonly MapEntry[] | undefined;
  env: readonly Uint8Array[];
  currdev: Uint8Array | undefined;
  start: Flavour | undefined;
  loader: Flavour | undefined;
  interfaceVersion: number;
  /** Undefined: to be found. */
  profile: Generation | undefined;
  limits: Limits;
  waitCounts: boolean;
  hashSeed: number;
  /** Whether keys are a terminal's. */
  edits: boolean;
}

/** Checks `options` and fills in what is missing. */
export function sessionOptions(options: BootOptions): SessionOptions {
  return laidOut(options).session;
}

/** The same, and the images that it tells of. */
export function laidOut(options: BootOptions): { session: SessionOptions; sources: Source[] } {
  checkOptions("boot", options, BOOT_OPTIONS);
  const { disks = [] } = options;
  checkDisks(disks);
  const { images, sources } = layOut(disks);
  return { session: settled(options, images), sources };
}

function settled(options: BootOptions, images: readonly ImageFacts[]): SessionOptions {
  const { map, interfaceVersion = 5, start, loader } = options;
  if (![3, 4, 5].includes(interfaceVersion))
    throw new OptionError(`interface version ${interfaceVersion} is not 3, 4 or 5`);
  for (const flavour of [start, loader]) {
    if (flavour !== undefined && !isFlavour(flavour)) throw new OptionError(`unknown interpreter "${flavour}"`);
  }
  const { isolation = "thread", confine } = options;
  if (!ISOLATIONS.includes(isolation)) {
    throw new OptionError(`unknown isolation "${isolation}" (there are ${ISOLATIONS.join(", ")})`);
  }
  if (confine !== undefined && !CONFINES.includes(confine)) {
    throw new OptionError(`unknown "confine": "${confine}" (there are ${CONFINES.join(", ")})`);
  }
  if (confine !== undefined && isolation !== "process") {
    throw new OptionError(`"confine" goes with the isolation "process", not "${isolation}"`);
  }
  if (options.assets !== undefined) {
    if (isolation === "process") throw new OptionError('"assets" go with other isolations than "process"');
    checkAssets(options.assets);
  }
  return {
    images,
    overlay: [],
    memory: memorySize(options.memory ?? 256 * 1024 * 1024),
    map: map?.map(checkMapEntry),
    env: environmentEntries(givenEnvironment(options)),
    currdev: options.currdev === undefined ? undefined : deviceBytes(options.currdev),
    start,
    loader,
    interfaceVersion,
    profile: wantedProfile(options.profile ?? "auto"),
    limits: sessionLimits(options.limits ?? {}),
    waitCounts: options.waitCounts ?? false,
    hashSeed: checkSeed(options.hashSeed ?? 0),
    edits: options.console?.edits ?? options.console?.connect !== undefined,
  };
}

/** What the guest finds in its environment when it starts: the console's size, and what the caller gives. */
export function givenEnvironment({ console, env = [] }: BootOptions): string[] {
  if (console?.size === undefined) return [...env];
  const { columns, rows } = console.size;
  for (const count of [columns, rows]) {
    if (!Number.isInteger(count) || count < 1 || count > CONSOLE_SIZE_MAX) {
      throw new OptionError(
        `console size ${shown(columns)} by ${shown(rows)} is not between 1 and ${CONSOLE_SIZE_MAX}`,
      );
    }
  }
  return [`LINES=${rows}`, `COLUMNS=${columns}`, ...env];
}

/** How the trees of `options` are taken in. */
export function treeOptions({ hostTreeLimits = {}, hostTreeStrict = false, onNotice }: BootOptions): TreeOptions {
  const limits = checkLimits(hostTreeLimits, TREE_LIMITS, "host tree limit");
  return { limits, strict: hostTreeStrict, onNotice };
}

function checkSeed(seed: number): number {
  if (!Number.isInteger(seed) || seed < 0 || seed > 0xffffffff) throw new OptionError(`bad hash seed: ${seed}`);
  return seed;
}

/** A size in bytes split where the hole below 4 GiB begins. */
function memorySize(memory: number | MemorySize): MemorySize {
  const size =
    typeof memory === "number"
      ? { low: Math.min(memory, LOW_MAX), high: Math.max(0, memory - LOW_MAX) }
      : { low: memory.low, high: memory.high };
  if (!Number.isSafeInteger(size.low) || size.low <= 0 || size.low > LOW_MAX) {
    throw new OptionError(`low memory of ${size.low} bytes is not between 1 and ${LOW_MAX}`);
  }
  if (!Number.isSafeInteger(size.high) || size.high < 0) throw new OptionError(`bad size of high memory: ${size.high}`);
  return size;
}

function checkMapEntry(entry: MapEntry): MapEntry {
  for (const value of [entry.base, entry.length]) {
    const fits =
      typeof value === "bigint" ? value >= 0n && value < 1n << 64n : Number.isSafeInteger(value) && value >= 0;
    if (!fits) throw new OptionError(`bad memory map entry: ${value}`);
  }
  return { base: entry.base, length: entry.length, type: entry.type >>> 0 };
}

/** Entries `name=value` as bytes. */
export function environmentEntries(entries: readonly string[]): Uint8Array[] {
  return entries.map(environmentBytes);
}

/** The name of a device as bytes. */
function deviceBytes(name: string): Uint8Array {
  if (name.length > DEVICE_NAME_MAX || !/^[a-z]+[0-9]*[!-~]*:$/.test(name)) {
    throw new OptionError(`currdev ${JSON.stringify(name)} is no device: "disk0p2:" or "zfs:pool/name:" would be one`);
  }
  return Uint8Array.from(name, (char) => char.charCodeAt(0));
}

function environmentBytes(entry: string): Uint8Array {
  const bytes = new Uint8Array(entry.length);
  for (let i = 0; i < entry.length; i++) {
    const code = entry.charCodeAt(i);
    if (code > 0xff) throw new OptionError(`environment entry ${JSON.stringify(entry)}: characters must be bytes`);
    bytes[i] = code;
  }
  return bytes;
}

/** The limits of `defaults`, with those `given` in their place. */
export function checkLimits<T extends Record<keyof T, number>>(
  given: Partial<T>,
  defaults: Readonly<T>,
  kind: string,
): T {
  const limits: T = { ...defaults };
  for (const [name, value] of Object.entries(given) as [keyof T & string, T[keyof T & string] | undefined][]) {
    if (!Object.hasOwn(limits, name)) throw new OptionError(`unknown ${kind} "${name}"`);
    if (value === undefined) continue;
    if (!Number.isSafeInteger(value) || value < 0)
      throw new OptionError(`${kind} ${name}: ${shown(value)} is not a whole number`);
    limits[name] = value;
  }
  return limits;
}

function sessionLimits(given: Partial<Limits>): Limits {
  const limits = checkLimits(given, DEFAULT_LIMITS, "limit");
  if (limits.moduleMemory < MODULE_MEMORY_LEAST) {
    const least = `a module needs ${MODULE_MEMORY_LEAST} to start`;
    throw new OptionError(`limit moduleMemory: ${limits.moduleMemory} bytes are too few, ${least}`);
  }
  return limits;
}
