// How a session asks the caller's hooks: directly in the calling thread, over shared memory from a worker
// (worker/questions.ts). Either way the answers are checked here, where the hooks run.

import { ownBytes } from "../brand.js";
import { PolicyError, PolicyFileError, UserbootError } from "../errors.js";
import { type BootHooks, type Denial, HOOK_NAMES, type HookName } from "./hooks.js";

/** An answer that has been checked. */
export type Answer =
  | undefined
  | Denial
  | { readonly value: string }
  | { readonly args: string }
  | { readonly replace: Uint8Array };

/** The way to the caller's hooks from where the session runs. It blocks until there is an answer. */
export interface Asker {
  /** The hooks that exist. */
  readonly wants: ReadonlySet<HookName>;
  /** Asks a hook that exists. Throws only what ends the session. */
  ask(hook: HookName, ...facts: unknown[]): Answer;
}

/** The hooks that `hooks` has. */
export function definedHooks(hooks: BootHooks): Set<HookName> {
  return new Set(HOOK_NAMES.filter((name) => hooks[name] !== undefined));
}

/** Asks hooks in this thread. */
export class DirectAsker implements Asker {
  readonly wants: ReadonlySet<HookName>;

  constructor(private readonly hooks: BootHooks) {
    this.wants = definedHooks(hooks);
  }

  ask(hook: HookName, ...facts: unknown[]): Answer {
    return askHook(this.hooks, hook, facts);
  }
}

/** What each hook may answer besides nothing and a denial. */
const ANSWERS: Readonly<Record<HookName, { field: string; valid: (value: unknown) => boolean } | undefined>> = {
  onEnvironment: undefined,
  onSetenv: { field: "value", valid: isByteText },
  onFile: { field: "replace", valid: (value) => ownBytes(value) !== undefined },
  onKernel: { field: "args", valid: isByteText },
  onExec: undefined,
};

/** A denial without a rule of its own has the hook's name for one. */
function isDenial(answer: object): answer is Denial {
  const { deny, rule } = answer as Partial<Denial>;
  return typeof deny === "string" && (rule === undefined || typeof rule === "string");
}

function isByteText(value: unknown): value is string {
  return typeof value === "string" && !/[^\x00-\xff]/.test(value);
}

/**
 * Calls a hook and checks its answer.
 * @throws PolicyFileError when the hook throws or answers something else than it may
 */
export function askHook(hooks: BootHooks, hook: HookName, facts: unknown[]): Answer {
  let answer: unknown;
  try {
    answer = (hooks[hook] as (...facts: unknown[]) => unknown).apply(hooks, facts);
  } catch (error) {
    if (error instanceof UserbootError) throw error;
    throw new PolicyFileError(`hook ${hook} failed: ${(error as Error)?.message ?? error}`);
  }
  if (answer === undefined || answer === null) return undefined;
  if (typeof answer === "object") {
    if (isDenial(answer)) return answer;
    const allowed = ANSWERS[hook];
    const value = allowed && (answer as Record<string, unknown>)[allowed.field];
    if (allowed?.valid(value)) return { [allowed.field]: ownBytes(value) ?? value } as Answer;
  }
  const field = ANSWERS[hook]?.field;
  const wanted = `nothing, { deny }${field === undefined ? "" : ` or { ${field} }`}`;
  throw new PolicyFileError(`hook ${hook} answered ${describe(answer)}; it must answer ${wanted}`);
}

function describe(answer: unknown): string {
  return typeof answer === "object"
    ? `an object with ${Object.keys(answer as object).join(", ") || "nothing"}`
    : typeof answer;
}

/** Ends the session if `answer` is a denial. */
export function enforce(answer: Answer, hook: HookName, subject: string): Exclude<Answer, Denial> {
  if (answer !== undefined && "deny" in answer) throw new PolicyError(answer.rule ?? hook, subject, answer.deny);
  return answer;
}

/**
 * The environment as `onEnvironment` wants it: entries `name=value` in order, changed ones in place, new
 * ones at the end.
 */
export function permittedEnvironment(hooks: BootHooks | undefined, entries: readonly string[]): readonly string[] {
  if (hooks?.onEnvironment === undefined) return entries;
  const split = (entry: string): [string, string] => {
    const equals = entry.indexOf("=");
    return equals < 0 ? [entry, ""] : [entry.slice(0, equals), entry.slice(equals + 1)];
  };
  const environment = new Map(entries.map(split));
  let changes: unknown;
  try {
    changes = hooks.onEnvironment(Object.fromEntries(environment));
  } catch (error) {
    if (error instanceof UserbootError) throw error;
    throw new PolicyFileError(`hook onEnvironment failed: ${(error as Error)?.message ?? error}`);
  }
  if (changes === undefined || changes === null) return entries;
  if (typeof changes !== "object") {
    throw new PolicyFileError(`hook onEnvironment answered ${describe(changes)}; it must answer nothing or changes`);
  }
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) environment.delete(name);
    else if (isByteText(value)) environment.set(name, value);
    else throw new PolicyFileError(`hook onEnvironment: '${name}' must be a text or null`);
  }
  return Array.from(environment, ([name, value]) => `${name}=${value}`);
}
