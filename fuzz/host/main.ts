// npm run fuzz -- host/NAME|host/all ...: the targets in the host, one after the other, in this thread (docs/fuzzing.md).

import { parseArgs } from "node:util";
import { writeFigures } from "../figures.js";
import { machineFileTarget } from "./machine_file.js";
import { type HostReport, searchHost } from "./target.js";
import { HOST_TARGETS } from "./targets.js";

function tell({ executions, findings, seconds, target }: HostReport): void {
  const pace = Math.round(executions / seconds);
  console.log(`${target.padEnd(20)} ${executions} runs, ${pace} a second, ${findings.length} findings`);
  for (const { input, path, seed, what } of findings)
    console.log(`  ${what}\n  ${input}\n  npm run fuzz -- ${target} --seed ${seed} --path ${path}`);
}

/** Does what the command line says; its status. `fail` throws for what can't be done. */
export async function fuzzHost(words: readonly string[], fail: (what: string) => never): Promise<number> {
  const text = { type: "string" } as const;
  const { positionals, values } = parseArgs({
    args: [...words],
    allowPositionals: true,
    options: { minutes: text, runs: text, seed: text, path: text, json: text },
  });
  const targets = [...HOST_TARGETS, machineFileTarget].filter(({ name }) =>
    positionals.some((word) => word === "host/all" || name === word || name.startsWith(`${word}-`)),
  );
  if (targets.length === 0) fail(`no target '${positionals.join(" ")}'`);
  const given = (name: "minutes" | "runs" | "seed", usual: number): number => {
    const value = Number(values[name] ?? usual);
    return value >= 0 ? value : fail(`--${name} ${values[name]}: a number from 0 on is wanted`);
  };
  const ms = values.runs === undefined ? (given("minutes", 1) * 60_000) / targets.length : undefined;
  const runs = values.runs === undefined ? undefined : given("runs", 1);
  const reports: HostReport[] = [];
  for (const target of targets) {
    const missing = target.missing?.();
    if (missing !== undefined) {
      console.log(`*** SKIPPED, ${missing}: ${target.name} ***`);
      continue;
    }
    const extent = { seed: given("seed", 1), path: values.path, runs, ms };
    const report = await ("search" in target ? target.search(extent) : searchHost(target, extent));
    tell(report);
    reports.push(report);
  }
  const figures = reports.map(({ executions, findings, seconds, target }) => ({
    ...{ target, executions, seconds: Math.round(seconds), findings: findings.map(({ what }) => what) },
  }));
  writeFigures(values.json, { targets: figures });
  return reports.some(({ findings }) => findings.length > 0) ? 1 : 0;
}
