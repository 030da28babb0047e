// Commands on variables: show set unset echo read.

import { ischar, time } from "../console/console";
import { editLine } from "../console/lines";
import { closePager, openPager, page } from "../console/pager";
import { environment, getenv, putenv, putenvAt, setenv, unsetenv } from "../environment/variables";
import { Ascii } from "../lib/ascii";
import { strerror } from "../lib/errno";
import { Options } from "../lib/getopt";
import { CMD_ERROR, CMD_OK, failCommand, failDetailed } from "../lib/outcome";
import { print } from "../lib/output";
import { scanInteger } from "../lib/text";
import { argumentAt, argumentCount, argumentSize } from "./command_line";

/** `show [NAME]`. */
export function commandShow(argv: string[]): i32 {
  if (argv.length >= 2) {
    const value = getenv(argv[1]);
    if (value === null) return failDetailed(`variable '${argv[1]}' not found`);
    print(`${value}\n`);
    return CMD_OK;
  }
  openPager();
  for (let i = 0; i < environment.length; i++) {
    if (page(`${environment[i].name}=${environment[i].value}\n`)) break;
  }
  closePager();
  return CMD_OK;
}

/** `set NAME=VALUE`. */
export function commandSet(argv: string[]): i32 {
  if (argv.length != 2) return failCommand("wrong number of arguments");
  const error = putenv(argv[1]);
  return error != 0 ? failCommand(strerror(error)) : CMD_OK;
}

/** `set NAME=VALUE` with the arguments of the last `split`: no strings are made for them. */
export function commandSetSplit(): i32 {
  if (argumentCount != 2) return failCommand("wrong number of arguments");
  const error = putenvAt(argumentAt(1), argumentSize(1));
  return error != 0 ? failCommand(strerror(error)) : CMD_OK;
}

/** `unset NAME`. */
export function commandUnset(argv: string[]): i32 {
  if (argv.length != 2) return failCommand("wrong number of arguments");
  const error = unsetenv(argv[1]);
  return error != 0 ? failCommand(strerror(error)) : CMD_OK;
}

/** `echo [-n] TEXT...`. */
export function commandEcho(argv: string[]): i32 {
  const options = new Options(argv, "n");
  const option = options.only();
  if (option < 0) return CMD_OK;
  print(argv.slice(options.index).join(" "));
  if (option == 0) print("\n");
  return CMD_OK;
}

/** `read [-t SECONDS] [-p PROMPT] [NAME]`. */
export function commandRead(argv: string[]): i32 {
  const options = new Options(argv, "p:t:");
  let timeout: i64 = -1;
  let prompt = "";
  while (true) {
    const option = options.next();
    if (option < 0) break;
    if (option == Ascii.LOWER_P) {
      prompt = options.argument;
    } else if (option == Ascii.LOWER_T) {
      const seconds = scanInteger(options.argument);
      timeout = <i32>seconds.value;
      if (seconds.end == 0) return failDetailed(`bad timeout '${options.argument}'`, CMD_ERROR);
    } else {
      return CMD_OK;
    }
  }
  print(prompt);
  if (timeout >= 0) {
    const when = time() + timeout;
    while (!ischar()) if (time() >= when) return CMD_OK;
  }
  const line = editLine();
  if (options.index < argv.length) setenv(argv[options.index], line);
  return CMD_OK;
}
