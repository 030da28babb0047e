// A program that takes a machine on its standard input. It is started before there is one.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { complain } from "./complain.js";
import { takeOn } from "./ending.js";
import { STATUS_FAILED } from "./statuses.js";

/** The program while it waits for the machine, and until it has it. */
export class Handoff implements Disposable {
  readonly #child: ChildProcess;
  readonly #gone = new AbortController();
  readonly #over: Promise<void>;
  readonly #layDown: () => void;
  #ended: number | undefined;

  /** Starts `program`, whose messages are seen. */
  constructor(program: string, args: readonly string[]) {
    const child = spawn(program, args, { stdio: ["pipe", "inherit", "inherit"] });
    this.#child = child;
    // A program that ends with something unread: its status tells.
    child.stdin.on("error", () => {});
    this.#over = new Promise((resolve) => {
      const end = (status: number) => {
        this.#ended ??= status;
        this.#gone.abort("the program that takes the machine has ended");
        resolve();
      };
      child.once("error", (error) => {
        complain(`${program} can't be started: ${error.message}`);
        end(STATUS_FAILED);
      });
      child.once("close", (status: number | null, signal) => {
        if (status === null && !child.killed) complain(`${program} was ended by ${signal}`);
        // One that ends without a machine has failed, whatever it says.
        end(status === 0 && !child.stdin.writableEnded ? STATUS_FAILED : (status ?? STATUS_FAILED));
      });
    });
    this.#layDown = takeOn({ clean: () => void child.kill("SIGKILL") });
  }

  /** Aborted when the program has ended. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** The program's exit status when it has ended. */
  get ended(): number | undefined {
    return this.#ended;
  }

  /** Gives it a machine, piece by piece; its exit status. */
  async give(parts: Iterable<Uint8Array>): Promise<number> {
    const { stdin } = this.#child;
    for (const part of parts) {
      if (this.#ended !== undefined) break;
      if (!stdin!.write(part)) await Promise.race([once(stdin!, "drain"), this.#over]);
    }
    stdin!.end();
    await this.#over;
    return this.#ended ?? STATUS_FAILED;
  }

  /** Ends a program that got no machine. */
  [Symbol.dispose](): void {
    this.#layDown();
  }
}
