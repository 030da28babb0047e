// What a session's worker and its caller tell each other.

import type { Keys } from "../console/keys.js";
import type { SentImage } from "../disks/source.js";
import type { PlainError } from "../errors.js";
import type { ModuleTable } from "../modules.js";
import type { Progress, SessionOptions } from "../options.js";
import type { ConsoleRule, HookName, MenuRule } from "../policy/hooks.js";
import type { ResultData } from "../result.js";
import type { GrantedTree } from "../wasi/tree.js";
import type { QuestionLine } from "./questions.js";

/** To the worker: the one message it gets. */
export interface StartMessage {
  options: SessionOptions;
  modules: ModuleTable;
  disks: readonly SentImage[];
  trees: readonly GrantedTree[];
  clock: "real" | "virtual";
  /** Keys: prepared ones, or a ring. Neither: none. */
  keys?: readonly Keys[];
  ring?: SharedArrayBuffer;
  /** The operator's hooks: which there are, and what to type when. */
  questions?: QuestionLine;
  measure?: boolean;
  automation?: readonly (ConsoleRule | MenuRule)[];
}

/** From the worker. */
export type WorkerMessage =
  | { type: "output"; bytes: Uint8Array<ArrayBuffer> }
  | { type: "question"; hook: HookName; facts: unknown[] }
  | { type: "progress"; progress: Progress }
  /** The guest begins, or stops, to wait for a key that isn't there. */
  | { type: "waiting"; waiting: boolean }
  | { type: "rejected"; error: PlainError }
  | { type: "done"; data: ResultData; memory: MemoryParts; keysConsumed: number };

/** Guest memory, taken apart for the transfer. */
export interface MemoryParts {
  low: number;
  high: number;
  ram: ArrayBuffer;
  faults: number;
  written: [number, number][];
}

/** A thread's first message on Node: its program is loaded. */
export const READY = "ready";
