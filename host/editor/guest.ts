// What the editor is about: the images that are open, what was found in them, the set-up of the next boot, and what came of the
// last one. It knows no elements; views listen to it. Images are read in the sandbox only: by inspections and boots in workers.

import { OptionError, UserbootError } from "../errors.js";
import { memoryMap } from "../handoff/maps.js";
import type { SystemInfo } from "../inspect/facts.js";
import { inspect } from "../inspect/inspect.js";
import type { Inspection } from "../inspect/inspection.js";
import {
  checkParts,
  fromText,
  type Machine,
  type MachineContent,
  type MachineDisk,
  parseMachine,
} from "../machine_file/machine.js";
import { inParts } from "../machine_file/parts.js";
import type { RootMachine } from "../machine_file/root_for.js";
import { optionParts } from "../machine_file/use.js";
import type { BootOptions } from "../options.js";
import type { BootResult } from "../result.js";
import { inFormat, type OpenImage, recognised, sourceOf } from "./images.js";

/** What is kept of the boot before the last one, to compare with. */
export interface Earlier {
  /** The kernel's environment. */
  environment: Readonly<Record<string, string>>;
  /** SHA-256 of the files by their names. */
  files: ReadonlyMap<string, string>;
}

/** What changed, for those who listen: the events of a `Guest`. */
export type GuestEvent = "disks" | "machine" | "result" | "busy";

const MIB = 1024 * 1024;
/** Entries of a directory: more than the usual, only the first are shown. */
const ENTRIES_MAX = 250_000;
/** Memory of a machine of which nothing is said. */
export const MEMORY_USUAL = 256 * MIB;
/** The file that most set-ups change. */
export const LOADER_CONF = "/boot/loader.conf";

/** Lets the page do other things between parts of what takes long. */
export const otherTasks = (): Promise<void> => new Promise((done) => setTimeout(done));

/** The images, the set-up and the results of one editor. */
export class Guest extends EventTarget {
  #images: readonly OpenImage[] = [];
  #inspection: Inspection | undefined;
  #opening: AbortController | undefined;
  #machine: Machine = { version: 1, memory: MEMORY_USUAL };
  /** What would be booted; undefined where nothing is. */
  system: SystemInfo | undefined;
  /** Why the images can't be looked at. */
  problem: Error | undefined;
  /** The last boot's result. */
  result: BootResult | undefined;
  /** The one before. */
  earlier: Earlier | undefined;
  /** What the last boot was given. */
  given: readonly string[] = [];

  /** The images, in the order of the disks. */
  get images(): readonly OpenImage[] {
    return this.#images;
  }

  /** The look into them. */
  get inspection(): Inspection | undefined {
    return this.#inspection;
  }

  /** Whether they are being opened. */
  get busy(): boolean {
    return this.#opening !== undefined;
  }

