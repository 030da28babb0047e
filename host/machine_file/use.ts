// From the set-up of `machine.json` to the options of `boot`, and from bytes to what the file says of them.

import { memoryMap } from "../handoff/maps.js";
import type { BootOptions } from "../options.js";
import { base64Size, byteText, fromBase64, textOf, toBase64 } from "./bytes.js";
import { DEFAULT_ENVIRONMENT } from "./environment.js";
import { checkParts, type Machine, type MachineContent } from "./machine.js";
import { atOnce, type Parts } from "./parts.js";

/** The options of `boot` that a set-up has, without the disks, which are for the caller to open. */
export type MachineOptions = Pick<
  BootOptions,
  | "memory"
  | "map"
  | "env"
  | "overlay"
  | "currdev"
  | "loader"
  | "start"
  | "interfaceVersion"
  | "profile"
  | "clock"
  | "hashSeed"
>;

/**
 * The options with which `boot` boots `machine`. Its disks are the caller's to open, `machine.disks` names them; `console` is the
 * command line's.
 * @throws OptionError for the first thing that is wrong
 */
export function machineOptions(machine: Machine): MachineOptions {
  return atOnce(optionParts(machine));
}

/** `machineOptions` in parts. */
export function* optionParts(machine: Machine): Parts<MachineOptions> {
  const { environment = {}, overlay, interface: interfaceVersion, ...rest } = yield* checkParts(machine);
  const files = new Map<string, Uint8Array | null>();
  for (const [path, content] of Object.entries(overlay ?? {})) files.set(byteText(path), yield* bytesOf(content));
  const { version: _one, disks: _callers, defaultEnvironment = true, console: _shown, target, ...options } = rest;
  return {
    ...options,
    ...(interfaceVersion && { interfaceVersion }),
    // Without a size of memory there is no map, and the size is the caller's.
    ...(target && options.memory !== undefined && { map: memoryMap(target, options.memory) }),
    env: [
      ...(defaultEnvironment ? DEFAULT_ENVIRONMENT : []),
      ...Object.entries(environment).map(([name, value]) => byteText(`${name}=${value}`)),
    ],
    ...(overlay && { overlay: files }),
  };
}

function* bytesOf(content: MachineContent): Parts<Uint8Array | null> {
  if (content === null) return null;
  if (typeof content === "string") return new TextEncoder().encode(content);
  return yield* fromBase64(content.base64, (yield* base64Size(content.base64))!);
}

/** `bytes` as a file of a set-up's overlay: text when they are UTF-8, else Base64. */
export function machineContent(bytes: Uint8Array): MachineContent {
  return textOf(bytes) ?? { base64: toBase64(bytes) };
}
