// A session's policy: hooks, and files examined for them or to be measured. Imported only when there is
// something to ask or to examine.

import { loadHasher, type MakeHasher } from "../hash.js";
import type { Limits } from "../options.js";
import type { MadeResult, Measurements } from "../result.js";
import type { Asker } from "./asker.js";
import { PolicyBudget } from "./budget.js";
import { type Policy, type PolicyParts, permitEntry, policyImports } from "./imports.js";
import { digestFiles, digestState } from "./measure.js";
import { FileVault } from "./vault.js";

/**
 * The policy of a session with the hooks of `asker`, whose files are listed and hashed when `measure` is set. Files are
 * examined only when one of both wants them.
 */
export async function makePolicy(asker: Asker | undefined, measure: boolean, limits: Limits): Promise<Policy> {
  const budget = new PolicyBudget(limits);
  if (!measure && !asker?.wants.has("onFile")) return policyOf({ asker, budget });
  const makeHasher = await loadHasher();
  const vault = new FileVault(asker, budget, makeHasher);
  const policy = policyOf({ asker, budget, vault });
  return measure ? { ...policy, measurements: (result) => measurements(vault, result, makeHasher) } : policy;
}

function policyOf(parts: PolicyParts): Policy {
  return {
    imports: (...session) => policyImports(parts, ...session),
    permitEntry: (cpu, guest) => permitEntry(parts.asker, cpu, guest),
  };
}

function measurements({ files }: FileVault, result: MadeResult, makeHasher: MakeHasher): Measurements {
  return {
    files,
    filesDigest: digestFiles(files, makeHasher),
    ...(result.reason === "exec" ? { stateDigest: digestState(result, result.guestMemory, makeHasher) } : {}),
  };
}
