// Words that compile: definitions, control structures, literals, locals. Open control structures stand on
// the data stack, each with a tag that tells what it is.

import { stringAt } from "../../lib/bytes";
import {
  BRANCH,
  BRANCH_ZERO,
  COLON,
  CONSTANT,
  CREATED,
  DO,
  DOES,
  EXIT,
  EXIT_INNER,
  LEAVE,
  LITERAL,
  LOOP,
  OF,
  PLUS_LOOP,
  QUESTION_DO,
  TEXT,
  TWO_CONSTANT,
  UNLOOP,
  USER,
  VARIABLE,
} from "./codes";
import { constant, fast, hot, immediate, loose, primitive, sample, variableAt } from "./define";
import {
  align,
  appendCell,
  appendWord,
  BODY,
  checkThreshold,
  clearFlag,
  current,
  FLAG_COMPILE_ONLY,
  FLAG_IMMEDIATE,
  FLAG_SMUDGE,
  FORTH_WORDLIST,
  findWord,
  flagsOf,
  isWord,
  latest,
  room,
  searchList,
  setCode,
  setFlag,
} from "./dictionary";
import { enter, setStopCell } from "./inner";
import { compileToLocal, compileUnlink, forgetLocals } from "./locals";
import {
  check,
  compiling,
  depth,
  fail,
  here,
  INNER_EXIT,
  ip,
  looseCheck,
  peek,
  placeText,
  pop,
  popReturn,
  push,
  readable,
  setCompiling,
  setHere,
  setIp,
  throwCode,
  thrown,
  USER_CELLS,
  writable,
} from "./memory";
import { compileLiteral, parseUntil, tickNext, wantName } from "./outer";

// Tags.
const COLON_TAG: i64 = 0x7a000001;
const DO_TAG: i64 = 0x7a000002;
const LEAVE_TAG: i64 = 0x7a000003;
const TARGET_TAG: i64 = 0x7a000004;
const ORIGIN_TAG: i64 = 0x7a000005;
const CASE_TAG: i64 = 0x7a000006;
const OF_TAG: i64 = 0x7a000007;
const FALL_TAG: i64 = 0x7a000008;
const TAG_NAMES: string[] = ["colon", "do", "leave", "target", "origin", "case", "of", "fallthrough"];

/** The word `name` of the system, for code that is compiled. */
export function systemWord(name: string): i64 {
  return <i64>searchList(FORTH_WORDLIST, name);
}

export function compileWord(name: string): void {
  appendCell(systemWord(name));
}

function mark(tag: i64): void {
  push(tag);
}

/** Takes `tag` off the stack; unwinding when something else is there. */
function match(tag: i64): bool {
  if (!check(1, 0)) return false;
  if (pop() == tag) return true;
  fail(`Error -- unmatched control structure "${TAG_NAMES[<i32>(tag & 15) - 1]}"`);
  return false;
}

/** Leaves the place of a branch that is to be filled in. */
function markBranch(tag: i64): void {
  push(<i64>here);
  mark(tag);
}

/** An address that the dictionary still has room at, from the stack. */
function popPatch(): usize {
  if (!check(1, 0)) return 0;
  const address = pop();
  return writable(address, 8) ? <usize>address : 0;
}

function patch(address: usize, target: usize): void {
  if (address != 0) store<i64>(address, (<i64>target - <i64>address) >> 3);
}

function resolveForward(tag: i64): void {
  if (match(tag)) patch(popPatch(), here);
}

function resolveBack(tag: i64): void {
  if (!match(tag)) return;
  const target = popPatch();
  if (thrown == 0) appendCell((<i64>target - <i64>here) >> 3);
}

function startLoop(word: string): void {
  compileWord(word);
  markBranch(LEAVE_TAG);
  appendCell(0);
  markBranch(DO_TAG);
}

function endLoop(word: string): void {
  compileWord(word);
  resolveBack(DO_TAG);
  if (thrown != 0 || !match(LEAVE_TAG)) return;
  const address = popPatch();
  if (address != 0) store<i64>(address, <i64>here);
}

