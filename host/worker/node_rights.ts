// What a session's worker thread may do under Node's permission model (Node 20 and later): read this package's
// files and the libraries that it loads. No other file, no writing, no process, no thread, no native module.

import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { OptionError } from "../errors.js";

/** Modules of other packages that a worker loads when it needs them. */
const LIBRARIES = ["@wasmer/wasi"];

let flags: string[] | undefined;

/**
 * Flags for a worker thread.
 * @throws OptionError when this package lies where that can't be told what to allow
 */
export function readingRights(): string[] {
  flags ??= findFlags();
  return flags;
}

function findFlags(): string[] {
  const own = fileURLToPath(new URL("../../../", import.meta.url));
  const directories = new Set([own]);
  for (const library of LIBRARIES) {
    const scope = library.slice(0, library.indexOf("/"));
    // Where it is looked for (also below a node_modules beside it), and where it is: links may lie between the two.
    for (let above = dirname(own); above !== dirname(above); above = dirname(above)) {
      directories.add(join(above, "node_modules", scope, "/"));
    }
    try {
      const found = createRequire(import.meta.url).resolve(library);
      directories.add(found.slice(0, found.lastIndexOf(scope) + scope.length + 1));
    } catch {
      // It isn't installed, and says so when it is needed.
    }
  }
  const patterned = [...directories].find((directory) => directory.includes("*"));
  if (patterned !== undefined) {
    throw new OptionError(
      `${patterned}: Node's permission model takes the * for a pattern; install this package elsewhere (or use no isolation)`,
    );
  }
  return ["--no-warnings", permissionFlag(), ...[...directories].map((directory) => `--allow-fs-read=${directory}*`)];
}

/** The name changed when the model got stable. Node's list of its flags takes longer to make than all the rest. */
function permissionFlag(): string {
  return Number.parseInt(process.versions.node, 10) < 24 ? "--experimental-permission" : "--permission";
}
