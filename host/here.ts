// A boot in the calling thread: what `boot` does without a cell. The thread is blocked while the guest's loader works; where
// the engine can suspend it, not while it waits.

import { makeClock } from "./clock.js";
import { automated } from "./console/automation.js";
import { BufferConsole, type Console } from "./console/console.js";
import { KeysConsole } from "./console/keys.js";
import { LiveKeys } from "./console/live.js";
import type { ReadySource } from "./disks/layout.js";
import { openHere } from "./disks/serving.js";
import { unlessAborted } from "./isolation/abort.js";
import { QueuedKeys } from "./isolation/keys.js";
import type { AssetModules } from "./modules.js";
import type { BootOptions, SessionOptions } from "./options.js";
import { DirectAsker } from "./policy/asker.js";
import type { Policy } from "./policy/imports.js";
import type { MadeResult } from "./result.js";
import { runSession } from "./session.js";
import { canSuspend } from "./suspension.js";
import { latin1 } from "./text.js";
import type { WasiProvider } from "./wasi/provider.js";
import type { GrantedTree } from "./wasi/tree.js";

/** Runs the session of `options` to its end. Its first flavour is ready. */
export async function bootHere(
  options: BootOptions,
  session: SessionOptions,
  modules: AssetModules,
  sources: readonly ReadySource[],
  trees: readonly GrantedTree[],
): Promise<MadeResult> {
  const policy = await findPolicy(options, session);
  const { clock = "real", console = new BufferConsole(), signal } = options;
  const { disks, promise, close } = openHere(sources);
  const suspends = canSuspend() && (promise || mayPromiseKeys(console) || clock === "real");
  let wasi: WasiProvider | undefined;
  let disconnect = () => {};
  try {
    const connection = connected(console, suspends);
    disconnect = connection.disconnect;
    wasi = await provide(trees, modules, signal);
    return await runSession({
      options: session,
      modules,
      disks,
      console: automated(connection.keyed, options.hooks?.automation),
      clock: makeClock(clock, suspends),
      suspends,
      signal,
      policy,
      wasi,
      reuse: true,
      onProgress: options.onProgress,
    });
  } finally {
    wasi?.dispose();
    disconnect();
    close();
  }
}

/** Whether a console's keys may have to be waited for: not those of this package that have all they will have. */
function mayPromiseKeys(console: Console): boolean {
  return !(console instanceof BufferConsole) && (console.getc ?? console.poll ?? console.connect) !== undefined;
}

/** `console` with its own keys, or those that it is connected for: as they come, when the session can wait for them. */
function connected(console: Console, suspends: boolean): { keyed: Console; disconnect: () => void } {
  if (console.getc !== undefined || console.connect === undefined) return { keyed: console, disconnect() {} };
  const write = (bytes: Uint8Array) => console.write(bytes);
  if (suspends) {
    const live = new LiveKeys();
    const disconnect = console.connect(live);
    return {
      keyed: { write, poll: () => live.poll(), ended: () => live.ended(), getc: () => live.getc() },
      disconnect,
    };
  }
  const queued = new QueuedKeys();
  const disconnect = console.connect(queued);
  const typed = new KeysConsole([latin1(queued.start())]);
  return {
    keyed: {
      write,
      poll: (clock) => typed.poll(clock),
      ended: () => typed.ended(),
      getc: (clock) => typed.getc(clock),
    },
    disconnect,
  };
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
async function provide(
  trees: readonly GrantedTree[],
  modules: AssetModules,
  signal: AbortSignal | undefined,
): Promise<WasiProvider | undefined> {
  if (trees.length === 0) return undefined;
  const { openTrees } = await import("./wasi/wasmer.js");
  return openTrees(trees, await unlessAborted(modules.find("wasi"), signal));
}
