// The sets `boot/commands` and `boot/commands-simp`: sessions at the prompt, cut where each step's first key was
// read.

import { join } from "node:path";
import { boot } from "userboot-wasm";
import { withoutSpinner } from "../support/spinner.js";
import { findBootData } from "./boot_data.js";
import { Comparison, compareBootData, compareCalls, compareSurvival, exitOf } from "./compare.js";
import { ReplayConsole } from "./console.js";
import { deliberate } from "./differences.js";
import { type Outcome, outcome, waitsForFlavour } from "./outcome.js";
import { type PromptSession, readGuest, readJson, recordedOptions } from "./recordings.js";

/** Its output tells of the block cache, which is ours. */
const NOT_COMPARED = /^\s*bcachestat\b/;

/** Replays session `name` of `set` (`commands` or `commands-simp`); the banner and each step count as one. */
export async function replayPromptSession(root: string, set: string, name: string): Promise<Outcome> {
  const recorded = readJson<PromptSession>(join(root, "boot", set, `${name}.json`));
  const guests = recorded.disks.map((guest) => readGuest(root, guest));
  const console = new ReplayConsole(recorded.steps.map(({ keys }) => (typeof keys === "string" ? [keys] : keys)));
  using result = await boot({
    disks: guests.map(({ image }) => image(0)),
    ...recordedOptions(recorded),
    console,
  });
  const comparison = new Comparison(recorded.unstable);
  const { before, groups } = console.sections();
  const died = recorded.exit.kind === "crash" || recorded.exit.kind === "hang";
  comparison.text("/banner", withoutSpinner(recorded.banner), withoutSpinner(before));
  let failed = comparison.differences.length;
  const last = recorded.steps.findLastIndex(({ output }) => output !== "");
  recorded.steps.forEach(({ keys, output }, i) => {
    const was = comparison.differences.length;
    const text = typeof keys === "string" ? keys : JSON.stringify(keys);
    const ours = withoutSpinner(groups[i] ?? "");
    const expected = deliberate(`${set}/${name}`, i) ?? withoutSpinner(output);
    const field = `/steps/${i}/output`;
    if (!comparison.insists("/console") || NOT_COMPARED.test(text)) return;
    if (!died || i < last) comparison.text(field, expected, ours);
    else if (i === last) comparison.text(field, expected, ours.slice(0, expected.length));
    if (comparison.differences.length > was) {
      failed++;
      comparison.differences[was] = comparison.differences[was]!.replace(field, `${field} ${JSON.stringify(text)}`);
    }
  });
  if (died) compareSurvival(comparison, result);
  else comparison.equal("/exit", recorded.exit, exitOf(result));
  if (recorded.exec && result.reason === "exec") {
    const { calls, boot_stack: stack, modulep: records, env: vars } = recorded.exec;
    // Here a swap is recorded with the name that was asked for; ours have a number.
    let swaps = 0;
    const numbered = calls.map((call) => (call[0] === "swap_interpreter" ? ["swap_interpreter", swaps++] : call));
    compareCalls(comparison, numbered as typeof calls, result);
    compareBootData(comparison, { stack, records, vars }, findBootData(result));
  }
  return outcome(comparison.differences, recorded.steps.length + 1, waitsForFlavour(result), failed);
}