  /** The set-up, with the disks that are open. */
  get machine(): Machine {
    const disks = this.#images.map(({ name, format }): string | MachineDisk =>
      format === "raw" ? name : { image: name, format },
    );
    return {
      ...this.#machine,
      ...(this.system !== undefined && { target: this.target }),
      ...(disks.length > 0 && { disks }),
    };
  }

  /** The machine that boots are for: unless it was said, one that runs guests of this architecture from here. */
  get target(): RootMachine {
    return this.#machine.target ?? (this.system?.architecture === "i386" ? "v86" : "qemu");
  }

  set target(target: RootMachine) {
    this.change({ target });
  }

  /**
   * Opens `images` in the place of those that are open. A format that isn't raw is recognised by the sandbox.
   * Whatever is wrong is `problem` then.
   */
  async open(images: readonly OpenImage[]): Promise<void> {
    this.close();
    if (images.length === 0) this.#forget();
    const opening = new AbortController();
    this.#opening = opening;
    for (const { content } of this.#images)
      if (!(content instanceof Blob) && images.every((image) => image.content !== content)) content.close();
    this.#images = images;
    this.tell("busy");
    try {
      if (images.length > 0) await this.#look(opening.signal);
    } catch (error) {
      if (!opening.signal.aborted) this.problem = error instanceof Error ? error : new UserbootError(String(error));
    }
    if (opening.signal.aborted) return;
    this.#opening = undefined;
    this.tell("busy");
    this.tell("disks");
  }

  /** Ends what looks into the images. */
  close(): void {
    this.#opening?.abort();
    this.#opening = undefined;
    void this.#inspection?.close();
    this.#inspection = undefined;
    this.system = undefined;
    this.problem = undefined;
  }

  /** What was said and what came of it was another guest's. */
  #forget(): void {
    this.#machine = { version: 1, memory: MEMORY_USUAL };
    this.result?.release();
    this.result = undefined;
    this.given = [];
    this.earlier = undefined;
    this.tell("machine");
    this.tell("result");
  }

  async #look(signal: AbortSignal): Promise<void> {
    for (;;) {
      try {
        const inspection = await inspect({
          disks: this.#images.map(sourceOf),
          limits: { entries: ENTRIES_MAX },
          signal,
        });
        if (signal.aborted) return await inspection.close();
        this.#inspection = inspection;
        break;
      } catch (error) {
        const found = recognised(error, this.#images);
        if (found === undefined) throw error;
        const [disk, format] = found;
        const other = await inFormat(this.#images[disk]!, format, signal);
        this.#images = this.#images.with(disk, other);
      }
    }
    const system = this.#inspection.bootProblem === undefined ? await this.#inspection.system() : undefined;
    if (!signal.aborted) this.system = system;
  }

  /** Changes keys of the set-up; undefined takes one away. */
  change(changes: { [key in keyof Machine]?: Machine[key] | undefined }): void {
    const given = Object.entries({ version: 1, ...changes }).filter(([, value]) => value !== undefined);
    // What was there was looked at when it came: an overlay can be long.
    const checked = parseMachine(Object.fromEntries(given));
    const all = Object.entries({ ...this.#machine, ...changes, ...checked }).filter(([, value]) => value !== undefined);
    this.#machine = Object.fromEntries(all) as unknown as Machine;
    this.tell("machine");
  }

  /** A file of the overlay; undefined shows the image's own again. */
  lay(path: string, content: MachineContent | undefined): void {
    const { [path]: _before, ...others } = this.#machine.overlay ?? {};
    // Bytes in Base64 are the editor's own, and can be many.
    const looked = typeof content === "string" ? content : null;
    if (content !== undefined) parseMachine({ version: 1, overlay: { [path]: looked } });
    const overlay = { ...others, ...(content !== undefined && { [path]: content }) };
    this.#machine = { ...this.#machine, overlay };
    if (Object.keys(overlay).length === 0) delete this.#machine.overlay;
    this.tell("machine");
  }

  /** Loader variables in the set-up; undefined takes one away. */
  set(variables: Readonly<Record<string, string | undefined>>): void {
    const all = Object.entries({ ...this.#machine.environment, ...variables });
    const environment = Object.fromEntries(all.filter((entry): entry is [string, string] => entry[1] !== undefined));
    this.change({ environment: Object.keys(environment).length > 0 ? environment : undefined });
  }

  /**
   * Takes a whole set-up. Its disks are names: images that are open and have them are put in that order.
   * @throws OptionError for what is wrong in it, and for a disk that isn't open
   */
  async take(text: string | object): Promise<void> {
    const value = typeof text === "string" ? fromText(text) : structuredClone(text);
    await otherTasks();
    const { disks, ...rest } = await inParts(checkParts(value), otherTasks);
    await otherTasks();
    const wanted = disks?.map((disk) => (typeof disk === "string" ? { image: disk } : disk));
    const images = wanted?.map(({ image }) => {
      const name = image.slice(image.lastIndexOf("/") + 1);
      const open = this.#images.find((one) => one.name === image || one.name === name);
      if (open === undefined) throw new OptionError(`the set-up wants ${image}: open that image first`);
      return open;
    });
    this.#machine = { ...rest, memory: rest.memory ?? MEMORY_USUAL };
    this.tell("machine");
    if (images?.some((image, at) => image !== this.#images[at])) await this.open(images);
  }

  /**
   * What `boot` takes. The overlay is part of it.
   * @throws OptionError for a set-up that is none
   */
  async bootOptions(): Promise<BootOptions & Required<Pick<BootOptions, "disks" | "env" | "memory">>> {
    const parts = optionParts(this.#machine);
    const { memory = MEMORY_USUAL, env = [], ...options } = await inParts(parts, otherTasks);
    const size = typeof memory === "number" ? memory : memory.low + memory.high;
    return {
      ...options,
      disks: this.#images.map(sourceOf),
      memory,
      env,
      map: memoryMap(this.target, size),
      measure: true,
    };
  }

  /** A boot is over. */
  conclude(result: BootResult, given: readonly string[]): void {
    if (this.result !== undefined) {
      const { environment, measurements } = this.result;
      const files = (measurements?.files ?? []).map(({ device, path, sha256 }) => [device + path, sha256] as const);
      this.earlier = { environment, files: new Map(files) };
      this.result.release();
    }
    this.result = result;
    this.given = given;
    this.tell("result");
  }

  /** Says to views that something changed. */
  tell(what: GuestEvent): void {
    this.dispatchEvent(new Event(what));
  }
}