/** Starts a definition called `name`, hidden until it is finished. */
function startDefinition(name: string): void {
  checkThreshold();
  if (thrown != 0) return;
  setCompiling(true);
  forgetLocals();
  mark(COLON_TAG);
  appendWord(current, name, COLON, FLAG_SMUDGE);
}

/** Starts a word with the name that comes next. */
function named(code: i32): bool {
  const name = wantName();
  return thrown == 0 && appendWord(current, name, code, 0) != 0;
}

/** Puts `text` with a count and a NUL at `here` and returns its size there. */
export function placeCounted(text: string): i32 {
  const size = min(text.length, 255);
  if (!room(<i64>size + 2)) return 0;
  store<u8>(here, <u8>size);
  placeText(here + 1, text.substring(0, size));
  return size + 2;
}

/** Compiles a text behind the word `word`. */
export function compileText(word: string, text: string): void {
  compileWord(word);
  setHere(here + <usize>placeCounted(text));
  align();
}

function skipText(): usize {
  const at = ip;
  setIp((ip + <usize>load<u8>(ip) + 2 + 7) & ~(<usize>7));
  return at;
}

function textLiteral(): void {
  const text = parseUntil(0x22);
  if (compiling()) {
    compileText('(.")', text);
    return;
  }
  const size = placeCounted(text);
  if (size == 0) return;
  push(<i64>here + 1);
  push(size - 2);
}

