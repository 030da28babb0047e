// QEMU's control channel (QMP: https://www.qemu.org/docs/master/interop/qmp-spec.html), as far as `userboot run` needs
// it: a guest that stands still is started, and why it stopped is told. The exit status of QEMU doesn't say: it is 0
// after a reset and after a power-off alike.

import type { GuestEnd, VmmWatch } from "./vmm.js";

/** Longest line that is kept; QEMU's own are below 1 KiB. */
const LINE_MAX = 64 * 1024;

/** Reasons of the event SHUTDOWN; all others are the user's or the host's, and count as turned off. */
const ENDS: ReadonlyMap<unknown, GuestEnd> = new Map([
  ["guest-reset", "reset"],
  // The user typed system_reset in the monitor.
  ["host-qmp-system-reset", "reset"],
  ["guest-panic", "panic"],
]);
/** The state in which QEMU leaves a guest that KVM can't go on with. */
const INTERNAL_ERROR = "internal-error";

interface Message {
  QMP?: unknown;
  event?: string;
  data?: { reason?: string };
  return?: { status?: string };
  error?: { desc?: string };
}

/** Follows one QEMU. */
export class QmpWatch implements VmmWatch {
  #rest = "";
  #started = false;
  #end: GuestEnd | undefined;
  #refused: string | undefined;

  constructor(
    private readonly send: (text: string) => void,
    private readonly held: boolean,
  ) {}

  get started(): boolean {
    return this.#started;
  }

  get end(): GuestEnd | undefined {
    return this.#end;
  }

  get refused(): string | undefined {
    return this.#refused;
  }

  receive(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop()!.slice(-LINE_MAX);
    for (const line of lines) {
      const message = parse(line);
      if (message !== undefined) this.#take(message);
    }
  }

  #take(message: Message): void {
    if (message.QMP !== undefined) {
      this.#command("qmp_capabilities");
      if (!this.held) this.#command("cont");
    } else if (message.event === "RESUME") {
      this.#started = true;
    } else if (message.event === "STOP") {
      this.#command("query-status");
    } else if (message.event === "SHUTDOWN") {
      this.#end ??= ENDS.get(message.data?.reason) ?? "off";
    } else if (message.return?.status === INTERNAL_ERROR) {
      this.#end ??= "broken";
      this.#command("quit");
    } else if (message.error !== undefined) {
      this.#refused ??= String(message.error.desc);
      this.#command("quit");
    }
  }

  #command(name: string): void {
    this.send(`{"execute":"${name}"}\n`);
  }
}

/** A line's object; undefined when it is none, as what isn't QEMU may say. */
function parse(line: string): Message | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
