// Whatever words are typed, in whatever order and with whatever on the stack: the session goes on, or ends by one of
// its limits. A trap would be an InternalError.

import fc from "fast-check";
import { expect, it } from "vitest";
import { NOTHING_LEFT, typed } from "./guest.js";

/** Words that end the session, or wait for a key. */
const NOT_TYPED = new Set(["accept", "boot", "exit", "key", "quit", "reboot"]);
const NUMBERS = ["0", "1", "-1", "8", "64", "65536", "4194304", "4294967296", `${2n ** 63n - 1n}`, `-${2n ** 63n}`];
const ADDRESSES = ["here", "pad", "v", "b", "' dup", "' v", "' dup 8 +", "b 100 +", "here 8 -"];

it("no words trap, whatever is on the stack", async () => {
  // A blank shows the next page.
  const { text } = await typed(["words", "    "]);
  const names = text
    .slice(text.indexOf("\n"), text.indexOf("Dictionary:"))
    .replace(/--- Press Enter to continue ---/g, "")
    .split(/\s+/)
    .filter((name) => name !== "" && !NOT_TYPED.has(name));
  expect(names.length).toBeGreaterThan(300);

  const operand = fc.constantFrom(...NUMBERS, ...ADDRESSES);
  const word = fc.constantFrom(...names);
  const tokens = fc
    .tuple(
      fc.array(operand, { maxLength: 5 }),
      fc.array(fc.oneof({ weight: 3, arbitrary: word }, operand), { maxLength: 4 }),
    )
    .map(([operands, words]) => [...operands, ...words].join(" "));
  const line = fc.oneof(
    tokens,
    tokens.map((code) => `: w ${code} ; w`),
    tokens.map((code) => `s" ${code}" evaluate`),
    tokens.map((code) => `: w ${code} ; ' w catch .`),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(line, { minLength: 1, maxLength: 30 }), async (lines) => {
      const { result } = await typed(["variable v create b 200 allot", ...lines], {
        limits: { fuel: 2_000_000, moduleMemory: 16 * 2 ** 20, consoleBytes: 2 ** 20 },
        memory: 16 * 2 ** 20,
      });
      const ended = result.error?.name ?? result.reason;
      expect([NOTHING_LEFT, "LimitError", "exit", "exec"]).toContain(ended);
    }),
    { numRuns: 300 },
  );
});
