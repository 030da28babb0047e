// Which FreeBSD's loader is emulated: what the caller may say, and what the core found (boot/detection.ts there).

import { OptionError } from "./errors.js";

/** A release whose loader differs from those before: 12 is 12.1 and all before it, 15 is 15, 16 and what follows. */
export type Generation = 12 | 13 | 14 | 15;
/** All of them. */
export const GENERATIONS: readonly Generation[] = [12, 13, 14, 15];

/** What tells the generation: one of the guest's files, the caller, or nothing. */
export type ProfileMark = "nothing" | "the caller" | "/bin/freebsd-version" | "/boot/kernel/linker.hints" | "/boot/lua";
/** All of them, by the core's numbers for them. */
export const PROFILE_MARKS: readonly ProfileMark[] = [
  "nothing",
  "the caller",
  "/bin/freebsd-version",
  "/boot/kernel/linker.hints",
  "/boot/lua",
];

/** The loader that was emulated. */
export interface ProfileFacts {
  /** Whose it was. */
  generation: Generation;
  /** The guest's file that told, `the caller`, or `nothing`: 12, then. */
  from: ProfileMark;
  /** The guest's release, such as `14.1`, where the file has it. */
  release?: string;
}

/**
 * The generation of the option `profile`; undefined when it is to be found.
 * @throws OptionError
 */
export function wantedProfile(profile: Generation | "auto"): Generation | undefined {
  if (profile === "auto") return undefined;
  if (GENERATIONS.includes(profile)) return profile;
  throw new OptionError(`unknown profile "${String(profile)}" (there are ${GENERATIONS.join(", ")} and auto)`);
}

/** What the core's number of 64 bits says; undefined when it says nothing that can be. */
export function decodeProfile(facts: bigint): ProfileFacts | undefined {
  const [number, mark, release] = [0, 16, 32].map((shift) => Number((facts >> BigInt(shift)) & 0xffffn));
  const generation = GENERATIONS.find((one) => one === number);
  const from = PROFILE_MARKS[mark!];
  if (generation === undefined || from === undefined) return undefined;
  return { generation, from, ...(release ? { release: `${Math.floor(release / 100)}.${release % 100}` } : {}) };
}
