// --policy: loads an operator's policy with the files it may read. Imported only when one is given, since
// it brings a Lua interpreter along.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { OptionError } from "../errors.js";
import type { BootHooks } from "../policy/hooks.js";
import { loadLuaPolicy } from "../policy/lua.js";

/** The hooks of the policy `path`; `grants` are the `NAME=PATH` of --grant. */
export function openPolicy(path: string, grants: readonly string[]): BootHooks {
  const files = new Map<string, Uint8Array>();
  for (const grant of grants) {
    const equals = grant.indexOf("=");
    if (equals <= 0) throw new OptionError(`bad grant '${grant}' (example: kernels=/etc/userboot/kernels)`);
    files.set(grant.slice(0, equals), readGranted(grant.slice(equals + 1)));
  }
  return loadLuaPolicy(readGranted(path), basename(path), {
    files,
    sha256: (bytes) => createHash("sha256").update(bytes).digest("hex"),
    log: (line) => process.stderr.write(`policy: ${line}\n`),
  });
}

function readGranted(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new OptionError(`${path} can't be read (${(error as NodeJS.ErrnoException).code})`);
  }
}
