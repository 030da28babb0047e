// A virtual machine as a process: started with the terminal, followed over its control channel, ended when this program
// is. With KVM its stderr is read, too: what QEMU prints when KVM fails is then told in one line.

import { type ChildProcess, spawn } from "node:child_process";
import { constants as system } from "node:os";
import type { Duplex, Readable } from "node:stream";
import { HandoffError } from "../errors.js";
import { CONTROL_FD, type GuestEnd, type Vmm } from "../handoff/vmm.js";
import { takeOn } from "./ending.js";
import { isLogging, log } from "./log.js";
import { stty } from "./stty.js";

/** A process ended by a signal has this plus the signal's number as its status. */
const STATUS_SIGNALLED = 128;
/** Most of stderr that is held back. */
const HELD_MAX = 64 * 1024;
/** How QEMU begins to tell that KVM can't go on; registers and code follow. */
const KVM_FAILED = /^(KVM internal error|KVM: entry failed|error: kvm run failed)/;

/** What is to be started. */
export interface MachineStart {
  vmm: Vmm;
  /** Full path of the program, and its arguments. */
  program: string;
  args: readonly string[];
  /** Whether the user starts the guest himself. */
  held: boolean;
  /** Where the guest's console goes. */
  console: "stdout" | "stderr";
  /** Whether KVM is used, so that its failure is looked for. */
  kvm: boolean;
}

/** How it ended. */
export interface MachineEnd {
  status: number;
  /** The signal that ended it, when we didn't tell it to end. */
  signal: NodeJS.Signals | undefined;
  end: GuestEnd | undefined;
  /** With KVM: the line in which QEMU told that KVM failed. */
  kvmFault: string | undefined;
}

/** Starts a machine and waits for its end. It is told to end when we are, and is ended when it doesn't. */
export async function runMachine(start: MachineStart): Promise<MachineEnd> {
  const settings = process.stdin.isTTY ? stty(0, "-g") : undefined;
  const stderr = start.kvm || isLogging() ? "pipe" : "inherit";
  const child = spawn(start.program, start.args, {
    stdio: ["inherit", start.console === "stdout" ? 1 : 2, stderr, "pipe"],
  });
  let told = false;
  const release = takeOn({
    end(signal) {
      told = true;
      child.kill(signal);
    },
    clean() {
      child.kill("SIGKILL");
      // A monitor that was ended leaves the terminal as it had it.
      if (settings !== undefined) stty(0, settings);
    },
  });
  try {
    const control = child.stdio[CONTROL_FD] as Duplex;
    // A monitor that ends with something unread resets the connection.
    control.on("error", () => {});
    const watch = start.vmm.watch((text) => control.write(text), start.held);
    control.setEncoding("utf8");
    const held = child.stderr === null ? undefined : new HeldErrors(child.stderr);
    if (!start.kvm) held?.pass();
    control.on("data", (text: string) => {
      watch.receive(text);
      if (watch.started) held?.pass();
    });
    const { status, signal } = await ended(child);
    const { end, started, refused } = watch;
    const itself = told ? undefined : signal;
    const isBroken = end === "broken" || (!started && !told && status !== 0);
    const kvmFault =
      held && start.kvm && isBroken ? held.kvmFault(end === "broken" ? "internal error" : itself) : undefined;
    if (kvmFault === undefined) held?.passAll();
    if (kvmFault === undefined && refused !== undefined && !told) throw unstarted(refused);
    return { status: status ?? STATUS_SIGNALLED + system.signals[signal!], signal: itself, end, kvmFault };
  } finally {
    release();
  }
}

/** Waits until the process has ended and everything that it said has been read. */
function ended(child: ChildProcess): Promise<{ status: number | null; signal: NodeJS.Signals | undefined }> {
  return new Promise((resolve, reject) => {
    child.once("error", (error) => reject(unstarted(error.message)));
    child.once("close", (status: number | null, signal: NodeJS.Signals | null) =>
      resolve({ status, signal: signal ?? undefined }),
    );
  });
}

function unstarted(why: string): HandoffError {
  return new HandoffError(`the virtual machine can't be started: ${why}`);
}

/** What a monitor prints on stderr: held back until the guest runs, and again when KVM is said to fail. */
class HeldErrors {
  #lines: string[] = [];
  #size = 0;
  #rest = "";
  #passing = false;

  constructor(stream: Readable) {
    stream.setEncoding("latin1");
    stream.on("data", (text: string) => this.#take(text));
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop()!.slice(-HELD_MAX);
    for (const line of lines) {
      if (KVM_FAILED.test(line)) this.#passing = false;
      if (this.#passing) write(line, "\n");
      else if (this.#size + line.length <= HELD_MAX) {
        this.#lines.push(line);
        this.#size += line.length;
      }
    }
  }

  /** The guest runs: what was held were warnings. A failure that is being told stays. */
  pass(): void {
    if (this.#passing || this.#lines.some((line) => KVM_FAILED.test(line))) return;
    this.#passing = true;
    this.#flush();
  }

  passAll(): void {
    this.#flush();
    if (this.#rest !== "") write(this.#rest);
  }

  #flush(): void {
    for (const line of this.#lines) write(line, "\n");
    this.#lines = [];
    this.#size = 0;
  }

  /** The line that says what failed, if that was KVM; `otherwise` when nothing was said. */
  kvmFault(otherwise: string | undefined): string | undefined {
    const lines = [...this.#lines, this.#rest];
    return lines.find((line) => KVM_FAILED.test(line)) ?? lines.find((line) => /kvm/i.test(line)) ?? otherwise;
  }
}

function write(line: string, end = ""): void {
  if (isLogging()) log("monitor", { message: line.trimEnd() });
  else process.stderr.write(Buffer.from(line + end, "latin1"));
}
