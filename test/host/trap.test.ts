// How what ends an instance of the core is named.

import { InternalError, LimitError, OptionError } from "userboot-wasm";
import { expect, it } from "vitest";
import { nameTrap } from "../../build/host/trap.js";

const named = (thrown: unknown) => nameTrap(thrown, { moduleMemory: 9 }, 8);

/** A trap with this stack below its message. */
function trap(message: string, stack: string): WebAssembly.RuntimeError {
  return Object.assign(new WebAssembly.RuntimeError(message), { stack: `RuntimeError: ${message}\n${stack}` });
}

it("memory that can't grow is a limit, a stack that is full an error of the core's", () => {
  expect(named(trap("unreachable", ""))).toEqual(new LimitError("moduleMemory", 9, 8));
  expect(named(new RangeError("Maximum call stack size exceeded"))).toEqual(
    new InternalError("stack overflow in the core"),
  );
  expect(named(new RangeError("other"))).toEqual(new InternalError("other"));
});

it("errors of ours, and what is no error, stay what they are", () => {
  for (const thrown of [new OptionError("x"), "x", undefined]) expect(named(thrown)).toBe(thrown);
});

it("a trap tells the five calls of the core's that lead to it, where they have names", () => {
  const calls = ["a/one", "two", "three", "four", "five", "six"];
  const lines = calls.map((name) => `    at ${name} (wasm://wasm/1:wasm-function[1]:0x1)`);
  const stack = ["    at host (file:///x.js:1:1)", ...lines, "at odd (wasm://x) at two (wasm://x)"].join("\n");
  const why = "trap in the core: oops";
  expect(named(trap("oops", stack))).toEqual(
    new InternalError(`${why} in a/one, called by two, called by three, called by four, called by five`),
  );
  expect(named(trap("oops", `said at x (wasm:\n${lines[0]}`))).toEqual(new InternalError(`${why} in a/one`));
  expect(named(trap("oops", "    at wasm://wasm/1:wasm-function[1]:0x1"))).toEqual(new InternalError(why));
});
