// `userboot run`: boots the loader in the terminal, then gives the terminal to a virtual machine monitor that goes on
// where the loader ended. When the guest reboots, it starts over, as bhyveload's callers do. docs/operating.md has the
// exit statuses.

import { closeSync, constants, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type DiskImage, describeSource } from "../disks/source.js";
import { HandoffError, OptionError } from "../errors.js";
import { memoryMap } from "../handoff/maps.js";
import { pack } from "../handoff/pack.js";
import type { Accelerator, Monitor, Vmm } from "../handoff/vmm.js";
import { type VmmName, vmmNamed } from "../handoff/vmms.js";
import { quoted } from "../handoff/words.js";
import { printableJson } from "../json_text.js";
import { DEFAULT_LIMITS } from "../options.js";
import { parseMemory } from "../sizes.js";
import { isPrintable } from "../text.js";
import { parseCount, parseLimits } from "./arguments.js";
import { bootGuest, conclude } from "./boot.js";
import type { BootArguments } from "./boot_arguments.js";
import { complain } from "./complain.js";
import { takeOn } from "./ending.js";
import { guarded } from "./guarded.js";
import { namedDisks, namedImage } from "./images.js";
import { isLogging, log } from "./log.js";
import { writeFile } from "./output.js";
import { requireProgram } from "./programs.js";
import { ProgressBar } from "./progress.js";
import { type MachineEnd, runMachine } from "./run_machine.js";
import { LOOP_MS, Reboots } from "./run_reboots.js";
import { settled } from "./settled.js";
import { STATUS_FAILED, STATUS_REBOOT } from "./statuses.js";

/** What `userboot run` takes beside what a boot does. */
export interface RunArguments extends BootArguments {
  vmm: VmmName;
  /** What executes the guest's code; `auto` is KVM where it works. */
  accel: Accelerator | "auto";
  /** Let the guest's writes reach the disk images. */
  write?: boolean;
  /** Whether a guest that reboots is booted again, and how often in a row. */
  reboot: boolean;
  maxReboots: string;
  /** Tell how the monitor would be started, for a shell, as JSON, or by its own configuration, and boot nothing. */
  dryRun?: boolean;
  printJson?: boolean;
  printConfig?: boolean;
  /** The packed guest of that. */
  image: string;
}

/** Files of a guest are its owner's. */
const PRIVATE = 0o600;
const KVM = "/dev/kvm";
const MINUTE_MS = 60_000;

/** What stays the same over all passes of a guest, but for the accelerator. */
interface Runner {
  args: RunArguments;
  vmm: Vmm;
  program: string;
  memory: number;
  /** The user's arguments for the monitor. */
  extra: readonly string[];
  /** Undefined when `extra` has it. TCG from when KVM failed. */
  accelerator: Accelerator | undefined;
  /** The disks, with what is compressed unpacked, as the loader takes them. */
  disks: readonly DiskImage[];
}

/**
 * Boots as `asked` says and runs the guest, again whenever it reboots. `extra` follows the monitor's own arguments; the
 * exit status is the monitor's, unless it tells how the guest ended.
 */
export function runCommand(asked: RunArguments, extra: readonly string[]): Promise<number> {
  return guarded(async () => {
    const args = await settled(asked);
    const vmm = vmmNamed(args.vmm);
    checkDisks(args);
    if (args.dryRun || args.printJson || args.printConfig) return tell(args, extra, vmm);
    if (!("watch" in vmm)) {
      const ways = "--dry-run, --print-json and --print-config tell how it is started";
      throw new OptionError(`--vmm ${args.vmm}: ${vmm.program} isn't started by this program; ${ways}`);
    }
    if (isLogging() && args.json)
      throw new OptionError("--log json: with --json the guest's console would be on stderr, too");
    const program = requireProgram(vmm.program, `it comes with the package ${vmm.package}`);
    const memory = parseMemory(args.memory);
    const most = parseCount("--max-reboots", args.maxReboots);
    const { unpackedBytes = DEFAULT_LIMITS.unpackedBytes } = parseLimits(args.limit, DEFAULT_LIMITS, "wallMs=60000");
    const accelerator = chooseAccelerator(args.accel, extra);
    using unpacked = new UnpackedDisks();
    const disks = await unpacked.of(namedDisks(args.disk, args.backing), unpackedBytes);
    const runner: Runner = { args, vmm, program, memory, extra, accelerator, disks };
    const reboots = new Reboots(most);
    for (;;) {
      const began = performance.now();
      const status = await runOnce(runner);
      if (status !== STATUS_REBOOT || !args.reboot) return status;
      if (!reboots.allow(performance.now() - began)) return looping(most);
      if (args.verbose && !isLogging()) complain("the guest reboots");
      log("reboot");
    }
  });
}

