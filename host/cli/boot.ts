// `userboot boot`: from options to `boot`, and from its result to files, a line of text and an exit status.

import { boot } from "../boot.js";
import type { Console } from "../console/console.js";
import { type Keys, KeysConsole } from "../console/keys.js";
import { DiskError, OptionError, type PlainError } from "../errors.js";
import { printableJson } from "../json_text.js";
import { DEFAULT_ENVIRONMENT } from "../machine_file/environment.js";
import { installNode } from "../node.js";
import { type BootOptions, DEFAULT_LIMITS } from "../options.js";
import type { BootHooks } from "../policy/hooks.js";
import { dropSpare } from "../process/start.js";
import type { BootResult, Measurements } from "../result.js";
import { parseMemory } from "../sizes.js";
import { printable } from "../text.js";
import { TREE_LIMITS } from "../wasi/limits.js";
import { parseEnvironment, parseKeys, parseLimits, parseProfile, parseSeed } from "./arguments.js";
import { type BootArguments, overlayOf } from "./boot_arguments.js";
import { complain } from "./complain.js";
import { readSmallFile } from "./files.js";
import { guarded } from "./guarded.js";
import { namedDisks, namedImage } from "./images.js";
import { isLogging, log } from "./log.js";
import { ProgressBar } from "./progress.js";
import { settled } from "./settled.js";
import { STATUS_FAILED, STATUS_REBOOT } from "./statuses.js";
import { statusOf, summaryLine, summaryOf } from "./summary.js";
import { Terminal, type TerminalInput } from "./terminal.js";

installNode();

/** Largest file of keys. */
const KEYS_MAX = 1024 * 1024;

/** Boots and returns the exit status. */
export function bootCommand(args: BootArguments): Promise<number> {
  return guarded(async () => conclude(await bootGuest(await settled(args))));
}

/** Where the guest's console is, when not on standard input and output. */
export interface ConsolePlace {
  input?: TerminalInput;
  output?: NodeJS.WriteStream;
  /** Whether the guest is told how large the terminal is. */
  tellsSize?: boolean;
}

/** Boots as `args` say, with `more` options, and writes what they ask for. */
export async function bootGuest(
  args: BootArguments,
  more: Partial<BootOptions> = {},
  place: ConsolePlace = {},
): Promise<BootResult> {
  if (args.isolation !== "process") dropSpare();
  if (args.disk.length + args.hostDir.length === 0) {
    throw new OptionError("no disk given (use -d IMAGE, or -h DIR for a directory)");
  }
  if (args.hostDir.length === 0 && (args.hostDirStrict || args.hostDirLimit.length > 0)) {
    throw new OptionError("--host-dir-limit and --host-dir-strict need a directory (-h DIR)");
  }
  const memory = parseMemory(args.memory);
  const options = {
    hostTrees: args.hostDir,
    hostTreeLimits: parseLimits(args.hostDirLimit, TREE_LIMITS, "bytes=1G"),
    hostTreeStrict: args.hostDirStrict ?? false,
    onNotice: complain,
    overlay: overlayOf(args),
    memory,
    ...(args.target && { map: (await import("../handoff/maps.js")).memoryMap(args.target, memory) }),
    env: [...(args.defaultEnv ? DEFAULT_ENVIRONMENT : []), ...args.env.map(parseEnvironment).reverse()],
    ...(args.currdev === undefined ? {} : { currdev: args.currdev }),
    limits: parseLimits(args.limit, DEFAULT_LIMITS, "wallMs=60000"),
    interfaceVersion: Number(args.interface) as 3 | 4 | 5,
    profile: parseProfile(args.profile),
    clock: args.clock,
    isolation: args.isolation,
    ...(args.confine === undefined ? {} : { confine: args.confine }),
    ...(args.hashSeed === undefined ? {} : { hashSeed: parseSeed(args.hashSeed) }),
    digests: args.json === true || args.out !== undefined,
    measure: args.measure ?? false,
    ...(args.loader === undefined ? {} : { loader: args.loader }),
    ...(args.start === undefined ? {} : { start: args.start }),
  };
  const keys = args.input === undefined ? undefined : await readKeys(args.input);
  const hooks = await openHooks(args);
  if (args.out !== undefined) (await import("./output.js")).prepareOutput(args.out);
  const disks = namedDisks(args.disk, args.backing);

  const terminalOptions = {
    signals: args.isolation !== "none",
    charset: args.charset,
    // What is measured doesn't depend on who looks on.
    tellsSize: !args.measure && (place.tellsSize ?? true),
  };
  const output = place.output ?? (args.json ? process.stderr : process.stdout);
  if (isLogging() && output === process.stderr && args.console !== "none")
    throw new OptionError("--log json: the guest's console would be on stderr, too (-c none has it nowhere)");
  using terminal = new Terminal(output, terminalOptions, place.input);
  const progress = new ProgressBar(process.stderr);
  log("start", { disks: args.disk, memory: options.memory, isolation: args.isolation });
  const result = await boot({
    ...options,
    disks,
    ...more,
    ...(hooks && { hooks }),
    console: makeConsole(args.console, keys, terminal),
    signal: more.signal ? AbortSignal.any([terminal.signal, more.signal]) : terminal.signal,
    onProgress: (now) => progress.show(now),
  });
  progress.clear();
  terminal.restore();
  if (result.measurements) showMeasurements(result.measurements);
  if (args.out !== undefined) await (await import("./output.js")).writeOutput(args.out, result);
  if (args.verbose) {
    const { explainBootOnce, explainIsolation, explainOverlay, explainProfile, explainSwaps } = await import(
      "./verbose.js"
    );
    // What is wrong where nothing was booted is told at the end.
    const damage = result.reason === "exec" ? result.diagnostics : [];
    const told = [
      explainIsolation(result),
      ...explainSwaps(result),
      ...explainProfile(result),
      ...explainBootOnce(result),
      ...explainOverlay(result),
    ];
    for (const line of [...told, ...damage]) complain(line);
  }
  if (args.json) process.stdout.write(printableJson(result));
  if (isLogging()) log("end", { ...summaryOf(result), ...(result.error && { error: result.error }) });
  else if (args.summary) complain(summaryLine(result));
  if (result.error?.name === "DiskError") throw unusable(result.error, args);
  return result;
}

