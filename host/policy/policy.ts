// A session's policy: hooks, and files examined for them or to be measured. Imported only when there is
// something to examine, because it brings a hash function along.

import type { BootResult } from "../result.js";
import type { Asker } from "./asker.js";
import type { Policy } from "./imports.js";
import { digestFiles, digestState, type Measurements } from "./measure.js";
import { FileVault } from "./vault.js";

export function makePolicy(asker: Asker | undefined, measure: boolean): Policy {
  if (!measure && !asker?.wants.has("onFile")) return { asker };
  const vault = new FileVault(asker);
  if (!measure) return { asker, vault };
  return { asker, vault, measurements: (result) => measurements(vault, result) };
}

function measurements(vault: FileVault, result: BootResult): Measurements {
  const { files } = vault;
  return {
    files,
    filesDigest: digestFiles(files),
    ...(result.reason === "exec" ? { stateDigest: digestState(result, result.guestMemory) } : {}),
  };
}
