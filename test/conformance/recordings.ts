// Where the recordings of the reference are, and their files as types (see the READMEs beside them). They are
// not part of this repository: without them there is nothing to replay.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, parse, resolve } from "node:path";
import { gunzipSync } from "node:zlib";
import { type BootOptions, BytesDisk, type DiskSource, type Flavour } from "userboot-wasm";
import { LIMITS } from "./outcome.js";

/** Text to type, or a pause. */
export type KeyEntry = string | { wait_s: number };

export interface Range {
  gpa: string;
  length: number;
  sha256: string;
}

export interface MetadataRecord {
  gpa: string;
  type: number;
  size: number;
  name: string;
  value?: string | { base: string; length: string; type: number }[];
  hex?: string;
  sha256?: string;
}

export type RecordedCall = [string, ...(string | number)[]];

/** What is recorded of how a run ended. */
export interface Exit {
  kind: "exec" | "exit" | "input-exhausted" | "swap-unavailable" | "crash" | "hang";
  arch?: string;
  code?: number;
}

export interface Unstable {
  why: string;
  fields: string[];
}

/** A file of `boot/expected` or `boot/expected-simp`. */
export interface BootRun {
  guest: string;
  run: string;
  flavour: Flavour;
  memory_mib: number;
  host_env: string[];
  keys: KeyEntry[];
  disks?: number[];
  interface_version?: 3 | 4 | 5;
  variant?: string;
  exit: Exit;
  swap_requests: { request?: string; length: number; sha256: string }[];
  final_flavour: string | null;
  calls: RecordedCall[];
  registers?: Record<string, unknown>;
  boot_stack?: Record<string, string | string[]>;
  modulep?: Range & { records: MetadataRecord[] };
  env?: Range & { vars: string[] };
  memory: { ranges: Range[]; undefined: Range[]; efault_writes: number; regions?: (Range & { region: string })[] };
  console: { clean: string };
  unstable?: Unstable[];
}

/** A file of `boot/commands` or `boot/commands-simp`. */
export interface PromptSession {
  session: string;
  flavour: Flavour;
  disks: string[];
  memory_mib: number;
  host_env: string[];
  interface_version?: 3 | 4 | 5;
  exit: Exit;
  banner: string;
  steps: { keys: string | KeyEntry[]; output: string }[];
  exec?: {
    calls: RecordedCall[];
    boot_stack: Record<string, string | string[]>;
    modulep: MetadataRecord[];
    env: string[];
  };
  unstable?: Unstable[];
}

/** A line of the files in `random`. */
export interface RandomSession {
  id: string;
  flavour: Flavour;
  /** Guests, and which of their images. */
  disks: [string, number][];
  interface_version: 3 | 4 | 5;
  memory_mib: number;
  host_env: string[];
  keys: string;
  exit: { kind: string; code: number };
  console: string;
  calls?: RecordedCall[];
  memory?: Range[];
}

export interface GuestDescription {
  file_system: string;
  images: { file: string; disk: number }[];
  runs: { expected: string; disks: number[] }[];
}

export interface InterpLine {
  line: string;
  out: string;
  prompt?: string | null;
  echo?: string;
  keys?: string;
  wait?: number;
  delayBefore?: number;
  end?: string;
  panic?: boolean;
  thenKey?: string;
  thenOut?: string;
  crash?: boolean;
  hang?: boolean;
  volatile?: boolean;
  undefined?: boolean;
}

export interface InterpSession {
  title: string;
  fs?: string;
  disk?: string;
  env: string[];
  start: string;
  startPrompt?: string | null;
  startKeys?: string;
  startKeysWait?: number;
  startVolatile?: boolean;
  startEnd?: string;
  lines: InterpLine[];
}

/** A file of `interp/forth` or `interp/lua`. */
export interface InterpTopic {
  topic: string;
  flavour: Flavour;
  sessions: InterpSession[];
}

/** The directory of the recordings: $USERBOOT_CONFORMANCE, or `shared/conformance` beside this checkout or above. */
export function findRecordings(root: string): string | undefined {
  const given = process.env.USERBOOT_CONFORMANCE;
  if (given) return existsSync(join(given, "boot")) ? resolve(given) : undefined;
  let at = resolve(root);
  while (at !== parse(at).root) {
    at = dirname(at);
    const found = join(at, "shared", "conformance");
    if (existsSync(join(found, "boot"))) return found;
  }
  return undefined;
}

/** The options with which what is recorded is booted here. */
export function recordedOptions({
  memory_mib,
  host_env,
  flavour,
  interface_version = 5,
}: Pick<BootRun, "memory_mib" | "host_env" | "flavour" | "interface_version">): BootOptions {
  return {
    memory: memory_mib * 1024 * 1024,
    env: host_env,
    start: flavour,
    interfaceVersion: interface_version,
    clock: "virtual",
    isolation: "none",
    limits: LIMITS,
  };
}

/** Names of the JSON files in `directory`, without the extension, sorted. */
export function recordingNames(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith(".json"))
    .map((name) => name.slice(0, -".json".length))
    .sort();
}

export function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(path, "utf8")) as T;
}

/** Unpacked images; the last few are kept, as neighbouring runs share them. */
const unpacked = new Map<string, Uint8Array>();
const UNPACKED_MAX = 6;

export function unpackImage(path: string): Uint8Array {
  let image = unpacked.get(path);
  if (image === undefined) {
    image = gunzipSync(readFileSync(path));
    if (unpacked.size >= UNPACKED_MAX) unpacked.delete(unpacked.keys().next().value as string);
    unpacked.set(path, image);
  }
  return image;
}

/** The description of a guest, and its images by disk number. */
export function readGuest(
  root: string,
  name: string,
): { description: GuestDescription; image(disk: number): DiskSource } {
  const directory = join(root, "boot", "guests", name);
  const description = readJson<GuestDescription>(join(directory, "guest.json"));
  return {
    description,
    image(disk) {
      const found = description.images.find((image) => image.disk === disk);
      if (found === undefined) throw new Error(`guest ${name} has no image of disk ${disk}`);
      const image = unpackImage(join(directory, found.file));
      // As an image that is refused: nobody has it on purpose.
      return image.length > 0 ? image : new BytesDisk(image);
    },
  };
}
