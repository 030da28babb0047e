// What a virtual machine monitor is to us: what it needs to be given, its command line, and how it tells what becomes
// of the guest.

import type { MapProfile } from "./maps.js";
import type { PackFormat } from "./pack.js";

/** What executes the guest's code: the processor itself, or QEMU's translator. */
export type Accelerator = "kvm" | "tcg";

/** What a monitor's machine has. */
export interface MonitorGuest {
  /** Path of the packed guest. */
  image: string;
  /** RAM in bytes. */
  memory: number;
  /** Raw disk images. */
  disks: readonly string[];
  /** Whether the guest's writes reach the disk images. */
  writable: boolean;
}

/** What a VMM starts with. */
export interface VmmGuest extends MonitorGuest {
  /** Left to the user's own arguments when there is none. */
  accelerator: Accelerator | undefined;
  /** Whether it is started by this program, which then follows it over the control channel. */
  followed: boolean;
}

/** How a guest ended: it asked for a reset, was turned off, panicked, or the monitor couldn't go on with it. */
export type GuestEnd = "reset" | "off" | "panic" | "broken";

/** Follows a monitor over its control channel. */
export interface VmmWatch {
  /** Takes what the monitor said, in pieces of any size. */
  receive(text: string): void;
  /** Whether the guest has run. */
  readonly started: boolean;
  /** How it ended; undefined as long as the monitor hasn't told. */
  readonly end: GuestEnd | undefined;
  /** What the monitor refused, in its words. */
  readonly refused: string | undefined;
}

/** The descriptor of the control channel in the monitor's process: a socket that is connected from the start. */
export const CONTROL_FD = 3;

/** A monitor: what it is called, how its guests are packed, how it is started. */
export interface Monitor {
  /** The program. */
  program: string;
  /** How the guest is packed, and whose memory map it is told. */
  format: PackFormat;
  map: MapProfile;
  /** Whether it does nothing without KVM. */
  kvmOnly?: true;
  /** Arguments of the program; more of the user's follow. One that is followed stands still until `watch` starts it. */
  command(guest: VmmGuest): string[];
  /** What it takes as JSON, where it does. */
  configuration?(guest: MonitorGuest): object;
}

/** A monitor that this program starts and follows. */
export interface Vmm extends Monitor {
  /** The package that has the program, which is looked for in PATH. */
  package: string;
  /** Starts the guest, unless it is to be `held` for the user to do that, and follows it. */
  watch(send: (text: string) => void, held: boolean): VmmWatch;
}
