// Elements as the editor's views make them. All texts go in as text, never as markup: most are a guest's.

import { printable } from "../text.js";

/** What can stand in an element; what isn't there is left out. */
export type Child = Node | string | undefined | false;

/** Attributes (true for those without a value), and what is called for events, by names that begin with "on". */
export type Attributes = Readonly<Record<string, string | number | boolean | undefined | ((event: Event) => void)>>;

/** An element with what is in it. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  return furnish(document.createElement(tag), attributes, children);
}

/** The same for drawings. */
export function svg(tag: string, attributes: Attributes = {}, ...children: readonly Child[]): SVGElement {
  return furnish(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function furnish<E extends Element>(element: E, attributes: Attributes, children: readonly Child[]): E {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.filter((child) => child !== undefined && child !== false));
  return element;
}

/**
 * Puts `children` into `parent`. What is there already and the same stays: a click on it may have begun, when leaving a field that
 * was changed is what draws anew.
 */
export function renew(parent: Element, children: readonly Node[]): void {
  const before = parent.childNodes;
  if (before.length === children.length && children.every((child, at) => child.isEqualNode(before[at]!))) return;
  parent.replaceChildren(...children);
}

/** Characters of one text that are shown. */
const TEXT_MAX = 4096;

/** A text of a guest's: nothing in it acts, and of a long one the beginning is enough. */
export function shown(text: string): string {
  const inert = printable(text);
  return inert.length > TEXT_MAX ? `${inert.slice(0, TEXT_MAX).replace(/\p{Cs}$/u, "")}…` : inert;
}

/** Elements of one list that are shown: a browser needs seconds for the tens of thousands that a guest can have. */
export const ROWS_MAX = 1000;

/** Those of a list: rows of lines and buttons take longer than a table's. */
const LIST_MAX = 500;

/** Elements for the first of `items`, and one of `tag` that tells how many aren't shown. */
export function firstOf<T>(items: readonly T[], tag: "li" | "p", make: (item: T) => HTMLElement): HTMLElement[] {
  const rest = items.length - LIST_MAX;
  const rows = items.slice(0, LIST_MAX).map(make);
  return rest > 0 ? [...rows, h(tag, { class: "soft" }, moreText(rest))] : rows;
}

/** Lines of one text that are shown: a browser lays out some thousand in the time in which nothing is felt. */
export const LINES_MAX = 2000;

/** The beginning of `text`, of at most so many characters and `LINES_MAX` lines. */
export function beginningOf(text: string, most: number): string {
  let end = 0;
  for (let lines = 0; lines < LINES_MAX; lines++) {
    const next = text.indexOf("\n", end);
    if (next < 0 || next >= most) return text.slice(0, most);
    end = next + 1;
  }
  return text.slice(0, end);
}

/** The end of `text`, of at most so many characters and `LINES_MAX` lines. */
export function endOf(text: string, most: number): string {
  let start = text.length;
  for (let lines = 0; lines < LINES_MAX; lines++) {
    const before = start === 0 ? -1 : text.lastIndexOf("\n", start - 1);
    if (before < 0 || before < text.length - most) return text.slice(-most);
    start = before;
  }
  return text.slice(start + 1);
}

const moreText = (count: number) => `${count} more aren't shown.`;

/** The same in the type of programs. */
export const code = (text: string): HTMLElement => h("code", {}, shown(text));

/** A table with a head; each item's cells are texts or elements. */
export function table<T>(
  caption: string,
  head: readonly string[],
  items: readonly T[],
  cellsOf: (item: T) => readonly Child[],
): HTMLElement {
  const headings = head.map((text) => h("th", { scope: "col" }, text));
  const body = items.slice(0, ROWS_MAX).map((item) => h("tr", {}, ...cellsOf(item).map((cell) => h("td", {}, cell))));
  const rest = items.length - body.length;
  if (rest > 0) body.push(h("tr", {}, h("td", { colspan: head.length, class: "soft" }, moreText(rest))));
  const whole = h("table", {}, h("thead", {}, h("tr", {}, ...headings)), h("tbody", {}, ...body));
  // What is wider than its place scrolls there, by keys too.
  return h("div", { class: "scroll", role: "region", "aria-label": caption, tabindex: 0 }, whole);
}

/** A button that does `action`; what it fails with goes to `onError`. */
export function button(text: string, action: () => unknown, attributes: Attributes = {}): HTMLButtonElement {
  return h("button", { type: "button", ...attributes, onclick: () => void action() }, text);
}

/** A field with its name above it. */
export function field(label: string, control: HTMLElement, hint?: string): HTMLElement {
  return h("label", { class: "field" }, h("span", {}, label), control, hint !== undefined && h("small", {}, hint));
}

/** A choice of `values`, each with its text. */
export function choice(
  values: readonly (readonly [value: string, text: string])[],
  chosen: string,
  onChange: (value: string) => void,
  attributes: Attributes = {},
): HTMLSelectElement {
  const options = values
    .slice(0, ROWS_MAX)
    .map(([value, text]) => h("option", { value, selected: value === chosen }, shown(text)));
  return h(
    "select",
    { ...attributes, onchange: ({ target }) => onChange((target as HTMLSelectElement).value) },
    ...options,
  );
}

/** Hands `content` to the person as a file. */
export function download(name: string, content: Blob): void {
  const url = URL.createObjectURL(content);
  const link = h("a", { href: url, download: name.replace(/[^\w.+-]+/g, "_") });
  link.click();
  // The browser has begun to read it by then.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
