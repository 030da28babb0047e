// --machine and --save-machine: a set-up from a file joined with what the command line says, and what comes of that as a file.
// The file may be somebody else's: the images that it names have to be plain files. Imported only when one of them is given.

import { statSync } from "node:fs";
import { dirname, relative, resolve, sep } from "node:path";
import { explain } from "../disks/file.js";
import { OptionError } from "../errors.js";
import { textOf } from "../machine_file/bytes.js";
import {
  formatMachine,
  MACHINE_TEXT_MAX,
  type Machine,
  type MachineDisk,
  type MachineImage,
  parseMachine,
} from "../machine_file/machine.js";
import { machineContent, machineOptions } from "../machine_file/use.js";
import { DEFAULT_LIMITS } from "../options.js";
import { takeOverlay } from "../overlay.js";
import { parseMemory } from "../sizes.js";
import { parseEnvironment, parseProfile, parseSeed } from "./arguments.js";
import { type BootArguments, overlayOf } from "./boot_arguments.js";
import { readSmallFile } from "./files.js";
import { type GrantedArgument, type NamedImage, namedDisks, namedImage } from "./images.js";
import { checkPlace, writeFile } from "./output.js";

/**
 * `args` with what the file of --machine has to add.
 * @throws OptionError for a file that can't be read or is wrong, or names what is no file
 */
export async function withMachine<T extends BootArguments>(args: T): Promise<T> {
  const { machine: path } = args;
  if (path === undefined) return args;
  const text = textOf(await readSmallFile(path, MACHINE_TEXT_MAX, "machine file"));
  if (text === undefined) throw new OptionError(`machine file ${path}: is not text`);
  try {
    return joined(args, parseMachine(text), dirname(path));
  } catch (error) {
    throw error instanceof OptionError ? new OptionError(`machine file ${path}: ${error.message}`) : error;
  }
}

/** The command line wins: disks and single values are taken from there if they are there, variables and files are added. */
function joined<T extends BootArguments>(args: T, machine: Machine, directory: string): T {
  const { given } = args;
  const { disks = [], environment = {}, loader, start, hashSeed, currdev, defaultEnvironment } = machine;
  const { overlay } = machineOptions(machine);
  const single: Partial<BootArguments> = {
    ...(machine.memory !== undefined && { memory: `${machine.memory}b` }),
    ...(machine.target !== undefined && { target: machine.target }),
    ...(currdev !== undefined && { currdev }),
    ...(defaultEnvironment !== undefined && { defaultEnv: defaultEnvironment }),
    ...(machine.interface !== undefined && { interface: String(machine.interface) }),
    ...(machine.profile !== undefined && { profile: String(machine.profile) }),
    ...(machine.console !== undefined && { console: machine.console }),
    ...(machine.clock !== undefined && { clock: machine.clock }),
    ...(hashSeed !== undefined && { hashSeed: String(hashSeed) }),
    ...(!given("loader") && !given("start") && { ...(loader && { loader }), ...(start && { start }) }),
  };
  const taken = Object.fromEntries(Object.entries(single).filter(([name]) => !given(name)));
  return {
    ...args,
    ...taken,
    ...(args.disk.length === 0 && disksOf(disks, directory)),
    // Of two of one name the loader is given the first last, and keeps it.
    env: [...args.env, ...Object.entries(environment).map(([name, value]) => `${name}=${value}`)],
    ...(overlay !== undefined && { layers: [overlay as ReadonlyMap<string, Uint8Array | null>] }),
  };
}

/** `disks` as the command line would name them. */
function disksOf(
  disks: NonNullable<Machine["disks"]>,
  directory: string,
): Pick<BootArguments, "disk" | "backing" | "disksFrom"> {
  const backing: GrantedArgument[] = [];
  const disk = disks.map((one, at) => {
    const { files = [], ...image } = typeof one === "string" ? { image: one } : one;
    for (const file of files) {
      const named = typeof file === "string" ? { image: file } : file;
      backing.push({ disks: at + 1, file: textFor(named, directory) });
    }
    return textFor(image, directory);
  });
  return { disk, backing, disksFrom: "machine" };
}

