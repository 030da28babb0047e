// The parser: a chunk's tokens to a prototype in one pass (Lua 5.3 Reference Manual, 3; attributes of local
// variables from 5.4, 3.3.7). After an error the lexer gives only ends, so that everything here returns soon;
// `compile` then gives 0 and the error is raised.

import { burn } from "../../lib/fault";
import {
  arenaUsed,
  auxOf,
  closeArena,
  goOnIfTrue,
  infoOf,
  joinJumps,
  jump,
  Kind,
  kindOf,
  labelHere,
  loadNil,
  NO_JUMP,
  newExpression,
  oneResult,
  openArena,
  patchHere,
  patchJumps,
  setArenaUsed,
  setExpression,
  setResults,
  storeVariable,
  TAG,
  toAnyRegister,
  toNextRegister,
  WHEN_FALSE,
} from "./expression";
import {
  ACTIVE_ATTRIBUTE,
  ACTIVE_NAME,
  ACTIVE_RECORD,
  BLOCK_ACTIVE,
  BLOCK_CAPTURED,
  BLOCK_GOTOS,
  BLOCK_LABELS,
  BLOCK_LOOP,
  CLOSE,
  CONST,
  FunctionState,
  LABEL_ACTIVE,
  LABEL_LINE,
  LABEL_NAME,
  LABEL_PC,
  LOCALS_LIMIT,
  openFunction,
  REGULAR,
} from "./function_state";
import {
  advance,
  chunkSource,
  lexError,
  line,
  startChunk,
  syntaxError,
  Token,
  token,
  tokenString,
  tokenText,
} from "./lexer";
import { Op, opOf } from "./opcodes";
import { findVariable, parseExpression, parseField, parsePrimary } from "./parser_expressions";
import { DEPTH_LIMIT, depth, raised, setDepth } from "./state";
import { sameString, stringOf, textOf } from "./string";

let functions: i32 = 0;
/** The function that is being compiled. */
export let current: FunctionState = new FunctionState();

/** Compiles `size` bytes at `src`, a chunk named `name`. Returns the main function's prototype, or 0 after raising. */
export function compile(src: usize, size: u32, name: usize): usize {
  const depthBefore = depth;
  openArena();
  functions = 0;
  // Whatever is in it is looked at.
  burn(<i64>(size >> 2));
  startChunk(src, size, name);
  const fs = openFunction(null, 0);
  current = fs;
  fs.isVararg = true;
  openBlock(fs, false);
  fs.addUpvalue(stringOf("_ENV"), true, 0, REGULAR);
  advance();
  parseStatements();
  check(Token.EOS);
  closeFunction(fs);
  closeArena();
  setDepth(depthBefore);
  return raised ? 0 : fs.finish(name);
}

// ---- tokens ----------------------------------------------------------------------------------------------

export function accept(which: i32): bool {
  if (token != which) return false;
  advance();
  return true;
}

export function check(which: i32): void {
  if (token != which && !raised) syntaxError(`${tokenText(which)} expected`);
}

export function expect(which: i32): void {
  check(which);
  advance();
}

/** Expects what closes something that began with `opened` at line `at`. */
export function expectMatch(which: i32, opened: i32, at: i32): void {
  if (token == which) {
    advance();
    return;
  }
  // Levels that are left because of an error have nothing to add.
  if (raised) return;
  if (at == line) syntaxError(`${tokenText(which)} expected`);
  else syntaxError(`${tokenText(which)} expected (to close ${tokenText(opened)} at line ${at})`);
}

export function expectName(): usize {
  check(Token.NAME);
  const name = tokenString;
  advance();
  return name;
}

/** One level of syntax deeper. */
export function enter(): void {
  setDepth(depth + 1);
  current.checkLimit(depth, DEPTH_LIMIT, "C levels");
}

export function leave(): void {
  setDepth(depth - 1);
}

// ---- functions and blocks --------------------------------------------------------------------------------

function openBlock(fs: FunctionState, loop: bool): void {
  const block = fs.blocks.add();
  store<u32>(block, fs.labels.count, BLOCK_LABELS);
  store<u32>(block, fs.gotos.count, BLOCK_GOTOS);
  store<u32>(block, fs.active.count, BLOCK_ACTIVE);
  store<u8>(block, 0, BLOCK_CAPTURED);
  store<u8>(block, <u8>loop, BLOCK_LOOP);
}

