// Compiles the core with one source changed, in this process: the compiler is warm from the second time on.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import asc from "assemblyscript/asc";
import { compilerArguments, root } from "../../scripts/core.mjs";

/** A debug build of the flavour with `text` in the place of the source `path`: its bytes, or undefined when it doesn't compile. */
export async function compiled(flavour, path, text) {
  let bytes;
  const quiet = { write: () => true };
  const { error } = await asc.main(compilerArguments(flavour, "debug"), {
    stdout: quiet,
    stderr: quiet,
    readFile(name, base) {
      if (name === path) return text;
      try {
        return readFileSync(join(base ?? root, name), "utf8");
      } catch {
        return null; // It looks for names that there may not be.
      }
    },
    writeFile(name, contents) {
      if (name.endsWith(".wasm")) bytes = contents;
    },
    listFiles: () => [],
  });
  return error === null ? bytes : undefined;
}
