// The `boot` and `autoboot` commands: choose and load a kernel, count down, enter it.

import { getchar, ischar, time } from "../console/console";
import { permittedArguments } from "../environment/questions";
import { getenv } from "../environment/variables";
import { Ascii } from "../lib/ascii";
import { CMD_ERROR, CMD_OK, failCommand, failDetailed } from "../lib/outcome";
import { print, putchar } from "../lib/output";
import { profile } from "../lib/profile";
import { equalsIgnoreCase, scanInteger } from "../lib/text";
import { loadKld } from "../load/modules";
import { findFile, preloadedFiles } from "../load/preloaded";
import { enterKernel } from "./exec";

/** Kernel names to try when `bootfile` doesn't say, separated by semicolons. */
const DEFAULT_BOOTFILES = "kernel";
/** Seconds of the countdown when `autoboot_delay` doesn't say. */
const DEFAULT_DELAY: i32 = 10;

let autobootTried: bool = false;

/** `boot [KERNEL] [OPTIONS]`: loads a kernel if none is, and enters it. Returns only on failure. */
export function commandBoot(argv: string[]): i32 {
  let options = argv.slice(1);
  if (options.length > 0 && !options[0].startsWith("-")) {
    if (preloadedFiles.length > 0) return failDetailed(`can't boot '${options[0]}', kernel module already loaded`);
    if (loadKld(options[0], options.slice(1)) != 0) return CMD_ERROR;
    options = [];
  }
  // The first word of the options is the reference's own argv[0] here, and gets lost.
  if (preloadedFiles.length == 0 && loadSomeKernel(options.slice(1))) options = [];
  const kernel = findFile(null, null);
  if (kernel === null) return failCommand("no bootable kernel");
  if (options.length > 0) kernel.args = options.join(" ");
  const args = kernel.args;
  const permitted = permittedArguments(kernel.name, args === null ? "" : args);
  if (args !== null || permitted.length > 0) kernel.args = permitted;
  enterKernel(kernel);
  return CMD_ERROR;
}

/** Tries the kernels of `bootfile`, or the default ones, in order. */
function loadSomeKernel(options: string[]): bool {
  const bootfile = getenv("bootfile");
  const names = (bootfile === null ? DEFAULT_BOOTFILES : bootfile).split(";");
  for (let i = 0; i < names.length && names[i].length > 0; i++) {
    if (loadKld(names[i], options) == 0) return true;
    print(`can't load '${names[i]}'\n`);
  }
  return false;
}

/** `autoboot [SECONDS [PROMPT]]`. */
export function commandAutoboot(argv: string[]): i32 {
  if (argv.length > 3) return failCommand("too many arguments");
  let seconds = -1;
  if (argv.length > 1) {
    const delay = scanInteger(argv[1]);
    seconds = <i32>delay.value;
    if (delay.end != argv[1].length) return failDetailed(`bad delay '${argv[1]}'`);
  }
  return autoboot(seconds, argv.length > 2 ? argv[2] : null);
}

/** Once per session, before the prompt: boots unless `autoboot_delay` is NO. */
export function autobootMaybe(): void {
  const delay = getenv("autoboot_delay");
  if (!autobootTried && (delay === null || !equalsIgnoreCase(delay, "NO"))) autoboot(-1, null);
}

/** Counts down from `seconds` (-1: `autoboot_delay`; that negative: at once), then boots unless a key says no. */
function autoboot(seconds: i32, prompt: string | null): i32 {
  autobootTried = true;
  if (seconds == -1) {
    seconds = DEFAULT_DELAY;
    const delay = getenv("autoboot_delay");
    if (delay !== null) {
      const number = scanInteger(delay);
      if (number.end != 0) seconds = <i32>number.value;
    }
  }
  let kernel = getenv("kernelname");
  if (kernel === null) {
    loadSomeKernel([]);
    kernel = getenv("kernelname");
  }
  if (kernel === null) return failCommand("no valid kernel found");
  const yes = seconds < 0 || countDown(seconds, prompt, kernel);
  if (yes) print(`\rBooting [${kernel}]...               `);
  putchar(Ascii.NEWLINE);
  return yes ? commandBoot(["boot"]) : CMD_OK;
}

/** Shows the remaining seconds. False when another key than Enter was hit. */
function countDown(seconds: i32, prompt: string | null, kernel: string): bool {
  const start = time();
  const when = start + <i64>seconds;
  let shown = profile.showsWholeDelay ? -1 : start;
  const text = prompt === null ? "Hit [Enter] to boot immediately, or any other key for command prompt." : prompt;
  print(`${text}\n`);
  while (true) {
    if (ischar()) {
      const key = getchar();
      return key == Ascii.RETURN || key == Ascii.NEWLINE;
    }
    const now = time();
    if (now >= when) return true;
    if (now != shown) {
      const left = <i32>(when - now);
      print(`\rBooting [${kernel}] in ${left} second${left == 1 ? "" : "s"}... `);
      shown = now;
    }
  }
}
