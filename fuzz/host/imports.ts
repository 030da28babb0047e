// The imports, called with anything in any order by a module that has been taken over (trampoline.ts): in a session without files,
// with a granted tree, with an operator's hooks, with all files measured; also after the session has ended, and after its memory
// was given back. A call answers, stops the session, or fails with an error of ours; it writes only where it was told to, and what
// it does is paid for.

import fc from "fast-check";
import { BufferConsole, BytesDisk, type Disk, UserbootError, VirtualClock } from "userboot-wasm";
import { CpuState } from "../../build/host/handoff/registers.js";
import { LoaderMemory } from "../../build/host/memory/loader.js";
import { checkReleased } from "../../build/host/memory/pool.js";
import { Meter } from "../../build/host/meter.js";
import { sessionOptions } from "../../build/host/options.js";
import { DirectAsker } from "../../build/host/policy/asker.js";
import { makePolicy } from "../../build/host/policy/policy.js";
import { makeImports } from "../../build/host/protocol/imports.js";
import { type SessionState, Stop } from "../../build/host/state.js";
import { isPrintable } from "../../build/host/text.js";
import { openTrees } from "../../build/host/wasi/wasmer.js";
import { IMPORTS } from "../../test/support/abi.js";
import type { HostTarget, Opened } from "./target.js";
import { parametersOf, trampoline } from "./trampoline.js";
import { argument } from "./values.js";

const PAGE = 65_536;
const LOW = 0x1_1234;
const ADDRESSES = 0x8000_0000;
const LIMITS = { fuel: 50_000_000, wallMs: 600_000, consoleBytes: 20_000, diskBytes: 3_000_000 };
/** Bytes of an operator's own small texts that are handed over for the price of a call. */
const FREE_BYTES = 4096;
const BYTES_PER_UNIT = 64;
/** Kept of what a session tells, whatever it does. */
const KEPT = { calls: 4096, diagnostics: 256, lookedAt: 64 };

type Value = number | bigint;

/** Bytes of the module's memory: [start, size]. */
type Range = readonly [number, number];

/** The bytes that an import may write, by the arguments that it is called with; `before` is what memory holds then. */
const WRITES: Readonly<Record<string, (values: readonly number[], before: DataView) => Range[]>> = {
  diskread: ([, , dst, size, resid]) => [
    [dst!, size!],
    [resid!, 4],
  ],
  diskread_guest: (values) => [[values[4]!, 8]],
  diskioctl: ([, command, cell]) => [[cell!, command === 0x4004_6480 ? 4 : command === 0x4008_6481 ? 8 : 24]],
  copyout: ([, dst, size]) => [[dst!, size!]],
  getmem: ([low, high]) => [
    [low!, 8],
    [high!, 8],
  ],
  getmap: ([, dst]) => [[dst!, 20]],
  sha256: ([, , dst]) => [[dst!, 32]],
  getenv: ([, dst, size]) => [[dst!, size!]],
  file_read: ([, , dst, size]) => [[dst!, size!]],
  ask_setenv: (values) => [[values[4]!, values[5]!]],
  ask_kernel: (values) => [[values[4]!, values[5]!]],
  overlay_entry: ([, dst, capacity, size]) => [
    [dst!, capacity!],
    [size!, 8],
  ],
  overlay_read: ([, , dst, size]) => [[dst!, size!]],
  clock_time_get: ([, , time]) => [[time!, 8]],
  path_open: (values) => [[values[8]!, 4]],
  fd_read: ([, vectors, count, done], before) => [[done!, 4], ...buffers(vectors!, count!, before)],
  fd_seek: (values) => [[values[3]!, 8]],
  fd_filestat_get: ([, cell]) => [[cell!, 64]],
  fd_readdir: ([, dst, size, , used]) => [
    [dst!, size!],
    [used!, 4],
  ],
};

/** The buffers that a list of them tells of. */
function buffers(vectors: number, count: number, memory: DataView): Range[] {
  const found: Range[] = [];
  for (let at = vectors; found.length < count && at + 8 <= memory.byteLength; at += 8)
    found.push([memory.getUint32(at, true), memory.getUint32(at + 4, true)]);
  return found;
}

/** The bytes of guest memory that an import may write: [address, size]. */
const WRITES_GUEST: Readonly<Record<string, (values: readonly bigint[]) => readonly [bigint, bigint]>> = {
  copyin: ([, gpa, size]) => [gpa!, BigInt.asUintN(32, size!)],
  zero_guest: ([gpa, size]) => [gpa!, size!],
  diskread_guest: ([, , gpa, size]) => [gpa!, size!],
  file_read_guest: ([, , gpa, size]) => [gpa!, size!],
  overlay_read_guest: ([, , gpa, size]) => [gpa!, size!],
};

/** A session that calls come to. */
const SESSIONS = ["plain", "trees", "hooks", "measured"] as const;

/** One call. */
export type Call = readonly [name: string, values: readonly Value[]];

/** The imports that are called: all that the sandbox has. */
export const ATTACKED = IMPORTS;

