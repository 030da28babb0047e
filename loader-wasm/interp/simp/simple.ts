// The simple interpreter: commands only. A script is a list of command lines; `@` before a line keeps it
// from being shown, `-` lets the script go on when it fails. Guests of DragonFly have more of it (dragonfly.ts).

import { parse } from "../../boot/command_line";
import { performCommand } from "../../boot/commands";
import { cantOpen, cantRead, Interpreter } from "../../boot/interpreter";
import { dragonflyScript } from "../../boot/interpreter_check";
import { emitPrompt } from "../../boot/prompt";
import { setenv } from "../../environment/variables";
import { close, open } from "../../files/files";
import { lineError, readLine } from "../../files/text";
import { O_RDONLY } from "../../fs/file_system";
import { Ascii } from "../../lib/ascii";
import { cutAtNul } from "../../lib/bytes";
import { EFBIG, errno } from "../../lib/errno";
import { burn, damaged } from "../../lib/fault";
import { CMD_ERROR, CMD_OK, commandError, failDetailed } from "../../lib/outcome";
import { print } from "../../lib/output";
import { profile } from "../../lib/profile";
import { PURPOSE_SCRIPT } from "../../protocol";
import { Dragonfly, withoutComment } from "./dragonfly";

/** Longest line of a script in bytes; longer ones are cut into several. */
const SCRIPT_LINE_LIMIT: i32 = 255;
/** Bytes of a script, of whose lines all are kept. Damaged files may be endless, and empty throughout. */
const SCRIPT_LIMIT: i32 = 16 * 1024 * 1024;
/** Scripts that may include each other. */
const INCLUDE_DEPTH_LIMIT: i32 = 32;

class ScriptLine {
  constructor(
    readonly text: string,
    readonly number: i32,
    readonly quiet: bool,
    readonly ignoreError: bool,
  ) {}
}

/** The flavour's interpreter. */
export class SimpleInterpreter extends Interpreter {
  private depth: i32 = 0;
  /** The command run last. */
  private last: string = "";
  private dragonfly: Dragonfly | null = null;

  constructor() {
    super("simp");
  }

  init(): void {
    setenv("script.lang", "simple");
    const script = dragonflyScript();
    if (script.length > 0) this.dragonfly = new Dragonfly(script);
    this.startUp(script.length > 0 ? script : "/boot/loader.rc");
  }

  /** The arguments of a line, or null after a complaint. */
  private parse(line: string): string[] | null {
    return parse(this.dragonfly === null ? line : withoutComment(line));
  }

  run(line: string): i32 {
    const argv = this.parse(line);
    if (argv === null) {
      print("parse error\n");
      return CMD_ERROR;
    }
    return this.perform(argv) ? CMD_OK : CMD_ERROR;
  }

  include(path: string): i32 {
    const dragonfly = this.dragonfly;
    if (dragonfly !== null) path = dragonfly.absolute(path);
    if (this.depth == INCLUDE_DEPTH_LIMIT) return failDetailed(`'${path}': includes nested too deeply`);
    const script = readScript(path);
    if (script === null) return CMD_ERROR;
    this.depth++;
    const result = this.execute(path, script);
    this.depth--;
    return result;
  }

  private execute(path: string, script: ScriptLine[]): i32 {
    for (let i = 0; i < script.length; i++) {
      burn(1);
      const line = script[i];
      if (!line.quiet && this.dragonfly === null) {
        emitPrompt();
        print(`${line.text}\n`);
      }
      const argv = this.parse(line.text);
      if (argv === null) {
        print(`${path} line ${line.number}: parse error\n`);
        return CMD_ERROR;
      }
      if (!this.perform(argv) && !line.ignoreError) return CMD_ERROR;
    }
    return CMD_OK;
  }

  /** Runs a command and prints why it failed, after the name of the innermost one that did (not `include`). */
  private perform(argv: string[]): bool {
    if (argv.length == 0) return true;
    this.last = argv[0];
    const dragonfly = this.dragonfly;
    if ((dragonfly === null ? performCommand(argv) : dragonfly.perform(argv)) == CMD_OK) return true;
    print(`${this.last}: ${commandError}\n`);
    return false;
  }
}

/** The lines of a script without comments and empty lines, or null and the reason in `commandError`. */
function readScript(path: string): ScriptLine[] | null {
  const fd = open(path, O_RDONLY, PURPOSE_SCRIPT);
  if (fd < 0) return noScript(cantOpen(path, errno));
  const lines: ScriptLine[] = [];
  const comment = profile.generation < 14 ? "\\ " : "\\";
  let size = 0;
  for (let number = 1; ; number++) {
    burn(1);
    const read = readLine(fd, SCRIPT_LINE_LIMIT);
    if (read === null) break;
    size += read.length + 1;
    if (size > SCRIPT_LIMIT) {
      close(fd);
      damaged(path, `script: more than ${SCRIPT_LIMIT} bytes`, EFBIG);
      return noScript(cantRead(path, EFBIG));
    }
    const line = cutAtNul(read);
    let first = 0;
    while (first < line.length && line.charCodeAt(first) == Ascii.SPACE) first++;
    if (line.startsWith(comment, first)) continue;
    const quiet = line.startsWith("@");
    const ignoreError = line.startsWith("-");
    const text = quiet || ignoreError ? line.substring(1) : line;
    if (text.length > 0) lines.push(new ScriptLine(text, number, quiet, ignoreError));
  }
  close(fd);
  return lineError == 0 ? lines : noScript(cantRead(path, lineError));
}

function noScript(_result: i32): ScriptLine[] | null {
  return null;
}
