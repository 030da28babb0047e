// DragonFly's menu: lines with a key each, the commands behind them, and a countdown to the first one. `menuclear` empties
// it, `menuitem KEY CAPTION` adds a line, `menuadd COMMAND...` a command to the line added last, `menu` shows it.

import { getchar, ischar, time } from "../../console/console";
import { getenv, setenv } from "../../environment/variables";
import { Ascii } from "../../lib/ascii";
import { burn } from "../../lib/fault";
import { CMD_OK, commandError, failCommand } from "../../lib/outcome";
import { print } from "../../lib/output";
import { scanInteger } from "../../lib/text";

const DEFAULT_SECONDS: i64 = 10;
const DAY_SECONDS: i64 = 86400;
/** The line that Enter and the countdown choose. */
const FIRST: i32 = 0x31;
/** Characters of a caption that are shown. */
const CAPTION_SIZE: i32 = 38;
/** Menus that commands of menus may open. */
const DEPTH_LIMIT: i32 = 8;
/** Commands of a line; a menu is no program. */
const COMMANDS_LIMIT: i32 = 1024;

/** Who runs the commands. */
export abstract class Runner {
  /** Runs one. Returns CMD_*; leaves the reason in `commandError`. */
  abstract perform(argv: string[]): i32;
}

class Item {
  readonly commands: string[][] = [];
  constructor(
    readonly key: i32,
    readonly caption: string,
  ) {}
}

/** The menu, empty at first. */
export class DragonflyMenu {
  private items: Item[] = [];
  private depth: i32 = 0;

  /** Runs one of the menu's commands. Returns CMD_*, or -1 when it is none. */
  perform(runner: Runner, argv: string[]): i32 {
    if (argv[0] == "menuclear") {
      this.items = [];
      return CMD_OK;
    }
    if (argv[0] == "menuitem") return this.addItem(argv);
    if (argv[0] == "menuadd") return this.addCommand(argv.slice(1));
    return argv[0] == "menu" ? this.run(runner) : -1;
  }

  private addItem(argv: string[]): i32 {
    if (argv.length != 3) return failCommand("Bad menuitem syntax");
    const item = new Item(argv[1].charCodeAt(0), argv[2]);
    for (let i = 0; i < this.items.length; i++) {
      if (this.items[i].key != item.key) continue;
      this.items[i] = item;
      this.items.push(this.items.splice(i, 1)[0]);
      return CMD_OK;
    }
    this.items.push(item);
    return CMD_OK;
  }

  private addCommand(words: string[]): i32 {
    if (words.length == 0) return CMD_OK;
    if (this.items.length == 0) return failCommand("Missing menuitem for menuadd");
    const commands = this.items[this.items.length - 1].commands;
    if (commands.length == COMMANDS_LIMIT) return failCommand("too many commands for a menuitem");
    commands.push(words);
    return CMD_OK;
  }

  private run(runner: Runner): i32 {
    if (this.depth == DEPTH_LIMIT) return failCommand("menus nested too deeply");
    print("\n");
    for (let i = 0; i < this.items.length; i++) {
      const caption = this.items[i].caption.substring(0, CAPTION_SIZE);
      print(` ${String.fromCharCode(this.items[i].key)}. ${caption}\n`);
    }
    const key = this.choose();
    if (key == Ascii.ESCAPE) {
      setenv("autoboot_delay", "NO");
      return CMD_OK;
    }
    this.depth++;
    const result = this.execute(runner, key);
    this.depth--;
    return result;
  }

  /** Counts down, waiting for a key of the menu. */
  private choose(): i32 {
    const target = time() + secondsToWait();
    let counting = true;
    let last: i64 = 0;
    while (true) {
      burn(1);
      if (ischar()) {
        const key = getchar();
        if (key == Ascii.RETURN || key == Ascii.NEWLINE) return FIRST;
        if (key == Ascii.ESCAPE || this.find(key) !== null) return key;
        if (key == Ascii.SPACE && counting) {
          print("\rCountdown halted by space   ");
          counting = false;
        }
      }
      const now = time();
      if (!counting || now == last) continue;
      last = now;
      const left = target - now;
      print(`\rBooting in ${left} second${left == 1 ? "" : "s"}... `);
      if (left <= 0) return FIRST;
    }
  }

  private find(key: i32): Item | null {
    for (let i = 0; i < this.items.length; i++) if (this.items[i].key == key) return this.items[i];
    return null;
  }

  /** Runs what is behind `key`, until something fails. Unless that boots, the prompt follows. */
  private execute(runner: Runner, key: i32): i32 {
    print("\n");
    setenv("autoboot_delay", "NO");
    const item = this.find(key);
    if (item === null) return failCommand("no such line in the menu");
    const commands = item.commands;
    for (let i = 0; i < commands.length; i++) {
      const argv = commands[i].slice();
      const result = runner.perform(argv);
      if (result == CMD_OK) continue;
      print(`${argv[0]}: ${commandError}\n`);
      return result;
    }
    return CMD_OK;
  }
}

function secondsToWait(): i64 {
  const delay = getenv("autoboot_delay");
  const seconds = delay === null ? 0 : scanInteger(delay).value;
  return seconds <= 0 ? DEFAULT_SECONDS : min(seconds, DAY_SECONDS);
}
