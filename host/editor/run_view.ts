// The guest's kernel run: an i386 one in v86 in this page, which the page brings; for others, files to take away with the command
// lines that run them.

import { type PackFormat, pack } from "../handoff/pack.js";
import { type V86Like, type V86Options, v86Options } from "../handoff/v86.js";
import { vmmNamed } from "../handoff/vmms.js";
import { quoted } from "../handoff/words.js";
import { formatMachine } from "../machine_file/machine.js";
import type { BootResult } from "../result.js";
import { button, download, endOf, h, shown } from "./dom.js";
import type { Guest } from "./guest.js";
import { unpackedImage } from "./images.js";

/** An instance of v86, as far as it is used. */
export interface Emulator extends V86Like {
  /** Has `listener` told of when its parts are there and it begins. */
  add_listener(event: "emulator-started", listener: () => void): void;
  /** Has `listener` told of each byte of the first serial port. */
  add_listener(event: "serial0-output-byte", listener: (byte: number) => void): void;
  /** Types on the first serial port. */
  serial0_send(text: string): void;
  /** Whether keys that are pressed anywhere in the page are its. */
  keyboard_set_enabled(enabled: boolean): void;
  /** Ends it. */
  destroy(): Promise<void>;
}

/** Makes an emulator: `new V86({ ...options, wasm_path })`, with what else the page wants. */
export type MakeEmulator = (
  options: V86Options & { autostart: boolean; screen: { container: HTMLElement } },
) => Emulator | Promise<Emulator>;

/** Most bytes of a disk that v86 gets: they are memory of the page's. */
const DISK_MAX = 512 * 1024 * 1024;
/** Characters of serial output that are kept. */
const SERIAL_MAX = 200_000;

/** What runs the guest of an editor. */
export class RunView {
  /** All of it. */
  readonly element = h("div", { class: "stack" });
  /** What the page brings to run i386 guests. */
  makeEmulator: MakeEmulator | undefined;
  #running: Emulator | undefined;
  /** Which run is wanted: while disks are read and the emulator is made another one may be, or none. */
  #turn = 0;
  #text = "";
  readonly #serial = h("pre", { class: "serial", tabindex: 0, role: "log", "aria-label": "Serial output" });
  readonly #said = h("p", { class: "said", role: "status" });

  constructor(private readonly guest: Guest) {
    guest.addEventListener("result", () => this.render());
    guest.addEventListener("disks", () => this.render());
    this.render();
  }

  /** Ends what runs. */
  async stop(): Promise<void> {
    this.#turn++;
    const running = this.#running;
    this.#running = undefined;
    await running?.destroy();
  }

  /** Shows what can be done with the last result. */
  render(): void {
    void this.stop();
    const { result } = this.guest;
    if (result?.reason !== "exec") {
      this.element.replaceChildren(h("p", { class: "card soft" }, "There is no kernel in memory: boot first."));
      return;
    }
    const views = [result.arch === "i386" ? this.#emulation(result) : this.#elsewhere(), this.#downloads(result)];
    this.element.replaceChildren(...views);
  }

  #emulation(result: BootResult & { reason: "exec" }): HTMLElement {
    const { makeEmulator } = this;
    if (makeEmulator === undefined)
      return h(
        "section",
        { class: "card" },
        h("h2", {}, "Run"),
        h("p", {}, "This page brings no emulator; take the packed guest away."),
      );
    const canvas = h("canvas");
    canvas.style.display = "none";
    const screen = h(
      "div",
      {
        ...{ class: "vga", role: "application", tabindex: 0, "aria-label": "Screen and keyboard of the machine" },
        onfocus: () => this.#running?.keyboard_set_enabled(true),
        onblur: () => this.#running?.keyboard_set_enabled(false),
        // Tab leaves it, as it leaves the console.
        onkeydown: (event) => (event as KeyboardEvent).key === "Tab" && event.stopPropagation(),
      },
      // The emulator shows one of the two; an attribute `hidden` would win over it.
      h("div"),
      canvas,
    );
    const line = h("input", { "aria-label": "A line for the serial port", autocomplete: "off", spellcheck: "false" });
    const send = (event: Event) => {
      event.preventDefault();
      this.#running?.serial0_send(`${line.value}\r`);
      line.value = "";
    };
    const start = async () => {
      try {
        await this.#start(result, makeEmulator, screen);
      } catch (error) {
        this.#said.textContent = shown(error instanceof Error ? error.message : String(error));
      }
    };
    this.#serial.textContent = "";
    this.#said.textContent =
      this.guest.target === "v86"
        ? ""
        : `This boot was for ${this.guest.target}: the memory map that the kernel was told isn't v86's.`;
    return h(
      "section",
      { class: "card" },
      h("h2", {}, "Run in v86"),
      h(
        "div",
        { class: "bar" },
        button("Run", start, { class: "main" }),
        button("Stop", () => this.stop()),
      ),
      this.#said,
      h(
        "div",
        { class: "two" },
        h(
          "div",
          { class: "stack" },
          h("h3", {}, "Screen"),
          h("p", { class: "soft" }, "Keys are the machine's while this has the focus; Tab leaves it."),
          screen,
        ),
        h(
          "div",
          { class: "stack" },
          h("h3", {}, "Serial port"),
          this.#serial,
          h("form", { class: "bar", onsubmit: send }, line, h("button", {}, "Send")),
        ),
      ),
    );
  }

