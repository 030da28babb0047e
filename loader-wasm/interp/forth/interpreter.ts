// The flavour `4th`: builds the system's dictionary, runs the guest's start-up scripts, and answers to the
// core: lines typed at the prompt, and script files.

import { panic } from "../../boot/ending";
import { cantOpen, cantRead, Interpreter } from "../../boot/interpreter";
import { changes, setenv } from "../../environment/variables";
import { close, fstat, open, unreadable } from "../../files/files";
import { lineError, readLineTo } from "../../files/text";
import { O_RDONLY } from "../../fs/file_system";
import { allocString, cstringSize, stringAt } from "../../lib/bytes";
import { errno, strerror } from "../../lib/errno";
import { allocate, burn } from "../../lib/fault";
import { CMD_ERROR, CMD_OK, commandError, failDetailed } from "../../lib/outcome";
import { print } from "../../lib/output";
import { profile } from "../../lib/profile";
import { PURPOSE_SCRIPT } from "../../protocol";
import { forth } from "./define";
import { orderListing } from "./listing";
import { compiling, dictionaryStart, here, setHere, startMemory } from "./memory";
import { finishOuter, interpretText, setSourceId, sourceId } from "./outer";
import { ABORT, ABORT_QUOTE, BREAK, CELL, ERROR_EXIT, OUT_OF_TEXT, QUIT, USER_EXIT } from "./stacks";
import { FORTH_WORDLIST, makeWordlist, resetSearchOrder } from "./wordlists";
import { defineCompiler, defineWords } from "./words/all";
import { defineCommandWords, errorShown, errorWaits, PARSE_ERROR } from "./words/commands";
import { interpretFile } from "./words/files";
import { defineIllumos } from "./words/illumos";
import { setQuery } from "./words/tools";

/** Interpreted before the start-up script, where there is one. */
const BOOT_SCRIPT = "/boot/boot.4th";
/** Bytes of a script's line; longer ones are cut into several. */
const SCRIPT_LINE_LIMIT: i32 = 255;
/** Most bytes that a script is expected to have by what its directory says; more is found as it is read. */
const EXPECTED_SIZE_MAX: u64 = 131072;
/** Scripts that may include each other. */
const INCLUDE_DEPTH_LIMIT: i32 = 32;

/** Chains of the main word list: they decide the order of WORDS. */
const HASH_BUCKETS: i32 = 241;
/** Cells of the dictionary that the system itself takes in the reference. */
const CELLS_AT_START: i32 = 3285;

/** The interpreter of the flavour `4th`. */
export class ForthInterpreter extends Interpreter {
  private depth: i32 = 0;
  /** What the variable `interpret` was last set for: then nothing has touched it since. */
  private changesSeen: u64 = 0;
  private compilingSeen: bool = false;

  constructor() {
    super("4th");
  }

  init(): void {
    setenv("script.lang", "forth");
    this.build();
    defineIllumos();
    const fd = open(BOOT_SCRIPT, O_RDONLY, PURPOSE_SCRIPT);
    if (fd >= 0) {
      interpretFile(fd);
      close(fd);
    } else if (unreadable) {
      print(`can't open '${BOOT_SCRIPT}': ${strerror(errno)}\n`);
    }
    this.startUp("/boot/loader.rc");
  }

  private build(): void {
    startMemory();
    makeWordlist(<i64>allocString("forth-wordlist"), HASH_BUCKETS);
    resetSearchOrder();
    defineCompiler();
    finishOuter();
    defineWords();
    defineCommandWords();
    forth("only forth definitions");
    orderListing(FORTH_WORDLIST);
    // What is free is what scripts measure with HERE and fill up.
    setHere(max(here, dictionaryStart + <usize>(CELLS_AT_START * CELL)));
    setQuery("FreeBSD_version", profile.freebsdVersion);
    setQuery("loader_version", profile.loaderVersion);
  }

  run(line: string): i32 {
    setSourceId(0);
    const text = allocString(line);
    const end = line.indexOf("\0");
    const result = this.runText(text, end < 0 ? line.length : end);
    heap.free(text);
    return result == OUT_OF_TEXT ? CMD_OK : CMD_ERROR;
  }

  /** Interprets a line and says how it ended, if that wasn't well. */
  private runText(line: usize, size: i32): i32 {
    const result = interpretText(line, size);
    switch (result) {
      case OUT_OF_TEXT:
      case ABORT_QUOTE:
      case QUIT:
      case BREAK:
      case ERROR_EXIT:
        break;
      case USER_EXIT:
        print("No where to leave to!\n");
        break;
      case ABORT:
        print("Aborted!\n");
        break;
      case PARSE_ERROR:
        print("Parse error!\n");
        break;
      default: {
        if (errorWaits) print(`${commandError}\n`);
        errorShown();
      }
    }
    if (result == USER_EXIT) panic("interpreter exit");
    if (changes != this.changesSeen || compiling() != this.compilingSeen) {
      setenv("interpret", compiling() ? "" : "OK");
      this.changesSeen = changes;
      this.compilingSeen = compiling();
    }
    return result;
  }

  include(path: string): i32 {
    if (this.depth == INCLUDE_DEPTH_LIMIT) return failDetailed(`'${path}': includes nested too deeply`);
    const fd = open(path, O_RDONLY, PURPOSE_SCRIPT);
    if (fd < 0) return cantOpen(path, errno);
    // Lines one after the other, each with its length before it, without what follows a NUL.
    let text: usize = 0;
    let room: i32 = 0;
    let used: i32 = 0;
    const status = fstat(fd);
    const expected = status === null ? 0 : <i32>min<u64>(<u64>status.size, EXPECTED_SIZE_MAX);
    while (true) {
      burn(1);
      if (room < used + 2 + SCRIPT_LINE_LIMIT) {
        room = room == 0 ? expected + (expected >> 4) + 2 * SCRIPT_LINE_LIMIT : 2 * room;
        const larger = allocate(room);
        memory.copy(larger, text, used);
        if (text != 0) heap.free(text);
        text = larger;
      }
      const line = text + <usize>used + 2;
      const length = readLineTo(fd, line, SCRIPT_LINE_LIMIT);
      if (length < 0) break;
      const size = cstringSize(line, length);
      store<u16>(line - 2, <u16>size);
      if (size > 0) used += 2 + size;
    }
    close(fd);
    if (lineError != 0) {
      heap.free(text);
      return cantRead(path, lineError);
    }
    const before = sourceId;
    setSourceId(fd);
    this.depth++;
    let result = CMD_OK;
    for (let at = 0; at < used && result == CMD_OK; ) {
      const line = text + <usize>at + 2;
      const size = <i32>load<u16>(line - 2);
      if (this.runText(line, size) != OUT_OF_TEXT) {
        result = failDetailed(`Error while including ${path}, in the line:\n${stringAt(line, size)}`);
      }
      at += 2 + size;
    }
    heap.free(text);
    this.depth--;
    setSourceId(before);
    return result;
  }
}
