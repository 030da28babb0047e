// The parser: a chunk's tokens to a prototype in one pass (Lua 5.3 Reference Manual, 3; attributes of local
// variables from 5.4, 3.3.7). After an error the lexer gives only ends, so that everything here returns soon;
// `compile` then gives 0 and the error is raised.

import { burn } from "../../../lib/fault";
import { depth, raised, setDepth } from "../run/state";
import { is54 } from "../values/dialect";
import { Prototype } from "../values/objects";
import { Op } from "../values/opcodes";
import { sameString, stringOf, textOf } from "../values/string";
import {
  arenaUsed,
  closeArena,
  EXPRESSION_SIZE,
  goOnIfTrue,
  infoOf,
  isConstant,
  Kind,
  kindOf,
  newExpression,
  openArena,
  setArenaUsed,
  setExpression,
  setResults,
  storeVariable,
  toAnyRegister,
  toNextRegister,
  WHEN_FALSE,
} from "./expression";
import {
  ACTIVE_RECORD,
  BLOCK_ACTIVE,
  BLOCK_CAPTURED,
  BLOCK_CLOSES,
  BLOCK_GOTOS,
  BLOCK_LABELS,
  CLOSE,
  CONST,
  current,
  FunctionState,
  LABEL_ACTIVE,
  LABEL_LINE,
  LABEL_NAME,
  LABEL_PC,
  openMain,
  REGULAR,
} from "./function_state";
import { joinJumps, jump, labelHere, NO_JUMP, patchHere, patchJumps } from "./jumps";
import { advance, lexError, line, startChunk, syntaxError, Token, token } from "./lexer";
import { adjust, checkAssignable, parseExpressionStatement } from "./parser_assignments";
import {
  activate,
  addGoto,
  closeBlock,
  closeFunction,
  newLocal,
  openBlock,
  parseBody,
  resolveGotos,
  toGeneralReturn,
  useStatements,
} from "./parser_blocks";
import { findVariable, nameConstant, parseExpression, parseField, parseList } from "./parser_expressions";
import { accept, check, enter, expect, expectMatch, expectName, leave } from "./tokens";

/** Compiles `size` bytes at `src`, a chunk named `name`. Returns the main function's prototype, or null after raising. */
export function compile(src: usize, size: u32, name: usize): Prototype | null {
  const depthBefore = depth;
  openArena();
  // Whatever is in it is looked at.
  burn(<i64>(size >> 2));
  startChunk(src, size, name);
  useStatements(parseStatements);
  const fs = openMain();
  fs.isVararg = true;
  openBlock(fs, false);
  fs.addUpvalue(stringOf("_ENV"), true, 0, REGULAR);
  advance();
  parseStatements();
  check(Token.EOS);
  closeFunction(fs);
  closeArena();
  setDepth(depthBefore);
  return raised ? null : fs.finish(name);
}

// ---- statements ------------------------------------------------------------------------------------------

/** Whether the token ends a block. */
function endsBlock(withUntil: bool): bool {
  switch (token) {
    case Token.ELSE:
    case Token.ELSEIF:
    case Token.END:
    case Token.EOS:
      return true;
    case Token.UNTIL:
      return withUntil;
    default:
      return false;
  }
}

function parseStatements(): void {
  while (!endsBlock(true)) {
    if (token == Token.RETURN) {
      parseStatement();
      return;
    }
    parseStatement();
  }
}

function parseStatement(): void {
  const at = line;
  const arena = arenaUsed;
  const fs = current;
  enter();
  switch (token) {
    case 0x3b:
      advance();
      break;
    case Token.IF:
      parseIf(at);
      break;
    case Token.WHILE:
      parseWhile(at);
      break;
    case Token.DO:
      advance();
      parseBlock();
      expectMatch(Token.END, Token.DO, at);
      break;
    case Token.FOR:
      parseFor(at);
      break;
    case Token.REPEAT:
      parseRepeat(at);
      break;
    case Token.FUNCTION:
      parseFunction(at);
      break;
    case Token.LOCAL:
      advance();
      if (accept(Token.FUNCTION)) parseLocalFunction();
      else parseLocal();
      break;
    case Token.LABEL:
      advance();
      parseLabel(expectName(), at);
      break;
    case Token.RETURN:
      advance();
      parseReturn();
      break;
    case Token.BREAK:
    case Token.GOTO:
      parseGoto(jump(fs));
      break;
    default:
      parseExpressionStatement();
  }
  fs.free = fs.active.count;
  setArenaUsed(arena);
  leave();
}