/** An image as -d has it, by its full name, before which no word is taken for a format. */
function textFor({ image, format, sectorSize, readOnly }: Omit<MachineDisk, "files">, directory: string): string {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(image))
    throw new OptionError(`${image} is a URL, which pages open; the command line takes files (-d FILE)`);
  const path = resolve(directory, image);
  requireFile(path);
  return [
    `${format === undefined ? "" : `${format}:`}${path.replaceAll(",", ",,")}`,
    ...(sectorSize === undefined ? [] : [`sectorsize=${sectorSize}`]),
    ...(readOnly ? ["ro"] : []),
  ].join(",");
}

/** @throws OptionError for devices and whatever else is no plain file */
function requireFile(path: string): void {
  let isFile: boolean;
  try {
    isFile = statSync(path).isFile();
  } catch (error) {
    throw new OptionError(`${path}: ${explain(error)}`);
  }
  if (!isFile) throw new OptionError(`${path}: is no plain file; a set-up names only those (-d takes others)`);
}

/**
 * Writes the set-up of `args`, in which that of --machine is already, to the file of --save-machine.
 * @throws OptionError for what a set-up can't say, and a file that can't be written
 */
export async function saveMachine(args: BootArguments): Promise<void> {
  const { saveMachine: path, hostDir, hashSeed, loader, start, currdev } = args;
  if (path === undefined) return;
  if (hostDir.length > 0) throw new OptionError("--save-machine: a set-up has no directories of the host (-h)");
  checkPlace(path, "replaced");
  const directory = dirname(resolve(path));
  const machine: Machine = {
    version: 1,
    memory: parseMemory(args.memory),
    ...(args.target !== undefined && { target: args.target }),
    disks: savedDisks(args, directory),
    ...(currdev !== undefined && { currdev }),
    environment: environmentOf(args.env),
    defaultEnvironment: args.defaultEnv,
    overlay: await savedOverlay(args),
    ...(loader && { loader }),
    ...(start && { start }),
    interface: Number(args.interface) as 3 | 4 | 5,
    profile: parseProfile(args.profile),
    console: args.console,
    clock: args.clock,
    ...(hashSeed !== undefined && { hashSeed: parseSeed(hashSeed) }),
  };
  await writeFile(path, Buffer.from(formatMachine(machine)));
}

/** The first of one name counts. */
function environmentOf(env: readonly string[]): Record<string, string> {
  for (const entry of env) parseEnvironment(entry);
  const entries = env.map((entry) => [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)]);
  return Object.fromEntries(entries.reverse());
}

function savedDisks({ disk, backing }: BootArguments, directory: string): MachineDisk[] {
  const given = namedDisks(disk, backing);
  return disk.map((text, at) => {
    const { readOnly } = namedImage(text);
    const { sectorSize, files = [] } = given[at]!;
    return {
      ...savedImage(given[at] as NamedImage, directory),
      ...(sectorSize && { sectorSize }),
      ...(readOnly && { readOnly }),
      ...(files.length > 0 && { files: files.map((file) => savedImage(file as NamedImage, directory)) }),
    };
  });
}

/** An image by its name from `directory`, or its full one when it isn't below. */
function savedImage({ image, format }: NamedImage, directory: string): MachineImage {
  const path = resolve(image);
  requireFile(path);
  const below = relative(directory, path);
  const name = below.startsWith(`..${sep}`) ? path : below;
  return { image: name.replaceAll(sep, "/"), ...(format && { format }) };
}

async function savedOverlay(args: BootArguments): Promise<NonNullable<Machine["overlay"]>> {
  const entries = await takeOverlay(overlayOf(args), DEFAULT_LIMITS);
  return Object.fromEntries(
    entries
      .filter(({ content }) => content !== "directory")
      .map(({ path, content }) => {
        const name = textOf(Buffer.from(path, "latin1"));
        if (name === undefined)
          throw new OptionError(`--save-machine: the overlay's ${path} has a name that isn't UTF-8`);
        return [name, typeof content === "string" ? null : machineContent(content)];
      }),
  );
}