/** The error for an image that can't be used, or a disk that was lost, by the name that it has on the command line. */
function unusable({ message, disk: at = "" }: PlainError, { disk, backing }: BootArguments): DiskError {
  const [, unit, file, why] = /^disk(\d+)(?: file (\d+))?: (.*)$/s.exec(message) ?? [];
  const granted = backing.filter(({ disks }) => disks === Number(unit) + 1);
  const name = file === undefined ? disk[Number(unit)] : granted[Number(file) - 1]?.file;
  if (name === undefined || why === undefined) return new DiskError(at, message.slice(at.length + 2));
  return new DiskError(namedImage(name).image, why);
}

/** The files in the order of their use, then the two digests. */
function showMeasurements({ files, filesDigest, stateDigest }: Measurements): void {
  if (isLogging()) {
    for (const file of files) log("file", { ...file });
    log("measured", { filesDigest, stateDigest });
    return;
  }
  for (const { sha256, size, purpose, device, path } of files) {
    process.stderr.write(`${printable(`${sha256} ${size} ${purpose} ${device}${path}`)}\n`);
  }
  process.stderr.write(`${filesDigest} files\n`);
  if (stateDigest !== undefined) process.stderr.write(`${stateDigest} machine\n`);
}

/** The keys of --input, from the argument or a file. */
async function readKeys(argument: string): Promise<Keys[]> {
  const bytes = argument.startsWith("@")
    ? await readSmallFile(argument.slice(1), KEYS_MAX, "input file")
    : Buffer.from(argument, "utf8");
  return parseKeys(bytes.toString("latin1"));
}

/** The hooks of --policy. */
async function openHooks({ policy, grant }: BootArguments): Promise<BootHooks | undefined> {
  if (policy !== undefined) return (await import("./policy.js")).openPolicy(policy, grant);
  if (grant.length > 0) throw new OptionError(`--grant ${grant[0]}: there is no --policy that could read it`);
  return undefined;
}

function makeConsole(kind: "stdio" | "none", keys: Keys[] | undefined, terminal: Terminal): Console {
  const write = kind === "none" ? () => {} : (bytes: Uint8Array) => terminal.write(bytes);
  if (keys !== undefined) return new TypedConsole(keys, write);
  if (kind === "none") return { write };
  return terminal;
}

/** Types prepared keys and passes the output on. */
class TypedConsole extends KeysConsole {
  constructor(
    keys: Keys[],
    private readonly pass: (bytes: Uint8Array) => void,
  ) {
    super(keys);
  }

  override write(bytes: Uint8Array): void {
    this.pass(bytes);
  }
}

/** Most lines on what was looked at; --json has all. */
const PROBLEM_LINES = 24;

/** What a kernel might have come from, a line each. */
function showProblem({ bootProblem = [] }: BootResult): void {
  if (bootProblem.length === 0) return;
  if (isLogging()) {
    for (const { name, found } of bootProblem.slice(0, PROBLEM_LINES)) log("problem", { name, found });
    return;
  }
  process.stderr.write("  what was looked at, and found there (docs/why-it-does-not-boot.md):\n");
  for (const { name, found } of bootProblem.slice(0, PROBLEM_LINES)) process.stderr.write(`  ${name}: ${found}\n`);
  const more = bootProblem.length - PROBLEM_LINES;
  if (more > 0) process.stderr.write(`  and ${more} more, which --json lists\n`);
}

/** Errors of guests of which everything that matters was found, and which say what is wrong with that. */
const SAY_ALL = new Set(["RegisterError", "InterpreterError"]);

/** Says what went wrong, if anything did, and gives the exit status. */
export function conclude(result: BootResult): number {
  const status = statusOf(result);
  if (status === 0 || status === STATUS_REBOOT) return status;
  const [found, ...more] = result.diagnostics;
  const where = found === undefined ? "" : `: ${found}${more.length > 0 ? ` (and ${more.length} more)` : ""}`;
  if (result.reason === "error") complain(`${result.error.message}${where}`);
  else complain(`the guest's loader quit without entering a kernel${where}`);
  if (status === STATUS_FAILED && !SAY_ALL.has(result.error?.name ?? "")) showProblem(result);
  return status;
}