function parseBlock(): void {
  const fs = current;
  openBlock(fs, false);
  parseStatements();
  closeBlock(fs);
}

function parseGoto(pc: i32): void {
  const at = line;
  let name: usize;
  if (accept(Token.GOTO)) {
    name = expectName();
  } else {
    advance();
    name = stringOf("break");
  }
  addGoto(current, name, at, pc);
}

function parseLabel(name: usize, at: i32): void {
  const fs = current;
  if (!is54) checkLabel(fs, name, load<i32>(fs.blocks.item(fs.blocks.count - 1), BLOCK_LABELS));
  expect(Token.LABEL);
  if (!is54) addLabel(fs, name, at);
  let index = fs.labels.count - 1;
  while (token == 0x3b || token == Token.LABEL) parseStatement();
  if (is54) {
    // Labels in a row are declared from the last to the first, and those of blocks around this one count.
    checkLabel(fs, name, 0);
    addLabel(fs, name, at);
    index = fs.labels.count - 1;
  }
  const label = fs.labels.item(index);
  // At the end of a block its locals are no longer in scope for the label.
  const block = fs.blocks.item(fs.blocks.count - 1);
  if (endsBlock(false)) store<u32>(label, load<u32>(block, BLOCK_ACTIVE), LABEL_ACTIVE);
  resolveGotos(fs, load<i32>(block, BLOCK_GOTOS), label);
}

/** Raises when one of the labels from `first` on has the name. */
function checkLabel(fs: FunctionState, name: usize, first: i32): void {
  burn((fs.labels.count - first) >> 3);
  for (let i = first; i < fs.labels.count; i++) {
    const label = fs.labels.item(i);
    if (!sameString(<usize>load<u32>(label, LABEL_NAME), name)) continue;
    lexError(`label '${textOf(name)}' already defined on line ${load<i32>(label, LABEL_LINE)}`, 0);
    return;
  }
}

/** Declares a label here. */
function addLabel(fs: FunctionState, name: usize, at: i32): void {
  const label = fs.labels.add();
  store<u32>(label, <u32>name, LABEL_NAME);
  store<u32>(label, labelHere(fs), LABEL_PC);
  store<u32>(label, at, LABEL_LINE);
  store<u32>(label, fs.active.count, LABEL_ACTIVE);
}

/** A condition; returns the jumps to where it is false. */
function parseCondition(): i32 {
  const e = newExpression();
  parseExpression(e);
  if (kindOf(e) == Kind.NIL) store<i32>(e, Kind.FALSE);
  goOnIfTrue(current, e);
  return load<i32>(e, WHEN_FALSE);
}

function parseWhile(at: i32): void {
  const fs = current;
  advance();
  const start = labelHere(fs);
  const out = parseCondition();
  openBlock(fs, true);
  expect(Token.DO);
  parseBlock();
  patchJumps(fs, jump(fs), start);
  expectMatch(Token.END, Token.WHILE, at);
  closeBlock(fs);
  patchHere(fs, out);
}

function parseRepeat(at: i32): void {
  const fs = current;
  const start = labelHere(fs);
  openBlock(fs, true);
  openBlock(fs, false);
  advance();
  parseStatements();
  expectMatch(Token.UNTIL, Token.REPEAT, at);
  let again = parseCondition();
  const inner = fs.blocks.item(fs.blocks.count - 1);
  if (load<u8>(inner, BLOCK_CAPTURED) != 0) {
    // Both ways out of the body close its upvalues.
    const level = load<i32>(inner, BLOCK_ACTIVE) + 1;
    const done = jump(fs);
    store<u8>(fs.instruction(done), <u8>level, 1);
    patchHere(fs, again);
    again = jump(fs);
    store<u8>(fs.instruction(again), <u8>level, 1);
    patchJumps(fs, again, start);
    closeBlock(fs);
    patchHere(fs, done);
  } else {
    closeBlock(fs);
    patchJumps(fs, again, start);
  }
  closeBlock(fs);
}

