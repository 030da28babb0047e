// What is behind the disks that the host has: images of the formats in conf.ts, by the word that the caller gave with each,
// and of the files granted with it. No format is guessed. A file that came without a word and looks like another format
// than raw isn't used: to read it as what it looks like would leave it to the guest, which writes what it likes, what it is.

import { cstringAt, stringAt } from "../../lib/bytes";
import { die } from "../../lib/fault";
import { askForWhole, WHOLE } from "../../lib/variant";
import { DIOCGIMAGE, DIOCGMEDIASIZE, diskioctl, FAULT_IMAGE } from "../../protocol";
import { Disk, OFFSET_LIMIT } from "../disk";

/** What DIOCGIMAGE stores: units of the first granted file and how many there are, and the word. */
const FIRST_AT: usize = 0;
const COUNT_AT: usize = 4;
const WORD_AT: usize = 8;
const WORD_SIZE: i32 = 16;
const answer: usize = memory.data(24, 8);

/** The word for files that are what they hold. */
const RAW = "raw";
/** Bytes of a file that magics are looked for in. */
const HEAD_SIZE: u32 = 512;
const head: usize = memory.data(512);

/** How disks are put into files: finds out what is behind one. */
export abstract class ImageFormat {
  constructor(
    /** What callers call it. */
    readonly word: string,
    /** What its files have at byte `magicAt`: one of these. */
    readonly magics: string[],
    readonly magicAt: usize = 0,
  ) {}

  /** What to do with a file of it that came without a word. */
  advice(): string {
    return `say so (${this.word}:FILE, in the API format: "${this.word}"), or raw:FILE to use its bytes as they are`;
  }

  /** The disk behind the image in `file`; what else that needs it takes from `files`. Null: there is no reader of it. */
  abstract open(file: Disk, files: ImageFiles): Disk | null;
}

/** A format that is known by sight only: nobody reads it, or the host unpacks it, and then there is no `hint` what to do. */
export class UnreadFormat extends ImageFormat {
  constructor(
    word: string,
    magics: string[],
    readonly hint: string = "",
    magicAt: usize = 0,
  ) {
    super(word, magics, magicAt);
  }

  advice(): string {
    if (this.hint.length == 0) return super.advice();
    return `${this.hint}, or say raw:FILE (in the API format: "raw") to use its bytes as they are`;
  }

  open(_file: Disk, _files: ImageFiles): Disk | null {
    return null;
  }
}

/** All formats. */
let formats: ImageFormat[] = [];

/** Takes over the table of conf.ts. */
export function useImageFormats(list: ImageFormat[]): void {
  formats = list;
}

/** A file that isn't a disk of the guest's, but that one is made of. */
class GrantedFile extends Disk {
  constructor(
    unit: i32,
    sectorSize: u32,
    size: u64,
    readonly title: string,
  ) {
    super(unit, sectorSize, size);
  }

  name(): string {
    return this.title;
  }
}

/** The files that the caller granted with a disk, to be taken in their order. */
export class ImageFiles {
  private taken: i32 = 0;

  constructor(
    readonly disk: Disk,
    readonly first: i32,
    readonly count: i32,
  ) {}

  /** How many are left. */
  get left(): i32 {
    return this.count - this.taken;
  }

  /** What is behind the next one, which is of the format `assumed` when the caller said nothing. Null: there is none left. */
  take(assumed: string): Disk | null {
    if (this.left <= 0) return null;
    const unit = this.first + this.taken++;
    const disk = this.disk;
    if (diskioctl(unit, DIOCGMEDIASIZE, answer) != 0) return null;
    const size = min(load<u64>(answer), OFFSET_LIMIT);
    const file = new GrantedFile(unit, disk.sectorSize, size, `${disk.name()} file ${this.taken}`);
    const word = askImage(unit) ? givenWord() : "";
    return openAs(file, word.length > 0 ? word : assumed, this);
  }
}

/** Asks the host how the image `unit` was given; the answer is in `answer`. False: by a host that has no words for that. */
function askImage(unit: i32): bool {
  return diskioctl(unit, DIOCGIMAGE, answer) == 0;
}

function givenWord(): string {
  return cstringAt(answer + WORD_AT, WORD_SIZE);
}

/** The disk that the host calls `unit`. */
export function openDisk(unit: i32, sectorSize: u32, size: u64): Disk {
  const file = new Disk(unit, sectorSize, size);
  const asked = askImage(unit);
  const files = new ImageFiles(file, load<i32>(answer, FIRST_AT), asked ? load<i32>(answer, COUNT_AT) : 0);
  const disk = openAs(file, asked ? givenWord() : "", files);
  if (files.left > 0) refuse(file, `${files.left} of ${files.count} files given with it are not used`);
  return disk;
}

function openAs(file: Disk, word: string, files: ImageFiles): Disk {
  if (word == RAW) return file;
  if (word.length == 0) {
    const format = formatOf(file);
    if (format === null) return file;
    if (!WHOLE) askForWhole();
    refuse(file, `looks like ${format.word == "xz" ? "an" : "a"} ${format.word} file: ${format.advice()}`);
  }
  if (!WHOLE) askForWhole();
  for (let i = 0; i < formats.length; i++) {
    if (formats[i].word != word) continue;
    const disk = formats[i].open(file, files);
    if (disk !== null) return disk;
  }
  refuse(file, `there is no reader of the format "${word}"`);
  return file;
}

/** The format that `file` looks like, null when that is none. */
function formatOf(file: Disk): ImageFormat | null {
  memory.fill(head, 0, HEAD_SIZE);
  // What can't be read looks like nothing, and is met again by whoever reads it next.
  if (file.read(0, head, HEAD_SIZE) < 0) return null;
  for (let i = 0; i < formats.length; i++) {
    const format = formats[i];
    for (let k = 0; k < format.magics.length; k++) {
      const magic = format.magics[k];
      if (stringAt(head + format.magicAt, magic.length) == magic) return format;
    }
  }
  return null;
}

/** Ends the session: the caller has to give `file` another way. */
function refuse(file: Disk, what: string): void {
  die(FAULT_IMAGE, `${file.name()}: ${what}`);
}
