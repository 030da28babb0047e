// An inspection in the calling thread: what `inspect` does without a cell.

import type { ReadySource } from "../disks/layout.js";
import { openHere } from "../disks/serving.js";
import { abortedBy } from "../errors.js";
import { onAbort, unlessAborted } from "../isolation/abort.js";
import { AssetModules } from "../modules.js";
import type { SessionOptions } from "../options.js";
import { type Inspector, thrown } from "./inspector.js";
import type { InspectLimits } from "./limits.js";
import type { InspectOptions } from "./options.js";
import type { InspectMessage, InspectRequest } from "./protocol.js";
import { answerTo } from "./serve.js";
import { InspectSession } from "./session.js";

/** So long nothing else of the thread's is done. */
const PAUSE_EACH_MS = 100;

/** Something to wait for now and then, so that what is read at once keeps no signal, timer or key waiting. */
function pauses(): () => Promise<void> | undefined {
  let last = performance.now();
  const rest = (done: () => void) =>
    setTimeout(() => {
      last = performance.now();
      done();
    });
  return () => (performance.now() - last < PAUSE_EACH_MS ? undefined : new Promise(rest));
}

/** An inspection in the calling thread. */
class DirectInspector implements Inspector {
  readonly facts = { level: "none" } as const;
  /** Requests are done one after another. */
  #last: Promise<unknown> = Promise.resolve();
  readonly #stopListening: () => void;

  constructor(
    private readonly session: InspectSession,
    private readonly signal: AbortSignal | undefined,
    private readonly release: () => void,
  ) {
    this.#stopListening = signal ? onAbort(signal, () => session.close(signal.reason)) : () => {};
  }

  async describe(): Promise<unknown> {
    return this.session.describe();
  }

  ask(request: InspectRequest): Promise<InspectMessage> {
    const asked = this.#last.then(() => this.#answer(request));
    this.#last = asked.catch(() => {});
    return asked;
  }

  async #answer(request: InspectRequest): Promise<InspectMessage> {
    if (this.signal?.aborted) throw abortedBy(this.signal.reason, "inspection");
    const answer = thrown(await answerTo(request, this.session));
    // The next request reads into the same memory.
    return answer.type === "content" ? { ...answer, bytes: answer.bytes.slice() } : answer;
  }

  async close(): Promise<void> {
    this.#stopListening();
    this.session.close();
    this.release();
  }
}

/** Opens the disks and begins. */
export async function inspectHere(
  { assets, signal }: InspectOptions,
  options: SessionOptions,
  limits: InspectLimits,
  sources: ReadySource[],
  close: () => void,
): Promise<Inspector> {
  const module = await unlessAborted(new AssetModules(assets).find("inspect"), signal, "inspection");
  if (signal?.aborted) throw abortedBy(signal.reason, "inspection");
  const opened = openHere(sources);
  const { disks, promise: suspends } = opened;
  const release = () => {
    opened.close();
    close();
  };
  return new DirectInspector(
    new InspectSession({ options, limits, module, disks, suspends, pause: pauses(), reuse: true }),
    signal,
    release,
  );
}