function parseFor(at: i32): void {
  const fs = current;
  openBlock(fs, true);
  advance();
  const name = expectName();
  switch (token) {
    case 0x3d:
      parseNumericFor(name, at);
      break;
    case 0x2c:
    case Token.IN:
      parseGenericFor(name);
      break;
    default:
      syntaxError("'=' or 'in' expected");
  }
  expectMatch(Token.END, Token.FOR, at);
  closeBlock(fs);
}

/** An expression into the next register. */
function parseToNext(): void {
  const e = newExpression();
  parseExpression(e);
  toNextRegister(current, e);
}

function parseNumericFor(name: usize, at: i32): void {
  const fs = current;
  const base = fs.free;
  newLocal(fs, stringOf(is54 ? STATE_54 : "(for index)"), REGULAR);
  newLocal(fs, stringOf(is54 ? STATE_54 : "(for limit)"), REGULAR);
  newLocal(fs, stringOf(is54 ? STATE_54 : "(for step)"), REGULAR);
  newLocal(fs, name, REGULAR);
  expect(0x3d);
  parseToNext();
  expect(0x2c);
  parseToNext();
  if (accept(0x2c)) {
    parseToNext();
  } else {
    fs.emit(Op.LOADI, fs.free, 0, 1);
    fs.reserve(1);
  }
  parseForBody(base, at, 1, true);
}

/** How Lua 5.4 calls the values behind a loop. */
const STATE_54 = "(for state)";

function parseGenericFor(first: usize): void {
  const fs = current;
  const base = fs.free;
  if (is54) newLocal(fs, stringOf(STATE_54), REGULAR);
  newLocal(fs, stringOf(is54 ? STATE_54 : "(for generator)"), REGULAR);
  newLocal(fs, stringOf("(for state)"), REGULAR);
  newLocal(fs, stringOf(is54 ? STATE_54 : "(for control)"), REGULAR);
  newLocal(fs, first, REGULAR);
  let variables = 1;
  while (accept(0x2c)) {
    newLocal(fs, expectName(), REGULAR);
    variables++;
  }
  expect(Token.IN);
  const at = line;
  const e = newExpression();
  adjust(is54 ? 4 : 3, parseList(e), e);
  fs.need(3);
  if (is54) {
    // The value that is closed at the end goes below the three that the turns need.
    activate(fs, 1);
    closesVariable(fs);
    fs.emit(Op.TFORPREP, base, 0, 0);
  }
  parseForBody(is54 ? base + 1 : base, at, variables, false);
}

function parseForBody(base: i32, at: i32, variables: i32, numeric: bool): void {
  const fs = current;
  activate(fs, 3);
  expect(Token.DO);
  const prepare = numeric ? fs.emit(is54 ? Op.COUNTPREP : Op.FORPREP, base, 0, NO_JUMP) : jump(fs);
  openBlock(fs, false);
  activate(fs, variables);
  fs.reserve(variables);
  parseStatements();
  closeBlock(fs);
  patchHere(fs, prepare);
  let end: i32;
  if (numeric) {
    end = fs.emit(is54 ? Op.COUNTLOOP : Op.FORLOOP, base, 0, NO_JUMP);
  } else {
    fs.emit(Op.TFORCALL, base, variables, 0);
    fs.fixLine(at);
    end = fs.emit(Op.TFORLOOP, base + 2, 0, NO_JUMP);
  }
  patchJumps(fs, end, prepare + 1);
  fs.fixLine(at);
}

function parseIf(at: i32): void {
  const fs = current;
  let out = parseThen(NO_JUMP);
  while (token == Token.ELSEIF) out = parseThen(out);
  if (accept(Token.ELSE)) parseBlock();
  expectMatch(Token.END, Token.IF, at);
  patchHere(fs, out);
}

