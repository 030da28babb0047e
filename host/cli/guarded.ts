// What all commands do with an error: what the user did wrong, or an image is, becomes one line of text and an exit status.

import { AbortedError, HandoffError, UserbootError } from "../errors.js";
import { complain } from "./complain.js";
import { log } from "./log.js";
import { STATUS_FAILED, STATUS_USAGE } from "./statuses.js";

/** Thrown where nothing more can be written to the standard output; userboot.ts hears why, and says it. */
export class OutputGone extends UserbootError {}

/** The exit status of `body`; what the user did wrong becomes one line of text. */
export async function guarded(body: () => Promise<number>): Promise<number> {
  const status = await statusFrom(body);
  log("exit", { status });
  return status;
}

async function statusFrom(body: () => Promise<number>): Promise<number> {
  try {
    return await body();
  } catch (error) {
    if (!(error instanceof UserbootError)) throw error;
    if (!(error instanceof OutputGone)) complain(error.message);
    return error instanceof AbortedError || error instanceof HandoffError ? STATUS_FAILED : STATUS_USAGE;
  }
}
