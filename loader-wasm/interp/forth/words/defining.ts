// Defining words of the core word set: definitions of code, and of data.

import { Op } from "../codes";
import { compileWord, mark, match, Tag } from "../compiler";
import { immediate, loose, primitive, variableAt } from "../define";
import { allotCell, appendCell, appendWord, checkThreshold, latest } from "../dictionary";
import { clearFlag, FLAG_COMPILE_ONLY, FLAG_IMMEDIATE, FLAG_SMUDGE, Header, isWord, setFlag } from "../header";
import { compileToLocal, compileUnlink, forgetLocals } from "../locals";
import { compiling, setCompiling, USER_CELLS, writable } from "../memory";
import { compileLiteral, wantName } from "../outer";
import { CELL, check, fail, looseCheck, pop, push, thrown } from "../stacks";
import { current, findWord } from "../wordlists";

/** Starts a definition called `name`, hidden until it is finished. */
function startDefinition(name: string): void {
  checkThreshold();
  if (thrown != 0) return;
  setCompiling(true);
  forgetLocals();
  mark(Tag.COLON);
  appendWord(current, name, Op.COLON, FLAG_SMUDGE);
}

/** Starts a word with the name that comes next. */
function named(code: i32): bool {
  const name = wantName();
  return thrown == 0 && appendWord(current, name, code, 0) != 0;
}

/** Where the index of the next user variable is. */
let userCount: usize = 0;

function defineUser(name: string, index: i64): bool {
  if (index < 0 || index >= <i64>USER_CELLS) {
    fail("Error - out of user space");
    return false;
  }
  if (appendWord(current, name, Op.USER, 0) == 0) return false;
  appendCell(index);
  return thrown == 0;
}

function defineConstant(): void {
  const name = wantName();
  if (thrown == 0 && check(1, 0) && appendWord(current, name, Op.CONSTANT, 0) != 0) appendCell(pop());
}

/** Definitions of code. */
export function defineDefinitions(): void {
  loose(":", 0, 1, () => {
    const name = wantName();
    if (thrown == 0) startDefinition(name);
  });
  loose(":noname", 0, 2, () => {
    setCompiling(true);
    forgetLocals();
    const xt = appendWord(current, "", Op.COLON, FLAG_SMUDGE);
    push(<i64>xt);
    mark(Tag.COLON);
  });
  immediate(
    ";",
    0,
    0,
    () => {
      if (!match(Tag.COLON)) return;
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
}

/** CREATE and what goes with it: variables, constants, values. */
export function defineData(): void {
  primitive("create", 0, 0, () => {
    const name = wantName();
    if (thrown == 0) checkThreshold();
    if (thrown == 0 && appendWord(current, name, Op.CREATED, 0) != 0) allotCell();
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
    if (named(Op.VARIABLE)) allotCell();
  });
  immediate("2variable", 0, 0, () => {
    if (!named(Op.VARIABLE)) return;
    allotCell();
    allotCell();
  });
  // The name comes first: when there is none, what is on the stack waits.
  primitive("constant", 0, 0, defineConstant);
  primitive("value", 0, 0, defineConstant);
  immediate("2constant", 0, 0, () => {
    const name = wantName();
    if (thrown != 0 || !check(2, 0) || appendWord(current, name, Op.TWO_CONSTANT, 0) == 0) return;
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
      compileLiteral(<i64>changetype<Header>(xt).body);
      compileWord("!");
    } else if (looseCheck(1) && writable(<i64>changetype<Header>(xt).body, CELL)) {
      changetype<Header>(xt).first = pop();
    }
  });
}
