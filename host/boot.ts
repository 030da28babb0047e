// `boot`: checks the options, gathers modules and disks, and runs the session: in a process, in a thread or here.

import { checkAssets } from "./assets.js";
import { layOut, type ReadySource } from "./disks/layout.js";
import { sendImages } from "./disks/serving.js";
import { unpackSources } from "./disks/unpacked.js";
import { abortedBy, OptionError } from "./errors.js";
import { unlessAborted } from "./isolation/abort.js";
import { cellFor, waysTo } from "./isolation/makers.js";
import { runIsolated } from "./isolation/run.js";
import { AssetModules, FLAVOURS, readyFirst } from "./modules.js";
import {
  type BootOptions,
  environmentEntries,
  givenEnvironment,
  type PreloadOptions,
  type Progress,
  type SessionOptions,
  sessionOptions,
  treeOptions,
} from "./options.js";
import { permittedEnvironment } from "./policy/asker.js";
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
  const checked = sessionOptions(options);
  throwIfAborted(options.signal);
  const session = {
    ...checked,
    env: environmentEntries(permittedEnvironment(options.hooks, givenEnvironment(options))),
    ...(options.overlay !== undefined && {
      overlay: await (await import("./overlay.js")).takeOverlay(options.overlay, checked.limits, options.onNotice),
    }),
  };
  const trees = await grantedTrees(options);
  throwIfAborted(options.signal);
  const { assets, isolation = "thread" } = options;
  const modules = new AssetModules(assets);
  const { sources, close } = await unpackSources(layOut(options.disks ?? []).sources, {
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
        : await bootElsewhere(isolation, options, session, modules, sources, trees);
  } finally {
    close();
  }
  if (options.digests) await addDigests(result);
  return result;
}

/** The trees of `options`. What takes them in is loaded when there are some. */
async function grantedTrees(options: BootOptions): Promise<readonly GrantedTree[]> {
  const { hostTrees = [] } = options;
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
): Promise<MadeResult> {
  const { assets, clock = "real", confine } = options;
  if (typeof clock !== "string") throw new OptionError('a clock object needs the isolation "none"');
  const { disks, served } = sendImages(sources, waysTo(isolation));
  const start = { options: session, disks, trees, clock };
  // A process compiles its own.
  if (isolation === "process") return runIsolated(await cellFor(isolation, { confine }), start, options, served);
  const needed = Promise.all([trees.length > 0 ? modules.find("wasi") : undefined, readyFirst(modules, session)]);
  const [wasi] = await unlessAborted(needed, options.signal);
  throwIfAborted(options.signal);
  const full = trees.length > 0 || options.hooks !== undefined || options.measure === true;
  const cell = await cellFor(isolation, { assets, full });
  return runIsolated(
    cell,
    { ...start, modules: modules.table(), small: modules.small, ...(wasi && { wasi }) },
    options,
    served,
    modules,
  );
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortedBy(signal.reason);
}
