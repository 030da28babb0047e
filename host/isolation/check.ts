// Whether what came out of a cell is what it looks like. A thread or process that a guest has taken over can send
// anything; its lies about the guest are its own affair, but every value has the type that the caller is promised.

import { FLAVOUR_MODULES } from "../assets.js";
import { FLAVOURS } from "../modules.js";
import type { HookName } from "../policy/hooks.js";
import { LOOKED_MAX, LOOKED_TEXT_MAX } from "../problem.js";
import { GENERATIONS, PROFILE_MARKS } from "../profile.js";
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

const flavour = one(...FLAVOURS);
const scalar = either(text, number);
const word = either(whole, hex);
const registers = dictionary(either(word, list(word)));
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

/** `ResultData`, field by field. */
const result = object(
  {
    reason: one("exec", "exit", "error"),
    flavour,
    swaps: list(flavour),
    swapRequests: list(object({ name: text, flavour, consoleBytes: number, diskCalls: number, diskBytes: number })),
    interpreterChecks: list(
      object(
        { flavour, found: one("mark", "no mark", "no loader", "unreadable", "not looked for") },
        { offset: number },
      ),
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
  },
  {
    exitCode: number,
    error: plainError,
    profile: object(
      { generation: (value) => GENERATIONS.some((one) => one === value), from: one(...PROFILE_MARKS) },
      { release },
    ),
    bootOnce: text,
    arch: one("amd64", "i386"),
    registers,
    gdt: object({ gpa: hex, hex: table }),
    bootData: object({ modulep: hex, kernend: hex }, { howto: hex, bootdev: hex, bootinfo: hex, envp: hex }),
    bootProblem: lookedList,
    overlay: list(object({ path: text, used: flag })),
    measurements: object({ files: list(file), filesDigest: text }, { stateDigest: text }),
  },
);

/** What each hook is told. */
const FACTS: Readonly<Record<HookName, Check>> = {
  onEnvironment: () => false,
  onSetenv: tuple(text, text),
  onFile: tuple(file),
  onKernel: tuple(object({ path: text, args: text })),
  onExec: tuple(
    object({
      arch: one("amd64", "i386"),
      modules: list(object({ name: text, type: text, size: number })),
      environment: dictionary(text),
      registers,
    }),
  ),
};

const MESSAGES: Readonly<Record<CellMessage["type"], Check>> = {
  began: object({ type: text }),
  output: object({ type: text, bytes }),
  question: (value) =>
    object({ type: text, hook: one(...Object.keys(FACTS)), facts: Array.isArray })(value) &&
    FACTS[(value as { hook: HookName }).hook]((value as { facts: unknown }).facts),
  progress: object({
    type: text,
    progress: object({ diskBytes: number, diskCalls: number, fileBytes: number, fileDone: number }),
  }),
  read: readRequest,
  waiting: object({ type: text, waiting: flag }),
  module: object({ type: text, name: one(...FLAVOUR_MODULES) }),
  rejected: object({ type: text, error: plainError }),
  done: object({ type: text, data: result, keysConsumed: number, guest: isObject }),
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
