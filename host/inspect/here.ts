// An inspection in the calling thread: what `inspect` does without a cell.

import type { Disk } from "../disks/disk.js";
import type { Source } from "../disks/layout.js";
import { openSource } from "../disks/source.js";
import { abortedBy } from "../errors.js";
import { AssetModules } from "../modules.js";
import type { SessionOptions } from "../options.js";
import { type Inspector, thrown } from "./inspector.js";
import type { InspectLimits, InspectOptions } from "./options.js";
import type { InspectMessage, InspectRequest } from "./protocol.js";
import { answerTo } from "./serve.js";
import { InspectSession } from "./session.js";

/** An inspection in the calling thread. */
class DirectInspector implements Inspector {
  readonly facts = { level: "none" } as const;

  constructor(
    private readonly session: InspectSession,
    private readonly signal: AbortSignal | undefined,
    private readonly release: () => void,
  ) {}

  async describe(): Promise<unknown> {
    return this.session.describe();
  }

  async ask(request: InspectRequest): Promise<InspectMessage> {
    if (this.signal?.aborted) throw abortedBy(this.signal.reason, "inspection");
    const answer = thrown(await answerTo(request, this.session));
    // The next request reads into the same memory.
    return answer.type === "content" ? { ...answer, bytes: answer.bytes.slice() } : answer;
  }

  async close(): Promise<void> {
    this.session.close();
    this.release();
  }
}

/** Opens the disks and begins. */
export async function inspectHere(
  { assets, signal }: InspectOptions,
  options: SessionOptions,
  limits: InspectLimits,
  sources: Source[],
  close: () => void,
): Promise<Inspector> {
  const module = await new AssetModules(assets).find("inspect");
  if (signal?.aborted) throw abortedBy(signal.reason, "inspection");
  const opened: Disk[] = [];
  const release = () => {
    for (const disk of opened.splice(0)) disk.close?.();
    close();
  };
  try {
    const disks = sources.map(({ source, image }) => {
      if (image === undefined) return source as Disk;
      const disk = openSource(image);
      opened.push(disk);
      return disk;
    });
    return new DirectInspector(new InspectSession({ options, limits, module, disks, reuse: true }), signal, release);
  } catch (error) {
    release();
    throw error;
  }
}
