// What all commands do with an error: what the user did wrong, or an image is, becomes one line of text and an exit status.

import { AbortedError, HandoffError, UserbootError } from "../errors.js";
import { complain } from "./complain.js";

/** Exit statuses that commands share. */
export const STATUS_FAILED = 1;
export const STATUS_USAGE = 2;

/** The exit status of `body`; what the user did wrong becomes one line of text. */
export async function guarded(body: () => Promise<number>): Promise<number> {
  try {
    return await body();
  } catch (error) {
    if (!(error instanceof UserbootError)) throw error;
    complain(error.message);
    return error instanceof AbortedError || error instanceof HandoffError ? STATUS_FAILED : STATUS_USAGE;
  }
}
