// Requests that aren't done: which status each error of the library has, and the JSON that says so.

import {
  AbortedError,
  DiskError,
  HandoffError,
  InternalError,
  IsolationError,
  LimitError,
  OptionError,
  type PlainError,
  PolicyError,
  PoolError,
  plainError,
  UserbootError,
} from "../errors.js";
import { printableJson } from "../json_text.js";
import { printable } from "../text.js";

/** When to come again, in seconds: boots take less. */
const RETRY_S = 1;

/** What is answered in the place of a result. */
export class Refusal extends Error {
  constructor(
    /** HTTP's. */
    readonly status: number,
    /** What is wrong. */
    readonly error: PlainError,
    /** Of the answer, besides those of all. */
    readonly headers: Readonly<Record<string, string>> = {},
    /** More to be told, by name. */
    readonly more: Readonly<Record<string, unknown>> = {},
  ) {
    super(error.message);
  }

  /** The answer's body. */
  get body(): string {
    return printableJson({ error: { ...this.error, message: printable(this.error.message) }, ...this.more });
  }
}

/** Something is wrong with the request itself, which no class of the library's is for. */
export function badRequest(status: number, message: string, headers: Record<string, string> = {}): Refusal {
  return new Refusal(status, { name: "RequestError", message }, headers);
}

/** There is no room at the moment; with 429, for this tenant. */
export function busy(message: string, status: 429 | 503 = 503): Refusal {
  return badRequest(status, message, later());
}

const later = () => ({ "Retry-After": String(RETRY_S) });

/** What is answered for `error`. */
export function refusalFor(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  const plain = plainError(error);
  if (error instanceof PoolError) {
    if (error.refused === "memory") return new Refusal(422, plain);
    return new Refusal(error.refused === "tenant" ? 429 : 503, plain, later());
  }
  // The service ends, or a cell died before its guest began: another one, or this one later, can do it.
  if (error instanceof AbortedError || error instanceof IsolationError) return new Refusal(503, plain, later());
  if (error instanceof OptionError) return new Refusal(400, plain);
  if (error instanceof PolicyError) return new Refusal(403, plain);
  if (error instanceof DiskError || error instanceof LimitError || error instanceof HandoffError)
    return new Refusal(422, plain);
  if (error instanceof UserbootError && !(error instanceof InternalError)) return new Refusal(500, plain);
  return new Refusal(500, { name: "InternalError", message: "a defect of the service, of which its log has more" });
}
