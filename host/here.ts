// A boot in the calling thread, which is blocked meanwhile: what `boot` does without a cell.

import { makeClock } from "./clock.js";
import { automated } from "./console/automation.js";
import { BufferConsole } from "./console/console.js";
import type { Disk } from "./disks/disk.js";
import type { Source } from "./disks/layout.js";
import { openSource } from "./disks/source.js";
import type { AssetModules } from "./modules.js";
import type { BootOptions, SessionOptions } from "./options.js";
import { DirectAsker } from "./policy/asker.js";
import type { Policy } from "./policy/imports.js";
import type { MadeResult } from "./result.js";
import { runSession } from "./session.js";
import type { WasiProvider } from "./wasi/provider.js";
import type { GrantedTree } from "./wasi/tree.js";

/** Runs the session of `options` to its end. Its first flavour is ready. */
export async function bootHere(
  options: BootOptions,
  session: SessionOptions,
  modules: AssetModules,
  sources: readonly Source[],
  trees: readonly GrantedTree[],
): Promise<MadeResult> {
  const policy = await findPolicy(options, session);
  const wasi = await provide(trees, modules);
  const opened: Disk[] = [];
  try {
    const disks = sources.map(({ source, image }) => {
      if (image === undefined) return source as Disk;
      const disk = openSource(image);
      opened.push(disk);
      return disk;
    });
    return await runSession({
      options: session,
      modules,
      disks,
      console: automated(options.console ?? new BufferConsole(), options.hooks?.automation),
      clock: makeClock(options.clock ?? "real"),
      policy,
      wasi,
      reuse: true,
      onProgress: options.onProgress,
    });
  } finally {
    wasi?.dispose();
    for (const disk of opened) disk.close?.();
  }
}

/** The policy of a session in this thread; undefined without hooks and measuring. */
async function findPolicy(
  { hooks, measure = false }: BootOptions,
  { limits }: SessionOptions,
): Promise<Policy | undefined> {
  if (!hooks && !measure) return undefined;
  const { makePolicy } = await import("./policy/policy.js");
  return makePolicy(hooks && new DirectAsker(hooks), measure, limits);
}

/** WASI with `trees`; undefined, and nothing loaded, without any. */
async function provide(trees: readonly GrantedTree[], modules: AssetModules): Promise<WasiProvider | undefined> {
  if (trees.length === 0) return undefined;
  const { openTrees } = await import("./wasi/wasmer.js");
  return openTrees(trees, await modules.find("wasi"));
}
