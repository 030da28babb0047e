// The library `loader`: environment, commands, time. What loaders since 12.1 have added is seen by guests of theirs, and
// offered unseen to others.

import { parse } from "../../../boot/command_line";
import { findCommand, performCommand } from "../../../boot/commands";
import { exitLoader } from "../../../boot/ending";
import { interpreter } from "../../../boot/interpreter";
import { delay, time } from "../../../console/console";
import { getenv, setenv, unsetenv } from "../../../environment/variables";
import { burn } from "../../../lib/fault";
import { CMD_CRIT, CMD_ERROR, CMD_FATAL, CMD_OK, CMD_WARN, errorDetail } from "../../../lib/outcome";
import { printBytes } from "../../../lib/output";
import { globals, RAISED, raised } from "../run/state";
import { Table } from "../values/objects";
import { owe } from "../values/owed";
import { bytesOf, lengthOf } from "../values/string";
import { newTable } from "../values/table";
import {
  argCount,
  checkInteger,
  checkString,
  pushBoolean,
  pushInteger,
  pushNil,
  pushText,
  setFunction,
  setIntegerField,
  setTableField,
  setTextField,
} from "./builtin";
import { addGfx } from "./gfx";
import { checkText, offer, placeOf } from "./library";

/** What newer scripts compare with the loader version that they need: major * 1000 + minor. 3.0 has all of the below. */
const VERSION: i64 = 3000;
/** Where the loader's scripts are. */
const SCRIPTS_PATH: string = "/boot/lua";
/** Bytes that a command may leave behind: loading a module looks for it in many places. */
const COMMAND_GARBAGE: i32 = 65536;
/** Fuel for a use of the environment, whose texts are copied. */
const VARIABLE_COST: i64 = 32;

/** Makes the library. */
export function openLoader(): Table {
  const table = newTable();
  setFunction(table, "command", command);
  setFunction(table, "command_error", commandErrorText);
  setFunction(table, "delay", delayFor);
  setFunction(table, "getenv", getVariable);
  setFunction(table, "interpret", interpretLine);
  setFunction(table, "parse", parseLine);
  setFunction(table, "perform", performLine);
  setFunction(table, "printc", printText);
  setFunction(globals, "printc", printText);
  setFunction(table, "setenv", setVariable);
  setFunction(table, "time", wallTime);
  setFunction(table, "unsetenv", unsetVariable);
  setTextField(table, "machine", "amd64");
  setTextField(table, "machine_arch", "amd64");
  addNewer(table);
  return table;
}

/** Adds what later loaders have. */
function addNewer(table: Table): void {
  const unseen = newTable();
  setTextField(placeOf(table, unseen, 13), "lua_path", SCRIPTS_PATH);
  const recent = placeOf(table, unseen, 15);
  setFunction(recent, "exit", exit);
  setFunction(placeOf(table, unseen, 14), "has_command", hasCommand);
  setFunction(recent, "has_feature", hasFeature);
  // There is one feature, and it isn't enabled; the table tells of it all the same.
  const features = newTable();
  setTextField(features, "EARLY_ACPI", "Loader probes ACPI in early startup");
  setTableField(recent, "features", features);
  setIntegerField(recent, "version", VERSION);
  setIntegerField(recent, "CMD_OK", CMD_OK);
  setIntegerField(recent, "CMD_WARN", CMD_WARN);
  setIntegerField(recent, "CMD_ERROR", CMD_ERROR);
  setIntegerField(recent, "CMD_CRIT", CMD_CRIT);
  setIntegerField(recent, "CMD_FATAL", CMD_FATAL);
  // The library gfx was part of this one first.
  addGfx(placeOf(table, unseen, 13, 14));
  offer(table, unseen);
}

// ---- commands ------------------------------------------------------------------------------------------

/** `command(name, ...)`: runs a command. */
function command(): i32 {
  const count = argCount();
  const argv: string[] = [];
  for (let i = 1; i <= count; i++) {
    const argument = checkText(i);
    if (argument === null) return RAISED;
    argv.push(argument);
  }
  owe(COMMAND_GARBAGE);
  pushInteger(performCommand(argv));
  return 1;
}

/** `perform(line)`: splits the line into words and runs them as a command. */
function performLine(): i32 {
  const line = checkText(1);
  if (line === null) return RAISED;
  owe(COMMAND_GARBAGE);
  const argv = parse(line);
  pushInteger(argv === null ? CMD_WARN : performCommand(argv));
  return 1;
}

/** `interpret(line)`: does what the prompt would do with the line. */
function interpretLine(): i32 {
  if (argCount() != 1) {
    pushNil();
    return 1;
  }
  const line = checkText(1);
  if (line === null) return RAISED;
  owe(COMMAND_GARBAGE);
  pushInteger(interpreter().run(line));
  return 1;
}

/** `parse(line)`: its words. */
function parseLine(): i32 {
  const line = checkText(1);
  if (line === null) return RAISED;
  const argv = parse(line);
  if (argv === null) {
    pushNil();
    return 1;
  }
  for (let i = 0; i < argv.length; i++) pushText(argv[i]);
  return argv.length;
}

function commandErrorText(): i32 {
  pushText(errorDetail);
  return 1;
}

/** `has_command(name)`: true, or nil and why not. */
function hasCommand(): i32 {
  const name = checkText(1);
  if (name === null) return RAISED;
  if (findCommand(name) !== null) {
    pushBoolean(true);
    return 1;
  }
  pushNil();
  pushText("Builtin command not found");
  return 2;
}

/** `has_feature(name)`: true, or nil and why not. */
function hasFeature(): i32 {
  if (checkText(1) === null) return RAISED;
  pushNil();
  pushText("Feature not enabled");
  return 2;
}

/** `exit(code)`: ends the session. */
function exit(): i32 {
  const code = checkInteger(1);
  if (raised) return RAISED;
  exitLoader(<i32>code);
  return 0;
}

// ---- environment ---------------------------------------------------------------------------------------

function getVariable(): i32 {
  const name = checkText(1);
  if (name === null) return RAISED;
  burn(VARIABLE_COST);
  const value = getenv(name);
  if (value === null) pushNil();
  else pushText(value);
  return 1;
}

function setVariable(): i32 {
  const name = checkText(1);
  if (name === null) return RAISED;
  const value = checkText(2);
  if (value === null) return RAISED;
  burn(VARIABLE_COST);
  pushInteger(setenv(name, value));
  return 1;
}

function unsetVariable(): i32 {
  const name = checkText(1);
  if (name === null) return RAISED;
  burn(VARIABLE_COST);
  pushInteger(unsetenv(name));
  return 1;
}

// ---- time and console ----------------------------------------------------------------------------------

function wallTime(): i32 {
  pushInteger(time());
  return 1;
}

/** `delay(microseconds)`. */
function delayFor(): i32 {
  const usec = checkInteger(1);
  if (raised) return RAISED;
  delay(max(<i32>usec, 0));
  return 0;
}

/** `printc(text)`: prints it as it is. Gives back its last argument, as the reference happens to. */
function printText(): i32 {
  const text = checkString(1);
  if (text == 0) return RAISED;
  burn(<i64>lengthOf(text));
  printBytes(bytesOf(text), <i32>lengthOf(text));
  return 1;
}
