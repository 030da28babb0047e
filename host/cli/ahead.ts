// Starts a session's process before the command line is taken apart: what it needs to know is found by a look at the words.
// When that look was wrong, the process isn't used.

import { CONFINES } from "../process/confine.js";
import { startSpareProcess } from "../process/start.js";

const COMMANDS = ["boot", "run", "pack"];
/** Options that change what a process is given. */
const OTHERWISE = /^(-h|--host-dir|--limit|--policy|--help)/;

/** Looks at the words of the command line and starts the process that they will want. */
export function startAhead(words: readonly string[]): void {
  const [command, ...rest] = words;
  const end = rest.indexOf("--");
  const options = end < 0 ? rest : rest.slice(0, end);
  if (!COMMANDS.includes(command ?? "") || options.some((word) => OTHERWISE.test(word))) return;
  const images = options.flatMap((word, i) => {
    if (word === "-d" || word === "--disk") return options[i + 1] ?? [];
    return /^(?:-d|--disk=)(.+)/.exec(word)?.[1] ?? [];
  });
  // Compressed ones are unpacked, and sent.
  if (images.length === 0 || images.some((image) => image.endsWith(".gz"))) return;
  if ((optionOf("--isolation", options) ?? "process") !== "process") return;
  const confine = CONFINES.find((name) => name === (optionOf("--confine", options) ?? "auto"));
  if (confine !== undefined) startSpareProcess(images, confine);
}

/** The value of an option that is given once. */
function optionOf(name: string, options: readonly string[]): string | undefined {
  const at = options.indexOf(name);
  return at >= 0 ? options[at + 1] : options.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1);
}
