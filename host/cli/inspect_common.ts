// What the commands that look into images share: their options, opening the images, and ending it all in order.

import { DiskError, OptionError } from "../errors.js";
import { inspect } from "../inspect/inspect.js";
import type { Inspection } from "../inspect/inspection.js";
import { INSPECT_LIMITS } from "../inspect/options.js";
import { installNode } from "../node.js";
import type { Confine, Isolation } from "../options.js";
import { dropSpare } from "../process/start.js";
import { printable } from "../text.js";
import { parseLimits } from "./arguments.js";
import { takeOn } from "./ending.js";
import { OutputGone } from "./guarded.js";
import { type GrantedArgument, namedDisks } from "./images.js";
import { ProgressBar } from "./progress.js";

installNode();

/** The options of all of them, as commander gives them. */
export interface InspectArguments {
  disk: string[];
  backing: GrantedArgument[];
  limit: string[];
  isolation: Isolation;
  confine?: Confine;
  json?: boolean;
}

/** Exit status of a comparison that finds differences, of an image that won't boot, of a copy that isn't complete. */
export const STATUS_INCOMPLETE = 1;

/** Opens the disks of `args`, or others, has `body` look into them, and closes them, whatever comes. */
export async function withImages<T>(
  args: InspectArguments,
  body: (guest: Inspection, progress: ProgressBar) => Promise<T>,
  disks = args.disk,
): Promise<T> {
  if (args.isolation !== "process" || disks !== args.disk) dropSpare();
  if (disks.length === 0) throw new OptionError("no disk given (use -d IMAGE)");
  const controller = new AbortController();
  const progress = new ProgressBar(process.stderr);
  const layDown = takeOn({ end: (signal) => controller.abort(signal), clean: () => progress.clear() });
  try {
    const guest = await inspect({
      disks: namedDisks(disks, args.backing),
      limits: parseLimits(args.limit, INSPECT_LIMITS, "requestMs=10000"),
      isolation: args.isolation,
      ...(args.confine === undefined ? {} : { confine: args.confine }),
      signal: controller.signal,
      onProgress: (now) => progress.show(now),
    });
    try {
      return await body(guest, progress);
    } finally {
      await guest.close();
    }
  } catch (error) {
    throw error instanceof DiskError ? named(error, disks) : error;
  } finally {
    layDown();
  }
}

/** The error by the name that the image has on the command line. */
function named(error: DiskError, disks: readonly string[]): DiskError {
  const unit = /^disk(\d+)$/.exec(error.disk)?.[1];
  const name = unit === undefined ? undefined : disks[Number(unit)];
  return name === undefined ? error : new DiskError(name, error.message.slice(error.disk.length + 2));
}

/** Writes a line of what images say, made printable. */
export function say(line: string): void {
  process.stdout.write(`${printable(line)}\n`);
}

/**
 * Writes bytes, which may be lent, to the standard output.
 * @throws OutputGone
 */
export function put(bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) =>
    process.stdout.write(bytes, (error) => (error ? reject(new OutputGone("")) : resolve())),
  );
}

/** A size as people read it. */
export function sizeText(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}
