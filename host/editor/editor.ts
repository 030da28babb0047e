// `<userboot-editor>`: a guest's disks opened, looked into, set up, booted and run, as one element of a page. docs/embedding.md has
// what a page can say to it; test/e2e/editor/ holds it.

import type { Machine } from "../machine_file/machine.js";
import type { BootResult } from "../result.js";
import { BootView } from "./boot_view.js";
import { disksView } from "./disks_view.js";
import { button, download, firstOf, h, shown } from "./dom.js";
import { FilesView } from "./files_view.js";
import { Guest } from "./guest.js";
import { fileImage, type Sample } from "./images.js";
import { OpenView, takeDrops } from "./open_view.js";
import { htmlReport, jsonReport } from "./report.js";
import { resultView } from "./result_view.js";
import { type MakeEmulator, RunView } from "./run_view.js";
import { SetupView } from "./setup_view.js";
import { CSS, HOST_CSS } from "./style.js";
import { Tabs } from "./tabs.js";
import { type Verdict, verdictOn } from "./verdict.js";

/** The element's events, by their names. */
export interface EditorEvents {
  /** Images are open, or can't be used. */
  opened: CustomEvent<{ boots: boolean; sentence: string }>;
  /** A boot is over. */
  booted: CustomEvent<BootResult>;
  /** Something was wrong. */
  error: CustomEvent<Error>;
}

