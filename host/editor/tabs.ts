// Tabs as the ARIA practices have them: arrows go from one to the next, Tab goes into the panel.

import { h } from "./dom.js";

/** A tab: its name, what is in it, and what is to be done when it is shown. */
export interface Tab {
  /** Short, also of its id. */
  name: string;
  /** Its panel's content. */
  content: HTMLElement;
  /** Called whenever it comes to be shown. */
  onShow?: () => void;
}

/** A row of tabs and the panel of the one that is chosen. */
export class Tabs {
  readonly #tabs: readonly { tab: Tab; head: HTMLButtonElement; panel: HTMLElement }[];
  #chosen = "";
  /** The row and the panels. */
  readonly elements: readonly HTMLElement[];

  constructor(label: string, tabs: readonly Tab[]) {
    this.#tabs = tabs.map((tab) => {
      const id = tab.name.toLowerCase().replace(/\W/g, "-");
      const head = h(
        "button",
        {
          type: "button",
          ...{ role: "tab", id: `tab-${id}`, "aria-controls": `panel-${id}` },
          onclick: () => this.show(tab.name),
          onkeydown: (event) => this.#walk(event as KeyboardEvent),
        },
        tab.name,
      );
      const panel = h(
        "div",
        { role: "tabpanel", id: `panel-${id}`, "aria-labelledby": `tab-${id}`, tabindex: -1 },
        tab.content,
      );
      return { tab, head, panel };
    });
    const row = h("div", { role: "tablist", "aria-label": label }, ...this.#tabs.map(({ head }) => head));
    this.elements = [row, ...this.#tabs.map(({ panel }) => panel)];
    this.show(tabs[0]!.name);
  }

  /** The one that is shown. */
  get chosen(): string {
    return this.#chosen;
  }

  /** Shows the tab of that name. */
  show(name: string): void {
    const before = this.#chosen;
    this.#chosen = name;
    for (const { tab, head, panel } of this.#tabs) {
      const is = tab.name === name;
      head.setAttribute("aria-selected", String(is));
      head.tabIndex = is ? 0 : -1;
      panel.hidden = !is;
      if (is && before !== name) tab.onShow?.();
    }
  }

  /** Puts the keys to the tab of that name. */
  focus(name: string): void {
    this.#tabs.find(({ tab }) => tab.name === name)?.head.focus();
  }

  #walk(event: KeyboardEvent): void {
    const at = this.#tabs.findIndex(({ tab }) => tab.name === this.#chosen);
    const last = this.#tabs.length - 1;
    const steps: Record<string, number> = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: last };
    const to = steps[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const { tab, head } = this.#tabs[to > last ? 0 : to < 0 ? last : to]!;
    this.show(tab.name);
    head.focus();
  }
}
