// What the commands that look into images share: their options, opening the images, and ending it all in order.

import { DiskError, FileError, OptionError, type UserbootError } from "../errors.js";
import { inspect } from "../inspect/inspect.js";
import { type Inspection, KeptEntries } from "../inspect/inspection.js";
import { INSPECT_LIMITS, type InspectLimits } from "../inspect/limits.js";
import { installNode } from "../node.js";
import type { Confine, Isolation } from "../options.js";
import { dropSpare } from "../process/start.js";
import { inert } from "../text.js";
import { parseLimits } from "./arguments.js";
import { complain } from "./complain.js";
import { takeOn } from "./ending.js";
import { OutputGone } from "./guarded.js";
import { type GrantedArgument, namedDisks } from "./images.js";
import { ProgressBar } from "./progress.js";
import { STATUS_FAILED } from "./statuses.js";

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

/** Opens the disks of `args`, has `body` look into them, and closes them, whatever comes. */
export async function withImages<T>(
  args: InspectArguments,
  body: (guest: Inspection, progress: ProgressBar) => Promise<T>,
): Promise<T> {
  const disks = args.disk;
  if (args.isolation !== "process") dropSpare();
  if (disks.length === 0) throw new OptionError("no disk given (use -d IMAGE)");
  const controller = new AbortController();
  const progress = new ProgressBar(process.stderr);
  const layDown = takeOn({ end: (signal) => controller.abort(signal), clean: () => progress.clear() });
  try {
    const guest = await inspect({
      disks: namedDisks(disks, args.backing),
      limits: limitsOf(args),
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

const limitsOf = ({ limit }: InspectArguments): Partial<InspectLimits> =>
  parseLimits(limit, INSPECT_LIMITS, "requestMs=10000");

/** What a command may keep of entries until it shows them. */
export const keptBy = (args: InspectArguments): KeptEntries =>
  new KeptEntries(limitsOf(args).entryBytes ?? INSPECT_LIMITS.entryBytes);

/** What could not be read, each named when it is met: the rest is shown all the same. */
export class Unread {
  #any = false;

  /** What `find` is given. */
  readonly onProblem = (path: string, error: UserbootError): void => this.tell(problemOf(path, error));

  /** Says it in a line. */
  tell(line: string): void {
    this.#any = true;
    complain(line);
  }

  /** The exit status of a command that shows all that can be read. */
  get status(): number {
    return this.#any ? STATUS_FAILED : 0;
  }
}

/** What is wrong with `path`, which an error about a file names itself. */
export function problemOf(path: string, error: UserbootError): string {
  return error instanceof FileError ? error.message : `${path}: ${error.message}`;
}

/** Writes a line of what images say, as the texts that an inspection gives, made printable. */
export function say(line: string): void {
  process.stdout.write(`${inert(line)}\n`);
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
