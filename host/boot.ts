// `boot`: checks the options, gathers modules and disks, and runs the session: in a process, in a thread or here.

import { checkAssets } from "./assets.js";
import type { ReadySource } from "./disks/layout.js";
import { sendImages } from "./disks/serving.js";
import { unpackSources } from "./disks/unpacked.js";
import { abortedBy, OptionError } from "./errors.js";
import { unlessAborted } from "./isolation/abort.js";
import type { CellKeeper } from "./isolation/cell.js";
import { newCells } from "./isolation/makers.js";
import { runIsolated } from "./isolation/run.js";
import { AssetModules, FLAVOURS, readyFirst } from "./modules.js";
import {
  type BootOptions,
  environmentEntries,
  givenEnvironment,
  laidOut,
  type PreloadOptions,
  type Progress,
  type SessionOptions,
  treeOptions,
} from "./options.js";
import type { BootHooks } from "./policy/hooks.js";
import { readySha256 } from "./protocol/digests.js";
import { addDigests, type BootResult, type MadeResult } from "./result.js";
import { checkOptions, listOf, OBJECT, type Wanted } from "./wanted.js";
import type { GrantedTree } from "./wasi/tree.js";

/** Nothing of the guest's has been read. */
const NO_PROGRESS: Progress = { diskBytes: 0, diskCalls: 0, fileBytes: 0, fileDone: 0 };

/**
 * Boots a guest. What the guest does wrong is in the result.
 * @throws UserbootError for what the caller did wrong: an option, an image, a tree, a policy; AbortedError
 */
export async function boot(options: BootOptions): Promise<BootResult> {
  return bootWith(options);
}

/** The same, in a cell of `keeper`'s if there is one. */
export async function bootWith(options: BootOptions, keeper?: CellKeeper): Promise<BootResult> {
  const { session, sources: given } = laidOut(options);
  throwIfAborted(options.signal);
  const { hooks, onNotice, overlay } = options;
  if (hooks !== undefined) session.env = environmentEntries(await permitted(hooks, givenEnvironment(options)));
  if (overlay !== undefined)
    session.overlay = await (await import("./overlay.js")).takeOverlay(overlay, session.limits, onNotice);
  const trees = await grantedTrees(options);
  throwIfAborted(options.signal);
  const { assets, isolation = "thread" } = options;
  const modules = new AssetModules(assets);
  const { sources, close } = await unpackSources(given, {
    limit: session.limits.unpackedBytes,
    signal: options.signal,
    onProgress: (done, size) => options.onProgress?.({ ...NO_PROGRESS, unpackedDone: done, unpackedSize: size }),
  });
  let result: MadeResult;
  try {
    throwIfAborted(options.signal);
    result =
      isolation === "none"
        ? await bootHere(options, session, modules, sources, trees)
        : await bootElsewhere(isolation, options, session, modules, sources, trees, keeper);
  } finally {
    close();
  }
  if (options.digests) await addDigests(result);
  return result;
}

/** What the guest finds in its environment when it starts, as the operator wants it. */
async function permitted(hooks: BootHooks, given: readonly string[]): Promise<readonly string[]> {
  return (await import("./policy/asker.js")).permittedEnvironment(hooks, given);
}

/** The trees of `options`. What takes them in is loaded when there are some. */
async function grantedTrees(options: BootOptions): Promise<readonly GrantedTree[]> {
  const { hostTreeLimits, hostTrees = [] } = options;
  if (hostTrees.length === 0 && hostTreeLimits === undefined) return [];
  const settled = treeOptions(options);
  return hostTrees.length === 0 ? [] : (await import("./wasi/tree.js")).takeTrees(hostTrees, settled);
}

/** What each option of `preload` must be. */
export const PRELOAD_OPTIONS = {
  assets: OBJECT,
  flavours: listOf("names of interpreters", {
    what: `one of ${FLAVOURS.join(", ")}`,
    is: (flavour) => FLAVOURS.some((known) => known === flavour),
  }),
} satisfies Record<keyof PreloadOptions, Wanted>;

/**
 * Compiles modules, and loads what boots need now and then, so that the first one is as fast as the next ones.
 * @throws AssetError for a module that can't be had; OptionError
 */
export async function preload(options: PreloadOptions = {}): Promise<void> {
  checkOptions("preload", options, PRELOAD_OPTIONS);
  const { assets, flavours = FLAVOURS } = options;
  if (assets !== undefined) checkAssets(assets);
  readySha256();
  const modules = new AssetModules(assets);
  await Promise.all(flavours.map((flavour) => modules.find(modules.first(flavour))));
}

/** What boots in this thread need; each boot would be asking the engine for it. */
let here: typeof import("./here.js") | undefined;

async function bootHere(
  options: BootOptions,
  session: SessionOptions,
  modules: AssetModules,
  sources: ReadySource[],
  trees: readonly GrantedTree[],
): Promise<MadeResult> {
  here ??= await import("./here.js");
  await unlessAborted(readyFirst(modules, session), options.signal);
  throwIfAborted(options.signal);
  return here.bootHere(options, session, modules, sources, trees);
}

async function bootElsewhere(
  isolation: "thread" | "process",
  options: BootOptions,
  session: SessionOptions,
  modules: AssetModules,
  sources: ReadySource[],
  trees: readonly GrantedTree[],
  keeper: CellKeeper = newCells(isolation, { assets: options.assets, confine: options.confine }),
): Promise<MadeResult> {
  const { clock = "real", signal } = options;
  if (typeof clock !== "string") throw new OptionError('a clock object needs the isolation "none"');
  const { disks, served, close } = sendImages(sources, keeper.ways);
  const giveBack: CellKeeper["giveBack"] = (cell, whole) => keeper.giveBack(cell, whole);
  try {
    const start = { options: session, disks, trees, clock };
    // A process compiles its own.
    if (isolation === "process")
      return await runIsolated(await keeper.take(true), start, options, served, undefined, giveBack);
    const needed = Promise.all([trees.length > 0 ? modules.find("wasi") : undefined, readyFirst(modules, session)]);
    const [wasi] = await unlessAborted(needed, signal);
    throwIfAborted(signal);
    const given = { modules: modules.table(), small: modules.small, ...(wasi && { wasi }) };
    const full = trees.length > 0 || options.hooks !== undefined || options.measure === true;
    return await runIsolated(await keeper.take(full), { ...start, ...given }, options, served, modules, giveBack);
  } finally {
    close();
  }
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortedBy(signal.reason);
}