  async #start(result: BootResult & { reason: "exec" }, make: MakeEmulator, screen: HTMLElement): Promise<void> {
    const stopped = this.stop();
    const turn = this.#turn;
    await stopped;
    if (turn !== this.#turn) return;
    this.#said.textContent = "Starting…";
    const disks: ArrayBuffer[] = [];
    for (const image of this.guest.images.slice(0, 2)) {
      const raw = await unpackedImage(image, DISK_MAX);
      if (turn !== this.#turn) return;
      if (raw === undefined || raw.size > DISK_MAX) {
        this.#said.textContent = `${shown(image.name)} is left out: v86 gets raw images of files, of 512 MiB at most.`;
        break;
      }
      disks.push(await raw.arrayBuffer());
    }
    const emulator = await make({ ...v86Options(result, disks), autostart: true, screen: { container: screen } });
    if (turn !== this.#turn) return emulator.destroy();
    this.#running = emulator;
    // It listens to the whole page: keys are its own only while its screen has them.
    emulator.add_listener("emulator-started", () =>
      emulator.keyboard_set_enabled((screen.getRootNode() as ShadowRoot).activeElement === screen),
    );
    this.#text = "";
    this.#serial.textContent = "";
    if (this.#said.textContent === "Starting…") this.#said.textContent = "It runs.";
    let waits = false;
    emulator.add_listener("serial0-output-byte", (byte) => {
      if (byte !== 13) this.#text += String.fromCharCode(byte);
      // Not at every byte: each time all of it is copied.
      if (this.#text.length > 2 * SERIAL_MAX) this.#text = this.#text.slice(-SERIAL_MAX);
      if (waits) return;
      waits = true;
      requestAnimationFrame(() => {
        waits = false;
        this.#serial.textContent = endOf(this.#text, SERIAL_MAX).replace(/[^\P{Cc}\n\t]/gu, "");
        this.#serial.scrollTop = this.#serial.scrollHeight;
      });
    });
  }

  #elsewhere(): HTMLElement {
    const { images, machine } = this.guest;
    const { command, program } = vmmNamed("qemu");
    const disks = images.map(({ name }) => name);
    const words = command({
      image: "guest.elf",
      memory: machine.memory ?? 0,
      disks,
      writable: false,
      accelerator: undefined,
      followed: false,
    });
    const line = [program, ...words].map(quoted).join(" ");
    const odd = images.some(({ format, name }) => format !== "raw" || /\.(gz|xz|zst|bz2)$/.test(name));
    return h(
      "section",
      { class: "card" },
      h("h2", {}, "Run in QEMU"),
      h(
        "p",
        {},
        "With the packed guest (guest.elf) beside the disks; add -accel kvm where there is KVM. The disks aren't written to.",
      ),
      h("pre", { class: "view", tabindex: 0, "aria-label": "Command line" }, shown(line)),
      button("Copy", () => navigator.clipboard.writeText(line)),
      odd &&
        h(
          "p",
          { class: "note warn" },
          "QEMU wants raw, unpacked images in this line: gunzip, or qemu-img convert -O raw.",
        ),
      this.guest.target === "qemu"
        ? ""
        : h(
            "p",
            { class: "note warn" },
            `This boot was for ${this.guest.target}: choose QEMU in the set-up, and boot again.`,
          ),
    );
  }

  #downloads(result: BootResult & { reason: "exec" }): HTMLElement {
    const save = (format: PackFormat, name: string) => () => download(name, new Blob([pack(result, format)]));
    return h(
      "section",
      { class: "card" },
      h("h2", {}, "Take it away"),
      h(
        "div",
        { class: "bar" },
        button("Packed guest (guest.elf)", save("multiboot", "guest.elf")),
        button("Core file for a debugger", save("core", "guest.core")),
        button("Symbols", save("symbols", "guest.symbols")),
        button("Set-up (machine.json)", () => download("machine.json", new Blob([formatMachine(this.guest.machine)]))),
      ),
    );
  }
}
