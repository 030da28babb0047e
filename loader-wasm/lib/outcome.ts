// How commands end: FreeBSD's CMD_* results, and the one text that says why.

import { clip } from "./text";

/**
 * Results of commands: done, done with a warning, failed, failed so that what was going on is over (CMD_CRIT), or the
 * loader is (CMD_FATAL).
 */
export const CMD_OK: i32 = 0;
export const CMD_WARN: i32 = 1;
export const CMD_ERROR: i32 = 2;
export const CMD_CRIT: i32 = 3;
export const CMD_FATAL: i32 = 4;

/** Bytes of an error text that are kept, with its NUL. */
const ERROR_TEXT_SIZE: i32 = 256;

/** Why the last command failed. */
export let commandError: string = "";
/** What scripts get when they ask: the last reason that was made for its failure, not one of the fixed texts. */
export let errorDetail: string = "";

/** Leaves the fixed text `text` as the reason and returns `result`. */
export function failCommand(text: string, result: i32 = CMD_ERROR): i32 {
  commandError = clip(text, ERROR_TEXT_SIZE);
  return result;
}

/** Leaves `text`, made for this failure, as the reason and returns `result`. */
export function failDetailed(text: string, result: i32 = CMD_ERROR): i32 {
  failCommand(text, result);
  errorDetail = commandError;
  return result;
}
