// The options of a boot as the command line has them, for all commands that boot.

import type { RootMachine } from "../machine_file/root_for.js";
import type { Flavour } from "../modules.js";
import type { Confine, Isolation } from "../options.js";
import type { Overlay, OverlayMap } from "../overlay.js";
import { asBytes } from "./arguments.js";
import type { CharsetChoice } from "./charset.js";
import type { GrantedArgument } from "./images.js";

/** The options as commander gives them. */
export interface BootArguments {
  disk: string[];
  backing: GrantedArgument[];
  memory: string;
  env: string[];
  currdev?: string;
  defaultEnv: boolean;
  loader?: Flavour;
  start?: Flavour;
  console: "stdio" | "none";
  charset: CharsetChoice;
  interface: string;
  profile: string;
  hostDir: string[];
  hostDirLimit: string[];
  hostDirStrict?: boolean;
  overlay: string[];
  overlayWithout: string[];
  /** Files to read a set-up from, and to write it to. */
  machine?: string;
  saveMachine?: string;
  /** The machine in which the guest shall find its root. */
  rootFor?: RootMachine;
  /** The machine that the set-up is for, which --root-for says, too. */
  target?: RootMachine;
  /** Whether the command line itself has this option. */
  given: (option: string) => boolean;
  /** What lies under --overlay, and whether the set-up has the disks. */
  layers?: OverlayMap[];
  disksFrom?: "machine";
  input?: string;
  clock: "real" | "virtual";
  hashSeed?: string;
  out?: string;
  json?: boolean;
  limit: string[];
  isolation: Isolation;
  confine?: Confine;
  policy?: string;
  grant: string[];
  measure?: boolean;
  verbose?: boolean;
  /** A line about the boot. */
  summary?: boolean;
  log?: "text" | "json";
}

/** What all of `args` lays over the guest's files; later layers win. */
export function overlayOf({ layers = [], overlay, overlayWithout }: BootArguments): Overlay {
  return [...layers, ...overlay, new Map(overlayWithout.map((path) => [asBytes(path), null]))];
}
