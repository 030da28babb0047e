// `<userboot-console>`: a guest's console as an element of a page, with the boot behind it. docs/embedding.md has its
// attributes, keys and colours; test/e2e/element/ holds them.

import { boot, httpDisk } from "../browser.js";
import { OptionError, reviveError, UserbootError } from "../errors.js";
import type { BootOptions, Progress } from "../options.js";
import type { BootResult } from "../result.js";
import { readAttributes } from "./attributes.js";
import { Quiet } from "./quiet.js";
import { Screen } from "./screen.js";

/** What of the options of `boot` is not the element's own matter: the rest, for its property `options`. */
export type ConsoleBootOptions = Omit<
  BootOptions,
  "disks" | "memory" | "env" | "overlay" | "hooks" | "console" | "signal" | "onProgress"
>;

/** What it leaves out. */
const OWN: readonly string[] = ["disks", "memory", "env", "overlay", "hooks", "console", "signal", "onProgress"];

/** The element's events, by their names. */
export interface ConsoleEvents {
  /** The guest's kernel is loaded and would run now. */
  exec: CustomEvent<BootResult & { reason: "exec" }>;
  /** The guest's loader quit. */
  exit: CustomEvent<BootResult & { reason: "exit" }>;
  /** An attribute or option is wrong, or the boot failed. */
  error: CustomEvent<Error>;
  /** Something was read. */
  progress: CustomEvent<Progress>;
  /** The guest has been quiet for half a second, as it is when it waits for a key; the last line that it drew. */
  waiting: CustomEvent<{ line: string }>;
}

const LABEL = "Guest console";
/** Those that say something of a boot. */
const BOOT_ATTRIBUTES = ["disks", "memory", "environment"];
const LOOKS = ["label", "screen-reader"];

/**
 * The element `userboot-console`. A property that is set counts before the attribute of its name. What it tells is in
 * `ConsoleEvents`.
 */
export class UserbootConsole extends HTMLElement {
  /** Attributes whose changes count at once. */
  static readonly observedAttributes: readonly string[] = [...BOOT_ATTRIBUTES, ...LOOKS];

  // A page may have set these before it knew what the element is.

  /** The guest's disks. The attribute has URLs of images, which are read by ranges. */
  disks: BootOptions["disks"] = Reflect.get(this, "disks");
  /** The guest's memory. The attribute has a size: `512M`. */
  memory: BootOptions["memory"] = Reflect.get(this, "memory");
  /** Variables of the loader, `name=value`. The attribute has one on each line. */
  environment: BootOptions["env"] = Reflect.get(this, "environment");
  /** Files in the place of the guest's. */
  overlay: BootOptions["overlay"] = Reflect.get(this, "overlay");
  /** A policy: what the page decides while the guest's loader runs. */
  hooks: BootOptions["hooks"] = Reflect.get(this, "hooks");
  /** The other options of a boot. */
  options: ConsoleBootOptions | undefined = Reflect.get(this, "options");

  readonly #root = this.attachShadow({ mode: "open", delegatesFocus: true });
  readonly #internals = this.attachInternals();
  #screen: Screen | undefined;
  #running: AbortController | undefined;
  #result: BootResult | undefined;

  /** Whether it boots as soon as it is in a page: the attribute `autoboot`. */
  get autoboot(): boolean {
    return this.hasAttribute("autoboot");
  }

  set autoboot(boots: boolean) {
    this.toggleAttribute("autoboot", boots);
  }

  /** What the last boot gave. */
  get result(): BootResult | undefined {
    return this.#result;
  }

  /** Whether a guest runs. */
  get running(): boolean {
    return this.#running !== undefined;
  }

  /** The text on the screen: its rows. */
  get text(): string {
    return this.#screen?.text ?? "";
  }