export function defineCompile(): void {
  hot("(literal)", LITERAL);
  hot("(branch)", BRANCH);
  hot("(branch0)", BRANCH_ZERO);
  hot("(loop)", LOOP);
  hot("(;)", EXIT);
  // What ends `execute` has no name; a script that wants to end it can throw the code.
  align();
  const stop = appendWord(current, "", EXIT_INNER, 0);
  setStopCell(here);
  appendCell(<i64>stop);
  primitive("exit-inner", 0, 0, () => throwCode(INNER_EXIT));
  primitive(
    "(2literal)",
    0,
    2,
    () => {
      push(load<i64>(ip + 8));
      push(load<i64>(ip));
      setIp(ip + 16);
    },
    true,
  );
  hot("(do)", DO);
  hot("(?do)", QUESTION_DO);
  hot("(+loop)", PLUS_LOOP);
  fast("(of)", OF);
  hot('(.")', TEXT);
  primitive('(c")', 0, 1, () => push(<i64>skipText()), true);
  primitive(
    "(does>)",
    0,
    0,
    () => {
      if (!isWord(latest)) return;
      setCode(latest, DOES);
      store<u64>(latest + BODY, ip);
      setIp(<usize>popReturn());
    },
    true,
  );
  hot("leave", LEAVE);
  hot("unloop", UNLOOP);

  // Definitions.
  loose(":", 0, 1, () => {
    const name = wantName();
    if (thrown == 0) startDefinition(name);
  });
  loose(":noname", 0, 2, () => {
    setCompiling(true);
    forgetLocals();
    const xt = appendWord(current, "", COLON, FLAG_SMUDGE);
    push(<i64>xt);
    mark(COLON_TAG);
  });
  immediate(
    ";",
    0,
    0,
    () => {
      if (!match(COLON_TAG)) return;
      compileUnlink();
      forgetLocals();
      compileWord("(;)");
      setCompiling(false);
      if (isWord(latest)) clearFlag(latest, FLAG_SMUDGE);
    },
    true,
  );
  immediate(
    "exit",
    0,
    0,
    () => {
      compileUnlink();
      compileWord("(exit)");
    },
    true,
  );
  immediate("recurse", 0, 0, () => appendCell(<i64>latest), true);
  primitive("immediate", 0, 0, () => {
    if (isWord(latest)) setFlag(latest, FLAG_IMMEDIATE);
  });
  primitive("compile-only", 0, 0, () => {
    if (isWord(latest)) setFlag(latest, FLAG_COMPILE_ONLY);
  });
  immediate("[", 0, 0, () => setCompiling(false), true);
  primitive("]", 0, 0, () => setCompiling(true));
  primitive("create", 0, 0, () => {
    const name = wantName();
    if (thrown == 0) checkThreshold();
    if (thrown == 0 && appendWord(current, name, CREATED, 0) != 0) appendCell(0);
  });
  immediate(
    "does>",
    0,
    0,
    () => {
      compileUnlink();
      forgetLocals();
      compileWord("(does>)");
    },
    true,
  );
  primitive("variable", 0, 0, () => {
    if (named(VARIABLE)) appendCell(0);
  });
  immediate("2variable", 0, 0, () => {
    if (!named(VARIABLE)) return;
    appendCell(0);
    appendCell(0);
  });
  // The name comes first: when there is none, what is on the stack waits.
  primitive("constant", 0, 0, defineConstant);
  primitive("value", 0, 0, defineConstant);
  immediate("2constant", 0, 0, () => {
    const name = wantName();
    if (thrown != 0 || !check(2, 0) || appendWord(current, name, TWO_CONSTANT, 0) == 0) return;
    const top = pop();
    appendCell(pop());
    appendCell(top);
  });
  // A user variable with the index on the stack; then with the next free one.
  loose("user", 1, 0, () => {
    const name = wantName();
    if (thrown == 0) defineUser(name, pop());
  });
  userCount = variableAt("nUser");
  primitive("user", 0, 0, () => {
    const name = wantName();
    if (thrown == 0 && defineUser(name, load<i64>(userCount))) store<i64>(userCount, load<i64>(userCount) + 1);
  });
  immediate("to", 0, 0, () => {
    const name = wantName();
    if (thrown != 0) return;
    if (compiling() && compileToLocal(name)) return;
    const xt = findWord(name);
    if (xt == 0) fail(`${name} not found`);
    else if (compiling()) {
      compileLiteral(<i64>xt + <i64>BODY);
      compileWord("!");
    } else if (looseCheck(1) && writable(<i64>(xt + BODY), 8)) {
      store<i64>(xt + BODY, pop());
    }
  });

  // Control structures.
  immediate(
    "if",
    0,
    2,
    () => {
      compileWord("(branch0)");
      markBranch(ORIGIN_TAG);
      appendCell(1);
    },
    true,
  );
  immediate(
    "else",
    0,
    0,
    () => {
      if (!match(ORIGIN_TAG)) return;
      const address = popPatch();
      compileWord("(branch)");
      markBranch(ORIGIN_TAG);
      appendCell(1);
      patch(address, here);
    },
    true,
  );
  immediate("then", 0, 0, () => resolveForward(ORIGIN_TAG), true);
  immediate("endif", 0, 0, () => resolveForward(ORIGIN_TAG), true);
  immediate("begin", 0, 2, () => markBranch(TARGET_TAG), true);
  immediate(
    "until",
    0,
    0,
    () => {
      compileWord("(branch0)");
      resolveBack(TARGET_TAG);
    },
    true,
  );
  immediate(
    "again",
    0,
    0,
    () => {
      compileWord("(branch)");
      resolveBack(TARGET_TAG);
    },
    true,
  );
  immediate(
    "while",
    2,
    4,
    () => {
      compileWord("(branch0)");
      const tag = pop();
      const place = pop();
      markBranch(ORIGIN_TAG);
      push(place);
      push(tag);
      appendCell(1);
    },
    true,
  );
  immediate(
    "repeat",
    0,
    0,
    () => {
      compileWord("(branch)");
      resolveBack(TARGET_TAG);
      resolveForward(ORIGIN_TAG);
    },
    true,
  );
  immediate("do", 0, 4, () => startLoop("(do)"), true);
  immediate("?do", 0, 4, () => startLoop("(?do)"), true);
  immediate("loop", 0, 0, () => endLoop("(loop)"), true);
  immediate("+loop", 0, 0, () => endLoop("(+loop)"), true);
  immediate(
    "case",
    0,
    2,
    () => {
      push(0);
      mark(CASE_TAG);
    },
    true,
  );
  immediate(
    "of",
    1,
    3,
    () => {
      let through: usize = 0;
      if (peek(0) == FALL_TAG) {
        pop();
        through = popPatch();
      }
      if (!match(CASE_TAG)) return;
      mark(CASE_TAG);
      compileWord("(of)");
      markBranch(OF_TAG);
      appendCell(2);
      patch(through, here);
    },
    true,
  );
  immediate(
    "endof",
    4,
    3,
    () => {
      if (!match(OF_TAG)) return;
      const address = popPatch();
      if (!match(CASE_TAG) || !check(1, 0)) return;
      const count = pop();
      compileWord("(branch)");
      push(<i64>here);
      push(count + 1);
      mark(CASE_TAG);
      appendCell(2);
      patch(address, here);
    },
    true,
  );
  immediate(
    "fallthrough",
    4,
    3,
    () => {
      if (!match(OF_TAG)) return;
      const address = popPatch();
      if (!match(CASE_TAG)) return;
      mark(CASE_TAG);
      compileWord("(branch)");
      push(<i64>here);
      mark(FALL_TAG);
      appendCell(2);
      patch(address, here);
    },
    true,
  );
  immediate(
    "endcase",
    1,
    0,
    () => {
      let through: i64 = 0;
      if (peek(0) == FALL_TAG) {
        pop();
        through = pop();
      }
      if (!match(CASE_TAG) || !check(1, 0)) return;
      const count = pop();
      if (count < 0 || count > <i64>depth()) {
        fail("Error: stack underflow");
        return;
      }
      compileWord("drop");
      if (through != 0 && writable(through, 8)) patch(<usize>through, here);
      for (let i: i64 = 0; i < count; i++) patch(popPatch(), here);
    },
    true,
  );

  // Literals and references.
  immediate("literal", 0, 0, () => {
    if (looseCheck(1)) compileLiteral(pop());
  });
  immediate("2literal", 0, 0, () => {
    if (!looseCheck(2)) return;
    compileWord("(2literal)");
    appendCell(pop());
    appendCell(pop());
  });
  immediate(
    "sliteral",
    2,
    0,
    () => {
      const size = pop();
      const address = pop();
      if (size < 0 || size > 255) fail("Error: text too long");
      else if (readable(address, size)) compileText('(.")', stringAt(<usize>address, <i32>size));
    },
    true,
  );
  immediate('s"', 0, 2, textLiteral);
  immediate('c"', 0, 1, () => {
    const text = parseUntil(0x22);
    if (compiling()) compileText('(c")', text);
    else if (placeCounted(text) != 0) push(<i64>here);
  });
  immediate(
    '."',
    0,
    0,
    () => {
      compileText('(.")', parseUntil(0x22));
      compileWord("type");
    },
    true,
  );
  primitive("'", 0, 1, () => {
    const xt = tickNext();
    if (xt != 0) push(<i64>xt);
  });
  immediate(
    "[']",
    0,
    0,
    () => {
      const xt = tickNext();
      if (xt != 0) compileLiteral(<i64>xt);
    },
    true,
  );
  primitive("char", 0, 1, () => {
    const word = wantName();
    if (thrown == 0) push(word.charCodeAt(0));
  });
  immediate(
    "[char]",
    0,
    0,
    () => {
      const word = wantName();
      if (thrown == 0) compileLiteral(word.charCodeAt(0));
    },
    true,
  );
  immediate(
    "postpone",
    0,
    0,
    () => {
      const xt = tickNext();
      if (xt == 0) return;
      if ((flagsOf(xt) & FLAG_IMMEDIATE) != 0) {
        appendCell(<i64>xt);
        return;
      }
      compileLiteral(<i64>xt);
      compileWord(",");
    },
    true,
  );
  primitive("execute", 1, 0, () => enter(<usize>pop()));
  sample("(create)", CREATED);
  sample("(variable)", VARIABLE);
  sample("(constant)", CONSTANT);
  appendWord(current, "(user)", USER, 0);
  appendCell(0);
  constant("bl", 32);
  constant("false", 0);
  constant("true", -1);
}

/** Where the index of the next user variable is. */
let userCount: usize = 0;

function defineUser(name: string, index: i64): bool {
  if (index < 0 || index >= <i64>USER_CELLS) {
    fail("Error - out of user space");
    return false;
  }
  if (appendWord(current, name, USER, 0) == 0) return false;
  appendCell(index);
  return thrown == 0;
}

function defineConstant(): void {
  const name = wantName();
  if (thrown == 0 && check(1, 0) && appendWord(current, name, CONSTANT, 0) != 0) appendCell(pop());
}
