// `userboot run`: boots the loader in the terminal, then gives the terminal to a virtual machine monitor
// that goes on where the loader ended. Its exit status is the monitor's.

import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { HandoffError, OptionError } from "../errors.js";
import { memoryMap } from "../handoff/maps.js";
import { pack } from "../handoff/pack.js";
import { type Vmm, type VmmName, vmmNamed } from "../handoff/vmm.js";
import { parseMemory } from "./arguments.js";
import { type BootArguments, bootGuest, conclude, guarded } from "./boot.js";
import { openImage } from "./images.js";

export interface RunArguments extends BootArguments {
  vmm: VmmName;
  /** Let the guest's writes reach the disk images. */
  write?: boolean;
}

/** A process ended by a signal has this plus the signal's number as its status. */
const STATUS_SIGNALLED = 128;
const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

export function runCommand(args: RunArguments, extra: readonly string[]): Promise<number> {
  return guarded(async () => {
    const vmm = vmmNamed(args.vmm);
    const program = requireProgram(vmm);
    const memory = parseMemory(args.memory);
    const packed = args.disk.find((disk) => disk.endsWith(".gz"));
    if (args.write && packed !== undefined) throw new OptionError(`--write: ${packed} is compressed`);
    const result = await bootGuest(args, { map: memoryMap(vmm.map, memory) });
    if (result.reason !== "exec") return conclude(result);
    const directory = mkdtempSync(join(tmpdir(), "userboot-"));
    const remove = () => rmSync(directory, { recursive: true, force: true });
    process.once("exit", remove);
    try {
      const image = join(directory, "guest");
      writeFileSync(image, pack(result, vmm.format), { mode: 0o600 });
      const disks = args.disk.map((disk, index) => plainImage(disk, join(directory, `disk${index}`)));
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
      process.off("exit", remove);
    }
  });
}

/** The image at `path`, unpacked to `target` when it is compressed. */
function plainImage(path: string, target: string): string {
  const image = openImage(path);
  if (typeof image === "string") return image;
  writeFileSync(target, image as Uint8Array, { mode: 0o600 });
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

/** Waits for the monitor, which gets the terminal's signals itself; passes those on that only we get. */
function ended(child: ChildProcess): Promise<number> {
  const pass = (signal: NodeJS.Signals) => {
    if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
  };
  const names = Object.keys(SIGNALS) as (keyof typeof SIGNALS)[];
  for (const name of names) process.on(name, pass);
  return new Promise<number>((resolve, reject) => {
    child.once("error", (error) => reject(new HandoffError(`the virtual machine can't be started: ${error.message}`)));
    child.once("exit", (status, signal) => {
      resolve(status ?? STATUS_SIGNALLED + (SIGNALS[signal as keyof typeof SIGNALS] ?? 0));
    });
  }).finally(() => {
    for (const name of names) process.off(name, pass);
  });
}
