// POSIX getopt for the loader's commands. Complaints go to the console, as the commands' users expect.

import { print } from "./output";

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

  /** The next option's letter, `?` after a complaint, or -1 when there are no more. */
  next(): i32 {
    if (this.at == 0) {
      if (this.index >= this.argv.length) return -1;
      const word = this.argv[this.index];
      if (word.length == 0 || word.charCodeAt(0) != 0x2d) return -1;
      if (word.startsWith("--")) {
        this.index++;
        return -1;
      }
      if (word.length == 1) return -1;
      this.at = 1;
    }
    const word = this.argv[this.index];
    const letter = word.charCodeAt(this.at++);
    const known = letter == 0x3a ? -1 : this.letters.indexOf(String.fromCharCode(letter));
    const last = this.at >= word.length;
    if (known < 0) {
      if (last) this.advance();
      print(`illegal option -- ${String.fromCharCode(letter)}\n`);
      return 0x3f;
    }
    if (known + 1 < this.letters.length && this.letters.charCodeAt(known + 1) == 0x3a) {
      if (!last) {
        this.argument = word.substring(this.at);
      } else if (this.index + 1 < this.argv.length) {
        this.index++;
        this.argument = this.argv[this.index];
      } else {
        this.advance();
        print(`option requires an argument -- ${String.fromCharCode(letter)}\n`);
        return 0x3f;
      }
      this.advance();
      return letter;
    }
    if (last) this.advance();
    return letter;
  }

  private advance(): void {
    this.at = 0;
    this.index++;
  }
}
