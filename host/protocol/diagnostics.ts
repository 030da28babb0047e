// Texts on damage that a session keeps for its result.

/** Most texts of damage that are kept, and bytes of each. */
const DIAGNOSTICS_MAX = 256;
/** Bytes of one such text; the rest is cut off. */
export const DIAGNOSTIC_SIZE_MAX = 4096;

/** Keeps a line while there is room; made only then. */
export function note(diagnostics: string[], line: () => string): void {
  if (diagnostics.length < DIAGNOSTICS_MAX) diagnostics.push(line().slice(0, DIAGNOSTIC_SIZE_MAX));
}
