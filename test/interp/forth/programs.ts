// Makes Forth programs from a row of numbers, for comparing one Forth with another. Every piece of code leaves one number more
// on the stack, so that none runs dry, and is printed. Words that standards leave open are kept away from: division of
// negative numbers, addresses, what `see` and errors print; and from double cells, which hold 64 bits in FreeBSD's loader.

const UNARY = ["negate", "abs", "invert", "0=", "0<", "1+", "1-", "2*", "2/", "dup drop", "dup xor", "0> "];
const BINARY = [
  "+",
  "-",
  "*",
  "and",
  "or",
  "xor",
  "min",
  "max",
  "=",
  "<>",
  "<",
  ">",
  "u<",
  "swap -",
  "over + +",
  "tuck - +",
  "2dup - - xor",
  "nip",
  "drop",
];
const NUMBERS = [
  "0",
  "1",
  "-1",
  "2",
  "7",
  "-13",
  "100",
  "255",
  "65536",
  "-2147483648",
  "4294967296",
  "9223372036854775807",
  "-9223372036854775808",
];
const TEXTS = ["", "a", "hello", "Forth has words", "12 34", "x,y;z"];
const BASES = ["decimal", "hex", "8 base !", "2 base !", "36 base !"];

/** A program as the numbers `tape` decide, of `pieces` pieces, each with a line of output. */
export function forthProgramOf(tape: readonly number[], pieces: number): string {
  return new Writer(tape).program(pieces);
}

/** A line of a file has 255 bytes. */
const LINE = 200;

