// What a cell's failure is to its caller.

import { IsolationError, type UserbootError } from "../errors.js";
import type { IsolationFacts } from "../result.js";
import { ERROR_TEXT_MAX } from "./shape.js";

/** The error for a cell that failed with `what` in it. A `reason` that is text can come from the cell itself. */
export function failureOf(
  what: "session" | "inspection",
  { level }: IsolationFacts,
  reason: string | UserbootError,
): UserbootError {
  if (typeof reason !== "string") return reason;
  return new IsolationError(`the ${what}'s ${level} failed: ${reason.slice(0, ERROR_TEXT_MAX)}`);
}
