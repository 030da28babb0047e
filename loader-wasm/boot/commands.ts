// The table of builtin commands, in the order in which `?` lists them. One line adds a command.

import { commandBcachestat, commandLsdev, commandLszfs, commandReloadbe } from "../dev/commands";
import { compareBytesAt } from "../lib/bytes";
import { CMD_OK, failCommand, failDetailed } from "../lib/outcome";
import { commandLoad, commandLoadGeli, commandLsmod, commandUnload } from "../load/commands";
import { commandAutoboot, commandBoot } from "./autoboot";
import {
  commandEcho,
  commandRead,
  commandSet,
  commandSetSplit,
  commandShow,
  commandUnset,
} from "./environment_commands";
import { commandHelp, commandLs, commandMore } from "./file_commands";
import { commandInclude, commandList, commandQuit, commandReboot } from "./session_commands";

export class Command {
  constructor(
    readonly name: string,
    readonly description: string,
    /** Runs it; `argv[0]` is its name. Returns CMD_*; leaves the reason in `commandError`. */
    readonly run: (argv: string[]) => i32,
    /** The same with the arguments of the last `split` of interp/simp/parse.ts, for a command that scripts run a lot. */
    readonly runSplit: (() => i32) | null,
  ) {}
}

/** All commands; filled by `defineCommands` when the session starts. */
export const commands: Command[] = [];

function define(
  name: string,
  description: string,
  run: (argv: string[]) => i32,
  runSplit: (() => i32) | null = null,
): void {
  commands.push(new Command(name, description, run, runSplit));
}

export function defineCommands(): void {
  define("bcachestat", "get disk block cache stats", commandBcachestat);
  define("boot", "boot a file or loaded kernel", commandBoot);
  define("autoboot", "boot automatically after a delay", commandAutoboot);
  define("help", "detailed help", commandHelp);
  define("?", "list commands", commandList);
  define("show", "show variable(s)", commandShow);
  define("set", "set a variable", commandSet, commandSetSplit);
  define("unset", "unset a variable", commandUnset);
  define("echo", "echo arguments", commandEcho);
  define("read", "read input from the terminal", commandRead);
  define("more", "show contents of a file", commandMore);
  define("lsdev", "list all devices", commandLsdev);
  define("include", "read commands from a file", commandInclude);
  define("ls", "list files", commandLs);
  define("quit", "exit the loader", commandQuit);
  define("reboot", "reboot the system", commandReboot);
  define("load", "load a kernel or module", commandLoad);
  define("load_geli", "load a geli key", commandLoadGeli);
  define("unload", "unload all modules", commandUnload);
  define("lsmod", "list loaded modules", commandLsmod);
  define("lszfs", "list child datasets of a zfs dataset", commandLszfs);
  define("reloadbe", "refresh the list of ZFS Boot Environments", commandReloadbe);
}

/** The command called `name`, or null. */
export function findCommand(name: string): Command | null {
  for (let i = 0; i < commands.length; i++) if (commands[i].name == name) return commands[i];
  return null;
}

/** The command that was found last: scripts set one variable after the other. */
let lastFound: Command | null = null;

/** The command whose name is the `size` bytes at `name`, or null. */
export function findCommandAt(name: usize, size: i32): Command | null {
  const last = lastFound;
  if (last !== null && compareBytesAt(last.name, name, size) == 0) return last;
  for (let i = 0; i < commands.length; i++) {
    const command = commands[i];
    if (compareBytesAt(command.name, name, size) != 0) continue;
    lastFound = command;
    return command;
  }
  return null;
}

/** Runs the command `argv[0]`; an empty vector does nothing. Returns CMD_*; leaves the reason in `commandError`. */
export function performCommand(argv: string[]): i32 {
  if (argv.length == 0) return CMD_OK;
  failDetailed("no error message");
  const command = findCommand(argv[0]);
  return command === null ? failCommand("unknown command") : command.run(argv);
}
