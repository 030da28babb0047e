// Whether what came out of a cell is what it looks like. A thread or process that a guest has taken over can send
// anything; its lies about the guest are its own affair, but every value has the type that the caller is promised.

import { FLAVOUR_MODULES } from "../assets.js";
import type { CommonRegisters } from "../handoff/registers.js";
import { FLAVOURS } from "../modules.js";
import type { HookName } from "../policy/hooks.js";
import { LOOKED_MAX, LOOKED_TEXT_MAX } from "../problem.js";
import { GENERATIONS, PROFILE_MARKS } from "../profile.js";
import type { SessionFacts } from "../result.js";
import { isPrintable } from "../text.js";
import type { CellMessage } from "./cell.js";
import {
  bytes,
  type Check,
  dictionary,
  either,
  flag,
  hex,
  isObject,
  list,
  number,
  object,
  one,
  plainError,
  readRequest,
  text,
  tuple,
  whole,
} from "./shape.js";

/** The fields that a `T` always has. */
type Always<T> = { [name in keyof T]-?: undefined extends T[name] ? never : name }[keyof T];

const flavour = one(...FLAVOURS);
const scalar = either(text, number);
const word = either(whole, hex);
const segment = tuple(word, word, hex);
const REGISTERS: Readonly<Record<keyof CommonRegisters, Check>> = {
  ...{ rip: hex, rsp: hex, rflags: hex, cr0: hex, cr4: hex, efer: hex },
  ...{ cs: whole, ds: whole, es: whole, fs: whole, gs: whole, ss: whole, tr: whole, ldtr: whole },
  ...{ cs_desc: segment, ds_desc: segment, tr_desc: segment, ldtr_desc: segment, gdtr: tuple(hex, whole) },
};
const AMD64 = { arch: one("amd64"), registers: object({ ...REGISTERS, cr3: hex }) };
const I386 = { arch: one("i386"), registers: object(REGISTERS) };
/** Bytes of a table of segments. */
const table: Check = (value) => typeof value === "string" && /^(?:[0-9a-f]{2}){0,64}$/.test(value);
const file = object({ device: text, path: text, size: number, sha256: text, purpose: text });

const module = object(
  {
    name: text,
    type: text,
    address: hex,
    size: number,
    metadata: list(object({ name: text, gpa: hex, size: number }, { value: hex })),
  },
  { args: text },
);

const LOOKED_KINDS = one("disk", "damage", "partition", "pool", "file", "kernel");
/** Of bounded length, and with nothing in it that acts on a terminal. */
const shown: Check = (value) => typeof value === "string" && value.length <= LOOKED_TEXT_MAX && isPrintable(value);
/** What was looked at, of bounded length and printable. */
export const lookedList: Check = (value) =>
  list(object({ kind: LOOKED_KINDS, name: shown, found: shown }))(value) && (value as unknown[]).length <= LOOKED_MAX;

const release: Check = (value) => typeof value === "string" && /^\d{1,3}\.\d{1,2}$/.test(value);

const FACTS: Readonly<Record<Always<SessionFacts>, Check>> = {
  flavour,
  swaps: list(flavour),
  swapRequests: list(object({ name: text, flavour, consoleBytes: number, diskCalls: number, diskBytes: number })),
  interpreterChecks: list(
    object({ flavour, found: one("mark", "no mark", "no loader", "unreadable", "not looked for") }, { offset: number }),
  ),
  calls: list(list(scalar)),
  memory: list(object({ gpa: hex, length: whole })),
  memoryGranule: number,
  memoryFaults: number,
  modules: list(module),
  environment: dictionary(text),
  disk: object({ calls: number, bytes: number, healed: number }),
  hostCalls: number,
  console: object({ bytes: number }),
  fuelUsed: number,
  moduleMemory: number,
  timeMs: object({ instantiate: number, run: number, decode: number, total: number }),
  virtualSeconds: number,
  diagnostics: list(text),
  isolation: object({ level: text }, { confinement: text }),
};

const MORE_FACTS: Readonly<Record<Exclude<keyof SessionFacts, Always<SessionFacts>>, Check>> = {
  profile: object(
    { generation: (value) => GENERATIONS.some((one) => one === value), from: one(...PROFILE_MARKS) },
    { release },
  ),
  overlay: list(object({ path: text, used: flag })),
  measurements: object({ files: list(file), filesDigest: text }, { stateDigest: text }),
};

const ENTERED = {
  bootOnce: text,
  bootData: object({ modulep: hex, kernend: hex }, { howto: hex, bootdev: hex, bootinfo: hex, envp: hex }),
};
const NOT_ENTERED = { bootProblem: lookedList };

/** `ResultData`: what each way to end has besides the facts, and may have. */
const ends = (fields: Record<string, Check>, more: Record<string, Check>): Check =>
  object({ ...fields, ...FACTS }, { ...more, ...MORE_FACTS });
const result = either(
  ends({ reason: one("exec"), ...AMD64 }, ENTERED),
  ends({ reason: one("exec"), ...I386, gdt: object({ gpa: hex, hex: table }) }, ENTERED),
  ends({ reason: one("exit"), exitCode: number }, NOT_ENTERED),
  ends({ reason: one("error"), error: plainError }, NOT_ENTERED),
);

const machine = { modules: list(object({ name: text, type: text, size: number })), environment: dictionary(text) };

/** What each hook is told. */
const TOLD: Readonly<Record<HookName, Check>> = {
  onEnvironment: () => false,
  onSetenv: tuple(text, text),
  onFile: tuple(file),
  onKernel: tuple(object({ path: text, args: text })),
  onExec: tuple(either(object({ ...machine, ...AMD64 }), object({ ...machine, ...I386 }))),
};

/** Cells make it of what came. */
const guest: Check = (value) => typeof value === "object" && value !== null;

const MESSAGES: Readonly<Record<CellMessage["type"], Check>> = {
  began: object({ type: text }),
  output: object({ type: text, bytes }),
  question: (value) =>
    object({ type: text, hook: one(...Object.keys(TOLD)), facts: Array.isArray })(value) &&
    TOLD[(value as { hook: HookName }).hook]((value as { facts: unknown }).facts),
  progress: object({
    type: text,
    progress: object({ diskBytes: number, diskCalls: number, fileBytes: number, fileDone: number }),
  }),
  read: readRequest,
  waiting: object({ type: text, waiting: flag }),
  module: object({ type: text, name: one(...FLAVOUR_MODULES) }),
  rejected: object({ type: text, error: plainError }),
  done: object({ type: text, data: result, keysConsumed: number, guest }),
};

/**
 * The message, when it is one.
 * @throws TypeError when it is not
 */
export function checkedMessage(message: unknown): CellMessage {
  const type = isObject(message) ? message.type : undefined;
  const known = typeof type === "string" && Object.hasOwn(MESSAGES, type);
  if (known && MESSAGES[type as CellMessage["type"]](message)) return message as CellMessage;
  throw new TypeError(`it sent ${known ? `a wrong message "${type}"` : "something that is no message"}`);
}
