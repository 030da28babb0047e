// Ticks: what the VM pays for instructions. Jumps back and calls take them; when they are used up, the loop returns
// so that fuel is burnt for all of them at once.

/** Ticks between two payments. */
export const TICKS: i32 = 32768;
/** What a call costs besides the instructions of its function. */
export const CALL_TICKS: i32 = 8;

/** What is left; below 0, a payment is due. */
export let ticks: i32 = TICKS;

/** Begins anew after a payment. */
export function refillTicks(): void {
  ticks = TICKS;
}

/** Taking ticks. */
// biome-ignore lint/complexity/noStaticOnlyClass: functions outside of classes can't be `inline` and be linted
export class Ticks {
  /** Takes `count`. */
  @inline
  static take(count: i32): void {
    ticks -= count;
  }

  /** Takes those for a jump over `by` < 0 instructions. False when they are used up. */
  @inline
  static jumpBack(by: i32): bool {
    ticks += by;
    return ticks >= 0;
  }
}
