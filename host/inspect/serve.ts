// The side of an inspection that is in a cell: opens what it was given, looks at it, and answers requests one after another
// until it is ended from outside.

import type { Disk } from "../disks/disk.js";
import type { Reader } from "../disks/served.js";
import { openSource } from "../disks/source.js";
import { plainError } from "../errors.js";
import { loadHasher } from "../hash.js";
import type { StartMessage } from "../isolation/messages.js";
import { AssetModules } from "../modules.js";
import type { InspectMessage, InspectRequest } from "./protocol.js";
import { InspectSession } from "./session.js";

/** The way to the caller. */
export interface InspectLine {
  post(message: InspectMessage): void;
  /** The next request. Never resolves, or doesn't return, when there is none. */
  next(): Promise<InspectRequest>;
  /** Reads disks that the caller has. */
  readonly read?: Reader | undefined;
  /** Called now and then while the core runs. */
  onLook?(): void;
}

/** Serves the inspection that `start` describes. */
export async function serveInspection(start: StartMessage, line: InspectLine): Promise<void> {
  const { limits, module } = start.inspect!;
  const disks: Disk[] = [];
  let session: InspectSession;
  try {
    for (const source of start.disks) disks.push(openSource(source, line.read));
    session = new InspectSession({
      options: start.options,
      limits,
      module: module ?? (await new AssetModules(undefined).find("inspect")),
      disks,
      suspends: start.suspends ?? false,
      onLook: () => line.onLook?.(),
    });
    line.post({ type: "began" });
    line.post({ type: "value", value: await session.describe() });
  } catch (error) {
    line.post({ type: "failed", error: plainError(error) });
    for (const disk of disks) disk.close?.();
    return;
  }
  while (true) line.post(await answerTo(await line.next(), session));
}

/** What `request` is answered with; an error is an answer, too. */
export async function answerTo(request: InspectRequest, session: InspectSession): Promise<InspectMessage> {
  try {
    if (request.op !== "hash") return await session.ask(request);
    const makeHasher = await loadHasher();
    return { type: "value", value: await session.hash(request.handle, makeHasher()) };
  } catch (error) {
    return { type: "failed", error: plainError(error) };
  }
}