/** The element `userboot-editor`. */
export class UserbootEditor extends HTMLElement {
  readonly #guest = new Guest();
  #samples: readonly Sample[] = [];
  readonly #open = new OpenView((images) => void this.#guest.open(images));
  readonly #boot = new BootView(
    this.#guest,
    (tab) => this.#go(tab),
    (result, error) => this.#ended(result, error),
  );
  readonly #files = new FilesView(this.#guest, (path, content) => this.#edit(path, content));
  readonly #setup = new SetupView(this.#guest);
  readonly #run = new RunView(this.#guest);
  readonly #disks = h("div", { class: "stack" });
  readonly #result = h("div", { class: "stack" });
  readonly #verdict = h("div", { class: "verdict", role: "status" });
  readonly #name = h("div", { class: "name" });
  readonly #work = h("div", { hidden: true });
  readonly #adder = h("input", {
    type: "file",
    multiple: true,
    hidden: true,
    "aria-label": "More disks",
    onchange: () => this.#add(),
  });
  readonly #tabs: Tabs;
  #hadFocus = false;

  constructor() {
    super();
    this.#tabs = new Tabs("Views of the guest", [
      { name: "Disks", content: this.#disks },
      { name: "Files", content: this.#files.element, onShow: () => void this.#files.begin() },
      { name: "Set-up", content: this.#setup.element },
      { name: "Boot", content: this.#boot.element },
      { name: "Result", content: this.#result },
      { name: "Run", content: this.#run.element },
    ]);
    const head = h(
      "div",
      { class: "head" },
      this.#name,
      button("Add a disk…", () => this.#adder.click()),
      this.#adder,
      button("Close", () => void this.#guest.open([])),
      button("Boot", () => void this.boot(), { class: "main" }),
    );
    this.#work.append(head, this.#verdict, ...this.#tabs.elements);
    const root = this.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(CSS + HOST_CSS);
    root.adoptedStyleSheets = [sheet];
    root.append(h("div", { class: "editor" }, h("div", { class: "inner" }, this.#open.element, this.#work)));
    this.#guest.addEventListener("busy", () => this.#busy());
    this.#guest.addEventListener("disks", () => this.#opened());
    this.#guest.addEventListener("result", () => this.#showResult());
    takeDrops(this.#work, (files) => void this.#guest.open([...this.#guest.images, ...files.map(fileImage)]));
    this.#showResult();
  }

  /** What the page offers to begin with. */
  get samples(): readonly Sample[] {
    return this.#samples;
  }

  set samples(samples: readonly Sample[]) {
    this.#samples = samples;
    this.#open.samples(samples);
  }

  /** What makes an emulator for i386 guests; without it they can only be taken away. */
  get makeEmulator(): MakeEmulator | undefined {
    return this.#run.makeEmulator;
  }

  set makeEmulator(make: MakeEmulator | undefined) {
    this.#run.makeEmulator = make;
    this.#run.render();
  }

  /** The set-up of the next boot. */
  get machine(): Machine {
    return this.#guest.machine;
  }

  /**
   * Takes a set-up: the text of a machine.json, or what was read from one. The disks that it names have to be open.
   * @throws OptionError for what is wrong in it
   */
  takeMachine(machine: string | object): Promise<void> {
    return this.#guest.take(machine);
  }

  /** What the last boot gave. */
  get result(): BootResult | undefined {
    return this.#guest.result;
  }

  /** The text on the guest's console. */
  get text(): string {
    return this.#boot.text;
  }

  /** Opens files as disks, in their order, in the place of those that are open. */
  async open(files: readonly File[]): Promise<void> {
    await this.#guest.open(files.map(fileImage));
  }

  /** Boots by the set-up, in the console. */
  async boot(): Promise<void> {
    this.#tabs.show("Boot");
    await this.#boot.boot();
  }

  /** The browser's. */
  disconnectedCallback(): void {
    queueMicrotask(() => {
      if (!this.isConnected) void this.#guest.open([]);
    });
  }

  #busy(): void {
    const { busy, images } = this.#guest;
    // Whoever opened them by a button that goes has the keys at the first tab then.
    if (busy) this.#hadFocus = this.shadowRoot?.activeElement != null;
    this.#open.element.hidden = images.length > 0;
    this.#work.hidden = images.length === 0;
    if (!busy) return;
    this.#open.stop();
    this.#boot.reset();
    this.#name.textContent = shown(images.map(({ name }) => name).join(", "));
    this.#verdict.className = "verdict";
    this.#verdict.replaceChildren(h("p", {}, "Looking into it…"));
    this.#disks.replaceChildren();
  }

  #opened(): void {
    const { problem } = this.#guest;
    if (this.#guest.images.length === 0) {
      if (this.#hadFocus) this.#open.focus();
      return;
    }
    const { boots, details, sentence } = this.#judge();
    this.#verdict.className = `verdict ${boots ? "boots" : "fails"}`;
    this.#verdict.replaceChildren(
      h("span", { class: "mark", "aria-hidden": "true" }, boots ? "✓" : "✕"),
      h(
        "div",
        {},
        h("p", {}, shown(sentence)),
        details.length > 0 && h("ul", {}, ...firstOf(details, "li", (text) => h("li", {}, shown(text)))),
      ),
    );
    this.#disks.replaceChildren(...disksView(this.#guest, (device) => this.#browse(device)));
    this.#tabs.show("Disks");
    if (this.#hadFocus) this.#tabs.focus("Disks");
    if (problem !== undefined) this.#tell("error", problem);
    this.#tell("opened", { boots, sentence });
  }

  #add(): void {
    const files = [...(this.#adder.files ?? [])];
    this.#adder.value = "";
    if (files.length > 0) void this.#guest.open([...this.#guest.images, ...files.map(fileImage)]);
  }

  #judge(): Verdict {
    const { inspection, problem, system } = this.#guest;
    // What was looked into may have more than what would be booted.
    const cant = inspection === undefined ? "can't be used" : "won't boot";
    if (problem !== undefined) return { boots: false, sentence: `It ${cant}: ${problem.message}`, details: [] };
    return verdictOn(system, inspection?.bootProblem);
  }

  #go(tab: string): void {
    this.#tabs.show(tab);
    this.#tabs.focus(tab);
  }

  #browse(device: string): void {
    this.#go("Files");
    void this.#files.browse(device);
  }

  #edit(path: string, content: Uint8Array): void {
    this.#tabs.show("Set-up");
    void this.#setup.edit(path, content);
  }

  #showResult(): void {
    const save = (name: string, type: string, text: () => string) => () => download(name, new Blob([text()], { type }));
    const share = h(
      "div",
      { class: "bar" },
      button(
        "Save as a page (HTML)",
        save("boot.html", "text/html", () => htmlReport(this.#guest, this.#judge())),
      ),
      button(
        "Save as JSON",
        save("boot.json", "application/json", () => jsonReport(this.#guest, this.#judge())),
      ),
    );
    const views = resultView(this.#guest);
    this.#result.replaceChildren(...(this.#guest.result === undefined ? views : [share, ...views]));
  }

  #ended(result: BootResult | undefined, error: Error | undefined): void {
    if (error !== undefined) this.#tell("error", error);
    if (result !== undefined) this.#tell("booted", result);
  }

  #tell(type: keyof EditorEvents, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
