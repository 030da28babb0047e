// userboot-bhyve with the double of libvmmapi (test/handoff/bhyve/double.c), compiled with strict warnings and sanitizers for
// each of the two forms that libvmmapi has had, and what it did: calls and guest memory.

import { spawnSync } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { inRepository } from "./repository.js";
import type { Scratch } from "./scratch.js";

/** Releases whose libvmmapi is compiled against, as __FreeBSD_version. */
export const RELEASES = { "12.1": 1201000, "14": 1400097 } as const;
/** One of them. */
export type Release = keyof typeof RELEASES;

/** The compiler. There are suites without it, which say so. */
export const COMPILER = "gcc";

const FLAGS = [
  ...["-std=c11", "-D_GNU_SOURCE", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wsign-conversion"],
  ...["-Wshadow", "-Wcast-qual", "-Wstrict-prototypes", "-Wmissing-prototypes", "-Wpointer-arith", "-Wwrite-strings"],
  ...["-Wundef", "-Wformat=2", "-Wvla"],
];
/** For programs that are run: what is wrong with memory or numbers ends them. */
const SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
const DOUBLE = inRepository("test/handoff/bhyve/double.c");
const SOURCES = [inRepository("handoff/bhyve/userboot-bhyve.c"), DOUBLE];
/** It includes the program's source. */
const FUZZER_SOURCES = [inRepository("test/handoff/bhyve/fuzz.c"), DOUBLE];
const HEADERS = ["-I", inRepository("test/handoff/bhyve/include")];

/** Whether `program` is in PATH. */
export function isThere(program: string): boolean {
  return (process.env.PATH ?? "").split(":").some((directory) => existsSync(join(directory, program)));
}

/** What `compiler` says of the sources for a release: nothing. */
export function complaints(compiler: string, release: Release): string {
  const words = [...FLAGS, `-D__FreeBSD_version=${RELEASES[release]}`, ...HEADERS, "-fsyntax-only", ...SOURCES];
  return spawnSync(compiler, words, { encoding: "utf8" }).stderr;
}

/** Compiles the program for a release into `scratch`; its path. */
export function compileDouble(scratch: Scratch, release: Release): string {
  const path = join(scratch.path, `userboot-bhyve-${release}`);
  compile(COMPILER, [...SANITIZERS, `-D__FreeBSD_version=${RELEASES[release]}`, ...HEADERS, "-o", path, ...SOURCES]);
  return path;
}

/** Why no target of libFuzzer can be made here: there is no clang, or not its library. */
export function noFuzzer(scratch: Scratch): string | undefined {
  const source = scratch.file("empty.c", "int LLVMFuzzerTestOneInput(void) { return 0; }\n");
  const words = ["-fsanitize=fuzzer,address,undefined", "-o", join(scratch.path, "empty"), source];
  const { status, error } = spawnSync("clang", words);
  if (error !== undefined) return "no clang";
  return status === 0 ? undefined : "clang without libFuzzer (Debian: libclang-rt-14-dev)";
}

/** Compiles the target of libFuzzer for a release into `scratch`; its path. */
export function compileFuzzer(scratch: Scratch, release: Release): string {
  const path = join(scratch.path, `fuzz-${release}`);
  const sanitizers = [...SANITIZERS, "-fsanitize=fuzzer", `-D__FreeBSD_version=${RELEASES[release]}`];
  compile("clang", [...sanitizers, ...HEADERS, "-o", path, ...FUZZER_SOURCES]);
  return path;
}

function compile(compiler: string, words: readonly string[]): void {
  const { status, stderr } = spawnSync(compiler, [...FLAGS, ...words], { encoding: "utf8" });
  if (status !== 0) throw new Error(`${compiler}: ${stderr}`);
}

/** What a run did. */
export interface DoubleRun {
  status: number | null;
  stderr: string;
  /** Each call, with its arguments, in order. */
  calls: string[];
  /** Pages that aren't zero, by address. */
  memory: Map<number, Buffer>;
}

const PAGE = 4096;

/** Where the double is told to write. */
export const doubleFiles = (scratch: Scratch) => ({
  DOUBLE_CALLS: join(scratch.path, "calls"),
  DOUBLE_MEMORY: join(scratch.path, "memory"),
});

/** What the last run wrote there. */
export function whatItDid(scratch: Scratch): Pick<DoubleRun, "calls" | "memory"> {
  const { DOUBLE_CALLS, DOUBLE_MEMORY } = doubleFiles(scratch);
  const read = (path: string) => (existsSync(path) ? readFileSync(path) : Buffer.alloc(0));
  const dump = read(DOUBLE_MEMORY);
  const memory = new Map<number, Buffer>();
  for (let at = 0; at < dump.length; at += 8 + PAGE)
    memory.set(Number(dump.readBigUInt64LE(at)), dump.subarray(at + 8, at + 8 + PAGE));
  return { calls: read(DOUBLE_CALLS).toString("utf8").split("\n").slice(0, -1), memory };
}

/** Runs it on a machine file. */
export function runDouble(
  scratch: Scratch,
  program: string,
  args: readonly string[],
  machine: Uint8Array,
  environment: Record<string, string> = {},
): DoubleRun {
  const files = doubleFiles(scratch);
  for (const path of Object.values(files)) rmSync(path, { force: true });
  // A file, as only that tells how much of it was read.
  const input = openSync(scratch.file("machine", machine), "r");
  const env = { ...process.env, ...files, ...environment };
  const { status, stderr } = spawnSync(program, args, { stdio: [input, "pipe", "pipe"], encoding: "utf8", env });
  closeSync(input);
  return { status, stderr, ...whatItDid(scratch) };
}
