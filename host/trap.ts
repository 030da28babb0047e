// What ended an instance of the core, as an error of ours.

import { InternalError, LimitError, UserbootError } from "./errors.js";
import type { Limits } from "./options.js";

/** An error with a class of ours for whatever ended the module. */
export function nameTrap(thrown: unknown, limits: Pick<Limits, "moduleMemory">, moduleMemory: number): unknown {
  if (thrown instanceof UserbootError) return thrown;
  if (thrown instanceof WebAssembly.RuntimeError) {
    // The core's allocator traps this way, and nothing else in it does, when memory can't grow.
    if (thrown.message.includes("unreachable"))
      return new LimitError("moduleMemory", limits.moduleMemory, moduleMemory);
    return new InternalError(`trap in the core: ${thrown.message}${placeOf(thrown)}`);
  }
  if (thrown instanceof RangeError && thrown.message.includes("call stack")) {
    return new InternalError("stack overflow in the core");
  }
  return thrown instanceof Error ? new InternalError(thrown.message) : thrown;
}

/** Functions of the core that the message of a trap names. */
const NAMED_CALLS = 5;

/** Where in the core a debug build, whose functions have names, has trapped; nothing for a release build. */
function placeOf({ stack = "" }: Error): string {
  const names = [...stack.matchAll(/^ +at (\S+) \(wasm:/gm)].slice(0, NAMED_CALLS).map(([, name]) => name);
  return names.length > 0 ? ` in ${names.join(", called by ")}` : "";
}
