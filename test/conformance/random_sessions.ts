// The set `random`: sessions at the prompt made by generators, one JSON object a line, compared as a whole. What is an
// address is masked on both sides. Sessions in which the reference died are listed in differences.json by what it died of.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { type BootResult, boot, KeysConsole } from "userboot-wasm";
import { withoutSpinner } from "../support/spinner.js";
import { hex, sha256 } from "./boot_data.js";
import { Comparison, compareSurvival, exitOf } from "./compare.js";
import { deliberateFields, diedOf, patched } from "./differences.js";
import { type Outcome, outcome, waitsForFlavour } from "./outcome.js";
import { type RandomSession, type Range, readGuest, recordedOptions } from "./recordings.js";

const EXTENSION = ".jsonl.gz";
/** The loader's stack: the words that a kernel is given, and behind them, in the reference, what its own stack held. */
const BOOT_STACK = 0x1000;
const BOOT_STACK_USED = 24;

/** What is masked in sessions of each kind, beside addresses. */
const MASKS: Record<string, readonly (readonly [RegExp, string])[]> = {
  forth: [[/\b([5-8]\d{4}|57\d{4})\b/g, "ADDR"]],
};
const ADDRESSES: readonly (readonly [RegExp, string])[] = [
  [/(table|function|userdata|thread|builtin|My\.Type): (builtin: )?(0x)?[0-9a-f]+/g, "$1: PTR"],
  [/\b14073[67]\d{9}\b/g, "ADDR"],
  [/\b7fff[0-9a-f]{8}\b/gi, "ADDR"],
  [/0x7fff[0-9a-f]{8}/g, "ADDR"],
];

/** The sessions of a kind; a thread replays one kind after the other. */
let read: { kind: string; sessions: Map<string, RandomSession> } | undefined;

function sessionsOf(root: string, kind: string): Map<string, RandomSession> {
  if (read?.kind !== kind) {
    const text = gunzipSync(readFileSync(join(root, "random", `${kind}${EXTENSION}`))).toString("utf8");
    const sessions = text.split("\n").filter(Boolean);
    read = { kind, sessions: new Map(sessions.map((line) => JSON.parse(line)).map((one) => [one.id, one])) };
  }
  return read.sessions;
}

/** The names of all sessions; none when these recordings aren't there. */
export function randomNames(root: string): string[] {
  const directory = join(root, "random");
  if (!existsSync(directory)) return [];
  const kinds = readdirSync(directory).filter((name) => name.endsWith(EXTENSION));
  return kinds.sort().flatMap((name) => [...sessionsOf(root, name.slice(0, -EXTENSION.length)).keys()]);
}

/** Replays session `name`, KIND-NUMBER. */
export async function replayRandomSession(root: string, name: string): Promise<Outcome> {
  const kind = name.replace(/-.*/, "");
  const recorded = sessionsOf(root, kind).get(name)!;
  const console = new KeysConsole([recorded.keys]);
  using result = await boot({
    disks: recorded.disks.map(([guest, disk]) => readGuest(root, guest).image(disk)),
    ...recordedOptions(recorded),
    console,
  });
  const run = `random/${name}`;
  const comparison = new Comparison([], deliberateFields(run));
  const [expected, ours] = [recorded.console, console.text].map((text) => masked(withoutSpinner(text), kind));
  const died = recorded.exit.kind === "crash";
  const listed = diedOf(name);
  if (died !== (listed !== undefined))
    comparison.add("/exit", died ? "not listed what it died of" : `listed: ${listed}`);
  if (died) {
    compareSurvival(comparison, result);
    comparison.text("/console", expected!, ours!.slice(0, expected!.length));
  } else {
    comparison.equal("/exit", recorded.exit, exit(result));
    comparison.text("/console", patched(run, expected!), ours!);
  }
  if (recorded.exit.kind === "exec" && result.reason === "exec") compareMachine(comparison, recorded, result);
  comparison.close();
  return outcome(comparison.differences, 1, waitsForFlavour(result));
}

/** `text` without addresses and what else is left to chance. */
function masked(text: string, kind: string): string {
  const masks = [...ADDRESSES, ...(MASKS[kind] ?? [])];
  return masks.reduce((now, [pattern, mark]) => now.replaceAll(pattern, mark), text);
}

/** How a session ended, in this set's words. */
function exit(result: BootResult): RandomSession["exit"] {
  const ended = exitOf(result);
  const kind = ended.kind === "input-exhausted" ? "input" : ended.kind;
  return { kind, code: "code" in ended ? ended.code! : 0 };
}

/** The loader's calls for an entered kernel (swaps aren't in these recordings), and the memory. */
function compareMachine(comparison: Comparison, { calls = [], memory = [] }: RandomSession, result: BootResult): void {
  const entry = result.calls.filter(([name]) => name !== "swap_interpreter");
  const ours = entry.map(([name, ...values]) => [name, ...values.map(Number)]);
  comparison.list("/calls", calls, ours);
  comparison.list("/memory", memory, foundMemory(result));
}

function foundMemory(result: BootResult): Range[] {
  return result.memory.map(({ gpa, length }): Range => {
    const bytes = Uint8Array.from(result.guestMemory.read(Number(gpa), length));
    if (Number(gpa) === BOOT_STACK) bytes.fill(0, BOOT_STACK_USED);
    return { gpa: hex(Number(gpa)), length, sha256: sha256(bytes) };
  });
}
