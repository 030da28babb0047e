// The session's own imports: time, the caller's environment, and its ends other than by entering a kernel.

import { DiskError, InternalError, LimitError, OptionError } from "../errors.js";
import { isPromise, type Steps } from "../maybe.js";
import { LOOKED_MAX, LOOKED_TEXT_MAX, type LookedAt } from "../problem.js";
import { type SessionState, Stop } from "../state.js";
import { printable } from "../text.js";
import {
  CHOSEN_DEVICE,
  FAULT_DEVICE,
  FAULT_FUEL,
  FAULT_IMAGE,
  FAULT_MEMORY,
  LOOKED_DAMAGE,
  LOOKED_DISK,
  LOOKED_FILE,
  LOOKED_KERNEL,
  LOOKED_PARTITION,
  LOOKED_POOL,
} from "./constants.js";
import { DIAGNOSTIC_SIZE_MAX, note } from "./diagnostics.js";
import type { ModuleMemory } from "./module_memory.js";

/** Longest single wait. */
const DELAY_PIECE_USEC = 50_000;
/** What the core looks at when nothing was booted, by its number. */
const LOOKED_KINDS: Readonly<Record<number, LookedAt["kind"]>> = {
  [LOOKED_DISK]: "disk",
  [LOOKED_DAMAGE]: "damage",
  [LOOKED_PARTITION]: "partition",
  [LOOKED_POOL]: "pool",
  [LOOKED_FILE]: "file",
  [LOOKED_KERNEL]: "kernel",
};
/** Bytes of a wanted interpreter's name that are looked at: none has as many. */
const SWAP_NAME_MAX = 4096;

/**
 * `delay`, `getenv`, `report`, `looked` and what ends an instance: `exit` and `swap_interpreter` throw Stop, `fault` the error
 * that it names.
 */
export function lifeImports(module: ModuleMemory, { clock, diagnostics, lookedAt, meter, options }: SessionState) {
  const { limits } = options;

  /** In pieces, so that a long wait doesn't outlast the wall time; a generator is made only for what is promised. */
  const pass = (usec: number): undefined | Steps<undefined> => {
    for (let rest = usec; rest > 0; ) {
      const slept = clock.sleep(Math.min(rest, DELAY_PIECE_USEC));
      rest -= DELAY_PIECE_USEC;
      if (isPromise(slept)) return passLater(slept, rest);
      meter.checkTime();
    }
    return undefined;
  };
  function* passLater(slept: Promise<void>, rest: number): Steps<undefined> {
    yield slept;
    meter.checkTime();
    const later = pass(rest);
    return later && (yield* later);
  }

  return {
    delay(usec: number): undefined | Steps<undefined> {
      meter.look();
      return pass(usec);
    },

    exit(code: number): void {
      throw new Stop("exit", code);
    },

    getenv(index: number, dst: number, size: number): number {
      const entry = index === CHOSEN_DEVICE ? options.currdev : options.env[index];
      if (entry === undefined) return -1;
      const part = entry.subarray(0, size >>> 0);
      module.put(dst, part);
      return entry.length;
    },

    swap_interpreter(name: number, size: number): void {
      throw new Stop("swap", module.bytes(name, Math.min(size >>> 0, SWAP_NAME_MAX)).slice());
    },

    report(address: number, size: number): void {
      note(diagnostics, () => module.text(address, size, DIAGNOSTIC_SIZE_MAX));
    },

    looked(kind: number, name: number, nameSize: number, found: number, foundSize: number): void {
      const known = LOOKED_KINDS[kind];
      if (known === undefined) throw new InternalError(`the core looked at something of kind ${kind}`);
      if (lookedAt.length >= LOOKED_MAX) return;
      const text = (at: number, size: number) => printable(module.text(at, size, LOOKED_TEXT_MAX));
      lookedAt.push({ kind: known, name: text(name, nameSize), found: text(found, foundSize) });
    },

    fault(kind: number, address: number, size: number): void {
      if (kind === FAULT_FUEL) throw new LimitError("fuel", limits.fuel, limits.fuel);
      if (kind === FAULT_MEMORY) throw new LimitError("moduleMemory", limits.moduleMemory, module.size);
      if (kind === FAULT_DEVICE) throw new OptionError(module.text(address, size, DIAGNOSTIC_SIZE_MAX));
      if (kind === FAULT_IMAGE) {
        const [disk, why] = cut(module.text(address, size, DIAGNOSTIC_SIZE_MAX), ": ");
        throw new DiskError(disk, why);
      }
      throw new InternalError(module.text(address, size, DIAGNOSTIC_SIZE_MAX));
    },
  };
}

/** `text` before and behind the first `mark`. */
function cut(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + mark.length)];
}
