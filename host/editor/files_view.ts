// Files of the guest's: directories gone through, files viewed as text or bytes, downloaded, and taken over into the overlay.

import type { EntryInfo } from "../inspect/facts.js";
import { sizeText } from "../sizes.js";
import { beginningOf, button, choice, download, h, ROWS_MAX, shown, table } from "./dom.js";
import { type Guest, otherTasks } from "./guest.js";
import { hexLines, plainText } from "./hex.js";

/** So much of a file is shown. */
const VIEW_MAX = 256 * 1024;
/** Largest file that is downloaded: it is held in the page until it is saved. */
const DOWNLOAD_MAX = 1024 ** 3;
/** Zeros that are there once, however long the holes of a file are. */
const HOLE_PIECE = 1024 * 1024;
/** Largest file that is edited. */
const EDIT_MAX = 1024 * 1024;

/** The files of an editor's guest. */
export class FilesView {
  /** All of it. */
  readonly element = h("div", { class: "two wide-right" });
  readonly #device = h("div", {});
  readonly #crumbs = h("nav", { class: "crumbs", "aria-label": "Path" });
  readonly #list = h("div", {});
  readonly #viewer = h("section", { class: "card", "aria-label": "File" });
  readonly #said = h("p", { class: "said", role: "status" });
  #place = "";
  #path = "/";
  /** What is being read; what was asked for before doesn't count any more. */
  #turn = 0;

