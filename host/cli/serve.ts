// `userboot serve`: from the command line to a service, and its end by a signal.

import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { readdirSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { explain } from "../disks/file.js";
import { OptionError } from "../errors.js";
import { createPool, DEFAULT_LIMITS, type Limits } from "../index.js";
import type { Confine } from "../options.js";
import type { BootHooks } from "../policy/hooks.js";
import { POOL_CHANNEL, type PoolEvent } from "../pool/measures.js";
import type { PoolLimits } from "../pool/options.js";
import { findBwrap } from "../process/confine.js";
import { Images } from "../serve/images.js";
import { SERVE_LIMITS } from "../serve/limits.js";
import { listenAt, parsePlace } from "../serve/listen.js";
import { Service, type ServiceLog } from "../serve/service.js";
import { readTokens } from "../serve/tokens.js";
import { parseCount, parseLimits } from "./arguments.js";
import { complain } from "./complain.js";
import { guarded } from "./guarded.js";
import { log } from "./log.js";

/** The options as commander gives them. */
export interface ServeArguments {
  listen: string;
  tokenFile?: string;
  images: string[];
  tenantImages: string[];
  policies?: string;
  policy?: string;
  grant: string[];
  size?: string;
  spare?: string;
  maxQueue?: string;
  isolation: "process" | "thread";
  confine?: Confine;
  reuse: "never" | "tenant";
  poolLimit: string[];
  limit: string[];
  serveLimit: string[];
}

/** The names of --pool-limit; what each is unless it is said, the pool knows. */
const POOL_LIMITS: Required<PoolLimits> = { guestMemory: 0, bootMemory: 0, tenantRunning: 0, tenantQueued: 0 };
/** A boot of a service doesn't wait for a person. */
const BOOT_LIMITS: Limits = { ...DEFAULT_LIMITS, wallMs: 60_000 };
const POLICY_END = ".lua";
const LOG: ServiceLog = { event: log, problem: complain };

/** Serves until a signal ends it; the exit status. */
export function serveCommand(args: ServeArguments): Promise<number> {
  return guarded(async () => {
    const place = parsePlace(args.listen);
    if (args.tokenFile === undefined && !("path" in place))
      throw new OptionError(`--listen ${args.listen}: whoever is on this machine could ask; give a --token-file`);
    if (args.images.length + args.tenantImages.length === 0)
      throw new OptionError("no directory of images given (--images DIR, or --tenant-images DIR)");
    const limits = { ...SERVE_LIMITS, ...parseLimits(args.serveLimit, SERVE_LIMITS, "bodyMs=10000") };
    for (const [name, value] of Object.entries(limits))
      if (value === 0) throw new OptionError(`--serve-limit ${name}=0: nothing could be served`);
    // What boots run in is an operator's to have, and nothing that a client could mend.
    if (args.isolation === "process") findBwrap(args.confine ?? "auto");
    const parts = {
      log: LOG,
      limits,
      bootLimits: { ...BOOT_LIMITS, ...parseLimits(args.limit, BOOT_LIMITS, "wallMs=60000") },
      images: new Images(
        { shared: directories(args.images), tenants: directories(args.tenantImages) },
        limits.openImages,
      ),
      tokens: args.tokenFile === undefined ? undefined : await readTokens(args.tokenFile),
      policy: args.policy,
      policies: await readPolicies(args),
    };
    const listener = (event: unknown) => lostCell(event as PoolEvent);
    subscribe(POOL_CHANNEL, listener);
    const pool = makePool(args);
    try {
      const service = new Service({
        ...parts,
        pool,
        spares: Number(args.spare ?? 1) > 0,
        tenants: args.reuse === "tenant",
      });
      const listening = listenAt(service.server, place);
      // Whoever can connect is answered, also when a signal comes at once.
      const over = ended(service, listening);
      log("listening", { address: await listening, pid: process.pid });
      await over;
      return 0;
    } finally {
      await pool.close({ signal: AbortSignal.abort() });
      unsubscribe(POOL_CHANNEL, listener);
    }
  });
}

function makePool(args: ServeArguments) {
  const { size, spare, maxQueue, isolation, confine, reuse } = args;
  return createPool({
    isolation,
    reuse,
    ...(confine && { confine }),
    ...(size !== undefined && { size: parseCount("--size", size) }),
    ...(spare !== undefined && { spare: parseCount("--spare", spare) }),
    ...(maxQueue !== undefined && { maxQueue: parseCount("--max-queue", maxQueue) }),
    limits: parseLimits(args.poolLimit, POOL_LIMITS, "guestMemory=8G"),
  });
}

/** Until a signal has ended it in order, once it is listening; a second one has it hurry. */
async function ended(service: Service, listening: Promise<unknown>): Promise<void> {
  // Of a daemon's signals SIGHUP has it read its files again; here that is a new start, and its terminal may have gone.
  const names = ["SIGTERM", "SIGINT", "SIGHUP"] as const;
  let end = (): void => {};
  const told = new Promise<void>((resolve) => {
    end = resolve;
  });
  const onSignal = (signal: NodeJS.Signals) => {
    log("signal", { signal });
    const close = async () => {
      try {
        // The second call is heard, too.
        await service.close();
      } catch (error) {
        complain(`defect: ${error}`);
      }
      end();
    };
    // When it can't listen it ends by that.
    listening.then(close, () => {});
  };
  // They stay: what comes while the program ends is no reason not to end in order.
  for (const name of names) process.on(name, onSignal);
  await told;
}

/** A thread or process that couldn't be had, or has gone, is an operator's business. */
function lostCell({ event, error }: PoolEvent): void {
  if (event === "lost") complain(`a spare was lost: ${error}`);
}

/** @throws OptionError for what is no directory now */
function directories(paths: readonly string[]): string[] {
  return paths.map((path) => {
    requireDirectory(path);
    return resolve(path);
  });
}

function requireDirectory(path: string): void {
  let is: boolean;
  try {
    is = statSync(path).isDirectory();
  } catch (error) {
    throw new OptionError(`${path}: ${explain(error)}`);
  }
  if (!is) throw new OptionError(`${path}: is no directory`);
}

/**
 * The policies of --policies, each tried.
 * @throws OptionError, PolicyFileError
 */
async function readPolicies({ policies: directory, policy, grant }: ServeArguments) {
  const found = new Map<string, () => BootHooks>();
  if (directory === undefined) {
    if (policy !== undefined)
      throw new OptionError(`--policy ${policy}: there is no --policies directory to find it in`);
    if (grant.length > 0) throw new OptionError(`--grant ${grant[0]}: there is no policy that could read it`);
    return found;
  }
  requireDirectory(directory);
  const { preparePolicy, readGrants } = await import("./policy.js");
  const files = await readGrants(grant);
  for (const name of readdirSync(directory).sort()) {
    if (!name.endsWith(POLICY_END) || name.startsWith(".")) continue;
    const make = await preparePolicy(join(directory, name), files);
    make();
    found.set(basename(name, POLICY_END), make);
  }
  if (policy !== undefined && !found.has(policy))
    throw new OptionError(`--policy ${policy}: there is no ${policy}${POLICY_END} in ${directory}`);
  return found;
}
