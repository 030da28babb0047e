// Starts a session's process before the command line is taken apart: what it needs to know is found by a look at the words.
// When that look was wrong, the process isn't used.

import { describeSource } from "../disks/source.js";
import { UserbootError } from "../errors.js";
import { inspectOptions } from "../inspect/options.js";
import { CONFINES, sessionOptions } from "../options.js";
import { type ProcessLimits, processLimits } from "../process/confine.js";
import { INSPECT_PROGRAM, PROGRAM, startSpareProcess } from "../process/start.js";
import { parseMemory } from "../sizes.js";
import { DEFAULT_MEMORY } from "./arguments.js";
import { namedImage } from "./images.js";

const BOOTING = ["boot", "run", "pack"];
const INSPECTING = ["inspect", "ls", "cat", "get", "hash"];
/** Options that change what a process is given. */
const OTHERWISE = /^(-h|--host-dir|--backing|--overlay|--machine|--root-for|--limit|--policy|--help)/;

/** Looks at the words of the command line and starts the process that they will want. */
export function startAhead(words: readonly string[]): void {
  const [command, ...rest] = words;
  const end = rest.indexOf("--");
  const options = end < 0 ? rest : rest.slice(0, end);
  const inspects = INSPECTING.includes(command ?? "");
  if (!(inspects || BOOTING.includes(command ?? "")) || options.some((word) => OTHERWISE.test(word))) return;
  const images = plainImages(valuesOf(options, "--disk", "-d"));
  if (images.length === 0) return;
  if ((valuesOf(options, "--isolation").at(-1) ?? "process") !== "process") return;
  const wanted = valuesOf(options, "--confine").at(-1) ?? "auto";
  const confine = CONFINES.find((name) => name === wanted);
  const limits = inspects
    ? processLimits(inspectOptions({ disks: [] }).session)
    : limitsFor(valuesOf(options, "--memory", "-m").at(-1) ?? DEFAULT_MEMORY);
  if (confine !== undefined && limits !== undefined) {
    startSpareProcess(images, confine, limits, inspects ? INSPECT_PROGRAM : PROGRAM);
  }
}

/** The files that are opened as they are: none when something else is to be done with one first, or said of it. */
function plainImages(texts: readonly string[]): string[] {
  try {
    const images = texts.map((text) => describeSource(namedImage(text), text));
    const paths = images.map((image) => (image?.sectorSize ?? image?.compression) === undefined && image?.image);
    return paths.every((path) => typeof path === "string") ? (paths as string[]) : [];
  } catch (error) {
    if (error instanceof UserbootError) return [];
    throw error;
  }
}

/** What a session with so much memory may use; undefined when it will be refused. */
function limitsFor(memory: string): ProcessLimits | undefined {
  try {
    return processLimits(sessionOptions({ memory: parseMemory(memory) }));
  } catch (error) {
    if (error instanceof UserbootError) return undefined;
    throw error;
  }
}

/** The values of an option, in order, as far as a look tells. */
function valuesOf(options: readonly string[], long: string, short?: string): string[] {
  return options.flatMap((word, i) => {
    if (word === long || word === short) return options[i + 1] ?? [];
    if (word.startsWith(`${long}=`)) return word.slice(long.length + 1);
    return short !== undefined && word.startsWith(short) ? word.slice(short.length) : [];
  });
}
