// What DragonFly's loader adds to the simple language: variables of its own, conditions, a current directory, and a menu
// (dragonfly_menu.ts). Its scripts are dloader.rc and what that includes, in /boot, or in / where /boot is a file system
// of its own.

import { performCommand } from "../../boot/commands";
import { interpreter } from "../../boot/interpreter";
import { delay } from "../../console/console";
import { closePager, openPager, page } from "../../console/pager";
import { getenv, setenv } from "../../environment/variables";
import { stat } from "../../files/files";
import { S_IFDIR, S_IFMT } from "../../fs/file_system";
import { burn } from "../../lib/fault";
import { CMD_OK, failCommand, failDetailed } from "../../lib/outcome";
import { print } from "../../lib/output";
import { scanInteger } from "../../lib/text";
import { DragonflyMenu, Runner } from "./dragonfly_menu";

/** Conditions inside each other. */
const CONDITIONS_LIMIT: i32 = 31;

/** Variables of the loader's that are the kernel's, too; so are all with a point in their names. */
const SHARED: string[] = (
  "LINES acpi_load autoboot_delay boot_askname boot_cdrom boot_ddb boot_gdb boot_serial boot_single boot_verbose " +
  "boot_vidcons bootfile console currdev default_kernel dumpdev ehci_load interpret init_chroot init_path " +
  "kernel_options kernelname loaddev local_modules module_path num_ide_disks prompt rootdev root_disk_unit xhci_load"
).split(" ");

/** How long what can't be loaded is shown. */
const SEEN_USEC: i32 = 1000000;

const LOAD_SUFFIX = "_load";

/** A variable of the loader's own: words. */
export class Local {
  constructor(
    readonly name: string,
    public words: string[],
  ) {}
}

class Condition {
  constructor(
    /** Whether what is around it runs; false as well once a branch has run. */
    public around: bool,
    public holds: bool,
  ) {}
}

function isYes(text: string): bool {
  return text == "yes" || text == "YES";
}

/** The loader's state, and its commands. */
export class Dragonfly extends Runner {
  readonly locals: Local[] = [];
  private readonly conditions: Condition[] = [];
  private readonly menu: DragonflyMenu = new DragonflyMenu();
  /** Whether commands run that aren't conditions. */
  private runs: bool = true;

  /** Where relative paths begin: a path that ends with a slash. */
  private directory: string;

  constructor(script: string) {
    super();
    this.directory = script.substring(0, script.lastIndexOf("/") + 1);
    setenv("base", this.directory);
  }

  /** `path`, from the current directory on. */
  absolute(path: string): string {
    return path.startsWith("/") ? path : this.directory + path;
  }

  // ---- variables -------------------------------------------------------------------------------------------

  get(name: string): string[] | null {
    for (let i = 0; i < this.locals.length; i++) if (this.locals[i].name == name) return this.locals[i].words;
    return null;
  }

  set(name: string, words: string[]): void {
    burn(this.locals.length);
    for (let i = 0; i < this.locals.length; i++) {
      if (this.locals[i].name != name) continue;
      this.locals[i].words = words;
      return;
    }
    this.locals.push(new Local(name, words));
  }

  /** Removes a variable, or all whose names begin with what is before a star. */
  unset(name: string): void {
    burn(this.locals.length);
    const star = name.indexOf("*");
    const start = star < 0 ? name : name.substring(0, star);
    for (let i = this.locals.length - 1; i >= 0; i--) {
      const found = this.locals[i].name;
      if (star < 0 ? found == name : found.startsWith(start)) this.locals.splice(i, 1);
    }
  }

  private assign(assignment: string): i32 {
    const at = assignment.indexOf("=");
    const name = assignment.substring(0, at);
    const value = assignment.substring(at + 1);
    if (value.length > 0) this.set(name, [value]);
    else this.unset(name);
    if (name.includes(".") || SHARED.includes(name)) setenv(name, value);
    return CMD_OK;
  }

  private list(prefixes: string[]): i32 {
    openPager();
    for (let i = 0; i < this.locals.length; i++) {
      const local = this.locals[i];
      let wanted = prefixes.length == 0;
      for (let j = 0; j < prefixes.length; j++) wanted = wanted || local.name.startsWith(prefixes[j]);
      if (wanted && page(`${local.name}="${local.words.join('","')}"\n`)) break;
    }
    closePager();
    return CMD_OK;
  }

  private unsetIf(argv: string[]): i32 {
    if (argv.length != 3) return failCommand("syntax error use lunsetif lname envname");
    const value = getenv(argv[2]);
    if (value !== null && (isYes(value) || scanInteger(value).value != 0)) this.unset(argv[1]);
    return CMD_OK;
  }

  // ---- conditions ------------------------------------------------------------------------------------------

  private exists(path: string): bool {
    return stat(this.absolute(path)) !== null;
  }

  private begin(argv: string[], holds: bool): i32 {
    if (argv.length != 2) return failDetailed(`${argv[0]} requires one argument`);
    if (this.conditions.length == CONDITIONS_LIMIT) return failCommand("if stack too deep");
    this.conditions.push(new Condition(this.runs, holds));
    return this.look();
  }

  private look(): i32 {
    const depth = this.conditions.length;
    this.runs = depth == 0 || (this.conditions[depth - 1].around && this.conditions[depth - 1].holds);
    return CMD_OK;
  }

  private elseIf(argv: string[]): i32 {
    if (argv.length != 2) return failDetailed(`${argv[0]} requires one argument`);
    const condition = this.conditions[this.conditions.length - 1];
    if (condition.holds) condition.around = false;
    condition.holds = condition.around && this.exists(argv[1]);
    return this.look();
  }

