// An editor for a file that is laid over the guest's. For loader.conf it completes and explains names, marks lines that are wrong,
// and can ask the guest's own loader what it says of them.

import { boot } from "../boot.js";
import { BufferConsole } from "../console/console.js";
import { FileError } from "../errors.js";
import { printable } from "../text.js";
import { beginningOf, button, firstOf, h, shown } from "./dom.js";
import { type Guest, LOADER_CONF } from "./guest.js";
import { plainText } from "./hex.js";
import { completions, explain } from "./known_keys.js";
import { checkLines, type LineProblem, linesOf, nameAt, reportedLines } from "./loader_conf.js";

const OFFERED = 6;
/** Largest file that is read, and characters of one that is edited: of a longer one the beginning is shown. */
const TEXT_MAX = 1024 * 1024;
const EDIT_MAX = 128 * 1024;
/** What FreeBSD's scripts print of a file is less. */
const PRINTED_MAX = 256 * 1024;
/** A guest's scripts have read their files long before that. */
const CHECK_MS = 30_000;

/** One file of the overlay, as text. */
export class ConfView {
  /** All of it. */
  readonly element: HTMLElement;
  readonly #title = h("h2", { id: "conf-title" });
  readonly #text: HTMLTextAreaElement;
  readonly #numbers = h("ol", { "aria-hidden": "true" });
  readonly #problems = h("ul", { class: "tree", "aria-label": "Lines that are wrong" });
  readonly #about = h("p", { class: "said soft", role: "status" });
  readonly #offers = h("div", { class: "bar", role: "group", "aria-label": "Names that fit" });
  readonly #check = button("Ask the guest's loader", () => this.#ask());
  #path = LOADER_CONF;
  #asking: AbortController | undefined;
  /** What is to be known of the file. */
  #note = "";
  #reported: LineProblem[] = [];
  /** So many lines the guest's loader has read when it was asked. */
  #read = 0;

