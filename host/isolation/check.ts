// Whether what came out of a cell is what it looks like. A thread or process that a guest has taken over can send
// anything; its lies about the guest are its own affair, but every value has the type that the caller is promised.

import { FLAVOURS } from "../modules.js";
import type { HookName } from "../policy/hooks.js";
import type { CellMessage } from "./cell.js";

type Check = (value: unknown) => boolean;

const text: Check = (value) => typeof value === "string";
const number: Check = (value) => typeof value === "number" && Number.isFinite(value);
const flag: Check = (value) => typeof value === "boolean";
const bytes: Check = (value) => value instanceof Uint8Array;
const one =
  (...values: string[]): Check =>
  (value) =>
    values.includes(value as string);
const either =
  (...checks: Check[]): Check =>
  (value) =>
    checks.some((check) => check(value));
const list =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);
const tuple =
  (...checks: Check[]): Check =>
  (value) =>
    Array.isArray(value) && value.length === checks.length && checks.every((check, i) => check(value[i]));
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const dictionary =
  (check: Check): Check =>
  (value) =>
    isObject(value) && Object.values(value).every(check);
/** An object with all of `fields`, perhaps some of `more`, and nothing else. */
const object =
  (fields: Record<string, Check>, more: Record<string, Check> = {}): Check =>
  (value) =>
    isObject(value) &&
    Object.entries(fields).every(([name, check]) => check(value[name])) &&
    Object.entries(value).every(
      ([name, field]) =>
        Object.hasOwn(fields, name) || field === undefined || (Object.hasOwn(more, name) && more[name]!(field)),
    );

const flavour = one(...FLAVOURS);
const scalar = either(text, number);
const registers = dictionary(either(scalar, list(scalar)));
const file = object({ device: text, path: text, size: number, sha256: text, purpose: text });

const error = object(
  { name: text, message: text },
  { limit: text, allowed: number, used: number, disk: text, tree: text, rule: text, subject: text },
);

const module = object(
  {
    name: text,
    type: text,
    address: text,
    size: number,
    metadata: list(object({ name: text, gpa: text, size: number }, { value: text })),
  },
  { args: text },
);

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
    memory: list(object({ gpa: text, length: number }, { sha256: text })),
    memoryGranule: number,
    memoryFaults: number,
    modules: list(module),
    environment: dictionary(text),
    disk: object({ calls: number, bytes: number }),
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
    error,
    arch: one("amd64", "i386"),
    registers,
    gdt: object({ gpa: text, hex: text }),
    bootData: object({ modulep: text, kernend: text }, { howto: text, bootdev: text, bootinfo: text, envp: text }),
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
  waiting: object({ type: text, waiting: flag }),
  rejected: object({ type: text, error }),
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
