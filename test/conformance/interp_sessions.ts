// The sets `interp/forth` and `interp/lua`: sessions at the prompt of a script interpreter, booted from a tree of
// the host or from a disk. A session is cut where each typed line's first key was read; since type-ahead can move
// these cuts, a session whose whole transcript is as recorded passes whatever the cuts say.

import { join } from "node:path";
import { type BootOptions, boot } from "userboot-wasm";
import { withoutSpinner } from "../support/spinner.js";
import { Comparison, compareSurvival, exitOf } from "./compare.js";
import { ReplayConsole } from "./console.js";
import { deliberate } from "./differences.js";
import { LIMITS, type Outcome, outcome, waitsForFlavour } from "./outcome.js";
import {
  type InterpLine,
  type InterpSession,
  type InterpTopic,
  type KeyEntry,
  readJson,
  unpackImage,
} from "./recordings.js";

const MEMORY = 256 * 1024 * 1024;
/** The host's own variables, after the session's. */
const HOST_ENV = ["smbios.bios.vendor=BHYVE", "boot_serial=1"];
/** Sessions that hang the reference end ours by its fuel: soon. */
const HANG_FUEL = 200_000_000;

/** The command whose output depends on how disks are read. */
const CACHE_STATISTICS = "bcachestat";

/** Replays session number `index` of `topic` (such as `forth/01-stack`); its start and each line count as one. */
export async function replayInterpSession(root: string, topic: string, index: number): Promise<Outcome> {
  const { flavour, sessions } = readJson<InterpTopic>(join(root, "interp", `${topic}.json`));
  const recorded = sessions[index] as InterpSession;
  const units = recorded.lines.length + 1;
  const medium = bootMedium(root, recorded);

  const console = new ReplayConsole([startKeys(recorded), ...recorded.lines.map(lineKeys)]);
  const hangs = recorded.lines.at(-1)?.hang ?? false;
  using result = await boot({
    ...medium,
    memory: MEMORY,
    env: [...recorded.env, ...HOST_ENV].reverse(),
    start: flavour,
    console,
    clock: "virtual",
    isolation: "none",
    limits: hangs ? { ...LIMITS, fuel: HANG_FUEL } : LIMITS,
  });

  const comparison = new Comparison();
  const ours = sections(recorded, console);
  const expected = transcript(recorded).map((text, i) => {
    const difference = deliberate(`interp/${topic}#${index}`, i - 1);
    // What is printed as an address says nothing; a difference has zeros there.
    if (difference !== undefined) ours[i] = ours[i]!.replace(/0x[0-9a-f]{12}/g, "0x000000000000");
    return difference ?? withoutSpinner(text);
  });
  const ending = recorded.lines.at(-1);
  const died = ending?.crash || ending?.hang || recorded.startEnd?.startsWith("crash");
  let failed = 0;
  if (died || expected.join("") !== ours.join("")) {
    expected.forEach((text, i) => {
      const line = recorded.lines[i - 1];
      if (line ? line.volatile || line.undefined || line.line === CACHE_STATISTICS : recorded.startVolatile) return;
      const was = comparison.differences.length;
      const cut = died && i === expected.length - 1;
      const field = line ? `line ${i} ${JSON.stringify(line.line)}` : "start";
      comparison.text(field, text, cut ? ours[i]!.slice(0, text.length) : ours[i]!);
      if (comparison.differences.length > was) failed++;
    });
  }
  const end = ending?.end ?? recorded.startEnd;
  if (died) compareSurvival(comparison, result);
  else comparison.equal("end", end ?? "input-exhausted", ended(result));
  return outcome(comparison.differences, units, waitsForFlavour(result), failed);
}

/** What the session boots from. */
function bootMedium(root: string, { fs, disk }: InterpSession): Pick<BootOptions, "disks" | "hostTrees"> {
  if (disk !== undefined) return { disks: [unpackImage(join(root, "interp", disk))] };
  return { hostTrees: [join(root, "interp", fs!)] };
}

function startKeys({ startKeys: keys, startKeysWait: wait }: InterpSession): KeyEntry[] {
  const typed: KeyEntry[] = [];
  if (wait) typed.push({ wait_s: wait });
  if (keys) typed.push(keys);
  return typed;
}

function lineKeys({ line, keys, wait, delayBefore, thenKey }: InterpLine): KeyEntry[] {
  const typed: KeyEntry[] = [];
  if (delayBefore !== undefined) typed.push({ wait_s: delayBefore });
  typed.push(`${line}\r`);
  if (wait !== undefined) typed.push({ wait_s: wait });
  if (keys !== undefined) typed.push(keys);
  // A panic waits for a key before it ends the session.
  if (thenKey !== undefined) typed.push(thenKey);
  return typed;
}

/** The recorded console, cut before each line. */
function transcript(session: InterpSession): string[] {
  const { start, startPrompt, startEnd, lines } = session;
  const prompt = startPrompt === undefined ? (startEnd === undefined ? "OK " : "") : (startPrompt ?? "");
  return [start + prompt, ...lines.map(lineText)];
}

function lineText({ line, out, prompt, echo, crash, hang, end, thenOut }: InterpLine): string {
  const prompted = !crash && !hang && !(end !== undefined && thenOut === undefined);
  return `${echo ?? line}\r\n${out}${prompted ? (prompt === undefined ? "OK " : (prompt ?? "")) : ""}${thenOut ?? ""}`;
}

/** Our console, cut in the same places. What start-up code prints after its keys belongs to the start. */
function sections(session: InterpSession, console: ReplayConsole): string[] {
  const { before, groups } = console.sections();
  const [start = "", ...lines] = groups;
  return [withoutSpinner(session.startKeys ? before + start : before), ...lines.map(withoutSpinner)];
}

/** How a session ended, in this set's words. */
function ended(result: Parameters<typeof exitOf>[0]): string {
  const exit = exitOf(result);
  return "code" in exit ? `exit(${exit.code})` : exit.kind;
}
