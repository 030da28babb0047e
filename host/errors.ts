// Every error this package makes: one class per failing subject. `boot` rejects with those that concern
// the caller (options, images, abort); those that end a session become the `error` of its result.

/** Base of all of them, so that `instanceof UserbootError` tells ours from the rest. */
export class UserbootError extends Error {
  override get name(): string {
    return this.constructor.name;
  }
}

/** An option of `boot` or of the command line is wrong. */
export class OptionError extends UserbootError {}

/** An image can't be opened or read. */
export class DiskError extends UserbootError {
  constructor(
    readonly disk: string,
    message: string,
  ) {
    super(`${disk}: ${message}`);
  }
}

/** A `host:` tree can't be granted. */
export class HostTreeError extends UserbootError {
  constructor(
    readonly tree: string,
    message: string,
  ) {
    super(`${tree}: ${message}`);
  }
}

/** A budget of the session is used up. */
export class LimitError extends UserbootError {
  constructor(
    /** The limit's name in `limits`. */
    readonly limit: string,
    readonly allowed: number,
    readonly used: number,
  ) {
    super(`limit ${limit} exceeded: ${used} of ${allowed} used`);
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

/** The error for a signal that was aborted for `reason`. */
export function abortedBy(reason: unknown): AbortedError {
  const why = typeof reason === "string" ? ` (${reason})` : "";
  return new AbortedError(`boot aborted${why}`, { cause: reason });
}

/** A module that can't be found or compiled. */
export class ModuleError extends UserbootError {}

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

/** The worker could not start or died. */
export class WorkerError extends UserbootError {}

/** A booted guest that can't be handed to a VMM as asked. */
export class HandoffError extends UserbootError {}

/** A broken invariant of the core or of this package: a defect, not a property of the guest. */
export class InternalError extends UserbootError {}

/** An error as it stands in a result and crosses a worker's border. */
export interface PlainError {
  name: string;
  message: string;
  limit?: string;
  allowed?: number;
  used?: number;
  disk?: string;
  tree?: string;
  rule?: string;
  subject?: string;
}

/** `error` without its class and stack. */
export function plainError(error: unknown): PlainError {
  if (error instanceof LimitError) {
    const { name, message, limit, allowed, used } = error;
    return { name, message, limit, allowed, used };
  }
  if (error instanceof PolicyError) {
    const { name, message, rule, subject } = error;
    return { name, message, rule, subject };
  }
  if (error instanceof DiskError) return { name: error.name, message: error.message, disk: error.disk };
  if (error instanceof HostTreeError) return { name: error.name, message: error.message, tree: error.tree };
  if (error instanceof Error) return { name: error.name, message: error.message };
  return { name: "InternalError", message: String(error) };
}

const CLASSES = {
  OptionError,
  InterpreterError,
  InputEndedError,
  RegisterError,
  MemoryError,
  AbortedError,
  ModuleError,
  PolicyFileError,
  ConsoleError,
  WorkerError,
  InternalError,
};

/** The error that `plainError` was made of, with its class. */
export function reviveError(plain: PlainError): UserbootError {
  if (plain.name === "LimitError") return new LimitError(plain.limit ?? "?", plain.allowed ?? 0, plain.used ?? 0);
  if (plain.name === "DiskError") {
    const disk = plain.disk ?? "";
    return new DiskError(disk, plain.message.slice(disk.length + 2));
  }
  if (plain.name === "HostTreeError") {
    const tree = plain.tree ?? "";
    return new HostTreeError(tree, plain.message.slice(tree.length + 2));
  }
  const Class = Object.hasOwn(CLASSES, plain.name) ? CLASSES[plain.name as keyof typeof CLASSES] : InternalError;
  return new Class(plain.message);
}
