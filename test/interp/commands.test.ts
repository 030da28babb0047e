// Commands with less than they want, as the reference answers them; those that it dies of have an answer here.

import { describe, expect, it } from "vitest";
import { prompt, typeLines } from "../support/prompt.js";

describe("commands with less than they want", () => {
  it.each([
    ["set console", ""],
    ["load -k", "can't find '(null)'\n"],
    ["load -d", "no filename specified\n"],
    ["set twiddle_divisor", "invalid twiddle_divisor ''\nset: "],
    ["set currdev", "set: invalid argument\n"],
    ["include disk7p1:/x", "can't open 'disk7p1:/x': input/output error\n"],
    ["include host0:", ""],
  ])("%s", async (line, output) => {
    const { output: printed } = await prompt({ "/f": "" }, [line]);
    expect(printed[0]).toContain(output);
    if (output === "") expect(printed[0]).toBe("");
  });

  it("blames no disk that isn't there, and none for a device without a file system", async () => {
    const forth = await typeLines(["include host0:", "1 ."], { start: "4th" });
    expect(forth.prompted).toBe("OK include host0:\nOK 1 .\n1 OK ");
    const lua = await typeLines(["include disk7p1:/x"], { start: "lua" });
    expect(lua.prompted).toBe("OK include disk7p1:/x\nno error message\nOK ");
  });
});
