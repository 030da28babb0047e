// `machine.json`: the set-up of a boot, written by one who tries things and read by another, who need not trust the first. It
// names images and has everything else in itself; what it can't say (policies, limits, trees of the host, where output goes) is
// the business of who boots. docs/machine.md has the format. For the command line and for pages.

import { type DiskImage, FORMAT_WORDS } from "../disks/source.js";
import { OptionError } from "../errors.js";
import { printableJson } from "../json_text.js";
import { FLAVOURS, type Flavour } from "../modules.js";
import { normalisedPath } from "../overlay.js";
import { GENERATIONS, type Generation } from "../profile.js";
import { printable } from "../text.js";
import { checkValue, FLAG, isPlain, listOf, OBJECT, shown, type Table, TEXT, type Wanted } from "../wanted.js";
import { base64Size, byteLength, byteText } from "./bytes.js";
import { atOnce, PART, type Parts } from "./parts.js";
import { ROOT_MACHINES, type RootMachine } from "./root_for.js";

/** An image by its name: a file's, relative to the set-up's own, or a URL for pages. */
export interface MachineImage {
  /** The name. */
  image: string;
  /** Its format, as `boot` takes it. */
  format?: NonNullable<DiskImage["format"]>;
}

/** A disk with what is to be known of it. */
export interface MachineDisk extends MachineImage {
  /** Bytes of a sector. */
  sectorSize?: 512 | 4096;
  /** Never to be written by the machine that runs. */
  readOnly?: boolean;
  /** The other files of the image, in their order. */
  files?: (string | MachineImage)[];
}

/** A file of the overlay: text, bytes, or null for what isn't to be found. */
export type MachineContent = string | { base64: string } | null;

/** The set-up of a boot. What isn't said is as without the file. */
export interface Machine {
  /** Of the format. */
  version: 1;
  /** RAM in bytes. */
  memory?: number;
  /** The machine that it is for: whose memory map the kernel is told. */
  target?: RootMachine;
  /** In their order: a name, or a name with what is to be known of it. */
  disks?: (string | MachineDisk)[];
  /** The device to boot from. */
  currdev?: string;
  /** Loader variables. */
  environment?: Record<string, string>;
  /** Whether the variables that `userboot boot` adds are wanted (`--no-default-env`); they are unless this says no. */
  defaultEnvironment?: boolean;
  /** Files that the loader finds in the place of the guest's, by path. */
  overlay?: Record<string, MachineContent>;
  /** The one interpreter to use. */
  loader?: Flavour;
  /** The interpreter to start with. */
  start?: Flavour;
  /** Version of the userboot interface. */
  interface?: 3 | 4 | 5;
  /** Whose loader is emulated. */
  profile?: Generation | "auto";
  /** The command line's `--console`. */
  console?: "stdio" | "none";
  /** The session's time. */
  clock?: "real" | "virtual";
  /** Order of Lua's `pairs`. */
  hashSeed?: number;
}

const MIB = 1024 * 1024;
/** Characters of a file. */
export const MACHINE_TEXT_MAX = 32 * MIB;
const MEMORY_MAX = 2 ** 46;
const DISKS_MAX = 32;
const FILES_MAX = 64;
const NAME_MAX = 4096;
const VARIABLES_MAX = 4096;
const VARIABLES_BYTES = MIB;
const OVERLAY_FILES = 4096;
/** Bytes of all files of an overlay. */
export const OVERLAY_BYTES = 16 * MIB;
// Of a file's frame, which is all outside of its texts: more than the largest set-up has.
const FRAME_MAX = MIB / 2;
const FRAME_TEXTS = 32_768;
const FRAME_DEPTH = 5;

/** One of a few values. */
const oneOf = (...values: readonly unknown[]): Wanted => ({
  what: `${values.length > 1 ? "one of " : ""}${values.map((value) => JSON.stringify(value)).join(", ")}`,
  is: (value) => values.includes(value),
});

/** A whole number in bounds. */
const whole = (what: string, least: number, most: number): Wanted => ({
  what: `a whole number${what} from ${least} to ${most}`,
  // What is written of -0 is 0.
  is: (value) =>
    Number.isSafeInteger(value) && !Object.is(value, -0) && (value as number) >= least && (value as number) <= most,
});

/** An array of at most so many. */
const fewOf = (most: number, what: string, items: Wanted): Wanted => ({
  ...listOf(`at most ${most} ${what}`, items),
  is: (value) => Array.isArray(value) && value.length <= most,
});

