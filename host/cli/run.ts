// `userboot run`: boots the loader in the terminal, then gives the terminal to a virtual machine monitor
// that goes on where the loader ended. Its exit status is the monitor's.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { accessSync, constants, mkdtempSync, rmSync, statSync } from "node:fs";
import { constants as system, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { unpackFile } from "../disks/packed.js";
import { packingOf } from "../disks/unpacked.js";
import { HandoffError, OptionError } from "../errors.js";
import { memoryMap } from "../handoff/maps.js";
import { pack } from "../handoff/pack.js";
import type { Vmm } from "../handoff/vmm.js";
import { type VmmName, vmmNamed } from "../handoff/vmms.js";
import { DEFAULT_LIMITS } from "../options.js";
import { namedImage, parseLimits, parseMemory } from "./arguments.js";
import { type BootArguments, bootGuest, conclude, guarded } from "./boot.js";
import { takeOn } from "./ending.js";
import { writeFile } from "./output.js";

/** What `userboot run` takes beside what a boot does. */
export interface RunArguments extends BootArguments {
  vmm: VmmName;
  /** Let the guest's writes reach the disk images. */
  write?: boolean;
}

/** A process ended by a signal has this plus the signal's number as its status. */
const STATUS_SIGNALLED = 128;
/** Files of a guest are its owner's. */
const PRIVATE = 0o600;

/**
 * Boots as `args` say and runs the guest. `extra` follows the monitor's own arguments; the exit status is the
 * monitor's.
 */
export function runCommand(args: RunArguments, extra: readonly string[]): Promise<number> {
  return guarded(async () => {
    const vmm = vmmNamed(args.vmm);
    const program = requireProgram(vmm);
    const memory = parseMemory(args.memory);
    const packed = args.disk.find(packingOf);
    const formatted = args.disk.find((disk) => ![undefined, "raw"].includes(namedImage(disk).format));
    if (formatted !== undefined) {
      // The monitor would follow names in the image, which the guest writes.
      throw new OptionError(`${formatted}: run gives a machine raw images only (qemu-img convert -O raw makes one)`);
    }
    if (args.write && args.disk.length === 0) throw new OptionError("--write: there is no disk that could be written");
    if (args.write && packed !== undefined) throw new OptionError(`--write: ${packed} is compressed`);
    const result = await bootGuest(args, { map: memoryMap(vmm.map, memory) });
    if (result.reason !== "exec") return conclude(result);
    const packedGuest = pack(result, vmm.format);
    let made: string | undefined;
    const remove = takeOn({ clean: () => made && rmSync(made, { recursive: true, force: true }) });
    try {
      const directory = temporaryDirectory();
      made = directory;
      const image = join(directory, "guest");
      await writeFile(image, packedGuest, PRIVATE);
      const disks: string[] = [];
      const limit = { ...DEFAULT_LIMITS, ...parseLimits(args.limit, DEFAULT_LIMITS, "") }.unpackedBytes;
      for (const [index, disk] of args.disk.entries()) {
        disks.push(await plainImage(disk, join(directory, `disk${index}`), limit));
      }
      const guest = {
        image,
        memory,
        disks,
        writable: args.write === true,
        kvm: usable("/dev/kvm") && !extra.includes("-accel"),
      };
      return await ended(spawn(program, [...vmm.command(guest), ...extra], { stdio: "inherit" }));
    } finally {
      remove();
    }
  });
}

function temporaryDirectory(): string {
  try {
    return mkdtempSync(join(tmpdir(), "userboot-"));
  } catch (error) {
    throw new OptionError(`no file can be made in ${tmpdir()} (${(error as NodeJS.ErrnoException).code})`);
  }
}

/** The image at `path`, unpacked to `target` when it is compressed. */
async function plainImage(path: string, target: string, limit: number): Promise<string> {
  const image = namedImage(path).path;
  if (packingOf(image) === undefined) return image;
  await unpackFile(image, target, limit);
  return target;
}

/** Full path of the program. */
function requireProgram({ program: name, package: where }: Vmm): string {
  for (const directory of (process.env.PATH ?? "").split(delimiter)) {
    const path = join(directory, name);
    if (directory !== "" && isProgram(path)) return path;
  }
  throw new OptionError(`${name} is not installed; it comes with the package ${where}`);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function usable(device: string): boolean {
  try {
    accessSync(device, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function terminalSettings(): string | undefined {
  return process.stdin.isTTY ? stty("-g") : undefined;
}

/** What `stty` prints; undefined where there is none. */
function stty(argument: string): string | undefined {
  const { status, stdout } = spawnSync("stty", [argument], { stdio: ["inherit", "pipe", "ignore"], encoding: "utf8" });
  return status === 0 ? stdout.trim() : undefined;
}

/** Waits for the monitor, which is told to end when we are, and is ended when it doesn't. */
function ended(child: ChildProcess): Promise<number> {
  const settings = terminalSettings();
  const release = takeOn({
    end: (signal) => child.kill(signal),
    clean() {
      child.kill("SIGKILL");
      // A monitor that was ended leaves the terminal as it had it.
      if (settings !== undefined) stty(settings);
    },
  });
  return new Promise<number>((resolve, reject) => {
    child.once("error", (error) => reject(new HandoffError(`the virtual machine can't be started: ${error.message}`)));
    child.once("exit", (status, signal) => {
      resolve(status ?? STATUS_SIGNALLED + system.signals[signal!]);
    });
  }).finally(release);
}
