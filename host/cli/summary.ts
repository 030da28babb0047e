// A boot in one line: what --summary prints, and the event `end` of --log json.

import type { BootResult } from "../result.js";
import { EXIT_REBOOT } from "../state.js";
import { STATUS_FAILED, STATUS_REBOOT, STATUS_USAGE } from "./statuses.js";

/** What becomes of a boot as an exit status. */
export function statusOf({ reason, error, exitCode }: BootResult): number {
  if (reason === "exec") return 0;
  if (error?.name === "OptionError") return STATUS_USAGE;
  return reason === "exit" && exitCode === EXIT_REBOOT ? STATUS_REBOOT : STATUS_FAILED;
}

/** What ran and was loaded, bytes read from disks, milliseconds, and how it ended. */
export function summaryOf(result: BootResult): Record<string, string | number> {
  const { flavour, modules, disk, timeMs, reason } = result;
  const [kernel, ...others] = modules;
  return {
    interpreter: flavour,
    ...(kernel !== undefined && { kernel: kernel.name }),
    modules: others.length,
    bytes: disk.bytes,
    ms: Math.round(timeMs.total),
    exit: reason,
    status: statusOf(result),
  };
}

/** The same as words of `name=value`; a value that isn't plain is in quotes. */
export function summaryLine(result: BootResult): string {
  const word = (value: string | number) => (/^[\w./:@+-]*$/.test(`${value}`) ? value : JSON.stringify(value));
  return Object.entries(summaryOf(result))
    .map(([name, value]) => `${name}=${word(value)}`)
    .join(" ");
}
