// Every error this package makes: one class per failing subject. `boot` rejects with those that concern
// the caller (options, images, abort); those that end a session become the `error` of its result. Their names
// stand as text in one table at the end of this file, so that minifiers can't change them.

/** Base of all of them, so that `instanceof UserbootError` tells ours from the rest. */
export class UserbootError extends Error {}

/** An option of `boot` or of the command line is wrong. */
export class OptionError extends UserbootError {}

/** An image can't be opened or read, or isn't what the caller says that it is. */
export class DiskError extends UserbootError {
  constructor(
    /** The disk: its path, or `disk0`. */
    readonly disk: string,
    message: string,
  ) {
    super(`${disk}: ${message}`);
  }
}

/** A `host:` tree can't be granted. */
export class HostTreeError extends UserbootError {
  constructor(
    /** The tree: its path, or what it is called. */
    readonly tree: string,
    message: string,
  ) {
    super(`${tree}: ${message}`);
  }
}

/** A budget of the session is used up. */
export class LimitError extends UserbootError {
  constructor(
    /** The limit's name in `limits`, or `messageBytes`, which is a process's and fixed. */
    readonly limit: string,
    /** What was allowed. */
    readonly allowed: number,
    /** What was used when that was noticed. */
    readonly used: number,
    /** What exceeded it, where that isn't the session itself. */
    by = "",
  ) {
    super(`limit ${limit} exceeded${by && ` by ${by}`}: ${used} of ${allowed} used`);
  }
}

/** The guest wants a flavour that isn't one, or isn't there. */
export class InterpreterError extends UserbootError {}

/** The guest waits for a key that can't come any more. */
export class InputEndedError extends UserbootError {}

/** The guest set up a register that the machine doesn't have, or a value that makes no sense. */
export class RegisterError extends UserbootError {}

/** Guest memory refused a part of what the kernel was to find: the message names the part, what it needs and what there is. */
export class MemoryError extends UserbootError {}

/** The caller's `AbortSignal` ended the session. */
export class AbortedError extends UserbootError {}

/** The error for a signal that was aborted for `reason`, and what that ended. */
export function abortedBy(reason: unknown, what = "boot"): AbortedError {
  const why = typeof reason === "string" ? ` (${reason})` : "";
  return new AbortedError(`${what} aborted${why}`, { cause: reason });
}

/** A module or worker of this package that can't be fetched, or isn't one. */
export class AssetError extends UserbootError {
  constructor(
    /** Where it was looked for, or the option that it was given by. */
    readonly url: string,
    message: string,
    /** What the server answered. */
    readonly status?: number | undefined,
  ) {
    super(`${url}: ${message}`);
  }
}

/** An operator's policy file is wrong, or one of its hooks failed. */
export class PolicyFileError extends UserbootError {}

/** A policy said no. */
export class PolicyError extends UserbootError {
  constructor(
    /** The rule that denied. */
    readonly rule: string,
    /** What it denied: a file, a variable, a kernel. */
    readonly subject: string,
    reason: string,
  ) {
    super(`${subject} denied by ${rule}: ${reason}`);
  }
}

/** The caller's console failed. */
export class ConsoleError extends UserbootError {}

/** The thread or process of a session could not start, or died. */
export class IsolationError extends UserbootError {}

/** A pool doesn't take a boot on. */
export class PoolError extends UserbootError {
  constructor(
    /** Why: its queue is full, or its tenant's part of it; the guest has more memory than the pool has for all; it is closed. */
    readonly refused: "queue" | "tenant" | "memory" | "closed",
    message: string,
  ) {
    super(message);
  }
}

/** A booted guest that can't be handed to a VMM as asked. */
export class HandoffError extends UserbootError {}

/** Guest memory is read, or a guest packed, after its result was released. */
export class ReleasedError extends UserbootError {}

/** A file or directory of an image can't be looked at. */
export class FileError extends UserbootError {
  constructor(
    /** The file or directory, as it was asked for. */
    readonly path: string,
    /** As the system would call it: ENOENT, ENOTDIR, EIO ... */
    readonly code: string,
    message: string,
  ) {
    // The name of a device ends in a colon of its own.
    super(`${path}${path.endsWith(":") ? "" : ":"} ${message}`);
  }
}

/** A broken invariant of the core or of this package: a defect, not a property of the guest. */
export class InternalError extends UserbootError {}

/** All classes by the names that they have everywhere: in results, in messages, in what is sent between threads. */
export const ERROR_CLASSES = {
  UserbootError,
  OptionError,
  DiskError,
  HostTreeError,
  LimitError,
  InterpreterError,
  InputEndedError,
  RegisterError,
  MemoryError,
  AbortedError,
  AssetError,
  PolicyFileError,
  PolicyError,
  ConsoleError,
  IsolationError,
  PoolError,
  HandoffError,
  ReleasedError,
  FileError,
  InternalError,
};

for (const [name, { prototype }] of Object.entries(ERROR_CLASSES)) {
  Object.defineProperty(prototype, "name", { value: name, configurable: true, writable: true });
}

/** What some of the errors have besides their messages. */
export interface ErrorDetails {
  /** Of a LimitError. */
  limit: string;
  /** Of a LimitError. */
  allowed: number;
  /** Of a LimitError. */
  used: number;
  /** Of a DiskError. */
  disk: string;
  /** Of a HostTreeError. */
  tree: string;
  /** Of a PolicyError. */
  rule: string;
  /** Of a PolicyError. */
  subject: string;
  /** Of a FileError. */
  path: string;
  /** Of a FileError. */
  code: string;
  /** Of an AssetError. */
  url: string;
  /** Of an AssetError. */
  status: number;
  /** Of a PoolError. */
  refused: string;
}
const DETAILS: Readonly<Record<keyof ErrorDetails, "string" | "number">> = {
  limit: "string",
  allowed: "number",
  used: "number",
  disk: "string",
  tree: "string",
  rule: "string",
  subject: "string",
  path: "string",
  code: "string",
  url: "string",
  status: "number",
  refused: "string",
};

/** An error as it stands in a result and crosses the border of a thread or process. */
export interface PlainError extends Partial<ErrorDetails> {
  /** The name of its class. */
  name: string;
  /** What happened, in one line. */
  message: string;
}

/** The details that `from` has. */
function detailsOf(from: object): Partial<ErrorDetails> {
  const has = (name: string, type: string) => Object.hasOwn(from, name) && typeof Reflect.get(from, name) === type;
  return Object.fromEntries(
    Object.entries(DETAILS).flatMap(([name, type]) => (has(name, type) ? [[name, Reflect.get(from, name)]] : [])),
  );
}

/** `error` without its class and stack. */
export function plainError(error: unknown): PlainError {
  if (!(error instanceof Error)) return { name: "InternalError", message: String(error) };
  const { name, message } = error;
  return error instanceof UserbootError ? { name, message, ...detailsOf(error) } : { name, message };
}

/** The error that `plainError` was made of, with its class; an InternalError when there is none of that name. */
export function reviveError(plain: PlainError): UserbootError {
  const known = Object.hasOwn(ERROR_CLASSES, plain.name);
  const Class = known ? ERROR_CLASSES[plain.name as keyof typeof ERROR_CLASSES] : InternalError;
  // Not by the class's own constructor: the message is complete already.
  return Object.assign(Reflect.construct(Error, [plain.message], Class) as UserbootError, detailsOf(plain));
}
