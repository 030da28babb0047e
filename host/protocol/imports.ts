// The host side of loader-wasm/protocol.ts: the files beside this one say what each import does; here they are put
// together, and each one is wrapped so that its call is counted and charged, and whatever goes wrong in it is an error
// of ours. Nothing here looks into the guest's data.

import { InternalError, UserbootError } from "../errors.js";
import { finish, isPromise, isSteps, type MaybePromise, type Steps } from "../maybe.js";
import type { ModuleAccess } from "../policy/imports.js";
import { unaskedImports } from "../policy/unasked.js";
import { type SessionState, Stop } from "../state.js";
import { cantWait, suspending } from "../suspension.js";
import type { WasiProvider } from "../wasi/provider.js";
import { wasiClock, wasiNoFiles } from "../wasi/stubs.js";
import { consoleImports } from "./console.js";
import { cpuImports } from "./cpu.js";
import { digestImports } from "./digests.js";
import { diskImports } from "./disks.js";
import { lifeImports } from "./life.js";
import { memoryImports } from "./memory.js";
import { ModuleMemory } from "./module_memory.js";
import { overlayImports } from "./overlay.js";

/** The imports of one instance of `program` that runs in `memory` for `state`, with the files of `wasi` if there are any. */
export function makeImports(
  memory: WebAssembly.Memory,
  state: SessionState,
  program: WebAssembly.Module,
  wasi: WasiProvider | undefined,
): WebAssembly.Imports {
  const module = new ModuleMemory(memory);
  const userboot = [
    consoleImports(module, state),
    diskImports(module, state),
    memoryImports(module, state),
    digestImports(module, state),
    cpuImports(module, state),
    lifeImports(module, state),
    overlayImports(module, state),
    state.policy?.imports(accessFor(module), state.guest, (bytes) => state.meter.work(bytes)) ?? unaskedImports(),
  ];
  // The clock is the session's, whoever provides the files.
  const files = [
    wasiNoFiles(),
    wasi ? wasi.guard(wasi.imports(program), module, state.meter) : {},
    wasiClock((at, size) => module.cell(at, size), state.clock),
  ];
  return {
    env: { memory },
    userboot: wrapped<Body & StepsBody & MaybeBody>(userboot, state, (name, body) => {
      if (STEPS.has(name)) return wrapSteps(name, body, state);
      return READS.has(name) ? wrapWaiting(name, body, state) : wrap(name, body, state);
    }),
    wasi_snapshot_preview1: wrapped(files, state, wrapExact),
  };
}

/** Texts that hooks are told are cut to this. */
const HOOK_TEXT_MAX = 1024 * 1024;

function accessFor(module: ModuleMemory): ModuleAccess {
  return {
    bytes: (address, size) => module.bytes(address, size),
    put: (address, bytes) => module.put(address, bytes),
    text: (address, size) => module.text(address, size, HOOK_TEXT_MAX),
  };
}

/** The imports of `groups`, each wrapped; of several with one name the last one counts. */
function wrapped<B>(
  groups: readonly object[],
  state: SessionState,
  wrapper: (name: string, body: B, state: SessionState) => WebAssembly.ImportValue,
): WebAssembly.ModuleImports {
  const imports: WebAssembly.ModuleImports = {};
  for (const group of groups) {
    for (const name of Object.keys(group)) {
      imports[name] = wrapper(name, (group as Record<string, B>)[name]!, state);
    }
  }
  return imports;
}

/** Imports that may have to wait: by steps that an abort ends between two of them, or by one promise. */
const STEPS: ReadonlySet<string> = new Set(["getc", "poll", "delay"]);
const READS: ReadonlySet<string> = new Set(["diskread", "diskread_guest"]);

type Value = number | bigint;
type Body = (...args: (Value | undefined)[]) => Value | undefined;
type MaybeBody = (...args: (Value | undefined)[]) => MaybePromise<Value | undefined>;
type StepsBody = (...args: (Value | undefined)[]) => Value | undefined | Steps<Value | undefined>;

/** Wraps an import of ours, which has at most six arguments: an array of them would cost more than most imports do. */
function wrap(name: string, body: Body, state: SessionState): Body {
  return (a, b, c, d, e, f) => {
    try {
      enter(state);
      return body(a, b, c, d, e, f);
    } catch (error) {
      throw named(name, error);
    }
  };
}

/** Wraps an import of ours that may have to wait, which the session can or can't. */
function wrapWaiting(name: string, body: MaybeBody, state: SessionState) {
  const imported: MaybeBody = (a, b, c, d, e) => {
    try {
      enter(state);
      const answer = body(a, b, c, d, e);
      if (!isPromise(answer)) return answer;
      if (!state.suspension) throw cantWait();
      return answer.catch((error) => {
        throw named(name, error);
      });
    } catch (error) {
      throw named(name, error);
    }
  };
  return state.suspension ? suspending(imported) : imported;
}

/** The same for one that answers, or gives the steps to its answer. */
function wrapSteps(name: string, body: StepsBody, state: SessionState) {
  const { suspension } = state;
  const until = suspension && ((promise: Promise<unknown>) => suspension.until(promise));
  return wrapWaiting(
    name,
    (a, b, c, d, e) => {
      const answer = body(a, b, c, d, e);
      return isSteps(answer) ? finish(answer, until) : answer;
    },
    state,
  );
}

/** Wraps an import of a library, which may count its arguments. */
function wrapExact(name: string, body: Body, state: SessionState): Body {
  return (...values) => {
    try {
      enter(state);
      return body(...values);
    } catch (error) {
      throw named(name, error);
    }
  };
}

function enter({ counts, meter }: SessionState): void {
  counts.hostCalls++;
  meter.call();
}

/** What an import threw as something that a session may end with. */
function named(name: string, error: unknown): unknown {
  if (error instanceof Stop || error instanceof UserbootError) return error;
  // The engine's stack is full, which is the core's doing.
  if (error instanceof RangeError && error.message.includes("call stack")) return error;
  return new InternalError(`import ${name}: ${(error as Error)?.message ?? error}`);
}
