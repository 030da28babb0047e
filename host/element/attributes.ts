// What the attributes of a `<userboot-console>` say, as `boot` takes it.

import { OptionError } from "../errors.js";
import { parseMemory } from "../sizes.js";

/** What attributes say of a boot. */
export interface Attributes {
  /** Where the images are. */
  disks: readonly URL[];
  /** Bytes. */
  memory?: number;
  /** `name=value`, one character a byte. */
  env?: readonly string[];
}

/**
 * Reads them off `element`: `disks` are URLs with blanks between them, `memory` is a size (`512M`), `environment` has
 * `name=value` on each line.
 * @throws OptionError for the first that is wrong
 */
export function readAttributes(element: HTMLElement): Attributes {
  const memory = element.getAttribute("memory");
  const environment = element.getAttribute("environment");
  return {
    disks: words(element.getAttribute("disks") ?? "", /\s+/).map((text) => urlOf(text, element.baseURI)),
    ...(memory !== null && { memory: parseMemory(memory.trim()) }),
    ...(environment !== null && { env: words(environment, /\n/).map(entryOf) }),
  };
}

const words = (text: string, between: RegExp): string[] =>
  text
    .split(between)
    .map((word) => word.trim())
    .filter((word) => word !== "");

function urlOf(text: string, base: string): URL {
  const url = URL.canParse(text, base) ? new URL(text, base) : undefined;
  if (url === undefined) throw new OptionError(`disks: bad URL '${text}'`);
  return url;
}

const encoder = new TextEncoder();

/** A line of `environment` as the guest has texts. */
function entryOf(text: string): string {
  if (!/^[^=]+=/.test(text)) throw new OptionError(`bad environment entry '${text}' (example: boot_verbose=YES)`);
  return String.fromCharCode(...encoder.encode(text));
}
