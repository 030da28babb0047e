// The flavour `lua`: opens the libraries the loader has, runs the guest's start-up script, and answers to the
// core: lines typed at the prompt, and script files.

import { parse } from "../../boot/command_line";
import { performCommand } from "../../boot/commands";
import { panic } from "../../boot/ending";
import { Interpreter } from "../../boot/interpreter";
import { getenv, setenv } from "../../environment/variables";
import { CMD_ERROR, CMD_OK, CMD_WARN, commandError } from "../../lib/outcome";
import { print } from "../../lib/output";
import { profile } from "../../lib/profile";
import { startLexer } from "./compile/lexer";
import { openBase } from "./lib/base";
import { pushObject, pushText, setTableField } from "./lib/builtin";
import { openErrno } from "./lib/errno";
import { openIo } from "./lib/io";
import { openLfs } from "./lib/lfs";
import { loadFile, loadString } from "./lib/load";
import { openLoader } from "./lib/loader";
import { offerNewer } from "./lib/newer";
import { openPackage } from "./lib/package";
import { openString } from "./lib/string";
import { protectedCall, startCalls } from "./run/call";
import { startEvents } from "./run/events";
import { enterOutermost, leaveOutermost } from "./run/managed";
import { indexValue } from "./run/metamethods";
import {
  frameOffset,
  globals,
  loadedTable,
  MANY,
  setGlobals,
  setLoadedTable,
  setRegistry,
  setTop,
  stack,
  startState,
  top,
} from "./run/state";
import { LuaVm } from "./run/vm";
import { startDialect } from "./values/dialect";
import { converted, numberToString, toInteger } from "./values/number";
import { Table } from "./values/objects";
import { startStrings, stringOf, textOf } from "./values/string";
import { newTable } from "./values/table";
import { isNumberTag, objectOf, STRING, TABLE, tagOf, VALUE_SIZE } from "./values/value";

const START_SCRIPT = "/boot/lua/loader.lua";

/** The interpreter as the session knows it. */
export class LuaInterpreter extends Interpreter {
  /** The line that runs, which only this holds while it does. */
  private line: string = "";

  constructor() {
    super("lua");
  }

  init(): void {
    setenv("script.lang", "lua");
    open();
    const outer = enterOutermost();
    const script = startScript();
    const done = runFile(script);
    leaveOutermost(outer);
    if (!done) {
      const message = takeMessage();
      if (profile.stopsAtScriptErrors) {
        print(`ERROR: ${message}.\n`);
        setenv("autoboot_delay", "NO");
      } else {
        print(`Startup error in ${script}:\nLUA ERROR: ${message}.\n`);
      }
    }
    keepFirst(stack + VALUE_SIZE);
  }

  run(line: string): i32 {
    const before = top - stack;
    const outerLine = this.line;
    this.line = line;
    const text = stringOf(line);
    const outer = enterOutermost();
    const done = loadString(text, text, null) && protectedCall(0, MANY, 0);
    leaveOutermost(outer);
    this.line = outerLine;
    if (done) {
      keepFirst(stack + before);
      return CMD_OK;
    }
    setTop(stack + before);
    const argv = parse(line);
    if (argv === null) {
      print(`Failed to parse '${line}'\n`);
      return CMD_ERROR;
    }
    // What the script's own hook refuses, or what there is no hook for, is a command.
    if (this.hook(argv) || performCommand(argv) == CMD_OK) return CMD_OK;
    print(`${commandError}\n`);
    return CMD_ERROR;
  }

  /** Hands the words of a line to the script's `cli_execute`. */
  private hook(argv: string[]): bool {
    const before = top - stack;
    pushObject(globals.address, TABLE);
    pushText("cli_execute");
    if (!indexValue(top - 2 * VALUE_SIZE, top - VALUE_SIZE, top - 2 * VALUE_SIZE)) panic("Bootloader aborted by abort");
    setTop(top - VALUE_SIZE);
    for (let i = 0; i < argv.length; i++) pushText(argv[i]);
    let done = protectedCall(argv.length, 1, 0);
    // What counts is the bottom of the stack, in 32 bits: the hook's result, or what an earlier chunk left there.
    if (done && toInteger(stack + VALUE_SIZE)) done = <i32>converted == 0;
    setTop(stack + before);
    return done;
  }

  include(path: string): i32 {
    const before = top - stack;
    const done = runFile(path);
    if (frameOffset() == 0) keepFirst(stack + before);
    else setTop(stack + before);
    return done ? CMD_OK : CMD_WARN;
  }
}

/** The script to begin with, which from 15 on a variable may name. */
function startScript(): string {
  if (profile.generation < 15) return START_SCRIPT;
  const named = getenv("loader_lua");
  return named === null ? START_SCRIPT : named;
}

/** Runs a script and leaves its results, or the error's value, on the stack. */
function runFile(path: string): bool {
  return loadFile(path, null) && protectedCall(0, MANY, 0);
}

/**
 * Takes what a chunk left on the stack from `before` on off again. Of the first chunk that leaves anything the
 * first value stays: the reference looks at it where it means the result of `cli_execute`.
 */
function keepFirst(before: usize): void {
  setTop(before == stack + VALUE_SIZE && top > before ? before + VALUE_SIZE : before);
}

/** Takes an error's value from the top of the stack, as messages show it. */
function takeMessage(): string {
  setTop(top - VALUE_SIZE);
  const tag = tagOf(top);
  if (tag == STRING) return textOf(objectOf(top));
  return isNumberTag(tag) ? textOf(numberToString(top)) : "unknown";
}

/** Makes the VM and its libraries. */
function open(): void {
  startDialect();
  startStrings();
  startState();
  startLexer();
  startCalls(new LuaVm());
  startEvents();
  setGlobals(newTable(0, 64));
  setLoadedTable(newTable(0, 16));
  setRegistry(newTable());
  openBase();
  setTableField(loadedTable, "_G", globals);
  register("package", openPackage());
  register("string", openString());
  register("errno", openErrno());
  register("io", openIo());
  register("lfs", openLfs());
  register("loader", openLoader());
  offerNewer();
}

/** Makes a library known by its global name and to `require`. */
function register(name: string, table: Table): void {
  setTableField(globals, name, table);
  setTableField(loadedTable, name, table);
}
