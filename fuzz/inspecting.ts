// An inspection of an input's disks: by the exports of an instrumented module, and by the package's own session.

import { readFileSync } from "node:fs";
import { BufferConsole } from "../build/host/console/console.js";
import type { DiskSource, ImageFormat } from "../build/host/disks/source.js";
import { FileError } from "../build/host/errors.js";
import { errorName } from "../build/host/inspect/errno.js";
import { CONTENT_MAX } from "../build/host/inspect/limits.js";
import { inspectOptions } from "../build/host/inspect/options.js";
import { InspectSession } from "../build/host/inspect/session.js";
import { LoaderMemory } from "../build/host/memory/loader.js";
import type { FuzzDisk } from "./disk.js";
import type { Answer, Request, Requests } from "./look.js";
import type { CoreExports } from "./machine.js";
import { inRepository } from "./places.js";
import { digestOf, LIMITS, type Outcome, outcomeOf, type Session, stateOf } from "./session.js";

/** The module as it is shipped, when it is wanted. */
let shipped: WebAssembly.Module | undefined;

/** How the disks of an inspection are given. */
export interface Given {
  format?: ImageFormat | undefined;
  /** Disks but the first are files granted with it. */
  granted?: boolean | undefined;
  /** How long a run may take, where fuel alone is to end it. */
  wallMs?: number | undefined;
}

/** The disks as options have them: those that are said more of only stand there for what is said. */
export function sourcesOf(disks: readonly FuzzDisk[], { format, granted }: Given): readonly DiskSource[] {
  const [image, ...others] = disks;
  if (image === undefined || (granted !== true && format === undefined)) return disks;
  return [
    {
      image: new Uint8Array(1),
      ...(format !== undefined && { format }),
      ...(granted && { files: others.map(() => new Uint8Array(1)) }),
    },
  ];
}

/** What an answer adds to the account of a run. */
function accountOf(request: Request, { bytes, error, hole, value }: Answer): string {
  if (error !== undefined) return `${request.op} ${error}`;
  if (bytes !== undefined) return `${request.op} ${hole} ${bytes.length} ${digestOf(bytes)}`;
  // Which number a handle has is nobody's business.
  return `${request.op} ${JSON.stringify(value, (key, part) => (key === "handle" ? undefined : part))}`;
}

/** A session that is asked these things. */
export function inspecting(disks: readonly FuzzDisk[], requests: () => Requests, given: Given = {}): Session {
  const { limits, session } = inspectOptions({
    disks: sourcesOf(disks, given),
    isolation: "none",
    limits: {
      requestMs: given.wallMs ?? LIMITS.wallMs,
      wallMs: given.wallMs ?? LIMITS.wallMs,
      fuel: LIMITS.fuel,
      requestFuel: LIMITS.fuel,
      moduleMemory: LIMITS.moduleMemory,
      diskBytes: LIMITS.diskBytes,
    },
  });
  const granted = session.images.reduce((sum, { count }) => sum + count, 0);
  return {
    drive(machine): Outcome {
      const guest = new LoaderMemory(session.memory.low, 0);
      const state = stateOf(session, disks, new BufferConsole(), guest);
      const told: string[] = [];
      let thrown: unknown;
      try {
        machine.run(state, (core, memory) => {
          state.meter.start(core as never);
          core.grantFuel!(state.meter.left);
          const asked = requests();
          for (let step = asked.next(); !step.done; ) {
            const answer = ask(core, memory, guest, disks.length - granted, step.value);
            told.push(accountOf(step.value, answer));
            step = asked.next(answer);
          }
        });
      } catch (error) {
        thrown = error;
      }
      guest.release();
      return outcomeOf(thrown, told.join("\n"), machine.size);
    },

    async hosted(): Promise<Outcome> {
      shipped ??= new WebAssembly.Module(readFileSync(inRepository("build/userboot_inspect.wasm")));
      const inspection = new InspectSession({ options: session, limits, module: shipped, disks, reuse: true });
      const told: string[] = [];
      let thrown: unknown;
      try {
        const asked = requests();
        for (let step = asked.next(); !step.done; ) {
          const answer = await askSession(inspection, step.value);
          told.push(accountOf(step.value, answer));
          step = asked.next(answer);
        }
      } catch (error) {
        thrown = error;
      }
      inspection.close();
      return outcomeOf(thrown, told.join("\n"), 0);
    },
  };
}

/** Asks the core itself. */
function ask(
  core: CoreExports,
  memory: WebAssembly.Memory,
  guest: LoaderMemory,
  disks: number,
  request: Request,
): Answer {
  const call = (name: string, ...values: (number | bigint)[]) => Number(core[name]!(...values));
  const told = (error: number): Answer => {
    if (error < 0) return { error: errorName(-error)[0] };
    const bytes = new Uint8Array(memory.buffer, call("answerAt") >>> 0, call("answerSize") >>> 0);
    return { value: JSON.parse(Buffer.from(bytes).toString("latin1")) };
  };
  const path = (text: string): number => {
    new Uint8Array(memory.buffer, call("pathAt"), text.length).set(Buffer.from(text, "latin1"));
    return text.length;
  };
  switch (request.op) {
    case "describe": {
      call("start", disks);
      const answer = told(0);
      const { pools, volumes } = answer.value as {
        pools: { datasets: unknown[] }[];
        volumes: { fileSystem?: string }[];
      };
      if (!pools.some((pool) => pool.datasets.length > 0) && !volumes.some((volume) => volume.fileSystem !== undefined))
        call("explain");
      return answer;
    }
    case "open": {
      const number = call("openPath", path(request.path), request.flags);
      if (number < 0) return { error: errorName(-number)[0] };
      const answer = told(call("tell", number));
      return answer.error === undefined ? { value: { ...(answer.value as object), handle: number } } : answer;
    }
    case "list":
      return told(call("list", request.handle, request.most, request.details ? 1 : 0));
    case "read": {
      const hole = call("hole", request.handle, BigInt(request.position));
      const skipped = hole >= CONTENT_MAX && Number.isSafeInteger(request.position + hole) ? hole : 0;
      const got = skipped > 0 ? 0 : call("read", request.handle, BigInt(request.position), CONTENT_MAX);
      return got < 0 ? { error: errorName(-got)[0] } : { hole: skipped, bytes: guest.view(0, got) };
    }
    case "release":
      call("release", request.handle);
      return { value: null };
    case "system":
      return told(call("system", path(request.device)));
  }
}

/** Asks the package's session. */
async function askSession(session: InspectSession, request: Request): Promise<Answer> {
  try {
    if (request.op === "describe") {
      const { bootProblem: _bootProblem, ...description } = (await session.describe()) as { bootProblem?: unknown };
      return { value: description };
    }
    const message = await session.ask(request);
    if (message.type === "value") return { value: message.value };
    if (message.type !== "content") throw new Error(`an answer of type ${message.type}`);
    return { hole: message.runs.reduce((sum, [size]) => sum + size, 0), bytes: message.bytes };
  } catch (error) {
    if (error instanceof FileError) return { error: error.code };
    throw error;
  }
}
