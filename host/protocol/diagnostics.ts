// Texts on damage that a session keeps for its result.

/** Most texts of damage that are kept, and bytes of each. */
const DIAGNOSTICS_MAX = 256;
/** Bytes of one such text; the rest is cut off. */
export const DIAGNOSTIC_SIZE_MAX = 4096;

/** Keeps a line while there is room; made only then. What an interpreter said, the next one need not say again. */
export function note(diagnostics: string[], line: () => string): void {
  if (diagnostics.length >= DIAGNOSTICS_MAX) return;
  const text = line().slice(0, DIAGNOSTIC_SIZE_MAX);
  if (!diagnostics.includes(text)) diagnostics.push(text);
}
