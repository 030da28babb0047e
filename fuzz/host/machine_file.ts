// The reader of machine files in userboot-bhyve, in C, by libFuzzer with sanitizers (test/handoff/bhyve/fuzz.c): begins with files as
// `pack` makes them. test/handoff/bhyve_fuzz.test.ts does the same number of runs each time.

import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { compileFuzzer, noFuzzer } from "../../test/support/bhyve_double.js";
import { GUESTS } from "../../test/support/guests.js";
import { seedOf } from "../../test/support/machine_seed.js";
import { Scratch } from "../../test/support/scratch.js";
import type { ForeignTarget, HostExtent, HostReport } from "./target.js";

const NAME = "host/bhyve";
const RELEASE = "14";
const TOLD_MAX = 3000;

async function search({ ms, runs, seed }: HostExtent): Promise<HostReport> {
  using scratch = new Scratch();
  const corpus = join(scratch.path, "corpus");
  mkdirSync(corpus);
  for (const guest of Object.values(GUESTS)) writeFileSync(join(corpus, guest), await seedOf(guest));
  const extent = ms === undefined ? `-runs=${runs}` : `-max_total_time=${Math.max(1, Math.round(ms / 1000))}`;
  const words = [extent, `-seed=${seed}`, "-max_len=4096", "-rss_limit_mb=1024", "-print_final_stats=1", corpus];
  const began = performance.now();
  const { status, stderr } = spawnSync(compileFuzzer(scratch, RELEASE), words, {
    encoding: "utf8",
    cwd: scratch.path,
    maxBuffer: 2 ** 28,
  });
  const executions = Number(/number_of_executed_units:\s*(\d+)/.exec(stderr)?.[1] ?? 0);
  const input = /Base64: (\S*)/.exec(stderr)?.[1] ?? "";
  const findings = status === 0 ? [] : [{ what: stderr.slice(-TOLD_MAX), input, seed, path: "" }];
  return { target: NAME, executions, seconds: (performance.now() - began) / 1000, findings };
}

export const machineFileTarget: ForeignTarget = {
  name: NAME,
  missing() {
    using scratch = new Scratch();
    return noFuzzer(scratch);
  },
  search,
};