/** `if` or `elseif` with its block; returns `out` with the jump over what follows. */
function parseThen(out: i32): i32 {
  const fs = current;
  advance();
  const arena = arenaUsed;
  const skip = parseCondition();
  setArenaUsed(arena);
  expect(Token.THEN);
  parseBlock();
  if (token == Token.ELSE || token == Token.ELSEIF) out = joinJumps(fs, jump(fs), out);
  patchHere(fs, skip);
  return out;
}

function parseLocalFunction(): void {
  const fs = current;
  newLocal(fs, expectName(), REGULAR);
  activate(fs, 1);
  fs.reserve(1);
  const variable = fs.active.count - 1;
  const e = newExpression();
  parseBody(e, false, line);
  // The function was made in the next register.
  const target = newExpression();
  setExpression(target, Kind.LOCAL, variable);
  storeVariable(fs, target, e);
  // It can be seen for messages only when it is there.
  fs.local(load<u32>(fs.active.item(variable), ACTIVE_RECORD)).first = fs.pc;
}

function parseAttribute(): u32 {
  if (!is54 || !accept(0x3c)) return REGULAR;
  const name = textOf(expectName());
  expect(0x3e);
  if (name == "const") return CONST;
  if (name == "close") return CLOSE;
  lexError(`unknown attribute '${name}'`, 0);
  return REGULAR;
}

function parseLocal(): void {
  const fs = current;
  let count = 0;
  let toClose = -1;
  let attribute = REGULAR;
  do {
    const name = expectName();
    attribute = parseAttribute();
    newLocal(fs, name, attribute);
    if (attribute == CLOSE) {
      if (toClose >= 0) lexError("multiple to-be-closed variables in local list", 0);
      toClose = fs.active.count + count;
    }
    count++;
  } while (accept(0x2c));
  const e = newExpression();
  let values = 0;
  if (accept(0x3d)) values = parseList(e);
  // In Lua 5.4 a constant with a constant value is that value wherever it is used.
  const value = newExpression();
  if (is54 && attribute == CONST && values == count && isConstant(e)) memory.copy(value, e, EXPRESSION_SIZE);
  adjust(count, values, e);
  activate(fs, count);
  if (kindOf(value) != Kind.VOID) nameConstant(fs, fs.active.count - 1, value);
  if (toClose >= 0) {
    closesVariable(fs);
    fs.emit(Op.TBC, toClose, 0, 0);
  }
}

/** A variable of the block is to be closed: all ways out of it do so. */
function closesVariable(fs: FunctionState): void {
  const block = fs.blocks.item(fs.blocks.count - 1);
  store<u8>(block, 1, BLOCK_CAPTURED);
  store<u8>(block, 1, BLOCK_CLOSES);
}

function parseFunction(at: i32): void {
  const fs = current;
  advance();
  const target = newExpression();
  findVariable(expectName(), target);
  let self = false;
  const arena = arenaUsed;
  while (token == 0x2e) {
    parseField(target);
    setArenaUsed(arena);
  }
  if (token == 0x3a) {
    self = true;
    parseField(target);
  }
  const e = newExpression();
  parseBody(e, self, at);
  checkAssignable(target);
  storeVariable(fs, target, e);
  fs.fixLine(at);
}

function parseReturn(): void {
  const fs = current;
  const closes = load<u8>(fs.blocks.item(fs.blocks.count - 1), BLOCK_CLOSES) != 0;
  let first = fs.active.count;
  let count = 0;
  if (!endsBlock(true) && token != 0x3b) {
    const e = newExpression();
    count = parseList(e);
    if (kindOf(e) == Kind.CALL || kindOf(e) == Kind.VARARG) {
      setResults(fs, e, -1);
      if (kindOf(e) == Kind.CALL && count == 1 && !closes) {
        store<u8>(fs.instruction(infoOf(e)), <u8>Op.TAILCALL);
      }
      count = -1;
    } else if (count == 1) {
      first = toAnyRegister(fs, e);
    } else {
      toNextRegister(fs, e);
    }
  }
  const pc = count == 1 ? fs.emit(Op.RETURN1, first, 0, 0) : fs.emit(Op.RETURN, first, count + 1, 0);
  if (closes) toGeneralReturn(fs, pc);
  accept(0x3b);
}
