// Variables with the attribute `close` (Lua 5.4 Reference Manual, 3.3.8): their `__close` runs when the block is
// left, whichever way.

import { callFunction, protectedCall } from "./call";
import { raiseHere } from "./errors";
import { Event, handlerOf } from "./metamethods";
import { errorValue, setTop, stack, top } from "./state";
import { nothing } from "./table";
import { copyValue, isFalsy, NIL, setTag, VALUE_SIZE } from "./value";
import { Vector } from "./vector";

/** Positions on the stack, relative to `stack`, of the variables that are to be closed. */
const list = new Vector(4);
/** How many there are; the VM looks at this often. */
export let toClose: i32 = 0;

/** Notes the variable at `at`; raises when it can't be closed. */
export function noteVariable(at: usize): bool {
  if (isFalsy(at)) return true;
  if (handlerOf(at, Event.CLOSE) == nothing) {
    raiseHere("variable got a non-closable value");
    return false;
  }
  list.push(at - stack);
  toClose = list.count;
  return true;
}

/** Closes the variables from `level` on up the stack. With `failed`, `errorValue` is what they are told and may be replaced. */
export function closeVariables(level: usize, failed: bool): void {
  const lowest = <u32>(level - stack);
  while (toClose > 0 && list.u32At(toClose - 1) >= lowest) {
    list.count--;
    toClose = list.count;
    const variable = stack + list.u32At(toClose);
    const at = max(top, variable + VALUE_SIZE);
    const handler = handlerOf(variable, Event.CLOSE);
    if (handler == nothing) continue;
    copyValue(at, handler);
    copyValue(at + VALUE_SIZE, variable);
    if (failed) copyValue(at + 2 * VALUE_SIZE, errorValue);
    else setTag(at + 2 * VALUE_SIZE, NIL);
    setTop(at + 3 * VALUE_SIZE);
    // An error of the handler is the one that counts from then on: `errorValue` is that one's.
    if (failed) {
      if (!protectedCall(2, 0, 0)) setTop(top - VALUE_SIZE);
    } else if (!callFunction(2, 0)) {
      return;
    }
  }
}