  /**
   * Boots the guest; one that runs already is ended. Gives the result, which an event tells, too; or undefined when there is none: `error`
   * has told why, unless the boot was aborted.
   */
  async boot(): Promise<BootResult | undefined> {
    this.abort();
    const screen = this.#screen;
    if (screen === undefined) {
      this.#fail(new OptionError("userboot-console boots in a page only: add it to the document"));
      return undefined;
    }
    const running = new AbortController();
    this.#running = running;
    this.#result = undefined;
    screen.clear();
    try {
      const result = await this.#run(screen, running.signal);
      if (running.signal.aborted) return undefined;
      this.#running = undefined;
      this.#result = result;
      this.#tellResult(result);
      return result;
    } catch (error) {
      if (running.signal.aborted) return undefined;
      this.#running = undefined;
      this.#fail(error);
      return undefined;
    }
  }

  /** Ends the guest that runs, if there is one. No event tells of that. */
  abort(): void {
    this.#running?.abort();
    this.#running = undefined;
  }

  /** Takes fonts and colours from the style sheets of the page, anew. */
  restyle(): void {
    this.#screen?.restyle();
  }

  /** The browser's. */
  connectedCallback(): void {
    if (this.#screen !== undefined) {
      // It was moved.
      this.#screen.restyle();
      return;
    }
    this.#takeEarlier();
    this.#screen = new Screen(this.#root);
    this.#describe();
    // Who makes it says the rest first, and listens.
    queueMicrotask(() => {
      if (this.#screen === undefined || this.running) return;
      if (this.autoboot) void this.boot();
      else this.#check();
    });
  }

  /** The browser's. */
  disconnectedCallback(): void {
    queueMicrotask(() => {
      if (this.isConnected) return;
      this.abort();
      this.#screen?.dispose();
      this.#screen = undefined;
    });
  }

  /** The browser's. */
  attributeChangedCallback(name: string): void {
    if (this.#screen === undefined) return;
    if (LOOKS.includes(name)) this.#describe();
    else this.#check();
  }

  /** The one property that has an accessor may have been set before there was one. */
  #takeEarlier(): void {
    if (!Object.hasOwn(this, "autoboot")) return;
    const boots = Boolean(Reflect.get(this, "autoboot"));
    Reflect.deleteProperty(this, "autoboot");
    this.autoboot = boots;
  }

  #describe(): void {
    const label = this.getAttribute("label") ?? LABEL;
    this.#internals.role = "group";
    this.#internals.ariaLabel = label;
    this.#screen?.describe(label, this.hasAttribute("screen-reader"));
  }

  #check(): void {
    try {
      readAttributes(this);
    } catch (error) {
      this.#fail(error);
    }
  }

  async #run(screen: Screen, signal: AbortSignal): Promise<BootResult> {
    const { disks: places, ...given } = readAttributes(this);
    const own = Object.keys(this.options ?? {}).find((name) => OWN.includes(name));
    if (own !== undefined) throw new OptionError(`options: "${own}" is the element's own matter`);
    const quiet = new Quiet(() => this.#tell("waiting", { line: screen.text.split("\n").at(-1) ?? "" }));
    const ends = new AbortController();
    const reading = AbortSignal.any([signal, ends.signal]);
    reading.addEventListener("abort", () => quiet.end());
    try {
      const disks = this.disks ?? (await Promise.all(places.map((url) => httpDisk(url, { signal: reading }))));
      return await boot({
        ...this.options,
        ...given,
        disks,
        ...(this.memory !== undefined && { memory: this.memory }),
        ...(this.environment !== undefined && { env: this.environment }),
        ...(this.overlay !== undefined && { overlay: this.overlay }),
        ...(this.hooks !== undefined && { hooks: this.hooks }),
        console: screen.console(signal, quiet.hear, () =>
          screen.say("Keys can't be typed in this browser: the page isn't cross-origin isolated."),
        ),
        signal,
        onProgress: (progress) => {
          quiet.hear();
          this.#tell("progress", progress);
        },
      });
    } finally {
      ends.abort();
    }
  }

  #tellResult(result: BootResult): void {
    if (result.reason === "error") this.#fail(reviveError(result.error));
    else this.#tell(result.reason, result);
  }

  /** Tells of an error, with a line for who looks on. */
  #fail(error: unknown): void {
    const told = error instanceof Error ? error : new UserbootError(String(error));
    this.#screen?.say(told.message);
    this.#tell("error", told);
  }

  #tell(type: keyof ConsoleEvents, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
