// SEE: shows what a word is made of. Compiled code is a list of words; some are followed by a cell or a text
// that belongs to them.

import { stringAt } from "../../../lib/bytes";
import { print } from "../../../lib/output";
import { hex } from "../../../lib/text";
import { Op } from "../codes";
import { loose, primitive } from "../define";
import { codeOf, FLAG_COMPILE_ONLY, FLAG_IMMEDIATE, flagsOf, Header, isWord, nameOf } from "../header";
import { dictionaryEnd } from "../memory";
import { tickNext } from "../outer";
import { fail, ip, pop } from "../stacks";

/** Cells of a definition that are shown. */
const CELLS_LIMIT: i32 = 4096;

/** `0x` and digits, but a plain 0 for zero. */
function hexOf(value: i64): string {
  return value == 0 ? "0" : `0x${hex(<u64>value)}`;
}

/** Shows the code from `start` to the end of its definition. */
function showCode(start: usize): void {
  let index = 0;
  while (index < CELLS_LIMIT) {
    const at = start + <usize>(index << 3);
    if (at + 16 > dictionaryEnd) break;
    const value = load<i64>(at);
    const xt = <usize>value;
    const name = isWord(xt) ? nameOf(xt) : "";
    if (name == "(;)") break;
    // The debugger's place in it.
    print(`${at == ip ? ">" : " "}${index.toString().padStart(3)}   `);
    const next = load<i64>(at + 8);
    const target = <i64>index + 1 + next;
    index++;
    if (name == "(literal)") {
      if (isWord(<usize>next) && nameOf(<usize>next).length > 0) {
        print(`${nameOf(<usize>next)} ( ${hexOf(next)} literal )`);
      } else {
        print(`literal ${next} (${hexOf(next)})`);
      }
      index++;
    } else if (name == "(branch0)") {
      print(`${next > 0 ? "if / while" : "until"} (branch ${target})`);
      index++;
    } else if (name == "(branch)" || name == "(of)" || name == "(loop)" || name == "(+loop)") {
      print(`${name == "(branch)" ? "endof" : name.substring(1, name.length - 1)} (branch ${target})`);
      index++;
    } else if (name == "(do)" || name == "(?do)") {
      print(`${name.substring(1, name.length - 1)} (leave ${(next - <i64>start) >> 3})`);
      index++;
    } else if (name == '(.")' || name == '(c")') {
      const size = <i32>load<u8>(at + 8);
      print(`${name == '(.")' ? 's"' : 'c"'} ${stringAt(at + 9, size)}"`);
      index += (size + 2 + 7) >> 3;
    } else if (name.length > 0) {
      print(name);
    } else {
      print(`${value} ( ${hexOf(value)} )`);
    }
    print("\n");
  }
  print(";\n");
}

/** Shows the word at `xt`. */
export function see(xt: usize): void {
  const name = nameOf(xt);
  const value = changetype<Header>(xt).first;
  switch (codeOf(xt)) {
    case Op.COLON:
      print(`: ${name}\n`);
      showCode(changetype<Header>(xt).body);
      break;
    case Op.DOES:
      print("does>\n");
      showCode(<usize>value);
      break;
    case Op.CREATED:
      print("create\n");
      break;
    case Op.VARIABLE:
      print(`variable = ${value} (${hexOf(value)})\n`);
      break;
    case Op.USER:
      print(`user variable ${value} (${hexOf(value)})\n`);
      break;
    case Op.CONSTANT:
      print(`constant = ${value} (${hexOf(value)})\n${name} is a primitive\n`);
      break;
    default:
      print(`${name} is a primitive\n`);
  }
  const flags = flagsOf(xt);
  if ((flags & FLAG_IMMEDIATE) != 0) print("immediate\n");
  if ((flags & FLAG_COMPILE_ONLY) != 0) print("compile-only\n");
}

/** Defines SEE. */
export function defineSee(): void {
  loose("see-xt", 1, 0, () => {
    const xt = <usize>pop();
    if (isWord(xt)) see(xt);
    else fail("Error: not an execution token");
  });
  primitive("see", 0, 0, () => {
    const xt = tickNext();
    if (xt != 0) see(xt);
  });
}
