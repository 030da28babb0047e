// Hostile sessions at random: guests that go on for ever, damaged images, failing media, hooks that refuse; in all
// isolations; ended by limits, errors, aborts and kills.

import {
  type BootHooks,
  type BootOptions,
  type Disk,
  type DiskSource,
  type Flavour,
  type Isolation,
  KeysConsole,
  type Limits,
} from "userboot-wasm";
import { ENDLESS, ENDLESS_FORTH } from "../safety/endless_guests.js";
import { ENDLESS_LUA } from "../safety/endless_lua.js";
import { FLAVOURS } from "../support/flavours.js";
import { GUESTS, guestImage } from "../support/guests.js";
import { bytesOf } from "../support/sparse_disk.js";

const MIB = 1024 * 1024;

/** A generator of numbers (xorshift), so that a run can be had again from its seed. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0 || 1;
  }

  /** A whole number from 0 up to `most`, without it. */
  below(most: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % most;
  }

  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }
}

/** A session, and how it may end. */
export interface Hostile {
  name: string;
  options: BootOptions;
  /** Names of errors that `boot` may reject with. */
  rejects: readonly string[];
  /** Milliseconds after which somebody ends it from outside. */
  abortMs?: number;
  killMs?: number;
}

const OWN = Object.values(GUESTS).map(guestImage);
const ENDLESS_OF: Record<Flavour, Record<string, () => Disk>> = {
  simp: ENDLESS,
  "4th": ENDLESS_FORTH,
  lua: ENDLESS_LUA,
};
/** Keys that use most of what reads the disk. */
const BUSY = [
  " ",
  "lsdev -v\rls -l /boot\rload /boot/kernel/kernel\rload -t raw /boot/kernel/kernel\rlsmod -v\rboot\r",
];

/** The next hostile session of `random`. */
export function hostile(random: Random): Hostile {
  const isolation: Isolation = random.of(["none", "none", "none", "thread", "process"]);
  const [name, source] = guest(random);
  const session: Hostile = {
    name: `${isolation} ${name}`,
    rejects: [],
    options: {
      disks: [isolation === "none" ? failing(random, source) : source instanceof Uint8Array ? source : bytesOf(source)],
      start: startFor(name, random),
      interfaceVersion: random.of([4, 5] as const),
      memory: random.of([1, 16, 32, 64]) * MIB,
      clock: random.of(["virtual", "virtual", "real"] as const),
      limits: limits(random),
      isolation,
      measure: random.chance(10),
      ...(random.chance(60) ? { console: new KeysConsole(random.chance(50) ? BUSY : ["\r"]) } : {}),
    },
  };
  if (random.chance(15)) {
    session.options.hooks = hooks(random);
    session.rejects = ["PolicyFileError"];
  }
  if (random.chance(10))
    session.options.hostTrees = [{ "boot/loader.rc": new Uint8Array(random.below(5000)).fill(0x61) }];
  if (isolation !== "none" && random.chance(35)) {
    session.abortMs = random.below(250);
    session.rejects = [...session.rejects, "AbortedError"];
  }
  if (isolation === "process" && random.chance(35)) {
    session.killMs = random.below(250);
    session.rejects = [...session.rejects, "IsolationError"];
  }
  return session;
}

function guest(random: Random): [name: string, source: Uint8Array | Disk] {
  if (random.chance(40)) {
    const flavour = random.of(FLAVOURS);
    const name = random.of(Object.keys(ENDLESS_OF[flavour]));
    return [`${flavour}: ${name}`, ENDLESS_OF[flavour][name]!()];
  }
  const own = random.of(OWN);
  if (random.chance(20)) return ["own guest", own];
  const damaged = own.slice(0, random.chance(20) ? random.below(own.length) + 1 : own.length);
  for (let count = random.below(24); count >= 0; count--) {
    let at = random.below(Math.min(damaged.length, random.chance(50) ? 128 * 1024 : damaged.length));
    for (let tries = 0; tries < 4096 && damaged[at] === 0; tries++) at = (at + 1) % damaged.length;
    damaged.fill(random.of([0, 1, 0x7f, 0x80, 0xff, random.below(256)]), at, at + random.of([1, 1, 4, 8]));
  }
  return ["damaged guest", damaged];
}

function startFor(name: string, random: Random): Flavour {
  const wanted = name.split(":")[0];
  return FLAVOURS.find((flavour) => flavour === wanted) ?? random.of(FLAVOURS);
}

function limits(random: Random): Partial<Limits> {
  const chosen: Partial<Limits> = { wallMs: 20 + random.below(400), moduleMemory: (1 + random.below(16)) * MIB };
  if (random.chance(30)) chosen.fuel = random.below(50_000_000);
  if (random.chance(20)) chosen.diskBytes = random.below(30 * MIB);
  if (random.chance(20)) chosen.consoleBytes = random.below(5000);
  if (random.chance(20)) chosen.swaps = random.below(3);
  return chosen;
}

function hooks(random: Random): BootHooks {
  /** Says nothing, refuses, or breaks. */
  const verdict = () => {
    if (random.chance(2)) throw new Error("broken hook");
    return random.chance(5) ? { deny: "at random" } : undefined;
  };
  return { onFile: verdict, onSetenv: verdict, onKernel: verdict, onExec: verdict };
}

/** A disk that fails somewhere, in the middle of a read too. */
function failing(random: Random, source: Uint8Array | Disk): DiskSource {
  if (!random.chance(50)) return source;
  const good = random.below(200);
  let reads = 0;
  const read = (offset: number, target: Uint8Array) => {
    if (source instanceof Uint8Array) {
      target.set(source.subarray(offset, offset + target.length));
      return Math.min(target.length, Math.max(0, source.length - offset));
    }
    return source.read(offset, target);
  };
  return {
    sectorSize: 512,
    size: source instanceof Uint8Array ? source.length : source.size,
    read(offset, target) {
      if (++reads <= good) return read(offset, target);
      read(offset, target.subarray(0, random.below(target.length + 1)));
      throw new Error("medium failed");
    },
  };
}
