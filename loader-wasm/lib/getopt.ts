// POSIX getopt for the loader's commands. Complaints go to the console, as the commands' users expect.

import { Ascii } from "./ascii";
import { print } from "./output";

/** What `next` gives for an option that isn't known, or lacks its argument: a question mark, as getopt does. */
export const COMPLAINED: i32 = 0x3f;

/** Walks the options at the start of `argv` (whose first element is the command). */
export class Options {
  /** Argument of the option just returned. */
  argument: string = "";
  /** Index of the first operand, once `next` has returned -1. */
  index: i32 = 1;
  private at: i32 = 0;

  constructor(
    private readonly argv: string[],
    /** Option letters; a colon after one means that it takes an argument. */
    private readonly letters: string,
  ) {}

  /** The next option's letter, COMPLAINED after a complaint, or -1 when there are no more. */
  next(): i32 {
    if (this.at == 0) {
      if (this.index >= this.argv.length) return -1;
      const word = this.argv[this.index];
      if (word.length == 0 || word.charCodeAt(0) != Ascii.MINUS) return -1;
      if (word.startsWith("--")) {
        this.index++;
        return -1;
      }
      if (word.length == 1) return -1;
      this.at = 1;
    }
    const word = this.argv[this.index];
    const letter = word.charCodeAt(this.at++);
    const known = letter == Ascii.COLON ? -1 : this.letters.indexOf(String.fromCharCode(letter));
    const last = this.at >= word.length;
    if (known < 0) {
      if (last) this.advance();
      print(`illegal option -- ${String.fromCharCode(letter)}\n`);
      return COMPLAINED;
    }
    if (known + 1 < this.letters.length && this.letters.charCodeAt(known + 1) == Ascii.COLON) {
      if (!last) {
        this.argument = word.substring(this.at);
      } else if (this.index + 1 < this.argv.length) {
        this.index++;
        this.argument = this.argv[this.index];
      } else {
        this.advance();
        print(`option requires an argument -- ${String.fromCharCode(letter)}\n`);
        return COMPLAINED;
      }
      this.advance();
      return letter;
    }
    if (last) this.advance();
    return letter;
  }

  /**
   * All options at once, for commands with one that takes no argument: 1 when it is there, 0 when not, -1 after a
   * complaint.
   */
  only(): i32 {
    let given = 0;
    while (true) {
      const option = this.next();
      if (option < 0) return given;
      if (option == COMPLAINED) return -1;
      given = 1;
    }
  }

  private advance(): void {
    this.at = 0;
    this.index++;
  }
}
