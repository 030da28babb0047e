// Starts the processes of sessions: one for a session that is there, or one ahead of it, which gets ready while its caller
// does so, too.

import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readdirSync, readFileSync } from "node:fs";
import { devNull } from "node:os";
import type { FileDisk } from "../disks/file.js";
import { openImages } from "../disks/open.js";
import type { SentImage } from "../disks/source.js";
import type { Confine } from "../options.js";
import { findBwrap, type ProcessLimits, processCommand } from "./confine.js";
import { FIRST_IMAGE_FD } from "./link.js";

/** The program of a session's process, and of one that looks into images: entry.ts and inspect_entry.ts, each as one file. */
export const PROGRAM = new URL("../programs/boot_process.cjs", import.meta.url);
export const INSPECT_PROGRAM = new URL("../programs/inspect_process.cjs", import.meta.url);

/** Starts `program` with what a session's process has: a socket and `images`, open files. */
export function startProcess(
  program: URL,
  limits: ProcessLimits,
  bwrap: string | undefined,
  images: readonly number[],
): ChildProcess {
  const command = processCommand(program, limits, bwrap);
  const stdio: ("ignore" | "pipe" | number)[] = ["ignore", "ignore", "pipe", "pipe", ...images];
  // What this process got from its own parent, or opened for its children, is none of a session's business.
  const nothing = openSync(devNull, "r");
  try {
    for (const fd of inheritable()) {
      while (stdio.length < fd) stdio.push("ignore");
      if (fd >= FIRST_IMAGE_FD + images.length) stdio[fd] = nothing;
    }
    return spawn(command.program, command.args, { env: {}, cwd: "/", stdio, detached: true, windowsHide: true });
  } finally {
    closeSync(nothing);
  }
}

/** Linux tells of an open file whether it closes at the start of a program; as it writes it, octal. */
const CLOSE_ON_EXEC = 0o2000000;

/** Open descriptors that a child would get besides those it is given, as far as the system tells. */
function inheritable(): number[] {
  const directory = "/proc/self/fdinfo";
  if (process.platform !== "linux") return [];
  return readdirSync(directory)
    .map(Number)
    .filter((fd) => {
      try {
        const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`${directory}/${fd}`, "latin1"))?.[1];
        return fd >= FIRST_IMAGE_FD && (Number.parseInt(flags ?? "0", 8) & CLOSE_ON_EXEC) === 0;
      } catch (error) {
        // The one of the directory itself, closed again.
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
        throw error;
      }
    });
}

/** Whether `child` is there, as far as this process has heard; its number may be another's afterwards. */
export function isRunning({ pid, exitCode, signalCode }: ChildProcess): boolean {
  return pid !== undefined && exitCode === null && signalCode === null;
}

/**
 * Ends `child` and those it stands for or has started: bubblewrap that is killed while it makes its process leaves that
 * behind.
 */
export function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(process.platform === "win32" ? pid : -pid, "SIGKILL");
  } catch {
    // There is nobody left.
  }
}

/** How long bubblewrap may take to end after its process. */
const BWRAP_END_MS = 200;

/**
 * Ends `child`. Of bubblewrap, which is `confined`, its process goes first: then it is bubblewrap that takes note of that one's
 * end. Otherwise the system's first process would have to, which in containers may not.
 */
export function endProcess(child: ChildProcess, confined: boolean): void {
  const held = confined && child.pid !== undefined ? childrenOf(child.pid) : [];
  for (const pid of held) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has ended by itself.
    }
  }
  if (held.length === 0) {
    killGroup(child);
    return;
  }
  const timer = setTimeout(() => killGroup(child), BWRAP_END_MS);
  child.once("exit", () => clearTimeout(timer));
}

/** The numbers of a process's children, where the system tells. */
function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").split(" ").filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/** A process that waits for its session, with the images that it has open. */
export interface Spare {
  child: ChildProcess;
  files: FileDisk[];
}

/** What it was started for. */
interface Purpose {
  program: URL;
  confine: Confine;
  paths: string;
  limits: ProcessLimits;
}

let spare: (Spare & Purpose) | undefined;

/**
 * Starts a process for the session to come, which will have these image files as its disks. It does not keep the caller's
 * process alive. When something isn't right with them, nothing is started: the session will say what.
 */
export function startSpareProcess(
  paths: readonly string[],
  confine: Confine,
  limits: ProcessLimits,
  program = PROGRAM,
): void {
  dropSpare();
  const files: FileDisk[] = [];
  try {
    openImages(paths.map(plain), files);
    const child = startProcess(
      program,
      limits,
      findBwrap(confine),
      files.map(({ fd }) => fd),
    );
    child.unref();
    for (const stream of child.stdio) (stream as { unref?(): void } | null)?.unref?.();
    // Whoever takes it looks whether it is there.
    child.once("error", () => {});
    spare = { child, files, confine, limits, program, paths: JSON.stringify(paths) };
  } catch {
    for (const file of files) file.close();
  }
}

const plain = (image: string): SentImage => ({ image });

/** The process that was started ahead, for a session that is what it was started for. Any other is ended. */
export function takeSpare(
  disks: readonly SentImage[],
  confine: Confine,
  { memory, cpuS }: ProcessLimits,
  program: URL,
): Spare | undefined {
  if (spare === undefined) return undefined;
  const { child, limits } = spare;
  const paths = JSON.stringify(
    disks.map(({ image, sectorSize, fd, served }) =>
      sectorSize === undefined && fd === undefined && served === undefined ? image : undefined,
    ),
  );
  const fits = paths === spare.paths && confine === spare.confine && program === spare.program;
  if (!fits || memory !== limits.memory || cpuS !== limits.cpuS || !isRunning(child)) {
    dropSpare();
    return undefined;
  }
  const taken = spare;
  spare = undefined;
  child.ref();
  for (const stream of child.stdio) (stream as { ref?(): void } | null)?.ref?.();
  return taken;
}

/** Ends the process that was started ahead, if there is one: no session will want it. */
export function dropSpare(): void {
  if (spare === undefined) return;
  const { child, files } = spare;
  spare = undefined;
  if (isRunning(child)) killGroup(child);
  for (const stream of child.stdio) stream?.destroy();
  for (const file of files) file.close();
}
