// Whether a guest will boot, in a sentence.

import type { SystemInfo } from "../inspect/facts.js";
import type { LookedAt } from "../problem.js";

const INTERPRETERS: Readonly<Record<string, string>> = { lua: "Lua", "4th": "Forth", simp: "simple" };

/** A verdict: the sentence, and what else is to be said. */
export interface Verdict {
  /** Whether it will, as far as anybody can tell without booting. */
  boots: boolean;
  /** The sentence. Texts in it are the guest's in part. */
  sentence: string;
  /** What was looked at, or is doubtful. */
  details: readonly string[];
}

/** The verdict on `system`, or on a guest that has none because of `bootProblem`. */
export function verdictOn(system: SystemInfo | undefined, bootProblem: readonly LookedAt[] | undefined): Verdict {
  if (system === undefined) {
    const details = (bootProblem ?? []).map(({ name, found }) => `${name}: ${found}`);
    return { boots: false, sentence: "It won't boot: nothing that boots is on these disks.", details };
  }
  const { architecture, device, interpreter, kernel, missing, problems, release, root } = system;
  if (missing !== undefined) return { boots: false, sentence: `It won't boot: ${missing}.`, details: problems };
  const name = interpreter?.value ?? "4th";
  const machine = architecture === undefined ? "" : ` for ${architecture}`;
  const what = release === undefined ? `a kernel${machine}` : `FreeBSD ${release.value}${machine}`;
  const loader = `its ${INTERPRETERS[name] ?? name} loader on ${device} loads ${kernel?.value ?? "a kernel"}`;
  const mounts = root === undefined ? "" : `, which mounts ${root.value} as its root`;
  return { boots: true, sentence: `It will boot ${what}: ${loader}${mounts}.`, details: problems };
}