const call: fc.Arbitrary<Call> = fc
  .constantFrom(...ATTACKED)
  .chain((entry) => fc.tuple(fc.constant(entry.name), fc.tuple(...parametersOf(entry).map(argument))));

/** Bytes for the module's memory: [where, what], so that texts, lists of buffers and paths come about. */
const content = fc.array(
  fc.tuple(
    fc.integer({ min: 0, max: 700 }),
    fc.oneof(
      fc.constantFrom("0/a", "0/d/b", "0", "..", "../../etc/passwd", "/", "lua", "\0", "disk0p2:").map(Buffer.from),
      fc
        .array(fc.integer({ min: 0, max: 300 }), { maxLength: 8 })
        .map((words) => Buffer.from(Uint32Array.from(words).buffer)),
      fc.uint8Array({ maxLength: 40 }),
    ),
  ),
  { maxLength: 6 },
);

class CountingMeter extends Meter {
  /** Burned until now. */
  units = 0;
  override call(): void {
    this.units++;
    super.call();
  }
  override work(bytes: number): void {
    this.units += Math.ceil(bytes / BYTES_PER_UNIT);
    super.work(bytes);
  }
}

const HOOKS = {
  onSetenv: (name: string) => (name.length % 3 === 0 ? { value: "x".repeat(name.length) } : undefined),
  onKernel: ({ path }: { path: string }) => (path.length % 3 === 0 ? { args: "-s" } : undefined),
  onFile: ({ size }: { size: number }) => (size % 3 === 0 ? { replace: new Uint8Array(900).fill(7) } : undefined),
  onExec: () => undefined,
};

const failing: Disk = {
  sectorSize: 512,
  size: 2 ** 43,
  read(offset, target) {
    if (offset % 3 === 1) throw new Error("medium failed");
    return target.fill(0x5a).length >>> (offset % 2);
  },
};

/** A session of its own, and its imports as a module calls them. */
export class Attacked {
  readonly memory = new WebAssembly.Memory({ initial: 1, maximum: 4 });
  readonly console = new BufferConsole();
  readonly meter: CountingMeter;
  readonly guest = new LoaderMemory(LOW, 2 ** 20);
  readonly state: SessionState;
  readonly #exports: Record<string, (...values: Value[]) => unknown>;
  readonly #close: () => void;
  /** The guest's RAM, whoever has it. */
  readonly #ram = new Uint8Array(this.guest.view(0, LOW).buffer);
  #released = false;

  private constructor(policy: SessionState["policy"], wasi: Awaited<ReturnType<typeof openTrees>> | undefined) {
    const options = sessionOptions({
      memory: { low: LOW, high: 2 ** 20 },
      env: ["a=1", `long=${"x".repeat(300)}`],
      currdev: "disk0p2:",
      map: [{ base: 0, length: LOW, type: 1 }],
      limits: LIMITS,
      disks: [new BytesDisk(new Uint8Array(10_000).fill(3)), failing],
    });
    const overlay = [
      { path: "/boot/loader.conf", content: new Uint8Array(3000).fill(9) },
      { path: "/gone", content: "absent" as const },
      { path: "/d", content: "directory" as const },
    ];
    this.meter = new CountingMeter(options.limits);
    this.meter.start({ fuelLeft: () => BigInt(LIMITS.fuel) });
    this.state = {
      options: { ...options, overlay: overlay as never },
      disks: [new BytesDisk(new Uint8Array(10_000).fill(3)), failing],
      console: this.console,
      clock: new VirtualClock(),
      onProgress: undefined,
      counts: { hostCalls: 0, diskCalls: 0, diskBytes: 0, healed: 0, consoleBytes: 0 },
      guest: this.guest,
      cpu: new CpuState(),
      calls: [],
      diagnostics: [],
      lookedAt: [],
      overlayUsed: new Set<number>(),
      meter: this.meter,
      suspension: undefined,
      policy,
    };
    const module = MODULE;
    const instance = new WebAssembly.Instance(module, makeImports(this.memory, this.state, module, wasi));
    wasi?.attach(instance);
    this.#exports = instance.exports as never;
    this.#close = () => wasi?.dispose();
  }

  static async open(kind: (typeof SESSIONS)[number]): Promise<Attacked> {
    const { limits } = sessionOptions({ limits: LIMITS });
    const policy =
      kind === "hooks"
        ? await makePolicy(new DirectAsker(HOOKS), false, limits)
        : kind === "measured"
          ? await makePolicy(undefined, true, limits)
          : undefined;
    return new Attacked(policy, kind === "trees" ? await openTrees([TREE]) : undefined);
  }

  /** Calls, and gives what came of it. Throws when anything is wrong with that. */
  call([name, values]: Call): unknown {
    const bytes = new Uint8Array(this.memory.buffer);
    const before = bytes.slice();
    const ram = this.#ram.slice();
    const { units } = this.meter;
    const shown = this.console.text.length;
    let thrown: unknown;
    let answer: unknown;
    try {
      answer = this.#exports[name]!(...values);
    } catch (error) {
      thrown = error;
    }
    if (thrown !== undefined && !(thrown instanceof Stop)) this.#isOurs(name, thrown);
    const written = this.#written(name, values, before, bytes);
    const moved = written + this.#writtenRam(name, values, ram) + this.console.text.length - shown;
    const paid = (this.meter.units - units) * BYTES_PER_UNIT;
    if (paid < BYTES_PER_UNIT || moved > paid + FREE_BYTES)
      throw new Error(`${name} moved ${moved} bytes and paid for ${paid}`);
    this.#isBounded();
    return thrown ?? answer;
  }

