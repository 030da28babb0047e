// What code that has broken out of the module reaches at each level of isolation: SECURITY.md's table. The module
// itself reaches none of it: it has its imports (imports.test.ts).

/** Levels in the table's order: JavaScript, and machine code, for which Node's permission model is no wall. */
export const LEVELS = ["thread", "process", "process, machine code", "bubblewrap", "bubblewrap, machine code"] as const;
export type Level = (typeof LEVELS)[number];

const NATIVE: readonly Level[] = ["process, machine code"];
const OUTSIDE: readonly Level[] = ["thread", "process", ...NATIVE];

/** The levels at which it is reached. The names are those of the intruder's attempts (intruder.mjs) and of the page. */
export const REACHED: Readonly<Record<string, readonly Level[]>> = {
  "read its own images": LEVELS,
  "write its own images": NATIVE,
  "use the caller's other open files: another session's image, a log": ["thread"],
  "read other files": NATIVE,
  "write, make or remove files": NATIVE,
  "read another process's memory or environment in /proc": NATIVE,
  "read the caller's environment (`process.env`)": [],
  "read the caller's environment (`process.report`)": ["thread"],
  "start processes or threads": [...NATIVE, "bubblewrap, machine code"],
  "see or signal other processes": OUTSIDE,
  "connect to others, be connected to": OUTSIDE,
};
