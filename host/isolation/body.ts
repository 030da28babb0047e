// A session's own side, in a thread or a process: opens what it was given, runs, sends output on the way and the result
// at the end. It holds the handles of its disks and nothing else.

import type { FlavourModule } from "../assets.js";
import { makeClock } from "../clock.js";
import type { Console } from "../console/console.js";
import { KeysConsole } from "../console/keys.js";
import type { Disk } from "../disks/disk.js";
import type { Reader } from "../disks/served.js";
import { openSource } from "../disks/source.js";
import { plainError } from "../errors.js";
import { GivenModules, readyFirst } from "../modules.js";
import type { Asker } from "../policy/asker.js";
import type { Policy } from "../policy/imports.js";
import type { MadeResult } from "../result.js";
import { runSession } from "../session.js";
import type { WasiProvider } from "../wasi/provider.js";
import type { SessionMessage, StartMessage } from "./messages.js";

/** The way to the caller. */
export interface Line {
  post(message: SessionMessage): void;
  /** Sends the result and guest memory. Nothing follows. */
  finish(result: MadeResult, keysConsumed: number): void;
  /** Live keys. */
  readonly keys?: Pick<Console, "poll" | "ended" | "getc"> | undefined;
  /** Reads disks that the caller has. */
  readonly read?: Reader | undefined;
  /** Asks the operator's hooks. */
  readonly asker?: Asker | undefined;
  /** Gets the module of a flavour that the session wasn't started with. */
  module(name: FlavourModule): Promise<WebAssembly.Module>;
  /** Called now and then while the guest's loader runs. */
  onLook?(): void;
}

/** Output is sent when so much is collected, or so old, or the guest waits for a key. */
const BATCH_BYTES = 16_384;
const BATCH_MS = 10;

/** Runs the session that `start` describes. */
export async function runBody(start: StartMessage, line: Line): Promise<void> {
  const disks: Disk[] = [];
  let wasi: WasiProvider | undefined;
  try {
    const modules = new GivenModules(start.modules ?? new Map(), start.small ?? [], (name) => line.module(name));
    await readyFirst(modules, start.options);
    for (const source of start.disks) disks.push(openSource(source, line.read));
    if (start.trees.length > 0) {
      const { openTrees } = await import("../wasi/wasmer.js");
      wasi = await openTrees(start.trees, start.wasi);
    }
    const output = new BatchedOutput((bytes) => line.post({ type: "output", bytes }));
    const policy = line.asker || start.measure ? await findPolicy(line.asker, start) : undefined;
    const typed = start.keys ? new KeysConsole(start.keys) : undefined;
    line.post({ type: "began" });
    const result = await runSession({
      options: start.options,
      modules,
      disks,
      console: await automated(withInput(output, typed ?? line.keys), start.automation),
      clock: makeClock(start.clock, start.suspends ?? false),
      suspends: start.suspends ?? false,
      policy,
      wasi,
      onProgress: (progress) => line.post({ type: "progress", progress }),
      onLook() {
        output.flushAged();
        line.onLook?.();
      },
    });
    output.flush();
    line.finish(result, typed?.consumed ?? 0);
  } catch (error) {
    line.post({ type: "rejected", error: plainError(error) });
  } finally {
    for (const disk of disks) disk.close?.();
    wasi?.dispose();
  }
}

async function automated(console: Console, rules: StartMessage["automation"]): Promise<Console> {
  return rules ? (await import("../console/automation.js")).automated(console, rules) : console;
}

async function findPolicy(asker: Asker | undefined, { measure = false, options }: StartMessage): Promise<Policy> {
  const { makePolicy } = await import("../policy/policy.js");
  return makePolicy(asker, measure, options.limits);
}

/** A console of output here and keys from there. */
function withInput(output: BatchedOutput, input: Line["keys"]): Console {
  return {
    write: (bytes) => output.write(bytes),
    poll(clock) {
      output.flushAged();
      return input?.poll?.(clock) ?? false;
    },
    ended: () => input?.ended?.() ?? true,
    getc(clock) {
      output.flush();
      return input?.getc?.(clock);
    },
  };
}

/** Collects output, so that a message carries more than a line, and never more than a batch. */
class BatchedOutput {
  #batch = new Uint8Array(BATCH_BYTES);
  #filled = 0;
  #since = 0;

  constructor(private readonly send: (bytes: Uint8Array<ArrayBuffer>) => void) {}

  write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      if (this.#filled === 0) this.#since = performance.now();
      const part = bytes.subarray(at, at + BATCH_BYTES - this.#filled);
      this.#batch.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled === BATCH_BYTES) this.flush();
    }
    this.flushAged();
  }

  flushAged(): void {
    if (this.#filled > 0 && performance.now() - this.#since > BATCH_MS) this.flush();
  }

  flush(): void {
    if (this.#filled === 0) return;
    this.send(this.#batch.slice(0, this.#filled));
    this.#filled = 0;
  }
}
