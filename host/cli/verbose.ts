// What `--verbose` tells on stderr beside the guest's console: where the session ran, which interpreters, and why.

import type { ProfileFacts } from "../profile.js";
import type { BootResult } from "../result.js";

/** One line for each flavour that ran. */
export function explainSwaps({ interpreterChecks, swapRequests, swaps }: BootResult): string[] {
  return interpreterChecks.map(({ flavour, found, offset }, pass) => {
    const wanted = swapRequests[pass]?.name;
    // Without a mark, nothing but a script of DragonFly's loader is for this one.
    const script = found !== "mark" && wanted === "simp" ? ", but DragonFly's dloader.rc" : "";
    const why = found === "mark" ? `mark at offset ${offset} of the guest's /boot/loader` : REASONS[found] + script;
    if (wanted === undefined) return `interpreter ${flavour}: ${why}; stays`;
    const next = swaps[pass] === undefined ? "refused" : "swapped";
    return `interpreter ${flavour}: ${why}; wants ${JSON.stringify(wanted.slice(0, 64))}: ${next}`;
  });
}

/** One line on whose loader it was; none where that isn't known. */
export function explainProfile({ profile }: BootResult): string[] {
  if (profile === undefined) return [];
  const { from, generation, release } = profile;
  const why = release === undefined ? MARKS[from] : `${from} says ${release}`;
  return [`loader of FreeBSD ${generation}: ${why}`];
}

/** One line on what a pool was told for this boot alone. */
export function explainBootOnce({ bootOnce }: BootResult): string[] {
  return bootOnce === undefined
    ? []
    : [`booted once from ${bootOnce}, which its pool is still told (bectl activate -T)`];
}

/** One line for each name that was laid over the guest's. */
export function explainOverlay({ overlay = [] }: BootResult): string[] {
  return overlay.map(({ path, used }) => `overlay ${path}: ${used ? "used" : "nothing asked for it"}`);
}

/** One line on what held the session. */
export function explainIsolation({ isolation }: BootResult): string {
  const { level, confinement, unconfined } = isolation;
  if (level !== "process") return level === "none" ? "isolation: none" : `isolation: a ${level}`;
  if (confinement === "bwrap") return "isolation: a process in bubblewrap";
  return `isolation: a process${unconfined === undefined ? "" : `, not in bubblewrap: ${unconfined}`}`;
}

const REASONS = {
  "no mark": "no mark in the guest's /boot/loader",
  "no loader": "no /boot/loader",
  unreadable: "/boot/loader can't be read",
  "not looked for": "mark not looked for",
} as const;

const MARKS: Readonly<Record<ProfileFacts["from"], string>> = {
  nothing: "nothing in the guest tells which",
  "the caller": "asked for",
  "/bin/freebsd-version": "by /bin/freebsd-version",
  "/boot/kernel/linker.hints": "by /boot/kernel/linker.hints",
  "/boot/lua": "by the scripts in /boot/lua",
};
