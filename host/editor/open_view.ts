// Where images come from: files that are dropped or chosen, an address, or a sample of the page's.

import { OptionError } from "../errors.js";
import { button, field, h, shown } from "./dom.js";
import { fileImage, type OpenImage, type Sample, urlImage } from "./images.js";

/** The view with which an editor begins. */
export class OpenView {
  /** All of it. */
  readonly element: HTMLElement;
  #opening: AbortController | undefined;
  readonly #samples = h("ul", { class: "samples" });
  readonly #said = h("p", { class: "said", role: "status" });
  readonly #file = h("input", {
    type: "file",
    multiple: true,
    hidden: true,
    "aria-label": "Disk images",
    onchange: () => this.#chosen(),
  });
  readonly #address = h("input", {
    type: "url",
    placeholder: "https://example.org/disk.img",
    size: 36,
    required: true,
  });

  constructor(private readonly onOpen: (images: OpenImage[]) => void) {
    const drop = h(
      "div",
      { class: "drop" },
      h("h2", {}, "Open a disk image"),
      h(
        "p",
        { class: "soft" },
        "Drop files here: raw, qcow2, VMDK, VHD, VHDX, VDI, ISO, packed or not; several are several disks. They stay in this browser.",
      ),
      this.#file,
      button("Choose files…", () => this.#file.click(), { class: "main" }),
      h(
        "form",
        { class: "bar ends", onsubmit: (event) => this.#fetch(event) },
        field("Or an address, read by ranges", this.#address),
        h("button", {}, "Open address"),
      ),
      this.#said,
    );
    this.element = h("div", { class: "stack" }, drop, h("h2", {}, "Or try a sample"), this.#samples);
    takeDrops(drop, (files) => this.#open(files.map(fileImage)));
    this.samples([]);
  }

  /** The samples that are offered. */
  samples(list: readonly Sample[]): void {
    this.#samples.replaceChildren(
      ...list.map((sample) =>
        h(
          "li",
          {},
          h(
            "button",
            { type: "button", onclick: () => void this.openUrl(sample.url) },
            sample.name,
            h("span", {}, sample.description),
          ),
        ),
      ),
    );
    const heading = this.#samples.previousElementSibling as HTMLElement;
    heading.hidden = list.length === 0;
  }

  /** Opens what is at `place`. */
  async openUrl(place: string | URL): Promise<void> {
    this.stop();
    const opening = new AbortController();
    this.#opening = opening;
    this.#said.textContent = "Opening…";
    try {
      if (!URL.canParse(place, document.baseURI)) throw new OptionError(`bad address '${place}'`);
      const image = await urlImage(new URL(place, document.baseURI), opening.signal);
      if (this.#opening !== opening) return;
      // From here on the signal would end its reading.
      this.#opening = undefined;
      this.#said.textContent = "";
      this.onOpen([image]);
    } catch (error) {
      if (this.#opening !== opening) return;
      this.#opening = undefined;
      this.#said.textContent = shown(error instanceof Error ? error.message : String(error));
    }
  }

  /** Ends what is being opened: something else is wanted, or nothing. */
  stop(): void {
    this.#opening?.abort();
    this.#opening = undefined;
    this.#said.textContent = "";
  }

  /** Puts the keys to the first thing that can be done. */
  focus(): void {
    this.element.querySelector<HTMLElement>("button")?.focus();
  }

  #open(images: OpenImage[]): void {
    if (images.length > 0) this.onOpen(images);
  }

  #chosen(): void {
    this.#open([...(this.#file.files ?? [])].map(fileImage));
    this.#file.value = "";
  }

  #fetch(event: Event): void {
    event.preventDefault();
    void this.openUrl(this.#address.value);
  }
}

/** Has `place` take files that are dropped on it. */
export function takeDrops(place: HTMLElement, onFiles: (files: File[]) => void): void {
  place.addEventListener("dragover", (event) => {
    event.preventDefault();
    place.classList.add("over");
  });
  place.addEventListener("dragleave", () => place.classList.remove("over"));
  place.addEventListener("drop", (event) => {
    event.preventDefault();
    place.classList.remove("over");
    onFiles([...(event.dataTransfer?.files ?? [])]);
  });
}
