// --policy: loads an operator's policy with the files it may read. Imported only when one is given, since
// it brings a Lua interpreter along.

import { createHash } from "node:crypto";
import { basename } from "node:path";
import { OptionError } from "../errors.js";
import type { BootHooks } from "../policy/hooks.js";
import { loadLuaPolicy } from "../policy/lua.js";
import { printable } from "../text.js";
import { readSmallFile } from "./files.js";
import { isLogging, log } from "./log.js";

const MIB = 1024 * 1024;
/** Largest policy, and largest file that one may read: a kernel to put in another one's place. */
const POLICY_MAX = 4 * MIB;
const GRANT_MAX = 256 * MIB;

/**
 * The hooks of the policy `path`; `grants` are the `NAME=PATH` of --grant.
 * @throws OptionError for a file that can't be read, PolicyFileError for a policy that is wrong
 */
export async function openPolicy(path: string, grants: readonly string[]): Promise<BootHooks> {
  return (await preparePolicy(path, await readGrants(grants)))();
}

/**
 * The files of --grant, by the names that policies have for them.
 * @throws OptionError for what is no `NAME=PATH`, or can't be read
 */
export async function readGrants(grants: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  for (const grant of grants) {
    const equals = grant.indexOf("=");
    if (equals <= 0) throw new OptionError(`bad grant '${grant}' (example: kernels=/etc/userboot/kernels)`);
    const name = grant.slice(0, equals);
    if (files.has(name)) throw new OptionError(`--grant: '${name}' is given twice`);
    files.set(name, await readSmallFile(grant.slice(equals + 1), GRANT_MAX, "granted file"));
  }
  return files;
}

/**
 * Reads the policy `path`. What it gives makes its hooks, anew for each boot: nothing of one boot is in the next one's.
 * @throws OptionError for a file that can't be read
 */
export async function preparePolicy(path: string, files: ReadonlyMap<string, Uint8Array>): Promise<() => BootHooks> {
  const source = await readSmallFile(path, POLICY_MAX, "policy");
  return () =>
    loadLuaPolicy(source, basename(path), {
      files,
      sha256: (bytes) => createHash("sha256").update(bytes).digest("hex"),
      log: (line) => tell(line.replaceAll("\t", " ")),
    });
}

function tell(message: string): void {
  if (isLogging()) log("policy", { message });
  else process.stderr.write(`policy: ${printable(message)}\n`);
}
