// Work on a set-up, which can hold megabytes, in parts: a page does other things between them, others do them at once.

/** Work that can rest whenever it yields. */
export type Parts<T> = Generator<void, T, void>;

/** Characters that one part is about, a multiple of four: some milliseconds of work. */
export const PART = 4 * 1024 * 1024;

/** Does all of it. */
export function atOnce<T>(parts: Parts<T>): T {
  for (;;) {
    const part = parts.next();
    if (part.done) return part.value;
  }
}

/** Does one part after the other, with `between` before all but the first. */
export async function inParts<T>(parts: Parts<T>, between: () => Promise<void>): Promise<T> {
  for (;;) {
    const part = parts.next();
    if (part.done) return part.value;
    await between();
  }
}
