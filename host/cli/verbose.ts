// What `--verbose` tells on stderr beside the guest's console: which interpreters ran, and why.

import type { BootResult } from "../result.js";

/** One line for each flavour that ran. */
export function explainSwaps({ interpreterChecks, swapRequests, swaps }: BootResult): string[] {
  return interpreterChecks.map(({ flavour, found, offset }, pass) => {
    const why = found === "mark" ? `mark at offset ${offset} of the guest's /boot/loader` : REASONS[found];
    const wanted = swapRequests[pass]?.name;
    if (wanted === undefined) return `interpreter ${flavour}: ${why}; stays`;
    const next = swaps[pass] === undefined ? "refused" : "swapped";
    return `interpreter ${flavour}: ${why}; wants ${JSON.stringify(wanted.slice(0, 64))}: ${next}`;
  });
}

const REASONS = {
  "no mark": "no mark in the guest's /boot/loader, which means 4th",
  "no loader": "no /boot/loader",
  unreadable: "/boot/loader can't be read",
  "not looked for": "mark not looked for",
} as const;
