// How much garbage of the core's own (managed) kind a script has made. It is collected where that is possible
// (run/managed.ts).

/** Estimated bytes of garbage after which to collect. */
const DUE: i32 = 4 * 1024 * 1024;
let owed: i32 = 0;

/** Notes that about `bytes` of garbage were made. */
export function owe(bytes: i32): void {
  owed += min(bytes, DUE);
}

/** Notes that a byte string of `length` was made, or is done with. */
export function oweText(length: u32): void {
  owe(<i32>min<u32>(length * 2 + TEXT_HEADER, DUE));
}
/** What the runtime puts before a string, and its rounding up. */
const TEXT_HEADER: u32 = 32;

/** Whether there is enough to collect. */
export function isDue(): bool {
  return owed >= DUE;
}

/** Notes that it is collected. */
export function settle(): void {
  owed = 0;
}
