// The parser's part for scopes: functions and blocks, local variables, labels and gotos.

import { burn } from "../../../lib/fault";
import { raised } from "../run/state";
import { is54 } from "../values/dialect";
import { Prototype } from "../values/objects";
import { Op, opOf } from "../values/opcodes";
import { sameString, stringOf, textOf } from "../values/string";
import { Kind, setExpression, toNextRegister } from "./expression";
import {
  ACTIVE_ATTRIBUTE,
  ACTIVE_KIND,
  ACTIVE_NAME,
  ACTIVE_RECORD,
  BLOCK_ACTIVE,
  BLOCK_CAPTURED,
  BLOCK_CLOSES,
  BLOCK_GOTOS,
  BLOCK_LABELS,
  BLOCK_LOOP,
  current,
  FunctionState,
  LABEL_ACTIVE,
  LABEL_LINE,
  LABEL_NAME,
  LABEL_PC,
  LOCALS_LIMIT,
  leaveFunction,
  openFunction,
  REGULAR,
} from "./function_state";
import { jump, labelHere, patchHere, patchJumps } from "./jumps";
import { advance, chunkSource, lexError, line, syntaxError, Token, token } from "./lexer";
import { accept, expect, expectMatch, expectName } from "./tokens";

// ---- functions and blocks --------------------------------------------------------------------------------

/** Begins a block; `loop`: one that `break` leaves. */
export function openBlock(fs: FunctionState, loop: bool): void {
  const outer = fs.blocks.count;
  const block = fs.blocks.add();
  const closes = outer > 0 ? load<u8>(fs.blocks.item(outer - 1), BLOCK_CLOSES) : 0;
  store<u8>(block, closes, BLOCK_CLOSES);
  store<u32>(block, fs.labels.count, BLOCK_LABELS);
  store<u32>(block, fs.gotos.count, BLOCK_GOTOS);
  store<u32>(block, fs.active.count, BLOCK_ACTIVE);
  store<u8>(block, 0, BLOCK_CAPTURED);
  store<u8>(block, <u8>loop, BLOCK_LOOP);
}

/** Ends the newest block. */
export function closeBlock(fs: FunctionState): void {
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

/** Ends a function, which returns at the end of its text. */
export function closeFunction(fs: FunctionState): void {
  fs.emit(Op.RETURN, 0, 1, 0);
  closeBlock(fs);
}

/** Returns in functions with variables to be closed go through the general instruction. */
export function toGeneralReturn(fs: FunctionState, pc: i32): void {
  const at = fs.instruction(pc);
  if (opOf(at) == Op.RETURN1) {
    store<u8>(at, <u8>Op.RETURN);
    store<u16>(at, 2, 2);
  }
}

/** Statements contain functions and functions statements: this parses them (parser.ts). */
let parseStatements: () => void = () => {};

/** Set before a chunk is compiled. */
export function useStatements(parse: () => void): void {
  parseStatements = parse;
}

/** Compiles a function's parameters and body after the name; `self` adds a parameter. Leaves CLOSURE in `e`. */
export function parseBody(e: usize, self: bool, at: i32): void {
  const outer = current;
  const fs = openFunction();
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
  const proto = raised ? changetype<Prototype>(0) : fs.finish(chunkSource());
  leaveFunction();
  outer.protos.push(proto.address);
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

/** Declares a local variable, which `activate` makes visible. */
export function newLocal(fs: FunctionState, name: usize, attribute: u32): void {
  const record = fs.describeLocal(name);
  if (!fs.checkLimit(fs.active.count + fs.pending + 1, LOCALS_LIMIT, "local variables")) return;
  // Its place in the record is free until the variable ends.
  fs.local(record).last = attribute;
  fs.pending++;
}

/** The last `count` declared variables can be seen from here on. */
export function activate(fs: FunctionState, count: i32): void {
  const wanted = min(count, fs.pending);
  const first = fs.locals.count - fs.pending;
  for (let i = 0; i < wanted; i++) {
    const local = fs.local(first + i);
    const active = fs.active.add();
    store<u32>(active, first + i, ACTIVE_RECORD);
    store<u32>(active, local.last, ACTIVE_ATTRIBUTE);
    store<u32>(active, <u32>local.name, ACTIVE_NAME);
    store<i32>(active, Kind.VOID, ACTIVE_KIND);
    local.first = fs.pc;
    local.last = 0;
  }
  fs.pending -= wanted;
}

// ---- labels and gotos ------------------------------------------------------------------------------------

/** A goto to the label `name` from line `at`, whose jump is instruction `pc`. */
export function addGoto(fs: FunctionState, name: usize, at: i32, pc: i32): void {
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
export function resolveGotos(fs: FunctionState, first: i32, label: usize): void {
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
  if (name == "break")
    lexError(is54 ? `break outside loop at line ${at}` : `<break> at line ${at} not inside a loop`, 0);
  else lexError(`no visible label '${name}' for <goto> at line ${at}`, 0);
}
