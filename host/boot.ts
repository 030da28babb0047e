// `boot`: checks the options, gathers modules and disks, and runs the session: in a process, in a thread or here.

import { makeClock } from "./clock.js";
import { automated } from "./console/automation.js";
import { BufferConsole } from "./console/console.js";
import type { Disk } from "./disks/disk.js";
import { layOut, type Source } from "./disks/layout.js";
import { openSource } from "./disks/source.js";
import { unpackSources } from "./disks/unpacked.js";
import { abortedBy, OptionError } from "./errors.js";
import { cellFor } from "./isolation/makers.js";
import { runIsolated } from "./isolation/run.js";
import { compileModules, findModules } from "./modules.js";
import {
  type BootOptions,
  environmentEntries,
  givenEnvironment,
  type Progress,
  type SessionOptions,
  sessionOptions,
  treeOptions,
} from "./options.js";
import { takeOverlay } from "./overlay.js";
import { DirectAsker, permittedEnvironment } from "./policy/asker.js";
import type { Policy } from "./policy/imports.js";
import { readySha256 } from "./protocol/digests.js";
import { addDigests, type BootResult } from "./result.js";
import { runSession } from "./session.js";
import type { WasiProvider } from "./wasi/provider.js";
import { type GrantedTree, takeTrees } from "./wasi/tree.js";

/** Nothing of the guest's has been read. */
const NO_PROGRESS: Progress = { diskBytes: 0, diskCalls: 0, fileBytes: 0, fileDone: 0 };

/**
 * Boots a guest. What the guest does wrong is in the result.
 * @throws UserbootError for what the caller did wrong: an option, an image, a tree, a policy; AbortedError
 */
export async function boot(options: BootOptions): Promise<BootResult> {
  const checked = sessionOptions(options);
  throwIfAborted(options.signal);
  const session = {
    ...checked,
    env: environmentEntries(permittedEnvironment(options.hooks, givenEnvironment(options))),
    ...(options.overlay !== undefined && {
      overlay: await takeOverlay(options.overlay, checked.limits, options.onNotice),
    }),
  };
  const trees = await takeTrees(options.hostTrees ?? [], treeOptions(options));
  throwIfAborted(options.signal);
  const { isolation = "thread" } = options;
  const { sources, close } = await unpackSources(layOut(options.disks ?? []).sources, {
    limit: session.limits.unpackedBytes,
    signal: options.signal,
    onProgress: (done, size) => options.onProgress?.({ ...NO_PROGRESS, unpackedDone: done, unpackedSize: size }),
  });
  let result: BootResult;
  try {
    throwIfAborted(options.signal);
    result =
      isolation === "none"
        ? await bootHere(options, session, sources, trees)
        : await bootElsewhere(isolation, options, session, sources, trees);
  } finally {
    close();
  }
  // What this guest swapped to, the next one may want at once.
  if (result.swaps.length > 0 && isolation !== "process") compileModules(result.swaps).catch(() => {});
  if (options.digests) await addDigests(result);
  return result;
}

/** Compiles all modules, and loads what boots need now and then, so that the first one is as fast as the next ones. */
export async function preload(): Promise<void> {
  readySha256();
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

async function bootElsewhere(
  isolation: "thread" | "process",
  options: BootOptions,
  session: SessionOptions,
  sources: Source[],
  trees: readonly GrantedTree[],
): Promise<BootResult> {
  const { clock = "real", confine } = options;
  if (typeof clock !== "string") throw new OptionError('a clock object needs the isolation "none"');
  const disks = sources.map(({ image }) => {
    if (image === undefined) throw new OptionError('a Disk object needs the isolation "none"');
    const { files: _files, format: _format, compression: _compression, ...sent } = image;
    return sent;
  });
  const start = { options: session, disks, trees, clock };
  // A process compiles its own.
  if (isolation === "process") return runIsolated(await cellFor(isolation, { confine }), start, options);
  const modules = await findModules(session.loader ?? session.start);
  throwIfAborted(options.signal);
  return runIsolated(await cellFor(isolation, {}), { ...start, modules }, options);
}

async function bootHere(
  options: BootOptions,
  session: SessionOptions,
  sources: Source[],
  trees: readonly GrantedTree[],
): Promise<BootResult> {
  const modules = await findModules(session.loader ?? session.start);
  throwIfAborted(options.signal);
  const policy = await findPolicy(options, session);
  const wasi = await provide(trees);
  const opened: Disk[] = [];
  try {
    const disks = sources.map(({ source, image }) => {
      if (image === undefined) return source as Disk;
      const disk = openSource(image);
      opened.push(disk);
      return disk;
    });
    return runSession({
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

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortedBy(signal.reason);
}
