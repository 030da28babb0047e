// boothowto: the flags a kernel is started with (sys/reboot.h), gathered from its arguments, from boot_*
// variables and from the chosen console.

import { getenv, setenv } from "../environment/variables";
import { profile } from "../lib/profile";
import { equalsIgnoreCase } from "../lib/text";
import { PreloadedFile } from "../load/preloaded";

const RB_SERIAL: u32 = 0x1000;
const RB_MUTE: u32 = 0x10000;
const RB_PROBE: u32 = 0x10000000;
const RB_MULTIPLE: u32 = 0x20000000;

class Flag {
  constructor(
    readonly variable: string,
    /** Option letter, as in `boot -s`. */
    readonly letter: string,
    readonly bit: u32,
    /** The generation of loaders that it came with. */
    readonly first: i32 = 0,
  ) {}

  get known(): bool {
    return this.first <= profile.generation;
  }
}

/** Bytes of an argument that sets a variable, since 14. */
const ARGUMENT_LIMIT: i32 = 127;

const flags: Flag[] = [
  new Flag("boot_askname", "a", 0x1),
  new Flag("boot_cdrom", "C", 0x2000),
  new Flag("boot_ddb", "d", 0x40),
  new Flag("boot_dfltroot", "r", 0x20),
  new Flag("boot_gdb", "g", 0x8000),
  new Flag("boot_multicons", "D", RB_MULTIPLE),
  new Flag("boot_mute", "m", RB_MUTE),
  new Flag("boot_mutemsgs", "M", 0x800000, 15),
  new Flag("boot_pause", "p", 0x100000),
  new Flag("boot_serial", "h", RB_SERIAL),
  new Flag("boot_single", "s", 0x2),
  new Flag("boot_verbose", "v", 0x800),
];

/** Flags from `kernel`'s arguments and from variables. Arguments without a dash set variables. */
export function bootHowto(kernel: PreloadedFile): u32 {
  let howto: u32 = 0;
  const args = kernel.args;
  if (args !== null) {
    const spaced = profile.generation < 13 ? args : args.replaceAll("\t", " ");
    const words = spaced.replaceAll("\n", " ").split(" ");
    for (let i = 0; i < words.length; i++) if (words[i].length > 0) howto |= parseArgument(words[i]);
    // The reference cuts its arguments up in place, and passes on what is left: the first word, until 13 without what it
    // sets a variable to.
    const whole = words[0].startsWith("-") || profile.generation >= 14;
    kernel.args = whole ? words[0] : words[0].split("=")[0];
  }
  for (let i = 0; i < flags.length; i++) {
    if (!flags[i].known) continue;
    const value = getenv(flags[i].variable);
    if (value !== null && !equalsIgnoreCase(value, "no")) howto |= flags[i].bit;
  }
  howto |= consoleFlags(howto);
  return getenv("console") == "vidconsole" ? howto & ~RB_SERIAL : howto;
}

function parseArgument(argument: string): u32 {
  const dashed = argument.startsWith("-");
  const word = dashed || profile.generation < 14 ? argument : argument.substring(0, ARGUMENT_LIMIT);
  if (!dashed) {
    const equals = word.indexOf("=");
    if (equals < 0) setenv(word, "1");
    else setenv(word.substring(0, equals), word.substring(equals + 1));
    return 0;
  }
  let howto: u32 = 0;
  for (let i = 1; i < word.length; i++) {
    const letter = word.charAt(i);
    if (letter == "S") {
      setenv("comconsole_speed", word.substring(i + 1));
      break;
    }
    if (letter == "P") howto |= RB_PROBE;
    for (let j = 0; j < flags.length; j++) if (flags[j].letter == letter && flags[j].known) howto |= flags[j].bit;
  }
  return howto;
}

/** Flags for the consoles named in `console`. */
function consoleFlags(howto: u32): u32 {
  const value = getenv("console");
  if (value === null) return 0;
  const names = value.replaceAll(",", " ").split(" ");
  let result: u32 = 0;
  if (names.includes("comconsole")) result |= RB_SERIAL;
  if (names.includes("nullconsole")) result |= RB_MUTE;
  if (names.includes("vidconsole") && ((howto | result) & RB_SERIAL) != 0) result |= RB_MULTIPLE;
  return result;
}