/** Halves of pairs, and what ends a C string. */
const UNFIT = /[\p{Cs}\0]/u;

const NAME: Wanted = {
  what: `a name of at most ${NAME_MAX} characters, without a NUL`,
  is: (value) => typeof value === "string" && value !== "" && value.length <= NAME_MAX && !UNFIT.test(value),
};

const IMAGE = { image: NAME, format: oneOf(...FORMAT_WORDS) } satisfies Record<keyof MachineImage, Wanted>;

const DISK = {
  ...IMAGE,
  sectorSize: oneOf(512, 4096),
  readOnly: FLAG,
  files: fewOf(FILES_MAX, "images", { what: "a name or an image", is: isNamed }),
} satisfies Record<keyof MachineDisk, Wanted>;

/** What is written as an object of names: no Map, whose names nobody would see. */
const NAMES: Wanted = { what: "an object", is: (value) => Object.prototype.toString.call(value) === "[object Object]" };

/** What each key must be; what is in those whose names are anybody's is looked at by itself. */
const MACHINE: Table = {
  version: oneOf(1),
  memory: whole(" of bytes", MIB, MEMORY_MAX),
  target: oneOf(...ROOT_MACHINES),
  disks: fewOf(DISKS_MAX, "disks", { what: "a name or a disk", is: isNamed }),
  currdev: TEXT,
  environment: NAMES,
  defaultEnvironment: FLAG,
  overlay: NAMES,
  loader: oneOf(...FLAVOURS),
  start: oneOf(...FLAVOURS),
  interface: oneOf(3, 4, 5),
  profile: oneOf("auto", ...GENERATIONS),
  console: oneOf("stdio", "none"),
  clock: oneOf("real", "virtual"),
  hashSeed: whole("", 0, 0xffffffff),
} satisfies Record<keyof Machine, Wanted>;

function isNamed(value: unknown): boolean {
  return typeof value === "string" || isPlain(value);
}

/**
 * The set-up that `given`, a file's text or what was read from one, says: checked, with its keys in their order, and its own.
 * @throws OptionError for the first thing that is wrong
 */
export function parseMachine(given: string | object): Machine {
  // What was read from a text is nobody else's, and of no other kinds than JSON's.
  return checkMachine(typeof given === "string" ? fromText(given) : JSON.parse(JSON.stringify(checkMachine(given))));
}

/** The set-up that `value` is, and shares: checked, with its keys in their order. */
export const checkMachine = (value: unknown): Machine => atOnce(checkParts(value));

/** `checkMachine` in parts. */
export function* checkParts(value: unknown): Parts<Machine> {
  checkValue("machine", value, OBJECT);
  // What another version may say isn't a mistake.
  checkValue("machine.version", (value as Partial<Machine>).version, MACHINE.version!);
  checkValue("machine", value, { ...OBJECT, fields: MACHINE });
  const machine = value as Machine;
  for (const [at, disk] of (machine.disks ?? []).entries()) checkDisk(`machine.disks[${at}]`, disk);
  if (machine.loader !== undefined && machine.start !== undefined)
    throw new OptionError("machine.start: there is machine.loader, too; one of them says the interpreter");
  checkEnvironment(machine.environment ?? {});
  yield* checkOverlay(machine.overlay ?? {});
  const ordered = Object.keys(MACHINE).map((key) => [key, machine[key as keyof Machine]]);
  return Object.fromEntries(ordered.filter(([, one]) => one !== undefined)) as unknown as Machine;
}

/**
 * `machine` as a file's text, which `parseMachine` takes.
 * @throws OptionError for the first thing that is wrong
 */
export function formatMachine(machine: Machine): string {
  const text = printableJson(checkMachine(machine));
  if (text.length > MACHINE_TEXT_MAX) throw tooLong(text.length);
  return text;
}

/** What JSON `text` has. Nothing is made of its texts. */
export function fromText(text: string): unknown {
  if (text.length > MACHINE_TEXT_MAX) throw tooLong(text.length);
  checkFrame(text);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new OptionError(`machine is no JSON: ${printable((error as SyntaxError).message)}`);
  }
}

const tooLong = (length: number) =>
  new OptionError(`machine has ${length} characters, more than the ${MACHINE_TEXT_MAX} that may be`);

/**
 * Holds what is outside of the texts of `text` to what a set-up can have. A parser needs seconds for megabytes of brackets, of which
 * a page knows nothing until they are over; texts are read as fast as they come.
 */