function closeBlock(fs: FunctionState): void {
  const block = fs.blocks.item(fs.blocks.count - 1);
  const active = load<i32>(block, BLOCK_ACTIVE);
  const captured = load<u8>(block, BLOCK_CAPTURED) != 0;
  const loop = load<u8>(block, BLOCK_LOOP) != 0;
  const outermost = fs.blocks.count == 1;
  if (!outermost && captured) {
    // Leaving by the end closes upvalues.
    const at = jump(fs);
    store<u8>(fs.instruction(at), <u8>(active + 1), 1);
    patchHere(fs, at);
  }
  const firstGoto = load<i32>(block, BLOCK_GOTOS);
  const firstLabel = load<i32>(block, BLOCK_LABELS);
  fs.removeLocals(active);
  fs.free = active;
  if (loop) defineBreak(fs, firstGoto);
  fs.labels.count = firstLabel;
  fs.blocks.count--;
  if (!outermost) moveGotosOut(fs, firstGoto, active, captured);
  else if (firstGoto < fs.gotos.count) undefinedGoto(fs.gotos.item(firstGoto));
}

function closeFunction(fs: FunctionState): void {
  fs.emit(Op.RETURN, 0, 1, 0);
  closeBlock(fs);
}

/** Returns in functions with variables to be closed go through the general instruction. */
function toGeneralReturn(fs: FunctionState, pc: i32): void {
  const at = fs.instruction(pc);
  if (opOf(at) == Op.RETURN1) {
    store<u8>(at, <u8>Op.RETURN);
    store<u16>(at, 2, 2);
  }
}

/** Compiles a function's parameters and body after the name; `self` adds a parameter. Leaves CLOSURE in `e`. */
export function parseBody(e: usize, self: bool, at: i32): void {
  const outer = current;
  functions++;
  const fs = openFunction(outer, functions);
  current = fs;
  fs.firstLine = at;
  openBlock(fs, false);
  expect(0x28);
  if (self) {
    newLocal(fs, stringOf("self"), REGULAR);
    activate(fs, 1);
  }
  parseParameters(fs);
  expect(0x29);
  parseStatements();
  fs.lastLine = line;
  expectMatch(Token.END, Token.FUNCTION, at);
  closeFunction(fs);
  const proto: usize = raised ? 0 : fs.finish(chunkSource());
  functions--;
  current = outer;
  store<u32>(outer.protos.add(), <u32>proto);
  setExpression(e, Kind.OPEN, outer.emit(Op.CLOSURE, 0, 0, outer.protos.count - 1));
  toNextRegister(outer, e);
}

function parseParameters(fs: FunctionState): void {
  let count = 0;
  if (token != 0x29) {
    do {
      if (token == Token.NAME) {
        newLocal(fs, expectName(), REGULAR);
        count++;
      } else if (token == Token.DOTS) {
        advance();
        fs.isVararg = true;
      } else {
        syntaxError("<name> or '...' expected");
      }
    } while (!fs.isVararg && accept(0x2c));
  }
  activate(fs, count);
  fs.parameters = fs.active.count;
  fs.reserve(fs.active.count);
}

// ---- local variables -------------------------------------------------------------------------------------

function newLocal(fs: FunctionState, name: usize, attribute: u32): void {
  const record = fs.describeLocal(name);
  if (!fs.checkLimit(fs.active.count + fs.pending + 1, LOCALS_LIMIT, "local variables")) return;
  store<u32>(fs.locals.item(record), attribute, 8);
  fs.pending++;
}

/** The last `count` declared variables can be seen from here on. */
export function activate(fs: FunctionState, count: i32): void {
  const wanted = min(count, fs.pending);
  const first = fs.locals.count - fs.pending;
  for (let i = 0; i < wanted; i++) {
    const record = fs.locals.item(first + i);
    const active = fs.active.add();
    store<u32>(active, first + i, ACTIVE_RECORD);
    store<u32>(active, load<u32>(record, 8), ACTIVE_ATTRIBUTE);
    store<u32>(active, load<u32>(record), ACTIVE_NAME);
    store<u32>(record, fs.pc, 4);
    store<u32>(record, 0, 8);
  }
  fs.pending -= wanted;
}

// ---- labels and gotos ------------------------------------------------------------------------------------

