// The set-up of the next boot: memory, disks and their order, the machine that it is for, loader variables, files laid over the
// image, and all of it as machine.json.

import { OptionError } from "../errors.js";
import { formatMachine, MACHINE_TEXT_MAX, OVERLAY_BYTES } from "../machine_file/machine.js";
import { type RootMachine, rootFor } from "../machine_file/root_for.js";
import { machineContent } from "../machine_file/use.js";
import { FLAVOURS, type Flavour } from "../modules.js";
import { memoryText, parseMemory, sizeText } from "../sizes.js";
import { ConfView } from "./conf_view.js";
import { button, choice, code, download, field, firstOf, h, ROWS_MAX, renew, shown } from "./dom.js";
import { type Guest, LOADER_CONF } from "./guest.js";
import { explain, KNOWN_KEYS } from "./known_keys.js";

const TARGETS: readonly (readonly [RootMachine, string])[] = [
  ["qemu", "QEMU (virtio disks)"],
  ["v86", "v86, in this page (IDE disks)"],
  ["bhyve", "bhyve"],
];

/** The set-up of an editor's guest. */
export class SetupView {
  /** All of it. */
  readonly element = h("div", { class: "two wide-right" });
  readonly #memory = h("input", {
    onchange: () => this.#try(() => this.guest.change({ memory: parseMemory(this.#memory.value.trim()) })),
  });
  readonly #target = choice(TARGETS, "", (target) => {
    this.guest.target = target as RootMachine;
  });
  readonly #place = choice([], "", (device) => this.guest.change({ currdev: device || undefined }));
  readonly #interpreter = choice(
    [["", "as the guest wishes"], ...FLAVOURS.map((one) => [one, one] as const)],
    "",
    (one) => this.guest.change({ loader: (one || undefined) as Flavour | undefined, start: undefined }),
  );
  readonly #disks = h("ul", { class: "tree" });
  readonly #advice = h("section", { class: "card" });
  readonly #variables = h("ul", { class: "tree" });
  readonly #files = h("ul", { class: "tree" });
  readonly #said = h("p", { class: "said", role: "status" });
  readonly #conf: ConfView;
  readonly #chooser = h("input", {
    type: "file",
    accept: ".json,application/json",
    hidden: true,
    "aria-label": "machine.json",
    onchange: () => void this.#load(),
  });

  constructor(private readonly guest: Guest) {
    this.#conf = new ConfView(guest);
    const keep = h(
      "section",
      { class: "card" },
      h("h2", {}, "The whole set-up"),
      h("p", { class: "soft" }, "One small file, machine.json; `userboot boot --machine machine.json` takes it too."),
      h(
        "div",
        { class: "bar" },
        button("Save machine.json", () => this.#save()),
        button("Load machine.json", () => this.#chooser.click()),
        this.#chooser,
      ),
      this.#said,
    );
    this.element.append(
      h("div", { class: "stack" }, this.#machineCard(), this.#advice, this.#variableCard()),
      h("div", { class: "stack" }, this.#conf.element, this.#fileCard(), keep),
    );
    guest.addEventListener("disks", () => this.#renderDisks());
    guest.addEventListener("machine", () => this.#render());
    this.#renderDisks();
  }

  /** Takes a file of the image's over, to be changed. */
  async edit(path: string, bytes: Uint8Array): Promise<void> {
    const { system } = this.guest;
    // Without a device it is the one that is booted from.
    const own = system !== undefined && path.startsWith(system.device) ? path.slice(system.device.length) : path;
    const content = machineContent(bytes);
    if (typeof content === "string") {
      await this.#conf.show(own, content);
      this.#conf.focus();
    } else {
      this.guest.lay(own, content);
      this.#said.textContent = `${shown(own)} is no text: it is in the set-up as it is, to be replaced by a file.`;
    }
  }

  #render(): void {
    const { currdev = "", loader = "", memory = 0 } = this.guest.machine;
    this.#memory.value = memoryText(memory);
    this.#target.value = this.guest.target;
    this.#place.value = currdev;
    this.#interpreter.value = loader;
    renew(this.#advice, this.#adviceLines());
    renew(this.#variables, this.#variableRows());
    renew(this.#files, this.#fileRows());
  }

  /** What there is to choose from depends on the disks. */
  #renderDisks(): void {
    const { images, inspection } = this.guest;
    const volumes = (inspection?.volumes ?? []).filter(({ fileSystem }) => fileSystem !== undefined);
    const sets = (inspection?.pools ?? []).flatMap(({ datasets }) => datasets);
    const places = [...volumes, ...sets]
      .slice(0, ROWS_MAX)
      .map(({ device }) => h("option", { value: device }, shown(device)));
    this.#place.replaceChildren(h("option", { value: "" }, "as the loader chooses"), ...places);
    this.#disks.replaceChildren(...images.map((image, at) => this.#diskRow(image.name, image.size, at)));
    this.#render();
  }

  #machineCard(): HTMLElement {
    return h(
      "section",
      { class: "card" },
      h("h2", {}, "Machine"),
      h(
        "div",
        { class: "two" },
        field("Memory", this.#memory, "256M, 2G"),
        field("Machine that it is for", this.#target),
        field("Boot from", this.#place),
        field("Interpreter", this.#interpreter),
      ),
      h("h3", {}, "Disks"),
      this.#disks,
    );
  }

  #diskRow(name: string, size: number, at: number): HTMLElement {
    const { images } = this.guest;
    const swap = (to: number) => () => {
      const others = [...images];
      [others[at], others[to]] = [others[to]!, others[at]!];
      return this.guest.open(others);
    };
    const label = (what: string) => ({ "aria-label": `${what}: ${shown(name)}` });
    return h(
      "li",
      { class: "row" },
      h("strong", {}, `disk${at}`),
      h("span", {}, shown(name)),
      h("span", { class: "soft" }, sizeText(size)),
      images.length > 1 && button("↑", swap(at - 1), { ...label("Up"), disabled: at === 0 }),
      images.length > 1 && button("↓", swap(at + 1), { ...label("Down"), disabled: at === images.length - 1 }),
      images.length > 1 &&
        button("Remove", () => this.guest.open(images.filter((_, other) => other !== at)), label("Remove")),
    );
  }

  /** Whether the guest finds its root and clock in the machine, and the variables that make it. */
  #adviceLines(): HTMLElement[] {
    const { guest } = this;
    const { images, system, target } = guest;
    this.#advice.hidden = system === undefined;
    if (system === undefined) return [];
    const { append, reasons, remarks, variables } = rootFor(system, target, images.length);
    const set = guest.machine.environment ?? {};
    const missing = Object.entries(variables).filter(([name, value]) => set[name] !== value);
    const apply = async () => {
      guest.set(Object.fromEntries(missing));
      if (append === undefined) return;
      const before = guest.machine.overlay?.[append.file];
      const text =
        typeof before === "string" ? before : new TextDecoder().decode(await guest.inspection?.readFile(append.file));
      if (!text.endsWith(append.text)) await this.#conf.show(append.file, text + append.text);
    };
    const fits = missing.length === 0;
    return [
      h("h2", {}, `Does it fit ${target}?`),
      ...(fits
        ? [
            h(
              "p",
              { class: "note good" },
              reasons.length === 0 ? "It does: nothing has to be said." : "It does, with the variables of this set-up.",
            ),
          ]
        : [
            ...reasons.map((reason) => h("p", { class: "note warn" }, shown(reason))),
            h("ul", { class: "tree" }, ...missing.map(([name, value]) => h("li", {}, code(`${name}=${value}`)))),
            button("Set these variables", () => this.#tryLater(apply), { class: "main" }),
          ]),
      ...remarks.map((remark) => h("p", { class: "note warn" }, shown(remark))),
    ];
  }

  #variableRows(): HTMLElement[] {
    const entries = Object.entries(this.guest.machine.environment ?? {});
    if (entries.length === 0) return [h("li", { class: "soft" }, "None besides the usual ones.")];
    return firstOf(entries, "li", ([key, text]) => {
      const label = { class: "plain", "aria-label": `Remove ${shown(key)}` };
      return h(
        "li",
        { class: "row" },
        code(`${key}=${text}`),
        button("Remove", () => this.guest.set({ [key]: undefined }), label),
      );
    });
  }

  #variableCard(): HTMLElement {
    const name = h("input", {
      ...{
        list: "known-keys",
        "aria-label": "Name",
        placeholder: "boot_verbose",
        autocapitalize: "off",
        spellcheck: "false",
      },
      oninput: () => {
        about.textContent = explain(name.value) ?? "";
      },
    });
    const value = h("input", { "aria-label": "Value", placeholder: "YES" });
    const about = h("p", { class: "said soft", role: "status" });
    const add = (event: Event) => {
      event.preventDefault();
      this.#try(() => {
        this.guest.set({ [name.value.trim()]: value.value });
        for (const input of [name, value]) input.value = "";
        about.textContent = "";
        name.focus();
      });
    };
    return h(
      "section",
      { class: "card" },
      h("h2", {}, "Loader variables"),
      this.#variables,
      h(
        "form",
        { class: "bar", onsubmit: add },
        h("div", { class: "grow" }, name),
        h("div", { class: "grow" }, value),
        h("button", {}, "Set"),
      ),
      h("datalist", { id: "known-keys" }, ...KNOWN_KEYS.map((key) => h("option", { value: key.name }, key.about))),
      about,
    );
  }

  #fileRows(): HTMLElement[] {
    const overlay = Object.entries(this.guest.machine.overlay ?? {});
    if (overlay.length === 0) return [h("li", { class: "soft" }, "None: the guest finds what is in the image.")];
    return firstOf(overlay, "li", ([name, content]) => {
      const size = typeof content === "string" ? `text, ${content.length} characters` : "bytes";
      const takeAway = () => {
        this.guest.lay(name, undefined);
        void this.#conf.show(LOADER_CONF);
      };
      const label = (what: string) => ({ class: "plain", "aria-label": `${what} ${shown(name)}` });
      return h(
        "li",
        { class: "row" },
        code(name),
        h("span", { class: "soft" }, content === null ? "isn't to be found" : size),
        typeof content === "string" && button("Edit", () => this.#conf.show(name), label("Edit")),
        button("Take away", takeAway, label("Take away")),
      );
    });
  }

  #fileCard(): HTMLElement {
    const { guest } = this;
    const path = h("input", {
      ...{ "aria-label": "Path of a file", placeholder: LOADER_CONF, autocapitalize: "off", spellcheck: "false" },
    });
    const wanted = () => path.value.trim() || LOADER_CONF;
    const take = async () => {
      const [file] = chooser.files ?? [];
      chooser.value = "";
      if (file === undefined) return;
      if (file.size > OVERLAY_BYTES)
        throw new OptionError(`${file.name} is larger than the ${sizeText(OVERLAY_BYTES)} that can be laid over`);
      guest.lay(wanted(), machineContent(new Uint8Array(await file.arrayBuffer())));
    };
    const chooser = h("input", {
      ...{ type: "file", hidden: true, "aria-label": "What shall be in it" },
      onchange: () => void this.#tryLater(take),
    });
    const write = async () => {
      await this.#conf.show(wanted());
      this.#conf.focus();
    };
    return h(
      "section",
      { class: "card" },
      h("h2", {}, "Files laid over the image"),
      this.#files,
      h(
        "div",
        { class: "bar" },
        h("div", { class: "grow" }, path),
        button("Write", () => this.#tryLater(write)),
        button("From a file…", () => chooser.click()),
        button("Hide", () => this.#try(() => guest.lay(wanted(), null))),
        chooser,
      ),
    );
  }

  #save(): void {
    this.#try(() =>
      download("machine.json", new Blob([formatMachine(this.guest.machine)], { type: "application/json" })),
    );
  }

  async #load(): Promise<void> {
    const [file] = this.#chooser.files ?? [];
    this.#chooser.value = "";
    if (file === undefined) return;
    await this.#tryLater(async () => {
      if (file.size > 3 * MACHINE_TEXT_MAX) throw new OptionError(`${file.name} is larger than a set-up can be`);
      await this.guest.take(await file.text());
    });
    void this.#conf.show(LOADER_CONF);
  }

  #try(action: () => void): void {
    void this.#tryLater(async () => action());
  }

  async #tryLater(action: () => Promise<void>): Promise<void> {
    try {
      this.#said.textContent = "";
      await action();
    } catch (error) {
      this.#said.textContent = shown(error instanceof Error ? error.message : String(error));
    }
  }
}