function checkFrame(text: string): void {
  let depth = 0;
  let frame = 0;
  let texts = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === '"') {
      texts++;
      at = textEnd(text, at);
    } else {
      frame++;
      if (char === "{" || char === "[") depth++;
      else if (char === "}" || char === "]") depth--;
    }
    if (depth > FRAME_DEPTH) throw new OptionError(`machine has more than ${FRAME_DEPTH} brackets in each other`);
    if (texts > FRAME_TEXTS) throw new OptionError(`machine has more than the ${FRAME_TEXTS} texts that may be`);
    if (frame > FRAME_MAX)
      throw new OptionError(`machine has more than the ${FRAME_MAX} characters that may be outside of its texts`);
  }
}

/** Where the text that begins at `start` has its other quote; the end of all when it has none. */
function textEnd(text: string, start: number): number {
  let end = start;
  for (;;) {
    end = text.indexOf('"', end + 1);
    if (end < 0) return text.length;
    let before = end;
    while (text[before - 1] === "\\") before--;
    if ((end - before) % 2 === 0) return end;
  }
}

function checkDisk(name: string, disk: string | MachineDisk): void {
  if (typeof disk === "string") {
    checkValue(name, disk, NAME);
    return;
  }
  checkImage(name, disk, DISK);
  for (const [at, file] of (disk.files ?? []).entries()) {
    if (typeof file === "string") checkValue(`${name}.files[${at}]`, file, NAME);
    else checkImage(`${name}.files[${at}]`, file, IMAGE);
  }
}

function checkImage(name: string, image: MachineImage, fields: Table): void {
  checkValue(name, image, { ...OBJECT, fields });
  checkValue(`${name}.image`, image.image, NAME);
}

function checkEnvironment(environment: object): void {
  const entries = Object.entries(environment);
  if (entries.length > VARIABLES_MAX) throw tooMuch("environment", `${entries.length} variables`, VARIABLES_MAX);
  let size = 0;
  for (const [name, value] of entries) {
    const place = `machine.environment: ${JSON.stringify(name.slice(0, SHOWN))}`;
    if (name === "" || name.includes("=") || UNFIT.test(name)) throw new OptionError(`${place} is no variable's name`);
    checkValue(place, value, { what: "a string without a NUL", is: isText });
    size += name.length + (value as string).length;
  }
  if (size > VARIABLES_BYTES) throw tooMuch("environment", `${size} characters`, VARIABLES_BYTES);
}

const isText = (value: unknown) => typeof value === "string" && !UNFIT.test(value);

function* checkOverlay(overlay: object): Parts<void> {
  const entries = Object.entries(overlay) as [string, unknown][];
  if (entries.length > OVERLAY_FILES) throw tooMuch("overlay", `${entries.length} files`, OVERLAY_FILES);
  let size = 0;
  let looked = 0;
  for (const [path, content] of entries) {
    const place = `machine.overlay: ${JSON.stringify(path.slice(0, SHOWN))}`;
    if (UNFIT.test(path)) throw new OptionError(`${place} is no path`);
    normalisedPath(byteText(path));
    size += yield* contentSize(place, content);
    if (size > looked + PART) {
      looked = size;
      yield;
    }
  }
  if (size > OVERLAY_BYTES) throw tooMuch("overlay", `${size} bytes`, OVERLAY_BYTES);
}

const BASE64: Wanted = { ...TEXT, what: "bytes in Base64" };

/** Bytes of a file of the overlay. */
function* contentSize(place: string, content: unknown): Parts<number> {
  if (content === null) return 0;
  if (typeof content === "string") {
    // A half of a pair is no character, and would become another one.
    if (!content.isWellFormed()) throw new OptionError(`${place} isn't text; { "base64": ... } takes bytes`);
    return byteLength(content);
  }
  checkValue(place, content, {
    what: 'text, { "base64": ... } or null',
    is: (value) => isPlain(value) && (value as { base64?: unknown }).base64 !== undefined,
    fields: { base64: BASE64 },
  });
  const { base64 } = content as { base64: string };
  const size = yield* base64Size(base64);
  if (size === undefined) throw new OptionError(`${place}.base64 must be ${BASE64.what}, not ${shown(base64)}`);
  return size;
}

const tooMuch = (key: string, what: string, most: number) =>
  new OptionError(`machine.${key} has ${what}, more than the ${most} that may be`);

/** Characters of a name in a message. */
const SHOWN = 64;
