// How often a guest of `userboot run` may reboot. One that does it now and then may for ever; one that does nothing else
// is ended.

/** A guest that ran this long before it rebooted isn't looping. */
export const LOOP_MS = 10 * 60 * 1000;
/** Reboots in a row, each within that time, unless the user says another number. */
export const REBOOTS_MAX = 16;

/** Counts the reboots of one guest. */
export class Reboots {
  #inARow = 0;

  constructor(private readonly most: number) {}

  /** Whether a guest may reboot that has run, its loader included, for `ms`. */
  allow(ms: number): boolean {
    this.#inARow = ms < LOOP_MS ? this.#inARow + 1 : 1;
    return this.#inARow <= this.most;
  }
}
