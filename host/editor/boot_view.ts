// The guest's own console, and the boot behind it.

import type { UserbootConsole } from "../element/console.js";
import type { Progress } from "../options.js";
import type { BootResult } from "../result.js";
import { sizeText } from "../sizes.js";
import { button, h, shown } from "./dom.js";
import { type Guest, otherTasks } from "./guest.js";

/** The console of an editor's guest. */
export class BootView {
  /** All of it. */
  readonly element: HTMLElement;
  #console: UserbootConsole | undefined;
  /** Which boot is wanted: while the terminal is made another one may be, or none. */
  #turn = 0;
  readonly #place = h("div", {});
  readonly #said = h("p", { class: "said", role: "status" });
  readonly #next = h("div", { class: "bar", hidden: true });
  readonly #start = button("Boot", () => this.boot(), { class: "main" });
  readonly #stop = button("End", () => this.stop(), { disabled: true });

  constructor(
    private readonly guest: Guest,
    private readonly onShow: (tab: "Result" | "Run") => void,
    private readonly onEnd: (result: BootResult | undefined, error: Error | undefined) => void,
  ) {
    this.element = h(
      "div",
      { class: "card" },
      h(
        "div",
        { class: "bar" },
        this.#start,
        this.#stop,
        h("span", { class: "soft grow" }, "Keys go to the guest; Tab leaves the console."),
      ),
      this.#place,
      this.#said,
      this.#next,
    );
    this.#next.append(
      button("What happened", () => this.onShow("Result")),
      button("Run it", () => this.onShow("Run")),
    );
  }

  /** The text on the console. */
  get text(): string {
    return this.#console?.text ?? "";
  }

  /** Boots by the set-up as it is now. */
  async boot(): Promise<void> {
    const { guest } = this;
    if (guest.images.length === 0) return;
    const turn = ++this.#turn;
    // The terminal is loaded when it is wanted.
    const { UserbootConsole } = await import("../element/index.js");
    if (turn !== this.#turn) return;
    if (this.#console === undefined) {
      this.#console = this.#make(new UserbootConsole());
      // A terminal takes its time to be made; the boot is another task.
      await otherTasks();
    }
    const console = this.#console;
    const env = await this.#give(console, turn);
    if (env === undefined) return;
    this.#running(true);
    this.#say("The guest's loader runs in its sandbox.");
    console.focus();
    const result = await console.boot();
    if (turn !== this.#turn) return;
    this.#running(false);
    if (result === undefined) return;
    guest.conclude(result, env);
    this.#say(sentenceOf(result));
    this.#next.hidden = false;
    this.onEnd(result, undefined);
  }

  /** Gives `console` the set-up; the variables in it, or undefined when it is none, or not wanted any more. */
  async #give(console: UserbootConsole, turn: number): Promise<readonly string[] | undefined> {
    try {
      const { disks, env, memory, overlay, ...options } = await this.guest.bootOptions();
      if (turn !== this.#turn) return undefined;
      Object.assign(console, { disks, environment: env, memory, overlay, options });
      return env;
    } catch (error) {
      if (turn !== this.#turn) return undefined;
      const told = error instanceof Error ? error : new Error(String(error));
      this.#say(told.message);
      this.onEnd(undefined, told);
      return undefined;
    }
  }

  /** Ends the guest. */
  stop(): void {
    this.#turn++;
    this.#console?.abort();
    this.#running(false);
    this.#say("Ended.");
  }

  /** Takes the console away: what was on it was another guest's. */
  reset(): void {
    this.#turn++;
    this.#console?.remove();
    this.#console = undefined;
    this.#running(false);
    this.#say("");
  }

  #running(runs: boolean): void {
    this.#start.textContent = runs ? "Boot anew" : "Boot";
    this.#stop.disabled = !runs;
    this.#next.hidden = true;
  }

  #say(text: string): void {
    this.#said.textContent = shown(text);
  }

  #make(console: UserbootConsole): UserbootConsole {
    console.setAttribute("label", "The guest's console");
    console.addEventListener("error", (event) => {
      const { detail } = event as unknown as CustomEvent<Error>;
      this.#running(false);
      this.#say(detail.message);
      this.onEnd(undefined, detail);
    });
    console.addEventListener("waiting", () => this.#say("The guest waits for a key, or counts down."));
    console.addEventListener("progress", (event) => {
      const {
        diskBytes,
        fileBytes,
        fileDone,
        unpackedDone = 0,
        unpackedSize = 0,
      } = (event as unknown as CustomEvent<Progress>).detail;
      if (unpackedSize > 0) this.#say(`Unpacking: ${sizeText(unpackedDone)} of ${sizeText(unpackedSize)}`);
      else if (fileBytes > 0)
        this.#say(`Loading: ${sizeText(fileDone)} of ${sizeText(fileBytes)}; ${sizeText(diskBytes)} read`);
    });
    this.#place.replaceChildren(console);
    return console;
  }
}

/** How a boot ended, in a sentence. */
export function sentenceOf(result: BootResult): string {
  switch (result.reason) {
    case "exec":
      return `The ${result.arch} kernel is in memory and would be entered at ${result.registers.rip}.`;
    case "exit":
      return result.exitCode === 2 ? "The loader asked for a reboot." : `The loader quit (${result.exitCode}).`;
    case "error":
      return `The boot failed: ${result.error.message}`;
  }
}
