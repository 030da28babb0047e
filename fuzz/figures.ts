// Figures of a run as JSON (`--json FILE`), for whoever publishes them: those in fuzz/figures/ are in docs/security-figures.md, which
// scripts/security-figures.mjs makes.

import { writeFileSync } from "node:fs";
import { type Coverage, isCore, type Share, UNCHECKED } from "./coverage.js";
import type { Report } from "./run.js";
import type { NamedName } from "./target.js";

/** Writes `figures` to `path`, with the day. */
export function writeFigures(path: string | undefined, figures: object): void {
  if (path === undefined) return;
  const date = new Date().toISOString().slice(0, "2026-01-01".length);
  writeFileSync(path, `${JSON.stringify({ date, ...figures }, undefined, 2)}\n`);
}

/** What was done for one target, by all threads that searched it. */
export interface TargetFigures {
  target: string;
  executions: number;
  /** Of processor time, as threads are added. */
  seconds: number;
  perSecond: number;
  /** Edges of the module as it is shipped; of several threads, what the one reached that reached most. */
  edges: number;
  allEdges: number;
  findings: string[];
}

/** Figures of searches, by target in order. */
export function searchFigures(reports: readonly Report[]): TargetFigures[] {
  return [...new Set(reports.map(({ target }) => target))].sort().map((target) => {
    const own = reports.filter((report) => report.target === target);
    const executions = own.reduce((sum, { runs }) => sum + runs, 0);
    const seconds = own.reduce((sum, { ms }) => sum + ms, 0) / 1000;
    return {
      target,
      executions,
      seconds: Math.round(seconds * 10) / 10,
      perSecond: Math.round(executions / Math.max(seconds, 0.001)),
      edges: Math.max(...own.map(({ edges }) => edges)),
      allEdges: own[0]!.allEdges,
      findings: own.flatMap(({ findings }) => findings.map(({ what }) => what)),
    };
  });
}

/** What the corpora reach: of the core's own functions, and with what the compiler adds to them. */
export interface CoverageFigures {
  core: Share;
  all: Share;
  folders: Record<string, Share>;
  flavours: Record<string, Share>;
  /** Functions of the core's that nothing reaches. */
  missed: string[];
}

/** The same as JSON. */
export function figuresOf(coverage: Coverage): CoverageFigures {
  const modules = new Set([...coverage.functions.values()].flatMap((covered) => [...covered.modules.keys()]));
  const shipped = [...modules].filter((module): module is NamedName => !module.startsWith(UNCHECKED));
  const core = [...coverage.functions.values()].filter(({ name }) => isCore(name));
  return {
    core: coverage.share(core),
    all: coverage.share(),
    folders: Object.fromEntries([...coverage.folders()].map(([folder, own]) => [folder, coverage.share(own)])),
    flavours: Object.fromEntries(shipped.map((module) => [module.replace("_named", ""), coverage.share(core, module)])),
    missed: coverage.missed(),
  };
}
