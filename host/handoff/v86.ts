// i386 guests in v86, in Node and in browsers. v86 loads Multiboot images itself, with and without a BIOS;
// so a packed image is all it needs, in which the stub does what a BIOS would have done for screen and keyboard. Nothing of v86 is imported:
// the caller brings the emulator.

import { HandoffError } from "../errors.js";
import { type Entered, machineOf } from "./machine.js";
import { packBare } from "./multiboot.js";

/** What `attach` uses of a v86 instance. */
export interface V86Like {
  /** Whether its CPU runs. */
  is_running(): boolean;
  /** Stops the CPU. */
  stop(): Promise<void> | void;
  /** Lets it go on. */
  run(): Promise<void> | void;
  /** Resets the machine. */
  restart(): void;
  /** Its inside, where Multiboot images are loaded. */
  v86: { cpu: { load_multiboot(image: ArrayBuffer): void } };
}

/** Options for v86's constructor. */
export interface V86Options {
  /** Bytes of memory. */
  memory_size: number;
  /** The packed guest. */
  multiboot: { buffer: ArrayBuffer };
  /** The first disk. */
  hda?: { buffer: ArrayBuffer };
  /** The second disk. */
  hdb?: { buffer: ArrayBuffer };
}

/** Options with which a new v86 starts the guest of `result`; to be joined with those for its BIOS, screen and so on. */
export function v86Options(
  result: Entered & { guestMemory: { low: number } },
  disks: readonly ArrayBuffer[] = [],
): V86Options {
  const [hda, hdb, ...more] = disks;
  if (more.length > 0) throw new HandoffError(`v86 has room for two disks, not for ${disks.length}`);
  return {
    memory_size: result.guestMemory.low,
    multiboot: { buffer: image(result) },
    ...(hda ? { hda: { buffer: hda } } : {}),
    ...(hdb ? { hdb: { buffer: hdb } } : {}),
  };
}

/** Makes `emulator`, which has at least the guest's memory, go on as the guest of `result`. Its disks stay. */
export async function attach(emulator: V86Like, result: Entered): Promise<void> {
  const buffer = image(result);
  if (emulator.is_running()) await emulator.stop();
  // Loading alone would leave a halted CPU halted.
  emulator.restart();
  emulator.v86.cpu.load_multiboot(buffer);
  await emulator.run();
}

function image(result: Entered): ArrayBuffer {
  if (result.arch === "amd64") throw new HandoffError("v86 runs i386 guests only, this one is amd64");
  return packBare(machineOf(result)).buffer;
}
