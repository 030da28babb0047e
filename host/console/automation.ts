// A console that answers for somebody: it watches the output of the console it wraps for what an operator
// expects, and types the answer. Menus are found by the text of their entries.

import type { Clock } from "../clock.js";
import type { MaybePromise } from "../maybe.js";
import type { ConsoleRule, MenuRule } from "../policy/hooks.js";
import type { Console } from "./console.js";

/** Characters of output that are kept to look for a text in. */
const WINDOW = 16 * 1024;

/** Cursor movement and other control sequences (ECMA-48). Those that move the cursor separate texts. */
const MOVES = /\x1b\[[0-9;]*[A-HJKfsu]/g;
const SEQUENCES = /\x1b\[[0-9;?]*[a-zA-Z]|\x1b[()][A-Z0-9]/g;

/** What a terminal would show of `text`, roughly: one line a cursor position. */
function shown(text: string): string {
  return text
    .replace(MOVES, "\n")
    .replace(SEQUENCES, "")
    .replace(/[|/\\-]\x08/g, "");
}

function isMenu(rule: ConsoleRule | MenuRule): rule is MenuRule {
  return "menu" in rule;
}

/** Another console, with somebody at it who follows rules; its own keys come behind those that rules type. */
export class AutomationConsole implements Console {
  readonly #inner: Console;
  readonly #rules: (ConsoleRule | MenuRule)[];
  #seen = "";
  #keys = "";

  /** Rules fire in order, each once. `inner` is borrowed. */
  constructor(inner: Console, rules: readonly (ConsoleRule | MenuRule)[]) {
    this.#inner = inner;
    this.#rules = [...rules];
  }

  /** Rules that have not fired yet. */
  get waiting(): number {
    return this.#rules.length;
  }

  write(bytes: Uint8Array): void {
    this.#inner.write(bytes);
    if (this.#rules.length === 0) return;
    for (const byte of bytes) this.#seen += String.fromCharCode(byte);
    if (this.#seen.length > WINDOW) this.#seen = this.#seen.slice(-WINDOW);
  }

  poll(clock: Clock): MaybePromise<boolean> {
    this.#answer();
    return this.#keys.length > 0 || (this.#inner.poll?.(clock) ?? false);
  }

  /** Rules fire after output only, and what is typed is waiting then. */
  ended(): boolean {
    return this.#keys.length === 0 && (this.#inner.ended?.() ?? false);
  }

  getc(clock: Clock): MaybePromise<number | undefined> {
    this.#answer();
    if (this.#keys.length === 0) return this.#inner.getc?.(clock);
    const key = this.#keys.charCodeAt(0) & 0xff;
    this.#keys = this.#keys.slice(1);
    return key;
  }

  /** Looks for the next rule's text. Done when the guest wants a key, since only then a key can matter. */
  #answer(): void {
    while (this.#rules.length > 0 && this.#seen.length > 0) {
      const rule = this.#rules[0]!;
      const screen = shown(this.#seen);
      if (isMenu(rule)) {
        const key = menuKey(screen, rule.menu);
        if (key === undefined) return;
        this.#keys += key;
        this.#seen = "";
      } else {
        const at = screen.indexOf(rule.expect);
        if (at < 0) return;
        this.#keys += rule.send;
        this.#seen = screen.slice(at + rule.expect.length);
      }
      this.#rules.shift();
    }
  }
}

/** `console` under `rules`, if there are any. */
export function automated(console: Console, rules: readonly (ConsoleRule | MenuRule)[] = []): Console {
  return rules.length > 0 ? new AutomationConsole(console, rules) : console;
}

/** The key shown before the menu entry that contains `text` (case ignored): `2. Boot Single user`. */
function menuKey(screen: string, text: string): string | undefined {
  const wanted = text.toLowerCase();
  for (const line of screen.split(/[\r\n]+/).reverse()) {
    const entry = /^\s*(\S)[.)] (.*)$/.exec(line);
    if (entry?.[2]?.toLowerCase().includes(wanted)) return entry[1];
  }
  return undefined;
}