/** Code on as many lines as it needs, broken where no text is. */
function wrapped(code: string): string {
  let line = "";
  const lines: string[] = [];
  for (const word of code.match(/\.\( [^)]*\)|(?:to|char|\['\]) \S+|[sS]" [^"]*"|\S+/g)!) {
    if (line.length + word.length > LINE) {
      lines.push(line);
      line = "";
    }
    line += line === "" ? word : ` ${word}`;
  }
  return [...lines, line].join("\n");
}

class Writer {
  private at = 0;
  private words = 0;
  /** Words that take a number and leave one; loops that are open. */
  private known: string[] = [];
  private loops = 0;

  constructor(private readonly tape: readonly number[]) {}

  private choose(count: number): number {
    return (this.tape[this.at++] ?? 0) % count;
  }

  private one<T>(items: readonly T[]): T {
    return items[this.choose(items.length)]!;
  }

  program(pieces: number): string {
    const lines = [
      "variable cell create room 64 allot 5 value val",
      ": show . cr ;",
      ": const create , does> @ + ;",
      "9 const add9",
    ];
    for (let i = 0; i < pieces; i++) {
      lines.push(this.choose(3) === 0 ? this.definition() : "");
      const name = `piece${i}`;
      lines.push(`: ${name} ${this.value(3)} ;`, `${name} show`, this.printed());
    }
    return `${lines
      .filter((line) => line !== "")
      .map(wrapped)
      .join("\n")}\n`;
  }

  /** A word that takes one number and leaves one. */
  private definition(): string {
    const name = `word${this.words++}`;
    this.loops = 0;
    const body = this.one([
      () => `${this.value(2)} ${this.one(BINARY)}`,
      () => `dup 0> if 20 min 1- recurse ${this.one(["1+", "2*", "negate"])} else drop ${this.value(1)} then`,
      () => `>r ${this.value(1)} r@ + r> xor`,
      () => `dup ${this.choose(9)} > if drop ${this.value(1)} exit then ${this.value(1)} +`,
      () =>
        `case ${this.choose(4)} of ${this.value(1)} endof ${this.choose(9) + 4} of ${this.value(1)} endof dup 1+ swap endcase`,
    ])();
    const text = `: ${name} ${body} ;`;
    this.known.push(name);
    return text;
  }

  /** Code that leaves one number. */
  private value(depth: number): string {
    const number = () => this.one(NUMBERS);
    if (depth <= 0) return this.loops > 0 && this.choose(2) === 0 ? "i" : number();
    const sub = () => this.value(depth - 1);
    const small = (most: number) => `${sub()} ${most} 1- and`;
    switch (this.choose(22)) {
      case 0:
        return number();
      case 1:
      case 2:
        return `${sub()} ${this.one(UNARY)}`;
      case 3:
      case 4:
      case 5:
        return `${sub()} ${sub()} ${this.one(BINARY)}`;
      case 6:
        return `${sub()} if ${sub()} else ${sub()} then`;
      case 7: {
        this.loops++;
        const body = this.value(depth - 1);
        this.loops--;
        return `${sub()} ${this.choose(6) + 2} ${this.choose(3)} ?do ${body} ${this.one(["+", "xor", "-"])} ${this.one(["loop", "loop", "2 +loop", `i 3 = if leave then loop`])}`;
      }
      case 8:
        return `${sub()} ${this.choose(5) + 1} begin 1- dup 0> while swap ${this.one(UNARY)} swap repeat drop`;
      case 9:
        return `${sub()} 0 begin swap ${this.one(["1+", "2*", "negate"])} swap 1+ dup ${this.choose(5) + 1} < 0= until drop`;
      case 10:
        return this.known.length === 0 ? number() : `${sub()} ${this.one(this.known)}`;
      case 11:
        return `${sub()} cell ! ${sub()} cell +! cell @`;
      case 12:
        return `${sub()} to val ${sub()} val +`;
      case 13:
        return `${sub()} add9`;
      case 14:
        return `${sub()} ${small(64)} ${this.one(["lshift", "rshift"])}`;
      case 15:
        return `${sub()} 65535 and s>d ${this.choose(30) + 1} ${this.one(["sm/rem drop", "fm/mod drop", "sm/rem nip", "fm/mod nip"])}`;
      case 16:
        return `${sub()} 65535 and ${sub()} 255 and ${this.choose(30) + 1} */`;
      case 17:
        return `${sub()} 65535 and ${this.choose(99) + 1} ${this.one(["/", "mod", "/mod +", "/mod -"])}`;
      case 18:
        return `${sub()} ${sub()} ${sub()} ${this.one(["rot + +", "rot drop xor", "-rot nip +", "within", "2 pick - + +", "over xor + +", "1 roll - -"])}`;
      case 19:
        return `${sub()} room ${this.choose(8)} cells + ! ${sub()} room ${this.choose(8)} cells + tuck ! @`;
      case 20:
        return `s" ${this.one(TEXTS)}" s" ${this.one(TEXTS)}" compare`;
      default:
        return `${sub()} [ ${this.choose(50)} ${this.choose(50)} * ] literal ${this.one(BINARY)}`;
    }
  }

  /** A line that prints something. */
  private printed(): string {
    const number = this.one(NUMBERS);
    return this.one([
      () => `.( ${this.one(TEXTS)} ) cr`,
      () => `${number} ${this.one(BASES)} u. decimal cr`,
      () => `${number} 65535 and s>d <# #s #> type cr`,
      () => `${number} s>d dabs <# # # char . hold #s #> type cr`.replace("s>d dabs", "65535 and s>d"),
      () => `: quoted s" ${this.one(TEXTS)}" ; quoted type quoted nip . cr`,
      () =>
        `: throws ${this.choose(4)} ${this.choose(90) + 1} throw ; : caught ['] throws catch nip ; 3 caught . . cr`
          .replace("nip ;", ";")
          .replace("3 caught . .", "caught ."),
      () => `s" ${this.choose(90)} 2 * ." evaluate cr`,
      () => `room 32 ${this.choose(90) + 33} fill room 20 + c@ . room 3 chars + 7 over c! c@ . cr`,
      () => `s" ${this.one(TEXTS)}" room swap move room c@ 0 and . cr`,
      () => `char ${this.one(["A", "z", "%"])} dup emit . 3 spaces bl . cr`,
      () => `1 2 3 4 2swap . . . . 1 2 2over depth . 2drop 2drop cr`.replace("2over ", "2dup "),
      () => `${number} ${this.one(NUMBERS)} ${this.one(BINARY)} . cr`,
    ])();
  }
}
