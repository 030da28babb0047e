// The beginning of an inspection: checks the options, opens the images, in a process, in a thread or here, and has a first
// look at them.

import { layOut, type ReadySource } from "../disks/layout.js";
import { DiskServer } from "../disks/served.js";
import { sendImages } from "../disks/serving.js";
import { unpackSources } from "../disks/unpacked.js";
import { abortedBy } from "../errors.js";
import { unlessAborted } from "../isolation/abort.js";
import { cellFor, waysTo } from "../isolation/makers.js";
import { AssetModules } from "../modules.js";
import type { SessionOptions } from "../options.js";
import { type Inspection, inspectionBy } from "./inspection.js";
import { CellInspector, type Inspector } from "./inspector.js";
import type { InspectLimits } from "./limits.js";
import { type InspectOptions, inspectOptions } from "./options.js";

/** Begins one; throws as `inspect` does. */
export async function openInspection(options: InspectOptions): Promise<Inspection> {
  const { limits, session } = inspectOptions(options);
  const { isolation = "thread", signal } = options;
  throwIfAborted(signal);
  const { sources, close } = await unpackSources(layOut(options.disks).sources, {
    limit: limits.unpackedBytes,
    signal,
    onProgress: (done, size) =>
      options.onProgress?.({
        diskBytes: 0,
        diskCalls: 0,
        fileBytes: 0,
        fileDone: 0,
        unpackedDone: done,
        unpackedSize: size,
      }),
  });
  let inspector: Inspector | undefined;
  try {
    throwIfAborted(signal);
    inspector =
      isolation === "none"
        ? await (await import("./here.js")).inspectHere(options, session, limits, sources, close)
        : await inspectElsewhere(isolation, options, session, limits, sources, close);
    return await inspectionBy(inspector, limits);
  } catch (error) {
    await inspector?.close();
    close();
    throw error;
  }
}

async function inspectElsewhere(
  isolation: "thread" | "process",
  { assets, confine, signal }: InspectOptions,
  session: SessionOptions,
  limits: InspectLimits,
  sources: ReadySource[],
  close: () => void,
): Promise<Inspector> {
  const { disks, served } = sendImages(sources, waysTo(isolation));
  // A process compiles its own.
  const module =
    isolation === "process"
      ? undefined
      : await unlessAborted(new AssetModules(assets).find("inspect"), signal, "inspection");
  throwIfAborted(signal);
  const cell = await cellFor(isolation, { assets, confine, inspects: true });
  const inspect = { limits, ...(module && { module }) };
  const start = { options: session, disks, trees: [], clock: "virtual" as const, wants: [], inspect };
  return new CellInspector(cell, start, limits, signal, close, new DiskServer(served));
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortedBy(signal.reason, "inspection");
}
