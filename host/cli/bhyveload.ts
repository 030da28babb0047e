// `userboot bhyveload`: bhyveload's own command line (docs/bhyve.md has it option by option). The loader runs in the sandbox; the
// machine that it leaves goes to a program that makes a bhyve machine of it (handoff/bhyve/userboot-bhyve.c), which has been
// waiting for it since before the loader began: what is wrong with the virtual machine is known then, as with bhyveload.

import { closeSync, constants, openSync, type Stats, statSync } from "node:fs";
import { ReadStream, WriteStream } from "node:tty";
import { OptionError } from "../errors.js";
import { machineOf } from "../handoff/machine.js";
import { machineFileParts } from "../handoff/machine_file.js";
import { FLAVOURS, type Flavour } from "../modules.js";
import { parseMemory } from "../sizes.js";
import { bootGuest, type ConsolePlace, conclude } from "./boot.js";
import type { BootArguments } from "./boot_arguments.js";
import { complain } from "./complain.js";
import { takeOn } from "./ending.js";
import { guarded } from "./guarded.js";
import { Handoff } from "./handoff.js";
import { requireProgram } from "./programs.js";
import { BHYVELOAD, STATUS_REBOOT, STATUS_USAGE } from "./statuses.js";
import { stty } from "./stty.js";
import type { TerminalInput } from "./terminal.js";

/** The options that aren't bhyveload's are those of `boot`. */
export interface BhyveloadArguments
  extends Pick<BootArguments, "disk" | "env" | "memory" | "limit" | "isolation" | "confine" | "policy" | "grant"> {
  /** `stdio`, or a device. */
  console: string;
  hostDir?: string;
  /** Path of a userboot, of which the name counts. */
  loader?: string;
  wired?: boolean;
  coreDump?: boolean;
  profile: string;
  handoff: string;
}

/** The program that takes the machine. */
export const HANDOFF_PROGRAM = "userboot-bhyve";
/** Ours as bhyveload's. */
const STATUSES = new Map<number, number>([
  [STATUS_REBOOT, BHYVELOAD.reboot],
  [STATUS_USAGE, BHYVELOAD.usage],
]);
/** Memory is whole pages. */
const PAGE = 4096;
const KIB = 1024;

/** Boots as `args` say and gives the guest to the virtual machine `name`. The exit status is as bhyveload's. */
export async function bhyveloadCommand(name: string, args: BhyveloadArguments): Promise<number> {
  const status = await guarded(() => load(name, args));
  return STATUSES.get(status) ?? status;
}

async function load(name: string, args: BhyveloadArguments): Promise<number> {
  const memory = parseMemory(args.memory);
  if (memory % PAGE !== 0) throw new OptionError(`memory size '${args.memory}' is no multiple of 4 KiB`);
  const boot = bootArguments(args);
  for (const path of args.disk) checkReadable(path);
  const program = requireProgram(args.handoff, "docs/bhyve.md tells how it is made (--handoff PROGRAM names another)");
  await using place = new ConsoleDevice(args.console);
  const flags = [...(args.coreDump ? ["-C"] : []), ...(args.wired ? ["-S"] : [])];
  using handoff = new Handoff(program, [...flags, "-m", `${memory / KIB}k`, "--", name]);
  const result = await bootGuest(boot, { signal: handoff.gone }, place);
  if (handoff.ended !== undefined) return handoff.ended;
  if (result.reason !== "exec") return conclude(result);
  return await handoff.give(machineFileParts(machineOf(result)));
}

function bootArguments({ env, hostDir, loader, ...args }: BhyveloadArguments): BootArguments {
  const { memory, limit, isolation, grant, profile } = args;
  const flavour = loader === undefined ? undefined : flavourOf(loader);
  return {
    ...{ memory, limit, isolation, grant, profile },
    // A name is a name here, whatever is in it, and an image is what it is.
    disk: args.disk.map((path) => `raw:${path.replaceAll(",", ",,")}`),
    backing: [],
    env: env.filter(isVariable),
    defaultEnv: true,
    given: () => false,
    console: "stdio",
    charset: "raw",
    interface: "5",
    hostDir: hostDir === undefined ? [] : [hostDir],
    hostDirLimit: [],
    overlay: [],
    overlayWithout: [],
    clock: "real",
    ...(flavour === undefined ? {} : { loader: flavour }),
    ...(args.confine === undefined ? {} : { confine: args.confine }),
    ...(args.policy === undefined ? {} : { policy: args.policy }),
  };
}

/** The loader passes over others. */
function isVariable(text: string): boolean {
  const is = /^[^=]+=/.test(text);
  if (!is) complain(`-e ${text}: no NAME=VALUE, passed over`);
  return is;
}

/**
 * The interpreter that a userboot has by its name; none for the one that is there by default, which leaves it to the guest.
 * @throws OptionError
 */
function flavourOf(path: string): Flavour | undefined {
  const name = path.slice(path.lastIndexOf("/") + 1).replace(/\.so$/, "");
  if (name === "userboot") return undefined;
  const flavour = FLAVOURS.find((one) => name === one || name === `userboot_${one}`);
  if (flavour === undefined) {
    const known = FLAVOURS.map((one) => `userboot_${one}.so`).join(", ");
    throw new OptionError(`-l ${path}: no such loader here (there are ${known}, userboot.so)`);
  }
  return flavour;
}

function checkReadable(path: string): void {
  try {
    closeSync(openSync(path, constants.O_RDONLY | constants.O_NONBLOCK));
  } catch (error) {
    throw unopened(path, error);
  }
}

function unopened(path: string, error: unknown): OptionError {
  return new OptionError(`${path} can't be opened (${(error as NodeJS.ErrnoException).code})`);
}

/** How long output may take that nobody has read when all is over. */
const FLUSH_MS = 1000;

/** A console that is a device, such as one side of an nmdm(4) pair; `stdio` is none. It is left as it was found. */
class ConsoleDevice implements ConsolePlace, AsyncDisposable {
  // The guest gets what bhyveload's gets.
  readonly tellsSize = false;
  readonly input?: TerminalInput;
  readonly output?: NodeJS.WriteStream;
  #restore = () => {};

  /** @throws OptionError when it can't be opened, or is something else */
  constructor(path: string) {
    if (path === "stdio") return;
    let status: Stats;
    const fds: number[] = [];
    try {
      status = statSync(path);
      if (!status.isCharacterDevice()) throw new OptionError(`${path} is no terminal`);
      const mode = constants.O_RDWR | constants.O_NONBLOCK | constants.O_NOCTTY;
      for (const _ of ["input", "output"]) fds.push(openSync(path, mode));
    } catch (error) {
      throw error instanceof OptionError ? error : unopened(path, error);
    }
    const [input, output] = fds as [number, number];
    const settings = stty(input, "-g");
    if (settings === undefined) {
      for (const fd of fds) closeSync(fd);
      throw new OptionError(`${path} is no terminal`);
    }
    // Whether somebody is on the other side doesn't matter, and what the loader prints stays as it is.
    stty(input, "clocal", "-opost");
    this.input = new ReadStream(input);
    this.output = new WriteStream(output);
    this.#restore = takeOn({
      clean: () => {
        this.input?.destroy();
        this.output?.destroy();
        const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK | constants.O_NOCTTY);
        stty(fd, settings);
        closeSync(fd);
      },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { output } = this;
    if (output !== undefined && output.writableLength > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, FLUSH_MS);
        output.end(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
    this.#restore();
  }
}
