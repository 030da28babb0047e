// The worker's side, whatever the platform: opens the disks, runs the session, sends output on the way and
// the result at the end. It holds the disk handles and nothing else.

import { makeClock } from "../clock.js";
import { automated } from "../console/automation.js";
import type { Console } from "../console/console.js";
import { KeysConsole } from "../console/keys.js";
import type { Disk } from "../disks/disk.js";
import { openSource } from "../disks/source.js";
import { plainError } from "../errors.js";
import type { Policy } from "../policy/imports.js";
import { runSession } from "../session.js";
import type { WasiProvider } from "../wasi/provider.js";
import { KeyRingReader } from "./keyring.js";
import type { StartMessage, WorkerMessage } from "./messages.js";
import { WorkerAsker } from "./questions.js";

/** Sends a message to the caller. */
export type Post = (message: WorkerMessage, transfer?: ArrayBuffer[]) => void;

/** Output is sent when so much is collected, or so old, or the guest waits for a key. */
const BATCH_BYTES = 16_384;
const BATCH_MS = 10;

/** Runs the session that `start` describes. */
export async function runWorker(start: StartMessage, post: Post): Promise<void> {
  const disks: Disk[] = [];
  let wasi: WasiProvider | undefined;
  try {
    for (const source of start.disks) disks.push(openSource(source));
    if (start.trees.length > 0) wasi = await (await import("../wasi/wasmer.js")).openTrees(start.trees);
    const output = new BatchedOutput(post);
    const policy = start.questions || start.measure ? await findPolicy(start, post) : undefined;
    const typed = start.keys ? new KeysConsole(start.keys) : undefined;
    const result = runSession({
      options: start.options,
      modules: start.modules,
      disks,
      console: automated(
        withInput(output, typed ?? (start.ring ? waitingAloud(new KeyRingReader(start.ring), post) : undefined)),
        start.automation,
      ),
      clock: makeClock(start.clock),
      policy,
      wasi,
      onProgress: (progress) => post({ type: "progress", progress }),
    });
    output.flush();
    const { low, high, bytes, faults, written } = result.guestMemory;
    post(
      {
        type: "done",
        data: result,
        memory: { low, high, ram: bytes.buffer, faults, written: [...written] },
        keysConsumed: typed?.consumed ?? 0,
      },
      [bytes.buffer],
    );
  } catch (error) {
    post({ type: "rejected", error: plainError(error) });
  } finally {
    for (const disk of disks) disk.close?.();
    wasi?.dispose();
  }
}

async function findPolicy({ options, questions, measure = false }: StartMessage, post: Post): Promise<Policy> {
  const { makePolicy } = await import("../policy/policy.js");
  return makePolicy(questions && new WorkerAsker(questions, post), measure, options.limits);
}

/** A console of output here and keys from there. */
function withInput(output: BatchedOutput, input: Pick<Console, "poll" | "ended" | "getc"> | undefined): Console {
  return {
    write: (bytes) => output.write(bytes),
    flush: () => output.flushAged(),
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

/** Tells the caller when the guest waits for a key, which may take for ever. */
function waitingAloud(keys: KeyRingReader, post: Post): Pick<Console, "poll" | "ended" | "getc"> {
  return {
    poll: () => keys.poll(),
    ended: () => keys.ended(),
    getc() {
      if (keys.poll()) return keys.getc();
      post({ type: "waiting", waiting: true });
      const key = keys.getc();
      post({ type: "waiting", waiting: false });
      return key;
    },
  };
}

/** Collects output, so that a message carries more than a line. */
class BatchedOutput {
  #batch = new Uint8Array(BATCH_BYTES);
  #filled = 0;
  #since = 0;

  constructor(private readonly post: Post) {}

  write(bytes: Uint8Array): void {
    if (this.#filled + bytes.length > BATCH_BYTES) this.flush();
    if (bytes.length > BATCH_BYTES) {
      this.post({ type: "output", bytes: bytes.slice() });
      return;
    }
    if (this.#filled === 0) this.#since = performance.now();
    this.#batch.set(bytes, this.#filled);
    this.#filled += bytes.length;
    this.flushAged();
  }

  flushAged(): void {
    if (this.#filled > 0 && performance.now() - this.#since > BATCH_MS) this.flush();
  }

  flush(): void {
    if (this.#filled === 0) return;
    this.post({ type: "output", bytes: this.#batch.slice(0, this.#filled) });
    this.#filled = 0;
  }
}
