// A request's body: the set-up of a boot (machine_file/machine.ts), and what is wanted of it. Every name in it is checked; limits
// can only be lowered.

import { OptionError } from "../errors.js";
import { type MapProfile, memoryMap } from "../handoff/maps.js";
import { type Machine, parseMachine } from "../machine_file/machine.js";
import { machineOptions } from "../machine_file/use.js";
import { checkLimits, type Limits } from "../options.js";
import type { PoolBootOptions } from "../pool/options.js";
import { printable } from "../text.js";
import { checkOptions, FLAG, OBJECT, TEXT, type Wanted } from "../wanted.js";

/** What is answered: the result as JSON, or the machine as a file. */
export type AnswerFormat = "result" | "machine";

/** A body, checked. */
export interface BootRequest {
  /** What to boot. */
  machine: Machine;
  /** What to answer; the result unless said. */
  format?: AnswerFormat;
  /** The operator's policy by its name. */
  policy?: string;
  /** Lower limits than the operator's. */
  limits?: Partial<Limits>;
  /** Whose memory map the guest is told. */
  map?: MapProfile;
  /** As `boot` has it. */
  digests?: boolean;
  /** As `boot` has it. */
  measure?: boolean;
}

const REQUEST = {
  machine: OBJECT,
  format: { what: '"result" or "machine"', is: (format) => format === "result" || format === "machine" },
  policy: TEXT,
  limits: OBJECT,
  map: TEXT,
  digests: FLAG,
  measure: FLAG,
} satisfies Record<keyof BootRequest, Wanted>;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** What a guest has whose memory nobody speaks of. */
const MEMORY_DEFAULT = 256 * 1024 * 1024;

/**
 * What `body` asks for.
 * @throws OptionError for the first thing that is wrong
 */
export function parseRequest(body: Uint8Array): BootRequest {
  const value = parsed(body);
  checkOptions("a request", value, REQUEST);
  const request = value as BootRequest;
  if (request.machine === undefined)
    throw new OptionError('there is no "machine", the set-up of the boot ({ "version": 1, "disks": [...] })');
  return { ...request, machine: parseMachine(request.machine) };
}

function parsed(body: Uint8Array): unknown {
  let text: string;
  try {
    text = utf8.decode(body);
  } catch {
    throw new OptionError("the body is no text in UTF-8");
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new OptionError(`the body is no JSON: ${printable((error as Error).message)}`);
  }
}

/**
 * The options that `request` stands for, without its disks and hooks, within the operator's limits.
 * @throws OptionError for a limit or map that can't be
 */
export function requestOptions(request: BootRequest, allowed: Limits): PoolBootOptions {
  const { machine, format, map, limits = {}, digests, measure } = request;
  const settled = machineOptions(machine);
  const profile = map ?? (format === "machine" ? "bhyve" : undefined);
  return {
    // Nobody sits before it: a countdown passes at once.
    clock: "virtual",
    ...settled,
    ...(profile && { map: memoryMap(profile, machine.memory ?? MEMORY_DEFAULT) }),
    limits: lowered(limits, allowed),
    ...(digests !== undefined && { digests }),
    ...(measure !== undefined && { measure }),
  };
}

function lowered(given: Partial<Limits>, allowed: Limits): Limits {
  const limits = checkLimits(given, allowed, "limit");
  for (const [name, value] of Object.entries(limits) as [keyof Limits, number][]) {
    if (value > allowed[name])
      throw new OptionError(`limit ${name}: ${value} is more than the ${allowed[name]} that the service allows`);
  }
  return limits;
}