  constructor(
    private readonly guest: Guest,
    private readonly onEdit: (path: string, content: Uint8Array) => void,
  ) {
    const browser = h(
      "section",
      { class: "card" },
      h("h2", {}, "Files"),
      this.#device,
      this.#crumbs,
      this.#list,
      this.#said,
    );
    this.element.append(browser, this.#viewer);
    guest.addEventListener("disks", () => this.#reset());
  }

  /** Shows what is on `device`, in its root or `/boot`. */
  async browse(device: string, path = "/"): Promise<void> {
    this.#place = device;
    this.#devices();
    await this.#go(path);
  }

  /** Begins where the guest would boot, unless something is shown already. */
  async begin(): Promise<void> {
    if (this.#place !== "" || this.guest.inspection === undefined) return;
    const first = this.guest.system?.device ?? this.#readable()[0];
    if (first !== undefined) await this.browse(first, this.guest.system === undefined ? "/" : "/boot");
  }

  #reset(): void {
    this.#turn++;
    this.#place = "";
    this.#list.replaceChildren();
    this.#crumbs.replaceChildren();
    this.#device.replaceChildren();
    this.#said.textContent = this.#readable().length > 0 ? "" : "There is no file system that is read here.";
    this.#viewer.replaceChildren(h("h2", {}, "No file"), h("p", { class: "soft" }, "Choose one to see what is in it."));
  }

  #readable(): string[] {
    const { pools = [], volumes = [] } = this.guest.inspection ?? {};
    const plain = volumes.filter(({ fileSystem }) => fileSystem !== undefined).map(({ device }) => device);
    const sets = pools.flatMap(({ datasets }) =>
      datasets.filter(({ problem }) => problem === undefined).map(({ device }) => device),
    );
    return [...plain, ...sets];
  }

  #devices(): void {
    const devices = this.#readable().map((device) => [device, device] as const);
    const picker = choice(devices, this.#place, (device) => void this.browse(device), { "aria-label": "File system" });
    this.#device.replaceChildren(picker);
  }

  async #go(path: string): Promise<void> {
    const { inspection } = this.guest;
    if (inspection === undefined) return;
    const turn = ++this.#turn;
    this.#path = path;
    this.#trail();
    try {
      const entries = await inspection.list(this.#place + path, { details: true });
      const sorted = await firstSorted(entries.filter(({ name }) => name !== "." && name !== ".."));
      if (turn !== this.#turn) return;
      this.#said.textContent =
        entries.length > ROWS_MAX ? `${entries.length} entries; the first ${ROWS_MAX} are shown.` : "";
      this.#list.replaceChildren(
        table(`Files of ${shown(path)}`, ["Name", "Size", "Changed"], sorted, (entry) => this.#row(entry)),
      );
    } catch (error) {
      if (turn !== this.#turn) return;
      this.#list.replaceChildren();
      this.#fail(error);
    }
  }

  #trail(): void {
    const names = this.#path.split("/").filter((name) => name !== "");
    const steps = names.map((name, at) => [name, `/${names.slice(0, at + 1).join("/")}`] as const);
    const crumbs = [["/", "/"] as const, ...steps].map(([name, path], at) => [
      at > 1 && h("span", { "aria-hidden": "true" }, "/"),
      button(shown(name), () => this.#go(path), { class: "plain" }),
    ]);
    this.#crumbs.replaceChildren(...crumbs.flat().filter((part): part is HTMLElement => part !== false));
  }

  #row(entry: EntryInfo): (HTMLElement | string)[] {
    const { mtime, name, problem, size, target, type } = entry;
    const path = `${this.#path === "/" ? "" : this.#path}/${name}`;
    const open =
      type === "directory" ? () => this.#go(path) : type === "other" ? undefined : () => this.view(this.#place + path);
    const label = shown(name) + (type === "directory" ? "/" : "") + (target === undefined ? "" : ` → ${shown(target)}`);
    return [
      open === undefined ? shown(name) : button(label, open, { class: "plain" }),
      problem !== undefined ? shown(problem) : type === "file" && size !== undefined ? sizeText(size) : "",
      mtime === undefined ? "" : timeText(mtime),
    ];
  }

  /** Shows the file at `path`, which begins with its device. */
  async view(path: string): Promise<void> {
    const { inspection } = this.guest;
    if (inspection === undefined) return;
    const turn = ++this.#turn;
    const title = h("h2", {}, shown(path));
    this.#viewer.replaceChildren(title, h("p", { class: "soft" }, "Reading…"));
    try {
      const { bytes, whole } = await beginning(inspection.readParts(path));
      if (turn !== this.#turn) return;
      const text = plainText(bytes);
      const content = h("pre", { class: "view", tabindex: 0, "aria-label": "Content" });
      const show = (how: string) => {
        content.className = `view${how === "hex" ? " hex" : ""}`;
        content.textContent =
          how === "hex" ? hexLines(bytes.subarray(0, VIEW_MAX / 8)) : beginningOf(text ?? "", VIEW_MAX);
      };
      const how = choice(
        [
          ["text", "As text"],
          ["hex", "As bytes"],
        ],
        text === undefined ? "hex" : "text",
        show,
        { "aria-label": "Shown" },
      );
      if (text === undefined) how.options[0]!.disabled = true;
      show(how.value);
      this.#viewer.replaceChildren(
        title,
        h(
          "div",
          { class: "bar" },
          how,
          button("Download", () => this.#download(path)),
          whole && button("Edit in the set-up", () => this.onEdit(path, bytes)),
          button("SHA-256", () => this.#hash(path, title)),
        ),
        h("p", { class: "soft" }, whole ? sizeText(bytes.length) : `The first ${sizeText(bytes.length)}`),
        content,
      );
    } catch (error) {
      if (turn === this.#turn) this.#viewer.replaceChildren(title, h("p", { class: "note bad" }, messageOf(error)));
    }
  }

  async #hash(path: string, title: HTMLElement): Promise<void> {
    const { inspection } = this.guest;
    try {
      const digest = await inspection?.hash(path);
      // A title that is shown no more is nowhere, and has nothing after it.
      if (digest !== undefined) title.after(h("p", {}, h("code", {}, digest)));
    } catch (error) {
      if (inspection === this.guest.inspection) this.#fail(error);
    }
  }

  async #download(path: string): Promise<void> {
    const { inspection } = this.guest;
    try {
      // The browser keeps what is long on its disk; what is put together of Blobs isn't copied.
      const parts: Blob[] = [];
      const zeros = new Blob([new Uint8Array(HOLE_PIECE)]);
      let size = 0;
      for await (const { bytes, hole } of inspection!.readParts(path)) {
        size += bytes.length + hole;
        if (size > DOWNLOAD_MAX)
          throw new RangeError(`larger than ${sizeText(DOWNLOAD_MAX)}: the command line has \`userboot get\` for that`);
        if (bytes.length > 0) parts.push(new Blob([bytes]));
        for (let left = hole; left > 0; left -= HOLE_PIECE) parts.push(zeros.slice(0, left));
      }
      download(path.slice(path.lastIndexOf("/") + 1), new Blob(parts));
    } catch (error) {
      if (inspection === this.guest.inspection) this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.#said.textContent = messageOf(error);
  }
}

const messageOf = (error: unknown) => shown(error instanceof Error ? error.message : String(error));

const directoriesFirst = (a: EntryInfo, b: EntryInfo) =>
  Number(b.type === "directory") - Number(a.type === "directory") || (a.name < b.name ? -1 : 1);

/** Entries that are sorted at a time. */
const SORTED = 4000;

/** The first of `entries` in their order, as many as are shown. Between its parts the page does other things. */
async function firstSorted(entries: readonly EntryInfo[]): Promise<EntryInfo[]> {
  let first: EntryInfo[] = [];
  for (let at = 0; at < entries.length; at += SORTED) {
    if (at > 0) await otherTasks();
    first = [...first, ...entries.slice(at, at + SORTED)].sort(directoriesFirst).slice(0, ROWS_MAX);
  }
  return first;
}

/** Seconds since 1970 of the years that have four digits. */
const TIME_LEAST = -62_135_596_800;
const TIME_MOST = 253_402_300_799;

/** A time as a file has it; what is no date is shown as the number that it is. */
const timeText = (seconds: number) =>
  seconds < TIME_LEAST || seconds > TIME_MOST
    ? String(seconds)
    : new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ");

/** As much of a file as is shown or edited, and whether that is all of it. */
async function beginning(
  parts: AsyncGenerator<{ bytes: Uint8Array<ArrayBuffer>; hole: number }, void, void>,
): Promise<{ bytes: Uint8Array<ArrayBuffer>; whole: boolean }> {
  const bytes = new Uint8Array(EDIT_MAX);
  let size = 0;
  for await (const part of parts) {
    const room = EDIT_MAX - size;
    bytes.set(part.bytes.subarray(0, room), size);
    const length = part.bytes.length + part.hole;
    size += Math.min(room, length);
    if (length > room) return { bytes: bytes.slice(0, VIEW_MAX), whole: false };
  }
  return { bytes: bytes.slice(0, size), whole: true };
}
