// What a session that runs elsewhere, in a thread or a process, and its caller tell each other.

import type { FlavourModule } from "../assets.js";
import type { Keys } from "../console/keys.js";
import type { ReadRequest } from "../disks/served.js";
import type { SentImage } from "../disks/source.js";
import type { PlainError } from "../errors.js";
import type { InspectStart } from "../inspect/protocol.js";
import type { Flavour, ModuleTable } from "../modules.js";
import type { Progress, SessionOptions } from "../options.js";
import type { ConsoleRule, HookName, MenuRule } from "../policy/hooks.js";
import type { ResultData } from "../result.js";
import type { GrantedTree } from "../wasi/tree.js";

/** To the session: all that it gets. */
export interface StartMessage {
  options: SessionOptions;
  /** Those that are there already; it asks for others. Without them the session finds its own. */
  modules?: ModuleTable;
  /** The flavours that begin with their small modules. */
  small?: readonly Flavour[];
  /** wasmer-js' module, which trees need; without it the session finds its own. */
  wasi?: WebAssembly.Module;
  disks: readonly SentImage[];
  trees: readonly GrantedTree[];
  clock: "real" | "virtual";
  /** Prepared keys. */
  keys?: readonly Keys[];
  /** Keys come while it runs. */
  liveKeys?: boolean;
  /** It waits for what is promised: its engine can. */
  suspends?: boolean;
  /** The operator's hooks that are to be asked. */
  wants: readonly HookName[];
  /** What to type when. */
  automation?: readonly (ConsoleRule | MenuRule)[];
  measure?: boolean;
  /** The images are to be looked into, request by request, and nothing is to be booted. */
  inspect?: InspectStart;
}

/** From the session, but for its end. */
export type SessionMessage =
  /** Everything is there, and the guest's time begins. */
  | { type: "began" }
  | { type: "output"; bytes: Uint8Array<ArrayBuffer> }
  | { type: "question"; hook: HookName; facts: unknown[] }
  | { type: "progress"; progress: Progress }
  /** It reads a disk that its caller has. */
  | ({ type: "read" } & ReadRequest)
  /** The guest swaps to a flavour whose module isn't there. */
  | { type: "module"; name: FlavourModule }
  /** The guest begins, or stops, to wait for a key that isn't there. */
  | { type: "waiting"; waiting: boolean }
  /** The session could not begin, or the operator's part in it failed. */
  | { type: "rejected"; error: PlainError };

/** How it ended, without guest memory, which goes its own way. */
export interface SessionEnded {
  type: "done";
  data: ResultData;
  keysConsumed: number;
}
