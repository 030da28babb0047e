// loader.conf as loader.conf(5) has it: lines that can't be assignments are told before anything boots, and what a guest's own
// loader says of lines is found in what it prints.

import { latin1 } from "../text.js";

/** A line that is wrong. */
export interface LineProblem {
  /** From 1 on. */
  line: number;
  text: string;
  /** The loader reads no further. */
  last?: true;
}

const ASSIGNMENT = /^\s*[\w.-]+\s*=\s*(?:"(?:[^"\\]|\\.)*"|[\w.-]+)\s*(?:#.*)?$/;
const BLANK = /^\s*(?:#.*)?$/;

/** Lines of a file that are looked at: a person's have fewer, a guest's can be a megabyte of line ends. */
const LINES_MAX = 4000;

/** The first lines of `text`. */
export const linesOf = (text: string): string[] => text.split("\n", LINES_MAX);

/** Lines of `text` that aren't plainly assignments, comments or empty. */
export function checkLines(text: string): LineProblem[] {
  return linesOf(text).flatMap((content, at) => {
    if (BLANK.test(content) || ASSIGNMENT.test(content)) return [];
    return [{ line: at + 1, text: problemOf(content) }];
  });
}

function problemOf(line: string): string {
  if (!line.includes("=")) return 'no assignment: name="value"';
  if ((line.match(/(?<!\\)"/g) ?? []).length % 2 === 1) return "a quote isn't closed";
  if (!/^\s*[\w.-]+\s*=/.test(line)) return "a name has letters, digits, dots, dashes and underscores only";
  if (/=\s*(?:#.*)?$/.test(line)) return 'a value is missing: "" is the empty one';
  return "a value that isn't one plain word has to be in double quotes, and nothing but a comment follows it";
}

/** That the loader begins with a file: what it says of lines without naming a file is of this one then. */
const LOADING = /Loading (\/\S+)/;
/** What FreeBSD's scripts in Lua print for a line that they don't understand. */
const MALFORMED = /Malformed line \((\d+)\):\s*'?([^\r\n]*)/g;
/** What those in Forth print before a line that they refuse. They read no further. */
const REFUSED = /Warning: (syntax error|bad definition) on file (\S+)\r?\n([^\n]*)\n/g;
/** Of a line that assigns: what is assigned to, and all behind the sign. */
type Assignment = readonly [name: string, rest: string];
/** What is said of a variable, a command or a module, by FreeBSD's scripts and its loader, and the lines that are meant. */
const NAMED: readonly (readonly [
  said: RegExp,
  isMeant: (named: ReadonlySet<string>, line: Assignment) => boolean,
  text: string,
])[] = [
  [
    /Failed to parse variable '([^'\r\n]{1,256})'/g,
    (names, [name, rest]) => names.has(name) && /[$\\]/.test(rest),
    "the guest's loader can't make out the value",
  ],
  [
    /Failed to exec '([^\r\n]{1,256})'/g,
    (commands, [name, rest]) => name === "exec" && [...commands].some((one) => rest.trimStart().startsWith(`"${one}`)),
    "the guest's loader can't do that",
  ],
  [
    /can't find '([^'\r\n]{1,256})'/g,
    (modules, [name, rest]) =>
      name.endsWith("_load")
        ? modules.has(name.slice(0, -"_load".length))
        : name.endsWith("_name") && modules.has(wordOf(rest)),
    "the guest's loader doesn't find this module",
  ],
];

/** The one word of a value, without quotes or a comment. */
const wordOf = (rest: string) => rest.split("#", 1)[0]!.trim().replace(/^"|"$/g, "");

/** A guest that says more of them has no loader.conf of a person's. */
const NAMED_MAX = 100;

/**
 * Lines of `text`, the file at `path`, that a guest's loader has refused.
 * @param console - what it printed, a character for each byte
 */
export function reportedLines(console: string, text: string, path: string): LineProblem[] {
  const lines = linesOf(text).map(printedLine);
  const found = new Map<number, LineProblem>();
  for (const line of malformedLines(console, lines, path))
    found.set(line, { line, text: "the guest's loader calls it malformed" });
  const assignments = lines.map((line): Assignment => {
    const sign = line.indexOf("=");
    return sign < 0 ? ["", ""] : [line.slice(0, sign).trim(), line.slice(sign + 1)];
  });
  for (const [said, isMeant, text] of NAMED) {
    const all = new Set(Array.from(console.matchAll(said), ([, name = ""]) => name));
    const names = new Set([...all].slice(0, NAMED_MAX));
    for (const [at, line] of assignments.entries()) if (isMeant(names, line)) found.set(at + 1, { line: at + 1, text });
  }
  for (const [, what, file, content = ""] of console.matchAll(REFUSED)) {
    if (file !== path) continue;
    const line = lines.indexOf(content.replace(/\r+$/, "")) + 1;
    if (line > 0)
      found.set(line, { line, text: `the guest's loader reports a ${what}, and reads no further`, last: true });
    break;
  }
  return [...found.values()].sort((a, b) => a.line - b.line);
}

/** A line as the loader prints it: bytes of UTF-8, a character each. */
const printedLine = (line: string) => latin1(new TextEncoder().encode(line.replace(/\r+$/, "")));

/** FreeBSD's scripts don't count empty lines; others may. What is printed of each line has to be there. */
function malformedLines(console: string, lines: readonly string[], path: string): number[] {
  // LOADING has one group: every second part is a name, and what follows it is of that file.
  const [before = "", ...parts] = console.split(LOADING);
  const own = parts.filter((_, at) => parts[at - 1] === path && at % 2 === 1);
  const said = (parts.includes(path) ? own : [before, ...parts]).flatMap((part) => [...part.matchAll(MALFORMED)]);
  const filled = lines.flatMap((line, at) => (line === "" ? [] : [at + 1]));
  const all = said.map(([, number, content = ""]) => ({
    number: Number(number),
    content: content.replace(/'$/, "").trim(),
  }));
  const placed = (place: (number: number) => number | undefined) =>
    all.flatMap(({ number, content }) => {
      const line = place(number);
      return line !== undefined && lines[line - 1]?.trim() === content ? [line] : [];
    });
  const counted = [placed((number) => filled[number - 1]), placed((number) => number)];
  return counted[1]!.length > counted[0]!.length ? counted[1]! : counted[0]!;
}

/** The name that is being written at `caret`, from its start: a line's first word, before any `=`. */
export function nameAt(text: string, caret: number): { start: number; name: string; whole: string } {
  const start = text.lastIndexOf("\n", caret - 1) + 1;
  const [whole = ""] = /^[\w.-]*/.exec(text.slice(start)) ?? [];
  return { start, name: text.slice(start, Math.min(caret, start + whole.length)), whole };
}