/** Prints how the monitor would be started, with a guest that `pack` has written. */
function tell(args: RunArguments, extra: readonly string[], vmm: Monitor): number {
  const compressed = args.disk.find((text) => describeSource(namedImage(text), text)?.compression !== undefined);
  if (compressed !== undefined) throw new OptionError(`${compressed}: a machine has unpacked disks only`);
  const memory = parseMemory(args.memory);
  const disks = namedDisks(args.disk, args.backing).map(({ image }) => image as string);
  const { image } = args;
  const guest = { image, memory, disks, writable: args.write === true };
  if (args.printConfig) {
    if (vmm.configuration === undefined)
      throw new OptionError(`--print-config: ${vmm.program} has its command line only (--dry-run)`);
    if (extra.length > 0) throw new OptionError(`--print-config: ${extra[0]} behind -- is for the command line`);
    // Who reads it may be anywhere.
    const placed = { ...guest, image: resolve(image), disks: disks.map((path) => resolve(path)) };
    process.stdout.write(printableJson(vmm.configuration(placed)));
    return 0;
  }
  if (vmm.kvmOnly && args.accel === "tcg") throw new OptionError(`--accel tcg: ${vmm.program} has KVM only`);
  const accelerator = vmm.kvmOnly ? undefined : chooseAccelerator(args.accel, extra);
  const command = vmm.command({ ...guest, accelerator, followed: false });
  const { program, format, map } = vmm;
  const told = { program, arguments: [...command, ...extra], image: { path: image, format, map }, memory, disks };
  if (args.printJson) {
    process.stdout.write(printableJson(told));
    return 0;
  }
  const odd = told.arguments.find((word) => !isPrintable(word));
  if (odd !== undefined)
    throw new OptionError(`--dry-run: ${odd} has characters that can't be shown on a line (--print-json has them)`);
  process.stdout.write(`${[program, ...told.arguments].map(quoted).join(" ")}\n`);
  return 0;
}

/** @throws OptionError for a disk that a machine can't have, or not as --write says */
function checkDisks({ disk, disksFrom, write }: RunArguments): void {
  // A set-up may be somebody else's, and name any file of the user's.
  if (write && disksFrom !== undefined)
    throw new OptionError("--write: disks that are to be written are named on the command line (-d), not by --machine");
  for (const text of disk) {
    const named = namedImage(text);
    const { image, readOnly, sectorSize } = named;
    const { compression, format } = describeSource(named, text) ?? {};
    if (format !== undefined && format !== "raw") {
      // The monitor would follow names in the image, which the guest writes.
      throw new OptionError(`${text}: run gives a machine raw images only (qemu-img convert -O raw makes one)`);
    }
    if (sectorSize === 4096)
      throw new OptionError(`${image}: run gives a machine disks with sectors of 512 bytes only`);
    if (write && compression !== undefined) throw new OptionError(`--write: ${image} is compressed`);
    if (write && readOnly) throw new OptionError(`--write: ${image} was said to be read only (ro)`);
  }
  if (write && disk.length === 0) throw new OptionError("--write: there is no disk that could be written");
}

/** What compressed disks hold, in files that the loader and the machine read in every pass. */
class UnpackedDisks implements Disposable {
  #remove = () => {};

  /** `disks` with those that are compressed unpacked to at most `limit` bytes. */
  async of(disks: readonly DiskImage[], limit: number): Promise<DiskImage[]> {
    const packed = disks.filter((disk) => describeSource(disk, disk.image as string)?.compression !== undefined);
    if (packed.length === 0) return [...disks];
    const { unpackImageTo } = await import("../disks/unpack.js");
    const directory = temporaryDirectory();
    this.#remove = takeOn({ clean: () => rmSync(directory, { recursive: true, force: true }) });
    const bar = new ProgressBar(process.stderr);
    const ready: DiskImage[] = [];
    for (const [index, disk] of disks.entries()) {
      const { format: _word, ...rest } = disk;
      const { compression } = describeSource(disk, disk.image as string) ?? {};
      const path = join(directory, `disk${index}`);
      if (compression !== undefined) {
        const onProgress = (done: number, size: number) => bar.unpacking(done, size);
        await unpackImageTo(disk.image as string, compression, path, { limit, onProgress });
      }
      ready.push(compression === undefined ? disk : { ...rest, image: path });
    }
    bar.clear();
    return ready;
  }