function addGoto(fs: FunctionState, name: usize, at: i32, pc: i32): void {
  const entry = fs.gotos.add();
  store<u32>(entry, <u32>name, LABEL_NAME);
  store<u32>(entry, pc, LABEL_PC);
  store<u32>(entry, at, LABEL_LINE);
  store<u32>(entry, fs.active.count, LABEL_ACTIVE);
  // A label of this block that was already seen: a jump back. Those of enclosing blocks are found on the way out.
  burn((fs.labels.count - load<i32>(fs.blocks.item(fs.blocks.count - 1), BLOCK_LABELS)) >> 3);
  for (let i = load<i32>(fs.blocks.item(fs.blocks.count - 1), BLOCK_LABELS); i < fs.labels.count; i++) {
    const label = fs.labels.item(i);
    if (!sameString(<usize>load<u32>(label, LABEL_NAME), name)) continue;
    const active = load<u32>(label, LABEL_ACTIVE);
    if (load<u32>(entry, LABEL_ACTIVE) > active) closeFrom(fs, pc, active);
    fs.gotos.count--;
    patchJumps(fs, pc, load<i32>(label, LABEL_PC));
    return;
  }
}

/** The jump at `pc` closes upvalues from local `level` on. */
function closeFrom(fs: FunctionState, pc: i32, level: u32): void {
  store<u8>(fs.instruction(pc), <u8>(level + 1), 1);
}

/** The waiting gotos from `first` on that want `label` lead there. */
function resolveGotos(fs: FunctionState, first: i32, label: usize): void {
  burn((fs.gotos.count - first) >> 3);
  let i = first;
  while (i < fs.gotos.count) {
    const entry = fs.gotos.item(i);
    if (!sameString(<usize>load<u32>(entry, LABEL_NAME), <usize>load<u32>(label, LABEL_NAME))) {
      i++;
      continue;
    }
    if (load<u32>(entry, LABEL_ACTIVE) < load<u32>(label, LABEL_ACTIVE)) {
      const name = textOf(<usize>load<u32>(entry, LABEL_NAME));
      const local = textOf(fs.localName(load<i32>(entry, LABEL_ACTIVE)));
      lexError(`<goto ${name}> at line ${load<i32>(entry, LABEL_LINE)} jumps into the scope of local '${local}'`, 0);
      return;
    }
    patchJumps(fs, load<i32>(entry, LABEL_PC), load<i32>(label, LABEL_PC));
    removeGoto(fs, i);
  }
}

function removeGoto(fs: FunctionState, index: i32): void {
  burn((fs.gotos.count - index) >> 4);
  const at = fs.gotos.item(index);
  memory.copy(at, at + 16, <usize>((fs.gotos.count - index - 1) * 16));
  fs.gotos.count--;
}

/** Gotos that found no label in a block wait in the one around it, where fewer locals are active. */
function moveGotosOut(fs: FunctionState, first: i32, active: i32, captured: bool): void {
  let i = first;
  while (i < fs.gotos.count) {
    const entry = fs.gotos.item(i);
    if (load<i32>(entry, LABEL_ACTIVE) > active) {
      if (captured) closeFrom(fs, load<i32>(entry, LABEL_PC), <u32>active);
      store<u32>(entry, active, LABEL_ACTIVE);
    }
    const before = fs.gotos.count;
    const block = fs.blocks.item(fs.blocks.count - 1);
    burn(1 + ((fs.labels.count - load<i32>(block, BLOCK_LABELS)) >> 3));
    for (let j = load<i32>(block, BLOCK_LABELS); j < fs.labels.count; j++) {
      const label = fs.labels.item(j);
      if (!sameString(<usize>load<u32>(label, LABEL_NAME), <usize>load<u32>(entry, LABEL_NAME))) continue;
      // Back to where fewer locals are: what closures have of them are other variables from now on.
      const kept = load<u32>(label, LABEL_ACTIVE);
      if (load<u32>(entry, LABEL_ACTIVE) > kept) closeFrom(fs, load<i32>(entry, LABEL_PC), kept);
      resolveOne(fs, i, label);
      break;
    }
    if (fs.gotos.count == before) i++;
  }
}

function resolveOne(fs: FunctionState, index: i32, label: usize): void {
  patchJumps(fs, load<i32>(fs.gotos.item(index), LABEL_PC), load<i32>(label, LABEL_PC));
  removeGoto(fs, index);
}

function defineBreak(fs: FunctionState, first: i32): void {
  const label = fs.labels.add();
  store<u32>(label, <u32>stringOf("break"), LABEL_NAME);
  store<u32>(label, labelHere(fs), LABEL_PC);
  store<u32>(label, line, LABEL_LINE);
  store<u32>(label, fs.active.count, LABEL_ACTIVE);
  // The gotos still have the active locals of where they are; they leave them all.
  for (let i = first; i < fs.gotos.count; i++) {
    const entry = fs.gotos.item(i);
    if (!sameString(<usize>load<u32>(entry, LABEL_NAME), <usize>load<u32>(label, LABEL_NAME))) continue;
    const block = fs.blocks.item(fs.blocks.count - 1);
    if (load<u8>(block, BLOCK_CAPTURED) != 0 && load<u32>(entry, LABEL_ACTIVE) > load<u32>(block, BLOCK_ACTIVE)) {
      closeFrom(fs, load<i32>(entry, LABEL_PC), load<u32>(block, BLOCK_ACTIVE));
    }
    resolveOne(fs, i, label);
    i--;
  }
}