  private otherwise(): i32 {
    const condition = this.conditions[this.conditions.length - 1];
    condition.holds = !condition.holds;
    return this.look();
  }

  // ---- files -----------------------------------------------------------------------------------------------

  private change(argv: string[]): i32 {
    if (argv.length > 2) return failDetailed(`usage: ${argv[0]} [<directory>]`);
    const base = getenv("base");
    const wanted = this.absolute(argv.length == 2 ? argv[1] : base === null ? "/" : base);
    const status = stat(wanted);
    if (status === null || (status.mode & S_IFMT) != S_IFDIR) return failCommand("Unable to find directory");
    const steps: string[] = [];
    const parts = wanted.split("/");
    for (let i = 0; i < parts.length; i++) {
      if (parts[i] == "..") steps.length = max(steps.length - 1, 0);
      else if (parts[i].length > 0 && parts[i] != ".") steps.push(parts[i]);
    }
    this.directory = steps.length == 0 ? "/" : `/${steps.join("/")}/`;
    return CMD_OK;
  }

  /** Runs the scripts one after the other; what fails doesn't count. */
  private includeAll(paths: string[]): i32 {
    for (let i = 1; i < paths.length; i++) interpreter().include(paths[i]);
    return CMD_OK;
  }

  /** The file that is meant by `name`: here, or where `module_path` says, with or without the ending of modules. */
  private findFile(name: string): string {
    const path = getenv("module_path");
    const places = path === null ? [""] : path.split(";");
    for (let i = 0; i < places.length; i++) {
      const place = places[i].length == 0 || places[i].endsWith("/") ? places[i] : `${places[i]}/`;
      const file = this.absolute(place + name);
      if (isFile(file)) return file;
      if (isFile(`${file}.ko`)) return `${file}.ko`;
    }
    return this.absolute(name);
  }

  /** `load [-t TYPE] FILE ...`, with the file looked for from the current directory. */
  private load(argv: string[]): i32 {
    const at = argv.length > 2 && argv[1] == "-t" ? 3 : 1;
    if (argv.length > at) argv[at] = this.findFile(argv[at]);
    return performCommand(argv);
  }

  /** Loads the kernel, and what variables `NAME_load` ask for: the file `NAME_name` as `NAME_type`, if there are those. */
  private loadAll(): i32 {
    performCommand(["unload"]);
    const named = getenv("kernelname");
    const kernel = named === null ? "kernel" : named;
    const options = getenv("kernel_options");
    const result = this.load(options === null ? ["load", kernel] : ["load", kernel, options]);
    if (result != CMD_OK) {
      print(`Unable to load ${this.directory}${kernel}\n`);
      return result;
    }
    for (let i = 0; i < this.locals.length; i++) {
      const local = this.locals[i];
      if (!local.name.endsWith(LOAD_SUFFIX) || !isYes(local.words[0])) continue;
      const module = local.name.substring(0, local.name.length - LOAD_SUFFIX.length);
      if (module.length > 0) this.loadWanted(module);
    }
    return CMD_OK;
  }

  private loadWanted(module: string): void {
    const file = this.get(`${module}_name`);
    const type = this.get(`${module}_type`);
    const name = file === null ? module : file[0];
    if (this.load(type === null ? ["load", name] : ["load", "-t", type[0], name]) == CMD_OK) return;
    print(`Unable to load ${this.directory}${name}\n`);
    delay(SEEN_USEC);
  }

  // ---- commands --------------------------------------------------------------------------------------------

  /** Runs a command. Returns CMD_*; leaves the reason in `commandError`. */
  perform(argv: string[]): i32 {
    const name = argv[0];
    if (name == "ifexists") return this.begin(argv, argv.length == 2 && this.exists(argv[1]));
    if (name == "ifset") return this.begin(argv, argv.length == 2 && getenv(argv[1]) !== null);
    if (name == "elseifexists" || name == "else" || name == "endif") {
      if (this.conditions.length == 0) return failDetailed(`${name} without if`);
      if (name == "elseifexists") return this.elseIf(argv);
      if (name == "else") return this.otherwise();
      this.conditions.pop();
      return this.look();
    }
    return this.runs ? this.performOwn(name, argv) : CMD_OK;
  }

  private performOwn(name: string, argv: string[]): i32 {
    if (name.includes("=")) return this.assign(name);
    if (name == "local") return this.list(argv.slice(1));
    if (name == "lunset") {
      for (let i = 1; i < argv.length; i++) this.unset(argv[i]);
      return CMD_OK;
    }
    if (name == "lunsetif") return this.unsetIf(argv);
    if (name == "cd") return this.change(argv);
    if (name == "optcd") {
      this.change(argv);
      return CMD_OK;
    }
    if (name == "pwd") {
      print(`${this.directory}\n`);
      return CMD_OK;
    }
    if (name == "optinclude") return this.includeAll(argv);
    // There, what isn't set can be unset.
    if (name == "unset" && argv.length == 2 && getenv(argv[1]) === null) return CMD_OK;
    if (name == "load") return this.load(argv);
    if (name == "loadall") return this.loadAll();
    if (name.startsWith("menu")) {
      const result = this.menu.perform(this, argv);
      if (result >= 0) return result;
    }
    return performCommand(argv);
  }
}

function isFile(path: string): bool {
  const status = stat(path);
  return status !== null && (status.mode & S_IFMT) != S_IFDIR;
}

/** `line` without the comment at its end. */
export function withoutComment(line: string): string {
  let quote = 0;
  for (let i = 0; i < line.length; i++) {
    const c = line.charCodeAt(i);
    if (c == 0x22 || c == 0x27) quote = quote == 0 ? c : 0;
    else if (c == 0x5c) i++;
    else if (c == 0x23 && quote == 0) return line.substring(0, i);
  }
  return line;
}
