// Programs that this one starts: where they are.

import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { OptionError } from "../errors.js";

/**
 * Full path of the program called `name`, in PATH unless it has a slash.
 * @throws OptionError, which ends with `advice`, when there is none
 */
export function requireProgram(name: string, advice: string): string {
  const directories = name.includes("/") ? [""] : (process.env.PATH ?? "").split(delimiter).filter(Boolean);
  const found = directories.map((directory) => join(directory, name)).find(isProgram);
  if (found === undefined) throw new OptionError(`${name} is not installed; ${advice}`);
  return found;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