function undefinedGoto(entry: usize): void {
  const name = textOf(<usize>load<u32>(entry, LABEL_NAME));
  const at = load<i32>(entry, LABEL_LINE);
  if (name == "break") lexError(`<break> at line ${at} not inside a loop`, 0);
  else lexError(`no visible label '${name}' for <goto> at line ${at}`, 0);
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
  const block = fs.blocks.item(fs.blocks.count - 1);
  burn((fs.labels.count - load<i32>(block, BLOCK_LABELS)) >> 3);
  for (let i = load<i32>(block, BLOCK_LABELS); i < fs.labels.count; i++) {
    const label = fs.labels.item(i);
    if (!sameString(<usize>load<u32>(label, LABEL_NAME), name)) continue;
    lexError(`label '${textOf(name)}' already defined on line ${load<i32>(label, LABEL_LINE)}`, 0);
    return;
  }
  expect(Token.LABEL);
  const label = fs.labels.add();
  const index = fs.labels.count - 1;
  store<u32>(label, <u32>name, LABEL_NAME);
  store<u32>(label, labelHere(fs), LABEL_PC);
  store<u32>(label, at, LABEL_LINE);
  store<u32>(label, fs.active.count, LABEL_ACTIVE);
  while (token == 0x3b || token == Token.LABEL) parseStatement();
  // At the end of a block its locals are no longer in scope for the label.
  const active = endsBlock(false) ? load<u32>(fs.blocks.item(fs.blocks.count - 1), BLOCK_ACTIVE) : fs.active.count;
  store<u32>(fs.labels.item(index), active, LABEL_ACTIVE);
  resolveGotos(fs, load<i32>(fs.blocks.item(fs.blocks.count - 1), BLOCK_GOTOS), fs.labels.item(index));
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
  newLocal(fs, stringOf("(for index)"), REGULAR);
  newLocal(fs, stringOf("(for limit)"), REGULAR);
  newLocal(fs, stringOf("(for step)"), REGULAR);
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

function parseGenericFor(first: usize): void {
  const fs = current;
  const base = fs.free;
  newLocal(fs, stringOf("(for generator)"), REGULAR);
  newLocal(fs, stringOf("(for state)"), REGULAR);
  newLocal(fs, stringOf("(for control)"), REGULAR);
  newLocal(fs, first, REGULAR);
  let variables = 1;
  while (accept(0x2c)) {
    newLocal(fs, expectName(), REGULAR);
    variables++;
  }
  expect(Token.IN);
  const at = line;
  const e = newExpression();
  adjust(3, parseList(e), e);
  fs.need(3);
  parseForBody(base, at, variables, false);
}

function parseForBody(base: i32, at: i32, variables: i32, numeric: bool): void {
  const fs = current;
  activate(fs, 3);
  expect(Token.DO);
  const prepare = numeric ? fs.emit(Op.FORPREP, base, 0, NO_JUMP) : jump(fs);
  openBlock(fs, false);
  activate(fs, variables);
  fs.reserve(variables);
  parseStatements();
  closeBlock(fs);
  patchHere(fs, prepare);
  let end: i32;
  if (numeric) {
    end = fs.emit(Op.FORLOOP, base, 0, NO_JUMP);
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
  store<u32>(fs.locals.item(load<u32>(fs.active.item(variable), ACTIVE_RECORD)), fs.pc, 4);
}

function parseAttribute(): u32 {
  if (!accept(0x3c)) return REGULAR;
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
  do {
    const name = expectName();
    const attribute = parseAttribute();
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
  adjust(count, values, e);
  activate(fs, count);
  if (toClose >= 0) {
    fs.closes = true;
    store<u8>(fs.blocks.item(fs.blocks.count - 1), 1, BLOCK_CAPTURED);
    fs.emit(Op.TBC, toClose, 0, 0);
  }
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
  let first = fs.active.count;
  let count = 0;
  if (!endsBlock(true) && token != 0x3b) {
    const e = newExpression();
    count = parseList(e);
    if (kindOf(e) == Kind.CALL || kindOf(e) == Kind.VARARG) {
      setResults(fs, e, -1);
      if (kindOf(e) == Kind.CALL && count == 1 && !fs.closes) {
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
  if (fs.closes) toGeneralReturn(fs, pc);
  accept(0x3b);
}

// ---- assignments -----------------------------------------------------------------------------------------

function checkAssignable(target: usize): void {
  const fs = current;
  let name: usize = 0;
  if (kindOf(target) == Kind.LOCAL) {
    if (fs.attributeOf(auxOf(target)) != REGULAR) name = fs.localName(auxOf(target));
  } else if (kindOf(target) == Kind.UPVALUE) {
    const at = fs.upvalues.item(infoOf(target));
    if (load<u8>(at, 6) != REGULAR) name = <usize>load<u32>(at);
  }
  if (name != 0) lexError(`attempt to assign to const variable '${textOf(name)}'`, 0);
}

function parseExpressionStatement(): void {
  const fs = current;
  const e = newExpression();
  parsePrimary(e);
  if (token == 0x3d || token == 0x2c) {
    store<u32>(e, 0, TAG);
    parseAssignment(e, 1);
  } else {
    if (kindOf(e) != Kind.CALL) {
      syntaxError("syntax error");
      return;
    }
    store<i32>(fs.instruction(infoOf(e)), 1, 4);
  }
}

/** The rest of an assignment after its target `last`; the targets are linked through TAG. */
function parseAssignment(last: usize, targets: i32): void {
  const fs = current;
  const kind = kindOf(last);
  if (kind < Kind.LOCAL || kind > Kind.ELEMENT) {
    syntaxError("syntax error");
    return;
  }
  checkAssignable(last);
  if (accept(0x2c)) {
    const target = newExpression();
    parsePrimary(target);
    store<u32>(target, <u32>last, TAG);
    if (kindOf(target) == Kind.LOCAL || kindOf(target) == Kind.UPVALUE) avoidConflict(last, target);
    enter();
    parseAssignment(target, targets + 1);
    leave();
  } else {
    expect(0x3d);
    const e = newExpression();
    const values = parseList(e);
    if (values == targets) {
      oneResult(fs, e);
      storeVariable(fs, last, e);
      return;
    }
    adjust(targets, values, e);
    if (values > targets) fs.free -= values - targets;
  }
  const value = newExpression();
  setExpression(value, Kind.REGISTER, fs.free - 1);
  storeVariable(fs, last, value);
}

/** Earlier targets that index with the variable now assigned to use a copy of it. */
function avoidConflict(chain: usize, target: usize): void {
  const fs = current;
  const copy = fs.free;
  let conflict = false;
  const local = kindOf(target) == Kind.LOCAL;
  for (let at = chain; at != 0; at = <usize>load<u32>(at, TAG)) {
    const kind = kindOf(at);
    if (local) {
      if (kind >= Kind.FIELD && kind <= Kind.ELEMENT && infoOf(at) == infoOf(target)) {
        conflict = true;
        store<i32>(at, copy, 4);
      }
      if (kind == Kind.ELEMENT && auxOf(at) == infoOf(target)) {
        conflict = true;
        store<i32>(at, copy, 16);
      }
    } else if (kind == Kind.GLOBAL && infoOf(at) == infoOf(target)) {
      conflict = true;
      store<i32>(at, Kind.FIELD);
      store<i32>(at, copy, 4);
    }
  }
  if (!conflict) return;
  if (local) fs.emit(Op.MOVE, copy, infoOf(target), 0);
  else fs.emit(Op.GETUPVAL, copy, infoOf(target), 0);
  fs.reserve(1);
}

/** Expressions with commas; all but the last are in registers. Returns how many. */
export function parseList(e: usize): i32 {
  let count = 1;
  parseExpression(e);
  while (accept(0x2c)) {
    toNextRegister(current, e);
    parseExpression(e);
    count++;
  }
  return count;
}

/** Makes `values` values, the last of them `e`, `wanted` ones. */
function adjust(wanted: i32, values: i32, e: usize): void {
  const fs = current;
  let missing = wanted - values;
  if (kindOf(e) == Kind.CALL || kindOf(e) == Kind.VARARG) {
    missing = max(missing + 1, 0);
    setResults(fs, e, missing);
    if (missing > 1) fs.reserve(missing - 1);
    return;
  }
  if (kindOf(e) != Kind.VOID) toNextRegister(fs, e);
  if (missing > 0) {
    const register = fs.free;
    fs.reserve(missing);
    loadNil(fs, register, missing);
  }
}
