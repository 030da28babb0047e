// The operator's hooks, as the core sees them: which there are, and the questions about variables and
// kernels. Files are examined in files/examined.ts. Without hooks each question costs one test of a bit.

import { allocString, stringAt } from "../lib/bytes";
import { allocate } from "../lib/fault";
import { ask_kernel, ask_setenv, HOOK_KERNEL, HOOK_SETENV, hooks } from "../protocol";

/** Bytes that an answer may have. */
const ANSWER_LIMIT: i32 = 65536;

let wanted: u32 = 0;

/** Learns what the operator wants to be asked about. */
export function startPolicy(): void {
  wanted = hooks();
}

/** Whether the operator wants questions of this kind (HOOK_*). */
export function wants(hook: u32): bool {
  return (wanted & hook) != 0;
}

/** The value to set `name` to when a script says `value`. */
export function permittedValue(name: string, value: string): string {
  return wants(HOOK_SETENV) ? ask(HOOK_SETENV, name, value) : value;
}

/** The arguments to enter the kernel `path` with when its user says `args`. */
export function permittedArguments(path: string, args: string): string {
  return wants(HOOK_KERNEL) ? ask(HOOK_KERNEL, path, args) : args;
}

function ask(hook: u32, subject: string, proposal: string): string {
  const name = allocString(subject);
  const value = allocString(proposal);
  const answer = allocate(ANSWER_LIMIT);
  const size =
    hook == HOOK_SETENV
      ? ask_setenv(name, subject.length, value, proposal.length, answer, ANSWER_LIMIT)
      : ask_kernel(name, subject.length, value, proposal.length, answer, ANSWER_LIMIT);
  const result = size < 0 ? proposal : stringAt(answer, min(size, ANSWER_LIMIT));
  heap.free(answer);
  heap.free(value);
  heap.free(name);
  return result;
}