  constructor(private readonly guest: Guest) {
    this.#text = h("textarea", {
      ...{
        "aria-labelledby": "conf-title",
        "aria-describedby": "conf-keys",
        spellcheck: "false",
        wrap: "off",
        autocapitalize: "off",
      },
      oninput: () => this.#changed(),
      onscroll: () => this.#scrolled(),
      onkeydown: (event) => this.#key(event as KeyboardEvent),
      onkeyup: () => this.#explain(),
      onclick: () => this.#explain(),
    });
    this.element = h(
      "section",
      { class: "card" },
      this.#title,
      h(
        "p",
        { class: "soft", id: "conf-keys" },
        "Laid over the image's file for each boot; the image isn't written. Ctrl+Space completes a name.",
      ),
      h("div", { class: "lines" }, this.#numbers, this.#text),
      this.#about,
      this.#offers,
      this.#problems,
      h(
        "div",
        { class: "bar" },
        this.#check,
        button("Back to the image's", () => this.#revert()),
      ),
    );
    // What another guest's loader says is nothing to this one.
    guest.addEventListener("busy", () => this.#asking?.abort());
    guest.addEventListener("disks", () => void this.show(LOADER_CONF));
  }

  /** Shows the file at `path`: as it is in the set-up, else as it is in the image, or `content`. */
  async show(path: string, content?: string): Promise<void> {
    this.#path = path;
    this.#note = "";
    const overlay = this.guest.machine.overlay?.[path];
    const text = content ?? (typeof overlay === "string" ? overlay : await this.#original(path));
    if (this.#path !== path) return;
    const part = beginningOf(text, EDIT_MAX);
    this.#title.textContent = shown(path);
    this.#text.value = part;
    this.#text.readOnly = part.length < text.length;
    if (this.#text.readOnly) this.#note = "It is too long to be edited here: this is its beginning. All of it counts.";
    this.#check.hidden = path !== LOADER_CONF;
    if (content !== undefined) this.guest.lay(path, content);
    this.#forget();
    this.#mark();
    this.#explain();
  }

  /** Puts the keys to it. */
  focus(): void {
    this.#text.focus();
  }

  /** The image's own content. What isn't there is empty: what is written becomes a new file. */
  async #original(path: string): Promise<string> {
    try {
      const bytes = (await this.guest.inspection?.readFile(path, { limit: TEXT_MAX })) ?? new Uint8Array();
      const text = plainText(bytes);
      if (text === undefined) this.#note = "The image's file is no text: what is written here replaces all of it.";
      return text ?? "";
    } catch (error) {
      if (!(error instanceof FileError && ["ENOENT", "ENOTDIR"].includes(error.code)))
        this.#note = `The image's file can't be read: ${error instanceof Error ? error.message : String(error)}`;
      return "";
    }
  }

  #changed(): void {
    this.guest.lay(this.#path, this.#text.value);
    this.#forget();
    this.#mark();
    this.#explain();
  }

  /** What was said was of another text. */
  #forget(): void {
    this.#reported = [];
    this.#read = 0;
  }

  #mark(): void {
    const isConf = /loader\.conf|device\.hints/.test(this.#path);
    const own = isConf ? checkLines(this.#text.value) : [];
    const problems = [...own, ...this.#reported.filter(({ line }) => !own.some((one) => one.line === line))];
    const reported = this.#reported.filter(({ line }) => own.some((one) => one.line === line));
    const bad = new Set(problems.map(({ line }) => line));
    const count = linesOf(this.#text.value).length;
    this.#numbers.replaceChildren(
      ...Array.from({ length: count }, (_, at) => h("li", bad.has(at + 1) ? { class: "bad" } : {}, String(at + 1))),
    );
    this.#problems.replaceChildren(
      ...firstOf(problems, "li", ({ line, text }) => {
        const too = reported.find((one) => one.line === line)?.text;
        const silent = line <= this.#read && this.#reported.every((one) => one.line !== line);
        const more = too ?? (silent ? "the guest's loader says nothing of it" : "");
        return h("li", { class: "note bad" }, `Line ${line}: ${[text, more].filter(Boolean).join("; ")}`);
      }),
    );
    this.#text.setAttribute("aria-invalid", String(bad.size > 0));
    this.#scrolled();
  }

  #scrolled(): void {
    this.#numbers.scrollTop = this.#text.scrollTop;
  }

  #explain(): void {
    const { name, whole } = nameAt(this.#text.value, this.#text.selectionStart);
    const about = whole === "" ? undefined : explain(whole);
    this.#about.textContent = about === undefined ? printable(this.#note) : `${whole}: ${about}.`;
    const offered = name.length >= 2 && about === undefined ? completions(name, OFFERED) : [];
    this.#offers.replaceChildren(
      ...offered.map((key) => button(key.name, () => this.#complete(key.name, key.example), { title: key.about })),
    );
  }

  #key(event: KeyboardEvent): void {
    if (!(event.ctrlKey && event.code === "Space")) return;
    event.preventDefault();
    const { name } = nameAt(this.#text.value, this.#text.selectionStart);
    const [key] = completions(name, 1);
    if (key !== undefined) this.#complete(key.name, key.example);
  }

  #complete(name: string, example: string): void {
    if (this.#text.readOnly) return;
    const { start, whole } = nameAt(this.#text.value, this.#text.selectionStart);
    const rest = this.#text.value.slice(start + whole.length).split("\n", 1)[0]!;
    const text = rest.trimStart().startsWith("=") ? name : `${name}="${example}"`;
    this.#text.focus();
    this.#text.setRangeText(text, start, start + whole.length, "end");
    if (text !== name) this.#text.setSelectionRange(start + name.length + 2, start + text.length - 1);
    this.#changed();
  }

  #revert(): void {
    this.guest.lay(this.#path, undefined);
    void this.show(this.#path);
  }

  /** Boots without keys or waiting, and looks what the scripts print of this file's lines. */
  async #ask(): Promise<void> {
    const text = this.#text.value;
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    this.#check.disabled = true;
    this.#about.textContent = "The guest's loader reads it…";
    try {
      const console = new ShortConsole();
      const { measure: _not, ...options } = await this.guest.bootOptions();
      const result = await boot({ ...options, console, clock: "virtual", limits: { wallMs: CHECK_MS }, signal });
      result.release();
      if (signal.aborted || this.#text.value !== text) return;
      this.#reported = reportedLines(console.text, text, LOADER_CONF);
      const entered = result.reason === "exec";
      const stop = this.#reported.find(({ last }) => last)?.line;
      this.#read = stop ?? (entered ? Number.POSITIVE_INFINITY : 0);
      this.#mark();
      this.#about.textContent = saidOf(this.#reported.length, stop, entered);
    } catch (error) {
      if (!signal.aborted) this.#about.textContent = shown(error instanceof Error ? error.message : String(error));
    } finally {
      this.#check.disabled = false;
    }
  }
}

/** Keeps the beginning of what a guest prints: one that prints without end says nothing of its files. */
class ShortConsole extends BufferConsole {
  override write(bytes: Uint8Array): void {
    if (this.output.length < PRINTED_MAX) super.write(bytes);
  }
}

/** What the guest's loader said of the file, in a sentence. */
function saidOf(refused: number, stop: number | undefined, entered: boolean): string {
  if (stop !== undefined)
    return `The guest's loader reads no further than line ${stop}: what is below counts for nothing.`;
  if (refused > 0) return `The guest's loader refuses ${refused} line(s).`;
  if (entered) return "The guest's loader has nothing to say against it.";
  return "The guest's loader names no line, but without keys it gets to no kernel: boot, and see what it says.";
}
