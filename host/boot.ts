// `boot`: checks the options, gathers modules and disks, and runs the session, in a worker or here.

import { makeClock } from "./clock.js";
import { automated } from "./console/automation.js";
import { BufferConsole } from "./console/console.js";
import type { Disk } from "./disks/disk.js";
import { type DiskSource, describeSource, openSource, type SectoredImage } from "./disks/source.js";
import { abortedBy, OptionError } from "./errors.js";
import { compileModules, findModules, type ModuleTable } from "./modules.js";
import { type BootOptions, type SessionOptions, sessionOptions } from "./options.js";
import { DirectAsker } from "./policy/asker.js";
import type { Policy } from "./policy/imports.js";
import { addDigests, type BootResult } from "./result.js";
import { runSession } from "./session.js";
import type { WasiProvider } from "./wasi/provider.js";
import { type GrantedTree, takeTrees } from "./wasi/tree.js";
import { runInWorker } from "./worker/run.js";

/** Boots a guest. Rejects for what the caller did wrong; what the guest does wrong is in the result. */
export async function boot(options: BootOptions): Promise<BootResult> {
  const complete = sessionOptions(options);
  const sources = (options.disks ?? []).map((source) => ({ source, image: describeSource(source) }));
  throwIfAborted(options.signal);
  const trees = await takeTrees(options.hostTrees ?? []);
  const modules = await findModules(complete.loader ?? complete.start);
  throwIfAborted(options.signal);
  const result =
    (options.worker ?? true)
      ? await bootInWorker(options, complete, modules, sources, trees)
      : bootHere(options, complete, modules, sources, await findPolicy(options, complete), await provide(trees));
  // What this guest swapped to, the next one may want at once.
  if (result.swaps.length > 0) compileModules(result.swaps).catch(() => {});
  if (options.digests) await addDigests(result);
  return result;
}

/** Compiles all modules, so that the first boot is as fast as the next ones. */
export async function preload(): Promise<void> {
  await compileModules();
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
async function provide(trees: readonly GrantedTree[]): Promise<WasiProvider | undefined> {
  if (trees.length === 0) return undefined;
  const { openTrees } = await import("./wasi/wasmer.js");
  return openTrees(trees);
}

interface Source {
  source: DiskSource;
  image: SectoredImage | undefined;
}

function bootInWorker(
  options: BootOptions,
  complete: SessionOptions,
  modules: ModuleTable,
  sources: Source[],
  trees: readonly GrantedTree[],
): Promise<BootResult> {
  const { clock = "real" } = options;
  if (typeof clock !== "string") throw new OptionError("a clock object needs `worker: false`");
  const disks = sources.map(({ image }) => {
    if (image === undefined) throw new OptionError("a Disk object needs `worker: false`");
    return image;
  });
  return runInWorker({ options: complete, modules, disks, trees, clock }, options);
}

function bootHere(
  options: BootOptions,
  complete: SessionOptions,
  modules: ModuleTable,
  sources: Source[],
  policy: Policy | undefined,
  wasi: WasiProvider | undefined,
): BootResult {
  const opened: Disk[] = [];
  try {
    const disks = sources.map(({ source, image }) => {
      if (image === undefined) return source as Disk;
      const disk = openSource(image);
      opened.push(disk);
      return disk;
    });
    return runSession({
      options: complete,
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

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortedBy(signal.reason);
}