  [Symbol.dispose](): void {
    this.#remove();
  }
}

function looping(most: number): number {
  const often = most === 0 ? "once," : `${most + 1} times in a row, each time`;
  complain(`the guest has rebooted ${often} within ${LOOP_MS / MINUTE_MS} minutes, and is ended (--max-reboots)`);
  return STATUS_FAILED;
}

/** One pass: the loader, then the machine. STATUS_REBOOT stands for a reboot of either. */
async function runOnce(runner: Runner): Promise<number> {
  const { args, vmm, memory } = runner;
  const map = memoryMap(vmm.map, memory);
  const result = await bootGuest(args, { map, disks: runner.disks });
  if (result.reason !== "exec") return conclude(result);
  const packedGuest = pack(result, vmm.format, map);
  let made: string | undefined;
  const remove = takeOn({ clean: () => made && rmSync(made, { recursive: true, force: true }) });
  try {
    const directory = temporaryDirectory();
    made = directory;
    const image = join(directory, "guest");
    await writeFile(image, packedGuest, PRIVATE);
    const disks = runner.disks.map(({ image }) => image as string);
    return statusOf(await runPacked(runner, image, disks));
  } finally {
    remove();
  }
}

/** Runs a packed guest, with TCG when KVM turns out not to work. */
async function runPacked(runner: Runner, image: string, disks: readonly string[]): Promise<MachineEnd> {
  const { args, vmm, program, memory, extra, accelerator } = runner;
  const command = vmm.command({ image, memory, disks, writable: args.write === true, accelerator, followed: true });
  log("machine", { program, arguments: [...command, ...extra] });
  const ended = await runMachine({
    vmm,
    program,
    args: [...command, ...extra],
    held: extra.includes("-S"),
    // The result has stdout to itself.
    console: args.json ? "stderr" : "stdout",
    kvm: accelerator === "kvm",
  });
  if (ended.kvmFault === undefined) return ended;
  if (args.accel === "kvm") throw new HandoffError(`KVM doesn't work here (${ended.kvmFault})`);
  complain(`KVM doesn't work here (${ended.kvmFault}); the guest runs without it (--accel tcg)`);
  runner.accelerator = "tcg";
  return runPacked(runner, image, disks);
}

/** The exit status after a machine. */
function statusOf({ end, status, signal }: MachineEnd): number {
  if (end === "reset") return STATUS_REBOOT;
  if (end === "broken") throw new HandoffError("the virtual machine stopped with an internal error");
  if (end === "panic") throw new HandoffError("the guest panicked");
  if (signal !== undefined) complain(`the virtual machine was ended by ${signal}`);
  return status;
}

/**
 * What executes the guest's code; undefined when the user's own arguments say it.
 * @throws OptionError when both do, HandoffError when there is no KVM and nothing else will do
 */
function chooseAccelerator(accel: Accelerator | "auto", extra: readonly string[]): Accelerator | undefined {
  const own = extra.find((word) => /^--?(accel|enable-kvm)$|(^|,)accel=/.test(word));
  if (own !== undefined) {
    if (accel !== "auto") throw new OptionError(`--accel ${accel}: ${own} behind -- says what to use, too`);
    return undefined;
  }
  if (accel === "tcg") return accel;
  const fault = faultOf(KVM);
  if (fault === undefined) return "kvm";
  if (accel === "kvm") throw new HandoffError(`--accel kvm: ${KVM} can't be used (${fault})`);
  return "tcg";
}

/** Why a device can't be used. */
function faultOf(device: string): string | undefined {
  try {
    closeSync(openSync(device, constants.O_RDWR));
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
}

function temporaryDirectory(): string {
  try {
    return mkdtempSync(join(tmpdir(), "userboot-"));
  } catch (error) {
    throw new OptionError(`no file can be made in ${tmpdir()} (${(error as NodeJS.ErrnoException).code})`);
  }
}
