// What this process holds: to see that sessions leave nothing of it behind.

import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const resources = (name: string) => process.getActiveResourcesInfo().filter((one) => one === name).length;

/** Open files of this process; 0 where the system doesn't tell. */
export function openFiles(): number {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return 0;
  }
}

/**
 * What this process has open, by the system's names: files by their paths, sockets by numbers that aren't used again. Other
 * threads open things meanwhile, and a thread's event loop keeps a descriptor from its first stream on: look for your own.
 */
export function openNames(): string[] {
  try {
    return readdirSync("/proc/self/fd").flatMap((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return []; // Closed since, as is the one of the directory.
      }
    });
  } catch {
    return [];
  }
}

/** Worker threads that this one has started and that are still there. */
export const threads = (): number => resources("Worker");

/**
 * The ids of the processes that this one, or another, has started and that are still there; undefined where the system
 * doesn't tell.
 */
export function children(of: number | "self" = "self"): number[] | undefined {
  try {
    return readdirSync(`/proc/${of}/task`).flatMap((task) =>
      readFileSync(`/proc/${of}/task/${task}/children`, "latin1").split(" ").filter(Boolean).map(Number),
    );
  } catch {
    return undefined;
  }
}

/** Kills processes; one that has ended by then is none any more. */
export function killAll(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
}

/** Bytes that they, and those that they have started, have read so far, of files and pipes; as Linux counts it. */
export function bytesRead(of: number | "self" = "self"): number {
  return (children(of) ?? []).reduce((sum, child) => sum + readOf(child) + bytesRead(child), 0);
}

/** The same of one that may have ended. */
function readOf(process: number): number {
  try {
    return Number(/^rchar: (\d+)$/m.exec(readFileSync(`/proc/${process}/io`, "latin1"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

/** How many they are, as far as Node knows where the system doesn't tell. */
export const processes = (): number => children()?.length ?? resources("ProcessWrap");

/** Collects garbage, as a process under load would. */
export const collect = (): void => {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
};