  /** An import fails with an error of ours, which isn't made of another one that nobody expected. */
  #isOurs(name: string, error: unknown): void {
    if (!(error instanceof UserbootError)) throw new Error(`${name} threw ${error}`, { cause: error });
    const inside = new RegExp(`^import ${name}: (.*)$`, "s").exec(error.message)?.[1];
    if (error.name === "InternalError" && inside !== undefined) throw new Error(`${name} failed inside: ${inside}`);
  }

  /** Bytes of the module's memory that changed: all of them where the call said. */
  #written(name: string, values: readonly Value[], before: Uint8Array, after: Uint8Array): number {
    if (Buffer.compare(before, after) === 0) return 0;
    const numbers = values.map((value) => Number(BigInt.asUintN(32, BigInt(value))));
    const ranges = WRITES[name]?.(numbers, new DataView(before.buffer)) ?? [];
    const changed = after.reduce((sum, byte, i) => (byte === before[i] ? sum : sum + 1), 0);
    const rest = before;
    for (const [start, size] of ranges) {
      if (start >= PAGE) continue;
      const end = Math.min(start + size, PAGE);
      rest.set(after.subarray(start, end), start);
    }
    const at = after.findIndex((byte, i) => byte !== rest[i]);
    if (at >= 0) throw new Error(`${name} wrote at ${at}: ${JSON.stringify(ranges)}`);
    return changed;
  }

  /** Bytes of guest memory that changed: all of them where the call said, and marked. */
  #writtenRam(name: string, values: readonly Value[], before: Uint8Array): number {
    const after = this.#ram;
    if (Buffer.compare(before, after) === 0) return 0;
    if (this.#released) throw new Error(`${name} wrote to memory that was given back`);
    const [gpa, size] = WRITES_GUEST[name]?.(values.map(BigInt)) ?? [0n, 0n];
    const start = Number(BigInt.asUintN(31, gpa));
    const length = BigInt.asUintN(64, size);
    const { written } = this.guest;
    let changed = 0;
    for (let i = 0, range = 0; i < LOW; i++) {
      if (before[i] === after[i]) continue;
      changed++;
      if (BigInt((i - start + ADDRESSES) % ADDRESSES) >= length) throw new Error(`${name} wrote guest memory at ${i}`);
      while (range < written.length && written[range]![1] <= i) range++;
      if ((written[range]?.[0] ?? ADDRESSES) > i)
        throw new Error(`${name} wrote at ${i} of guest memory and it isn't marked`);
    }
    return changed;
  }

  #isBounded(): void {
    const { calls, counts, diagnostics, lookedAt } = this.state;
    if (this.console.text.length > LIMITS.consoleBytes) throw new Error("more was shown than may be");
    if (counts.diskBytes > LIMITS.diskBytes + LOW) throw new Error("more was read than may be");
    for (const [name, most] of Object.entries(KEPT))
      if ((this.state[name as keyof SessionState] as unknown[]).length > most)
        throw new Error(`more ${name} than may be`);
    if (diagnostics.some((line) => line.length > 4096)) throw new Error("a diagnostic is too long");
    if (lookedAt.some(({ found, name }) => !isPrintable(name + found))) throw new Error("what was looked at acts");
    if (calls.length > 0 && calls.at(-1)!.some((part) => typeof part === "bigint"))
      throw new Error("a call is no JSON");
  }

  /** Gives guest memory back, of which nothing is left. */
  release(): void {
    this.#released = true;
    this.guest.release();
    const at = this.#ram.findIndex((byte) => byte !== 0);
    if (at >= 0) throw new Error(`guest memory that was given back holds something at ${at}`);
  }

  close(): void {
    this.#close();
  }
}

const MODULE = trampoline(1);
const TREE = {
  directories: ["d"],
  files: [
    { path: "a", content: new TextEncoder().encode("content of a") },
    { path: "d/b", content: new Uint8Array(5000).fill(0x62) },
  ],
};

function openImports(kind: (typeof SESSIONS)[number]): Opened {
  checkReleased(true);
  const calls = fc.array(call, { minLength: 1, maxLength: 25 });
  const property = fc.asyncProperty(content, calls, calls, async (placed, list, later) => {
    const session = await Attacked.open(kind);
    try {
      const bytes = new Uint8Array(session.memory.buffer);
      for (const [at, part] of placed) bytes.set(part, at);
      for (const one of list) session.call(one);
      session.release();
      for (const one of later.slice(0, 5)) session.call(one);
    } finally {
      session.close();
    }
  });
  return { property };
}

export const importTargets: readonly HostTarget[] = SESSIONS.map((kind) => ({
  name: `host/imports-${kind}`,
  runs: kind === "trees" ? 60 : 150,
  open: () => openImports(kind),
}));
