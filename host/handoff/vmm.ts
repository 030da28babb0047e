// What a virtual machine monitor is to us: what it needs to be given, and its command line.

import type { MapProfile } from "./maps.js";
import type { PackFormat } from "./pack.js";

/** What a VMM starts with. */
export interface VmmGuest {
  /** Path of the packed guest. */
  image: string;
  /** RAM in bytes. */
  memory: number;
  /** Raw disk images. */
  disks: readonly string[];
  /** Whether the guest's writes reach the disk images. */
  writable: boolean;
  /** Whether this machine has hardware virtualisation that may be used. */
  kvm: boolean;
}

/** A monitor: what it is called, how its guests are packed, and how it is started. */
export interface Vmm {
  /** The program, looked for in PATH, and the package that has it. */
  program: string;
  package: string;
  /** How the guest is packed, and whose memory map it is told. */
  format: PackFormat;
  map: MapProfile;
  /** Arguments of the program; more of the user's follow. */
  command(guest: VmmGuest): string[];
}
