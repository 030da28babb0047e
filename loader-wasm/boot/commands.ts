// The builtin commands: finding one by its name, and running it. The table is in conf.ts.

import { compareBytesAt } from "../lib/bytes";
import { CMD_OK, failCommand, failDetailed } from "../lib/outcome";
import { profile } from "../lib/profile";

/** A command: how it is called and listed, and what runs it. */
export class Command {
  /** Whether `?` and Forth's WORDS show it. */
  listed: bool = true;
  /** The generation of loaders (lib/profile.ts) that it came with. */
  first: i32 = 0;

  constructor(
    readonly name: string,
    readonly description: string,
    /** Runs it; `argv[0]` is its name. Returns CMD_*; leaves the reason in `commandError`. */
    readonly run: (argv: string[]) => i32,
    /** The same with the arguments of the last `split` of boot/command_line.ts, for a command that scripts run a lot. */
    readonly runSplit: (() => i32) | null = null,
  ) {}

  /**
   * The same, shown nowhere: for commands that the reference doesn't have, so that lists and counts stay what scripts know.
   * It is found by its name all the same.
   */
  unlisted(): Command {
    this.listed = false;
    return this;
  }

  /** The same, for loaders from generation `first` on only. */
  since(first: i32): Command {
    this.first = first;
    return this;
  }
}

/** All commands, in the order in which `?` lists those that are listed. */
export let commands: Command[] = [];

/** Takes over the table of conf.ts. */
export function useCommands(list: Command[]): void {
  commands = list;
}

/** Forgets the commands that the loader which is emulated doesn't have. Comes before anything looks for one. */
export function dropNewerCommands(): void {
  commands = commands.filter((command) => command.first <= profile.generation);
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
