// The sets `boot/expected` and `boot/expected-simp`: a guest is booted from power-on to its end, and everything
// that it left behind is compared.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { type BootResult, boot, type Flavour } from "userboot-wasm";
import { withoutSpinner } from "../support/spinner.js";
import { findBootData, sha256 } from "./boot_data.js";
import { Comparison, compareBootData, compareCalls, compareMemory, compareSurvival, exitOf } from "./compare.js";
import { ReplayConsole } from "./console.js";
import { deliberateFields, undefinedRecord } from "./differences.js";
import { type Outcome, outcome, waitsForFlavour } from "./outcome.js";
import { type BootRun, type KeyEntry, readGuest, readJson, recordedOptions } from "./recordings.js";
import { asEntered, wasRefused } from "./refused.js";

/** Replays run `name` of `set` (`expected` or `expected-simp`). */
export async function replayBootRun(root: string, set: string, name: string): Promise<Outcome> {
  const recorded = readJson<BootRun>(join(root, "boot", set, `${name}.json`));
  const { description, image } = readGuest(root, recorded.guest);
  const disks = recorded.disks ?? description.runs.find(({ expected }) => expected === `${name}.json`)?.disks ?? [0];
  const console = new ReplayConsole([recorded.keys]);
  using ended = await boot({
    disks: disks.map(image),
    ...recordedOptions(recorded),
    console,
  });
  const refused = wasRefused(recorded, ended);
  const result = refused ? asEntered(ended) : ended;
  const comparison = new Comparison(recorded.unstable, deliberateFields(`${set}/${name}`));
  const waits = waitsForFlavour(result);
  const after = continuation(root, name, recorded, result);
  if (after) compareContinuation(comparison, recorded, after, result, withoutSpinner(console.text));
  else compareRun(comparison, recorded, result, withoutSpinner(console.text));
  comparison.close();
  return { ...outcome(comparison.differences, 1, waits), ...(refused ? { refused } : {}) };
}

function compareRun(comparison: Comparison, recorded: BootRun, result: BootResult, text: string): void {
  if (recorded.exit.kind === "crash" || recorded.exit.kind === "hang") {
    compareSurvival(comparison, result);
    const until = withoutSpinner(recorded.console.clean);
    comparison.text("/console/clean", until, text.slice(0, until.length));
    return;
  }
  if (!comparison.insists("/exit/kind")) {
    compareSurvival(comparison, result);
    return;
  }
  comparison.equal("/exit", recorded.exit, exitOf(result));
  comparison.text("/console/clean", withoutSpinner(recorded.console.clean), text);
  // One that ends elsewhere on purpose did things that weren't recorded.
  if (comparison.differs("/exit")) return;
  comparison.list(
    "/swap_requests",
    recorded.swap_requests.map(({ length, sha256: digest }) => [length, digest]),
    result.swapRequests.map(({ name }) => [name.length, sha256(Buffer.from(name, "latin1"))]),
  );
  if (recorded.final_flavour !== null || comparison.differs("/final_flavour"))
    comparison.equal("/final_flavour", recorded.final_flavour, result.flavour);
  compareMachine(comparison, recorded, result);
}

/** Calls, registers, what the kernel is given, and memory. */
function compareMachine(comparison: Comparison, recorded: BootRun, result: BootResult): void {
  compareCalls(comparison, recorded.calls, result);
  if (recorded.registers) comparison.equal("/registers", recorded.registers, result.registers);
  if (recorded.boot_stack && recorded.modulep && recorded.env && result.reason === "exec") {
    const { boot_stack: stack, modulep, env } = recorded;
    compareBootData(comparison, { stack, records: modulep.records, vars: env.vars }, findBootData(result));
  }
  const undefinedAt = recorded.modulep?.records
    .filter(({ name }) => undefinedRecord(name))
    .map(({ gpa }) => Number(gpa));
  compareMemory(comparison, recorded.memory, result, undefinedAt);
}

/** For a run that ended where the recording host had no simple flavour: what that flavour then does. */
function continuation(root: string, name: string, recorded: BootRun, result: BootResult): BootRun | undefined {
  const wanted = recorded.swap_requests.at(-1)?.request;
  if (recorded.exit.kind !== "swap-unavailable" || wanted !== "simp" || result.swaps.at(-1) !== "simp")
    return undefined;
  const stem = name.slice(0, name.length - recorded.flavour.length - 1);
  const path = join(root, "boot", "expected-simp", `${stem}.simp.json`);
  return existsSync(path) ? readJson<BootRun>(path) : undefined;
}

/** The run up to the swap is `recorded`, the rest is `after`; keys are none in all of these runs. */
function compareContinuation(
  comparison: Comparison,
  recorded: BootRun,
  after: BootRun,
  result: BootResult,
  text: string,
): void {
  const noKeys: readonly KeyEntry[] = [];
  comparison.list("keys of the continuation", noKeys, after.keys);
  comparison.equal("/exit", after.exit, exitOf(result));
  comparison.text("/console/clean", withoutSpinner(recorded.console.clean + after.console.clean), text);
  const swapped: Flavour = "simp";
  comparison.equal("/final_flavour", swapped, result.flavour);
  compareMachine(comparison, { ...after, calls: [...recorded.calls, ...after.calls] }, result);
}
